// A small API of notes in memory, with a page to open: `bun run demo` starts it. PORT from the
// environment, else 8080.
import { Chopin, HTTPError } from "chopin";

interface Note {
  readonly id: number;
  readonly text: string;
}

const notes = new Map<number, Note>([[1, { id: 1, text: "Prelude in E minor" }]]);
let lastId = 1;

function noteOf(id: string): Note {
  const note = notes.get(Number(id));
  if (!note) throw new HTTPError(404, "no_such_note");
  return note;
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Notes</title>
<h1>Notes</h1>
<ul id="notes"></ul>
<form><input name="text" placeholder="A note" required> <button>Add</button></form>
<script type="module">
const form = document.querySelector("form");
async function show() {
  const { notes } = await (await fetch("/notes")).json();
  const items = notes.map(({ text }) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  document.querySelector("#notes").replaceChildren(...items);
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ text: form.elements.text.value });
  await fetch("/notes", { method: "POST", headers: { "content-type": "application/json" }, body });
  form.reset();
  await show();
});
await show();
</script>
`;

const app = new Chopin();

app.layer(async (ctx, next) => {
  const start = performance.now();
  const answer = await next();
  ctx.header("server-timing", `handler;dur=${(performance.now() - start).toFixed(2)}`);
  return answer;
});

app.get("/", (ctx) => ctx.html(page));
app.get("/notes", () => ({ notes: [...notes.values()] }));
app.get("/notes/:id(\\d+)", ({ params }) => noteOf(params.id));
app.post("/notes", (ctx) => {
  const { text } = ctx.json<{ text?: unknown } | null>() ?? {};
  if (typeof text !== "string" || text === "") {
    throw new HTTPError(422, "invalid_note", "A note has a text.");
  }
  lastId += 1;
  const note = { id: lastId, text };
  notes.set(note.id, note);
  return ctx.json(note, { status: 201, headers: { location: `/notes/${note.id}` } });
});
app.delete("/notes/:id(\\d+)", ({ params }) => {
  notes.delete(noteOf(params.id).id);
  return null;
});

/** Running; `bun run demo` says what to try on it. */
export const server = await app.serve({ port: Number(process.env.PORT ?? 8080) });
