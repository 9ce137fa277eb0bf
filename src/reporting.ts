/** What an application tells of itself: metrics, health, and its OpenAPI document. */
import type { State } from "./context.ts";
import { Declarations } from "./declarations.ts";
import { documentOptionsOf } from "./definition.ts";
import { Health, type HealthOptions } from "./health.ts";
import { Metrics, type MetricsOptions } from "./metrics.ts";
import type { OpenApiOptions } from "./openapi/options.ts";
import { OpenApiRoutes, type OpenApiRoutesOptions } from "./openapi.ts";

/** An application that can report. `S` is the type of `ctx.state`; see `State`. */
export abstract class Reporting<S extends object = State> extends Declarations<S> {
  /**
   * Counts what the server does, and tells it in the format of Prometheus: as a route of this
   * application, or on a port of its own. Of applications nested in another only the route counts.
   *
   * @throws ChopinError `invalid_option`.
   * @example
   * app.metrics({ port: 9464 });
   */
  metrics(options: MetricsOptions<S> = {}): this {
    this.change();
    const metrics = new Metrics(options);
    this.definition.metrics = metrics;
    if (metrics.place !== undefined) return this;
    return this.get(metrics.path, { use: options.use ?? [], hidden: true }, (ctx) =>
      metrics.answer(ctx),
    );
  }

  /**
   * Tells supervisors whether the process lives, and balancers whether it wants requests, by checks
   * of your own; as routes of this application, or on a port of their own.
   *
   * @throws ChopinError `invalid_option`.
   * @example
   * app.health({ ready: { database: () => sql`select 1` } });
   */
  health(options: HealthOptions = {}): this {
    this.change();
    const health = new Health(options);
    this.definition.health = health;
    if (health.place !== undefined) return this;
    const hidden = { hidden: true };
    this.get(health.livePath, hidden, (ctx) => health.answer(ctx, health.live()));
    return this.get(health.readyPath, hidden, (ctx) => health.answer(ctx, health.ready()));
  }

  /**
   * Serves the OpenAPI 3.1 document of the application and of those nested in it or merged, as JSON
   * and as YAML, and a page that shows it and sends requests. Not in production, where the paths
   * are as if they had not been declared, unless `production` says so.
   *
   * @throws ChopinError `invalid_option`.
   * @example
   * app.openapi({ info: { title: "Shop", version: "1.2.0" } });
   */
  openapi(options: OpenApiRoutesOptions<S> = {}): this {
    const routes = new OpenApiRoutes(options);
    return this.add({
      type: "reporting",
      production: routes.production,
      document: routes.document,
      make: (list) => routes.declarations(list),
    });
  }

  /**
   * What `openapi` was told of the document, here or on a merged application.
   *
   * @internal
   */
  documentOptions(): OpenApiOptions | undefined {
    return documentOptionsOf(this.definition);
  }
}
