//! What one worker's connections share, without any I/O: configuration, routes, the batch that is
//! being filled, memory, held requests, deadlines and the clock's last reading. `server.zig` owns
//! it and moves the bytes; `connection.zig` changes it.

const std = @import("std");
const batch_module = @import("batch.zig");
const connection_module = @import("connection.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const parser = @import("http/parser.zig");
const router_module = @import("router.zig");
const Addresses = @import("addresses.zig").Addresses;
const AnswerSizes = @import("answer_sizes.zig").AnswerSizes;
const CappedAllocator = @import("capped_allocator.zig").CappedAllocator;
const Held = @import("held.zig").Held;
const Notices = @import("notices.zig").Notices;
const Pool = @import("pool.zig").Pool;
const Slab = @import("slab.zig").Slab;
const TimerWheel = @import("timer_wheel.zig").TimerWheel;
const WebSocket = @import("websocket.zig").WebSocket;

const Connection = connection_module.Connection;

/// Options of a server, in the order in which `src/native/server.ts` writes them.
pub const Config = extern struct {
    slab_capacity: u32 = limits.slab_capacity_default,
    read_buffer_bytes: u32 = limits.read_buffer_bytes_default,
    write_buffer_bytes: u32 = limits.write_buffer_bytes_default,
    head_bytes_max: u32 = limits.head_bytes_default,
    fields_max: u32 = limits.fields_default,
    pipeline_max: u32 = limits.pipeline_max,
    pending_max: u32 = limits.pending_default,
    output_backlog_max: u32 = limits.output_backlog_default,
    head_timeout_ms: u32 = limits.head_timeout_ms_default,
    body_timeout_ms: u32 = limits.body_timeout_ms_default,
    idle_timeout_ms: u32 = limits.idle_timeout_ms_default,
    write_timeout_ms: u32 = limits.write_timeout_ms_default,
    pending_bytes_max: u32 = limits.pending_bytes_default,
    body_rate_least: u32 = limits.body_bytes_per_second_least,
    write_rate_least: u32 = limits.write_bytes_per_second_least,
    /// 0: any number.
    requests_per_connection: u32 = limits.requests_per_connection_default,
    /// 0: any number.
    connections_per_address: u32 = 0,
    /// Not 0: every connection begins with a header of the PROXY protocol.
    proxy_protocol: u32 = 0,
    /// A `reactor.Choice`.
    reactor: u32 = 0,

    /// Slots for requests that wait, and for answers that are ready behind them: those must not
    /// lack room because others wait. Memory is touched as slots are used.
    pub fn heldSlots(config: *const Config) u32 {
        const behind = @as(u64, config.slab_capacity) * config.pipeline_max;
        return config.pending_max + @as(u32, @intCast(@min(behind, limits.queued_answers_most)));
    }

    /// One for each connection, and as many that JS has not let go of while others came.
    pub fn websocketSlots(config: *const Config) u32 {
        return 2 * config.slab_capacity;
    }
};

pub const Core = struct {
    allocator: std.mem.Allocator,
    /// Memory of gathered bodies and of requests that wait.
    request_memory: CappedAllocator,
    config: Config,
    parser_limits: parser.Limits,
    router: *router_module.Router,
    batch: batch_module.Batch,
    pool: Pool,
    connections: Slab(Connection),
    held: Slab(Held),
    notices: Notices(Held) = .{},
    websockets: Slab(WebSocket),
    websocket_notices: Notices(WebSocket) = .{},
    timers: TimerWheel,
    sizes: AnswerSizes = .{},
    /// Where connections of one address are limited.
    addresses: ?Addresses = null,
    /// Connections that stopped parsing with bytes left over, to be taken up after the dispatch.
    resumable: std.ArrayList(u32) = .empty,
    server_name: []const u8 = "",
    /// Null: nothing is counted.
    metrics: ?*metrics.Recorder = null,
    now_ms: u64 = 0,
    /// Refreshed by the server when the second changes.
    date: [29]u8 = @splat(' '),
    draining: bool = false,
};
