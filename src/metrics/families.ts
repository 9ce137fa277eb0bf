/** What is told of a snapshot, family by family; `text.ts` writes it in a format. */
import type { Durations, MetricsSnapshot, RouteSnapshot } from "./snapshot.ts";

export type Labels = Readonly<Record<string, string>>;

/** A value with its labels; of a histogram one for each of its lines. */
export interface Sample {
  /** Behind the name of the family, such as "_bucket". */
  readonly suffix: string;
  readonly labels: Labels;
  readonly value: number;
}

export interface Family {
  /** A counter's without "_total". */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit?: "seconds" | "bytes";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Quantiles of durations, from all of them since the start. */
const quantiles: readonly number[] = [0.5, 0.9, 0.99, 0.999];

/** Every family of a snapshot; `bounds` are seconds. */
export function familiesOf(snapshot: MetricsSnapshot, bounds: readonly number[]): Family[] {
  const routes = snapshot.routes();
  return [
    ...connections(snapshot),
    ...requests(snapshot),
    answers(routes),
    durations(routes, bounds),
    quantilesOf(routes),
    ...server(snapshot, bounds),
  ];
}

function connections(snapshot: MetricsSnapshot): Family[] {
  return [
    gauge("chopin_workers", "Processes that serve.", snapshot.gauge("workers")),
    counter("chopin_connections_accepted", "Connections that were accepted.", [
      one(snapshot.counter("connections_accepted")),
    ]),
    gauge("chopin_connections_open", "Open connections.", snapshot.gauge("connections_open")),
    counter(
      "chopin_connections_refused",
      "Connections that were closed before a request, by the limit that they met.",
      byLabel("reason", ["address_full", "proxy_header"], (name) => snapshot.closing(name)),
    ),
    counter(
      "chopin_accept_pauses",
      "Times that accepting stopped, for want of slots or descriptors.",
      byLabel("reason", ["slots_full", "descriptors_out"], (name) => snapshot.closing(name)),
    ),
    counter(
      "chopin_timeouts",
      "Connections that were closed because time was over, by what was awaited.",
      [
        ...byLabel("kind", ["head", "body", "write"], (name) =>
          snapshot.closing(`${name}_timeout`),
        ),
        { suffix: "_total", labels: { kind: "idle" }, value: snapshot.counter("idle_timeouts") },
      ],
    ),
  ];
}

function requests(snapshot: MetricsSnapshot): Family[] {
  return [
    counter("chopin_requests", "Requests whose head was complete.", [
      one(snapshot.counter("requests")),
    ]),
    gauge(
      "chopin_requests_pending",
      "Requests that wait for their handlers.",
      snapshot.gauge("requests_pending"),
    ),
    gauge("chopin_websockets_open", "Open WebSockets.", snapshot.gauge("websockets_open")),
    counter("chopin_websocket_messages", "Messages and told control frames, by their way.", [
      way("received", snapshot.counter("websocket_messages_received")),
      way("sent", snapshot.counter("websocket_messages_sent")),
    ]),
    counter("chopin_websockets_cut_off", "WebSockets whose peer took too little.", [
      one(snapshot.closing("websocket_backlog")),
    ]),
    counter("chopin_requests_abandoned", "Requests whose client left before the answer.", [
      one(snapshot.counter("requests_abandoned")),
    ]),
    counter(
      "chopin_parse_errors",
      "Requests that were refused for their form, by code of the answer.",
      snapshot.rejections().map(([kind, value]) => ({ suffix: "_total", labels: { kind }, value })),
    ),
    {
      ...counter("chopin_received_bytes", "Bytes that came from clients.", [
        one(snapshot.counter("received_bytes")),
      ]),
      unit: "bytes",
    },
    {
      ...counter("chopin_sent_bytes", "Bytes that the kernel took for clients.", [
        one(snapshot.counter("sent_bytes")),
      ]),
      unit: "bytes",
    },
  ];
}

function way(direction: "received" | "sent", value: number): Sample {
  return { suffix: "_total", labels: { direction }, value };
}

function answers(routes: readonly RouteSnapshot[]): Family {
  const samples = routes.flatMap(({ method, route, answers: classes }) =>
    classes.flatMap((value, index) => {
      if (value === 0) return [];
      return { suffix: "_total", labels: { method, route, class: `${index + 1}xx` }, value };
    }),
  );
  return counter("chopin_answers", "Answers by route and class of their status.", samples);
}

function durations(routes: readonly RouteSnapshot[], bounds: readonly number[]): Family {
  return {
    name: "chopin_request_duration_seconds",
    type: "histogram",
    unit: "seconds",
    help: "From a request's head to its answer, or the head of a stream.",
    samples: routes.flatMap(({ method, route, durations: taken }) =>
      histogram({ method, route }, taken, bounds),
    ),
  };
}

function quantilesOf(routes: readonly RouteSnapshot[]): Family {
  return {
    name: "chopin_request_duration_quantile_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Quantiles of all durations since the start, within 1.6 %.",
    samples: routes.flatMap(({ method, route, durations: taken }) =>
      quantiles.map((share) => ({
        suffix: "",
        labels: { method, route, share: String(share) },
        value: taken.quantile(share),
      })),
    ),
  };
}

function server(snapshot: MetricsSnapshot, bounds: readonly number[]): Family[] {
  return [
    counter("chopin_turns", "Turns of the server.", [one(snapshot.counter("turns"))]),
    {
      name: "chopin_batch_requests",
      type: "histogram",
      help: "Requests that were answered together.",
      samples: batches(snapshot),
    },
    {
      name: "chopin_event_loop_lag_seconds",
      type: "histogram",
      unit: "seconds",
      help: "What others did on the thread between two turns.",
      samples: histogram({}, snapshot.lag(), bounds),
    },
  ];
}

function histogram(labels: Labels, taken: Durations, bounds: readonly number[]): Sample[] {
  const counts = taken.upTo(bounds);
  return [
    ...bounds.map((bound, index) => bucket(labels, decimal(bound), counts[index]!)),
    bucket(labels, "+Inf", taken.count),
    { suffix: "_sum", labels, value: taken.sum },
    { suffix: "_count", labels, value: taken.count },
  ];
}

/** Batches are counted by their size, and requests by their batch. */
function batches(snapshot: MetricsSnapshot): Sample[] {
  let total = 0;
  const buckets = snapshot.batchSizes().map((count, index) => {
    total += count;
    return bucket({}, decimal(2 ** index), total);
  });
  return [
    ...buckets,
    bucket({}, "+Inf", total),
    { suffix: "_sum", labels: {}, value: snapshot.counter("requests_batched") },
    { suffix: "_count", labels: {}, value: total },
  ];
}

function bucket(labels: Labels, le: string, value: number): Sample {
  return { suffix: "_bucket", labels: { ...labels, le }, value };
}

/** OpenMetrics wants bounds to be written like 1.0. */
function decimal(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function gauge(name: string, help: string, value: number): Family {
  return { name, type: "gauge", help, samples: [{ suffix: "", labels: {}, value }] };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, type: "counter", help, samples };
}

function one(value: number): Sample {
  return { suffix: "_total", labels: {}, value };
}

function byLabel(
  label: string,
  names: readonly string[],
  countOf: (name: string) => number,
): Sample[] {
  return names.map((name) => ({
    suffix: "_total",
    labels: { [label]: name },
    value: countOf(name),
  }));
}
