/**
 * The library's functions for several processes that are one service; see `symbols.ts`. In a module
 * of their own, because a program that serves alone calls few of them, and most never.
 */
import { openLibrary } from "./open-library.ts";

const symbols = openLibrary({
  chopin_listeners_tcp: {
    args: ["ptr", "u32", "u32", "u32", "u32", "ptr", "ptr"],
    returns: "i32",
  },
  chopin_listener_unix: { args: ["ptr", "u32", "u32"], returns: "i32" },
  chopin_listener_adopt: { args: ["i32", "ptr"], returns: "i32" },
  chopin_listener_close: { args: ["i32"], returns: "i32" },
  chopin_process_die_with_parent: { args: ["i32"], returns: "i32" },
  chopin_process_own: { args: ["i32"], returns: "i32" },
  chopin_process_is_terminal: { args: ["i32"], returns: "i32" },
  chopin_process_pin: { args: ["u32"], returns: "i32" },
  chopin_process_monotonic_ns: { args: [], returns: "f64" },
  chopin_process_notify: { args: ["ptr", "u32", "ptr", "u32"], returns: "i32" },
});

export const {
  chopin_listeners_tcp,
  chopin_listener_unix,
  chopin_listener_adopt,
  chopin_listener_close,
  chopin_process_die_with_parent,
  chopin_process_own,
  chopin_process_is_terminal,
  chopin_process_pin,
  chopin_process_monotonic_ns,
  chopin_process_notify,
} = symbols;
