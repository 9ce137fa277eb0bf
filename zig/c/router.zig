//! The router's part of the library's C interface: thin, and tested through the same functions that
//! JS calls. `lib.zig` exports each as `chopin_router_<name>`; `src/native/symbols.ts` declares
//! them once more. Results are codes of `abi.Code`; a null pointer with length 0 is an empty text.

const std = @import("std");
const builtin = @import("builtin");
const abi = @import("../abi.zig");
const Files = @import("../file.zig").Files;
const limits = @import("../limits.zig");
const path = @import("../path.zig");
const router_module = @import("../router.zig");
const Router = router_module.Router;
const Code = abi.Code;

// Tests of this file alone link no libc.
const allocator = if (builtin.link_libc) std.heap.c_allocator else std.heap.smp_allocator;

/// Where a function leaves more than its code.
const Info = [4]u32;

/// The handle, 0 when memory ran out.
pub fn create() callconv(.c) usize {
    const router = Router.create(allocator) catch return 0;
    return @intFromPtr(router);
}

/// No server may use the router any more.
pub fn destroy(router: *Router) callconv(.c) i32 {
    router.destroy();
    return code(.ok);
}

/// The id of a method token, which gets one if it has none.
pub fn method(router: *Router, token: ?[*]const u8, len: u32) callconv(.c) i32 {
    return router.addMethod(span(token, len)) catch |err| code(switch (err) {
        error.NotAToken => .invalid_argument,
        error.TooManyMethods => .full,
        error.Committed => .unsupported,
        error.OutOfMemory => .out_of_memory,
    });
}

/// Declares one method (an id, or `abi.Method.all`) of one pattern. `info` gets the other handler
/// with duplicate_route and conflicting_route, byte offset and reason with invalid_pattern.
pub fn add(
    router: *Router,
    method_id: u32,
    pattern: ?[*]const u8,
    pattern_len: u32,
    handler: u32,
    body_limit: u32,
    stream_body: u32,
    info: *Info,
) callconv(.c) i32 {
    var fault: router_module.Fault = .{};
    var other: router_module.Conflict = .{};
    const route: Router.Route = .{
        .method = method_id,
        .pattern = span(pattern, pattern_len),
        .handler = handler,
        .body_limit = body_limit,
        .stream_body = stream_body != 0,
    };
    router.add(route, &fault, &other) catch |err| switch (err) {
        error.InvalidPattern => {
            writeFault(info, fault);
            return code(.invalid_pattern);
        },
        error.Duplicate => {
            info[0] = other.other_handler;
            return code(.duplicate_route);
        },
        error.Conflicting => {
            info[0] = other.other_handler;
            return code(.conflicting_route);
        },
        error.BadMethod, error.BadHandler => return code(.invalid_argument),
        error.Committed => return code(.unsupported),
        error.OutOfMemory => return code(.out_of_memory),
    };
    return code(.ok);
}

/// Prepares the answer of a handler; both texts are copied.
pub fn constant(
    router: *Router,
    handler: u32,
    status: u32,
    kind: u32,
    fields: ?[*]const u8,
    fields_len: u32,
    body: ?[*]const u8,
    body_len: u32,
) callconv(.c) i32 {
    if (status < 200 or status > 999 or kind > abi.Kind.problem) return code(.invalid_argument);
    router.addConstant(handler, .{
        .status = @intCast(status),
        .kind = kind,
        .fields = span(fields, fields_len),
        .body = span(body, body_len),
    }) catch |err| return code(switch (err) {
        error.Committed => .unsupported,
        error.OutOfMemory => .out_of_memory,
    });
    return code(.ok);
}

/// The files of a root answer for a handler: what its last capture takes is their path, and without
/// a capture it is the root itself. They must outlive the router. `problems_to_script` is 1 when
/// the handler answers where there is no file.
pub fn filesOf(
    router: *Router,
    handler: u32,
    files: *Files,
    root: u32,
    problems_to_script: u32,
) callconv(.c) i32 {
    if (root >= files.roots.items.len) return code(.invalid_argument);
    router.addFiles(handler, .{
        .files = files,
        .root = root,
        .problems_to_script = problems_to_script != 0,
    }) catch |err|
        return code(switch (err) {
            error.Committed => .unsupported,
            error.OutOfMemory => .out_of_memory,
        });
    return code(.ok);
}

/// The bit of a prefix of middleware in a request's coverage. `info` as for `add`.
pub fn prefix(router: *Router, pattern: ?[*]const u8, len: u32, info: *Info) callconv(.c) i32 {
    var fault: router_module.Fault = .{};
    return router.addPrefix(span(pattern, len), &fault) catch |err| switch (err) {
        error.InvalidPattern => {
            writeFault(info, fault);
            return code(if (fault.reason == .prefix_too_many) .full else .invalid_pattern);
        },
        error.Committed => code(.unsupported),
        error.OutOfMemory => code(.out_of_memory),
    };
}

