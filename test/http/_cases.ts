/**
 * Raw bytes and the exact bytes that they are answered with: the form in which the tables of bad
 * input are written, and what runs them. Each case is sent whole, behind a good request, and split;
 * behind each goes one more request, which is answered only where the connection is kept.
 */
import { describe, expect, test } from "bun:test";
import { Chopin, type ServeOptions, type Server } from "../../src/index.ts";
import { RawClient, withServer } from "../_setup.ts";

/** One row of a table; strings have one character for each byte. */
export interface Case {
  readonly name: string;
  readonly bytes: string;
  /** Everything that is answered, with `Date: *` for the date. */
  readonly answers: string;
  readonly closes: boolean;
  /** What is answered first where the bytes are cut at this place: `100 Continue`. */
  readonly interim?: { readonly at: number; readonly answer: string };
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  505: "HTTP Version Not Supported",
};

/** What becomes of the connection, as an answer says it. */
export type Connection = "" | "close" | "keep-alive";

interface Form {
  readonly connection?: Connection;
  /** Field lines with their CRLF. */
  readonly fields?: string;
}

function answer(status: number, type: string, body: string, form: Form): string {
  const { connection = "", fields = "" } = form;
  const said = connection === "" ? "" : `Connection: ${connection}\r\n`;
  const about = `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
  return `HTTP/1.1 ${status} ${reasons[status]}\r\n${about}Date: *\r\n${said}${fields}\r\n${body}`;
}

/** A handler's answer of text. */
export function ok(body: string, form: Form = {}): string {
  return answer(200, "text/plain; charset=utf-8", body, form);
}

/** An error answer, as RFC 9457 has it. */
export function problem(status: number, code: string, form: Form = {}): string {
  return answer(status, "application/problem+json", problemText(status, code), form);
}

/** The body of an error answer. */
export function problemText(status: number, code: string): string {
  return `{"type":"about:blank","title":"${reasons[status]}","status":${status},"code":"${code}"}`;
}

/** A case that is answered with an error and the end of the connection. */
export function refused(status: number, code: string, name: string, bytes: string): Case {
  const answers = problem(status, code, { connection: "close" });
  return { name: `${name}: ${status} ${code}`, bytes, answers, closes: true };
}

/** A case after which the connection is kept. */
export function kept(name: string, bytes: string, ...answers: string[]): Case {
  return { name, bytes, answers: answers.join(""), closes: false };
}

/** A case after which the connection is closed. */
export function closed(name: string, bytes: string, ...answers: string[]): Case {
  return { name, bytes, answers: answers.join(""), closes: true };
}

/** A GET of a path with further field lines. */
export function get(path: string, ...lines: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: h\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

/** A POST to `/echo`: field lines and what follows the head. */
export function post(lines: readonly string[], body = "", path = "/echo"): string {
  const head = ["Host: h", ...lines].map((line) => `${line}\r\n`).join("");
  return `POST ${path} HTTP/1.1\r\n${head}\r\n${body}`;
}

/** What every case is sent to. `/unseen` stands for a request that nobody made. */
export function makeApp(): Chopin {
  const app = new Chopin();
  app.get("/good", () => "good");
  app.get("/last", () => "last");
  app.get("/unseen", () => "smuggled");
  app.get("/constant", "constant");
  app.all("/echo", (ctx) => `${ctx.method} ${ctx.text()}`);
  app.all("/stream", { streamBody: true }, async (ctx) => {
    const { method } = ctx;
    return `${method} ${await new Response(ctx.body).text()}`;
  });
  app.post("/small-stream", { bodyLimit: 8, streamBody: true }, (ctx) =>
    new Response(ctx.body).text(),
  );
  app.get("/unread-stream", { streamBody: true }, () => "good");
  app.all("/host", (ctx) => ctx.host);
  app.post("/small", { bodyLimit: 8 }, (ctx) => ctx.text());
  app.get("/item/:name", ({ params }) => params.name);
  app.get("/status/:status", (ctx) => ctx.text("never sent", Number(ctx.params.status)));
  app.get("/files/*path", ({ params }) => params.path);
  return app;
}

const good = get("/good");
const last = get("/last", "Connection: close");
const lastAnswer = ok("last", { connection: "close" });
const unseen = get("/unseen");

/** The same of a handler that reads the body by itself, as it comes. */
export function streamed(cases: readonly Case[]): Case[] {
  const paths = { "/echo": "/stream", "/small": "/small-stream", "/good": "/unread-stream" };
  return cases.flatMap((one) => {
    const [whole = "", method, path] = /^(\w+) (\S+) /.exec(one.bytes) ?? [];
    const other = paths[path as keyof typeof paths];
    if (other === undefined) return [];
    const bytes = `${method} ${other} ${one.bytes.slice(whole.length)}`;
    if (one.interim === undefined) return { ...one, bytes };
    const at = one.interim.at + bytes.length - one.bytes.length;
    return { ...one, bytes, interim: { ...one.interim, at } };
  });
}

/** Runs each case in a test of its own. */
export function testCases(title: string, cases: readonly Case[], options: ServeOptions = {}): void {
  describe(title, () => {
    for (const one of cases) {
      test(one.name, () => withServer(makeApp(), (server) => check(server, one), options));
    }
  });
}

async function check(server: Server, one: Case): Promise<void> {
  const { bytes, answers, closes, interim } = one;
  const behind = closes ? unseen : last;
  const wanted = closes ? answers : answers + lastAnswer;
  if (closes) expect(await answersTo(server, bytes)).toBe(wanted);
  expect(await answersTo(server, bytes + behind)).toBe(wanted);
  expect(await answersTo(server, good + bytes + behind)).toBe(ok("good") + wanted);
  const cuts = splits(bytes);
  const answered = await answersToCut(server, cuts, bytes, behind);
  expect(answered.map((text, index) => [cuts[index], text])).toEqual(
    cuts.map((at) => [at, (at === interim?.at ? interim.answer : "") + wanted]),
  );
}

/** At every byte; of what is long, in the head and at a few places behind it. */
function splits(bytes: string): readonly number[] {
  const end = bytes.length;
  const first = Array.from({ length: Math.min(end - 1, 200) }, (_, index) => index + 1);
  const later = [Math.floor(end / 3), Math.floor((2 * end) / 3), end - 2, end - 1];
  return [...new Set([...first, ...later.filter((at) => at > 0)])];
}

/** What is answered to bytes that come in two parts, for each place of the cut. */
async function answersToCut(
  server: Server,
  cuts: readonly number[],
  bytes: string,
  behind: string,
): Promise<string[]> {
  const clients = await Promise.all(cuts.map(() => RawClient.connect(server)));
  for (const [index, at] of cuts.entries()) clients[index]!.send(bytes.slice(0, at));
  await readByServer(server);
  for (const [index, at] of cuts.entries()) clients[index]!.send(bytes.slice(at) + behind);
  const texts = await Promise.all(clients.map((client) => client.read()));
  return texts.map(withoutDate);
}

/** Everything that a server says, to its end of the connection, to bytes that come in pieces. */
export async function answersTo(server: Server, ...pieces: string[]): Promise<string> {
  const client = await RawClient.connect(server);
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await readByServer(server);
    client.send(piece);
  }
  return withoutDate(await client.read());
}

/**
 * Resolves when the server has read all that was sent before: it looks at connections in the order
 * in which their bytes came, and has answered to bytes that came later.
 */
export async function readByServer(server: Server): Promise<void> {
  const client = await RawClient.connect(server);
  client.send(last);
  expect(withoutDate(await client.read())).toBe(lastAnswer);
}

/** The time of an answer is another each second. */
export function withoutDate(text: string): string {
  const date = /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(?=\r\n)/g;
  return text.replaceAll(date, "\r\nDate: *");
}
