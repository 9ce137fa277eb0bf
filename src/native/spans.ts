/** Texts that a record of a request points to, for requests that did not come through a socket. */
import { flag, limits, request } from "./abi.ts";

/** The canonical path of a record as a context shows it. */
export function pathText(words: Uint32Array, bytes: Buffer): string {
  const text = spanText(words, bytes, request.path);
  if ((words[request.methodFlags]! & flag.escaped) === 0) return text;
  return text.replaceAll("%", "%25").replaceAll("\0", "%2F");
}

/** The captures of a record, in the order of its pattern. */
export function capturesOf(words: Uint32Array, bytes: Buffer): (string | undefined)[] {
  const captures: (string | undefined)[] = [];
  const count = Math.min(words[request.paramsCount]!, limits.paramsMax);
  for (let index = 0; index < count; index++) {
    const at = request.params + 2 * index;
    captures.push(words[at] === 0 ? undefined : spanText(words, bytes, at));
  }
  return captures;
}

/** The text of a span, given the word of its offset. ASCII reads the same in both encodings. */
export function spanText(words: Uint32Array, bytes: Buffer, at: number): string {
  const start = words[at]!;
  return bytes.utf8Slice(start, start + words[at + 1]!);
}
