/** Where metrics and health are told, when not on the application itself. */
import { ChopinError } from "../errors.ts";

/** An address of its own. Metrics and health that name the same one share it. */
export interface OperationsPlace {
  readonly hostname: string;
  readonly port: number;
}

/**
 * The place that options name; undefined: on the application.
 *
 * @throws ChopinError `invalid_option`.
 */
export function checkPlace(
  name: string,
  options: { readonly port?: number; readonly hostname?: string; readonly path?: string },
): OperationsPlace | undefined {
  const { port, hostname } = options;
  if (port === undefined) {
    if (hostname === undefined) return undefined;
    throw new ChopinError("invalid_option", `${name}: hostname goes with a port.`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const text = `${name}: port is a whole number, 1 to 65,535, not ${JSON.stringify(port)}.`;
    throw new ChopinError("invalid_option", text);
  }
  return { port, hostname: hostname ?? "127.0.0.1" };
}

/** @throws ChopinError `invalid_option` for what is no fixed path. */
export function checkPath(name: string, path: string): string {
  if (typeof path === "string" && /^\/[\w.~/-]*$/.test(path)) return path;
  const text = `${name} is a path like "/status", not ${JSON.stringify(path)}.`;
  throw new ChopinError("invalid_option", text);
}
