/**
 * The report as one HTML page without any other file. Written at the end of a run, or again from a
 * result: `bun bench/report.ts bench/results/reference.json`.
 */
import { join } from "node:path";
import { barRows, latencyPlot, startRows, workloadRows } from "./harness/plots.ts";
import type { Result } from "./harness/result.ts";
import { style } from "./harness/style.ts";
import { ranked } from "./harness/terminal.ts";
import { resultsFolder } from "./harness/tools.ts";
import { workloads } from "./harness/workloads.ts";

export const escapeText = (text: string) => Bun.escapeHTML(text);

function head({ machine, settings, startedAt }: Result): string {
  const day = new Date(startedAt).toUTCString().slice(5, 22);
  const rounds = `${settings.rounds} ${settings.rounds === 1 ? "round" : "rounds"}`;
  return `<header><h1>Chopin bench</h1>
<p>${escapeText(machine.processor)}, ${machine.cores} cores, Linux ${escapeText(machine.kernel)} · ${day} UTC<br>
${rounds} of ${settings.seconds} s, fresh processes, order reversed every round. Server on one core, load
generator on another. Figures are medians; only ratios within a run mean anything on a shared machine.</p></header>`;
}

function workloadSections(result: Result): string {
  const sections = workloads.flatMap((workload) => {
    const rows = ranked(result, workload.name);
    if (rows.length === 0) return [];
    const pace =
      workload.mode === "paced"
        ? `${Math.round(result.settings.rate).toLocaleString("en")} requests a second, `
        : "";
    const plural = workload.connections === 1 ? "connection" : "connections";
    const load = `${pace}${workload.connections} ${plural}`;
    const curves = latencyPlot(rows);
    return [
      `<section><h2>${escapeText(workload.title)} <small>${load}</small></h2>
${workloadRows(rows)}${curves}</section>`,
    ];
  });
  return sections.join("\n");
}

function notes(result: Result): string {
  const peers = result.peers.map(
    ({ title, version, answerBytes }) =>
      `<tr><td>${escapeText(title)}</td><td>${escapeText(version)}</td><td class="number">${
        answerBytes.json ?? "–"
      }</td></tr>`,
  );
  const skipped = result.skipped.map(
    ({ name, reason }) => `<li><b>${escapeText(name)}</b>: ${escapeText(reason)}</li>`,
  );
  const left =
    skipped.length === 0 ? "" : `<section><h2>Left out</h2><ul>${skipped.join("")}</ul></section>`;
  return `${left}<section><h2>Contenders</h2><table class="plain">
<tr><th>name</th><th>version</th><th class="number">bytes of GET /json</th></tr>${peers.join("")}</table></section>`;
}

/** The whole page. */
export function renderReport(result: Result): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Chopin bench</title><style>${style}</style></head><body>
${head(result)}
<section><h2>Bars <small>left of the line is good; 1 is the bar itself</small></h2>${barRows(result)}</section>
${workloadSections(result)}
${startRows(result)}
${notes(result)}
</body></html>
`;
}

/** Writes `bench/results/latest.html`. */
export async function writeReport(result: Result): Promise<string> {
  const path = join(resultsFolder, "latest.html");
  await Bun.write(path, renderReport(result));
  return path;
}

if (import.meta.main) {
  const path = Bun.argv[2];
  if (path === undefined) throw new Error("bun bench/report.ts <result.json>");
  const result: Result = await Bun.file(path).json();
  console.log(await writeReport(result));
}
