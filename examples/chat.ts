// Rooms in which everybody hears what the others say: open the page twice. PORT from the
// environment, else 8080.
import { Chopin, html, t } from "chopin";

const app = new Chopin();

app.get("/", () =>
  html(`<!doctype html>
<title>Chat</title><ul></ul>
<form><input name="text" autofocus autocomplete="off"><button>Say</button></form>
<script>
  const ws = new WebSocket("/rooms/lobby?name=guest" + Math.floor(Math.random() * 1000));
  ws.onmessage = ({ data }) => {
    const item = document.createElement("li");
    item.textContent = data;
    document.querySelector("ul").append(item);
  };
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    ws.send(event.target.text.value);
    event.target.reset();
  };
</script>`),
);

app.websocket("/rooms/:room", {
  query: t.Object({ name: t.String({ minLength: 1, maxLength: 20 }) }),
  messageLimit: 1000,
  upgrade: ({ params, query }) => ({ room: params.room, name: query.name }),
  open(ws) {
    ws.subscribe(ws.data.room);
    app.publish(ws.data.room, `${ws.data.name} has come`);
  },
  message: (ws, text) => app.publish(ws.data.room, `${ws.data.name}: ${text}`),
  close: (ws) => app.publish(ws.data.room, `${ws.data.name} has left`),
});

const server = await app.serve({ port: Number(process.env.PORT ?? 8080) });
console.log(`Listening on ${server.url}`);
