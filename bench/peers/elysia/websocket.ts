/** Echoes messages. */
import { Elysia } from "elysia";

new Elysia()
  .get("/", () => "ready")
  .ws("/socket", {
    message(socket, message) {
      socket.send(message);
    },
  })
  .listen({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
