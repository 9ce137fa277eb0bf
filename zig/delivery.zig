//! From answers to bytes: encodes what a batch or a late handler answered. `sending.zig` sends it,
//! `late.zig` keeps what is answered later. Called by `server.zig`; `server` is always a pointer to
//! its generic struct.

const abi = @import("abi.zig");
const answer_module = @import("answer.zig");
const batch_module = @import("batch.zig");
const body_stream = @import("body_stream.zig");
const connection_module = @import("connection.zig");
const encoder = @import("http/encoder.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const sending = @import("sending.zig");
const Chunk = @import("output.zig").Chunk;
const Core = @import("core.zig").Core;
const Method = @import("file.zig").Method;
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
    if (entry.answer == .message) {
        return core.request_memory.allocator().free(entry.message);
    }
    const dropped = connection.dead or connection.phase == .lingering or connection.unanswered == 0;
    const waits = entry.slot != none and entry.answer == .handler and
        core.batch.response(entry.answer.handler)[abi.response.state] == abi.State.held;
    if (dropped) metrics.count(core, .requests_abandoned, 1);
    if (waits) {
        if (!dropped) return late_module.linkHeld(server, connection, entry.slot);
        return core.notices.add(&core.held, entry.slot, abi.Notice.gone);
    }
    if (entry.slot != none) late_module.freeHeld(server, entry.slot);
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
    metrics.answered(core, entry.started, encoded.head.status);
    if (entry.answer == .handler) {
        const handler = core.batch.record(entry.answer.handler)[abi.request.handler];
        core.sizes.learn(handler, encoded.bytes().len);
    }
    if (connection.held_first != none) {
        return late_module.queueBehind(server, connection, entry, encoded);
    }
    encodeOut(server, connection, encoded, &entry.attached);
    connection.unanswered -|= 1;
    if (encoded.close) late_module.lastAnswer(server, connection);
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
        .message => unreachable,
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

pub fn problemOf(reason: answer_module.FromScriptError) batch_module.Problem {
    return .{ .status = 500, .code = switch (reason) {
        error.Unanswered => "no_answer",
        error.Invalid => "invalid_answer",
    } };
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
        _ = sending.sendOut(server, connection, "");
        sending.sendSegments(server);
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
        if (needed > server.out.len) return sending.queueBytes(server, connection, body);
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
        _ = sending.sendOut(server, connection, "");
        sending.sendSegments(server);
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

pub fn queuePlan(
    server: anytype,
    connection: *Connection,
    output: *Output,
    plan: *const Plan,
) void {
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
    const taken = sending.sendOut(server, connection, body);
    if (connection.dead or taken == body.len) return;
    if (!isAttached(body, attached.*)) return sending.queueBytes(server, connection, body[taken..]);
    const chunk = attached.*.?;
    attached.* = null;
    chunk.start += @intCast(taken);
    connection.output.append(chunk);
    server.watch(connection, connection.watched.read, true);
}

/// Whether the body is the attached one: an answer that was refused is sent as a problem instead.
pub fn isAttached(body: []const u8, attached: ?*Chunk) bool {
    const chunk = attached orelse return false;
    return body.len > 0 and body.ptr == chunk.pending().ptr;
}

/// A chunk with the encoded head and room for `size` bytes in all.
pub fn encodeChunk(server: anytype, encoded: answer_module.Encoded, size: usize) ?*Chunk {
    const chunk = Chunk.create(&server.core.pool, size) catch return null;
    chunk.end = @intCast(encoder.writeHead(chunk.free(), encoded.head));
    return chunk;
}
