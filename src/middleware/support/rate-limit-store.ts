/** The store of `rateLimit` in the memory of one worker. */
import type { RateLimitDecision, RateLimitQuota, RateLimitStore } from "../rate-limit.ts";
import { checkOptions, checkWhole, invalidOption } from "./options.ts";

/** Options of `MemoryRateLimitStore`. */
export interface MemoryRateLimitStoreOptions {
  /**
   * Clients that are remembered; 100,000 unless told, some 10 MB. When an attack brings more, those
   * that were quiet longest are forgotten first.
   */
  readonly keysMax?: number;
  /** Milliseconds of a clock that never goes back; that of the process unless told. */
  readonly now?: () => number;
}

const keysDefault = 100_000;
/** Beyond it a `Map` is slow to grow, and shared memory is the better place. */
const keysMost = 10_000_000;

/** Rounding of windows that do not divide by the limit; far below what a clock can tell. */
const toleranceMs = 1e-6;

/**
 * Generic cell rate algorithm: one number for each client, the time at which its quota is whole
 * again. Two generations of clients take turns, so that nobody has to look for the expired: once
 * the young generation is full or as old as the window, it becomes the old one, and the former old
 * one is dropped as a whole.
 *
 * @example
 * const store = new MemoryRateLimitStore({ keysMax: 10_000 });
 * app.layer(rateLimit({ limit: 100, windowSeconds: 60, store }));
 */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #generationMax: number;
  readonly #now: () => number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #startedMs: number;
  #windowMs = 0;

  /** @throws ChopinError `invalid_option`. */
  constructor(options: MemoryRateLimitStoreOptions = {}) {
    const name = "MemoryRateLimitStore";
    checkOptions(name, options, ["keysMax", "now"]);
    const { keysMax = keysDefault, now = performance.now.bind(performance) } = options;
    if (typeof now !== "function") throw invalidOption(name, "now is a function");
    this.#generationMax = Math.ceil(checkWhole(name, "keysMax", keysMax, 2, keysMost) / 2);
    this.#now = now;
    this.#startedMs = now();
  }

  /** Clients that are remembered now. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  take(key: string, quota: RateLimitQuota): RateLimitDecision {
    const { limit, windowMs } = quota;
    const now = this.#now();
    this.#rotate(now, windowMs);
    const whole = Math.max(this.#young.get(key) ?? this.#old.get(key) ?? now, now);
    const intervalMs = windowMs / limit;
    const next = whole + intervalMs;
    const allowed = next - now <= windowMs + toleranceMs;
    const after = allowed ? next : whole;
    if (allowed) this.#keep(key, after);
    const left = windowMs - (after - now);
    return {
      allowed,
      remaining: Math.max(0, Math.floor(left / intervalMs + toleranceMs)),
      resetMs: after - now,
      retryAfterMs: Math.max(0, after + intervalMs - now - windowMs),
    };
  }

  #keep(key: string, wholeAtMs: number): void {
    this.#old.delete(key);
    this.#young.set(key, wholeAtMs);
  }

  /** What is in the old generation longer than the longest window is whole again by then. */
  #rotate(now: number, windowMs: number): void {
    this.#windowMs = Math.max(this.#windowMs, windowMs);
    const expired = now - this.#startedMs >= this.#windowMs;
    if (!expired && this.#young.size < this.#generationMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#startedMs = now;
  }
}
