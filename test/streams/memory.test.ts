/** Bodies larger than anybody's memory pass through: the server is a process of its own. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Peer, until } from "./_streams.ts";

const MiB = 1024 * 1024;
const total = 256 * MiB;

for (const path of ["/count", "/echo"]) {
  test(`256 MiB by ${path}: memory stays`, async () => {
    const file = join(import.meta.dir, "_upload-server.ts");
    const child = Bun.spawn([process.execPath, file], { stdout: "pipe", stderr: "inherit" });
    try {
      const first = await child.stdout.getReader().read();
      const port = Number(Buffer.from(first.value!).toString());
      const memory = async (): Promise<number> =>
        Number(await (await fetch(`http://127.0.0.1:${port}/memory`)).text());
      await upload(port, path, 8 * MiB);
      const before = await memory();
      let most = 0;
      let over = false;
      const sampling = (async () => {
        while (!over) most = Math.max(most, await memory());
      })();
      await upload(port, path, total);
      over = true;
      await sampling;
      // Less than a quarter of what went through, whatever the collector leaves for later.
      expect(most - before).toBeLessThan(64 * MiB);
    } finally {
      child.kill();
      await child.exited;
    }
  }, 60_000);
}

async function upload(port: number, path: string, length: number): Promise<void> {
  const peer = await Peer.connect({ hostname: "127.0.0.1", port } as never);
  let received = 0;
  peer.count((bytes) => {
    received += bytes;
  });
  peer.send(
    `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`,
  );
  const piece = new Uint8Array(MiB);
  for (let at = 0; at < length; at += piece.length) {
    peer.send(piece);
    await until(() => peer.unsent < 4 * MiB);
  }
  await peer.ended();
  expect(received).toBeGreaterThan(path === "/echo" ? length : 0);
}
