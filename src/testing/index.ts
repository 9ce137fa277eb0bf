/** Everything that a program imports from "chopin/testing". */
export type { AnyCalls, AnyParts, AnyRoutes } from "./any-routes.ts";
export type { ServedClient, SessionClient, TestClient, TestSource } from "./client.ts";
export { test } from "./client.ts";
export type { SessionOptions, TestOptions } from "./options.ts";
export { expectOpenApi } from "./snapshot.ts";
export { type Clock, controlTime, type TimeOptions, type UntilOptions } from "./time.ts";
