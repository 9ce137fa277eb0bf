/** What a form may cost: the caps of `ctx.form` and `ctx.parts`, checked where they are given. */
import { checkOptions, checkWhole, invalidOption } from "../middleware/support/options.ts";

/** Caps on forms. What exceeds one gets 413, before more of it is read. */
export interface FormLimits {
  /**
   * Fields and files together: 1,000 unless told, more than any page has. Each costs an object, so
   * that a body of tiny parts would otherwise fill the memory with them.
   */
  readonly partsMax?: number;
  /** Bytes of one field: 1 MiB unless told, which is a long text. Fields are kept in memory. */
  readonly fieldBytesMax?: number;
  /** Bytes of one file: 32 MiB unless told, which is a photo from a good camera. */
  readonly fileBytesMax?: number;
  /**
   * Bytes of the whole body, what lies between the parts included: 64 MiB unless told. The body
   * limit of the route comes first: raise both for larger uploads.
   */
  readonly totalBytesMax?: number;
  /**
   * Bytes of one part's header lines: 8,192 unless told, which leaves room for two long names in
   * percent-encoding.
   */
  readonly partHeadBytesMax?: number;
  /**
   * Bytes of a field's name, and of a file's: 255 unless told, the longest that file systems take.
   */
  readonly nameBytesMax?: number;
}

/** Options of `ctx.form`. */
export interface FormOptions extends FormLimits {
  /**
   * Where files are kept: "memory" unless told, or "disk" for large ones. Those on disk are removed
   * with the form: see `Form.dispose`.
   */
  readonly files?: "memory" | "disk";
  /** Folder for files on disk; that of the system for temporary files unless told. */
  readonly folder?: string;
}

/** Every cap with its value. */
export type Limits = Required<FormLimits>;

const mib = 1024 * 1024;

/** The defaults; `FormLimits` has the reasons. */
const defaults: Limits = {
  partsMax: 1000,
  fieldBytesMax: mib,
  fileBytesMax: 32 * mib,
  totalBytesMax: 64 * mib,
  partHeadBytesMax: 8192,
  nameBytesMax: 255,
};

const names = Object.keys(defaults) as readonly (keyof Limits)[];

/** @throws ChopinError `invalid_option`. */
export function limitsOf(options: FormLimits, method: string, others: readonly string[]): Limits {
  checkOptions(method, options, [...names, ...others]);
  const limits: Record<keyof Limits, number> = { ...defaults };
  for (const name of names) {
    const value = options[name];
    // A head is held as a string until it is whole, so its cap has one too.
    const most = name === "partHeadBytesMax" ? mib : Number.MAX_SAFE_INTEGER;
    if (value !== undefined) limits[name] = checkWhole(method, name, value, 1, most);
  }
  return limits;
}

/** The folder for files on disk; undefined when they are kept in memory. */
export function folderOf(options: FormOptions, folderDefault: () => string): string | undefined {
  const { files = "memory", folder } = options;
  if (files !== "memory" && files !== "disk") {
    throw invalidOption("form", 'files is "memory" or "disk"');
  }
  if (folder !== undefined && (typeof folder !== "string" || folder === "")) {
    throw invalidOption("form", "folder is the path of a folder");
  }
  return files === "disk" ? (folder ?? folderDefault()) : undefined;
}
