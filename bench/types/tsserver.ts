/**
 * The protocol of `tsserver`, as far as `complete.ts` needs it: how editors talk to TypeScript up
 * to version 6. It answers in the frames of LSP, and is asked in lines.
 */
import { StreamMessageReader } from "vscode-jsonrpc/node";
import type { Document, Edit, Place } from "./document.ts";
import { type LanguageServer, ServerProcess } from "./language-server.ts";

interface Message {
  readonly type: "response" | "event";
  readonly request_seq: number;
  readonly success: boolean;
  readonly message?: string;
  readonly body?: unknown;
}

type Pending = ReturnType<typeof Promise.withResolvers<unknown>>;

/** Lines and columns count from one. */
const location = ({ line, column }: Place) => ({ line: line + 1, offset: column + 1 });

class ClassicServer implements LanguageServer {
  readonly #process: ServerProcess;
  readonly #pending = new Map<number, Pending>();
  #asked = 0;

  constructor(process: ServerProcess) {
    this.#process = process;
    new StreamMessageReader(process.output).listen((message) =>
      this.#take(message as unknown as Message),
    );
  }

  /** What VS Code asks for at the start, where it has to do with completions. */
  async start(): Promise<void> {
    const preferences = {
      includeCompletionsForModuleExports: true,
      includeCompletionsWithInsertText: true,
      includeCompletionsWithSnippetText: true,
    };
    await this.#ask("configure", { hostInfo: "bench", preferences });
  }

  async open({ path, text }: Document): Promise<void> {
    this.#send("open", { file: path, fileContent: text, scriptKindName: "TS" });
  }

  async edit({ path }: Document, { start, end, text }: Edit): Promise<void> {
    const textChanges = [{ start: location(start), end: location(end), newText: text }];
    // It answers that the edit was made, which nobody waits for.
    this.#send("updateOpen", { changedFiles: [{ fileName: path, textChanges }] });
  }

  async outline({ path }: Document): Promise<void> {
    await this.#ask("navtree", { file: path });
  }

  async complete({ path }: Document, place: Place): Promise<readonly string[]> {
    const given = { file: path, ...location(place), triggerKind: 1 };
    const found = await this.#ask<{ entries: { name: string }[] }>("completionInfo", given);
    return found.entries.map(({ name }) => name);
  }

  async describe({ path }: Document, place: Place): Promise<string> {
    const given = { file: path, ...location(place) };
    return (await this.#ask<{ displayString: string }>("quickinfo", given)).displayString;
  }

  async diagnose({ path }: Document): Promise<readonly number[]> {
    const given = { file: path, includeLinePosition: false };
    const [syntax, meaning] = await Promise.all([
      this.#ask<{ code: number }[]>("syntacticDiagnosticsSync", given),
      this.#ask<{ code: number }[]>("semanticDiagnosticsSync", given),
    ]);
    return [...syntax, ...meaning].map(({ code }) => code);
  }

  peakBytes(): number {
    return this.#process.peakBytes();
  }

  async stop(): Promise<void> {
    this.#send("exit", {});
    await this.#process.ended();
  }

  #send(command: string, given: object): number {
    this.#asked += 1;
    const request = { seq: this.#asked, type: "request", command, arguments: given };
    this.#process.input.write(`${JSON.stringify(request)}\n`);
    return this.#asked;
  }

  #ask<Body>(command: string, given: object): Promise<Body> {
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(this.#send(command, given), answer);
    return this.#process.within(answer.promise) as Promise<Body>;
  }

  #take({ type, request_seq, success, message, body }: Message): void {
    if (type !== "response") return;
    const answer = this.#pending.get(request_seq);
    this.#pending.delete(request_seq);
    if (success) answer?.resolve(body);
    else answer?.reject(new Error(message));
  }
}

export async function startTsserver(
  command: readonly string[],
  folder: string,
): Promise<LanguageServer> {
  const server = new ClassicServer(new ServerProcess(command, folder));
  await server.start();
  return server;
}
