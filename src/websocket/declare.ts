/** Declares WebSockets: on an application, at the top level of a module, and as values. */
import { declareRoute, type RouteDeclaration } from "../route.ts";
import type { RouteOptions } from "../route-options.ts";
import { Endpoint, endpointOf, handlerOf } from "./endpoint.ts";
import type { AnyWebSocketOptions, Message } from "./types.ts";

/** A WebSocket as a value: what `websocket` returns. Give it to `app.mount`, or publish on it. */
export class WebSocketRoute {
  readonly path: string;
  /** @internal */
  readonly declaration: RouteDeclaration;

  /** @internal */
  constructor(declaration: RouteDeclaration) {
    this.path = declaration.path;
    this.declaration = declaration;
  }

  /**
   * Sends a message to all who have subscribed to a topic, on the servers that this route is part
   * of: modules that have no application at hand can publish.
   *
   * @returns How many of this process took it.
   * @throws ChopinError `invalid_message`.
   */
  publish(topic: string, message: Message): number {
    return endpointOf(this.declaration.answer)!.audience.publish(topic, message);
  }
}

/**
 * The route of a WebSocket. It is no operation of an API, so documents and clients do not have it.
 *
 * @throws ChopinError `invalid_route`, `invalid_option`.
 */
export function declareWebSocket(path: string, options: AnyWebSocketOptions): RouteDeclaration {
  const endpoint = new Endpoint(path, options);
  const { params, query, headers, cookies, extract, use, name } = options;
  const given = { params, query, headers, cookies, extract, use, name };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const routeOptions = { ...Object.fromEntries(present), hidden: true } as RouteOptions<never>;
  return declareRoute("GET", path, routeOptions, handlerOf(endpoint), 3);
}
