/** Routes whose handlers may give null or nothing where a schema describes the answer. */
import * as z from "zod";
import { type RoutesOf, route, t } from "../../src/index.ts";

const Found = t.Object({ id: t.Integer() });
const NullOr = t.Union([t.Null(), Found]);
const UndefinedOr = t.Union([Found, t.Undefined()]);

export const absent = {
  nullable: route.get("/nullable", { response: NullOr }, () => null),
  nullableBy: route.get("/by", { response: { 200: NullOr, 404: Found } }, () => null),
  nullableWith: route.get("/with", { response: { 200: NullOr, 204: null } }, () => null),
  undefinedOr: route.get("/undefined", { response: UndefinedOr }, () => undefined),
  undefinedBy: route.get("/undefined-by", { response: { 200: UndefinedOr } }, () => undefined),
  both: route.get("/both", { response: t.Union([NullOr, t.Undefined()]) }, () => undefined),
  nothing: route.get("/nothing", { response: t.Undefined() }, () => undefined),
  nothingBy: route.get("/nothing-by", { response: { 200: t.Void() } }, () => undefined),
  onlyNull: route.get("/null", { response: t.Null() }, () => null),
  onlyNullBy: route.get("/null-by", { response: { 200: t.Null() } }, () => null),
  bodiless: route.get("/bodiless", { response: { 200: null } }, () => null),
  zodNull: route.get("/zod/null", { response: z.object({ id: z.int() }).nullable() }, () => null),
  zodNone: route.get("/zod/none", { response: z.object({ id: z.int() }).optional() }, () => {}),
  zodDefault: route.get("/zod/default", { response: z.int().default(1) }, () => undefined),
};

/** Those that are never answered with 204, or of which nothing is known. */
export const present = {
  one: route.get("/one", { response: Found }, () => ({ id: 1 })),
  oneBy: route.get("/one-by", { response: { 200: Found, 409: NullOr } }, () => ({ id: 1 })),
  created: route.get("/created", { response: { 201: NullOr } }, (ctx) => ctx.json(null, 201)),
  optional: route.get("/optional", { response: t.Optional(Found) }, () => ({ id: 1 })),
  unknown: route.get("/unknown", { response: { 200: t.Unknown() } }, () => 1),
};

export type Absent = RoutesOf<typeof absent>;
export type Present = RoutesOf<typeof present>;
