/** Echoes messages. */
import { Chopin } from "../../../src/index.ts";

await new Chopin()
  .get("/", () => "ready")
  .websocket("/socket", {
    message(socket, message) {
      socket.send(message);
    },
  })
  .serve({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
