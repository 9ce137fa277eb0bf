/**
 * Answers made of files: conditions, ranges and encodings of the request decide what a file's
 * answer is, so it is made when the handler runs, and middleware sees its true status and fields.
 * Called by contexts, by `compose.ts` and by the routes of `routes.ts`.
 */
import { checkStatus, PreparedAnswer } from "../answer.ts";
import { type Field, fieldsFrom, setField } from "../answer-fields.ts";
import { HTTPError, type ProblemCode, problems } from "../errors.ts";
import { kind } from "../native/abi.ts";
import { type FilePlan, planMethod, planOf, rootOf } from "../native/files.ts";
import type { RequestContext } from "../request-context.ts";
import { attachment } from "./disposition.ts";
import { absolutePath, cacheControlText, type FileOptions, fileRootOptions } from "./options.ts";

/** What the answer of a file depends on (RFC 9110 13, 14.2, 12.5.3). */
const askedBy: readonly string[] = [
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
  "accept-encoding",
];
const encodings: readonly string[] = ["accept-encoding"];

const noOptions: FileOptions = {};
const usual = fileRootOptions(noOptions);
let usualRoot: number | undefined;

/** A file that was returned or declared without a request at hand. */
export class FileReference {
  readonly #path: string;
  readonly #status: number;
  readonly #root: number;
  /** Fields that the options set. */
  readonly #own: readonly Field[];

  /** @throws ChopinError for wrong options, and for what is no path. */
  constructor(path: string, options: FileOptions = noOptions) {
    this.#path = absolutePath(path);
    this.#status = options.status === undefined ? 0 : checkStatus(options.status);
    this.#root = rootFor(options);
    this.#own = options === noOptions ? [] : ownFields(this.#path, options);
  }

  /**
   * The answer to one request.
   *
   * @throws HTTPError for a file that cannot be sent.
   */
  answer(ctx: RequestContext): PreparedAnswer {
    const status = this.#status || ctx.draftStatus;
    // Conditions and ranges are about what a path is good for, not about a page for errors.
    const plain = status === 0 || status === 200;
    const lines = linesOf(ctx, plain ? askedBy : encodings);
    const answer = answerOf(planOf(this.#root, methodOf(ctx), this.#path, lines));
    if (!plain) answer.ownStatus = status;
    for (const { key, name, value, appended } of this.#own) {
      if (answer.ownStatus === 304 && key.startsWith("content-")) continue;
      answer.fields = setField(answer.fields, name, value, appended);
    }
    return answer.own(ctx);
  }
}

function rootFor(options: FileOptions): number {
  if (options !== noOptions) return rootOf("", fileRootOptions(options));
  usualRoot ??= rootOf("", usual);
  return usualRoot;
}

function ownFields(path: string, options: FileOptions): readonly Field[] {
  let fields = fieldsFrom(options.headers);
  const set = (name: string, value: string) => {
    fields = setField(fields, name, value, false);
  };
  const { download, type } = options;
  const cacheControl = cacheControlText(options.cacheControl);
  if (cacheControl !== "") set("Cache-Control", cacheControl);
  if (type !== undefined) set("Content-Type", type);
  if (download === true) set("Content-Disposition", attachment(path));
  if (typeof download === "string") set("Content-Disposition", attachment(download));
  return fields ?? [];
}

/**
 * A file as an answer, made without a context: return it from a handler, or declare it in place of
 * one. Relative paths are relative to the folder in which the process runs. The path is the
 * program's own: one that is made of what clients sent belongs below a folder, as `app.files` does
 * it. Where there is no such file, the answer is 404.
 *
 * @throws ChopinError `invalid_option`, `invalid_status` or `invalid_header` for wrong options.
 * @example
 * app.get("/report", () => file("reports/2026.pdf", { download: "Report 2026.pdf" }));
 */
export function file(path: string, options?: FileOptions): FileReference {
  return new FileReference(path, options);
}

/** The answer that a root has for a path below it. */
export function answerBelow(ctx: RequestContext, root: number, path: string): PreparedAnswer {
  return answerOf(planOf(root, methodOf(ctx), path, linesOf(ctx, askedBy))).own(ctx);
}

/** Whether a root would send something for a path. */
export function isBelow(root: number, path: string): boolean {
  const plan = planOf(root, planMethod.other, path, "");
  plan.destroy();
  return plan.status === 200;
}

/** @throws HTTPError for a file that cannot be sent, so that `onError` sees it. */
function answerOf(plan: FilePlan): PreparedAnswer {
  const { status } = plan;
  const code = problemCodes.get(status);
  if (code !== undefined) {
    plan.destroy();
    const headers = Object.fromEntries(fieldsOf(plan).map(({ name, value }) => [name, value]));
    throw new HTTPError(status, code, undefined, { headers });
  }
  const hasContent = plan.length > 0 && (status === 200 || status === 206);
  if (!hasContent) plan.destroy();
  // Text without a kind: nobody adds a Content-Type to that of the file.
  const body = hasContent ? plan : status === 200 ? "" : null;
  const answer = new PreparedAnswer(kind.none, body, status, fieldsOf(plan));
  if (hasContent) answer.length = plan.length;
  return answer;
}

const fileProblems: readonly ProblemCode[] = [
  "forbidden",
  "not_found",
  "precondition_failed",
  "range_not_satisfiable",
  "internal_error",
  "overloaded",
];

const problemCodes: ReadonlyMap<number, ProblemCode> = new Map(
  fileProblems.map((code) => [problems[code][0], code]),
);

/** Lines that were read before: those of a file are the same for each request of it. */
const readLines = new Map<string, readonly Field[]>();
const readLinesMax = 256;

/** A list of its own for each answer. */
function fieldsOf({ lines }: FilePlan): Field[] {
  let fields = readLines.get(lines);
  if (fields === undefined) {
    fields = readFields(lines);
    if (readLines.size >= readLinesMax) readLines.clear();
    readLines.set(lines, fields);
  }
  return fields.slice();
}

function readFields(lines: string): Field[] {
  const fields: Field[] = [];
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(": ");
    if (colon < 0) continue;
    const key = line.slice(0, colon);
    fields.push({ name: key, key, value: line.slice(colon + 2), appended: false });
  }
  return fields;
}

function methodOf(ctx: RequestContext): number {
  const { method } = ctx;
  if (method === "GET") return planMethod.get;
  return method === "HEAD" ? planMethod.head : planMethod.other;
}

function linesOf(ctx: RequestContext, names: readonly string[]): string {
  let lines = "";
  for (const name of names) {
    for (let nth = 0; ; nth++) {
      const value = ctx.fieldValue(name, nth);
      if (value === undefined) break;
      lines += `${name}: ${value}\r\n`;
    }
  }
  return lines;
}
