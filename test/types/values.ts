/**
 * Values of TypeBox schemas: objects are read field by field, and have to be what TypeBox reads
 * itself. Checked by `tsc`, never run.
 */
import type { TObject, TSchema } from "@sinclair/typebox";
import { get, type Static, t } from "../../src/index.ts";
import type { Sent, TypeBoxSchema, Validated } from "../../src/schema/types.ts";
import type { Equal } from "./_same.ts";

/** One at a time: in a union a wrong one would hide behind the others. */
const agrees = <T extends TSchema>(
  _schema: T,
  ..._proof: [Equal<Validated<T, never>, Static<T>>, Equal<Sent<T, never>, Static<T>>] extends [
    true,
    true,
  ]
    ? []
    : [never]
): void => {};

const Colour = { red: 0, blue: "blue" } as const;
const Plain = t.Object({ id: t.Integer(), at: t.Date(), tags: t.Array(t.String()) });
const Partly = t.Object({ id: t.Integer(), name: t.Optional(t.String()) });
const Node = t.Recursive((This) => t.Object({ id: t.Integer(), nodes: t.Array(This) }));
const Parts = t.Module({
  Leaf: t.Object({ id: t.Integer() }),
  Tree: t.Object({ leaf: t.Ref("Leaf"), leaves: t.Array(t.Ref("Leaf")) }),
});

agrees(Plain);
agrees(Partly);
agrees(Node);
agrees(Parts.Import("Tree"));
agrees(t.Object({}));
agrees(t.Object({ one: Plain, other: Partly, node: Node, list: t.Array(Partly) }));
agrees(t.Object({ deep: t.Object({ deeper: t.Object({ id: t.Optional(t.Integer()) }) }) }));
agrees(t.Object({ id: t.Readonly(t.Integer()), name: t.String() }));
agrees(t.Object({ id: t.ReadonlyOptional(t.Integer()), other: t.Optional(Plain) }));
agrees(t.Object({ id: t.Optional(t.Readonly(t.Integer())), name: t.Readonly(t.Array(Plain)) }));
agrees(t.Object({ a: t.Literal("a"), b: t.Union([t.Null(), Plain]), c: t.Undefined() }));
agrees(t.Object({ any: t.Any(), unknown: t.Unknown(), never: t.Never(), bytes: t.Uint8Array() }));
agrees(t.Object({ colour: t.Enum(Colour), pair: t.Tuple([t.Integer(), Plain]) }));
agrees(t.Object({ record: t.Record(t.String(), Plain), of: t.Unsafe<Map<string, number>>({}) }));
agrees(
  t.Object({
    url: t.TemplateLiteral([t.Literal("/"), t.String()]),
    both: t.Intersect([Plain, Partly]),
  }),
);
agrees(t.Object({ 7: t.Integer(), "a-b": t.String() }, { additionalProperties: false }));
agrees(t.Object({ id: t.Integer() }, { additionalProperties: t.String() }));
agrees(t.Optional(Plain));
agrees(t.Readonly(Plain));
agrees(t.Partial(Plain));
agrees(t.Required(Partly));
agrees(t.Pick(Plain, ["id"]));
agrees(t.Omit(Partly, ["id"]));
agrees(t.Composite([Plain, Partly]));
agrees(t.Const({ id: 7, list: [1, 2], deep: { name: "a" } }));
agrees(t.Mapped(t.Union([t.Literal("a"), t.Literal("b")]), () => t.Integer()));
agrees(t.Array(Plain));
agrees(t.Union([Plain, Partly]));
agrees(t.Intersect([Plain, Partly]));
agrees(t.Record(t.String(), Partly));
agrees({} as TSchema);
agrees({} as TObject);

/** A schema of another copy of the library, whose symbols are not ours. */
interface Foreign extends TypeBoxSchema {
  readonly static: { id: number; name?: string };
  readonly type: "object";
  readonly properties: { id: TypeBoxSchema; name: TypeBoxSchema };
}
get("/:id", { params: {} as Foreign }, ({ params }) => {
  const told: Equal<typeof params, { id: number; name?: string }> = true;
  return told;
});

/** A schema that a function takes is read when it is known. */
export const page = <T extends TSchema>(items: T) =>
  t.Object({ items: t.Array(items), next: t.Optional(t.Integer()) });
agrees(page(Plain));
export const only = <T extends TSchema>(item: T) => t.Object({ item });
agrees(only(Partly));
