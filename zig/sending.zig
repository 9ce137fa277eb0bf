//! Bytes on their way: what was encoded for a batch is handed to the reactor at once, what a socket
//! does not take is queued and sent when it has room. Called by `delivery.zig`, `late.zig`
//! and `server.zig`; `server` is always a pointer to its generic struct.

const abi = @import("abi.zig");
const answer_stream = @import("answer_stream.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const reactor_module = @import("reactor.zig");
const sys = @import("sys.zig");
const FileRange = @import("output.zig").FileRange;
const Output = @import("output.zig").Output;
const websocket = @import("websocket.zig");

const Connection = connection_module.Connection;

/// The connection's last answer of this batch is encoded; it is sent with those of all others.
pub fn endSegment(server: anytype, connection: *const Connection) void {
    server.segments[server.segments_count] = .{
        .connection = connection.index,
        .start = @intCast(server.out_start),
        .end = @intCast(server.out_len),
    };
    server.segments_count += 1;
    server.out_start = server.out_len;
}

/// Sends the finished segments. The encoding of another one may go on after.
pub fn sendSegments(server: anytype) void {
    var from: u32 = 0;
    while (from < server.segments_count) from = sendTogether(server, from);
    server.segments_count = 0;
    server.out_len = 0;
    server.out_start = 0;
}

/// Hands segments from this one on to the reactor, and returns the first that is left. A connection
/// is among them once: what its socket does not take goes before its next segment.
fn sendTogether(server: anytype, from: u32) u32 {
    const core = &server.core;
    var list: [limits.batch_max]reactor_module.Outgoing = undefined;
    var to = from;
    while (to < server.segments_count) : (to += 1) {
        const segment = server.segments[to];
        const connection = core.connections.at(segment.connection);
        if (connection.sending) break;
        connection.sending = true;
        // Behind queued bytes nothing may overtake.
        const waits = connection.dead or connection.output.bytes > 0;
        const bytes = server.out[segment.start..segment.end];
        list[to - from] = .{ .fd = connection.fd, .bytes = if (waits) "" else bytes };
    }
    server.reactor.sendMany(list[0 .. to - from]);
    for (server.segments[from..to], list[0 .. to - from]) |segment, outgoing| {
        const connection = core.connections.at(segment.connection);
        connection.sending = false;
        if (connection.dead) continue;
        const taken = takenOf(server, connection, outgoing.result);
        if (connection.dead) continue;
        queueBytes(server, connection, server.out[segment.start + taken .. segment.end]);
        if (connection.dead) continue;
        deadline_module.choose(core, connection);
        server.afterStep(connection);
    }
    return to;
}

/// Sends what was encoded for this connection, and then `more`. Returns how much of `more` was
/// taken; the rest of it is the caller's, the rest of what was encoded is queued.
pub fn sendOut(server: anytype, connection: *Connection, more: []const u8) usize {
    const head = server.out[server.out_start..server.out_len];
    server.out_len = server.out_start;
    return sendBytes(server, connection, head, more);
}

fn sendBytes(
    server: anytype,
    connection: *Connection,
    head: []const u8,
    more: []const u8,
) usize {
    if (connection.dead or head.len + more.len == 0) return 0;
    var taken: usize = 0;
    // Behind queued bytes nothing may overtake.
    if (connection.output.bytes == 0) {
        const vectors = [_]sys.ConstVector{
            .{ .base = head.ptr, .len = head.len },
            .{ .base = more.ptr, .len = more.len },
        };
        const list = if (more.len == 0) vectors[0..1] else vectors[0..2];
        taken = trySend(server, connection, list, false);
        if (connection.dead) return 0;
    }
    if (taken < head.len) {
        queueBytes(server, connection, head[taken..]);
        return 0;
    }
    return taken - head.len;
}

/// Bytes that the socket took; 0 also when the connection was lost and is destroyed.
pub fn trySend(
    server: anytype,
    connection: *Connection,
    list: []const sys.ConstVector,
    more: bool,
) usize {
    return takenOf(server, connection, server.reactor.send(connection.fd, list, more));
}

fn takenOf(server: anytype, connection: *Connection, result: sys.SendError!usize) usize {
    const taken = result catch |reason| switch (reason) {
        error.WouldBlock, error.OutOfMemory => return 0,
        error.ConnectionReset, error.Unexpected => {
            server.destroy(connection);
            return 0;
        },
    };
    metrics.count(&server.core, .sent_bytes, taken);
    return taken;
}

/// Like `trySend`, for a part of a file. One that has become shorter than it was promised breaks
/// the connection.
fn trySendFile(server: anytype, connection: *Connection, range: *const FileRange) usize {
    const count: usize = @intCast(@min(range.left, limits.file_bytes_per_call));
    const sent = server.reactor.sendFile(connection.fd, range.fd, range.offset, count);
    const taken = sent catch |reason| switch (reason) {
        error.WouldBlock, error.OutOfMemory => return 0,
        error.ConnectionReset, error.FileUnreadable, error.Unexpected => 0,
    };
    if (taken == 0) server.destroy(connection);
    metrics.count(&server.core, .sent_bytes, taken);
    return taken;
}

pub fn queueBytes(server: anytype, connection: *Connection, bytes: []const u8) void {
    if (bytes.len == 0) return;
    connection.output.copy(&server.core.pool, bytes) catch return server.destroy(connection);
    server.watch(connection, connection.watched.read, true);
}

/// Sends queued bytes; goes on reading when the backlog has become small.
pub fn flush(server: anytype, connection: *Connection) void {
    const core = &server.core;
    connection.dirty = false;
    sendQueued(server, connection);
    if (connection.dead) return;
    const waits = connection.output.bytes > 0;
    const relieved = connection.backlog() < core.config.output_backlog_max / 2;
    if (relieved and connection.gated) connection_module.resumeLater(core, connection);
    const reads = connection.watched.read or (relieved and connection.wantsRead());
    server.watch(connection, reads, waits);
    if (connection.dead) return;
    answer_stream.drained(server, connection);
    websocket.drained(core, connection);
    deadline_module.choose(core, connection);
    if (!waits) server.afterStep(connection);
}

/// Until the socket is full, or one connection had its share of this turn.
fn sendQueued(server: anytype, connection: *Connection) void {
    const core = &server.core;
    var vectors: [Output.vectors_max]sys.ConstVector = undefined;
    var share: u64 = limits.file_bytes_per_call;
    while (true) {
        const offered: u64, const taken: u64 = switch (connection.output.next(&vectors)) {
            .nothing => return,
            .vectors => |next| .{
                lengthOf(vectors[0..next.count]),
                trySend(server, connection, vectors[0..next.count], next.more),
            },
            .file => |range| .{ range.left, trySendFile(server, connection, range) },
        };
        if (connection.dead) return;
        connection.output.consume(&core.pool, taken);
        deadline_module.moved(core, connection, taken);
        share -|= taken;
        if (taken < offered or share == 0) return;
    }
}

fn lengthOf(vectors: []const sys.ConstVector) u64 {
    var total: u64 = 0;
    for (vectors) |vector| total += vector.len;
    return total;
}

/// Sends what was queued for connections since the last time.
pub fn flushDirty(server: anytype) void {
    const core = &server.core;
    core.batch.control()[abi.control.pieces_queued] = 0;
    for (server.dirty.items) |index| {
        const connection = core.connections.at(index);
        if (connection.dead or !connection.dirty) continue;
        flush(server, connection);
        if (connection.dead) continue;
        if (connection.gated) connection_module.resumeLater(core, connection);
        server.afterStep(connection);
    }
    server.dirty.clearRetainingCapacity();
}

/// Its queue grew: it is flushed at the end of the round, or with the late answers.
pub fn markDirty(server: anytype, connection: *Connection) void {
    const core = &server.core;
    core.batch.control()[abi.control.pieces_queued] = 1;
    if (connection.dirty) return;
    server.dirty.append(core.allocator, connection.index) catch
        return server.destroy(connection);
    connection.dirty = true;
}
