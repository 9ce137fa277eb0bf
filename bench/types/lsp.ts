/** The Language Server Protocol, as far as `complete.ts` needs it: TypeScript 7 speaks it. */
import { pathToFileURL } from "node:url";
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import type { Document, Edit, Place } from "./document.ts";
import { type LanguageServer, ServerProcess } from "./language-server.ts";

/** CompletionTriggerKind.Invoked: where a character triggers, the servers offer the same. */
const invoked = 1;

/** What an editor can show; a server that thinks it cannot leaves work out. */
const capabilities = {
  general: { positionEncodings: ["utf-16"] },
  workspace: { configuration: true, workspaceFolders: true },
  textDocument: {
    synchronization: { didSave: true },
    completion: {
      contextSupport: true,
      completionItem: {
        snippetSupport: true,
        insertReplaceSupport: true,
        labelDetailsSupport: true,
        resolveSupport: { properties: ["documentation", "detail", "additionalTextEdits"] },
      },
      completionList: { itemDefaults: ["commitCharacters", "editRange", "data"] },
    },
    hover: { contentFormat: ["markdown"] },
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
    diagnostic: {},
  },
};

interface Completions {
  readonly items: readonly { readonly label: string }[];
}

interface Hover {
  readonly contents: { readonly value: string };
}

interface Diagnostics {
  readonly items: readonly { readonly severity: number; readonly code: number }[];
}

const uriOf = ({ path }: Document) => pathToFileURL(path).href;
const position = ({ line, column }: Place) => ({ line, character: column });

class LspServer implements LanguageServer {
  readonly #process: ServerProcess;
  readonly #connection: MessageConnection;

  constructor(process: ServerProcess) {
    this.#process = process;
    this.#connection = createMessageConnection(
      new StreamMessageReader(process.output),
      new StreamMessageWriter(process.input),
    );
    // Settings stay at their defaults, one for each item.
    this.#connection.onRequest("workspace/configuration", ({ items }: { items: unknown[] }) =>
      items.map(() => null),
    );
    this.#connection.onRequest(() => null);
    this.#connection.listen();
  }

  async start(folder: string): Promise<void> {
    const rootUri = pathToFileURL(folder).href;
    await this.#ask("initialize", {
      processId: process.pid,
      rootUri,
      workspaceFolders: [{ uri: rootUri, name: "bench" }],
      capabilities,
    });
    await this.#connection.sendNotification("initialized", {});
  }

  open(document: Document): Promise<void> {
    const { text, version } = document;
    const textDocument = { uri: uriOf(document), languageId: "typescript", version, text };
    return this.#connection.sendNotification("textDocument/didOpen", { textDocument });
  }

  edit(document: Document, { start, end, text }: Edit): Promise<void> {
    return this.#connection.sendNotification("textDocument/didChange", {
      textDocument: { uri: uriOf(document), version: document.version },
      contentChanges: [{ range: { start: position(start), end: position(end) }, text }],
    });
  }

  async outline(document: Document): Promise<void> {
    await this.#askOf("textDocument/documentSymbol", document);
  }

  async complete(document: Document, place: Place): Promise<readonly string[]> {
    const context = { triggerKind: invoked };
    const given = { position: position(place), context };
    const found = await this.#askOf<Completions | null>("textDocument/completion", document, given);
    return (found?.items ?? []).map(({ label }) => label);
  }

  async describe(document: Document, place: Place): Promise<string> {
    const given = { position: position(place) };
    const found = await this.#askOf<Hover | null>("textDocument/hover", document, given);
    return found?.contents.value ?? "";
  }

  async diagnose(document: Document): Promise<readonly number[]> {
    const { items } = await this.#askOf<Diagnostics>("textDocument/diagnostic", document);
    return items.filter(({ severity }) => severity === 1).map(({ code }) => code);
  }

  peakBytes(): number {
    return this.#process.peakBytes();
  }

  async stop(): Promise<void> {
    await this.#ask("shutdown");
    await this.#connection.sendNotification("exit");
    await this.#process.ended();
    this.#connection.dispose();
  }

  #askOf<Result>(method: string, document: Document, given: object = {}): Promise<Result> {
    return this.#ask(method, { textDocument: { uri: uriOf(document) }, ...given });
  }

  #ask<Result>(method: string, ...given: readonly object[]): Promise<Result> {
    return this.#process.within(this.#connection.sendRequest<Result>(method, ...given));
  }
}

export async function startLsp(
  command: readonly string[],
  folder: string,
): Promise<LanguageServer> {
  const server = new LspServer(new ServerProcess(command, folder));
  await server.start(folder);
  return server;
}
