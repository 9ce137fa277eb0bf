/** Samples of idle connections, and how they are shown in a terminal. Made by `bench/idle.ts`. */
import { type Figure, figure, median } from "./statistics.ts";
import { bold, cyan, dim, spread, table } from "./terminal-table.ts";

export interface IdleSample {
  readonly peer: string;
  readonly round: number;
  readonly connections: number;
  /** Private bytes of all processes of the server, warm and without a connection. */
  readonly emptyBytes: number;
  /** The same with all connections open. */
  readonly fullBytes: number;
}

export interface IdleRow {
  readonly peer: string;
  readonly title: string;
  readonly connections: number;
  readonly perConnection: Figure;
  readonly emptyBytes: number;
  readonly fullBytes: number;
}

const titles: Readonly<Record<string, string>> = {
  chopin: "Chopin",
  "bun-serve": "Bun.serve",
  nginx: "nginx",
};

/** Bytes for each connection, or undefined where the contender was not measured. */
export function idleFigure(samples: readonly IdleSample[], peer: string): Figure | undefined {
  const own = samples.filter((sample) => sample.peer === peer);
  if (own.length === 0) return undefined;
  return figure(
    own.map(({ emptyBytes, fullBytes, connections }) => (fullBytes - emptyBytes) / connections),
  );
}

/** The smallest first. */
export function idleRows(samples: readonly IdleSample[]): IdleRow[] {
  const rows = Object.entries(titles).flatMap(([peer, title]) => {
    const own = samples.filter((sample) => sample.peer === peer);
    const perConnection = idleFigure(own, peer);
    if (perConnection === undefined) return [];
    return {
      peer,
      title,
      connections: median(own.map(({ connections }) => connections)),
      perConnection,
      emptyBytes: median(own.map(({ emptyBytes }) => emptyBytes)),
      fullBytes: median(own.map(({ fullBytes }) => fullBytes)),
    };
  });
  return rows.sort((a, b) => a.perConnection.middle - b.perConnection.middle);
}

export const mebibytes = (bytes: number) => (bytes / 1048576).toFixed(1);
export const wholeBytes = (bytes: number) => Math.round(bytes).toLocaleString("en");

export function printIdle(samples: readonly IdleSample[]): void {
  const rows = idleRows(samples);
  const first = rows[0];
  if (first === undefined) return;
  const ours = rows.find(({ peer }) => peer === "chopin")?.perConnection.middle;
  const load = `${first.connections.toLocaleString("en")} connections after one answer each`;
  console.log(`\n${bold("idle connections")}  ${dim(`${load}; private memory`)}`);
  const cells = rows.map(({ peer, title, perConnection, emptyBytes, fullBytes }) => [
    { text: title, paint: peer === "chopin" ? cyan : String },
    { text: wholeBytes(perConnection.middle), paint: bold },
    { text: spread(perConnection, wholeBytes), paint: dim },
    { text: ours === undefined ? "" : `${(perConnection.middle / ours).toFixed(2)}×`, paint: dim },
    { text: mebibytes(emptyBytes) },
    { text: mebibytes(fullBytes) },
  ]);
  const head = ["", "bytes each", "min–max", "Chopin = 1", "empty MiB", "full MiB"];
  console.log(table(head, cells, head.length));
}
