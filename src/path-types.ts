/**
 * What the compiler reads from the text of a path. Types alone: `route.ts` makes those of handlers
 * from them, `client/routes.ts` those of calls, which must not depend on anything of the server.
 */

/** Segments of a path, as a union. */
export type SegmentOf<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? Segment | SegmentOf<Rest>
  : Path;

/** `id` of `:id`, `:id?`, `:id(\d+)` and `:id(\d+)?`; `rest` of `*rest`; `*` of a bare wildcard. */
export type NameOf<Segment extends string> = Segment extends `:${infer Text}`
  ? Text extends `${infer Name}(${string}`
    ? Name
    : Text extends `${infer Name}?`
      ? Name
      : Text
  : Segment extends `*${infer Name}`
    ? Name extends ""
      ? "*"
      : Name
    : never;
