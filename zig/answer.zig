//! Turns what a handler, a constant or a rejection says into bytes. Called by `server.zig` for each
//! request of a batch and for each late answer.

const std = @import("std");
const abi = @import("abi.zig");
const batch_module = @import("batch.zig");
const encoder = @import("http/encoder.zig");
const problem_module = @import("http/problem.zig");
const router_module = @import("router.zig");
const Core = @import("core.zig").Core;
const Plan = @import("file.zig").Plan;

const assert = std.debug.assert;

/// An answer before it is encoded. Its slices live until the turn ends.
pub const Plain = struct {
    status: u16,
    kind: u32 = abi.Kind.none,
    fields: []const u8 = "",
    content: Content = .{ .bytes = "" },
    close: bool = false,
    /// The connection becomes a WebSocket.
    upgrade: bool = false,
};

pub const Content = union(enum) {
    bytes: []const u8,
    /// Comes in pieces; null: nobody knows how many bytes.
    stream: ?u64,
    /// Sent by the kernel.
    file: *const Plan,

    pub fn length(content: Content) ?u64 {
        return switch (content) {
            .bytes => |bytes| bytes.len,
            .stream => |promised| promised,
            .file => |plan| plan.length,
        };
    }
};

/// How the request was made, as far as the answer depends on it.
pub const Asked = struct {
    head_method: bool,
    keep_alive: bool,
    minor: u1,
};

const problem_bytes_max = 512;
pub const Scratch = [problem_bytes_max + router_module.allow_bytes_max + 16]u8;

/// The answer of a native entry; `scratch` holds what has to be written for it.
pub fn fromNative(core: *const Core, native: batch_module.Native, scratch: *Scratch) Plain {
    switch (native) {
        // Their plans are made first: see `fromPlan`.
        .file => unreachable,
        .constant => |constant| return .{
            .status = constant.status,
            .kind = constant.kind,
            .fields = constant.fields,
            .content = .{ .bytes = constant.body },
        },
        .problem => |problem| return fromProblem(core, problem, scratch),
        .options => |allow| return .{
            .status = 204,
            .fields = allowField(core, allow, scratch),
        },
    }
}

/// What a file's plan says; it must outlive the answer's encoding.
pub fn fromPlan(plan: *const Plan, scratch: *Scratch) Plain {
    if (plan.code.len == 0) return .{
        .status = plan.status,
        .fields = plan.fields,
        .content = .{ .file = plan },
    };
    const len = problem_module.write(scratch[0..problem_bytes_max], plan.status, plan.code, null);
    return .{
        .status = plan.status,
        .kind = abi.Kind.problem,
        .fields = plan.fields,
        .content = .{ .bytes = scratch[0..len] },
    };
}

pub fn fromProblem(core: *const Core, problem: batch_module.Problem, scratch: *Scratch) Plain {
    const room = scratch[0..problem_bytes_max];
    const len = problem_module.write(room, problem.status, problem.code, null);
    return .{
        .status = problem.status,
        .kind = abi.Kind.problem,
        .content = .{ .bytes = scratch[0..len] },
        .fields = if (problem.with_allow)
            allowField(core, problem.allow, scratch)
        else
            "",
    };
}

fn allowField(core: *const Core, allow: u32, scratch: *Scratch) []const u8 {
    const room = scratch[problem_bytes_max..];
    const name = "allow: ";
    @memcpy(room[0..name.len], name);
    const value = core.router.writeAllow(allow, room[name.len..]);
    const end = name.len + value.len;
    @memcpy(room[end..][0..2], "\r\n");
    return room[0 .. end + 2];
}

pub const FromScriptError = error{
    /// No answer was left in the record.
    Unanswered,
    /// A span outside of the arena, a status that is none, or fields that break the framing.
    Invalid,
};

/// What belongs to an answer of JS beside its record.
pub const Given = struct {
    /// What `chopin_answer_attach` took.
    attached: ?[]const u8,
    /// What `chopin_answer_file` took.
    plan: ?*const Plan,
    /// What the route answers without JS.
    native: ?batch_module.Native,
    /// `chopin_websocket_create` has reserved one.
    websocket: bool = false,
};

