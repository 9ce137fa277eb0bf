/**
 * A WebSocket that was declared: its options, checked, and what serves it. Made by `declare.ts`;
 * `compile.ts` knows it again by the handler of its route.
 */
import { isToken } from "../answer-fields.ts";
import { wholeOption } from "../environment.ts";
import { ChopinError } from "../errors.ts";
import { limits } from "../limits.ts";
import { checkFlag, checkOptions, invalidOption } from "../middleware/support/options.ts";
import { Audience } from "./audience.ts";
import { checkOrigins, type Origins } from "./origin.ts";
import type { AnyWebSocketOptions, WebSocketHandlers, WebSocketLimits } from "./types.ts";

const handlerNames = ["open", "message", "drain", "close", "ping", "pong"] as const;
const limitNames = ["messageLimit", "backlogLimit", "idleTimeoutMs"] as const;

const known: readonly string[] = [
  ...handlerNames,
  ...limitNames,
  ...["params", "query", "headers", "cookies", "extract", "use", "name", "upgrade"],
  ...["protocols", "origins", "compression", "compressionThreshold"],
];

/** As in `compress`: what is smaller gains little, and fits into a packet anyhow. */
const compressionThresholdDefault = 1024;

export class Endpoint {
  /** The options themselves: `this` of the handlers. */
  readonly handlers: WebSocketHandlers<unknown>;
  readonly upgrade: ((ctx: never, extracted: never) => unknown) | undefined;
  readonly limits: WebSocketLimits;
  readonly protocols: readonly string[];
  readonly origins: Origins;
  readonly compresses: boolean;
  readonly compressionThreshold: number;
  /** The servers that it is part of. */
  readonly audience = new Audience();

  /** @throws ChopinError `invalid_option`. */
  constructor(path: string, options: AnyWebSocketOptions) {
    const named = `websocket ${path}`;
    checkOptions(named, options, known);
    for (const name of [...handlerNames, "upgrade"] as const) {
      const handler: unknown = options[name];
      if (handler === undefined || typeof handler === "function") continue;
      throw invalidOption(named, `${name} is a function`);
    }
    const { protocols = [], origins = "same", compression = false } = options;
    if (!Array.isArray(protocols) || !protocols.every(isToken)) {
      throw invalidOption(named, 'protocols is a list of names such as ["chat.v1"]');
    }
    checkOrigins(origins);
    this.handlers = options as unknown as WebSocketHandlers<unknown>;
    this.upgrade = options.upgrade;
    this.limits = checkLimits(options);
    this.protocols = protocols;
    this.origins = origins;
    this.compresses = checkFlag(named, "compression", compression);
    this.compressionThreshold =
      wholeOption("compressionThreshold", options.compressionThreshold, {
        least: 0,
        most: 0x7fff_ffff,
        unit: "bytes",
      }) ?? compressionThresholdDefault;
  }
}

const endpoints = new WeakMap<object, Endpoint>();

/** What stands as the handler of a route; `compile.ts` puts the handshake in its place. */
export function handlerOf(endpoint: Endpoint): () => never {
  const handler = (): never => {
    throw new ChopinError("native_failure", "A WebSocket was called as a handler.");
  };
  endpoints.set(handler, endpoint);
  return handler;
}

/** The WebSocket that a handler stands for; undefined for others. */
export function endpointOf(handler: unknown): Endpoint | undefined {
  return typeof handler === "function" ? endpoints.get(handler) : undefined;
}

function checkLimits(given: WebSocketLimits): WebSocketLimits {
  const { messageLimit, backlogLimit, idleTimeoutMs } = given;
  wholeOption("messageLimit", messageLimit, limits.websocketMessageLimit);
  wholeOption("backlogLimit", backlogLimit, limits.websocketBacklogLimit);
  wholeOption("idleTimeoutMs", idleTimeoutMs, limits.websocketIdleTimeoutMs);
  return given;
}
