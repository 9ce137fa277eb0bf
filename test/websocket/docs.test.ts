/** The code of the guide runs as it stands there, and its tables say what there is. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Chopin, problems } from "../../src/index.ts";
import { NativeWebSocket } from "../../src/native/websocket.ts";
import { blocksIn, compiled, pageOf, withSources } from "../_pages.ts";
import { withServer } from "../_setup.ts";
import { closing, opcode, Peer, until } from "./_peer.ts";

const guide = pageOf("websockets.md");
const blocks = blocksIn(guide);
// Below the repository, where its compiler finds what programs are checked with.
const folder = join(import.meta.dir, "../../node_modules/.cache/pages-websockets");
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true }));

/** The members that a block declares. */
async function program(index: number): Promise<{ app: Chopin; other: Chopin }> {
  const path = join(folder, `block-${index}.ts`);
  const names = index === 3 ? "app, other" : "app";
  writeFileSync(path, `${withSources(blocks[index] ?? "")}\nexport { ${names} };\n`);
  return import(path);
}

describe("docs/websockets.md", () => {
  test("has as many blocks as are known here, and they compile", async () => {
    expect(blocks).toHaveLength(4);
    for (const [at, block] of blocks.entries()) {
      writeFileSync(join(folder, `typed-${at}.ts`), `${block}\nexport { app };\n`);
    }
    expect(await compiled(folder, "typed-*.ts")).toBe("");
  }, 60_000);

  test("rooms", async () => {
    const { app } = await program(0);
    await withServer(app, async (server) => {
      const ada = await Peer.open(server, "/rooms/1?name=ada");
      ada.send(1, "hello");
      expect(await ada.said()).toBe("ada: hello");
      const bob = await Peer.open(server, "/rooms/1?name=bob");
      expect(await ada.said()).toBe("bob has come");
      bob.send(opcode.close, closing(4000));
      expect(await ada.said()).toBe("bob has left (4000)");
      ada.leave();
      await expect(Peer.open(server, "/rooms/private?name=eve")).rejects.toThrow("members_only");
      await expect(Peer.open(server, "/rooms/1?name=")).rejects.toThrow("validation_failed");
    });
  });

  test("an export", async () => {
    const { app } = await program(1);
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/export");
      await until(() => peer.frames.at(-1)?.opcode === opcode.close);
      peer.send(opcode.close, closing(1000));
      expect(peer.frames).toHaveLength(100_001);
      expect(peer.frames[99_999]?.payload.toString()).toBe("row 100000");
    });
  });

  test("news", async () => {
    const { app } = await program(2);
    await withServer(app, async (server) => {
      const peer = await Peer.open(server, "/news");
      const post = async () =>
        (await fetch(`${server.url}news`, { method: "POST", body: "extra!" })).json();
      await until(async () => ((await post()) as { readers: number }).readers === 1);
      expect(await peer.said()).toBe("extra!");
      peer.leave();
    });
  });

  test("a transport", async () => {
    const { app, other } = await program(3);
    try {
      expect(app.publish("all", "to nobody")).toBe(0);
    } finally {
      await Promise.all([app.stop(), other.stop()]);
    }
  });

  test("names every problem of handshakes", () => {
    for (const [status, code] of guide
      .matchAll(/^\|.*\| (\d{3}) `(\w+)`/gm)
      .map((row) => row.slice(1))) {
      expect([code, String(problems[code as keyof typeof problems][0])]).toEqual([code, status]);
    }
    for (const code of Object.keys(problems)) {
      if (
        code.includes("websocket") ||
        code === "upgrade_required" ||
        code === "origin_not_allowed"
      )
        expect(guide).toContain(`\`${code}\``);
    }
  });

  test("names every member of a WebSocket", () => {
    const members = Object.getOwnPropertyNames(NativeWebSocket.prototype);
    const internal = ["constructor", "ended", "fail"];
    for (const member of members) {
      if (internal.includes(member)) continue;
      expect(guide).toMatch(new RegExp(`^\\| .*\`${member}[\`(]`, "m"));
    }
  });
});
