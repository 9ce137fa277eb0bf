//! From answers to bytes on their way: encodes what a batch or a late handler answered, sends it,
//! queues what the socket does not take, and keeps requests that are answered later. Called by
//! `server.zig`; `server` is always a pointer to its generic struct.

const std = @import("std");
const abi = @import("abi.zig");
const answer_module = @import("answer.zig");
const answer_stream = @import("answer_stream.zig");
const batch_module = @import("batch.zig");
const body_stream = @import("body_stream.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const encoder = @import("http/encoder.zig");
const limits = @import("limits.zig");
const sys = @import("sys.zig");
const Chunk = @import("output.zig").Chunk;
const Core = @import("core.zig").Core;
const Method = @import("file.zig").Method;
const FileRange = @import("output.zig").FileRange;
const Held = @import("held.zig").Held;
const OpenFile = @import("file.zig").OpenFile;
const Output = @import("output.zig").Output;
const Plan = @import("file.zig").Plan;
const Pool = @import("pool.zig").Pool;

const none = batch_module.none;
const Connection = connection_module.Connection;

/// Encodes the entry's answer, or leaves it to come late.
pub fn finishEntry(server: anytype, connection: *Connection, entry: *batch_module.Entry) void {
    const core = &server.core;
    defer if (entry.body) |body| body.destroy();
    defer if (entry.attached) |attached| attached.destroy(&core.pool);
    defer if (entry.plan) |plan| plan.destroy();
    const dropped = connection.dead or connection.phase == .lingering or connection.unanswered == 0;
    const waits = entry.slot != none and entry.answer == .handler and
        core.batch.response(entry.answer.handler)[abi.response.state] == abi.State.held;
    if (waits) {
        if (!dropped) return linkHeld(server, connection, entry.slot);
        return core.notices.add(&core.held, entry.slot, abi.Notice.gone);
    }
    if (entry.slot != none) freeHeld(server, entry.slot);
    if (dropped) return;
    var scratch: answer_module.Scratch = undefined;
    const plain = plainOf(server, entry, &scratch);
    const stays = body_stream.dropUnread(core, connection);
    const asked: answer_module.Asked = .{
        .head_method = entry.head_method,
        .keep_alive = entry.keep_alive and stays,
        .minor = entry.minor,
    };
    const encoded = answer_module.prepare(core, plain, asked);
    if (entry.answer == .handler) {
        const handler = core.batch.record(entry.answer.handler)[abi.request.handler];
        core.sizes.learn(handler, encoded.bytes().len);
    }
    if (connection.held_first != none) return queueBehind(server, connection, entry, encoded);
    encodeOut(server, connection, encoded, &entry.attached);
    connection.unanswered -|= 1;
    if (encoded.close) lastAnswer(server, connection);
}

fn plainOf(
    server: anytype,
    entry: *batch_module.Entry,
    scratch: *answer_module.Scratch,
) answer_module.Plain {
    const core = &server.core;
    const record = switch (entry.answer) {
        .handler => |record| record,
        .native => |native| switch (native) {
            .file => |file| return fromFile(core, entry, file, scratch),
            .constant, .problem, .options => return answer_module.fromNative(core, native, scratch),
        },
    };
    const given: answer_module.Given = .{
        .attached = if (entry.attached) |chunk| chunk.pending() else null,
        .plan = entry.plan,
        .native = entry.native,
    };
    const words = core.batch.response(record);
    const plain = answer_module.fromScript(core, words, given, scratch) catch |reason|
        return answer_module.fromProblem(core, problemOf(reason), scratch);
    // A stream needs a slot: JS holds the request first.
    if (plain.content == .stream) {
        return answer_module.fromProblem(core, problemOf(error.Invalid), scratch);
    }
    return plain;
}

/// A file answers without JS: its plan is made now and goes with the entry.
fn fromFile(
    core: *Core,
    entry: *batch_module.Entry,
    file: *const batch_module.FileRequest,
    scratch: *answer_module.Scratch,
) answer_module.Plain {
    const files = file.route.files;
    const method: Method = if (entry.head_method) .head else .get;
    entry.plan = files.planAt(file.route.root, file.path, method, file.fields, core.now_ms) catch
        return answer_module.fromProblem(core, connection_module.out_of_memory, scratch);
    return answer_module.fromPlan(entry.plan.?, scratch);
}

fn problemOf(reason: answer_module.FromScriptError) batch_module.Problem {
    return .{ .status = 500, .code = switch (reason) {
        error.Unanswered => "no_answer",
        error.Invalid => "invalid_answer",
    } };
}

/// Nothing is answered behind an answer that closes the connection.
fn lastAnswer(server: anytype, connection: *Connection) void {
    connection.phase = .closing;
    connection.unanswered = 0;
    connection.gated = false;
    body_stream.destroy(&server.core, connection);
    detachHeld(server, connection);
}

/// Puts an encoded answer behind those of the same connection.
fn encodeOut(
    server: anytype,
    connection: *Connection,
    encoded: answer_module.Encoded,
    attached: *?*Chunk,
) void {
    const core = &server.core;
    if (encoded.content == .file) return encodeFile(server, connection, encoded);
    const body = encoded.bytes();
    const head_max = encoder.headBytesMax(encoded.head);
    const copied = body.len <= core.config.write_buffer_bytes;
    const needed = head_max + if (copied) body.len else 0;
    if (server.out.len - server.out_len < needed) {
        _ = sendOut(server, connection, "");
        sendSegments(server);
    }
    if (connection.dead) return;
    if (needed > server.out.len) {
        const chunk = encodeChunk(server, encoded, head_max) orelse
            return server.destroy(connection);
        connection.output.append(chunk);
    } else {
        server.out_len += encoder.writeHead(server.out[server.out_len..], encoded.head);
    }
    if (copied) {
        if (needed > server.out.len) return queueBytes(server, connection, body);
        @memcpy(server.out[server.out_len..][0..body.len], body);
        server.out_len += body.len;
        return;
    }
    sendLarge(server, connection, body, attached);
}

/// Small files are read behind their head: one copy costs less than another system call. The kernel
/// sends the others by itself.
fn encodeFile(server: anytype, connection: *Connection, encoded: answer_module.Encoded) void {
    const core = &server.core;
    const plan = encoded.content.file;
    const head_max = encoder.headBytesMax(encoded.head);
    const body_len = bodyBytes(plan);
    const copied = body_len <= limits.file_copied_max;
    const needed = head_max + if (copied) body_len else 0;
    if (server.out.len - server.out_len < needed) {
        _ = sendOut(server, connection, "");
        sendSegments(server);
    }
    if (connection.dead) return;
    // Field lines of files are far below what `out` holds.
    server.out_len += encoder.writeHead(server.out[server.out_len..], encoded.head);
    if (!copied) {
        const encoded_bytes = server.out[server.out_start..server.out_len];
        server.out_len = server.out_start;
        connection.output.copy(&core.pool, encoded_bytes) catch return server.destroy(connection);
        return queuePlan(server, connection, &connection.output, plan);
    }
    const room = server.out[server.out_len..][0..@intCast(body_len)];
    const count = if (body_len == 0) 0 else plan.read(0, room) catch 0;
    var total = count;
    while (total < body_len) {
        const more = plan.read(total, room[total..]) catch 0;
        // The head has promised more.
        if (more == 0) return server.destroy(connection);
        total += more;
    }
    server.out_len += total;
}

/// HEAD has a length and no body.
fn bodyBytes(plan: *const Plan) u64 {
    return if (plan.segments.len == 0) 0 else plan.length;
}

fn queuePlan(server: anytype, connection: *Connection, output: *Output, plan: *const Plan) void {
    appendPlan(&server.core.pool, output, plan) catch server.destroy(connection);
}

fn appendPlan(pool: *Pool, output: *Output, plan: *const Plan) error{OutOfMemory}!void {
    for (plan.segments) |segment| switch (segment) {
        .bytes => |bytes| try output.copy(pool, bytes),
        .file => |part| {
            const file = plan.file.?;
            file.retain();
            output.append(try Chunk.createFile(pool, .{
                .fd = file.fd,
                .offset = part.start,
                .left = part.len,
                .owner = file,
                .release = OpenFile.releaseOwner,
            }));
        },
    };
}

/// Head and body in one call; what the socket does not take is queued without a copy when the
/// body has a block of its own.
fn sendLarge(server: anytype, connection: *Connection, body: []const u8, attached: *?*Chunk) void {
    const taken = sendOut(server, connection, body);
    if (connection.dead or taken == body.len) return;
    if (!isAttached(body, attached.*)) return queueBytes(server, connection, body[taken..]);
    const chunk = attached.*.?;
    attached.* = null;
    chunk.start += @intCast(taken);
    connection.output.append(chunk);
    server.watch(connection, connection.watched.read, true);
}

/// Whether the body is the attached one: an answer that was refused is sent as a problem instead.
fn isAttached(body: []const u8, attached: ?*Chunk) bool {
    const chunk = attached orelse return false;
    return body.len > 0 and body.ptr == chunk.pending().ptr;
}

pub fn queueBytes(server: anytype, connection: *Connection, bytes: []const u8) void {
    if (bytes.len == 0) return;
    connection.output.copy(&server.core.pool, bytes) catch return server.destroy(connection);
    server.watch(connection, connection.watched.read, true);
}

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
    const core = &server.core;
    for (server.segments[0..server.segments_count]) |segment| {
        const connection = core.connections.at(segment.connection);
        _ = sendBytes(server, connection, server.out[segment.start..segment.end], "");
        if (connection.dead) continue;
        deadline_module.choose(core, connection);
        server.afterStep(connection);
    }
    server.segments_count = 0;
    server.out_len = 0;
    server.out_start = 0;
}

