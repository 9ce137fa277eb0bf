// Serves with the descriptors that the shell allowed, and says where.
import { makeApp } from "./_cases.ts";

const server = await makeApp().serve("127.0.0.1:0");
console.log(server.port);
