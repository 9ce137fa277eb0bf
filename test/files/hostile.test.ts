/** Paths and ranges of those who look for a way out, by raw bytes over sockets. */
import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { Chopin } from "../../src/index.ts";
import { exchange, withServer } from "../_setup.ts";
import { makeFolder } from "./_folder.ts";

const folder = makeFolder();
folder.write("secret", "TOP SECRET");
folder.write("root/a.txt", "public");
folder.write("root/..a", "dots");
symlinkSync("../secret", folder.at("root/link"));
symlinkSync("/", folder.at("root/everything"));

const inside = () => new Chopin().files("/f", folder.at("root"), { dotfiles: "allow" });
const apps: readonly (readonly [string, () => Chopin])[] = [
  ["without JavaScript", inside],
  ["behind middleware", () => inside().layer((_, next) => next())],
];

/** The path behind the route, and the status that it gets. */
const paths: readonly (readonly [string, number])[] = [
  ["%00", 400],
  ["a.txt%00", 400],
  ["a.txt%00.html", 400],
  ["../secret", 400],
  ["%2e%2e/secret", 400],
  ["%2E%2e%2fsecret", 404],
  ["%2e%2e%5csecret", 404],
  ["..%2fsecret", 404],
  ["..%5csecret", 404],
  ["..\\secret", 404],
  ["./a.txt", 400],
  ["%2e/a.txt", 400],
  ["%252e%252e/secret", 404],
  ["%c0%ae%c0%ae/secret", 400],
  ["%c0%af..%c0%afsecret", 400],
  ["..%c0%afsecret", 400],
  ["%e0%80%afsecret", 400],
  ["a.txt%0d%0aX-Injected:%20yes", 404],
  ["a.txt%0a", 404],
  ["a.txt%20", 404],
  ["a.txt%09", 404],
  ["a.txt::$DATA", 404],
  ["a.txt%2f", 404],
  ["a.txt/.", 400],
  ["/secret", 404],
  ["//secret", 404],
  ["%2f%2fsecret", 404],
  ["link", 404],
  ["everything/etc/passwd", 404],
  ["everything", 404],
  ["~root", 404],
  ["..a", 200],
  ["a.txt", 200],
  ["%61.txt", 200],
];

describe("paths", () => {
  for (const [how, make] of apps) {
    test(`lead nowhere else, ${how}`, async () => {
      await withServer(make(), async (server) => {
        for (const [path, status] of paths) {
          const request = `GET /f/${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
          const received = await exchange(server, request);
          expect([path, received.slice(9, 12)]).toEqual([path, String(status)]);
          expect(/secret|^x-injected/im.test(received)).toBe(false);
        }
      });
    });
  }

  for (const [how, make] of apps) {
    test(`of folders do not break out of Location, ${how}`, async () => {
      folder.write("root/b\r\nc: d/index.html", "odd");
      folder.write("root/evil.example/index.html", "odd");
      await withServer(make(), async (server) => {
        for (const [path, location] of [
          ["b%0d%0ac:%20d", "./b%0D%0Ac%3A%20d/"],
          ["evil.example", "./evil.example/"],
        ]) {
          const request = `GET /f/${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
          const received = await exchange(server, request);
          expect(received.slice(9, 12)).toBe("301");
          expect(/^location: (.*)\r$/im.exec(received)?.[1]).toBe(location);
        }
      });
    });
  }
});
