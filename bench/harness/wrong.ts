/** Requests that do not fit the schemas of their route, and what one costs beside a right one. */
import { median } from "./statistics.ts";
import type { Request } from "./workloads.ts";

/** A request and the status of its answer. */
export interface Asked {
  readonly request: Request;
  readonly status: number;
}

/** One way of being wrong, and the request of the same route that is right. */
export interface Mistake {
  readonly name: string;
  readonly right: Asked;
  readonly wrong: Asked;
  /** Asked of all contenders, not of Chopin alone. */
  readonly compared: boolean;
}

/** Microseconds of CPU time for each request, right and wrong in windows next to each other. */
export interface WrongSample {
  readonly peer: string;
  readonly mistake: string;
  readonly round: number;
  readonly right: CpuTime;
  readonly wrong: CpuTime;
}

export interface CpuTime {
  readonly requests: number;
  readonly userUs: number;
  readonly systemUs: number;
}

const user = { name: "Ada Lovelace", age: 36, email: "ada@example.org" };
const order = {
  customer: { name: "Ada Lovelace", address: { city: "London", zip: "10115" } },
  items: [
    { sku: "a-1", count: 1 },
    { sku: "b-2", count: 2 },
  ],
  payment: { by: "card", number: "4111111111111111" },
  contact: "ada@example.org",
};
const { customer, items } = order;
const address = { city: "London", zip: "W1" };

function post(path: string, body: unknown, status: number, type?: string): Asked {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = { method: "POST", path, body: text } as const;
  return { request: type === undefined ? request : { ...request, type }, status };
}

const get = (path: string, status: number): Asked => ({ request: { method: "GET", path }, status });

function mistakesOf(
  route: string,
  right: Asked,
  wrong: Readonly<Record<string, Asked>>,
  compared = false,
): Mistake[] {
  return Object.entries(wrong).map(([name, asked]) => {
    return { name: `${route}: ${name}`, right, wrong: asked, compared };
  });
}

const users = {
  "one field": post("/users", { ...user, age: -1 }, 422),
  "three fields": post("/users", { name: "", age: -1, email: 7 }, 422),
  "missing field": post("/users", { name: user.name, age: user.age }, 422),
  "invalid JSON": post("/users", JSON.stringify(user).slice(0, -1), 400),
  "text/plain": post("/users", user, 415, "text/plain"),
};

export const mistakes: readonly Mistake[] = [
  ...mistakesOf("user", post("/users", user, 200), users, true),
  ...mistakesOf("item", get("/items/42?page=7", 200), {
    params: get("/items/x?page=7", 422),
    query: get("/items/42?page=x", 422),
  }),
  ...mistakesOf("extractor", get("/pages?page=7", 200), { query: get("/pages?page=x", 422) }),
  ...mistakesOf("order", post("/orders", order, 200), {
    "nested field": post("/orders", { ...order, customer: { ...customer, address } }, 422),
    item: post("/orders", { ...order, items: [...items, { sku: "c-3" }] }, 422),
    "tagged union": post("/orders", { ...order, payment: { by: "iban", iban: "" } }, 422),
    union: post("/orders", { ...order, contact: "ada" }, 422),
  }),
  ...mistakesOf("onInvalid", post("/invalid/users", user, 200), {
    "one field": post("/invalid/users", { ...user, age: -1 }, 400),
  }),
  ...mistakesOf("onError", post("/error/users", user, 200), {
    "one field": post("/error/users", { ...user, age: -1 }, 422),
  }),
];

/** CPU time of all windows over their requests: the kernel samples too coarsely for one window. */
export function pooled(windows: readonly CpuTime[]): CpuTime {
  const sum = (of: (window: CpuTime) => number) =>
    windows.reduce((total, window) => total + of(window), 0);
  const requests = sum((window) => window.requests);
  return {
    requests,
    userUs: sum((window) => window.userUs * window.requests) / requests,
    systemUs: sum((window) => window.systemUs * window.requests) / requests,
  };
}

/** User time of a wrong request over that of a right one: pooled, and the median of the rounds. */
export function ratioOf(samples: readonly WrongSample[]): { pooled: number; median: number } {
  const [wrong, right] = [samples.map((one) => one.wrong), samples.map((one) => one.right)];
  return {
    pooled: pooled(wrong).userUs / pooled(right).userUs,
    median: median(samples.map((one) => one.wrong.userUs / one.right.userUs)),
  };
}
