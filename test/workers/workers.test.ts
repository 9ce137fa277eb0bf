/** Workers that come and go: who answers, who is replaced, who is told. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exists, Service, until } from "./_service.ts";

test("the primary serves nothing; its workers answer on one port", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const pids = await service.pids(2);
  expect(pids).not.toContain(service.child.pid);
  await service.says(/serves /, 2);
  expect(service.text).toContain(`onPrimary in ${service.child.pid}`);
  expect(service.count(/onPrimary/)).toBe(1);
  expect(service.count(/onStart of [01] among 2/)).toBe(2);
  expect(service.text).not.toContain(`serves ${service.url} in ${service.child.pid}`);
  service.signal("SIGTERM");
  expect(await service.ended()).toBe(0);
  expect(service.count(/onStop of [01]/)).toBe(2);
});

test("one port cannot have two services", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const { port } = new URL(service.url);
  for (const workers of [1, 2]) {
    await using second = new Service({ serve: { workers, port: Number(port) } });
    expect(await second.ended()).toBe(1);
    expect(second.text).toContain("EADDRINUSE");
  }
});

test("a worker that is killed is replaced, and the others go on meanwhile", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const [victim = 0, other = 0] = await service.pids(2);
  process.kill(victim, "SIGKILL");
  await service.says(/worker \d \(process \d+\) was killed by SIGKILL; another one is started/);
  await until(async () => {
    const { pid } = await service.get<{ pid: number }>("/");
    expect(pid).not.toBe(victim);
    return pid !== other;
  });
  expect(await service.pids(2)).toContain(other);
});

test("what ended a worker is told", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  await fetch(`${service.url}throw`);
  const thrown = "ended by an uncaught exception: RangeError: thrown outside of a handler";
  await service.says(new RegExp(thrown));
  await fetch(`${service.url}exit/7`);
  await service.says(/ended with exit code 7/);
  const [crashed = 0] = await service.pids(1);
  process.kill(crashed, "SIGSEGV");
  await service.says(/crashed natively \(SIG(SEGV|ILL|ABRT|TRAP)\)/);
  expect((await service.pids(2)).size).toBe(2);
});

test("a program that does not start is tried again, then the service ends", async () => {
  await using service = new Service({ serve: { workers: 2 }, env: { FAIL: "no such database" } });
  expect(await service.ended()).toBe(1);
  expect(service.count(/worker 0 .* before it served/)).toBe(3);
  expect(service.text).toMatch(/failed to start 3 times.*the first time: .*no such database/);
  expect(service.text).not.toContain("worker 1");
});

test("when the primary is killed its workers end", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const pids = await service.pids(2);
  service.signal("SIGKILL");
  await service.child.exited;
  await until(() => [...pids].every((pid) => !exists(pid)));
});

test("what a terminal sends to the whole group counts once", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  const slow = service.get<{ pid: number }>("/slow/300");
  await until(async () => (await service.pids(2)).size === 2);
  process.kill(-service.child.pid, "SIGINT");
  expect((await slow).pid).toBeGreaterThan(0);
  expect(await service.ended()).toBe(0);
  expect(service.count(/onStop of/)).toBe(2);
});

test("a program that stops itself stops the service", async () => {
  await using service = await Service.start({ serve: { workers: 2 } });
  await fetch(`${service.url}stop`);
  expect(await service.ended()).toBe(0);
  expect(service.count(/onStop of/)).toBe(2);
});

test("an event loop that is blocked is reported, and that it goes on", async () => {
  await using service = await Service.start({ serve: { workers: 2, blockedMs: 200 } });
  const { pid } = await service.get<{ pid: number }>("/block/700");
  await service.says(new RegExp(`the event loop of worker \\d \\(process ${pid}\\) is blocked`));
  await service.says(new RegExp(`worker \\d \\(process ${pid}\\) goes round again`));
});

test("a worker that is blocked is replaced where that is wanted", async () => {
  const serve = { workers: 2, blockedMs: 200, replaceBlocked: true };
  await using service = await Service.start({ serve });
  const before = await service.pids(2);
  const lost = service.get("/block/60000").catch(() => "lost");
  await service.says(/is blocked/);
  expect(await lost).toBe("lost");
  const after = await service.pids(2);
  expect([...after].filter((pid) => before.has(pid))).toHaveLength(1);
});

test("one listener for all on a unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-workers-"));
  const unix = join(folder, "socket");
  try {
    await using service = await Service.start({ serve: { unix, workers: 2 } });
    const pids = new Set<number>();
    while (pids.size < 2) {
      const answers = Array.from({ length: 8 }, () =>
        fetch("http://localhost/", { unix, keepalive: false }),
      );
      for (const answer of await Promise.all(answers)) {
        pids.add(((await answer.json()) as { pid: number }).pid);
      }
    }
    service.signal("SIGTERM");
    expect(await service.ended()).toBe(0);
    expect(await Bun.file(unix).exists()).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("where no workers can be started, one process serves and says why", async () => {
  const source =
    'import { Chopin } from "./src/index.ts"; await new Chopin().serve("127.0.0.1:0");';
  const code = `${source} console.log("serves"); process.exit(0)`;
  await using service = new Service({
    command: [process.execPath, "-e", code],
    env: { CHOPIN_WORKERS: "auto" },
  });
  expect(await service.ended()).toBe(0);
  expect(service.text).toContain("one process serves, because workers cannot be started");
});

test("the connections of a slot without a worker are taken by another one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-workers-"));
  const broken = join(folder, "broken");
  try {
    await using service = await Service.start({
      serve: { workers: 2 },
      env: { FAIL_FILE: broken },
    });
    const [victim = 0, other = 0] = await service.pids(2);
    writeFileSync(broken, "");
    process.kill(victim, "SIGKILL");
    await service.says(/before it served/);
    // The kernel gives half of them to the slot that nobody fills.
    const answers = Array.from({ length: 40 }, () => service.get<{ pid: number }>("/"));
    for (const { pid } of await Promise.all(answers)) expect(pid).toBe(other);
    rmSync(broken);
    expect((await service.pids(2)).has(victim)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

if (process.platform === "linux") {
  test("workers keep to processors of their own where that is wanted", async () => {
    await using service = await Service.start({ serve: { workers: 2, pinWorkers: true } });
    const allowed = [...(await service.pids(2))].map((pid) => {
      const status = readFileSync(`/proc/${pid}/task/${pid}/status`, "latin1");
      return /^Cpus_allowed_list:\s+(.*)$/m.exec(status)?.[1];
    });
    for (const list of allowed) expect(list).toMatch(/^\d+$/);
    expect(new Set(allowed).size).toBe(Math.min(2, navigator.hardwareConcurrency));
  });
}

test("a replacement that does not start leaves the workers that serve", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chopin-workers-"));
  const broken = join(folder, "broken");
  try {
    await using service = await Service.start({
      serve: { workers: 2 },
      env: { FAIL_FILE: broken },
    });
    const before = await service.pids(2);
    writeFileSync(broken, "");
    service.signal("SIGHUP");
    await service.says(/the new program does not start \(worker 0 .* ended with exit code 9\)/);
    expect(await service.pids(2)).toEqual(before);
    rmSync(broken);
    service.signal("SIGHUP");
    await service.says(/all workers were replaced/);
    for (const pid of await service.pids(2)) expect(before).not.toContain(pid);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
