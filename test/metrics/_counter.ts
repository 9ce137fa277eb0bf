/** A process that counts into a block which it inherits: a worker, as far as metrics go. */
import { Chopin } from "../../src/index.ts";
import { Operations } from "../../src/metrics/operations.ts";
import { MetricsBlock } from "../../src/native/metrics.ts";

const fd = 3;
const section = Number(process.argv[2]);
const requests = Number(process.argv[3]);

/** The routes of one generation differ from those of another: numbers do not, names do. */
const routes = process.argv[4] ?? "";

class Worker extends Chopin {
  operations(): Operations {
    const { metrics, health } = this.definition;
    return new Operations(metrics, health, { fd, section });
  }
}

const app = new Worker().metrics();
for (const name of routes.split(",")) app.get(`/${name}`, () => name);

const { serverOptions } = await import("../../src/environment.ts");
const { compileProgram } = await import("../../src/compile.ts");
const { startServing } = await import("../../src/serving.ts");
const program = await compileProgram(
  (app as unknown as { definition: Parameters<typeof compileProgram>[0] }).definition,
  { bodyLimit: 1024, development: false },
);
const options = serverOptions({ hostname: "127.0.0.1", port: 0 });
const server = await startServing(options, program, app.operations(), () => {});
const first = routes.split(",")[0];
for (let at = 0; at < requests; at++) await (await fetch(`${server.url}${first}`)).text();
const seen = MetricsBlock.attach(fd).read().counter("requests");
console.log(JSON.stringify({ seen }));
// Killed, or told to end: what was counted is in the block already.
await Bun.stdin.text();
process.kill(process.pid, "SIGKILL");
