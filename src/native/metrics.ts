/**
 * The block of memory in which all workers count (`zig/metrics/block.zig`): made by the first
 * process, which passes its descriptor on, attached to by the others, read by any of them. What is
 * read is laid out as the library says, so that no offset is written down here.
 */
import { CString, type Pointer } from "bun:ffi";
import { ChopinError } from "../errors.ts";
import { type MetricsLayout, MetricsSnapshot } from "../metrics/snapshot.ts";
import { code } from "./abi.ts";
import * as symbols from "./metrics-symbols.ts";

const pointer = symbols.chopin_metrics_layout() as Pointer;
const printed = JSON.parse(new CString(pointer).toString()) as Omit<MetricsLayout, "bucketStarts">;
const bucketStarts = new Float64Array(printed.histogram.count + 1);
symbols.chopin_metrics_bucket_starts(bucketStarts, bucketStarts.length);

/** Where each number is among those that the library gives. */
export const metricsLayout: MetricsLayout = { ...printed, bucketStarts };

/** Routes that a later generation of the program may add. */
const routesSpare = 64;
const nameBytesMax = 256;

export class MetricsBlock {
  readonly #handle: Pointer;

  private constructor(handle: Pointer) {
    this.#handle = handle;
  }

  /**
   * A block for at most `sections` processes that serve at a time; a rolling replacement has two
   * for each worker. `shared`: other processes can attach to it by `fd`.
   *
   * @throws ChopinError `native_failure` without memory or descriptors.
   */
  static create(sections: number, routes: number, shared: boolean): MetricsBlock {
    const room = routes + routesSpare;
    const handle = symbols.chopin_metrics_create(sections, room, shared ? 1 : 0) as Pointer | null;
    if (handle === null) throw failure("There is no memory for metrics.");
    return new MetricsBlock(handle);
  }

  /**
   * The block behind a descriptor that another process has passed on.
   *
   * @throws ChopinError `native_failure` when it is none, or one of another version of Chopin.
   */
  static attach(fd: number): MetricsBlock {
    const handle = symbols.chopin_metrics_attach(fd) as Pointer | null;
    if (handle === null) throw failure(`Descriptor ${fd} has no metrics of this version.`);
    return new MetricsBlock(handle);
  }

  /** For other processes; closed with the block. */
  get fd(): number {
    return symbols.chopin_metrics_fd(this.#handle);
  }

  /** A section for a process that is about to serve; undefined when all are taken. */
  claim(): number | undefined {
    const section = symbols.chopin_metrics_claim(this.#handle);
    return section < 0 ? undefined : section;
  }

  /** The process that had this section has ended: what it counted is kept, the section is free. */
  fold(section: number): void {
    symbols.chopin_metrics_fold(this.#handle, section);
  }

  /** Lets a server count into a section; `names` are those of its handlers, by their number. */
  record(server: Pointer, section: number, names: readonly string[]): void {
    const routes = Uint32Array.from(names, (name) => {
      const text = Buffer.from(name);
      return symbols.chopin_metrics_route(this.#handle, text, text.length);
    });
    const given = routes.length === 0 ? null : routes;
    const result = symbols.chopin_metrics_record(
      server,
      this.#handle,
      section,
      given,
      routes.length,
    );
    if (result < 0) throw failure(`Metrics cannot be recorded (code ${result}).`);
  }

  /** Sums over all sections, and over those that were folded. */
  read(): MetricsSnapshot {
    const names = this.#routeNames();
    const { sectionWords, routeWords } = metricsLayout;
    const words = new Float64Array(sectionWords + names.length * routeWords);
    symbols.chopin_metrics_read(this.#handle, words, words.length);
    return new MetricsSnapshot(metricsLayout, words, names);
  }

  /** Servers that count into it keep its memory until they end. */
  close(): void {
    symbols.chopin_metrics_destroy(this.#handle);
  }

  #routeNames(): string[] {
    const names: string[] = [];
    const text = Buffer.alloc(nameBytesMax);
    for (;;) {
      const { length } = text;
      const taken = symbols.chopin_metrics_route_name(this.#handle, names.length, text, length);
      if (taken === code.staleHandle) return names;
      names.push(text.utf8Slice(0, taken));
    }
  }
}

function failure(text: string): ChopinError {
  return new ChopinError("native_failure", text);
}
