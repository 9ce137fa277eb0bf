/** The builder of TypeBox, as one module that `builder.ts` can wait with. */
export { Type } from "@sinclair/typebox";
