/** The text of metrics, read by parsers that others wrote: of the two formats, and of Accept. */
import { describe, expect, test } from "bun:test";
import parse from "parse-prometheus-text-format";
import { Chopin, type ServeOptions } from "../../src/index.ts";
import { formatFor, metricsText } from "../../src/metrics/text.ts";
import { basicAuth } from "../../src/middleware/index.ts";
import { withServer } from "../_setup.ts";
import { freePort } from "./_port.ts";

const promtool = Bun.which("promtool") !== null;
const python =
  Bun.which("python3") !== null &&
  Bun.spawnSync(["python3", "-c", "import prometheus_client.openmetrics.parser"]).success;

/** Metrics of a server with everything in its labels that needs escaping. */
async function told(accept?: string, options: ServeOptions = {}): Promise<Response> {
  const app = new Chopin().metrics();
  app.get("/:id(\\d+)", ({ params }) => params);
  app.get('/q/:id([a-z"]+)', () => "x");
  app.post("/text", (ctx) => ctx.text());
  let response: Response | undefined;
  await withServer(
    app,
    async ({ url }) => {
      for (const path of ["7", "8", "q/a%22", "none"]) await (await fetch(url + path)).text();
      await (await fetch(`${url}text`, { method: "POST", body: "x" })).text();
      const fields: Record<string, string> = accept === undefined ? {} : { Accept: accept };
      const answer = await fetch(`${url}metrics`, { headers: fields });
      response = new Response(await answer.text(), answer);
    },
    options,
  );
  return response!;
}

const openMetrics = "application/openmetrics-text;version=1.0.0;q=0.7,text/plain;q=0.5";

describe("the format of Prometheus", () => {
  test("is read by a parser, family by family", async () => {
    const answer = await told();
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.headers.get("vary")).toBe("Accept");
    const families = parse(await answer.text()) as { name: string; type: string; help: string }[];
    const types = new Map(families.map(({ name, type }) => [name, type]));
    expect(types.get("chopin_requests_total")).toBe("COUNTER");
    expect(types.get("chopin_connections_open")).toBe("GAUGE");
    expect(types.get("chopin_request_duration_seconds")).toBe("HISTOGRAM");
    expect(families.length).toBe(types.size);
    for (const { name, help } of families) expect([name, help]).not.toEqual([name, ""]);
  });

  test("has rising buckets that end with the count", async () => {
    const text = await (await told()).text();
    const bucket = /^(\w+)_bucket\{(.*?),?le="([^"]+)"\} (\d+)$/gm;
    const series = new Map<string, number[]>();
    for (const [, name = "", labels = "", , count] of text.matchAll(bucket)) {
      const key = `${name}_count${labels === "" ? "" : `{${labels}}`}`;
      series.set(key, [...(series.get(key) ?? []), Number(count)]);
    }
    expect(series.size).toBeGreaterThan(5);
    for (const [key, counts] of series) {
      expect(counts).toEqual(counts.toSorted((one, other) => one - other));
      expect(text).toContain(`\n${key} ${counts.at(-1)}\n`);
    }
  });

  test("escapes labels", async () => {
    const text = await (await told()).text();
    expect(text).toContain('route="/:id(\\\\d+)"');
    expect(text).toContain('route="/q/:id([a-z\\"]+)"');
  });

  test.skipIf(!promtool)("promtool finds no fault (needs Debian's prometheus)", async () => {
    const text = await (await told()).text();
    const child = Bun.spawnSync(["promtool", "check", "metrics"], { stdin: Buffer.from(text) });
    expect(child.stderr.toString()).toBe("");
    expect(child.exitCode).toBe(0);
  });
});

