/**
 * Forms as `ctx.form` and `ctx.parts` give them: `application/x-www-form-urlencoded` and
 * `multipart/form-data`, within caps. Loaded with the first form.
 */
import { tmpdir } from "node:os";
import { MIMEType } from "node:util";
import { HTTPError, problems } from "./errors.ts";
import {
  type FormLimits,
  type FormOptions,
  folderOf,
  type Limits,
  limitsOf,
} from "./form/limits.ts";
import { MultipartReader } from "./form/multipart.ts";
import { type Part, ReceivedPart } from "./form/part.ts";
import { TemporaryFiles } from "./form/temporary-files.ts";
import { urlencodedFields } from "./form/urlencoded.ts";

export type { FormLimits, FormOptions } from "./form/limits.ts";
export type { Part } from "./form/part.ts";

/**
 * A file of a form. `name` is what the client calls it, without folders; `type` is what the client
 * says it is. Both can be lies: never use the name as a path as it is.
 */
export interface FormFile extends File {
  /** Name of the form's control. */
  readonly field: string;
  /** Where the file is, when it is on disk. To keep it, move it before the answer is sent. */
  readonly path: string | undefined;
}

/** The value of one field. */
export type FormValue = string | FormFile;

type Entry = readonly [name: string, value: FormValue];

/**
 * A form that was received completely. Of several values with one name, `getAll` has all and
 * everything else the first.
 *
 * @example
 * app.post("/profile", async (ctx) => {
 *   const form = await ctx.form();
 *   const picture = form.file("picture");
 *   if (picture) await Bun.write(`pictures/${crypto.randomUUID()}`, picture);
 *   return { name: form.get("name") };
 * });
 */
export class Form implements AsyncDisposable, Iterable<Entry> {
  /** Values of the fields by name, in an object without prototype. */
  readonly fields: Readonly<Record<string, string | undefined>>;
  /** All files in order. Controls for which no file was chosen have none. */
  readonly files: readonly FormFile[];
  readonly #entries: readonly Entry[];
  readonly #temporary: TemporaryFiles | undefined;

  constructor(entries: readonly Entry[], temporary?: TemporaryFiles) {
    const fields: Record<string, string | undefined> = Object.create(null);
    const files: FormFile[] = [];
    for (const [name, value] of entries) {
      if (typeof value === "string") fields[name] ??= value;
      else files.push(value);
    }
    this.fields = fields;
    this.files = files;
    this.#entries = entries;
    this.#temporary = temporary;
  }

  /** The first value of this name. */
  get(name: string): FormValue | undefined {
    return this.#entries.find(([key]) => key === name)?.[1];
  }

  /** Every value of this name, in order. */
  getAll(name: string): FormValue[] {
    return this.#entries.filter(([key]) => key === name).map(([, value]) => value);
  }

  /** The first file of this name. */
  file(name: string): FormFile | undefined {
    return this.files.find(({ field }) => field === name);
  }

  /** Removes the files on disk. A form of `ctx.form` is disposed of once its answer is sent. */
  async dispose(): Promise<void> {
    await this.#temporary?.[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Names and values in the order in which they were sent. */
  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries[Symbol.iterator]();
  }
}

/**
 * Receives a whole form.
 *
 * @throws HTTPError 415 `unsupported_media_type` for what is no form, 400 `invalid_form`, 413
 * `too_many_parts`, `part_too_large`, `body_too_large`; ChopinError `invalid_option`.
 */
export async function parseForm(
  source: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  options: FormOptions = {},
): Promise<Form> {
  const limits = limitsOf(options, "form", ["files", "folder"]);
  const folder = folderOf(options, tmpdir);
  const type = formType(contentType);
  if (type.boundary === undefined) return new Form(await urlencodedFields(source, limits));
  const temporary = folder === undefined ? undefined : new TemporaryFiles(folder);
  const entries: Entry[] = [];
  try {
    for await (const part of multipartParts(source, type.boundary, limits)) {
      const value = part.filename === undefined ? await part.text() : await keep(part, temporary);
      if (value !== undefined) entries.push([part.name, value]);
    }
  } catch (error) {
    await temporary?.[Symbol.asyncDispose]();
    throw error;
  }
  return new Form(entries, temporary);
}

/**
 * The parts of a form one by one, while they arrive.
 *
 * @throws as `parseForm`, when the part is asked for or read.
 */
export async function* formParts(
  source: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  options: FormLimits = {},
): AsyncGenerator<Part, void, undefined> {
  const limits = limitsOf(options, "parts", []);
  const { boundary } = formType(contentType);
  if (boundary !== undefined) yield* multipartParts(source, boundary, limits);
  else for (const field of await urlencodedFields(source, limits)) yield new ReceivedPart(...field);
}

async function* multipartParts(
  source: AsyncIterable<Uint8Array>,
  boundary: string | null,
  limits: Limits,
): AsyncGenerator<Part, void, undefined> {
  const reader = await MultipartReader.open(source, boundary, limits);
  try {
    for (let part = await reader.next(); part !== undefined; part = await reader.next()) {
      yield part;
      part.leave();
    }
  } finally {
    reader.close();
  }
}

/** Whether the body is a form, and of which kind: only multipart has a boundary, maybe missing. */
function formType(contentType: string | undefined): { readonly boundary?: string | null } {
  const type = mediaType(contentType);
  if (type?.essence === "application/x-www-form-urlencoded") return {};
  if (type?.essence === "multipart/form-data") return { boundary: type.params.get("boundary") };
  const accepted = "multipart/form-data, application/x-www-form-urlencoded";
  // RFC 9110 15.5.16: Accept says what would have been taken.
  throw new HTTPError(
    problems.unsupported_media_type[0],
    "unsupported_media_type",
    "The body is no form.",
    { headers: { Accept: accepted } },
  );
}

function mediaType(contentType: string | undefined): MIMEType | undefined {
  if (contentType === undefined) return undefined;
  try {
    return new MIMEType(contentType);
  } catch {
    return undefined;
  }
}

/** The file in memory or on disk; undefined for a control for which no file was chosen. */
async function keep(
  part: Part,
  temporary: TemporaryFiles | undefined,
): Promise<FormFile | undefined> {
  const { filename: name = "", name: field, type } = part;
  if (temporary !== undefined) {
    const { path, size } = await temporary.write(part);
    if (name === "" && size === 0) return undefined;
    const file = labelled(Bun.file(path, { type }), field, name, path, temporary);
    // Bun looks when it is asked, which is too late for a file that was moved.
    return Object.defineProperty(file, "size", { value: size });
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of part) chunks.push(chunk);
  if (name === "" && chunks.length === 0) return undefined;
  return labelled(new File(chunks, name, { type }), field, name, undefined);
}

/** `owner` lives as long as the file, so that the file is not removed before. */
function labelled(
  file: Blob,
  field: string,
  name: string,
  path: string | undefined,
  owner?: TemporaryFiles,
): FormFile {
  return Object.defineProperties(file, {
    field: { value: field },
    name: { value: name },
    path: { value: path },
    [keeper]: { value: owner },
  }) as FormFile;
}

const keeper = Symbol("files of the form");
