/**
 * Nanoseconds of a lookup with 1 and with 1,000 routes: routers written in JavaScript, over
 * strings, as their frameworks call them; and Chopin's as `app.fetch` calls it, with the crossing
 * of the border and the strings of its answer included. For sockets Chopin matches bytes in place,
 * without either: that is `router.zig`. Run: `bun bench/micro/router.ts`.
 */
import { join } from "node:path";
import { bench, do_not_optimize, run, summary } from "mitata";
import { methodTokens } from "../../src/native/abi.ts";
import { Router } from "../../src/native/router.ts";
import { installPackages } from "../harness/prepare.ts";
import { type DeclaredRoute, single, singleTargets, thousand, thousandTargets } from "./routes.ts";

const missing = await installPackages(import.meta.dir);
if (missing !== undefined) throw new Error(missing);

/** The packages of this folder have types only after they are installed. */
const load = async (name: string) =>
  import(Bun.resolveSync(name, join(import.meta.dir, "package.json")));

type Lookup = (target: string) => unknown;

const { default: findMyWay } = await load("find-my-way");
const { SmartRouter } = await load("hono/router/smart-router");
const { RegExpRouter } = await load("hono/router/reg-exp-router");
const { TrieRouter } = await load("hono/router/trie-router");
const { Memoirist } = await load("memoirist");

const handler = () => "found";

const makers: Readonly<Record<string, (routes: readonly DeclaredRoute[]) => Lookup>> = {
  "find-my-way": (routes) => {
    const router = findMyWay();
    for (const { method, pattern } of routes) router.on(method, pattern, handler);
    return (target) => router.find("GET", target);
  },
  "Hono (SmartRouter)": (routes) => {
    const router = new SmartRouter({ routers: [new RegExpRouter(), new TrieRouter()] });
    for (const { method, pattern } of routes) router.add(method, pattern, handler);
    return (target) => router.match("GET", target);
  },
  memoirist: (routes) => {
    const router = new Memoirist();
    for (const { method, pattern } of routes) router.add(method, pattern, handler);
    return (target) => router.find("GET", target);
  },
  "Chopin, as app.fetch": (routes) => {
    const router = new Router();
    routes.forEach(({ method, pattern }, index) => {
      router.add(methodTokens.indexOf(method), pattern, index, { limit: 0, stream: false });
    });
    router.commit({ globalLayer: false, trailingSlashIgnored: false, customNotFound: false });
    return (target) => router.match("GET", target);
  },
};

for (const [title, routes, targets] of [
  ["1 route", single, singleTargets],
  ["1,000 routes", thousand, thousandTargets],
] as const) {
  summary(() => {
    for (const [name, make] of Object.entries(makers)) {
      const lookup = make(routes);
      let next = 0;
      bench(`${title}: ${name}`, () => {
        next = next + 1 === targets.length ? 0 : next + 1;
        do_not_optimize(lookup(targets[next]!));
      });
    }
  });
}

await run();
