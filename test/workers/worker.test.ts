/** One worker, with this process as its primary. */
import { expect, test } from "bun:test";
import { serverOptions } from "../../src/environment.ts";
import { bindListeners, closeDescriptors } from "../../src/native/listeners.ts";
import {
  Channel,
  type Order,
  type Place,
  placeVariable,
  type Report,
} from "../../src/workers/channel.ts";
import { Service, until } from "./_service.ts";

interface Posted extends AsyncDisposable {
  readonly service: Service;
  readonly channel: Channel<Order, Report>;
  readonly reports: Report[];
  readonly url: string;
}

/** `changes`: to what it is told. */
function post(changes: Partial<Place> = {}): Posted {
  const options = serverOptions({ hostname: "127.0.0.1", port: 0 }, {});
  const { fds, address } = bindListeners(options, 2);
  const place: Place = {
    slot: 1,
    workers: 2,
    primary: process.pid,
    listeners: fds.length,
    kept: false,
    address,
    ...changes,
  };
  const service = new Service({
    env: { [placeVariable]: JSON.stringify(place) },
    fds: ["pipe", ...fds],
  });
  const reports: Report[] = [];
  const control = service.child.stdio[3] as unknown as number;
  const channel = new Channel<Order, Report>(
    control,
    (report) => reports.push(report),
    () => {},
  );
  return {
    service,
    channel,
    reports,
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      channel.close();
      closeDescriptors(fds);
      await service[Symbol.asyncDispose]();
    },
  };
}

const isReady = ({ report }: Report): boolean => report === "ready";

test("it serves, says so, answers pings, and stops when it is told to", async () => {
  await using worker = post();
  await until(() => worker.reports.some(isReady));
  await worker.service.says(/onStart of 1 among 2/);
  expect(worker.service.text).not.toContain("onPrimary");
  worker.channel.send({ order: "ping" });
  await until(() => worker.reports.some(({ report }) => report === "pong"));
  worker.channel.send({ order: "stop", final: false });
  expect(await worker.service.ended()).toBe(0);
  expect(worker.service.text).toContain("onStop of 1");
});

test("it takes connections of another slot from one word to the next", async () => {
  await using worker = post();
  await until(() => worker.reports.some(isReady));
  worker.channel.send({ order: "accept", slot: 0, wanted: true });
  // Both queues are served: of forty connections not one waits for ever.
  const answers = Array.from({ length: 40 }, () => fetch(worker.url, { keepalive: false }));
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
  worker.channel.send({ order: "accept", slot: 0, wanted: false });
  worker.channel.send({ order: "ping" });
  await until(() => worker.reports.some(({ report }) => report === "pong"));
  const left = Array.from({ length: 40 }, () => fetch(worker.url, { keepalive: false }));
  await Promise.any(left);
  worker.channel.send({ order: "accept", slot: 0, wanted: true });
  for (const answer of await Promise.all(left)) expect(answer.status).toBe(200);
});

test("it ignores what a terminal sends", async () => {
  await using worker = post();
  await until(() => worker.reports.some(isReady));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
    worker.service.signal(signal);
  }
  worker.channel.send({ order: "ping" });
  await until(() => worker.reports.some(({ report }) => report === "pong"));
});

test("it ends with the channel", async () => {
  await using worker = post();
  await until(() => worker.reports.some(isReady));
  worker.channel.close();
  expect(await worker.service.ended()).toBe(1);
});

test("it does not begin for a primary that is gone", async () => {
  await using worker = post({ primary: 1 });
  expect(await worker.service.ended()).toBe(1);
  expect(worker.service.text).toBe("");
});
