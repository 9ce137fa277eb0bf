/**
 * What attacks cost a healthy client and the server, in figures: `bun scripts/setup.ts
 * scripts/attack.ts [slow|descriptors|churn]`. No test: figures depend on the machine. Needs Linux,
 * and Debian's slowhttptest for the first part; all of it stays on the loopback interface.
 */
import { connect } from "node:net";
import { attack, slowModes, startTarget, type Target } from "../test/attack/_target.ts";

const seconds = 10;
const connections = 1000;
const request = "GET / HTTP/1.1\r\nHost: healthy\r\n\r\n";
/** Of the healthy client: sixteen connections, each with a request every ten milliseconds. */
const healthyConnections = 16;
const paceMs = 10;

interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

/** Asks for so long, and says how long answers took, in milliseconds. */
async function healthy(target: Target, forMs: number): Promise<Latency> {
  const times: number[] = [];
  const end = performance.now() + forMs;
  await Promise.all(Array.from({ length: healthyConnections }, () => ask(target, end, times)));
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))]!;
  return { count: times.length, p50: at(0.5), p99: at(0.99), worst: at(1) };
}

async function ask({ port }: Target, end: number, times: number[]): Promise<void> {
  let answered: () => void = () => {};
  let failed: (error: Error) => void = () => {};
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => {
        if (bytes.toString("latin1").endsWith("good")) answered();
      },
      close: () => failed(new Error("the server closed a healthy connection")),
    },
  });
  while (performance.now() < end) {
    const start = performance.now();
    await new Promise<void>((resolve, reject) => {
      answered = resolve;
      failed = reject;
      socket.write(request);
    });
    times.push(performance.now() - start);
    await Bun.sleep(paceMs);
  }
  failed = () => {};
  socket.end();
}

function row(name: string, { count, p50, p99, worst }: Latency, usual?: Latency): void {
  const times = [p50, p99, worst].map((ms) => `${ms.toFixed(2)} ms`.padStart(10)).join("");
  const ratio = usual === undefined ? "" : `   p99 × ${(p99 / usual.p99).toFixed(2)}`;
  console.log(`${name.padEnd(24)}${String(count).padStart(7)}${times}${ratio}`);
}

/** A healthy client beside a thousand slow ones, and before each mode beside nobody. */
async function slow(): Promise<void> {
  console.log(`${connections} slow clients; requests, p50, p99 and worst of a healthy one`);
  for (const mode of Object.keys(slowModes)) {
    const target = await startTarget();
    await healthy(target, 2000);
    const usual = await healthy(target, seconds * 1000);
    row("unattacked", usual);
    const before = target.processorMs();
    const attackers = attack(target, mode, { connections, rate: 500, seconds: seconds + 4 });
    if (attackers === undefined) {
      console.log("slowhttptest is not installed (apt install slowhttptest)");
      await target.stop();
      return;
    }
    // All of them are there after two seconds; what they do when they come counts as well.
    const attacked = await healthy(target, seconds * 1000);
    row(mode, attacked, usual);
    const share = (target.processorMs() - before) / (seconds * 10);
    console.log(`  ${share.toFixed(1)} % of a processor, ${target.openDescriptors()} descriptors`);
    await attackers.exited;
    const said = await target.stop();
    if (said !== "") console.log(said.replaceAll(/^/gm, "  "));
  }
}

/** Twice as many clients as descriptors: what the pause costs, and that it ends. */
async function descriptors(): Promise<void> {
  const limit = 64;
  const target = await startTarget({}, limit);
  const sockets = await Promise.all(Array.from({ length: 2 * limit }, () => idle(target)));
  await Bun.sleep(500);
  const before = target.processorMs();
  await Bun.sleep(5000);
  const used = target.processorMs() - before;
  console.log(`descriptor limit ${limit}, ${sockets.length} clients: ${used} ms of CPU in 5 s`);
  for (const socket of sockets) socket.destroy();
  row("after it", await healthy(target, 1000));
  console.log((await target.stop()).replaceAll(/^/gm, "  "));
}

function idle({ port }: Target): Promise<import("node:net").Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Connect, ask, reset: a hundred thousand times, and what is left of it. */
async function churn(): Promise<void> {
  const target = await startTarget();
  await cycles(target, 10_000);
  await Bun.sleep(500);
  const measure = () => `${target.privateKiB()} KiB, ${target.openDescriptors()} descriptors`;
  console.log(`after  10,000 cycles: ${measure()}`);
  for (let part = 1; part <= 4; part++) {
    await cycles(target, 25_000);
    await Bun.sleep(500);
    console.log(`after ${(10 + 25 * part).toLocaleString("en").padStart(3)},000: ${measure()}`);
  }
  await target.stop();
}

/** Half of them leave before the answer comes. */
async function cycles(target: Target, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const socket = await idle(target);
      socket.write(request);
      if (left % 2 === 0) await new Promise((resolve) => socket.once("data", resolve));
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.resetAndDestroy();
      });
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
}

const parts: Readonly<Record<string, () => Promise<void>>> = { slow, descriptors, churn };
const [wanted] = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted === undefined || wanted === name) await run();
}
