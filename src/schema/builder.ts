/**
 * `t`, the builder of TypeBox schemas, loaded when it is first used: a program without schemas pays
 * nothing for its two hundred modules.
 */
import type { SchemaBuilder } from "./types.ts";

let loaded: SchemaBuilder | undefined;

function load(): SchemaBuilder {
  // Synchronous, and of a module of ours: asked for by its own name TypeBox would come in the form
  // of CommonJS, a second time beside the modules that the compiler imports.
  loaded ??= (require("./typebox.ts") as typeof import("./typebox.ts")).Type;
  return loaded;
}

/**
 * Builds schemas for the options of routes: all of TypeBox's `Type`.
 *
 * @example
 * const User = t.Object({ name: t.String({ minLength: 1 }), age: t.Integer({ minimum: 0 }) });
 */
export const t: SchemaBuilder = new Proxy(Object.create(null) as SchemaBuilder, {
  get: (_, name) => Reflect.get(load(), name),
  has: (_, name) => Reflect.has(load(), name),
});
