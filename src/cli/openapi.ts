/** `chopin openapi`: the OpenAPI document of a program, or declarations for its clients. */
import { type Command, InvalidArgumentError } from "commander";
import { type Change, compareDocuments, documentIn, lineOf } from "../openapi/compare.ts";
import type { OpenApiDocument } from "../openapi/types.ts";
import { compareDeclarations } from "./support/compare.ts";
import { entryPath } from "./support/entry.ts";
import { Failure, WrongUsage } from "./support/failure.ts";
import type { Order } from "./support/handover.ts";
import { readText, writeFile, writeOut } from "./support/output.ts";
import { onErrors, say, styled } from "./support/terminal.ts";

/** Resolved from here: this file is part of the entry, and lies beside it when bundled. */
const collectPath = (): string => Bun.resolveSync("./collect", import.meta.dir);

type Format = "json" | "yaml" | "client";

interface Options {
  readonly yaml?: boolean;
  readonly client?: boolean;
  readonly out?: string;
  readonly check?: boolean;
  readonly export?: string;
  /** Seconds. */
  readonly timeout: number;
}

const examples = `
${styled("bold", "Examples:")}
  chopin openapi server.ts > openapi.json
  chopin openapi server.ts --out openapi.yaml
  chopin openapi server.ts --out openapi.yaml --check
  chopin openapi server.ts --client --out api.d.ts`;

export function addOpenapi(program: Command, passed: readonly string[]): void {
  program
    .command("openapi")
    .summary("print the OpenAPI document of a program, or types for its clients")
    .description(
      "Prints the OpenAPI document of a program, or types for its clients.\n\n" +
        "The program runs up to where it serves its application, or has exported it. " +
        "It binds no address; what it prints itself goes to standard error.",
    )
    .usage("[options] <entry> [-- arguments]")
    .argument("<entry>", "main module of the program; arguments behind -- are the program's own")
    .option("--yaml", "YAML in place of JSON")
    .option("--client", "TypeScript declarations, for createClient<Api>()")
    .option("-o, --out <file>", "write a file: .json, .yaml or .yml, with --client .ts")
    .option("--check", "compare with that file, and exit with 1 where they differ")
    .option("--export <name>", "the application, where the program has several")
    .option("--timeout <seconds>", "time that the program is given", seconds, 30)
    .addHelpText("after", examples)
    .action((entry: string, options: Options) => openapi(entry, options, passed));
}

async function openapi(entry: string, options: Options, passed: readonly string[]): Promise<void> {
  const { out } = options;
  const format = formatOf(options);
  const path = entryPath(entry);
  const order: Order = {
    entry,
    form: format === "client" ? "client" : "openapi",
    timeoutMs: options.timeout * 1000,
    ...(options.export !== undefined && { export: options.export }),
  };
  const { describeProgram } = await import("./support/program.ts");
  const described = await describeProgram(order, path, passed, collectPath());
  if (out === undefined) await writeOut(await written(described, format));
  else if (options.check) check(out, described, format);
  else {
    const changed = writeFile(out, await written(described, format));
    say(changed ? `chopin: wrote ${out}` : `chopin: ${out} is as it was`);
  }
}

/** @throws WrongUsage for options that do not go together. */
function formatOf({ yaml = false, client = false, out, check }: Options): Format {
  if (check && out === undefined) {
    throw new WrongUsage("--check compares with a file: name it by --out");
  }
  if (yaml && client) throw new WrongUsage("--yaml is for the document, --client for declarations");
  const isYaml = /\.ya?ml$/i.test(out ?? "");
  if (client) {
    if (out !== undefined && !/\.[cm]?ts$/.test(out)) {
      throw new WrongUsage(`--client writes declarations, so --out ends in .d.ts: ${out}`);
    }
    return "client";
  }
  if (yaml && /\.json$/i.test(out ?? "")) throw new WrongUsage(`--yaml, but --out is ${out}`);
  if (yaml || isYaml) return "yaml";
  if (out === undefined || /\.json$/i.test(out)) return "json";
  if (/\.[cm]?ts$/.test(out)) throw new WrongUsage(`${out} is for declarations: add --client`);
  throw new WrongUsage(`--out ends in .json, .yaml or .yml, or say --yaml: ${out}`);
}

async function written(described: string, format: Format): Promise<string> {
  if (format === "client") return described;
  const document = JSON.parse(described) as OpenApiDocument;
  if (format === "yaml") return (await import("../openapi/yaml.ts")).openApiYaml(document);
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @throws Failure when the file is not what would be written. */
function check(out: string, described: string, format: Format): void {
  const before = readText(out);
  if (before === undefined) throw new Failure(`there is no ${out}: write it without --check`);
  const changes =
    format === "client"
      ? compareDeclarations(before, described)
      : compareWritten(before, out, described);
  if (changes.length > 0) {
    for (const change of changes) say(onErrors(styles[change.kind], lineOf(change)));
    throw new Failure(`${out} is not up to date: write it without --check`);
  }
  say(`chopin: ${out} is up to date`);
}

const styles = { added: "green", removed: "red", changed: "yellow" } as const;

function compareWritten(before: string, out: string, described: string): Change[] {
  try {
    return compareDocuments(documentIn(before, out), JSON.parse(described));
  } catch (error) {
    throw new Failure((error as Error).message);
  }
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError("It is a number of seconds, above 0 and up to 3600.");
}
