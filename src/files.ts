/** Files as answers: what a program uses of `files/`. */
import { type FileReference, file } from "./files/answer.ts";
import type { FileOptions } from "./files/options.ts";

export { FileReference, file } from "./files/answer.ts";
export type { FileOptions, FilesOptions } from "./files/options.ts";
export {
  type EmbeddedFiles,
  type FilesHandler,
  fileRoutes,
  filesHandler,
  withNotFound,
} from "./files/routes.ts";

/**
 * The Web's `Response` with one more way to make an answer: `Response.file(path, options)`, which
 * is the function `file`.
 *
 * @example
 * import { Response } from "chopin";
 * app.get("/logo", () => Response.file("logo.svg"));
 */
export class FileResponse extends Response {
  static file(path: string, options?: FileOptions): FileReference {
    return file(path, options);
  }
}
