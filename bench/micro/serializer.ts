/**
 * What an answer's body costs from object to bytes, small and large, against what Bun's own
 * Response does. Run: `bun bench/micro/serializer.ts`.
 */
import { bench, do_not_optimize, run, summary } from "mitata";
import dataset from "../data/arena-dataset.json";

const arena = Buffer.alloc(64 * 1024);
const encoder = new TextEncoder();

const small = () => ({ message: "Hello, World!" });
const large = () => ({
  items: dataset.slice(0, 25).map((item) => ({ ...item, total: item.price * item.quantity })),
  count: 25,
});

for (const [name, make] of [
  ["one field", small],
  ["25 items", large],
] as const) {
  summary(() => {
    bench(`${name}: the object alone`, () => do_not_optimize(make()));
    bench(`${name}: JSON.stringify`, () => do_not_optimize(JSON.stringify(make())));
    bench(`${name}: JSON.stringify, utf8Write into the answer arena`, () => {
      do_not_optimize(arena.utf8Write(JSON.stringify(make()), 0, arena.length));
    });
    bench(`${name}: JSON.stringify, encodeInto`, () => {
      do_not_optimize(encoder.encodeInto(JSON.stringify(make()), arena));
    });
    bench(`${name}: Response.json`, () => do_not_optimize(Response.json(make())));
  });
}

await run();
