// Keeps a server busy until its standard input ends. Arguments: port, connections, requests at a
// time.
export {};

const [port, connections, depth] = process.argv.slice(2).map(Number) as [number, number, number];
const request = "GET /load HTTP/1.1\r\nHost: load\r\n\r\n".repeat(depth);
const answer = Buffer.from("HTTP/1.1 200 OK");

for (let index = 0; index < connections; index++) {
  let awaited = depth;
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(request),
      data(socket, bytes) {
        for (let at = bytes.indexOf(answer); at !== -1; at = bytes.indexOf(answer, at + 1))
          awaited--;
        if (awaited > 0) return;
        awaited = depth;
        socket.write(request);
      },
      close: () => process.exit(0),
    },
  });
}
console.log("running");
for await (const _ of process.stdin);
process.exit(0);
