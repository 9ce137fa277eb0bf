/** Helper of the tests of middleware: wrong options. */
import { expect } from "bun:test";
import { ChopinError } from "../../src/index.ts";

/** Expects an `invalid_option` error whose message has a text. */
export function expectFault(make: () => unknown, text: string): void {
  let thrown: unknown;
  try {
    make();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ChopinError);
  expect((thrown as ChopinError).code).toBe("invalid_option");
  expect((thrown as ChopinError).message).toContain(text);
}
