/**
 * The handshake as the handler of a route: behind middleware and schemas it looks at what the
 * client asks for, calls `upgrade`, and answers 101 with an `Upgrade`. Loaded by `compile.ts` with
 * the first WebSocket.
 */
import { PreparedAnswer } from "../answer.ts";
import type { Field } from "../answer-fields.ts";
import { failed, type Scope } from "../compose.ts";
import type { ProblemCode } from "../errors.ts";
import { FileReference } from "../files/answer.ts";
import { allLines } from "../forwarded.ts";
import { kind } from "../native/abi.ts";
import { RefusedAs } from "../refused.ts";
import type { RequestContext } from "../request-context.ts";
import type { ExtractedStep } from "../schema/route-step.ts";
import type { Coding } from "./coding.ts";
import { deflate, inflate, negotiate } from "./compression.ts";
import type { Endpoint } from "./endpoint.ts";
import { chooseProtocol, type Handshake, readHandshake, version } from "./handshake.ts";
import { allowsOrigin } from "./origin.ts";
import { Upgrade } from "./upgrade.ts";

const details: Partial<Record<ProblemCode, string>> = {
  upgrade_required: "There is a WebSocket: ask for an upgrade, by GET and HTTP/1.1.",
  websocket_version_not_supported: `Only version ${version} of WebSockets is spoken here.`,
  websocket_unavailable: "A WebSocket takes a socket: serve the application.",
};

/** The step that answers handshakes. */
export function websocketStep(endpoint: Endpoint, scope: Scope): ExtractedStep {
  const codings = codingsOf(endpoint);
  return (ctx, extracted) => {
    const handshake = readHandshake({
      method: ctx.method,
      upgradable: ctx.upgradable,
      lines: (name) => allLines(ctx, name),
    });
    if (typeof handshake === "string") return refuse(ctx, handshake, scope);
    if (!ctx.hasSocket) return refuse(ctx, "websocket_unavailable", scope);
    if (!allowsOrigin(endpoint.origins, ctx.fieldValue("origin", 0), ctx.host)) {
      return refuse(ctx, "origin_not_allowed", scope);
    }
    const coding = endpoint.compresses
      ? codings(allLines(ctx, "sec-websocket-extensions"))
      : undefined;
    const { upgrade } = endpoint;
    const parts = { endpoint, handshake, coding, ctx };
    if (upgrade === undefined) return accept(parts, undefined);
    const data = upgrade.call(endpoint.handlers, ctx as never, extracted as never);
    return data instanceof Promise
      ? data.then((settled: unknown) => accept(parts, settled))
      : accept(parts, data);
  };
}

interface Parts {
  readonly endpoint: Endpoint;
  readonly handshake: Handshake;
  readonly coding: Coding | undefined;
  readonly ctx: RequestContext;
}

/** The answer with a WebSocket, or what `upgrade` returned in place of its data. */
function accept({ endpoint, handshake, coding, ctx }: Parts, data: unknown): unknown {
  if (isAnswer(data)) return data;
  const upgrade = new Upgrade({
    endpoint,
    route: ctx.route,
    data,
    accept: handshake.accept,
    protocol: chooseProtocol(endpoint.protocols, handshake.protocols),
    remoteAddress: ctx.ip,
    coding,
  });
  return new PreparedAnswer(kind.none, upgrade, 101, undefined);
}

function isAnswer(value: unknown): boolean {
  return (
    value instanceof PreparedAnswer ||
    value instanceof Response ||
    value instanceof FileReference ||
    value instanceof Error
  );
}

/** An error answer, with the fields that its status asks for. */
function refuse(ctx: RequestContext, code: ProblemCode, scope: Scope): unknown {
  const answer = failed(ctx, new RefusedAs(code, details[code]), scope);
  return answer instanceof Promise ? answer.then(complete) : complete(answer);

  function complete(refusal: PreparedAnswer): PreparedAnswer {
    if (refusal.status !== 426) return refusal;
    // RFC 9110 15.5.22, RFC 6455 4.4. Applications cannot set the first one.
    const fields: Field[] = [
      { name: "Upgrade", key: "upgrade", value: "websocket", appended: false },
    ];
    if (code === "websocket_version_not_supported") {
      const [name, key] = ["Sec-WebSocket-Version", "sec-websocket-version"];
      fields.push({ name, key, value: version, appended: false });
    }
    refusal.fields = [...(refusal.fields ?? []), ...fields];
    return refusal;
  }
}

/** Those whose clients ask for the same share a coding, so that what is published is made once. */
function codingsOf(endpoint: Endpoint): (offers: readonly string[]) => Coding | undefined {
  const byAnswer = new Map<string, Coding>();
  const threshold = endpoint.compressionThreshold;
  return (offers) => {
    const negotiated = negotiate(offers);
    if (negotiated === undefined) return undefined;
    const { answer, windowBits } = negotiated;
    let coding = byAnswer.get(answer);
    if (coding === undefined) {
      const squeeze: Coding["deflate"] = (message) => deflate(message, windowBits);
      coding = { answer, threshold, deflate: squeeze, inflate };
      byAnswer.set(answer, coding);
    }
    return coding;
  };
}
