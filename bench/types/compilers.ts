/**
 * The two kinds of TypeScript that people have: 7, which is a native program, and 6, the last one
 * in JavaScript. Each is a compiler and a language server.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installPackages } from "../harness/prepare.ts";
import { benchFolder, findTool, rootFolder } from "../harness/tools.ts";
import type { LanguageServer } from "./language-server.ts";
import { startLsp } from "./lsp.ts";
import { startTsserver } from "./tsserver.ts";

export interface Compiler {
  readonly name: "native" | "classic";
  /** With its version. */
  readonly title: string;
  /** The command that compiles what follows it. */
  readonly command: readonly string[];
  /** Its language server, for the program in a folder. */
  serve(folder: string): Promise<LanguageServer>;
}

const titleOf = (folder: string) =>
  `TypeScript ${JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version}`;

/** The one that the repository is checked with. */
export function nativeCompiler(): Compiler {
  const packages = join(rootFolder, "node_modules");
  const platform = `typescript-${process.platform}-${process.arch}`;
  const program = join(packages, "@typescript", platform, "lib", "tsc");
  return {
    name: "native",
    title: titleOf(join(packages, "typescript")),
    command: [program],
    serve: (folder) => startLsp([program, "--lsp", "--stdio"], folder),
  };
}

/** On Node, as in editors. */
function classic(node: string): Compiler {
  const folder = join(benchFolder, "types", "node_modules", "typescript");
  const server = [node, join(folder, "lib", "tsserver.js"), "--disableAutomaticTypingAcquisition"];
  return {
    name: "classic",
    title: titleOf(folder),
    command: [node, join(folder, "lib", "tsc.js")],
    serve: (project) => startTsserver(server, project),
  };
}

/** @param left - told who was left out, and why */
export async function findCompilers(
  left: (name: string, reason: string) => void,
): Promise<Compiler[]> {
  const node = findTool("node");
  const missing =
    node === undefined
      ? "node is not installed"
      : await installPackages(join(benchFolder, "types"));
  if (node !== undefined && missing === undefined) return [nativeCompiler(), classic(node)];
  left("TypeScript in JavaScript", missing ?? "");
  return [nativeCompiler()];
}
