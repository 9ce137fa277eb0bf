/**
 * Routes in native memory: declared here, matched for sockets by the library and for `fetch` from
 * here.
 */
import { CString, type Pointer } from "bun:ffi";
import type { PreparedAnswer } from "../answer.ts";
import { fieldLines } from "../answer-fields.ts";
import { ChopinError } from "../errors.ts";
import { code, flag, methodTokens, request, special } from "./abi.ts";
import type { NativeRouter } from "./contract.ts";
import { RouteRefused } from "./route-refused.ts";
import { capturesOf, pathText, spanText } from "./spans.ts";
import {
  chopin_router_add,
  chopin_router_commit,
  chopin_router_conflict,
  chopin_router_constant,
  chopin_router_create,
  chopin_router_destroy,
  chopin_router_match,
  chopin_router_method,
  chopin_router_prefix,
  chopin_router_reason,
} from "./symbols.ts";

/** Where the router sends a request. */
export interface Match {
  /** Index of the route, or one of `special`. */
  readonly handler: number;
  /** Canonical path as a context shows it. */
  readonly path: string;
  /** Text of the captures, a slash inside a segment as NUL; undefined for those that are absent. */
  readonly captures: readonly (string | undefined)[];
  /** One bit for each prefix that covers the path. */
  readonly coverage: number;
  /** Bytes of a body that are accepted. */
  readonly bodyLimit: number;
  /** The handler takes the body as it comes. */
  readonly streamBody: boolean;
  /** Methods of the path, with 405 and OPTIONS. */
  readonly allow: string;
}

/** What `commit` is told about the application, as bits of `Options` in `zig/router.zig`. */
export interface CommitOptions {
  readonly globalLayer: boolean;
  readonly trailingSlashIgnored: boolean;
  readonly customNotFound: boolean;
}

const flagOf = { globalLayer: 1, trailingSlashIgnored: 2, customNotFound: 4 } as const;

/** Room for an Allow value with all 31 methods of an application, each 32 bytes long. */
const allowBytesMax = 31 * (32 + 2);

/** Frees native routers that nobody can reach any more: neither a server nor a program. */
const freed = new FinalizationRegistry<Pointer>((handle) => {
  chopin_router_destroy(handle);
});

export class Router implements NativeRouter {
  readonly handle: Pointer;
  /** Method tokens by id. */
  readonly methods: (string | undefined)[] = [...methodTokens];
  /** Bits of prefixes by their text. */
  readonly prefixes = new Map<string, number>();
  readonly #words = new Uint32Array(request.words);
  readonly #info = new Uint32Array(4);
  #bytes = Buffer.alloc(4096);

  constructor() {
    const handle = chopin_router_create() as Pointer | null;
    if (handle === null) throw new ChopinError("native_failure", "There is no memory for routes.");
    this.handle = handle;
    freed.register(this, handle, this);
  }

  /** Frees the native routes at once; the router must not be used any more. */
  destroy(): void {
    freed.unregister(this);
    chopin_router_destroy(this.handle);
  }

  /** The id of a method token. */
  method(token: string): number {
    const text = Buffer.from(token, "latin1");
    const id = chopin_router_method(this.handle, text, text.length);
    if (id === code.full) {
      throw new RouteRefused(
        "invalid_route",
        "there are too many methods of your own",
        undefined,
        undefined,
      );
    }
    this.#expect(id);
    this.methods[id] = token;
    return id;
  }

  /**
   * Declares a route.
   *
   * @throws RouteRefused for a pattern that is not supported, a duplicate or a conflict.
   */
  add(
    method: number,
    pattern: string,
    handler: number,
    body: { readonly limit: number; readonly stream: boolean },
  ): void {
    const text = Buffer.from(pattern);
    const info = this.#info;
    const result = chopin_router_add(
      this.handle,
      method,
      text,
      text.length,
      handler,
      body.limit,
      body.stream ? 1 : 0,
      info,
    );
    if (result === code.duplicateRoute) {
      throw new RouteRefused("duplicate_route", "was declared before at", undefined, info[0]);
    }
    if (result === code.conflictingRoute) {
      const message = "matches the same requests under other names as";
      throw new RouteRefused("conflicting_route", message, undefined, info[0]);
    }
    if (result === code.invalidPattern) throw this.#patternRefused(pattern);
    this.#expect(result);
  }

