/** Tables of the reports in a terminal. */
import type { Figure } from "./statistics.ts";

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number) => (text: string) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text;
export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const yellow = paint(33);
export const cyan = paint(36);

/** One cell: its text, and how it is coloured once its width is known. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** The first column and those from `leftFrom` on are text; between them stand numbers. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  leftFrom: number,
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.text.length ?? 0)),
  );
  const align = (text: string, column: number) =>
    column === 0 || column >= leftFrom
      ? text.padEnd(widths[column] ?? 0)
      : text.padStart(widths[column] ?? 0);
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => (cell.paint ?? String)(align(cell.text, column)))
      .join("  ")
      .trimEnd();
  const titles = line(head.map((text) => ({ text, paint: dim })));
  return [titles, ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}

export const spread = ({ low, high }: Figure, write: (value: number) => string) =>
  `${write(low)}–${write(high)}`;
