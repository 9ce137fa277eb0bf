/**
 * The library's functions for metrics; see `symbols.ts`. In a module of their own, because programs
 * without metrics never call them.
 */
import { openLibrary } from "./open-library.ts";

const symbols = openLibrary({
  chopin_metrics_create: { args: ["u32", "u32", "u32"], returns: "ptr" },
  chopin_metrics_attach: { args: ["i32"], returns: "ptr" },
  chopin_metrics_destroy: { args: ["ptr"], returns: "i32" },
  chopin_metrics_fd: { args: ["ptr"], returns: "i32" },
  chopin_metrics_claim: { args: ["ptr"], returns: "i32" },
  chopin_metrics_fold: { args: ["ptr", "u32"], returns: "i32" },
  chopin_metrics_route: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  chopin_metrics_route_name: { args: ["ptr", "u32", "ptr", "u32"], returns: "i32" },
  chopin_metrics_read: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  chopin_metrics_record: { args: ["ptr", "ptr", "u32", "ptr", "u32"], returns: "i32" },
  chopin_metrics_layout: { args: [], returns: "ptr" },
  chopin_metrics_bucket_starts: { args: ["ptr", "u32"], returns: "i32" },
});

export const {
  chopin_metrics_create,
  chopin_metrics_attach,
  chopin_metrics_destroy,
  chopin_metrics_fd,
  chopin_metrics_claim,
  chopin_metrics_fold,
  chopin_metrics_route,
  chopin_metrics_route_name,
  chopin_metrics_read,
  chopin_metrics_record,
  chopin_metrics_layout,
  chopin_metrics_bucket_starts,
} = symbols;
