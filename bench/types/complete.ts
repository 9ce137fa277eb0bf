/**
 * How long editors wait in a program of many typed routes: a language server is asked, through its
 * protocol, for what can be completed in and about the last route.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Compiler } from "./compilers.ts";
import { Document } from "./document.ts";
import type { LanguageServer } from "./language-server.ts";
import { faultOf, type Probe, type Probes, probesOf } from "./probes.ts";
import type { Framework } from "./programs.ts";
import type { CompletionSample } from "./samples.ts";
import type { Workspace } from "./workspace.ts";

/** Edits of each kind; fewer where they have the whole program looked at, or take too long. */
const edits = 10;
const wideEdits = 4;
const editsLimitMs = 10_000;

/** "Property does not exist on type". */
const noSuchProperty = 2339;

const elapsed = (start: number) => performance.now() - start;

/** Types, asks, checks what is offered, and takes back what was typed. */
async function completed(
  server: LanguageServer,
  document: Document,
  probe: Probe,
  opened?: number,
): Promise<number> {
  const at = document.last(probe.text);
  const { typed, behind, text } = probe;
  const start = opened ?? performance.now();
  await server.edit(document, document.replace(at, text.length, typed + behind));
  const offered = await server.complete(document, document.placeOf(at + typed.length));
  const ms = elapsed(start);
  const fault = faultOf(probe, offered);
  if (fault !== undefined) throw new Error(fault);
  await server.edit(document, document.replace(at, typed.length + behind.length, text));
  return ms;
}

async function times(count: number, measure: () => Promise<number>): Promise<number[]> {
  const start = performance.now();
  const all: number[] = [];
  do all.push(await measure());
  while (all.length < count && elapsed(start) < editsLimitMs);
  return all;
}

/** An edit that changes no type has the server forget what it knew of the program. */
async function hovered(server: LanguageServer, document: Document): Promise<number> {
  const at = document.last("params.id");
  const start = performance.now();
  await server.edit(document, document.replace(at, 0, " "));
  const told = await server.describe(document, document.placeOf(at + 1));
  const ms = elapsed(start);
  if (!/id: number/.test(told)) throw new Error(`params are said to be ${told}`);
  await server.edit(document, document.replace(at, 1, ""));
  return ms;
}

async function faulted(server: LanguageServer, document: Document): Promise<number> {
  const at = document.last("params.id");
  const start = performance.now();
  await server.edit(document, document.replace(at, "params.id".length, "params.no"));
  const codes = await server.diagnose(document);
  const ms = elapsed(start);
  if (!codes.includes(noSuchProperty)) throw new Error(`errors are ${codes.join(", ")}`);
  await server.edit(document, document.replace(at, "params.no".length, "params.id"));
  return ms;
}

async function ask(
  server: LanguageServer,
  folder: string,
  probes: Probes,
): Promise<Omit<CompletionSample, "compiler" | "framework" | "round">> {
  const read = ({ file }: Probe) => {
    const path = join(folder, file);
    return new Document(path, readFileSync(path, "utf8"));
  };
  const module = read(probes.params);
  const client = read(probes.path);
  const opened = performance.now();
  await server.open(module);
  await server.outline(module);
  const readMs = elapsed(opened);
  const coldMs = await completed(server, module, probes.params, opened);
  const warm = (name: "params" | "body") =>
    times(edits, () => completed(server, module, probes[name]));
  const params = await warm("params");
  const body = await warm("body");
  const hoverMs = await times(edits, () => hovered(server, module));
  const errorsMs = await times(wideEdits, () => faulted(server, module));
  const clean = await server.diagnose(module);
  if (clean.length > 0) throw new Error(`the program has errors: ${clean.join(", ")}`);
  const clientOpened = performance.now();
  await server.open(client);
  const clientMs = await completed(server, client, probes.path, clientOpened);
  const called = (name: "path" | "answer") =>
    times(wideEdits, () => completed(server, client, probes[name]));
  const warmMs = { params, body, path: await called("path"), answer: await called("answer") };
  return { readMs, coldMs, warmMs, clientMs, hoverMs, errorsMs, peakBytes: server.peakBytes() };
}

/**
 * Asks a fresh server.
 *
 * @throws Error where it does not offer what it has to.
 */
export async function complete(
  workspace: Workspace,
  compiler: Compiler,
  framework: Framework,
  round: number,
): Promise<CompletionSample> {
  const folder = workspace.folderOf(framework);
  const probes = probesOf(framework, workspace.routes);
  const server = await compiler.serve(folder);
  try {
    const answers = await ask(server, folder, probes);
    return { compiler: compiler.name, framework, round, ...answers };
  } finally {
    await server.stop();
  }
}
