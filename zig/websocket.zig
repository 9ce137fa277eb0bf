//! WebSockets (RFC 6455): from the upgrade of a request to the end, which JS is told and then lets
//! go of the slot. Bytes that came are taken by `connection.zig` through `take`; what JS sends, and
//! the end from our side, goes through `c/websocket.zig`. `server` is always a pointer to the
//! generic struct of `server.zig`.
//!
//!     reserved ──► open ──► closing ──► over        reserved: its 101 is not sent yet
//!        └──────────┴───────────────────► over      closing: we said close, the peer has not
//!
//! Frames: `websocket/frame.zig` and `websocket/decoder.zig`.

const std = @import("std");
const abi = @import("abi.zig");
const answer_stream = @import("answer_stream.zig");
const batch_module = @import("batch.zig");
const closings = @import("closings.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const decoder_module = @import("websocket/decoder.zig");
const frame = @import("websocket/frame.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const notices = @import("notices.zig");
const sending = @import("sending.zig");
const Core = @import("core.zig").Core;
const Decoder = decoder_module.Decoder;
const Held = @import("held.zig").Held;

const assert = std.debug.assert;
const none = batch_module.none;
const Connection = connection_module.Connection;

/// The code of a server that stops (RFC 6455 7.4.1).
pub const going_away = frame.Close.going_away;

pub const Settings = struct {
    message_bytes_max: u32,
    backlog_bytes_max: u32,
    /// 0: silence ends nothing.
    idle_ms: u32,
    deflate: bool,
    /// JS hears of pings and pongs.
    control_frames: bool,
};

pub const WebSocket = struct {
    state: enum(u8) { reserved, open, closing, over } = .reserved,
    /// Slab index; none before it is open and when it is over.
    connection: u32 = none,
    settings: Settings,
    decoder: Decoder,
    /// When the peer was heard last, or when our close was sent.
    since_ms: u64 = 0,
    /// When the decoder began to count control frames anew.
    ticked_ms: u64 = 0,
    /// When the message under way began.
    began_ms: u64 = 0,
    /// We have said close, and the peer's kernel may have it.
    close_sent: bool = false,
    /// The peer was silent, and was asked whether it is there.
    asked: bool = false,
    /// JS waits until the peer has taken what there is.
    drain_wanted: bool = false,
    /// How it ended.
    code: u16 = frame.Close.abnormal,
    reason: [frame.reason_bytes_max]u8 = undefined,
    reason_len: u8 = 0,
    notice: notices.Link = .{},
};

// From a request to a WebSocket.

pub const CreateError = error{
    /// The request's client has left.
    Gone,
    /// Its head asks for no upgrade, or something belongs to it that would come in between.
    InvalidArgument,
    /// The server is full, or stops.
    Full,
};

/// Reserves a slot for a request that is held; the 101 that answers it opens the WebSocket, and any
/// other end of the request ends it.
pub fn create(core: *Core, held: *Held, settings: Settings) CreateError!u32 {
    if (held.connection == none) return error.Gone;
    if (core.connections.at(held.connection).read_closed) return error.Gone;
    if (!held.upgrade or held.websocket != none) return error.InvalidArgument;
    if (core.draining) return error.Full;
    if (!held.keep_alive) return error.InvalidArgument;
    const slot = core.websockets.acquire() orelse return error.Full;
    core.websockets.at(slot).* = .{
        .settings = settings,
        .decoder = .init(.{
            .message_bytes_max = settings.message_bytes_max,
            .deflate = settings.deflate,
        }),
    };
    held.websocket = slot;
    return slot;
}

/// The 101 is in the connection's output: what comes from here on are frames.
pub fn open(server: anytype, connection: *Connection, slot: u32) void {
    const core = &server.core;
    const socket = core.websockets.at(slot);
    assert(socket.state == .reserved and connection.unanswered == 0);
    socket.state = .open;
    socket.connection = connection.index;
    socket.since_ms = core.now_ms;
    connection.phase = .websocket;
    connection.websocket = slot;
    connection.exclusive = false;
    core.websocket_notices.add(&core.websockets, slot, abi.Notice.websocket_opened);
    // Its client has left meanwhile, and nothing more will tell of it.
    if (connection.read_closed) return server.destroy(connection);
    if (core.draining) close(server, slot, going_away, "");
}

// What comes in.

/// Takes bytes of a connection that is a WebSocket, up to the end of one message. There is room in
/// the batch.
pub fn take(core: *Core, connection: *Connection, bytes: []u8) usize {
    const socket = core.websockets.at(connection.websocket);
    heard(core, socket);
    const before = socket.decoder.underWay();
    const result = socket.decoder.feed(core.request_memory.allocator(), bytes);
    if (!before or result.event == .message) socket.began_ms = core.now_ms;
    happened(core, connection, socket, result.event);
    return result.consumed;
}

/// Receives bytes of a large message where they belong. Null: they have to be looked at first.
/// False: nothing more to do for this connection.
pub fn readMessage(server: anytype, connection: *Connection) ?bool {
    const core = &server.core;
    if (core.batch.full()) return null;
    const memory = core.request_memory.allocator();
    const socket = core.websockets.at(connection.websocket);
    const room = socket.decoder.room(memory) orelse return null;
    const count = server.receive(connection, room) orelse return false;
    heard(core, socket);
    happened(core, connection, socket, socket.decoder.wrote(memory, count));
    deadline_module.choose(core, connection);
    return true;
}

fn heard(core: *const Core, socket: *WebSocket) void {
    if (socket.state != .open) return;
    if (core.now_ms - socket.ticked_ms >= std.time.ms_per_s) {
        socket.ticked_ms = core.now_ms;
        socket.decoder.tick();
    }
    socket.since_ms = core.now_ms;
    socket.asked = false;
}

fn happened(
    core: *Core,
    connection: *Connection,
    socket: *WebSocket,
    event: decoder_module.Event,
) void {
    switch (event) {
        .more => {},
        .message => |message| {
            const compressed = if (message.compressed) abi.Flag.compressed else 0;
            const kind = @as(u32, @intFromEnum(message.opcode)) | compressed;
            deliver(core, connection, socket, kind, message.payload, message.owned);
        },
        .ping => |payload| {
            if (socket.state == .open) write(core, connection, .pong, payload);
            if (socket.settings.control_frames) {
                deliver(core, connection, socket, @intFromEnum(frame.Opcode.ping), payload, false);
            }
        },
        .pong => |payload| if (socket.settings.control_frames) {
            deliver(core, connection, socket, @intFromEnum(frame.Opcode.pong), payload, false);
        },
        .close => |said| {
            // RFC 6455 5.5.1: with the code that came.
            if (socket.state == .open) writeClose(core, connection, said.code, "");
            finish(core, connection, socket, said.code, said.reason);
        },
        .failed => |failure| fail(core, connection, socket, failure.code(), failure.reason()),
        .out_of_memory => {
            fail(core, connection, socket, frame.Close.internal_error, "out of memory");
        },
    }
}

/// The script cannot take what came: the peer is told, and nothing more is heard of it.
pub fn refuse(server: anytype, slot: u32, code: u16, reason: []const u8) void {
    const core = &server.core;
    const socket = core.websockets.at(slot);
    if (socket.state != .open) return;
    const connection = core.connections.at(socket.connection);
    fail(core, connection, socket, code, reason);
    deadline_module.choose(core, connection);
    sending.markDirty(server, connection);
}

/// Says why, unless we have said close, and listens no more.
fn fail(
    core: *Core,
    connection: *Connection,
    socket: *WebSocket,
    code: u16,
    reason: []const u8,
) void {
    if (socket.state == .open) writeClose(core, connection, code, reason);
    finish(core, connection, socket, code, reason);
}

/// Below this a copy into the view costs less than a call from JS for the bytes.
const copied_max = 16 * 1024;

/// Puts a message into the batch. `owned`: the payload is memory of its own, which goes along.
fn deliver(
    core: *Core,
    connection: *Connection,
    socket: *WebSocket,
    kind: u32,
    payload: []u8,
    owned: bool,
) void {
    const batch = &core.batch;
    const memory = core.request_memory.allocator();
    if (socket.state != .open) return if (owned) memory.free(payload);
    var bytes = payload;
    var own: []u8 = if (owned) payload else &.{};
    if (!batch.contains(payload)) {
        const small = payload.len <= copied_max;
        if (if (small) batch.allocate(@intCast(payload.len)) else null) |place| {
            @memcpy(place, payload);
            if (owned) memory.free(payload);
            bytes = place;
            own = &.{};
        } else if (!owned) {
            // What the decoder keeps is gone with its next byte.
            own = memory.dupe(u8, payload) catch
                return fail(core, connection, socket, frame.Close.internal_error, "out of memory");
        }
    }
    const record = batch.nextRecord();
    const m = abi.message;
    record.words[m.handler] = abi.Special.websocket;
    record.words[m.kind] = kind | if (own.len > 0) abi.Flag.body_outside else 0;
    record.words[m.slot] = connection.websocket;
    record.words[m.generation] = core.websockets.generationOf(connection.websocket);
    record.words[m.payload] = if (own.len > 0) 0 else batch.offsetOf(bytes.ptr);
    record.words[m.payload_len] = @intCast(payload.len);
    _ = batch.append(.{
        .connection = connection.index,
        .answer = .message,
        .message = own,
    });
    batch.messages_count += 1;
}

// What goes out.

pub const SendError = error{
    /// It is over, or we have said close.
    Gone,
    /// The peer takes too little: the connection is ended.
    Full,
};

/// Sends one frame with a whole message. True: the peer is behind, and
/// `abi.Notice.websocket_drained` tells when it is not.
pub fn send(
    server: anytype,
    slot: u32,
    generation: u32,
    header: frame.Header,
    payload: []const u8,
) SendError!bool {
    const core = &server.core;
    const socket = core.websockets.get(slot, generation) orelse return error.Gone;
    if (socket.state != .open) return error.Gone;
    const connection = core.connections.at(socket.connection);
    const most = socket.settings.backlog_bytes_max;
    // Of what is queued nobody knows yet whether the peer takes it.
    if (isTooMuch(core, connection, most, payload.len)) sending.flush(server, connection);
    if (connection.dead) return error.Gone;
    if (isTooMuch(core, connection, most, payload.len)) {
        closings.count(core.batch.control(), .websocket_backlog, &connection.peer);
        server.destroy(connection);
        return error.Full;
    }
    var head: [frame.header_bytes_max]u8 = undefined;
    const pieces: [3][]const u8 = .{ frame.writeHeader(&head, header, payload.len), payload, "" };
    const at_once = connection.output.bytes == 0 and payload.len >= limits.piece_sent_least;
    const taken = if (at_once) answer_stream.sendNow(server, connection, &pieces) else 0;
    if (connection.dead) return error.Gone;
    connection.output.copyRest(&core.pool, &pieces, taken) catch {
        server.destroy(connection);
        return error.Gone;
    };
    metrics.count(core, .websocket_messages_sent, 1);
    if (connection.output.bytes > 0) sending.markDirty(server, connection);
    if (connection.output.bytes <= limits.stream_backlog_bytes) return false;
    socket.drain_wanted = true;
    return true;
}

/// The peer is behind, and more would exceed what it may be behind, or what waits for all together.
fn isTooMuch(core: *const Core, connection: *const Connection, most: u32, more: usize) bool {
    const waiting = connection.output.bytes;
    if (waiting + more > most) return true;
    return waiting > 0 and core.pool.used_bytes + more > core.config.pending_bytes_max;
}

/// The peer took something: JS may go on.
pub fn drained(core: *Core, connection: *const Connection) void {
    if (connection.websocket == none) return;
    const socket = core.websockets.at(connection.websocket);
    if (socket.state == .closing and !socket.close_sent and connection.output.bytes == 0) {
        socket.close_sent = true;
        socket.since_ms = core.now_ms;
    }
    if (!socket.drain_wanted) return;
    if (connection.output.bytes > limits.stream_backlog_bytes / 2) return;
    socket.drain_wanted = false;
    const slot = connection.websocket;
    core.websocket_notices.add(&core.websockets, slot, abi.Notice.websocket_drained);
}

/// Says close and waits for the peer to say it too. `code` 1005: without one; 1006: the connection
/// is ended without a word.
pub fn close(server: anytype, slot: u32, code: u16, reason: []const u8) void {
    const core = &server.core;
    const socket = core.websockets.at(slot);
    if (socket.connection == none) return;
    const connection = core.connections.at(socket.connection);
    if (code == frame.Close.abnormal) return server.destroy(connection);
    if (socket.state != .open) return;
    writeClose(core, connection, code, reason);
    socket.state = .closing;
    deadline_module.choose(core, connection);
    sending.markDirty(server, connection);
}

fn writeClose(core: *Core, connection: *Connection, code: u16, reason: []const u8) void {
    var payload: [frame.control_bytes_max]u8 = undefined;
    write(core, connection, .close, frame.writeClose(&payload, code, reason));
}

/// Queues a control frame.
fn write(core: *Core, connection: *Connection, opcode: frame.Opcode, payload: []const u8) void {
    var head: [frame.header_bytes_max]u8 = undefined;
    const header = frame.writeHeader(&head, .{ .opcode = opcode }, payload.len);
    connection.output.copyRest(&core.pool, &.{ header, payload }, 0) catch {
        connection.phase = .closing;
    };
}

// The end.

/// Nothing more is expected of the peer: what is queued is sent, then the connection closes.
fn finish(
    core: *Core,
    connection: *Connection,
    socket: *WebSocket,
    code: u16,
    reason: []const u8,
) void {
    socket.code = code;
    socket.reason_len = @intCast(reason.len);
    @memcpy(socket.reason[0..reason.len], reason);
    connection.phase = .closing;
    detach(core, connection);
}

/// The connection is another's, or gone: JS is told.
pub fn detach(core: *Core, connection: *Connection) void {
    if (connection.websocket == none) return;
    end(core, connection.websocket);
    connection.websocket = none;
}

/// Also of one whose request was answered otherwise.
pub fn end(core: *Core, slot: u32) void {
    const socket = core.websockets.at(slot);
    assert(socket.state != .over);
    socket.decoder.deinit(core.request_memory.allocator());
    socket.state = .over;
    socket.connection = none;
    core.websocket_notices.add(&core.websockets, slot, abi.Notice.websocket_closed);
}

/// JS has heard how it ended.
pub fn release(core: *Core, slot: u32) void {
    core.websocket_notices.remove(&core.websockets, slot);
    core.websockets.release(slot);
}

/// How long `close` waits for the peer; what browsers and other servers do is between 1 and 30 s.
const close_ms = limits.websocket_close_ms;

pub const Wait = struct { since_ms: u64, timeout_ms: u32 };

/// How long the peer is waited for before `expire`; null: for ever.
pub fn wait(core: *const Core, connection: *const Connection) ?Wait {
    const socket = core.websockets.at(connection.websocket);
    if (socket.state == .closing) return .{ .since_ms = socket.since_ms, .timeout_ms = close_ms };
    if (socket.decoder.underWay()) {
        // As a body: it may take long, but not be slow, since it takes memory.
        const earned_ms = @as(u64, socket.decoder.length) * std.time.ms_per_s /
            core.config.body_rate_least;
        return .{
            .since_ms = @min(socket.since_ms, socket.began_ms + earned_ms),
            .timeout_ms = core.config.body_timeout_ms,
        };
    }
    const idle_ms = socket.settings.idle_ms;
    if (idle_ms == 0) return null;
    const timeout_ms = if (socket.asked) idle_ms else idle_ms - idle_ms / 2;
    return .{ .since_ms = socket.since_ms, .timeout_ms = timeout_ms };
}

/// The peer was silent: it is asked once, then the connection ends. One that was slow is told so.
pub fn expire(server: anytype, connection: *Connection) void {
    const core = &server.core;
    const socket = core.websockets.at(connection.websocket);
    if (socket.state == .closing) {
        finish(core, connection, socket, frame.Close.abnormal, "");
    } else if (socket.decoder.underWay()) {
        closings.count(core.batch.control(), .body_timeout, &connection.peer);
        fail(core, connection, socket, frame.Close.policy, "message too slow");
    } else if (socket.asked) {
        metrics.count(core, .idle_timeouts, 1);
        return server.destroy(connection);
    } else {
        socket.asked = true;
        write(core, connection, .ping, "");
    }
    deadline_module.choose(core, connection);
    server.afterStep(connection);
}
