import { expect, test } from "bun:test";
import { serverOptions } from "../../src/environment.ts";
import { Router } from "../../src/native/router.ts";
import { startServer } from "../../src/native/server.ts";

test("a start that fails after the bind gives the port back", async () => {
  const failing = async (port: number): Promise<number> => {
    let bound = 0;
    const options = serverOptions({ hostname: "127.0.0.1", port });
    const started = startServer(options, new Router(), (native) => {
      bound = native.address.port ?? 0;
      throw new Error("no dispatcher");
    });
    await expect(started).rejects.toThrow("no dispatcher");
    return bound;
  };
  const port = await failing(0);
  expect(port).toBeGreaterThan(0);
  expect(await failing(port)).toBe(port);
});

test("answers of the first turn may ask for the next", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const options = serverOptions({ hostname: "127.0.0.1", port: 0 });
  const server = await startServer(options, new Router(), (native) => ({
    dispatch: () => reject(new Error("nobody asked")),
    returned() {},
    afterTurn: () => {
      native.requestTurn();
      resolve();
    },
  }));
  await promise;
  await server.stop({ timeoutMs: 0, idleMs: 0, queue: "close" });
});
