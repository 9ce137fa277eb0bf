/** A name for each request, by which its traces are found again. */
import { isToken } from "../answer-fields.ts";
import type { AnyMiddleware } from "./support/middleware.ts";
import { checkOptions, invalidOption } from "./support/options.ts";

/** Options of `requestId`. */
export interface RequestIdOptions {
  /** Field of request and answer; X-Request-Id unless told. */
  readonly headerName?: string;
  /**
   * Which ids of clients are taken over: those of up to 128 letters, digits and `._~+/=:@-` unless
   * told, which are safe in logs and file names of most tools. False takes none.
   */
  readonly accept?: boolean | ((id: string) => boolean);
  /** Makes an id; a random UUID unless told. */
  readonly generate?: () => string;
}

/** State of `requestId`. */
export interface RequestIdState {
  requestId: string;
}

const safeId = /^[\w.~+/=:@-]{1,128}$/;

/**
 * Puts an id into `ctx.state.requestId` and into the answer: the client's, or that of a proxy in
 * front, when it is acceptable, and otherwise a new one.
 *
 * @throws ChopinError `invalid_option`.
 * @example
 * const app = new Chopin<RequestIdState>().layer(requestId());
 * app.get("/", ({ state }) => ({ id: state.requestId }));
 */
export function requestId(options: RequestIdOptions = {}): AnyMiddleware {
  checkOptions("requestId", options, ["headerName", "accept", "generate"]);
  const { headerName = "X-Request-Id", accept = true, generate = randomId } = options;
  if (typeof headerName !== "string" || !isToken(headerName)) {
    throw invalidOption("requestId", `headerName is a field name, not ${String(headerName)}`);
  }
  if (typeof accept !== "boolean" && typeof accept !== "function") {
    throw invalidOption("requestId", "accept is true, false or a function");
  }
  if (typeof generate !== "function") throw invalidOption("requestId", "generate is a function");
  const acceptable = accept === true ? (id: string) => safeId.test(id) : accept;
  return (ctx, next) => {
    const sent = acceptable === false ? undefined : ctx.header(headerName);
    const taken = sent !== undefined && acceptable !== false && acceptable(sent);
    const id = taken ? sent : generate();
    (ctx.state as RequestIdState).requestId = id;
    ctx.header(headerName, id);
    return next();
  };
}

function randomId(): string {
  return crypto.randomUUID();
}
