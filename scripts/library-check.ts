/** Reads built libraries and says what must not be shipped. `build.ts` calls it for each target. */

/** Each library is well under this; six of them are the package. */
const bytesMax = 1024 * 1024;

/** The C library and its parts: glibc keeps threads and the loader in files of their own. */
const allowed = [
  /^lib(c|pthread|dl|m|rt)\.so\.\d+$/,
  /^libc\.so$/,
  /^ld-linux-[\w-]+\.so\.\d$/,
  /^\/usr\/lib\/libSystem\.B\.dylib$/,
];

/** A line for each thing that is wrong with a library; none when it can be shipped. */
export function libraryFaults(bytes: Buffer): string[] {
  const faults: string[] = [];
  if (bytes.length > bytesMax) faults.push(`${bytes.length} bytes, ${bytesMax} are allowed`);
  const isElf = bytes.readUInt32BE(0) === 0x7f454c46;
  const { needed, textRelocations } = isElf ? readElf(bytes) : readMachO(bytes);
  if (textRelocations) faults.push("relocations in code: hardened systems refuse to load it");
  for (const name of needed) {
    if (!allowed.some((pattern) => pattern.test(name))) faults.push(`depends on ${name}`);
  }
  return faults;
}

interface Dependencies {
  readonly needed: readonly string[];
  readonly textRelocations: boolean;
}

/** The dynamic section of a 64-bit little-endian ELF file (System V ABI, chapter 5). */
function readElf(bytes: Buffer): Dependencies {
  const headersAt = Number(bytes.readBigUInt64LE(32));
  const headerSize = bytes.readUInt16LE(54);
  const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = headersAt + index * headerSize;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
  const dynamic = segments.find((segment) => segment.type === 2);
  if (!dynamic) throw new Error("no dynamic section");
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = Number(bytes.readBigInt64LE(at));
    if (tag === 0) break;
    entries.push({ tag, value: Number(bytes.readBigUInt64LE(at + 8)) });
  }
  const value = (tag: number) => entries.find((entry) => entry.tag === tag)?.value;
  const stringsAddress = value(5) ?? 0;
  const holder = segments.find(
    ({ type, address, size }) =>
      type === 1 && stringsAddress >= address && stringsAddress < address + size,
  );
  if (!holder) throw new Error("no dynamic string table");
  const strings = holder.offset + stringsAddress - holder.address;
  return {
    needed: entries
      .filter(({ tag }) => tag === 1)
      .map((entry) => text(bytes, strings + entry.value)),
    // DT_TEXTREL, or DF_TEXTREL among DT_FLAGS.
    textRelocations: value(22) !== undefined || ((value(30) ?? 0) & 4) !== 0,
  };
}

/** The load commands of a 64-bit Mach-O file; its linker refuses relocations in code by itself. */
function readMachO(bytes: Buffer): Dependencies {
  const loadDylib = 0xc;
  const needed: string[] = [];
  let at = 32;
  for (let left = bytes.readUInt32LE(16); left > 0; left -= 1) {
    if (bytes.readUInt32LE(at) === loadDylib)
      needed.push(text(bytes, at + bytes.readUInt32LE(at + 8)));
    at += bytes.readUInt32LE(at + 4);
  }
  return { needed, textRelocations: false };
}

function text(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}
