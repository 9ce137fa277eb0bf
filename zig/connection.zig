//! One connection as a state machine over bytes: it owns no descriptor and reads no clock.
//! `server.zig` gives it what was received and asks it what comes next; this is the only file that
//! changes a connection's state.
//!
//!     proxy ──► head                         every connection, where a balancer opens them
//!     head ──► body ──► ready ──► head …     a request in one piece goes head ──► head
//!       ├────► streaming ──► head …          its handler takes the body as it comes
//!       ├────► drain ──► head …              the rest of a body that nobody wants
//!       ├────► websocket                     frames instead of requests
//!       └────► closing ──► lingering         closing: answers are still to be sent, no more is
//!                                            asked; lingering: our side is shut, the peer's rest
//!                                            is read

const std = @import("std");
const abi = @import("abi.zig");
const addresses = @import("addresses.zig");
const batch_module = @import("batch.zig");
const body_drain = @import("body_drain.zig");
const body_module = @import("body.zig");
const body_stream = @import("body_stream.zig");
const chunked = @import("http/chunked.zig");
const deadline_module = @import("deadline.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const parser_module = @import("http/parser.zig");
const proxied = @import("proxied.zig");
const reactor = @import("reactor.zig");
const request_module = @import("request.zig");
const sys = @import("sys.zig");
const websocket = @import("websocket.zig");
const Carry = @import("carry.zig").Carry;
const Core = @import("core.zig").Core;
const Output = @import("output.zig").Output;

const assert = std.debug.assert;
const none = batch_module.none;
const Body = body_module.Body;
const Head = parser_module.Head;
const Request = request_module.Request;

pub const Phase = enum(u8) {
    proxy,
    head,
    body,
    ready,
    streaming,
    drain,
    websocket,
    closing,
    lingering,
};

pub const Connection = struct {
    fd: sys.Descriptor,
    peer: sys.Peer,
    index: u32,
    deadline_ms: u64 = 0,
    deadline_since_ms: u64 = 0,
    /// Bytes that came in for a body, or that the peer took of its answers, since then; when last.
    moved: u64 = 0,
    moved_ms: u64 = 0,
    /// When the timer fires: at the deadline or before.
    timer_ms: u64 = std.math.maxInt(u64),
    deadline: deadline_module.Kind = .none,
    phase: Phase = .head,
    /// The request being answered lets nothing be dispatched behind it (RFC 9112 9.3.2: not
    /// idempotent).
    exclusive: bool = false,
    /// Parsing stopped although bytes are left: for an answer, or for room in the batch or backlog.
    gated: bool = false,
    /// Already in `core.resumable`.
    queued: bool = false,
    /// The peer sent its end of stream.
    read_closed: bool = false,
    /// What the reactor is asked to watch.
    watched: reactor.Interest = .{ .read = true, .write = false },
    /// Gone; the slot is freed after the event batch.
    dead: bool = false,
    /// Its output grew since it was flushed.
    dirty: bool = false,
    /// In the list that is being handed to the reactor.
    sending: bool = false,
    /// How it is closed once everything is sent.
    end_kind: reactor.Ending = .end,
    /// Requests dispatched or answered natively whose answer is not encoded for the socket yet.
    unanswered: u32 = 0,
    /// Bytes that their answers will have, by what others had.
    expected_bytes: u64 = 0,
    /// Requests in all.
    requests: u32 = 0,
    /// In `core.addresses`.
    counted: bool = false,
    /// Held requests in order.
    held_first: u32 = none,
    held_last: u32 = none,
    /// Bytes of encoded answers that wait behind an unfinished one.
    held_bytes: u64 = 0,
    carry: ?*Carry = null,
    body: ?*Body = null,
    body_stream: ?*body_stream.BodyStream = null,
    /// In `core.websockets`.
    websocket: u32 = none,
    /// The body to be dropped in `drain`.
    drain: body_drain.Drain = .{ .length = 0 },
    /// Bytes that may still be read for that.
    drain_left: u32 = 0,
    output: Output = .{},

    /// Bytes that the peer has not taken, on their way or behind a slow answer.
    pub fn backlog(connection: *const Connection) u64 {
        return connection.output.bytes + connection.held_bytes;
    }

    /// No more requests are read from it.
    pub fn ending(connection: *const Connection) bool {
        return connection.phase == .closing or connection.phase == .lingering;
    }

    /// Between requests: nothing of one has come, and none awaits its answer.
    pub fn isIdle(connection: *const Connection) bool {
        const between = connection.phase == .head or connection.phase == .proxy;
        return between and connection.carry == null and connection.unanswered == 0 and
            !connection.gated;
    }

    /// Reading on makes sense: an answer, room in the backlog or the end is not awaited first.
    pub fn wantsRead(connection: *const Connection) bool {
        if (connection.read_closed or connection.gated) return false;
        return switch (connection.phase) {
            .closing, .ready => false,
            .streaming => connection.body_stream.?.wanted,
            .proxy, .head, .body, .drain, .websocket, .lingering => true,
        };
    }
};

/// How many bytes one read asks for.
pub fn readBytes(core: *const Core, connection: *const Connection) u32 {
    const wanted = core.config.read_buffer_bytes;
    if (connection.phase != .websocket) return wanted;
    return @max(wanted, limits.websocket_read_bytes);
}

/// Takes bytes that lie in the request arena: the connection's carry and what was received behind
/// it. Complete requests go to the batch; what is left over is carried.
pub fn process(core: *Core, connection: *Connection, bytes: []u8) void {
    var parser: parser_module.Parser = .init();
    if (connection.carry) |carry| {
        parser = carry.parser;
        carry.destroy(core);
        connection.carry = null;
    }
    connection.gated = false;
    var at: usize = 0;
    loop: while (true) {
        const rest = bytes[at..];
        // Whatever comes may need an answer.
        if (core.batch.full() and !connection.ending()) break :loop gate(core, connection);
        switch (connection.phase) {
            .proxy => {
                if (rest.len == 0) break :loop;
                at += proxied.take(core, connection, rest) orelse break :loop;
            },
            .head => {
                if (rest.len == 0) break :loop;
                if (!mayDispatch(core, connection)) break :loop gate(core, connection);
                switch (parser.feed(rest, core.parser_limits)) {
                    .incomplete => break :loop,
                    .rejected => |reason| {
                        reject(core, connection, reason);
                        at = bytes.len;
                    },
                    .complete => |len| {
                        const taken = begin(core, connection, &parser.head, rest, len) orelse
                            break :loop gate(core, connection);
                        at += taken;
                    },
                }
                parser = .init();
            },
            .body => {
                if (rest.len == 0) break :loop;
                at += gatherBody(core, connection, rest);
            },
            .streaming => break :loop,
            .ready => if (!emitBody(core, connection)) break :loop gate(core, connection),
            .drain => {
                if (rest.len == 0) break :loop;
                at += body_drain.take(core, connection, rest);
            },
            .websocket => {
                if (rest.len == 0) break :loop;
                at += websocket.take(core, connection, rest);
            },
            .closing, .lingering => {
                at = bytes.len;
                break :loop;
            },
        }
    }
    if (at < bytes.len) carryOver(core, connection, bytes[at..], parser);
    deadline_module.choose(core, connection);
}

/// A gated head is parsed again from its start, so only an incomplete one keeps the parser's place.
fn carryOver(
    core: *Core,
    connection: *Connection,
    rest: []const u8,
    parser: parser_module.Parser,
) void {
    const kept = if (connection.gated) parser_module.Parser.init() else parser;
    connection.carry = Carry.create(core, rest, kept) catch {
        connection.gated = false;
        return lastProblem(core, connection, out_of_memory);
    };
}

/// Bytes that came behind a streamed body.
pub fn carryBytes(core: *Core, connection: *Connection, rest: []u8) error{OutOfMemory}!void {
    connection.carry = try Carry.create(core, rest, .init());
}

/// Stops until an answer or room comes. Answers of this batch come within the turn, so the server
/// takes the connection up after the dispatch; for held ones when they are flushed.
pub fn gate(core: *Core, connection: *Connection) void {
    connection.gated = true;
    resumeLater(core, connection);
}

pub fn resumeLater(core: *Core, connection: *Connection) void {
    if (connection.queued) return;
    core.resumable.append(core.allocator, connection.index) catch {
        // Nothing will wake it: better to lose the connection than to leave it hanging.
        connection.phase = .closing;
        connection.gated = false;
        return;
    };
    connection.queued = true;
}

/// Whether another request may be dispatched now.
pub fn mayDispatch(core: *const Core, connection: *const Connection) bool {
    if (connection.exclusive and connection.unanswered > 0) return false;
    if (connection.unanswered >= core.config.pipeline_max) return false;
    if (connection.backlog() >= core.config.output_backlog_max) return false;
    return !core.batch.full();
}

/// A complete head at the start of `rest`. Returns the bytes taken, or null when the request has to
/// wait.
fn begin(core: *Core, connection: *Connection, head: *const Head, rest: []u8, len: u32) ?usize {
    const method = core.router.methodId(request_module.spanOf(rest, head.method));
    const has_body = head.chunked or (head.content_length orelse 0) > 0;
    const safe = switch (method) {
        abi.Method.get, abi.Method.head, abi.Method.options => true,
        else => false,
    };
    const first_in_line = !safe or has_body or head.upgrade;
    if (first_in_line and connection.unanswered > 0) return null;

    const target = request_module.resolve(core, head, method, rest) catch return null;
    if (!hasRoomFor(core, connection, core.sizes.of(&target.outcome))) return null;
    const request: Request = .{
        .head = head,
        .bytes = rest[0..len],
        .method = method,
        .target = target,
        .exclusive = first_in_line,
    };
    if (!has_body) return if (emit(core, connection, request, null)) len else null;
    if (target.outcome.native) return body_drain.begin(core, connection, request, rest[len..]);
    if (target.outcome.stream_body) return beginStream(core, connection, request, rest[len..]);
    return beginBody(core, connection, request, rest[len..]);
}

/// All answers of a batch come before anybody can know whether their client reads: of large ones no
/// more are asked for than the backlog may hold, or one when there is none.
fn hasRoomFor(core: *const Core, connection: *Connection, bytes: u64) bool {
    if (connection.unanswered == 0) connection.expected_bytes = 0;
    const before = connection.backlog() + connection.expected_bytes;
    if (before > 0 and before + bytes > core.config.output_backlog_max) return false;
    connection.expected_bytes += bytes;
    return true;
}

/// The handler takes the body by itself; what came of it with the head is carried.
fn beginStream(core: *Core, connection: *Connection, request: Request, after: []u8) ?usize {
    const limit = request.target.outcome.body_limit;
    const length = request.head.content_length orelse 0;
    if (length > limit and limit != limits.body_bytes_unlimited) {
        lastProblem(core, connection, too_large);
        return request.bytes.len + after.len;
    }
    const stream = body_stream.create(core, request.head, limit) catch {
        lastProblem(core, connection, out_of_memory);
        return request.bytes.len + after.len;
    };
    connection.body_stream = stream;
    if (!emit(core, connection, request, null)) {
        body_stream.destroy(core, connection);
        return null;
    }
    stream.last = connection.phase == .closing;
    connection.phase = .streaming;
    return request.bytes.len;
}

/// A body that the handler wants, whole. In one piece with its head it stays where it is.
fn beginBody(core: *Core, connection: *Connection, request: Request, after: []u8) ?usize {
    const head = request.head;
    const limit = request.target.outcome.body_limit;
    if (head.content_length) |length| {
        if (length > limit) {
            lastProblem(core, connection, too_large);
            return request.bytes.len + after.len;
        }
        if (length <= after.len) {
            const whole = after[0..@intCast(length)];
            if (!emit(core, connection, request, whole)) return null;
            return request.bytes.len + whole.len;
        }
    } else if (after.len > 0) {
        // Probed on a copy of the decoder, and taken only when all of it is there. The room is as
        // long as in `Body.feed`, so that both meet the limit at the same byte.
        var decoder: chunked.Decoder = .init();
        const most: u32 = @intCast(@min(after.len, limit));
        if (core.batch.allocate(most)) |room| switch (decoder.decode(after, room)) {
            .rejected => |reason| {
                reject(core, connection, reason);
                return request.bytes.len + after.len;
            },
            .decoded => |progress| if (progress.done) {
                if (!emit(core, connection, request, room[0..progress.produced])) return null;
                return request.bytes.len + progress.consumed;
            } else if (progress.consumed < after.len) {
                lastProblem(core, connection, too_large);
                return request.bytes.len + after.len;
            },
        };
    }
    const memory = core.request_memory.allocator();
    connection.body = Body.create(memory, request.bytes, head, limit) catch {
        lastProblem(core, connection, out_of_memory);
        return request.bytes.len + after.len;
    };
    connection.phase = .body;
    connection.exclusive = true;
    if (head.expect_continue and head.minor == 1 and after.len == 0) {
        connection.output.copy(&core.pool, "HTTP/1.1 100 Continue\r\n\r\n") catch {
            connection.phase = .closing;
        };
    }
    return request.bytes.len;
}

pub const out_of_memory: batch_module.Problem = .{ .status = 503, .code = "out_of_memory" };
pub const too_large: batch_module.Problem = .{ .status = 413, .code = "body_too_large" };

fn gatherBody(core: *Core, connection: *Connection, rest: []u8) usize {
    deadline_module.moved(core, connection, rest.len);
    switch (connection.body.?.feed(rest)) {
        .more => return rest.len,
        .complete => |count| {
            connection.phase = .ready;
            return count;
        },
        .too_large => lastProblem(core, connection, too_large),
        .rejected => |reason| reject(core, connection, reason),
        .out_of_memory => lastProblem(core, connection, out_of_memory),
    }
    return rest.len;
}

/// Bytes of the body were received where `Body.writable` said.
pub fn receivedBody(core: *Core, connection: *Connection, count: usize) void {
    deadline_module.moved(core, connection, count);
    if (connection.body.?.wrote(count)) {
        connection.phase = .ready;
        process(core, connection, &.{});
    } else deadline_module.choose(core, connection);
}

/// The body is complete: its head is put back into the arena, and the body too when it is small.
fn emitBody(core: *Core, connection: *Connection) bool {
    if (core.batch.full() or connection.unanswered > 0) return false;
    const body = connection.body.?;
    const bytes = core.batch.allocate(@intCast(body.head.len)) orelse return false;
    @memcpy(bytes, body.head);
    const head = &body.parsed;
    const method = core.router.methodId(request_module.spanOf(bytes, head.method));
    const target = request_module.resolve(core, head, method, bytes) catch return false;
    const request: Request = .{
        .head = head,
        .bytes = bytes,
        .method = method,
        .target = target,
        .exclusive = true,
    };
    const whole = body.whole();
    const small = whole.len <= body_copied_max;
    const copied = if (small) core.batch.allocate(@intCast(whole.len)) else null;
    if (copied) |room| @memcpy(room, whole);
    connection.phase = .head;
    if (!emit(core, connection, request, copied orelse whole)) {
        connection.phase = .ready;
        return false;
    }
    connection.body = null;
    const entry = &core.batch.entries[core.batch.entries_count - 1];
    // A native answer (after a reload of the routes) needs no body.
    const kept = copied == null and entry.answer == .handler;
    if (kept) entry.body = body else body.destroy();
    return true;
}

/// Below this a copy into the view costs less than a call from JS for the bytes.
const body_copied_max = 16 * 1024;

/// Puts a complete request into the batch. False: no room, nothing was changed.
pub fn emit(core: *Core, connection: *Connection, request: Request, body: ?[]const u8) bool {
    const entry = request_module.append(core, connection.index, request, body) orelse return false;
    connection.unanswered += 1;
    connection.exclusive = request.exclusive;
    connection.requests +|= 1;
    metrics.count(core, .requests, 1);
    entry.upgrade = request.upgrades(body != null);
    const most = core.config.requests_per_connection;
    // The last one may be an upgrade: then there is none behind it.
    const last = most > 0 and connection.requests >= most;
    if (last and !entry.upgrade) entry.keep_alive = false;
    if (!entry.keep_alive) connection.phase = .closing;
    return true;
}

/// Bytes that are no request: answered in order behind what is pending, then the end.
fn reject(core: *Core, connection: *Connection, reason: parser_module.Rejection) void {
    metrics.rejected(core, reason);
    lastProblem(core, connection, .{
        .status = reason.status(),
        .code = reason.code(),
    });
}

/// An answer after which the connection closes.
pub fn lastProblem(core: *Core, connection: *Connection, answer: batch_module.Problem) void {
    dropBody(core, connection);
    connection.phase = .closing;
    // `mayDispatch` left room for one; a failing allocation elsewhere may find none.
    if (core.batch.full()) return;
    _ = core.batch.append(.{
        .connection = connection.index,
        .answer = .{ .native = .{ .problem = answer } },
        .keep_alive = false,
        .started = metrics.started(core, abi.Special.not_found),
    });
    connection.unanswered += 1;
}

fn dropBody(core: *Core, connection: *Connection) void {
    if (connection.body) |body| body.destroy();
    connection.body = null;
    body_stream.destroy(core, connection);
    body_drain.end(core, connection);
}

/// Frees what the connection holds; the descriptor and the slot are the server's.
pub fn release(core: *Core, connection: *Connection) void {
    dropBody(core, connection);
    websocket.detach(core, connection);
    if (connection.carry) |carry| carry.destroy(core);
    connection.carry = null;
    connection.output.clear(&core.pool);
    addresses.forget(core, connection);
    core.timers.cancel(connection.index);
}
