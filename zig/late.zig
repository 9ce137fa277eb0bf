//! Requests whose answers come later: they are held in the order of their connection, and so are
//! answers that are ready behind them. Called by `delivery.zig` for each entry of a batch, by
//! `server.zig` at the start of a turn and when a connection ends; `server` is always a pointer to
//! its generic struct.

const abi = @import("abi.zig");
const answer_module = @import("answer.zig");
const batch_module = @import("batch.zig");
const body_stream = @import("body_stream.zig");
const connection_module = @import("connection.zig");
const delivery = @import("delivery.zig");
const encoder = @import("http/encoder.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const sending = @import("sending.zig");
const websocket = @import("websocket.zig");
const Chunk = @import("output.zig").Chunk;
const Held = @import("held.zig").Held;

const none = batch_module.none;
const Connection = connection_module.Connection;

/// Copies request `index` of the batch being dispatched, so that it can be answered later.
/// Returns its slot.
pub fn hold(server: anytype, index: u32) error{ InvalidArgument, Full, OutOfMemory }!u32 {
    const core = &server.core;
    const entry = core.batch.entryOfRecord(index) orelse return error.InvalidArgument;
    if (entry.slot != none) return entry.slot;
    const connection = core.connections.at(entry.connection);
    if (core.held.count >= core.config.pending_max) return error.Full;
    const slot = core.held.acquire() orelse return error.Full;
    const held = core.held.at(slot);
    held.* = .{
        .connection = none,
        .head_method = entry.head_method,
        .keep_alive = entry.keep_alive,
        .minor = entry.minor,
        .upgrade = entry.upgrade,
        .started = entry.started,
        .peer = connection.peer,
    };
    held.keep(core, index) catch {
        core.held.release(slot);
        return error.OutOfMemory;
    };
    held.body = entry.body;
    held.native = entry.native;
    entry.body = null;
    entry.slot = slot;
    return slot;
}

pub fn linkHeld(server: anytype, connection: *Connection, slot: u32) void {
    const held = server.core.held.at(slot);
    held.connection = connection.index;
    if (connection.held_last == none) {
        connection.held_first = slot;
    } else {
        server.core.held.at(connection.held_last).next = slot;
    }
    connection.held_last = slot;
}

pub fn freeHeld(server: anytype, slot: u32) void {
    const core = &server.core;
    core.notices.remove(&core.held, slot);
    server.core.held.at(slot).destroy(&server.core);
    server.core.held.release(slot);
}

/// An answer that is ready waits behind one that is not.
pub fn queueBehind(
    server: anytype,
    connection: *Connection,
    entry: *batch_module.Entry,
    encoded: answer_module.Encoded,
) void {
    const core = &server.core;
    const slot = core.held.acquire() orelse return server.destroy(connection);
    const held = core.held.at(slot);
    held.* = .{
        .connection = connection.index,
        .head_method = entry.head_method,
        .keep_alive = entry.keep_alive,
        .minor = entry.minor,
        .peer = connection.peer,
    };
    linkHeld(server, connection, slot);
    complete(server, connection, held, encoded, &entry.attached);
}

/// Encodes the answer of a held request, or the head of one that comes in pieces.
fn complete(
    server: anytype,
    connection: *Connection,
    held: *Held,
    encoded: answer_module.Encoded,
    attached: *?*Chunk,
) void {
    const body = encoded.bytes();
    const separate = delivery.isAttached(body, attached.*);
    const head_max = encoder.headBytesMax(encoded.head);
    const size = head_max + if (separate) 0 else body.len;
    const chunk = delivery.encodeChunk(server, encoded, size) orelse {
        server.destroy(connection);
        return freeHeld(server, server.core.held.indexOf(held));
    };
    if (!separate) {
        @memcpy(chunk.free()[0..body.len], body);
        chunk.end += @intCast(body.len);
    }
    held.output.append(chunk);
    if (separate) {
        held.output.append(attached.*.?);
        attached.* = null;
    }
    if (encoded.content == .file) {
        delivery.queuePlan(server, connection, &held.output, encoded.content.file);
        if (connection.dead) return freeHeld(server, server.core.held.indexOf(held));
    }
    held.answer = switch (encoded.content) {
        .bytes, .file => .whole,
        .stream => |promised| .{ .stream = .{
            .framing = if (promised) |length|
                .{ .length = length }
            else if (encoded.head.chunked)
                .chunked
            else
                .close,
        } },
    };
    held.close = encoded.close;
    connection.held_bytes += held.output.bytes;
}

/// The requests stay with their handlers; those that only waited to be sent are freed.
pub fn detachHeld(server: anytype, connection: *Connection) void {
    const core = &server.core;
    var at = connection.held_first;
    while (at != none) {
        const held = core.held.at(at);
        const next = held.next;
        if (held.answer == .awaited) metrics.count(core, .requests_abandoned, 1);
        held.connection = none;
        held.next = none;
        switch (held.answer) {
            .awaited, .stream => core.notices.add(&core.held, at, abi.Notice.gone),
            .whole, .broken => freeHeld(server, at),
        }
        at = next;
    }
    connection.held_first = none;
    connection.held_last = none;
    connection.held_bytes = 0;
}

/// Takes the late answers, and sends the pieces, that JS has left since the last turn.
pub fn flushLate(server: anytype) u32 {
    const core = &server.core;
    const control = core.batch.control();
    const count = @min(control[abi.control.late_count], limits.late_max);
    for (0..count) |index| takeLate(server, core.batch.late(@intCast(index)));
    control[abi.control.late_count] = 0;
    sending.flushDirty(server);
    metrics.sent(core);
    return count;
}

fn takeLate(server: anytype, words: *const [abi.response.words]u32) void {
    const core = &server.core;
    const slot = words[abi.response.slot];
    const held = core.held.get(slot, words[abi.response.generation]) orelse return;
    if (held.answer != .awaited) return;
    if (held.connection == none) return dropLate(server, slot, words);
    const connection = core.connections.at(held.connection);
    var scratch: answer_module.Scratch = undefined;
    const given: answer_module.Given = .{
        .attached = if (held.attached) |chunk| chunk.pending() else null,
        .plan = held.plan,
        .native = held.native,
        .websocket = held.websocket != none,
    };
    const plain = answer_module.fromScript(core, words, given, &scratch) catch |reason|
        answer_module.fromProblem(core, delivery.problemOf(reason), &scratch);
    // A stream may go on while the rest of its request's body comes.
    const stays = plain.content == .stream or body_stream.dropUnread(core, connection);
    const asked: answer_module.Asked = .{
        .head_method = held.head_method,
        .keep_alive = held.keep_alive and !core.draining and stays,
        .minor = held.minor,
    };
    var chunk = held.attached;
    held.attached = null;
    defer if (chunk) |left| left.destroy(&core.pool);
    const encoded = answer_module.prepare(core, plain, asked);
    core.sizes.learn(held.handler(), encoded.bytes().len);
    metrics.answered(core, held.started, encoded.head.status);
    held.opens = plain.upgrade;
    complete(server, connection, held, encoded, &chunk);
    if (!connection.dead) advance(server, connection);
}

/// Nobody waits for this answer. The slot of a stream is JS's until it ends the stream, since its
/// producer has to be told.
fn dropLate(server: anytype, slot: u32, words: *const [abi.response.words]u32) void {
    const core = &server.core;
    const held = core.held.at(slot);
    const packed_word = words[abi.response.status_kind_flags];
    const streamed = words[abi.response.state] == abi.State.answered and
        packed_word & abi.AnswerFlag.stream != 0;
    const bodiless = held.head_method or answer_module.isBodiless(@truncate(packed_word));
    if (!streamed or bodiless) return freeHeld(server, slot);
    held.answer = .{ .stream = .{ .framing = .close } };
    core.notices.add(&core.held, slot, abi.Notice.gone);
}

/// Moves answers that are first in line to the output.
pub fn advance(server: anytype, connection: *Connection) void {
    const core = &server.core;
    const before = connection.output.bytes;
    while (connection.held_first != none) {
        const slot = connection.held_first;
        const held = core.held.at(slot);
        if (held.answer == .awaited) break;
        connection.held_bytes -= held.output.bytes;
        connection.output.take(&held.output);
        if (held.answer == .stream) break;
        const close = held.close or !body_stream.dropUnread(core, connection);
        connection.held_first = held.next;
        if (held.next == none) connection.held_last = none;
        connection.unanswered -= 1;
        const opened = if (held.opens) held.websocket else none;
        if (held.opens) held.websocket = none;
        freeHeld(server, slot);
        if (opened != none) websocket.open(server, connection, opened);
        if (connection.dead) return;
        if (close) lastAnswer(server, connection);
    }
    if (connection.output.bytes == before and connection.unanswered > 0) return;
    sending.markDirty(server, connection);
}

/// Nothing is answered behind an answer that closes the connection.
pub fn lastAnswer(server: anytype, connection: *Connection) void {
    connection.phase = .closing;
    connection.unanswered = 0;
    connection.gated = false;
    body_stream.destroy(&server.core, connection);
    detachHeld(server, connection);
}
