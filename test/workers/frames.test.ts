/** What passes over a channel between primary and workers, however it is cut. */
import { expect, test } from "bun:test";
import { FrameReader, framed, lineOf } from "../../src/workers/frames.ts";

const items: readonly (object | Uint8Array)[] = [
  { order: "ping" },
  new Uint8Array([0, 10, 123, 0]),
  { text: 'ü"\n\u0000' },
  new Uint8Array(0),
  new Uint8Array(70_000).fill(10),
  { order: "stop", final: true },
];
const wire = Buffer.concat(
  items.map((item) => (item instanceof Uint8Array ? framed(item) : lineOf(item))),
);

function readIn(pieces: Iterable<Uint8Array>): unknown[] {
  const found: unknown[] = [];
  const reader = new FrameReader(
    (text) => found.push(JSON.parse(text)),
    (bytes) => found.push(new Uint8Array(bytes)),
  );
  for (const piece of pieces) {
    reader.push(piece);
    // Whose memory it is may be used again.
    piece.fill(1);
  }
  return found;
}

test("whole, by single bytes, and in two at every place", () => {
  expect(readIn([Buffer.from(wire)])).toEqual([...items]);
  const bytes = Array.from(wire, (_, at) => Buffer.from(wire.subarray(at, at + 1)));
  expect(readIn(bytes)).toEqual([...items]);
  for (let cut = 0; cut < 120; cut++) {
    const [first, last] = [wire.subarray(0, cut), wire.subarray(cut)];
    expect(readIn([Buffer.from(first), Buffer.from(last)])).toEqual([...items]);
  }
});

test("large ones are put together once", () => {
  const large = framed(new Uint8Array(64 * 1024 * 1024).fill(7));
  const pieces = function* () {
    for (let at = 0; at < large.length; at += 16_384) yield large.slice(at, at + 16_384);
  };
  const [found] = readIn(pieces()) as [Uint8Array];
  expect(found.length).toBe(64 * 1024 * 1024);
});

test("nothing is told twice, whatever its reader throws", () => {
  const told: string[] = [];
  const reader = new FrameReader(
    (text) => {
      told.push(text.trim());
      if (told.length === 2) throw new Error("not mine");
    },
    () => {},
  );
  expect(() => reader.push(Buffer.from("1\n2\n3\n"))).toThrow("not mine");
  reader.push(Buffer.from("4\n"));
  expect(told).toEqual(["1", "2", "3", "4"]);
});
