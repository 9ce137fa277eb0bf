/** Answers after which a connection is a WebSocket. Called by `dispatch.ts`. */
import type { PreparedAnswer } from "../answer.ts";
import { headLines, mergeFields } from "../answer-fields.ts";
import type { ProblemCode } from "../errors.ts";
import { handshakeLines, isHandshakeField, type Upgrade } from "../websocket/upgrade.ts";
import { answerFlag, code } from "./abi.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import type { NativeServer } from "./contract.ts";
import type { NativeContext } from "./native-context.ts";

/** What else may become of the request. */
export interface Otherwise {
  refused(code: ProblemCode): void;
  failed(error: unknown): void;
}

/** Makes a WebSocket of the connection, or answers otherwise. */
export function changeProtocol(
  ctx: NativeContext,
  answer: PreparedAnswer,
  upgrade: Upgrade,
  { streams, websockets }: NativeServer,
  writer: AnswerWriter,
  otherwise: Otherwise,
): void {
  if (!writer.hold(ctx)) {
    otherwise.refused("overloaded");
    return;
  }
  const change = (): void => {
    try {
      const fields = mergeFields(ctx.draftFields, answer.fields);
      const lines =
        handshakeLines(upgrade) + headLines(fields?.filter((field) => !isHandshakeField(field)));
      const slot = websockets.create(ctx, upgrade);
      if (slot >= 0) writer.place(ctx, 101 | answerFlag.upgrade, lines, "");
      else otherwise.refused(slot === code.invalidArgument ? "upgrade_required" : "overloaded");
    } catch (error) {
      otherwise.failed(error);
    }
  };
  // While a dispatch runs, requests have no connection.
  if (streams.dispatching) streams.atTurnEnd(change);
  else change();
}
