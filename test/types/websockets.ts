/** What the types of WebSockets promise, and what they refuse. Checked by `tsc`, never run. */
import {
  Chopin,
  extract,
  HTTPError,
  json,
  type RoutesOf,
  type ServerWebSocket,
  t,
  type WebSocketHandlers,
  type WebSocketRoute,
  websocket,
} from "../../src/index.ts";
import { type Equal, same } from "./_same.ts";

const app = new Chopin<{ user: string }>();

// `upgrade` sees the captures of the path, and what it returns is the data of every handler.
app.websocket("/rooms/:room/:since?", {
  upgrade: ({ params, state }) => ({ room: params.room, since: params.since, user: state.user }),
  open(ws) {
    same<Equal<typeof ws.data, { room: string; since: string | undefined; user: string }>>();
    // @ts-expect-error There is no such member.
    ws.data.name;
  },
  message(ws, message) {
    same<Equal<typeof ws.data.room, string>>();
    same<Equal<typeof message, string | Uint8Array<ArrayBuffer>>>();
    ws.data.room = "changed";
    const goOn: boolean = ws.send(message);
    return goOn;
  },
  close(ws, code, reason) {
    same<Equal<[typeof code, typeof reason], [number, string]>>();
    same<Equal<typeof ws.data.user, string>>();
  },
  ping: (_, data) => same<Equal<typeof data, Uint8Array<ArrayBuffer>>>(),
});

// Without `upgrade` there is no data.
app.websocket("/none", { open: (ws) => same<Equal<typeof ws.data, undefined>>() });
websocket("/none", { open: (ws) => same<Equal<typeof ws.data, undefined>>() });

// Refusals are no data.
app.websocket("/refusing", {
  upgrade: async (ctx) => {
    if (ctx.query.a) return json({ no: 1 }, 401);
    if (ctx.query.b) return new Response("no", { status: 401 });
    if (ctx.query.c) return new HTTPError(401);
    if (ctx.query.d) throw new HTTPError(401);
    return { id: 7 };
  },
  message: (ws) => same<Equal<typeof ws.data, { id: number }>>(),
});
app.websocket("/nothing", {
  upgrade: () => undefined,
  message: (ws) => same<Equal<typeof ws.data, undefined>>(),
});

// Schemas and extractors give the types of the handshake.
const user = extract({ cookies: t.Object({ id: t.Integer() }) }, ({ cookies }) => cookies.id);
app.websocket("/schemas/:room", {
  params: t.Object({ room: t.Integer() }),
  query: t.Object({ since: t.Optional(t.Integer()) }),
  headers: t.Object({ "x-name": t.String() }),
  extract: { user },
  upgrade({ params, query, headers }, extracted) {
    same<Equal<typeof params.room, number>>();
    same<Equal<typeof headers, { "x-name": string }>>();
    return { room: params.room, since: query.since, user: extracted.user };
  },
  drain(ws) {
    same<Equal<typeof ws.data, { room: number; since: number | undefined; user: number }>>();
  },
});

// There are no bodies, and no other names.
// @ts-expect-error A handshake has no body.
app.websocket("/a", { body: t.Object({}) });
// @ts-expect-error There is no such handler.
app.websocket("/a", { mesage() {} });
// @ts-expect-error Origins are a list, or one of two words.
app.websocket("/a", { origins: "https://app.example" });
// @ts-expect-error A path and options.
app.websocket("/a", () => "text");

// A route of a module publishes, and is none of those that clients call.
const news: WebSocketRoute = websocket("/news", {});
const readers: number = news.publish("news", new Uint8Array(1));
const module = { news, other: { readers } };
same<Equal<keyof RoutesOf<typeof module>, never>>();
app.mount(module);

// Handlers can be written elsewhere.
const handlers: WebSocketHandlers<{ name: string }> = {
  message: (ws: ServerWebSocket<{ name: string }>, message) => void ws.send(ws.data.name + message),
};
app.websocket("/elsewhere", { upgrade: () => ({ name: "a" }), ...handlers });

export const check = (ws: ServerWebSocket<number>): void => {
  // @ts-expect-error Neither text nor bytes.
  ws.send({});
  // @ts-expect-error A topic is a string.
  ws.subscribe(7);
  // @ts-expect-error It is told, not set.
  ws.protocol = "a";
  ws.data += 1;
};