/// Compiles what was declared; `flags` are the bits of `router.Options`. Fails with
/// conflicting_route when two patterns differ only in a slash that is now ignored: `conflict` then
/// tells which.
pub fn commit(router: *Router, flags: u32) callconv(.c) i32 {
    router.commit(@bitCast(flags)) catch |err| return code(switch (err) {
        error.Conflicting => .conflicting_route,
        error.Committed => .unsupported,
        error.OutOfMemory => .out_of_memory,
    });
    return code(.ok);
}

/// The two handlers for which `commit` failed.
pub fn conflict(router: *const Router, info: *Info) callconv(.c) i32 {
    info[0] = router.conflict.handler;
    info[1] = router.conflict.other_handler;
    return code(.ok);
}

/// The sentence for a reason number.
pub fn reason(number: u32) callconv(.c) [*:0]const u8 {
    const known = std.enums.fromInt(router_module.Reason, number) orelse .none;
    return known.text().ptr;
}

/// Matches a request without a socket (`app.fetch`) and writes its whole record, without a head.
/// Offsets are into `bytes`, which gets the target, its canonical path when that differs, and
/// Allow. The word `abi.request.body` is the route's body limit.
pub fn match(
    router: *const Router,
    token: ?[*]const u8,
    token_len: u32,
    target: ?[*]const u8,
    target_len: u32,
    words: [*]u32,
    bytes: [*]u8,
    bytes_len: u32,
) callconv(.c) i32 {
    const room = bytes[0..bytes_len];
    if (room.len < matchBytes(target_len)) return code(.full);
    const record = words[0..abi.request.words];
    @memset(record, 0);
    @memmove(room[0..target_len], span(target, target_len));
    const text = room[0..target_len];
    const question = std.mem.indexOfScalar(u8, text, '?');
    const raw = text[0 .. question orelse text.len];
    const canonical = path.canonicalise(raw, room[target_len..]) catch return code(.bad_target);

    const token_bytes = span(token, token_len);
    const method_id = router.methodId(token_bytes);
    var captures: [limits.params_max]router_module.Capture = undefined;
    const outcome = router.resolve(method_id, token_bytes, canonical, &captures);

    const request = abi.request;
    const path_start: u32 = if (canonical.escaped) target_len else 0;
    record[request.handler] = outcome.handler;
    record[request.method_flags] = method_id | if (canonical.escaped) abi.Flag.escaped else 0;
    if (outcome.stream_body) record[request.method_flags] |= abi.Flag.body_streamed;
    record[request.path] = path_start;
    record[request.path_len] = @intCast(canonical.bytes.len);
    record[request.target_len] = target_len;
    if (question) |at| {
        record[request.query] = @intCast(at + 1);
        record[request.query_len] = @intCast(target_len - at - 1);
    }
    record[request.body] = outcome.body_limit;
    record[request.coverage] = outcome.coverage;
    record[request.params_count] = outcome.captures_count;
    for (captures[0..outcome.captures_count], 0..) |capture, index| {
        if (capture.start == router_module.Capture.absent.start) continue;
        record[request.params + 2 * index] = path_start + capture.start;
        record[request.params + 2 * index + 1] = capture.len;
    }
    if (outcome.allow != 0) {
        const allow = router.writeAllow(outcome.allow, room[2 * target_len ..]);
        record[request.params] = 2 * target_len;
        record[request.params + 1] = @intCast(allow.len);
    }
    return code(.ok);
}

/// Room that `match` asks for.
fn matchBytes(target_len: u32) usize {
    return 2 * @as(usize, target_len) + router_module.allow_bytes_max;
}

fn writeFault(info: *Info, fault: router_module.Fault) void {
    info[0] = fault.offset;
    info[1] = @intFromEnum(fault.reason);
}

fn span(ptr: ?[*]const u8, len: u32) []const u8 {
    return if (ptr) |start| start[0..len] else "";
}

fn code(value: Code) i32 {
    return @intFromEnum(value);
}

const testing = std.testing;

const Tester = struct {
    router: *Router,
    info: Info = @splat(0),
    words: [abi.request.words]u32 = undefined,
    bytes: [2048]u8 = undefined,

    fn init() !Tester {
        const handle = create();
        try testing.expect(handle != 0);
        return .{ .router = @ptrFromInt(handle) };
    }

    fn declare(self: *Tester, method_id: u32, pattern: []const u8, handler: u32) i32 {
        const len: u32 = @intCast(pattern.len);
        return add(self.router, method_id, pattern.ptr, len, handler, 1000, 0, &self.info);
    }

    fn request(self: *Tester, token: []const u8, target: []const u8) i32 {
        return match(
            self.router,
            token.ptr,
            @intCast(token.len),
            target.ptr,
            @intCast(target.len),
            &self.words,
            &self.bytes,
            self.bytes.len,
        );
    }

    fn text(self: *const Tester, word: usize) []const u8 {
        return self.bytes[self.words[word]..][0..self.words[word + 1]];
    }
};

