/**
 * Chromium without a window, spoken to over its debugging protocol: enough to open a page, look at
 * it, press things, and know what it asked the network for.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The browser's program, where the machine has one. */
export const chromium =
  process.env.CHROMIUM ?? Bun.which("chromium") ?? Bun.which("chromium-browser") ?? undefined;

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

type Child = Bun.Subprocess<"ignore", "ignore", "pipe">;

/** Milliseconds that a condition in a page is waited for. */
const patienceMs = 30_000;

/** One browser with one page. */
export class Browser {
  /** Addresses that the page asked for, of whatever kind. */
  readonly requested: string[] = [];
  /** What went wrong in the page: exceptions, errors, violations of its policy. */
  readonly complaints: string[] = [];
  readonly #process: Child;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #session: string | undefined;
  #count = 0;

  private constructor(process: Child, folder: string, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message);
  }

  static async start(program: string): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), "chopin-browser-"));
    const command = [program, ...flags, `--user-data-dir=${folder}`, "about:blank"];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const socket = new WebSocket(await addressIn(child.stderr));
    const browser = new Browser(child, folder, socket);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const { targetId } = await browser.#send("Target.createTarget", { url: "about:blank" });
    const attached = await browser.#send("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = String(attached.sessionId);
    for (const domain of ["Page", "Network", "Runtime", "Log"])
      await browser.#send(`${domain}.enable`);
    return browser;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    this.#process.kill();
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Width and height in CSS pixels, and which colours the page is asked for. */
  async appear(width: number, height: number, scheme: "light" | "dark"): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.#send("Emulation.setDeviceMetricsOverride", metrics);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.#send("Emulation.setEmulatedMedia", { features });
  }

  async open(url: string): Promise<void> {
    this.requested.length = 0;
    this.complaints.length = 0;
    await this.#send("Page.navigate", { url });
  }

  /** The value of an expression in the page; promises are waited for. */
  async evaluate(expression: string): Promise<unknown> {
    const given = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", given);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value?: unknown }).value;
  }

  /** Waits until an expression in the page is true; its value. */
  async until(expression: string): Promise<unknown> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const value = await this.evaluate(expression).catch(() => undefined);
      if (value) return value;
      if (performance.now() > deadline) {
        const text = await this.evaluate("document.body.innerText");
        throw new Error(`never true: ${expression}\n${this.complaints.join("\n")}\n${text}`);
      }
      await Bun.sleep(50);
    }
  }

  /** Types into the first element that a selector finds, and leaves it. */
  async type(selector: string, text: string): Promise<void> {
    const found = `document.querySelector(${JSON.stringify(selector)})`;
    await this.until(`${found} !== null`);
    await this.evaluate(`${found}.focus()`);
    await this.#send("Input.insertText", { text });
    await this.evaluate(`${found}.blur()`);
  }

  #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.#count++;
    const waiting = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(this.#count, waiting);
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id: this.#count, method, params, ...session }));
    return waiting.promise;
  }

  #take({ id, method, params = {}, result = {}, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error.message));
    } else if (method === "Network.requestWillBeSent") {
      this.requested.push((params.request as { readonly url: string }).url);
    } else if (method === "Runtime.exceptionThrown") {
      this.complaints.push(JSON.stringify(params.exceptionDetails));
    } else if (method === "Log.entryAdded") {
      const { level, text, url } = params.entry as Readonly<Record<string, string>>;
      if (level === "error") this.complaints.push(`${text} ${url ?? ""}`);
    }
  }
}

/** The address that the browser says it listens at. */
async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of output) {
    text += decoder.decode(piece, { stream: true });
    const address = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`the browser did not start: ${text}`);
}
