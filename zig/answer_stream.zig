//! Answers that come in pieces: each piece is framed and sent, or queued behind what the client has
//! not taken yet. Called through `c/stream.zig` whenever JS has a piece; `server` is always a
//! pointer to its generic struct.

const std = @import("std");
const abi = @import("abi.zig");
const batch_module = @import("batch.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const sending = @import("sending.zig");
const late_module = @import("late.zig");
const encoder = @import("http/encoder.zig");
const limits = @import("limits.zig");
const sys = @import("sys.zig");
const Held = @import("held.zig").Held;

const none = batch_module.none;
const Connection = connection_module.Connection;

pub const Error = error{
    /// The client has left, or the answer was ended.
    Gone,
    /// More bytes than were promised.
    TooLong,
};

/// Takes a piece. True: the client is behind, so the next one should wait for
/// `abi.Notice.drained`. An empty piece only asks whether the client is still there, also before
/// the head.
pub fn write(server: anytype, slot: u32, generation: u32, bytes: []const u8) Error!bool {
    const core = &server.core;
    const held = core.held.get(slot, generation) orelse return error.Gone;
    if (held.connection == none) return error.Gone;
    if (bytes.len == 0) return false;
    const stream = switch (held.answer) {
        .stream => |*stream| stream,
        .awaited, .whole, .broken => return error.Gone,
    };
    const connection = core.connections.at(held.connection);
    var line: [encoder.chunk_line_bytes_max]u8 = undefined;
    const pieces: [3][]const u8 = switch (stream.framing) {
        .chunked => .{ encoder.chunkLine(&line, @intCast(bytes.len)), bytes, "\r\n" },
        .length => |*left| exact: {
            if (bytes.len > left.*) return error.TooLong;
            left.* -= bytes.len;
            break :exact .{ "", bytes, "" };
        },
        .close => .{ "", bytes, "" },
    };
    const idle = connection.held_first == slot and connection.output.bytes == 0;
    const taken = if (idle and bytes.len >= limits.piece_sent_least)
        sendNow(server, connection, &pieces)
    else
        0;
    if (connection.dead) return error.Gone;
    queue(server, connection, held, &pieces, taken) catch {
        server.destroy(connection);
        return error.Gone;
    };
    // What waits behind the first answer must not hold it up: it would wait for itself.
    const first = connection.held_first == slot;
    const waiting = if (first) connection.output.bytes else connection.backlog();
    if (waiting <= limits.stream_backlog_bytes) return false;
    stream.drain_wanted = true;
    return true;
}

/// Large pieces go out of JS's own memory: what the socket takes is never copied.
pub fn sendNow(server: anytype, connection: *Connection, pieces: *const [3][]const u8) usize {
    var vectors: [3]sys.ConstVector = undefined;
    for (&vectors, pieces) |*vector, piece| vector.* = .{ .base = piece.ptr, .len = piece.len };
    const taken = sending.trySend(server, connection, &vectors, false);
    if (!connection.dead) deadline_module.moved(&server.core, connection, taken);
    return taken;
}

/// Copies what was not taken.
fn queue(
    server: anytype,
    connection: *Connection,
    held: *Held,
    pieces: *const [3][]const u8,
    taken: usize,
) error{OutOfMemory}!void {
    const core = &server.core;
    const first = core.held.at(connection.held_first) == held;
    const output = if (first) &connection.output else &held.output;
    const before = output.bytes;
    try output.copyRest(&core.pool, pieces, taken);
    if (output.bytes == before) return;
    if (first) return sending.markDirty(server, connection);
    connection.held_bytes += output.bytes - before;
}

/// The last piece was taken; or the producer failed, and the client must see that. True: fewer
/// bytes came than were promised.
pub fn end(server: anytype, slot: u32, generation: u32, failed: bool) bool {
    const core = &server.core;
    const held = core.held.get(slot, generation) orelse return false;
    // Also one whose client left before the head.
    if (held.connection == none) {
        late_module.freeHeld(server, slot);
        return false;
    }
    const framing = switch (held.answer) {
        .stream => |stream| stream.framing,
        .awaited, .whole, .broken => return false,
    };
    const connection = core.connections.at(held.connection);
    const short = framing == .length and framing.length > 0;
    if (failed or short) {
        held.answer = .broken;
        held.close = true;
        // The end of the connection would be the end of the stream.
        if (framing == .close) connection.end_kind = .reset;
    } else {
        held.answer = .whole;
        if (framing == .chunked) {
            queue(server, connection, held, &.{ encoder.last_chunk, "", "" }, 0) catch {
                server.destroy(connection);
                return false;
            };
        }
    }
    late_module.advance(server, connection);
    return short;
}

/// The client took something: its stream may go on.
pub fn drained(server: anytype, connection: *const Connection) void {
    if (connection.held_first == none) return;
    const core = &server.core;
    switch (core.held.at(connection.held_first).answer) {
        .stream => |*stream| {
            if (!stream.drain_wanted) return;
            if (connection.output.bytes > limits.stream_backlog_bytes / 2) return;
            stream.drain_wanted = false;
            core.notices.add(&core.held, connection.held_first, abi.Notice.drained);
        },
        .awaited, .whole, .broken => {},
    }
}

/// An answer is under way in pieces.
pub fn active(server: anytype, connection: *const Connection) bool {
    if (connection.held_first == none) return false;
    return server.core.held.at(connection.held_first).answer == .stream;
}
