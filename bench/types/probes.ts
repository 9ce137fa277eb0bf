/**
 * What is typed into the programs, and what has to be offered then. The same for each framework: a
 * capture and a field of the body in the handler of the last route, the path of that route in a
 * call of the client, a field of its answer.
 */
import { type Framework, generatedRoutes } from "./programs.ts";

export type ProbeName = "params" | "body" | "path" | "answer";

export const probeTitles: Readonly<Record<ProbeName, string>> = {
  params: "params. in the last handler",
  body: "body. in the last handler",
  path: "path of the last route, client",
  answer: "field of its answer, client",
};

/** One place at which is typed. */
export interface Probe {
  readonly name: ProbeName;
  /** The file, and the last text in it that is replaced. */
  readonly file: string;
  readonly text: string;
  /** What comes before the cursor instead, and what comes behind it. */
  readonly typed: string;
  readonly behind: string;
  /** Everything that has to be offered. */
  readonly offered: readonly string[];
  /** What may be offered beside it, and nothing else. */
  readonly besides: readonly string[];
}

export type Probes = Readonly<Record<ProbeName, Probe>>;

/** How the client's calls are written. */
interface Client {
  /** The path of a route, and what is typed of it. */
  readonly path: (path: string) => Pick<Probe, "text" | "typed" | "behind">;
  readonly answer: Pick<Probe, "text" | "typed">;
  /** Members of its own that it shows among the parts of paths. */
  readonly own: readonly string[];
}

const partsOf = (path: string) => path.split("/").filter((part) => !/^$|:/.test(part));

/** The last part of a chain of members is what the cursor waits for. */
const chained = (name: string) => (path: string) => {
  const [module = "", item = ""] = partsOf(path);
  return { text: `${name}.${module}.${item}`, typed: `${name}.${module}.`, behind: "" };
};

const clients: Readonly<Record<Framework, Client>> = {
  chopin: {
    path: (path) => ({ text: `api.post("${path}"`, typed: 'api.post("', behind: '"' }),
    answer: { text: "answer.body.name", typed: "answer.body." },
    own: [],
  },
  elysia: {
    path: chained("api"),
    answer: { text: "data?.name", typed: "data?." },
    own: ["~path"],
  },
  hono: {
    path: chained("client"),
    answer: { text: "(await answer.json()).name", typed: "(await answer.json())." },
    own: [],
  },
};

/** Chopin's client takes a path, and is offered all of its method; the others the last module's. */
function offeredPaths(framework: Framework, count: number, last: string): string[] {
  const routes = generatedRoutes(count);
  if (framework === "chopin") return routes.filter(({ posts }) => posts).map(({ path }) => path);
  return routes
    .filter(({ path }) => path.startsWith(`/${last}/`))
    .map(({ path }) => partsOf(path)[1] ?? "");
}

/** @throws Error for a number of routes whose last one takes no body. */
export function probesOf(framework: Framework, count: number): Probes {
  const last = generatedRoutes(count).at(-1);
  if (last?.posts !== true) throw new Error("the last of an even number of routes takes a body");
  const inside = { file: `${last.module}.ts`, behind: "", besides: [] };
  const outside = { file: "index.ts", behind: "", besides: [] };
  const client = clients[framework];
  const fields = ["age", "name", "tags"];
  const answered = ["id", "name", "tags"];
  return {
    params: { ...inside, name: "params", text: "params.id", typed: "params.", offered: ["id"] },
    body: { ...inside, name: "body", text: "body.name", typed: "body.", offered: fields },
    path: {
      ...outside,
      ...client.path(last.path),
      name: "path",
      offered: offeredPaths(framework, count, last.module),
      besides: client.own,
    },
    answer: { ...outside, ...client.answer, name: "answer", offered: answered },
  };
}

/** What is wrong with an offer: undefined where all is as it has to be. */
export function faultOf(probe: Probe, offered: readonly string[]): string | undefined {
  const [got, expected] = [new Set(offered), new Set(probe.offered)];
  const missing = [...expected.difference(got)];
  const foreign = [...got.difference(expected.union(new Set(probe.besides)))];
  if (missing.length + foreign.length === 0) return undefined;
  const few = (names: readonly string[]) => `${names.length} (${names.slice(0, 3).join(", ")})`;
  return `${probe.name}: missing ${few(missing)}, not expected ${few(foreign)}`;
}
