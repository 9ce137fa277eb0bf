//! What a connection waits for and until when. Called by `connection.zig`, `delivery.zig` and
//! `server.zig` after each step; `server` is always a pointer to its generic struct.

const std = @import("std");
const body_stream = @import("body_stream.zig");
const closings = @import("closings.zig");
const connection_module = @import("connection.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const Connection = connection_module.Connection;
const Core = @import("core.zig").Core;
const websocket = @import("websocket.zig");

/// What a connection's deadline is for. The deadline moves often and the timer stays: when it fires
/// early it is set again.
pub const Kind = enum(u8) { none, head, body, idle, write, websocket, linger };

/// Bytes of a body came, or the peer took some of its answers.
pub fn moved(core: *Core, connection: *Connection, count: usize) void {
    if (count == 0) return;
    connection.moved += count;
    connection.moved_ms = core.now_ms;
}

/// While bytes move: from the last ones, but no longer than the slowest peer that is waited for
/// needs for all of them. A large body or answer may take long, a slow one not.
fn moving(connection: *const Connection, timeout_ms: u32, bytes_per_second: u64) u64 {
    const earned_ms = connection.moved * std.time.ms_per_s / bytes_per_second;
    const since_ms = @min(connection.moved_ms, connection.deadline_since_ms + earned_ms);
    return since_ms + timeout_ms;
}

/// Chooses what the connection waits for and until when.
pub fn choose(core: *Core, connection: *Connection) void {
    const config = &core.config;
    const wait = if (connection.phase == .websocket) websocket.wait(core, connection) else null;
    const kind: Kind, const timeout_ms: u32 = if (connection.phase == .lingering)
        .{ .linger, limits.linger_ms }
    else if (connection.output.bytes > 0)
        .{ .write, config.write_timeout_ms }
    else if (wait) |silence|
        .{ .websocket, silence.timeout_ms }
    else if (connection.phase == .body or connection.phase == .drain)
        .{ .body, config.body_timeout_ms }
    else if (streamWanted(connection))
        .{ .body, config.body_timeout_ms }
    else if (connection.unanswered > 0 or connection.gated or connection.phase == .websocket)
        .{ .none, 0 }
    else if (connection.carry != null or connection.phase == .proxy)
        .{ .head, config.head_timeout_ms }
    else
        .{ .idle, config.idle_timeout_ms };
    if (kind != connection.deadline) {
        connection.deadline = kind;
        connection.deadline_since_ms = core.now_ms;
        connection.moved = 0;
        connection.moved_ms = core.now_ms;
    }
    connection.deadline_ms = switch (kind) {
        .none, .idle => core.now_ms + timeout_ms,
        // A head's deadline runs from its first byte, whatever comes later.
        .head, .linger => connection.deadline_since_ms + timeout_ms,
        .body => if (connection.body_stream) |stream|
            stream.deadline(timeout_ms, config.body_rate_least)
        else
            moving(connection, timeout_ms, config.body_rate_least),
        .write => moving(connection, timeout_ms, config.write_rate_least),
        .websocket => wait.?.since_ms + timeout_ms,
    };
    if (kind != .none) setTimer(core, connection);
}

/// A handler waits for more of its request's body.
fn streamWanted(connection: *const Connection) bool {
    const stream = connection.body_stream orelse return false;
    return stream.wanted;
}

/// Deadlines move with every request and mostly to later: the timer then stays, fires early and is
/// set again, so that the wheel's memory is not touched for each request.
pub fn setTimer(core: *Core, connection: *Connection) void {
    if (connection.timer_ms <= connection.deadline_ms) return;
    connection.timer_ms = connection.deadline_ms;
    core.timers.schedule(connection.index, connection.deadline_ms);
}

/// The timer of a connection fires at its deadline or before; see `setTimer`.
pub fn fired(server: anytype, index: u32) void {
    const core = &server.core;
    const connection = core.connections.at(index);
    connection.timer_ms = std.math.maxInt(u64);
    if (connection.dead or connection.deadline == .none) return;
    // No room for the answer: at the next tick.
    if (connection.deadline_ms > core.now_ms or core.batch.full()) {
        return setTimer(core, connection);
    }
    if (reasonOf(connection)) |reason| {
        closings.count(core.batch.control(), reason, &connection.peer);
    }
    if (connection.deadline == .idle) metrics.count(core, .idle_timeouts, 1);
    if (connection.phase == .proxy) return server.destroy(connection);
    if (connection.deadline == .body and streamWanted(connection)) {
        return body_stream.expire(core, connection);
    }
    switch (connection.deadline) {
        .none => unreachable,
        .head, .body, .idle => {
            // A request whose body is only dropped has its answer, and silence needs none.
            const answered = connection.deadline == .idle or connection.phase == .drain;
            if (!answered) return connection_module.lastProblem(core, connection, .{
                .status = 408,
                .code = "request_timeout",
            });
            connection.phase = .closing;
            server.afterStep(connection);
        },
        .websocket => websocket.expire(server, connection),
        .write, .linger => server.destroy(connection),
    }
}

/// What its operator is told when the time is over; nothing of silence between requests.
fn reasonOf(connection: *const Connection) ?closings.Reason {
    return switch (connection.deadline) {
        .head => if (connection.phase == .proxy) .proxy_header else .head_timeout,
        .body => .body_timeout,
        .write => .write_timeout,
        .none, .idle, .websocket, .linger => null,
    };
}
