/**
 * The library's functions as module-level constants: called with their exact arity the engine
 * compiles each call to a direct one (2–6 ns). Importing this module loads the library.
 */
import { CString, type Pointer } from "bun:ffi";
import { abiVersion } from "./abi.ts";
import { openLibrary, wrongVersion } from "./open-library.ts";

const symbols = openLibrary({
  chopin_abi_version: { args: [], returns: "u32" },
  chopin_abi_layout: { args: [], returns: "ptr" },

  chopin_router_create: { args: [], returns: "ptr" },
  chopin_router_destroy: { args: ["ptr"], returns: "i32" },
  chopin_router_method: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  chopin_router_add: {
    args: ["ptr", "u32", "ptr", "u32", "u32", "u32", "u32", "ptr"],
    returns: "i32",
  },
  chopin_router_constant: {
    args: ["ptr", "u32", "u32", "u32", "ptr", "u32", "ptr", "u32"],
    returns: "i32",
  },
  chopin_router_files: { args: ["ptr", "u32", "ptr", "u32", "u32"], returns: "i32" },
  chopin_router_prefix: { args: ["ptr", "ptr", "u32", "ptr"], returns: "i32" },
  chopin_router_commit: { args: ["ptr", "u32"], returns: "i32" },
  chopin_router_conflict: { args: ["ptr", "ptr"], returns: "i32" },
  chopin_router_match: {
    args: ["ptr", "ptr", "u32", "ptr", "u32", "ptr", "ptr", "u32"],
    returns: "i32",
  },
  chopin_router_reason: { args: ["u32"], returns: "ptr" },

  chopin_server_create: { args: ["ptr", "ptr", "ptr"], returns: "ptr" },
  chopin_server_destroy: { args: ["ptr"], returns: "i32" },
  chopin_server_view: { args: ["ptr"], returns: "ptr" },
  chopin_server_name: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  chopin_server_router: { args: ["ptr", "ptr"], returns: "i32" },
  chopin_server_listen_tcp: { args: ["ptr", "ptr", "u32", "u32", "u32"], returns: "i32" },
  chopin_server_listen_unix: { args: ["ptr", "ptr", "u32", "u32"], returns: "i32" },
  chopin_server_listen_fd: { args: ["ptr", "i32", "u32"], returns: "i32" },
  chopin_server_drain: { args: ["ptr", "u32", "u32"], returns: "i32" },
  chopin_server_end: { args: ["ptr"], returns: "i32" },
  chopin_server_turn: { args: ["ptr", "u32"], returns: "i32" },
  chopin_server_arm: { args: ["ptr"], returns: "i32" },
  chopin_server_reactor: { args: ["ptr"], returns: "u32" },
  chopin_server_bytes_in_use: { args: ["ptr"], returns: "u32" },
  chopin_wakeup_create: { args: ["ptr", "u32"], returns: "i32" },
  chopin_wakeup_listener: { args: ["ptr", "u32", "ptr", "u32"], returns: "i32" },
  chopin_loop_observe: { args: ["ptr"], returns: "i32" },

  chopin_request_hold: { args: ["ptr", "u32"], returns: "i32" },
  chopin_request_stage: { args: ["ptr", "u32", "u32"], returns: "i32" },
  chopin_request_header: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
  chopin_request_address: { args: ["ptr", "u32"], returns: "i32" },
  chopin_request_body: { args: ["ptr", "u32", "ptr", "u32"], returns: "i32" },
  chopin_name_intern: { args: ["ptr", "ptr", "u32"], returns: "i32" },

  chopin_websocket_create: { args: ["ptr", "u32", "u32", "ptr"], returns: "i32" },
  chopin_websocket_send: { args: ["ptr", "u32", "u32", "u32", "ptr", "u32"], returns: "i32" },
  chopin_websocket_send_view: { args: ["ptr", "u32", "u32", "u32", "u32", "u32"], returns: "i32" },
  chopin_websocket_publish: { args: ["ptr", "ptr", "u32", "u32", "ptr", "u32"], returns: "i32" },
  chopin_websocket_close: {
    args: ["ptr", "u32", "u32", "u32", "ptr", "u32", "u32"],
    returns: "i32",
  },
  chopin_websocket_closed: { args: ["ptr", "u32", "u32"], returns: "i32" },
  chopin_websocket_backlog: { args: ["ptr", "u32", "u32"], returns: "i32" },

  chopin_answer_attach: { args: ["ptr", "u32", "u32", "ptr", "u32"], returns: "i32" },
  chopin_answer_file: { args: ["ptr", "u32", "u32", "ptr"], returns: "i32" },
  chopin_answers_flush: { args: ["ptr"], returns: "i32" },

  chopin_stream_write: { args: ["ptr", "u32", "u32", "ptr", "u32"], returns: "i32" },
  chopin_stream_end: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
  chopin_body_read: { args: ["ptr", "u32", "u32", "ptr", "u32"], returns: "i32" },
});

const found = symbols.chopin_abi_version();
if (found !== abiVersion) throw wrongVersion(found, abiVersion);

export const {
  chopin_router_create,
  chopin_router_destroy,
  chopin_router_method,
  chopin_router_add,
  chopin_router_constant,
  chopin_router_files,
  chopin_router_prefix,
  chopin_router_commit,
  chopin_router_conflict,
  chopin_router_match,
  chopin_router_reason,
  chopin_server_create,
  chopin_server_destroy,
  chopin_server_view,
  chopin_server_name,
  chopin_server_router,
  chopin_server_listen_tcp,
  chopin_server_listen_unix,
  chopin_server_listen_fd,
  chopin_server_drain,
  chopin_server_end,
  chopin_server_turn,
  chopin_server_arm,
  chopin_server_reactor,
  chopin_server_bytes_in_use,
  chopin_wakeup_create,
  chopin_wakeup_listener,
  chopin_loop_observe,
  chopin_request_hold,
  chopin_request_stage,
  chopin_request_header,
  chopin_request_address,
  chopin_request_body,
  chopin_name_intern,
  chopin_websocket_create,
  chopin_websocket_send,
  chopin_websocket_send_view,
  chopin_websocket_publish,
  chopin_websocket_close,
  chopin_websocket_closed,
  chopin_websocket_backlog,
  chopin_answer_attach,
  chopin_answer_file,
  chopin_answers_flush,
  chopin_stream_write,
  chopin_stream_end,
  chopin_body_read,
} = symbols;

/** The layout manifest of the loaded library, as `abi.zig` has it. */
export function libraryLayout(): unknown {
  return JSON.parse(new CString(symbols.chopin_abi_layout() as Pointer).toString());
}
