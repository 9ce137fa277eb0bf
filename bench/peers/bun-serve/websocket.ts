/** Echoes messages. */
Bun.serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  fetch(request, server) {
    if (new URL(request.url).pathname !== "/socket") return new Response("ready");
    return server.upgrade(request) ? undefined : new Response(null, { status: 426 });
  },
  websocket: {
    message(socket, message) {
      socket.send(message);
    },
  },
});
