/** Lines of the log for people. */

const reset = "\x1b[0m";
const dim = "\x1b[2m";
/** Green, cyan, yellow and red for statuses from 200, 300, 400 and 500. */
const colorsOfStatuses = ["", "", "\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[31m"];

/** Fields that have a place of their own in the line, and those that tell nothing on a terminal. */
const placed: readonly string[] = [
  "level",
  "time",
  "method",
  "path",
  "status",
  "duration_ms",
  "bytes",
  "ip",
  "err",
  "msg",
];

/** A line of JSON as `12:30:01.250 GET /users 200 1.25 ms 512 B request_id=…`. */
export function prettyLine(json: string, colors: boolean): string {
  const line = JSON.parse(json) as Record<string, unknown>;
  const paint = (color: string, text: string) => (colors ? `${color}${text}${reset}` : text);
  const time = String(line.time).slice(11, 23);
  const status = Number(line.status);
  const parts = [
    paint(dim, time),
    shown(line.method),
    shown(line.path),
    paint(colorsOfStatuses[Math.floor(status / 100)] ?? "", String(status)),
    paint(dim, `${shown(line.duration_ms)} ms ${shown(line.bytes)} B`),
  ];
  for (const [name, value] of Object.entries(line)) {
    if (!placed.includes(name)) parts.push(paint(dim, `${shown(name)}=${shown(value)}`));
  }
  const { stack } = (line.err ?? {}) as { readonly stack?: unknown };
  const text = `${parts.join(" ")}\n`;
  return stack === undefined ? text : `${text}${String(stack).split("\n").map(shown).join("\n")}\n`;
}

/** Without what a terminal would obey: a path may have any character. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.replaceAll(
    /[\0-\x1f\x7f-\x9f]/g,
    (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
