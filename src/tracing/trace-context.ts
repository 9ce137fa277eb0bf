/**
 * W3C Trace Context: the fields traceparent and tracestate, read and written. Called by
 * `../tracing.ts`.
 */
import { listItems } from "../field-list.ts";

/** Where a request stands in its trace. */
export interface Trace {
  /** 32 hexadecimal digits, the same for everything that one request led to. */
  readonly traceId: string;
  /** 16 hexadecimal digits, for what this server does for the request. */
  readonly spanId: string;
  /** The caller's; undefined where the trace begins here. */
  readonly parentId: string | undefined;
  /** Somebody records the trace. */
  readonly sampled: boolean;
  /** What tracing systems along the way have added; "" unless there is something. */
  readonly traceState: string;
  /** Fields for requests to others, so that these become part of the trace. */
  headers(): TraceHeaders;
}

/** Fields of a request to another server. */
export type TraceHeaders = { readonly traceparent: string } & Readonly<Record<string, string>>;

/** What a caller said. */
export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly traceState: string;
}

const sampledFlag = 0x01;
/** Level 2, 3.2.2.5.2: the last 7 bytes of the trace's id are random. */
const randomFlag = 0x02;
const flagsKnown = sampledFlag | randomFlag;

/** 3.3.1.1. */
const membersMax = 32;
/** 3.3.1.5: so many characters have to be passed on; more are dropped, not cut. */
const stateLengthMax = 512;

const memberKey =
  /^(?:[a-z][a-z\d_\-*/]{0,255}|[a-z\d][a-z\d_\-*/]{0,240}@[a-z][a-z\d_\-*/]{0,13})$/;
const memberValue = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * What the fields of a request say; undefined for what is no valid traceparent, and tracestate
 * counts only with one (3.3).
 */
export function parseTraceparent(
  traceparent: string | undefined,
  tracestate: string | undefined,
): RemoteParent | undefined {
  const pattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
  const parts = pattern.exec(traceparent?.trim() ?? "");
  if (parts === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = parts;
  // 3.2.2.1: ff is no version, and only later ones may have more parts.
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const told = Number.parseInt(flags, 16) & flagsKnown;
  return { traceId, spanId, flags: told, traceState: parseTracestate(tracestate) };
}

/** The members that can be passed on; none of a list that is malformed (3.3.1.3). */
function parseTracestate(tracestate: string | undefined): string {
  if (tracestate === undefined) return "";
  const members = listItems([tracestate]);
  const keys = new Set<string>();
  for (const member of members) {
    const at = member.indexOf("=");
    const name = member.slice(0, Math.max(at, 0));
    const fine = memberKey.test(name) && memberValue.test(member.slice(at + 1));
    if (!fine || keys.has(name)) return "";
    keys.add(name);
  }
  const text = members.join(",");
  return members.length > membersMax || text.length > stateLengthMax ? "" : text;
}

/** A trace that goes on from a caller, or begins. Nobody here records it. */
export function continued(parent: RemoteParent | undefined): Trace {
  if (parent === undefined) return new TraceIds(hex(16), hex(8), undefined, randomFlag, "");
  const { traceId, spanId, flags, traceState } = parent;
  return new TraceIds(traceId, hex(8), spanId, flags, traceState);
}

/** A trace whose ids somebody else has made. */
export function recorded(own: RemoteParent, parent: RemoteParent | undefined): Trace {
  const { traceId, spanId, flags, traceState } = own;
  return new TraceIds(traceId, spanId, parent?.spanId, flags & flagsKnown, traceState);
}

class TraceIds implements Trace {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  readonly traceState: string;
  readonly #flags: number;

  constructor(
    traceId: string,
    spanId: string,
    parentId: string | undefined,
    flags: number,
    traceState: string,
  ) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.parentId = parentId;
    this.traceState = traceState;
    this.#flags = flags;
  }

  get sampled(): boolean {
    return (this.#flags & sampledFlag) !== 0;
  }

  headers(): TraceHeaders {
    const flags = this.#flags.toString(16).padStart(2, "0");
    const traceparent = `00-${this.traceId}-${this.spanId}-${flags}`;
    return this.traceState === "" ? { traceparent } : { traceparent, tracestate: this.traceState };
  }
}

/** Random bytes for many ids at once: asking for each costs ten times as much. */
const random = Buffer.alloc(4096);
let used = random.length;

function hex(length: number): string {
  for (;;) {
    if (used + length > random.length) {
      crypto.getRandomValues(random);
      used = 0;
    }
    const bytes = random.subarray(used, used + length);
    used += length;
    // All zeros are no id.
    if (bytes.some((byte) => byte !== 0)) return bytes.toString("hex");
  }
}
