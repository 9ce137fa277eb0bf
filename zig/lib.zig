//! Root of the shared library: the export table and nothing else. What each function does stands
//! where it is defined, in `c/`.

const std = @import("std");
const router = @import("c/router.zig");
const server = @import("c/server.zig");
const stream = @import("c/stream.zig");
const websocket = @import("c/websocket.zig");
const file = @import("c/file.zig");
const process = @import("c/process.zig");
const manifest = @import("c/manifest.zig");
const metrics = @import("c/metrics.zig");

/// One line that names the library, its version and the place; Bun's own trace of a foreign frame
/// cannot be read.
pub const panic = manifest.panic;

comptime {
    const table = .{
        .{ "abi_version", &manifest.abiVersion },
        .{ "abi_layout", &manifest.abiLayout },

        .{ "router_create", &router.create },
        .{ "router_destroy", &router.destroy },
        .{ "router_method", &router.method },
        .{ "router_add", &router.add },
        .{ "router_constant", &router.constant },
        .{ "router_files", &router.filesOf },
        .{ "router_prefix", &router.prefix },
        .{ "router_commit", &router.commit },
        .{ "router_conflict", &router.conflict },
        .{ "router_match", &router.match },
        .{ "router_reason", &router.reason },

        .{ "server_create", &server.create },
        .{ "server_destroy", &server.destroy },
        .{ "server_view", &server.viewOf },
        .{ "server_reactor", &server.reactorOf },
        .{ "server_name", &server.setName },
        .{ "server_router", &server.setRouter },
        .{ "server_listen_tcp", &server.listenTcp },
        .{ "server_listen_unix", &server.listenUnix },
        .{ "server_drain", &server.drain },
        .{ "server_end", &server.end },
        .{ "server_turn", &server.turn },
        .{ "server_arm", &server.arm },
        .{ "server_bytes_in_use", &server.bytesInUse },
        .{ "wakeup_create", &server.wakeupCreate },
        .{ "wakeup_listener", &server.wakeupListener },
        .{ "loop_observe", &server.observeLoop },

        .{ "request_hold", &server.requestHold },
        .{ "request_stage", &server.requestStage },
        .{ "request_header", &server.requestHeader },
        .{ "request_address", &server.requestAddress },
        .{ "request_body", &server.requestBody },
        .{ "name_intern", &server.nameIntern },

        .{ "answer_attach", &server.answerAttach },
        .{ "answer_file", &server.answerFile },
        .{ "answers_flush", &server.answersFlush },

        .{ "websocket_create", &websocket.create },
        .{ "websocket_send", &websocket.send },
        .{ "websocket_send_view", &websocket.sendView },
        .{ "websocket_publish", &websocket.publish },
        .{ "websocket_close", &websocket.close },
        .{ "websocket_closed", &websocket.closed },
        .{ "websocket_backlog", &websocket.backlog },

        .{ "stream_write", &stream.write },
        .{ "stream_end", &stream.end },
        .{ "body_read", &stream.read },

        .{ "files_create", &file.filesCreate },
        .{ "files_destroy", &file.filesDestroy },
        .{ "files_root", &file.filesRoot },
        .{ "files_embedded", &file.filesEmbedded },
        .{ "files_embed", &file.filesEmbed },
        .{ "file_plan", &file.filePlan },
        .{ "file_plan_read", &file.filePlanRead },
        .{ "file_plan_destroy", &file.filePlanDestroy },

        .{ "listeners_tcp", &process.listenersTcp },
        .{ "listener_unix", &process.listenerUnix },
        .{ "listener_adopt", &process.listenerAdopt },
        .{ "listener_close", &process.listenerClose },
        .{ "server_listen_fd", &process.listenFd },
        .{ "process_die_with_parent", &process.dieWithParent },
        .{ "process_own", &process.own },
        .{ "process_is_terminal", &process.isTerminal },
        .{ "process_pin", &process.pin },
        .{ "process_monotonic_ns", &process.monotonicNs },
        .{ "process_notify", &process.notify },

        .{ "metrics_create", &metrics.create },
        .{ "metrics_attach", &metrics.attach },
        .{ "metrics_destroy", &metrics.destroy },
        .{ "metrics_fd", &metrics.fdOf },
        .{ "metrics_claim", &metrics.claim },
        .{ "metrics_fold", &metrics.fold },
        .{ "metrics_route", &metrics.route },
        .{ "metrics_route_name", &metrics.routeName },
        .{ "metrics_read", &metrics.read },
        .{ "metrics_record", &metrics.serverRecord },
        .{ "metrics_layout", &metrics.layout },
        .{ "metrics_bucket_starts", &metrics.bucketStarts },
    };
    for (table) |row| @export(row[1], .{ .name = "chopin_" ++ row[0] });
}

test {
    _ = @import("addresses.zig");
    _ = @import("answer.zig");
    _ = @import("answer_sizes.zig");
    _ = @import("answer_stream.zig");
    _ = @import("batch.zig");
    _ = @import("body.zig");
    _ = @import("body_stream.zig");
    _ = @import("capped_allocator.zig");
    _ = @import("closings.zig");
    _ = @import("connection.zig");
    _ = @import("deadline.zig");
    _ = @import("delivery.zig");
    _ = @import("file.zig");
    _ = @import("held.zig");
    _ = @import("late.zig");
    _ = @import("listener.zig");
    _ = @import("medley.zig");
    _ = @import("metrics.zig");
    _ = @import("metrics/block.zig");
    _ = @import("metrics/histogram.zig");
    _ = @import("notices.zig");
    _ = @import("output.zig");
    _ = @import("path.zig");
    _ = @import("pool.zig");
    _ = @import("process.zig");
    _ = @import("reactor.zig");
    _ = @import("request.zig");
    _ = @import("router.zig");
    _ = @import("sending.zig");
    _ = @import("server.zig");
    _ = @import("simulation.zig");
    _ = @import("simulation_connections.zig");
    _ = @import("simulation_exchanges.zig");
    _ = @import("simulation_limits.zig");
    _ = @import("slab.zig");
    _ = @import("stream_medley.zig");
    _ = @import("stream_simulation.zig");
    _ = @import("sys.zig");
    _ = @import("sys/shared_memory.zig");
    _ = @import("timer_wheel.zig");
    _ = @import("wakeup.zig");
    _ = @import("websocket.zig");
    _ = @import("websocket_simulation.zig");
    _ = @import("websocket/decoder.zig");
    _ = @import("websocket/frame.zig");

    _ = @import("fuzz/router.zig");
    _ = @import("http.zig");
}
