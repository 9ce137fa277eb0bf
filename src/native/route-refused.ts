/** What the native router says about a declaration that it does not take. */

/** Why the router refused a pattern; `program.ts` says where it was declared. */
export class RouteRefused extends Error {
  readonly code: "invalid_route" | "duplicate_route" | "conflicting_route";
  /** Handler of the route that was refused, when it shows only at commit. */
  readonly handler: number | undefined;
  /** Handler of the route that was there before. */
  readonly other: number | undefined;

  constructor(
    refused: RouteRefused["code"],
    message: string,
    handler: number | undefined,
    other: number | undefined,
  ) {
    super(message);
    this.name = "RouteRefused";
    this.code = refused;
    this.handler = handler;
    this.other = other;
  }
}
