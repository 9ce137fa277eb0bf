/**
 * What crossing the border costs: calls, callbacks, reading and writing shared memory. The rules of
 * `docs/architecture.md` about the border rest on these. Run: `bun bench/micro/border.ts`.
 */
import {
  CString,
  dlopen,
  FFIType,
  JSCallback,
  type Pointer,
  ptr,
  read,
  toArrayBuffer,
} from "bun:ffi";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bench, do_not_optimize, run, summary } from "mitata";
import { cacheFolder, findZig, runTool } from "../harness/tools.ts";

const zig = findZig();
if (zig === undefined) throw new Error("the Zig compiler is not installed");
const library = join(cacheFolder, "libborder.so");
mkdirSync(cacheFolder, { recursive: true });
const flags = ["-dynamic", "-lc", "-OReleaseFast", `-femit-bin=${library}`];
await runTool([zig, "build-lib", ...flags, join(import.meta.dir, "border.zig")]);

const u32 = "u32" as const;
const { symbols } = dlopen(library, {
  border_nothing: { args: [], returns: "void" },
  border_one: { args: [u32], returns: u32 },
  border_ten: { args: [u32, u32, u32, u32, u32, u32, u32, u32, u32, u32], returns: u32 },
  border_wide: { args: [FFIType.u64_fast], returns: FFIType.u64_fast },
  border_memory: { args: [], returns: "ptr" },
  border_dispatch: { args: ["ptr", u32], returns: u32 },
});
const { border_nothing, border_one, border_ten, border_wide, border_memory, border_dispatch } =
  symbols;

const address = border_memory() as Pointer;
const bytes = Buffer.from(toArrayBuffer(address, 0, 4096));
const words = new Uint32Array(toArrayBuffer(address, 0, 4096));
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const answer = '{"message":"Hello, World!"}';
const callback = new JSCallback((count: number) => count + 1, { args: [u32], returns: u32 });
const callbackAddress = callback.ptr as Pointer;
const name = Buffer.from("accept-encoding");
const settled = Promise.resolve(1);

summary(() => {
  bench("call without arguments", () => border_nothing());
  bench("call with 1 integer", () => do_not_optimize(border_one(1)));
  bench("call with 10 integers", () => {
    do_not_optimize(border_ten(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  });
  bench("call that returns a pointer", () => do_not_optimize(border_memory()));
  bench("call with u64_fast", () => do_not_optimize(border_wide(1)));
  bench("ptr(buffer)", () => do_not_optimize(ptr(name)));
});
summary(() => {
  bench("call that calls back once", () => do_not_optimize(border_dispatch(callbackAddress, 1)));
  bench("Bun.peek of a settled promise", () => do_not_optimize(Bun.peek(settled)));
  bench("one turn of setImmediate", async () => {
    await new Promise((resolve) => setImmediate(resolve));
  });
});
summary(() => {
  bench("word by Uint32Array", () => do_not_optimize(words[7]));
  bench("word by read.u32", () => do_not_optimize(read.u32(address, 28)));
});
summary(() => {
  bench("19 bytes by latin1Slice", () => do_not_optimize(bytes.latin1Slice(64, 83)));
  bench("19 bytes by utf8Slice", () => do_not_optimize(bytes.utf8Slice(64, 83)));
  bench("19 bytes by CString", () => do_not_optimize(new CString(address, 64, 19).toString()));
  bench("19 bytes by TextDecoder", () => {
    do_not_optimize(decoder.decode(bytes.subarray(64, 83)));
  });
});
summary(() => {
  bench("27 characters by latin1Write", () => do_not_optimize(bytes.latin1Write(answer, 128, 27)));
  bench("27 characters by utf8Write", () => do_not_optimize(bytes.utf8Write(answer, 128, 27)));
  bench("27 characters by encodeInto", () => {
    do_not_optimize(encoder.encodeInto(answer, bytes.subarray(128, 256)));
  });
});

await run();
callback.close();
