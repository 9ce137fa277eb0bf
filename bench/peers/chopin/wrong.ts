// Routes with schemas of every kind, for requests that do not fit them: see bench/wrong.ts.
import { Chopin, extract, t } from "../../../src/index.ts";

const User = t.Object({
  name: t.String({ minLength: 1 }),
  age: t.Integer({ minimum: 0 }),
  email: t.String(),
});
const Created = t.Object({ ok: t.Boolean(), name: t.String(), age: t.Integer() });
const Order = t.Object({
  customer: t.Object({
    name: t.String({ minLength: 1 }),
    address: t.Object({ city: t.String(), zip: t.String({ pattern: "^\\d{5}$" }) }),
  }),
  items: t.Array(t.Object({ sku: t.String(), count: t.Integer({ minimum: 1 }) })),
  payment: t.Union([
    t.Object({ by: t.Literal("card"), number: t.String({ minLength: 12 }) }),
    t.Object({ by: t.Literal("iban"), iban: t.String({ minLength: 15 }) }),
  ]),
  contact: t.Union([t.String({ format: "email" }), t.Integer()]),
});

const users = () =>
  new Chopin().post("/users", { body: User, response: Created }, ({ body: { name, age } }) => ({
    ok: true,
    name,
    age,
  }));

const app = users();
app.get(
  "/items/:id",
  {
    params: t.Object({ id: t.Integer() }),
    query: t.Object({ page: t.Integer({ minimum: 1, default: 1 }), q: t.Optional(t.String()) }),
  },
  ({ params, query }) => ({ id: params.id, page: query.page }),
);
const page = extract(
  { query: t.Object({ page: t.Integer({ minimum: 1, default: 1 }) }) },
  ({ query }) => ({ offset: (query.page - 1) * 20 }),
);
app.get("/pages", { extract: { page } }, (_, { page }) => page);
app.post("/orders", { body: Order }, ({ body }) => ({ ok: true, items: body.items.length }));
app.nest(
  "/invalid",
  users().onInvalid((issues, ctx) => ctx.json({ ok: false, wrong: issues.length }, 400)),
);
app.nest(
  "/error",
  users().onError(() => undefined),
);

await app.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
