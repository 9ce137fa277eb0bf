//! A request body that its handler takes as it comes. Nothing is read from the socket until JS asks
//! for bytes, and then they go straight into the memory that JS gave, so a slow handler slows its
//! client down and nobody else. Begun by `connection.zig`, read through `c/stream.zig`; `server` is
//! always a pointer to its generic struct.

const std = @import("std");
const abi = @import("abi.zig");
const batch_module = @import("batch.zig");
const chunked = @import("http/chunked.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const sending = @import("sending.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const parser = @import("http/parser.zig");
const Connection = connection_module.Connection;
const Core = @import("core.zig").Core;

const none = batch_module.none;
const Problem = batch_module.Problem;

pub const BodyStream = struct {
    /// Bytes that are still to come, or who knows where they end.
    framing: union(enum) { length: u64, chunked: *chunked.Decoder },
    /// Bytes that the route still accepts.
    limit_left: u64,
    /// The client sends nothing before it was told to go on; behind the head of an answer that
    /// cannot be said any more.
    continue_due: bool,
    /// The connection ends with this request.
    last: bool = false,
    /// JS waits for bytes, since when, and for how long it did before.
    wanted: bool = false,
    wanted_ms: u64 = 0,
    waited_ms: u64 = 0,
    /// Bytes that came in all.
    moved: u64 = 0,
    /// Why no more bytes come.
    failed: ?Problem = null,

    /// Only the time that JS waits counts against the client: until a whole timeout was spent in
    /// silence, or more than that and the slowest allowed rate together.
    pub fn deadline(stream: *const BodyStream, timeout_ms: u64, bytes_per_second: u64) u64 {
        const earned_ms = stream.moved * std.time.ms_per_s / bytes_per_second;
        const left_ms = (timeout_ms + earned_ms) -| stream.waited_ms;
        return stream.wanted_ms + @min(timeout_ms, left_ms);
    }

    fn stopWaiting(stream: *BodyStream, now_ms: u64) void {
        if (!stream.wanted) return;
        stream.wanted = false;
        stream.waited_ms += now_ms - stream.wanted_ms;
    }
};

/// For a request that is dispatched without its body.
pub fn create(core: *Core, head: *const parser.Head, limit: u32) error{OutOfMemory}!*BodyStream {
    const stream = try core.allocator.create(BodyStream);
    errdefer core.allocator.destroy(stream);
    stream.* = .{
        .framing = if (head.content_length) |length| .{ .length = length } else framing: {
            const decoder = try core.allocator.create(chunked.Decoder);
            decoder.* = .init();
            break :framing .{ .chunked = decoder };
        },
        .limit_left = if (limit == limits.body_bytes_unlimited) std.math.maxInt(u64) else limit,
        .continue_due = head.expect_continue and head.minor == 1,
    };
    return stream;
}

pub fn destroy(core: *Core, connection: *Connection) void {
    const stream = connection.body_stream orelse return;
    switch (stream.framing) {
        .length => {},
        .chunked => |decoder| core.allocator.destroy(decoder),
    }
    core.allocator.destroy(stream);
    connection.body_stream = null;
}

/// The request has its answer. What is left of its body is drained, or the connection has to close:
/// false.
pub fn dropUnread(core: *Core, connection: *Connection) bool {
    const stream = connection.body_stream orelse return true;
    const lost = stream.continue_due or stream.failed != null or stream.last;
    const long = switch (stream.framing) {
        .length => |left| left > limits.drain_bytes_max,
        .chunked => false,
    };
    if (lost or long) {
        destroy(core, connection);
        connection.phase = .closing;
        return false;
    }
    connection.drain = switch (stream.framing) {
        .length => |left| .{ .length = @intCast(left) },
        .chunked => |decoder| .{ .chunked = decoder },
    };
    core.allocator.destroy(stream);
    connection.body_stream = null;
    connection.phase = .drain;
    connection.drain_left = limits.drain_bytes_max;
    connection.deadline = .none;
    connection_module.gate(core, connection);
    return true;
}

/// Bytes have come, or the end has.
pub fn readable(server: anytype, connection: *Connection) void {
    const stream = connection.body_stream.?;
    if (!stream.wanted) return server.watch(connection, false, connection.watched.write);
    tell(&server.core, connection);
}

fn tell(core: *Core, connection: *Connection) void {
    connection.body_stream.?.stopWaiting(core.now_ms);
    core.notices.add(&core.held, connection.held_first, abi.Notice.readable);
    deadline_module.choose(core, connection);
}

/// The client is too slow.
pub fn expire(core: *Core, connection: *Connection) void {
    connection.body_stream.?.failed = .{ .status = 408, .code = "request_timeout" };
    tell(core, connection);
}

pub const Result = union(enum) {
    bytes: usize,
    /// Nothing yet: a notice tells when.
    waiting,
    end,
    failed: Problem,
};

/// Fills `room` with what has come of the body. Without room it only tells the client to go on.
pub fn read(server: anytype, slot: u32, generation: u32, room: []u8) error{Gone}!Result {
    const core = &server.core;
    const held = core.held.get(slot, generation) orelse return error.Gone;
    if (held.connection == none) return error.Gone;
    const connection = core.connections.at(held.connection);
    if (connection.held_first != slot) return .end;
    const stream = connection.body_stream orelse return .end;
    if (stream.failed) |problem| return .{ .failed = problem };
    if (stream.continue_due and held.answer == .awaited) {
        stream.continue_due = false;
        // Who sends the body already waits for no word (RFC 9110 10.1.1).
        if (connection.carry == null) try goOn(server, connection);
    }
    if (room.len == 0) return .waiting;
    while (true) {
        const step = if (connection.carry != null)
            fromCarry(core, connection, room)
        else
            try fromSocket(server, connection, room) orelse return .waiting;
        switch (step) {
            .rejected => |problem| {
                metrics.rejectedAs(core, problem.code);
                stream.failed = problem;
                server.watch(connection, false, connection.watched.write);
                return .{ .failed = problem };
            },
            .decoded => |decoded| {
                if (decoded.done) finish(server, connection);
                if (decoded.produced > 0) return .{ .bytes = decoded.produced };
                if (decoded.done) return .end;
            },
        }
    }
}

fn goOn(server: anytype, connection: *Connection) error{Gone}!void {
    sending.queueBytes(server, connection, "HTTP/1.1 100 Continue\r\n\r\n");
    sending.flush(server, connection);
    if (connection.dead) return error.Gone;
}

const Step = union(enum) {
    decoded: struct { consumed: usize, produced: usize, done: bool },
    rejected: Problem,
};

fn fromCarry(core: *Core, connection: *Connection, room: []u8) Step {
    const carry = connection.carry.?;
    const step = decode(connection.body_stream.?, carry.bytes(), room);
    switch (step) {
        .rejected => {},
        .decoded => |decoded| {
            const left = carry.len - decoded.consumed;
            if (left == 0) {
                carry.destroy(core);
                connection.carry = null;
            } else {
                std.mem.copyForwards(u8, carry.bytes(), carry.bytes()[decoded.consumed..]);
                carry.len = @intCast(left);
            }
        },
    }
    return step;
}

/// Null: nothing has come.
fn fromSocket(server: anytype, connection: *Connection, room: []u8) error{Gone}!?Step {
    const core = &server.core;
    const stream = connection.body_stream.?;
    const most = switch (stream.framing) {
        .length => |left| @min(left, room.len),
        .chunked => room.len,
    };
    const received = server.reactor.receive(connection.fd, room[0..most]);
    const count = received catch |reason| switch (reason) {
        error.WouldBlock, error.OutOfMemory => {
            stream.wanted = true;
            stream.wanted_ms = core.now_ms;
            deadline_module.choose(core, connection);
            server.watch(connection, true, connection.watched.write);
            return if (connection.dead) error.Gone else null;
        },
        error.ConnectionReset, error.Unexpected => 0,
    };
    // An end before the body's is no request that could be answered.
    if (count == 0) {
        server.destroy(connection);
        return error.Gone;
    }
    metrics.count(core, .received_bytes, count);
    const step = decode(stream, room[0..count], room);
    switch (step) {
        .rejected => {},
        .decoded => |decoded| if (decoded.consumed < count) {
            const rest = room[decoded.consumed..count];
            connection_module.carryBytes(core, connection, rest) catch {
                server.destroy(connection);
                return error.Gone;
            };
        },
    }
    return step;
}

/// `out` may be where `input` lies: decoded bytes are never behind those that are read.
fn decode(stream: *BodyStream, input: []u8, out: []u8) Step {
    switch (stream.framing) {
        .length => |*left| {
            const count: usize = @intCast(@min(input.len, out.len, left.*));
            if (input.ptr != out.ptr) @memcpy(out[0..count], input[0..count]);
            left.* -= count;
            stream.moved += count;
            return .{ .decoded = .{ .consumed = count, .produced = count, .done = left.* == 0 } };
        },
        .chunked => |decoder| return decodeChunks(stream, decoder, input, out),
    }
}

/// No further than the limit, so that it is met at the same byte however the body comes.
fn decodeChunks(stream: *BodyStream, decoder: *chunked.Decoder, input: []u8, out: []u8) Step {
    const most: usize = @intCast(@min(out.len, stream.limit_left));
    switch (decoder.decode(input, out[0..most])) {
        .rejected => |reason| return .{ .rejected = .{
            .status = reason.status(),
            .code = reason.code(),
        } },
        .decoded => |progress| {
            stream.moved += progress.consumed;
            stream.limit_left -= progress.produced;
            const more = !progress.done and progress.consumed < input.len;
            if (more and stream.limit_left == 0) {
                return .{ .rejected = connection_module.too_large };
            }
            return .{ .decoded = .{
                .consumed = progress.consumed,
                .produced = progress.produced,
                .done = progress.done,
            } };
        },
    }
}

/// The whole body was taken; what follows is the next request, or nothing.
fn finish(server: anytype, connection: *Connection) void {
    const core = &server.core;
    const last = connection.body_stream.?.last;
    destroy(core, connection);
    connection.phase = if (last) .closing else .head;
    if (connection.carry != null) connection_module.gate(core, connection);
    deadline_module.choose(core, connection);
    // A closing connection is watched for the end of who may get a stream.
    const reads = connection.wantsRead() or last;
    server.watch(connection, reads, connection.watched.write);
}
