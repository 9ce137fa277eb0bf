/** The examples that measurements are made on: every endpoint answers what is promised for it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Started, start } from "./_process.ts";

const root = join(import.meta.dir, "../..");
const env = { ...(process.env as Record<string, string>), PORT: "0" };

function startExample(name: string): Promise<Started> {
  return start([process.execPath, `examples/${name}`], { cwd: root, env });
}

describe("examples/target.ts", () => {
  let server: Started;
  beforeAll(async () => {
    server = await startExample("target.ts");
  });
  afterAll(async () => {
    expect(await server.stop()).toBe("");
  });

  /** Status, Content-Type without parameters, and body. */
  async function answer(path: string, init?: RequestInit): Promise<[number, string, string]> {
    const response = await fetch(server.address + path, init);
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
    return [response.status, type, await response.text()];
  }

  const cases: [path: string, type: string, body: string][] = [
    ["/plaintext", "text/plain", "Hello, World!"],
    ["/json", "application/json", '{"message":"Hello, World!"}'],
    ["/constant", "text/plain", "Hello, World!"],
    ["/users/42", "application/json", '{"id":"42"}'],
    ["/async", "application/json", '{"message":"Hello, World!"}'],
    ["/baseline11?a=13&b=42", "text/plain", "55"],
    ["/pipeline", "text/plain", "ok"],
  ];
  for (const [path, type, body] of cases) {
    test(`GET ${path}`, async () => {
      expect(await answer(path)).toEqual([200, type, body]);
    });
  }

  test("POST /baseline11, with a length and chunked", async () => {
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("2"));
        controller.enqueue(new TextEncoder().encode("0"));
        controller.close();
      },
    });
    for (const body of ["20", chunks]) {
      const posted = await answer("/baseline11?a=13&b=42", { method: "POST", body });
      expect(posted).toEqual([200, "text/plain", "75"]);
    }
  });

  test("GET /json/:count multiplies prices", async () => {
    const [status, , body] = await answer("/json/5?m=7");
    const { items, count } = JSON.parse(body);
    expect([status, count, items.length]).toEqual([200, 5, 5]);
    for (const item of items) expect(item.total).toBe(item.price * item.quantity * 7);
  });

  test("POST /users takes a right user and refuses wrong ones", async () => {
    const headers = { "Content-Type": "application/json" };
    const post = (user: unknown) =>
      answer("/users", { method: "POST", headers, body: JSON.stringify(user) });
    const user = { name: "Frédéric", age: 39, email: "f@example.com" };
    expect(await post(user)).toEqual([
      200,
      "application/json",
      '{"ok":true,"name":"Frédéric","age":39}',
    ]);
    const wrong = [{ ...user, name: "" }, { ...user, age: -1 }, { ...user, age: 1.5 }, {}, null];
    for (const one of wrong) {
      expect((await post(one)).slice(0, 2)).toEqual([422, "application/problem+json"]);
    }
  });

  test("POST /upload counts 20 MB", async () => {
    const body = new Uint8Array(20_000_000);
    expect(await answer("/upload", { method: "POST", body })).toEqual([
      200,
      "text/plain",
      "20000000",
    ]);
  });
});

describe("examples/streams.ts", () => {
  let server: Started;
  beforeAll(async () => {
    server = await startExample("streams.ts");
  });
  afterAll(async () => {
    expect(await server.stop()).toBe("");
  });
  const ask = (path: string, init?: RequestInit) => fetch(server.address + path, init);

  test("the page and its style, as files", async () => {
    const page = await ask("/");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain("<h1>Streams and files</h1>");
    const again = await ask("/", { headers: { "If-None-Match": page.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
    const style = await ask("/style.css", { headers: { Range: "bytes=0-3" } });
    expect([style.status, await style.text()]).toEqual([206, "body"]);
    const saved = await ask("/download");
    expect(saved.headers.get("content-disposition")).toBe('attachment; filename="Streams.html"');
  });

  test("GET /clock ticks until its reader leaves", async () => {
    const clock = await ask("/clock");
    expect(clock.headers.get("content-type")).toBe("text/event-stream");
    const reader = clock.body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toMatch(/^event: tick\ndata: \{"time":".+"\}\n\n$/);
    await reader.cancel();
  });

  test("GET /table.csv is made while it is sent", async () => {
    const table = await ask("/table.csv?rows=100000");
    expect(table.headers.get("transfer-encoding")).toBe("chunked");
    const lines = (await table.text()).trimEnd().split("\n");
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([
      100_001,
      "number,square",
      "100000,10000000000",
    ]);
  });

  test("POST /upload hashes what comes", async () => {
    const body = Buffer.alloc(20_000_000, "chopin");
    const sha256 = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    const answer = await ask("/upload", { method: "POST", body });
    expect(await answer.json()).toEqual({ bytes: body.length, sha256 });
  });

  test("POST /form takes text and files", async () => {
    const body = new FormData();
    body.set("title", "Étude");
    body.set("pictures", new File(["png"], "a.png", { type: "image/png" }));
    const answer = await ask("/form", { method: "POST", body });
    expect(await answer.json()).toEqual({
      title: "Étude",
      pictures: [{ name: "a.png", type: "image/png", size: 3 }],
    });
  });
});

describe("examples/chat.ts", () => {
  test("the page, and what one says to all in its room", async () => {
    const server = await startExample("chat.ts");
    expect(await (await fetch(server.address)).text()).toContain("/rooms/lobby?name=guest");
    const url = (room: string, name: string) =>
      `${server.address.replace("http", "ws")}/rooms/${room}?name=${name}`;
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    const [ada, other] = [new WebSocket(url("1", "ada")), new WebSocket(url("2", "eve"))];
    other.onmessage = ({ data }) => heard.push(`elsewhere: ${data}`);
    ada.onmessage = ({ data }) => {
      heard.push(String(data));
      if (data === "ada has come") new WebSocket(url("1", "bob")).onopen = say;
      if (data === "bob has left") all.resolve();
    };
    function say(this: WebSocket): void {
      this.send("hello");
      this.close();
    }
    await all.promise;
    ada.close();
    other.close();
    const room = heard.filter((text) => !text.startsWith("elsewhere"));
    expect(room).toEqual(["ada has come", "bob has come", "bob: hello", "bob has left"]);
    expect(heard.every((text) => !text.startsWith("elsewhere") || text.includes("eve"))).toBe(true);
    expect(await server.stop()).toBe("");
  });
});

describe("examples/echo.ts", () => {
  test("answers any method on any path with the body", async () => {
    const server = await startExample("echo.ts");
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const response = await fetch(`${server.address}/any/path`, { method, body: "forte" });
      expect([response.status, await response.text()]).toEqual([200, "forte"]);
    }
    const empty = await fetch(server.address);
    expect([empty.status, await empty.text()]).toEqual([200, ""]);
    expect(await server.stop()).toBe("");
  });
});