/// The answer that JS left in a response record.
pub fn fromScript(
    core: *const Core,
    words: *const [abi.response.words]u32,
    given: Given,
    scratch: *Scratch,
) FromScriptError!Plain {
    const r = abi.response;
    if (words[r.state] == abi.State.native) {
        return fromNative(core, given.native orelse return error.Invalid, scratch);
    }
    if (words[r.state] != abi.State.answered) return error.Unanswered;
    const packed_word = words[r.status_kind_flags];
    const status: u16 = @truncate(packed_word);
    // 1xx are not final answers, but for the upgrade.
    const upgrade = packed_word & abi.AnswerFlag.upgrade != 0;
    if (upgrade and (status != 101 or !given.websocket)) return error.Invalid;
    if (!upgrade and (status < 200 or status > 999)) return error.Invalid;
    const fields = try arenaSlice(core, words[r.fields], words[r.fields_len]);
    if (fields.len > 0 and !encoder.checkFields(fields)) return error.Invalid;
    const content: Content = if (packed_word & abi.AnswerFlag.stream != 0)
        .{ .stream = promisedLength(words) }
    else if (packed_word & abi.AnswerFlag.file != 0)
        .{ .file = given.plan orelse return error.Invalid }
    else if (packed_word & abi.AnswerFlag.attached != 0)
        .{ .bytes = given.attached orelse return error.Invalid }
    else
        .{ .bytes = try arenaSlice(core, words[r.body], words[r.body_len]) };
    return .{
        .status = status,
        .kind = (packed_word >> 16) & 0xff,
        .fields = fields,
        .content = content,
        .close = packed_word & abi.AnswerFlag.close != 0,
        .upgrade = upgrade,
    };
}

fn promisedLength(words: *const [abi.response.words]u32) ?u64 {
    if (words[abi.response.status_kind_flags] & abi.AnswerFlag.sized == 0) return null;
    const at = abi.response.length;
    return words[at] | @as(u64, words[at + 1]) << 32;
}

fn arenaSlice(core: *const Core, start: u32, len: u32) FromScriptError![]const u8 {
    if (len == 0) return "";
    const end = @as(u64, start) + len;
    if (start < abi.view.answer_arena or end > abi.view.stage) return error.Invalid;
    return core.batch.view[start..][0..len];
}

/// What goes before the body, and whether the connection closes after it.
pub const Encoded = struct {
    head: encoder.AnswerHead,
    content: Content,
    close: bool,

    /// A body in one piece; of a stream there is none yet.
    pub fn bytes(encoded: *const Encoded) []const u8 {
        return switch (encoded.content) {
            .bytes => |all| all,
            .stream, .file => "",
        };
    }
};

/// 205 has no content either, and says so (RFC 9110 15.3.6).
pub fn isBodiless(status: u16) bool {
    return status == 204 or status == 205 or status == 304;
}

pub fn prepare(core: *const Core, plain: Plain, asked: Asked) Encoded {
    if (plain.upgrade) return .{
        .head = .{
            .status = plain.status,
            .kind = abi.Kind.none,
            .content_length = null,
            .date = &core.date,
            .server = core.server_name,
            .connection = .upgrade,
            .fields = plain.fields,
        },
        .content = .{ .bytes = "" },
        .close = false,
    };
    // RFC 9110 15.3.5, 15.4.5: no content, so no length either; 304 may carry one but need not.
    const lengthless = plain.status == 204 or plain.status == 304;
    const bodiless = isBodiless(plain.status);
    const length: ?u64 = if (lengthless) null else if (bodiless) 0 else plain.content.length();
    const unknown = length == null and !bodiless;
    const close = plain.close or !asked.keep_alive or (unknown and asked.minor == 0);
    return .{
        .head = .{
            .status = plain.status,
            .kind = if (bodiless) abi.Kind.none else plain.kind,
            .content_length = length,
            .chunked = unknown and asked.minor == 1,
            .date = &core.date,
            .server = core.server_name,
            .connection = if (close) .close else if (asked.minor == 0) .keep_alive else .default,
            .fields = plain.fields,
        },
        .content = if (bodiless or asked.head_method) .{ .bytes = "" } else plain.content,
        .close = close,
    };
}