  /**
   * Prepares the answer of a handler, which native code then gives by itself where nothing covers
   * it.
   */
  constant(handler: number, answer: PreparedAnswer): void {
    const fields = Buffer.from(fieldLines(answer.fields), "latin1");
    const body = answer.bytes();
    const { kind, status } = answer;
    this.#expect(
      chopin_router_constant(
        this.handle,
        handler,
        status,
        kind,
        fields.length === 0 ? null : fields,
        fields.length,
        body.length === 0 ? null : body,
        body.length,
      ),
    );
  }

  /** The bit of a prefix in a request's coverage. */
  prefix(pattern: string): number {
    const known = this.prefixes.get(pattern);
    if (known !== undefined) return known;
    const text = Buffer.from(pattern);
    const bit = chopin_router_prefix(this.handle, text, text.length, this.#info);
    if (bit === code.invalidPattern || bit === code.full) throw this.#patternRefused(pattern);
    this.#expect(bit);
    this.prefixes.set(pattern, bit);
    return bit;
  }

  /**
   * Compiles what was declared.
   *
   * @throws RouteRefused when two routes differ only in a slash that is ignored.
   */
  commit(options: CommitOptions): void {
    let flags = 0;
    for (const name of Object.keys(flagOf) as (keyof CommitOptions)[]) {
      if (options[name]) flags |= flagOf[name];
    }
    const result = chopin_router_commit(this.handle, flags);
    if (result === code.conflictingRoute) {
      const info = this.#info;
      chopin_router_conflict(this.handle, info);
      const message = "differs only in a trailing slash, which is ignored, from";
      throw new RouteRefused("conflicting_route", message, info[0], info[1]);
    }
    this.#expect(result);
  }

  /** Where a request goes; undefined when its path cannot be brought into canonical form. */
  match(method: string, target: string): Match | undefined {
    const needed = 2 * target.length + allowBytesMax;
    if (this.#bytes.length < needed) this.#bytes = Buffer.alloc(2 * needed);
    const [words, bytes] = [this.#words, this.#bytes];
    const token = Buffer.from(method, "latin1");
    const text = Buffer.from(target, "latin1");
    const { handle } = this;
    const result = chopin_router_match(
      handle,
      token,
      token.length,
      text,
      text.length,
      words,
      bytes,
      bytes.length,
    );
    if (result === code.badTarget) return undefined;
    this.#expect(result);
    const handler = words[request.handler]!;
    return {
      handler,
      path: pathText(words, bytes),
      captures: handler < special.first ? capturesOf(words, bytes) : [],
      coverage: words[request.coverage]!,
      // Without a socket there is no body yet; this word says how long it may be.
      bodyLimit: words[request.body]!,
      streamBody: (words[request.methodFlags]! & flag.bodyStreamed) !== 0,
      allow: handler < special.first ? "" : spanText(words, bytes, request.params),
    };
  }

  #patternRefused(pattern: string): RouteRefused {
    const [offset, reason] = this.#info;
    const sentence = new CString(chopin_router_reason(reason!) as Pointer).toString();
    const rest = Buffer.from(pattern).subarray(offset!).toString();
    const place = rest === "" ? "at its end" : `at ${JSON.stringify(rest)}`;
    return new RouteRefused("invalid_route", `${sentence} (${place})`, undefined, undefined);
  }

  #expect(result: number): void {
    if (result >= 0) return;
    throw new ChopinError("native_failure", `The native router refused a call (code ${result}).`);
  }
}
