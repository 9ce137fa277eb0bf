#!/usr/bin/env bun
/**
 * The `chopin` binary. Each command is a file that adds itself to the program; what all of them do
 * alike stands here: help, messages, and exit codes. 0 is success, 1 a failure, 2 wrong usage.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { addOpenapi } from "./openapi.ts";
import { exitCodes, Failure, WrongUsage } from "./support/failure.ts";
import { errorsHaveColor, onErrors, outputHasColor, say, styled } from "./support/terminal.ts";

/** The width up to which a help page is read with ease. */
const columnsMax = 80;

process.exitCode = await run(process.argv.slice(2));

async function run(given: readonly string[]): Promise<number> {
  if (process.versions.bun === undefined) {
    say("chopin: Bun is needed, 1.4 or newer: see bun.sh");
    return exitCodes.failure;
  }
  // What stands behind `--` is for the program that a command runs.
  const end = given.indexOf("--");
  const [own, passed] = end < 0 ? [given, []] : [given.slice(0, end), given.slice(end + 1)];
  const program = createProgram();
  addOpenapi(program, passed);
  try {
    await program.parseAsync(own, { from: "user" });
    return 0;
  } catch (error) {
    return explain(error);
  }
}

function createProgram(): Command {
  const width = (terminal: { readonly columns?: number }): number =>
    Math.min(terminal.columns || columnsMax, columnsMax);
  return new Command("chopin")
    .description("Commands for programs that are written with Chopin.")
    .version(versionOf(), "-v, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand("help [command]", "print the help of a command")
    .configureOutput({
      getOutHelpWidth: () => width(process.stdout),
      getErrHelpWidth: () => width(process.stderr),
      getOutHasColors: outputHasColor,
      getErrHasColors: errorsHaveColor,
      outputError: (text, write) => write(text.replace(/^error: /, prefix())),
    })
    .configureHelp({
      styleTitle: (text) => styled("bold", text),
      styleUsage: (text) => styled("cyan", text),
      styleSubcommandText: (text) => styled("cyan", text),
      styleArgumentText: (text) => styled("cyan", text),
      styleOptionText: (text) => styled("cyan", text),
    })
    .showHelpAfterError("`--help` says what there is.")
    .exitOverride();
}

/** Prints why a command ended; its exit code. */
function explain(error: unknown): number {
  // The parser has printed its own.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof WrongUsage) {
    say(`${prefix()}${error.message}`);
    return exitCodes.usage;
  }
  if (error instanceof Failure) {
    say(`${prefix()}${error.message}`);
    if (error.trace !== undefined) say(error.trace);
    return exitCodes.failure;
  }
  say(prefix() + (error instanceof Error ? (error.stack ?? error.message) : String(error)));
  return exitCodes.failure;
}

function prefix(): string {
  return `${onErrors("red", "chopin:")} `;
}

function versionOf(): string {
  const manifest = join(import.meta.dirname, "../../package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
}
