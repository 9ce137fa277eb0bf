/** Events as an iterator that can be left at any time. */
import type { Limit } from "./limit.ts";

/**
 * The values of a generator. `return` ends it at once, also while it waits for one; an abort, by
 * `return` or from outside, is an end like any other.
 */
export function endable<T>(
  values: AsyncGenerator<T, undefined>,
  limit: Limit,
): AsyncIterableIterator<T, undefined> {
  const quietly = async (
    step: Promise<IteratorResult<T, undefined>>,
  ): Promise<IteratorResult<T, undefined>> => {
    try {
      const result = await step;
      if (result.done === true) limit.end();
      return result;
    } catch (error) {
      limit.end();
      if (!limit.signal.aborted) throw error;
      return { done: true, value: undefined };
    }
  };
  return {
    next: () => quietly(values.next()),
    return: () => {
      limit.abort();
      return quietly(values.return(undefined));
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
