/**
 * Families of metrics as text, in the format that the reader asked for: that of Prometheus (version
 * 0.0.4), or OpenMetrics 1.0.
 */
import type { Family, Labels, Sample } from "./families.ts";

export type TextFormat = "prometheus" | "openmetrics";

export const contentTypeOf: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Whole text; `version` is that of Chopin, unknown while nothing serves. */
export function metricsText(
  families: readonly Family[],
  version: string | undefined,
  format: TextFormat,
): string {
  const open = format === "openmetrics";
  const lines: string[] = [];
  if (version !== undefined) {
    lines.push(
      `# TYPE chopin${open ? " info" : "_info gauge"}`,
      `# HELP chopin${open ? "" : "_info"} What serves.`,
      sampleLine("chopin", { suffix: "_info", labels: { version }, value: 1 }),
    );
  }
  for (const family of families) {
    const { name, type, unit, help, samples } = family;
    if (samples.length === 0) continue;
    // OpenMetrics names the family, the older format each counter's samples.
    const told = type === "counter" && !open ? `${name}_total` : name;
    lines.push(`# TYPE ${told} ${type}`);
    if (open && unit !== undefined) lines.push(`# UNIT ${told} ${unit}`);
    lines.push(`# HELP ${told} ${escaped(help, open)}`);
    for (const sample of samples) lines.push(sampleLine(name, sample));
  }
  if (open) lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * Which format an Accept field prefers. OpenMetrics has to be named: for a browser, or nobody's
 * word, it is the older one, which every reader knows.
 */
export function formatFor(accept: string | undefined): TextFormat {
  let openmetrics = 0;
  let text = 0;
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (type === "application/openmetrics-text") {
      const version = parameters.find((parameter) => parameter.startsWith("version="));
      const known = version === undefined || /^version="?1\.0\.0"?$/.test(version);
      if (known) openmetrics = Math.max(openmetrics, weight);
    } else if (type === "text/plain") text = Math.max(text, weight);
  }
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "prometheus";
}

function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  if (given === undefined) return 1;
  const weight = Number(given.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}

function sampleLine(name: string, { suffix, labels, value }: Sample): string {
  return `${name}${suffix}${labelText(labels)} ${numberText(value)}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, true)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}

/** Quotes are escaped in labels, and in the help of OpenMetrics. */
function escaped(text: string, quotes: boolean): string {
  const plain = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quotes ? plain.replaceAll('"', '\\"') : plain;
}
