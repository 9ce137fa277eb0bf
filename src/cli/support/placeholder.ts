/** Servers that do not listen, for programs whose application is only looked at. */
import type { ServeOptions } from "../../serve-options.ts";
import type { Server } from "../../serving.ts";

/** What `app.serve` gives a program that has to go on to the end of its main module. */
export function placeholderServer({
  hostname = "127.0.0.1",
  port = 8080,
  unix,
}: ServeOptions): Server {
  const idle = { stop: (): Promise<void> => Promise.resolve(), publish: () => 0 };
  if (unix !== undefined) return { hostname: "", port: 0, unix, url: `unix:${unix}`, ...idle };
  return { hostname, port, url: `http://${hostname}:${port}/`, ...idle };
}

/**
 * Replaces `Bun.serve`, which Bun calls itself with a default export that has a `fetch`, and says
 * then where it listens.
 */
export function pretendToServe(given: (options: unknown) => void): void {
  const { debug } = console;
  const serve = (options: { readonly hostname?: string; readonly port?: number }): object => {
    given(options);
    console.debug = (...words: unknown[]) => {
      if (!/^Started .*server: /.test(String(words[0]))) return debug(...words);
      console.debug = debug;
    };
    const { hostname = "localhost", port = 3000 } = options;
    return {
      ...placeholderServer({ hostname, port }),
      url: new URL(`http://${hostname}:${port}/`),
      protocol: "http",
      development: false,
      pendingRequests: 0,
      reload: () => {},
      ref: () => {},
      unref: () => {},
    };
  };
  // It can be assigned, not defined again.
  Reflect.set(Bun, "serve", serve);
}
