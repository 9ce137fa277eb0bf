/** `application/x-www-form-urlencoded`: gathered, counted, then split as browsers encode it. */
import { problem } from "../errors.ts";
import type { Limits } from "./limits.ts";
import { checkName } from "./part-head.ts";

const ampersand = 0x26;

/**
 * Names and values in order. A field is shorter than its encoded form, so the caps hold before
 * anything is decoded.
 *
 * @throws HTTPError 413 `body_too_large`, `too_many_parts`, `part_too_large`.
 */
export async function urlencodedFields(
  source: AsyncIterable<Uint8Array>,
  limits: Limits,
): Promise<readonly (readonly [name: string, value: string])[]> {
  const bytes = await gather(source, limits.totalBytesMax);
  let separators = 0;
  for (let at = bytes.indexOf(ampersand); at !== -1; at = bytes.indexOf(ampersand, at + 1)) {
    separators += 1;
    // Also those between which nothing is: they cost time too.
    if (separators >= limits.partsMax) {
      throw problem("too_many_parts", `A form may have ${limits.partsMax} fields.`);
    }
  }
  // Behind a separator, because URLSearchParams drops a question mark at the start.
  const fields = [...new URLSearchParams(`&${bytes.toString("utf8")}`)];
  for (const [name, value] of fields) {
    checkName(name, limits);
    if (Buffer.byteLength(value) > limits.fieldBytesMax) {
      throw problem("part_too_large", `A field may have ${limits.fieldBytesMax} bytes.`);
    }
  }
  return fields;
}

async function gather(source: AsyncIterable<Uint8Array>, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of source) {
    total += chunk.length;
    if (total > limitBytes) throw problem("body_too_large", `A form may have ${limitBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}