test "a whole application through the C functions" {
    var tester: Tester = try .init();
    const router = tester.router;
    defer _ = destroy(router);
    try testing.expectEqual(code(.ok), tester.declare(abi.Method.get, "/users/:id/:tab?", 0));
    try testing.expectEqual(code(.ok), tester.declare(abi.Method.post, "/users/:id", 1));
    const post = abi.Method.post;
    try testing.expectEqual(code(.duplicate_route), tester.declare(post, "/users/:id", 2));
    try testing.expectEqual(1, tester.info[0]);
    const get = abi.Method.get;
    try testing.expectEqual(code(.conflicting_route), tester.declare(get, "/users/:uid", 2));
    try testing.expectEqual(0, tester.info[0]);
    try testing.expectEqual(code(.invalid_pattern), tester.declare(abi.Method.get, "/a/:x-:y", 2));
    try testing.expectEqual(5, tester.info[0]);
    const text = std.mem.span(reason(tester.info[1]));
    try testing.expectEqualStrings("a parameter takes a whole segment, from '/' to '/'", text);
    try testing.expectEqual(code(.invalid_argument), tester.declare(abi.Method.trace, "/t", 2));
    try testing.expectEqual(code(.invalid_argument), tester.declare(12, "/t", 2));
    try testing.expectEqual(9, method(router, "PURGE", 5));
    try testing.expectEqual(code(.invalid_argument), method(router, null, 0));
    try testing.expectEqual(code(.ok), tester.declare(9, "/cache", 2));
    try testing.expectEqual(0, prefix(router, "/users", 6, &tester.info));
    try testing.expectEqual(1, prefix(router, "/users/admin", 12, &tester.info));
    try testing.expectEqual(0, prefix(router, "/users/", 7, &tester.info));
    try testing.expectEqual(code(.invalid_pattern), prefix(router, "/a/*", 4, &tester.info));
    try testing.expectEqual(code(.ok), constant(router, 2, 200, abi.Kind.text, null, 0, "hi", 2));
    try testing.expectEqual(code(.ok), commit(router, 0));
    try testing.expectEqual(code(.unsupported), commit(router, 0));
    try testing.expectEqual(code(.unsupported), tester.declare(abi.Method.get, "/late", 3));

    const words = abi.request;
    try testing.expectEqual(code(.ok), tester.request("GET", "/users/%61dmin?x=1"));
    try testing.expectEqual(0, tester.words[words.handler]);
    try testing.expectEqual(abi.Method.get | abi.Flag.escaped, tester.words[words.method_flags]);
    try testing.expectEqualStrings("/users/admin", tester.text(words.path));
    try testing.expectEqualStrings("/users/%61dmin?x=1", tester.text(words.target));
    try testing.expectEqualStrings("x=1", tester.text(words.query));
    try testing.expectEqual(1000, tester.words[words.body]);
    try testing.expectEqual(0b11, tester.words[words.coverage]);
    try testing.expectEqual(2, tester.words[words.params_count]);
    try testing.expectEqualStrings("admin", tester.text(words.params));
    try testing.expectEqual(0, tester.words[words.params + 2]);

    try testing.expectEqual(code(.ok), tester.request("PUT", "/users/1"));
    try testing.expectEqual(abi.Special.method_not_allowed, tester.words[words.handler]);
    try testing.expectEqualStrings("GET, HEAD, POST, OPTIONS", tester.text(words.params));
    try testing.expectEqual(0, tester.words[words.query]);
    try testing.expectEqual(code(.ok), tester.request("PURGE", "/cache?"));
    try testing.expectEqual(2, tester.words[words.handler]);
    try testing.expectEqual(7, tester.words[words.query]);
    try testing.expectEqual(0, tester.words[words.query_len]);
    try testing.expectEqual(code(.bad_target), tester.request("GET", "/a/../b"));
    try testing.expectEqual(code(.bad_target), tester.request("GET", ""));
    try testing.expectEqual(code(.bad_target), tester.request("GET", "?/a"));
    try testing.expectEqual(code(.full), tester.request("GET", "/a" ** 1000));
}

test "patterns that differ in an ignored slash" {
    var tester: Tester = try .init();
    defer _ = destroy(tester.router);
    try testing.expectEqual(code(.ok), tester.declare(abi.Method.get, "/a", 4));
    try testing.expectEqual(code(.ok), tester.declare(abi.Method.get, "/a/", 5));
    try testing.expectEqual(code(.conflicting_route), commit(tester.router, 0b10));
    try testing.expectEqual(code(.ok), conflict(tester.router, &tester.info));
    try testing.expectEqual(5, tester.info[0]);
    try testing.expectEqual(4, tester.info[1]);
}
