/**
 * What schemas cost: a body that fits, and those that do not with the answer that says so; answers
 * that are stripped and then written by `JSON.stringify`, against the same without a schema and
 * against code that writes the JSON of one schema itself. Run: `bun bench/micro/schemas.ts`.
 */
import { bench, do_not_optimize, run, summary } from "mitata";
import { t } from "../../src/index.ts";
import { parseJson, type Refused } from "../../src/refused.ts";
import { compileTypeBox, validatorOf } from "../../src/schema/compile.ts";
import { Refusal } from "../../src/schema/finding.ts";
import { Misfit } from "../../src/schema/misfit.ts";
import type { SchemaNode } from "../../src/schema/node.ts";
import dataset from "../data/arena-dataset.json";

const User = t.Object({
  name: t.String({ minLength: 1 }),
  age: t.Integer({ minimum: 0 }),
  email: t.String({ format: "email" }),
});
const validate = validatorOf(User, "json");
const arena = Buffer.alloc(64 * 1024);
const right = '{"name":"Ada Lovelace","age":36,"email":"ada@example.org"}';
const oneWrong = '{"name":"Ada Lovelace","age":-1,"email":"ada@example.org"}';
const allWrong = '{"name":"","age":-1,"email":"ada"}';

function refuse(text: string): Misfit {
  const refusal = validate(JSON.parse(text));
  if (!(refusal instanceof Refusal)) throw new Error("it was taken");
  return new Misfit([["body", refusal]]);
}

summary(() => {
  bench("body: JSON.parse", () => do_not_optimize(JSON.parse(right)));
  bench("body: JSON.parse and validate", () => do_not_optimize(validate(JSON.parse(right))));
  bench("one field wrong: JSON.parse, validate, write the answer", () => {
    do_not_optimize(arena.utf8Write(refuse(oneWrong).body(), 0, arena.length));
  });
  bench("three fields wrong: the same", () => {
    do_not_optimize(arena.utf8Write(refuse(allWrong).body(), 0, arena.length));
  });
  bench("three fields wrong: the same with the error for onError", () => {
    const misfit = refuse(allWrong);
    do_not_optimize(misfit.error);
    do_not_optimize(arena.utf8Write(misfit.body(), 0, arena.length));
  });
  bench("no JSON: the answer", () => {
    const refused = parseJson(right.slice(0, -1)) as Refused;
    do_not_optimize(arena.utf8Write(refused.body(), 0, arena.length));
  });
});

const Item = t.Object({
  id: t.Integer(),
  name: t.String(),
  category: t.String(),
  price: t.Number(),
  quantity: t.Integer(),
  active: t.Boolean(),
  tags: t.Array(t.String()),
  rating: t.Object({ score: t.Number(), count: t.Integer() }),
});
const List = t.Object({ items: t.Array(Item), count: t.Integer() });
type Row = (typeof dataset)[number];

const list = { items: dataset.slice(0, 25), count: 25 };
const strip = compileTypeBox(List as unknown as SchemaNode, "answer").shape!;

/** As compilers of serializers write it. */
function writeItem(item: Row): string {
  const { id, price, quantity, active, rating } = item;
  const tags = item.tags.map(quoted).join(",");
  const texts = `"name":${quoted(item.name)},"category":${quoted(item.category)}`;
  const numbers = `"price":${price},"quantity":${quantity},"active":${active}`;
  const score = `{"score":${rating.score},"count":${rating.count}}`;
  return `{"id":${id},${texts},${numbers},"tags":[${tags}],"rating":${score}}`;
}

function quoted(text: string): string {
  return /["\\\x00-\x1f\ud800-\udfff]/.test(text) ? JSON.stringify(text) : `"${text}"`;
}

const write = () => `{"items":[${list.items.map(writeItem).join(",")}],"count":${list.count}}`;
if (write() !== JSON.stringify(strip(list))) throw new Error("the answers differ");

const user = { id: 7, name: "Ada Lovelace", age: 36, email: "ada@example.org" };
const row = { ...user, password: "x".repeat(60), created: "2026-01-02T03:04:05.000Z" };
const Shown = t.Object({ id: t.Integer(), name: t.String(), age: t.Integer(), email: t.String() });
const stripOne = compileTypeBox(Shown as unknown as SchemaNode, "answer").shape!;

summary(() => {
  bench("25 items: JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(list), 0, arena.length));
  });
  bench("25 items: strip, JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(strip(list)), 0, arena.length));
  });
  bench("25 items: written by its schema", () => {
    do_not_optimize(arena.utf8Write(write(), 0, arena.length));
  });
});
summary(() => {
  bench("one object, all keys named: JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(user), 0, arena.length));
  });
  bench("one object, all keys named: strip, JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(stripOne(user)), 0, arena.length));
  });
  bench("one object, two keys more: JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(row), 0, arena.length));
  });
  bench("one object, two keys more: strip, JSON.stringify", () => {
    do_not_optimize(arena.utf8Write(JSON.stringify(stripOne(row)), 0, arena.length));
  });
});

await run();