describe("OpenMetrics", () => {
  test("names families without _total, has units, and an end", async () => {
    const answer = await told(openMetrics);
    expect(answer.headers.get("content-type")).toBe(
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    const text = await answer.text();
    expect(text).toContain("# TYPE chopin info\n");
    expect(text).toContain("# TYPE chopin_requests counter\n");
    expect(text).toContain("# UNIT chopin_request_duration_seconds seconds\n");
    expect(text).toEndWith("\n# EOF\n");
    expect(text.match(/^# EOF$/gm)).toHaveLength(1);
  });

  test.skipIf(!python)("the reference parser reads it (needs prometheus_client)", async () => {
    const text = await (await told(openMetrics)).text();
    const program =
      "import sys; from prometheus_client.openmetrics import parser;" +
      "print(len(list(parser.text_string_to_metric_families(sys.stdin.read()))))";
    const child = Bun.spawnSync(["python3", "-c", program], { stdin: Buffer.from(text) });
    expect(child.stderr.toString()).toBe("");
    expect(Number(child.stdout.toString())).toBeGreaterThan(15);
  });
});

describe("Accept", () => {
  const cases: Readonly<Record<string, string>> = {
    "": "prometheus",
    "*/*": "prometheus",
    "text/html,application/xhtml+xml,*/*;q=0.8": "prometheus",
    "text/plain;version=0.0.4": "prometheus",
    "application/openmetrics-text": "openmetrics",
    [openMetrics]: "openmetrics",
    "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.5": "prometheus",
    "application/openmetrics-text;version=0.0.1,text/plain": "prometheus",
    "application/openmetrics-text;q=0": "prometheus",
    "application/openmetrics-text;q=x": "prometheus",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.1":
      "openmetrics",
  };
  for (const [accept, format] of Object.entries(cases)) {
    test(`${JSON.stringify(accept)} is ${format}`, () => {
      expect(formatFor(accept)).toBe(format as "prometheus");
    });
  }
  test("missing is the older format", () => expect(formatFor(undefined)).toBe("prometheus"));
});

describe("app.metrics", () => {
  test("has a path of choice, middleware, and bounds of choice", async () => {
    const app = new Chopin().metrics({
      path: "/internal/numbers",
      buckets: [0.5, 1],
      use: basicAuth({ realm: "numbers", verify: (name) => name === "reader" }),
    });
    await withServer(app, async ({ url }) => {
      const path = `${url}internal/numbers`;
      expect((await fetch(path)).status).toBe(401);
      const headers = { Authorization: `Basic ${btoa("reader:")}` };
      const text = await (await fetch(path, { headers })).text();
      expect(text.match(/duration_seconds_bucket/g)).toHaveLength(3);
    });
  });

  test("has a port of its own, whose requests are not counted", async () => {
    const port = freePort();
    const app = new Chopin().metrics({ port }).health({ port }).get("/", "x");
    await withServer(app, async ({ url }) => {
      const own = `http://127.0.0.1:${port}`;
      await (await fetch(url)).text();
      for (let at = 0; at < 3; at++) {
        const text = await (await fetch(`${own}/metrics`)).text();
        expect(text).toContain("\nchopin_requests_total 1\n");
      }
      expect((await fetch(`${url}metrics`)).status).toBe(404);
      expect((await fetch(`${own}/healthz`)).status).toBe(200);
      expect((await fetch(`${own}/readyz`)).status).toBe(200);
      expect((await fetch(`${own}/`)).status).toBe(404);
      const refused = await fetch(`${own}/metrics`, { method: "POST" });
      expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    });
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  test("a port that is taken stops the start, and leaves nothing behind", async () => {
    const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const app = new Chopin().metrics({ port: taken.port! });
    await expect(app.serve("127.0.0.1:0")).rejects.toThrow();
    await taken.stop(true);
    await withServer(app, async () => {});
  });

  test("without a server there is nothing to tell", async () => {
    const app = new Chopin().metrics();
    const answer = await app.fetch(new Request("http://localhost/metrics"));
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
    expect(metricsText([], undefined, "openmetrics")).toBe("# EOF\n");
  });

  const wrong: Readonly<Record<string, object>> = {
    path: { path: "metrics" },
    port: { port: 70_000 },
    hostname: { hostname: "::1" },
    buckets: { buckets: [1, 1] },
    use: { port: 1, use: () => undefined },
  };
  for (const [name, options] of Object.entries(wrong)) {
    test(`a wrong ${name} is refused`, () => {
      expect(() => new Chopin().metrics(options)).toThrow(name);
    });
  }
});
