/** Colours where somebody reads them: on a terminal, unless NO_COLOR says otherwise. */
import { styleText } from "node:util";

export type Style = "bold" | "cyan" | "green" | "red" | "yellow";

/** Text with a style, whoever reads it. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}

export function outputHasColor(): boolean {
  return hasColor(process.stdout.isTTY);
}

export function errorsHaveColor(): boolean {
  return hasColor(process.stderr.isTTY);
}

/** NO_COLOR and FORCE_COLOR as no-color.org and force-color.org have them. */
function hasColor(isTerminal: boolean): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = process.env;
  if (refused) return false;
  if (forced) return forced !== "0" && forced !== "false";
  return isTerminal && terminal !== "dumb";
}

/** For standard error, where everything goes that is not the result itself. */
export function onErrors(style: Style, text: string): string {
  return errorsHaveColor() ? styled(style, text) : text;
}

/** A line for people. */
export function say(line: string): void {
  console.error(line);
}
