//! From a complete head to an entry of the batch: the path is made canonical, the router asked, the
//! record written. Called by `connection.zig`; no state of a connection changes here.

const std = @import("std");
const abi = @import("abi.zig");
const batch_module = @import("batch.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const parser_module = @import("http/parser.zig");
const path_module = @import("path.zig");
const router_module = @import("router.zig");
const Core = @import("core.zig").Core;
const Method = @import("file.zig").Method;

const none = batch_module.none;
const Head = parser_module.Head;

pub const Target = struct {
    canonical: path_module.Canonical,
    captures: [limits.params_max]router_module.Capture,
    outcome: router_module.Outcome,
    /// The path is none, so there is no handler; where the message ends is known all the same.
    problem: ?batch_module.Problem = null,
};

pub const Request = struct {
    head: *const Head,
    bytes: []const u8,
    method: u8,
    target: Target,
    exclusive: bool,

    /// Whether its connection may become a WebSocket (RFC 6455 4.1).
    pub fn upgrades(request: *const Request, has_body: bool) bool {
        return request.head.upgrade and request.method == abi.Method.get and !has_body;
    }
};

/// Where the head's target leads. `bytes` begin with the head and lie in the view.
pub fn resolve(
    core: *Core,
    head: *const Head,
    method: u8,
    bytes: []const u8,
) error{BatchFull}!Target {
    var target: Target = undefined;
    target.problem = null;
    const raw = switch (head.form) {
        .origin => spanOf(bytes, head.path),
        // RFC 9110 4.2.3: an empty path is "/"; the scheme's own slash stands for it in the view.
        .absolute => if (head.path.len > 0) spanOf(bytes, head.path) else slash: {
            const text = spanOf(bytes, head.target);
            const at = std.mem.findScalar(u8, text, '/').?;
            break :slash text[at..][0..1];
        },
        // No path: CONNECT is refused, and "OPTIONS *" is about the whole server.
        .authority, .asterisk => {
            target.canonical = .{ .bytes = spanOf(bytes, head.target), .escaped = false };
            target.outcome = core.router.resolveServerWide(method);
            return target;
        },
    };
    const room: []u8 = if (std.mem.findScalar(u8, raw, '%') == null)
        &.{}
    else
        core.batch.allocate(@intCast(raw.len)) orelse return error.BatchFull;
    target.canonical = path_module.canonicalise(raw, room) catch {
        target.canonical = .{ .bytes = raw, .escaped = false };
        target.outcome = .{ .handler = abi.Special.not_found, .coverage = 0, .native = true };
        target.problem = .{ .status = 400, .code = "bad_path" };
        return target;
    };
    target.outcome = core.router.resolve(
        method,
        spanOf(bytes, head.method),
        target.canonical,
        &target.captures,
    );
    if (asksScript(core, &target, head, method, bytes)) target.outcome.native = false;
    return target;
}

/// A file would be the answer, there is none, and JS has something to say then. What is there is
/// planned again when it is sent: it lies in the cache.
fn asksScript(
    core: *Core,
    target: *const Target,
    head: *const Head,
    method: u8,
    bytes: []const u8,
) bool {
    if (!target.outcome.native) return false;
    const route = target.outcome.files orelse return false;
    if (!route.problems_to_script) return false;
    const file = fileRequest(target, head, bytes);
    const kind: Method = if (method == abi.Method.head) .head else .get;
    const plan = route.files.planAt(route.root, file.path, kind, file.fields, core.now_ms) catch
        return false;
    defer plan.destroy();
    return plan.code.len > 0;
}

/// Appends a complete request to the batch. Null: no room, nothing was changed.
pub fn append(
    core: *Core,
    connection: u32,
    request: Request,
    body: ?[]const u8,
) ?*batch_module.Entry {
    const batch = &core.batch;
    if (batch.full()) return null;
    const outcome = request.target.outcome;
    const native = if (outcome.native and outcome.files != null)
        fileAnswer(core, request) orelse return null
    else
        nativeAnswer(&request.target);
    var entry: batch_module.Entry = .{
        .connection = connection,
        .answer = undefined,
        .native = native,
        .head_method = request.method == abi.Method.head,
        .keep_alive = request.head.keep_alive and !core.draining,
        .minor = request.head.minor,
        .started = metrics.started(core, outcome.handler),
    };
    if (outcome.native) {
        entry.answer = .{ .native = native.? };
    } else {
        const allow = allowText(core, outcome) orelse return null;
        const record = batch.nextRecord();
        writeRecord(batch, record.words, request, body, allow);
        entry.answer = .{ .handler = record.index };
    }
    return batch.append(entry);
}

fn nativeAnswer(target: *const Target) ?batch_module.Native {
    if (target.problem) |problem| return .{ .problem = problem };
    const outcome = target.outcome;
    if (outcome.constant) |constant| return .{ .constant = constant };
    return switch (outcome.handler) {
        abi.Special.not_found => .{ .problem = .{ .status = 404, .code = "not_found" } },
        abi.Special.method_not_allowed => .{ .problem = .{
            .status = 405,
            .code = "method_not_allowed",
            .allow = outcome.allow,
            .with_allow = true,
        } },
        abi.Special.not_implemented => .{ .problem = .{
            .status = 501,
            .code = "not_implemented",
        } },
        abi.Special.options => .{ .options = outcome.allow },
        else => null,
    };
}

/// Null: no room.
fn fileAnswer(core: *Core, request: Request) ?batch_module.Native {
    const room = core.batch.allocate(@sizeOf(batch_module.FileRequest)) orelse return null;
    const file: *batch_module.FileRequest = @ptrCast(@alignCast(room.ptr));
    file.* = fileRequest(&request.target, request.head, request.bytes);
    return .{ .file = file };
}

/// `bytes` begin with the head, and may go on behind it.
fn fileRequest(
    target: *const Target,
    head: *const Head,
    bytes: []const u8,
) batch_module.FileRequest {
    const count = target.outcome.captures_count;
    // The request line ends with the first CRLF, the head with an empty line.
    const start = std.mem.findPos(u8, bytes, head.target.start, "\r\n").? + 2;
    const end = if (std.mem.findPos(u8, bytes, start - 2, "\r\n\r\n")) |at| at + 2 else start;
    return .{
        .route = target.outcome.files.?,
        .path = if (count == 0) "" else rest: {
            const capture = target.captures[count - 1];
            break :rest target.canonical.bytes[capture.start..][0..capture.len];
        },
        .fields = bytes[start..end],
    };
}

/// The Allow value that goes with a special handler; empty for routes, null without room.
fn allowText(core: *Core, outcome: router_module.Outcome) ?[]const u8 {
    if (outcome.handler < abi.Special.first) return "";
    const room = core.batch.allocate(router_module.allow_bytes_max) orelse return null;
    return core.router.writeAllow(outcome.allow, room);
}

fn writeRecord(
    batch: *batch_module.Batch,
    words: batch_module.Record,
    request: Request,
    body: ?[]const u8,
    allow: []const u8,
) void {
    const r = abi.request;
    const head = request.head;
    const target = &request.target;
    const base = batch.offsetOf(request.bytes.ptr);
    // Empty lines before the request line belong to no request.
    const start = head.method.start;
    const path = batch.offsetOf(target.canonical.bytes.ptr);
    words[r.handler] = target.outcome.handler;
    words[r.head] = base + start;
    words[r.head_len] = @as(u32, @intCast(request.bytes.len)) - start;
    words[r.path] = path;
    words[r.path_len] = @intCast(target.canonical.bytes.len);
    words[r.target] = base + head.target.start;
    words[r.target_len] = head.target.len;
    words[r.query] = if (head.query) |query| base + query.start else 0;
    words[r.query_len] = if (head.query) |query| query.len else 0;
    words[r.authority] = base + head.authority.start;
    words[r.authority_len] = head.authority.len;
    words[r.coverage] = target.outcome.coverage;
    words[r.params_count] = target.outcome.captures_count;
    var flags: u32 = request.method;
    if (target.canonical.escaped) flags |= abi.Flag.escaped;
    if (head.minor == 0) flags |= abi.Flag.http_1_0;
    if (head.keep_alive) flags |= abi.Flag.keep_alive;
    const streamed = target.outcome.stream_body and
        (head.chunked or (head.content_length orelse 0) > 0);
    if (streamed) flags |= abi.Flag.body_streamed;
    if (body) |bytes| {
        flags |= abi.Flag.has_body;
        words[r.body_len] = @intCast(bytes.len);
        if (batch.contains(bytes)) {
            words[r.body] = batch.offsetOf(bytes.ptr);
        } else {
            flags |= abi.Flag.body_outside;
            words[r.body] = 0;
        }
    } else {
        words[r.body] = 0;
        words[r.body_len] = 0;
    }
    words[r.method_flags] = flags;
    if (target.outcome.handler >= abi.Special.first) {
        words[r.params] = batch.offsetOf(allow.ptr);
        words[r.params + 1] = @intCast(allow.len);
        return;
    }
    for (target.captures[0..target.outcome.captures_count], 0..) |capture, index| {
        const absent = capture.start == none;
        words[r.params + 2 * index] = if (absent) 0 else path + capture.start;
        words[r.params + 2 * index + 1] = if (absent) 0 else capture.len;
    }
}

pub fn spanOf(bytes: []const u8, span: parser_module.Span) []const u8 {
    return bytes[span.start..][0..span.len];
}
