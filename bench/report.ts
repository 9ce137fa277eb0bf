/**
 * The report as one HTML page without any other file. Written at the end of a run, or again from a
 * result: `bun bench/report.ts bench/results/reference.json`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { latencyPlot } from "./harness/curves.ts";
import { escapeText, section, table, tableRow } from "./harness/html.ts";
import { barRows, idleSection, startRows, workloadRows } from "./harness/plots.ts";
import { disturbanceOf, type Result } from "./harness/result.ts";
import { loadOf, ranked } from "./harness/terminal.ts";
import { benchFolder, resultsFolder } from "./harness/tools.ts";
import { workloads } from "./harness/workloads.ts";

const style = readFileSync(join(benchFolder, "harness", "report.css"), "utf8");

function head(result: Result): string {
  const { machine, settings, startedAt } = result;
  const disturbance = disturbanceOf(result);
  const warning = disturbance === undefined ? "" : `<p class="warning">${disturbance}</p>`;
  const day = new Date(startedAt).toUTCString().slice(5, 22);
  const rounds = `${settings.rounds} ${settings.rounds === 1 ? "round" : "rounds"}`;
  const processor = `${escapeText(machine.processor)}, ${machine.cores} cores`;
  return `<header><h1>Chopin bench</h1>
<p>${processor}, Linux ${escapeText(machine.kernel)} · ${day} UTC<br>
${rounds} of ${settings.seconds} s, fresh processes, order reversed every round. Server on one core,
load generator on another. Figures are medians; on a shared machine only ratios within a run mean
anything.</p>${warning}</header>`;
}

function workloadSections(result: Result): string {
  const sections = workloads.flatMap((workload) => {
    const rows = ranked(result, workload.name);
    if (rows.length === 0) return [];
    const content = workloadRows(rows, workload.perByte === true) + latencyPlot(rows);
    return [section(workload.title, loadOf(workload, result.settings.rate), content)];
  });
  return sections.join("");
}

function notes(result: Result): string {
  const left = result.skipped.map(
    ({ name, reason }) => `<li><b>${escapeText(name)}</b>: ${escapeText(reason)}</li>`,
  );
  const peers = result.peers.map(({ title, version, answerBytes }) =>
    tableRow("", [
      ["", escapeText(title)],
      ["", escapeText(version)],
      ["number", String(answerBytes.json ?? "–")],
    ]),
  );
  const columns = [
    ["", "name"],
    ["", "version"],
    ["number", "bytes of the answer to GET /json"],
  ] as const;
  const leftOut = left.length === 0 ? "" : section("Left out", "", `<ul>${left.join("")}</ul>`);
  return leftOut + section("Contenders", "", table("plain", columns, peers));
}

/** The whole page. */
export function renderReport(result: Result): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Chopin bench</title><style>${style}</style></head><body>
${head(result)}
${section("Bars", "left of the line is good", barRows(result))}
${workloadSections(result)}
${idleSection(result)}
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
