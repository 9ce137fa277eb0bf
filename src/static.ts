/**
 * Constant answers: prepared once at start, given by native code without running JavaScript where
 * no middleware covers their path. Called by `program.ts`.
 */
import { PreparedAnswer } from "./answer.ts";
import { kind } from "./native/abi.ts";
import { prepare } from "./response.ts";

/**
 * Prepares the answer that a program gave in place of a handler. Its body is serialized here, so
 * that later changes to the value are not seen.
 *
 * @throws ChopinError `invalid_answer` for what cannot be sent.
 */
export async function prepareConstant(value: unknown): Promise<PreparedAnswer> {
  const prepared = await prepare(value, 0);
  const body = prepared.kind === kind.none && prepared.body === null ? null : prepared.bytes();
  const fields = prepared.fields?.slice();
  const constant = new PreparedAnswer(prepared.kind, body, prepared.status, fields);
  constant.native = true;
  return constant;
}
