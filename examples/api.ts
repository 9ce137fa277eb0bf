// A small API of notes in memory, with a page to open and its documentation at /docs: started by
// `bun run demo`. PORT from the environment, else 8080.
import { Chopin, HTTPError, type Static, t } from "chopin";

const text = t.String({ minLength: 1, examples: ["Nocturne in E flat major"] });
const Note = t.Object({ id: t.Integer(), text }, { $id: "Note" });
const one = t.Object({ id: t.Integer({ minimum: 1 }) });

const notes = new Map<number, Static<typeof Note>>();
notes.set(1, { id: 1, text: "Prelude in E minor" });

function noteOf(id: number) {
  const note = notes.get(id);
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

const app = new Chopin().openapi({ info: { title: "Notes", version: "1.0.0" } });

app.layer(async (ctx, next) => {
  const start = performance.now();
  const answer = await next();
  ctx.header("server-timing", `handler;dur=${(performance.now() - start).toFixed(2)}`);
  return answer;
});

app.get("/", { hidden: true }, (ctx) => ctx.html(page));
app.get("/notes", { summary: "All notes", response: t.Object({ notes: t.Array(Note) }) }, () => ({
  notes: [...notes.values()],
}));
app.get("/notes/:id", { summary: "One note", params: one, response: Note }, ({ params }) =>
  noteOf(params.id),
);
app.post(
  "/notes",
  { summary: "Adds a note", body: t.Object({ text }), response: { 201: Note } },
  (ctx) => {
    const note = { id: Math.max(0, ...notes.keys()) + 1, text: ctx.body.text };
    notes.set(note.id, note);
    return ctx.json(note, { status: 201, headers: { location: `/notes/${note.id}` } });
  },
);
app.delete(
  "/notes/:id",
  { summary: "Removes a note", params: one, response: { 204: null } },
  ({ params }) => {
    notes.delete(noteOf(params.id).id);
    return null;
  },
);

/** Running; `bun run demo` says what to try on it. */
export const server = await app.serve({ port: Number(process.env.PORT ?? 8080) });