/// Sends what was encoded for this connection, and then `more`. Returns how much of `more` was
/// taken; the rest of it is the caller's, the rest of what was encoded is queued.
fn sendOut(server: anytype, connection: *Connection, more: []const u8) usize {
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
    return server.reactor.send(connection.fd, list, more) catch |reason| switch (reason) {
        error.WouldBlock, error.OutOfMemory => 0,
        error.ConnectionReset, error.Unexpected => {
            server.destroy(connection);
            return 0;
        },
    };
}

/// Like `trySend`, for a part of a file. One that has become shorter than it was promised breaks
/// the connection.
fn trySendFile(server: anytype, connection: *Connection, range: *const FileRange) usize {
    const count: usize = @intCast(@min(range.left, limits.file_bytes_per_call));
    const taken = server.reactor.sendFile(connection.fd, range.fd, range.offset, count) catch |reason|
        switch (reason) {
            error.WouldBlock, error.OutOfMemory => return 0,
            error.ConnectionReset, error.FileUnreadable, error.Unexpected => 0,
        };
    if (taken == 0) server.destroy(connection);
    return taken;
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

fn linkHeld(server: anytype, connection: *Connection, slot: u32) void {
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
fn queueBehind(
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
    const separate = isAttached(body, attached.*);
    const head_max = encoder.headBytesMax(encoded.head);
    const size = head_max + if (separate) 0 else body.len;
    const chunk = encodeChunk(server, encoded, size) orelse {
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
        queuePlan(server, connection, &held.output, encoded.content.file);
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

/// A chunk with the encoded head and room for `size` bytes in all.
fn encodeChunk(server: anytype, encoded: answer_module.Encoded, size: usize) ?*Chunk {
    const chunk = Chunk.create(&server.core.pool, size) catch return null;
    chunk.end = @intCast(encoder.writeHead(chunk.free(), encoded.head));
    return chunk;
}

/// The requests stay with their handlers; those that only waited to be sent are freed.
pub fn detachHeld(server: anytype, connection: *Connection) void {
    const core = &server.core;
    var at = connection.held_first;
    while (at != none) {
        const held = core.held.at(at);
        const next = held.next;
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
    control[abi.control.pieces_queued] = 0;
    for (server.dirty.items) |index| {
        const connection = core.connections.at(index);
        if (connection.dead or !connection.dirty) continue;
        flush(server, connection);
        if (connection.dead) continue;
        if (connection.gated) connection_module.resumeLater(core, connection);
        server.afterStep(connection);
    }
    server.dirty.clearRetainingCapacity();
    return count;
}

/// Its queue grew: it is flushed with the late answers.
pub fn markDirty(server: anytype, connection: *Connection) void {
    const core = &server.core;
    core.batch.control()[abi.control.pieces_queued] = 1;
    if (connection.dirty) return;
    server.dirty.append(core.allocator, connection.index) catch
        return server.destroy(connection);
    connection.dirty = true;
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
    };
    const plain = answer_module.fromScript(core, words, given, &scratch) catch |reason|
        answer_module.fromProblem(core, problemOf(reason), &scratch);
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
        freeHeld(server, slot);
        if (close) lastAnswer(server, connection);
    }
    if (connection.output.bytes != before or connection.unanswered == 0) markDirty(server, connection);
}
