/**
 * Replaces the workers of a service twenty times under load and tells what failed: nothing should.
 * `bun scripts/replacements.ts [rounds] [connections] [workers]`
 */
import { Load } from "../test/workers/_load.ts";
import { Service } from "../test/workers/_service.ts";

const [rounds = 20, connections = 64, workers = 4] = process.argv.slice(2).map(Number);
await using service = await Service.start({ serve: { workers } });
const loads = [new Load(service.url, connections / 2), new Load(service.url, connections / 2, 200)];
for (let round = 1; round <= rounds; round += 1) {
  service.signal("SIGHUP");
  await service.says(/all workers were replaced/, round);
}
await Promise.all(loads.map((load) => load.end()));
const sum = (of: (load: Load) => number): number => loads.reduce((all, load) => all + of(load), 0);
const failed = sum(({ failures }) => failures.length);
console.log(
  `${rounds} replacements of ${workers} workers: ${sum(({ answered }) => answered)} requests on ` +
    `${sum(({ connected }) => connected)} connections, ${failed} failed`,
);
for (const { what } of loads.flatMap(({ failures }) => failures).slice(0, 10)) console.log(what);
service.signal("SIGTERM");
process.exitCode = (await service.ended()) === 0 && failed === 0 ? 0 : 1;
