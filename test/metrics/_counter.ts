/** A process that counts into a block which it inherits: a worker, as far as metrics go. */
import { compileProgram } from "../../src/compile.ts";
import { serverOptions } from "../../src/environment.ts";
import { Chopin } from "../../src/index.ts";
import { createDispatcher } from "../../src/native/dispatch.ts";
import { MetricsBlock } from "../../src/native/metrics.ts";
import { startServer } from "../../src/native/server.ts";
import type { Program } from "../../src/program.ts";

/** The routes of one generation differ from those of another: numbers do not, names do. */
const [section = "", requests = "", routes = ""] = process.argv.slice(2);
const names = routes.split(",");

class Open extends Chopin {
  compile(): Promise<Program> {
    return compileProgram(this.definition, { bodyLimit: 1024, development: false });
  }
}

const app = new Open();
for (const name of names) app.get(`/${name}`, () => name);
const program = await app.compile();
const options = serverOptions({ hostname: "127.0.0.1", port: 0 });
const native = await startServer(options, program.router, (server) =>
  createDispatcher(server, program),
);
const block = MetricsBlock.attach(3);
block.record(native.handle, Number(section), program.names);
const url = `http://127.0.0.1:${native.address.port}/${names[0]}`;
for (let at = 0; at < Number(requests); at++) await (await fetch(url)).text();
console.log(JSON.stringify({ seen: block.read().counter("requests") }));
