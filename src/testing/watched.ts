/**
 * An application around the one under test: it sees requests come and answers go. A server of it
 * is none of the application itself, which may have several, and one of its own. Called by
 * `transport.ts`.
 */
import type { Answer } from "../answer.ts";
import { Chopin } from "../app.ts";
import type { AnyContext } from "../context.ts";
import { Declarations } from "../declarations.ts";
import type { Definition } from "../definition.ts";
import { isUnforeseen, type TestCall } from "./calls.ts";
import { fault } from "./options.ts";

/** What a watched application tells of. */
export interface Watcher {
  /** The call that a request is of; undefined: of somebody else. */
  callOf(ctx: AnyContext): TestCall | undefined;
  failed(error: unknown): void;
}

export class Watched extends Chopin<object> {
  /** @throws ChopinError `invalid_option`. */
  constructor(app: object, watcher: Watcher) {
    if (!(app instanceof Declarations)) {
      throw fault("test", "it takes an application, made by `new Chopin()` of the same package");
    }
    const { options, metrics } = (app as unknown as { readonly definition: Definition }).definition;
    super(options);
    // Ports of their own stay closed: tests that run together would meet there.
    if (metrics?.place === undefined) this.definition.metrics = metrics;
    this.layer((ctx, next) => {
      const call = watcher.callOf(ctx);
      call?.arrived();
      const answer = next();
      const leave = ({ error, status }: Answer) => {
        if (status >= 500 && isUnforeseen(error)) {
          watcher.failed(error);
          if (call !== undefined) call.thrown = { error };
        }
        call?.answered();
      };
      if (answer instanceof Promise) answer.then(leave);
      else leave(answer);
    }).merge(app);
  }
}
