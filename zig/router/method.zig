//! Methods as numbers: the ids of `abi.Method`, what each may fall back to, the value of Allow, and
//! the names registered at IANA, which tell 405 from 501. `router.zig` is the only caller.

const std = @import("std");
const abi = @import("../abi.zig");
const limits = @import("../limits.zig");
const Method = abi.Method;

/// Names of the fixed ids, by id.
const names = [Method.first_custom][]const u8{
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
};

const customs_max: usize = Method.all - Method.first_custom;

/// Room that `writeAllow` may need: every method, each with ", " before it.
pub const allow_bytes_max = blk: {
    var total: usize = customs_max * (limits.method_bytes_max + 2);
    for (names) |name| total += name.len + 2;
    break :blk total;
};

pub const all_bit = bit(Method.all);
const refused_always = bit(Method.trace) | bit(Method.connect);
const fixed = (@as(u32, 1) << Method.first_custom) - 1;

pub fn bit(method: u8) u32 {
    return @as(u32, 1) << @intCast(method);
}

/// The set of handlers that serve a method, and the one that is preferred. Of the rest the lowest
/// id wins: GET for HEAD (RFC 9110 9.3.2), and `all` is the highest of all.
pub const Wanted = struct {
    mask: u32,
    own: u32,

    pub fn init(method: u8) Wanted {
        return switch (method) {
            Method.head => .{
                .mask = bit(Method.head) | bit(Method.get) | all_bit,
                .own = bit(Method.head),
            },
            // RFC 9110 9.3.6 and 9.3.8: this server is no proxy and reflects no request.
            Method.trace, Method.connect => .{ .mask = 0, .own = 0 },
            Method.other => .{ .mask = all_bit, .own = 0 },
            else => .{ .mask = bit(method) | all_bit, .own = bit(method) },
        };
    }

    /// The bit of the handler to use, or 0.
    pub fn choose(wanted: Wanted, registered: u32) u32 {
        const hit = registered & wanted.mask;
        if (hit & wanted.own != 0) return wanted.own;
        return hit & -%hit;
    }
};

/// Tokens that an application named beside the fixed ones.
pub const Methods = struct {
    customs: [customs_max][]const u8 = undefined,
    customs_count: u8 = 0,

    pub fn id(self: *const Methods, token: []const u8) u8 {
        const found: ?u8 = switch (token.len) {
            3 => oneOf(3, token, &.{ Method.get, Method.put }),
            4 => oneOf(4, token, &.{ Method.post, Method.head }),
            5 => oneOf(5, token, &.{ Method.patch, Method.trace }),
            6 => oneOf(6, token, &.{Method.delete}),
            7 => oneOf(7, token, &.{ Method.options, Method.connect }),
            else => null,
        };
        return found orelse self.customId(token);
    }

    fn customId(self: *const Methods, token: []const u8) u8 {
        for (self.customs[0..self.customs_count], Method.first_custom..) |custom, custom_id| {
            if (std.mem.eql(u8, custom, token)) return @intCast(custom_id);
        }
        return Method.other;
    }

    pub const AddError = error{ NotAToken, TooManyMethods, OutOfMemory };

    /// The id of `token`, which gets one if it has none.
    pub fn intern(self: *Methods, arena: std.mem.Allocator, token: []const u8) AddError!u8 {
        const known = self.id(token);
        if (known != Method.other) return known;
        if (!isToken(token)) return error.NotAToken;
        if (self.customs_count == customs_max) return error.TooManyMethods;
        self.customs[self.customs_count] = try arena.dupe(u8, token);
        self.customs_count += 1;
        return Method.first_custom + self.customs_count - 1;
    }

    /// What a client may be told to use where handlers for `registered` exist: HEAD comes with GET,
    /// OPTIONS is answered everywhere, `all` serves every method but TRACE and CONNECT.
    pub fn allowed(self: *const Methods, registered: u32) u32 {
        var allow = registered | bit(Method.options);
        if (allow & bit(Method.get) != 0) allow |= bit(Method.head);
        if (allow & all_bit != 0) {
            const customs = (bit(Method.first_custom + self.customs_count)) - 1;
            allow |= (fixed | customs) & ~refused_always;
        }
        return allow & ~all_bit;
    }

    /// The value of Allow (RFC 9110 10.2.1) in the order of ids. `out` has `allow_bytes_max` bytes.
    pub fn writeAllow(self: *const Methods, allow: u32, out: []u8) []const u8 {
        var written: usize = 0;
        var rest = allow & ~all_bit;
        while (rest != 0) : (rest &= rest - 1) {
            const method: u8 = @ctz(rest);
            if (written > 0) {
                out[written..][0..2].* = ", ".*;
                written += 2;
            }
            const name = self.nameOf(method);
            @memcpy(out[written..][0..name.len], name);
            written += name.len;
        }
        return out[0..written];
    }

    fn nameOf(self: *const Methods, method: u8) []const u8 {
        if (method < Method.first_custom) return names[method];
        return self.customs[method - Method.first_custom];
    }

    /// Ids that a route may be declared for.
    pub fn isDeclarable(self: *const Methods, method: u32) bool {
        if (method == Method.all) return true;
        if (method >= Method.first_custom + @as(u32, self.customs_count)) return false;
        return bit(@intCast(method)) & refused_always == 0;
    }
};

/// Lengths known while compiling make each comparison one of integers.
inline fn oneOf(comptime len: usize, token: []const u8, comptime candidates: []const u8) ?u8 {
    inline for (candidates) |candidate| {
        if (std.mem.eql(u8, token[0..len], names[candidate][0..len])) return candidate;
    }
    return null;
}

/// RFC 9110 5.6.2.
fn isToken(token: []const u8) bool {
    if (token.len == 0 or token.len > limits.method_bytes_max) return false;
    for (token) |byte| switch (byte) {
        '0'...'9', 'a'...'z', 'A'...'Z' => {},
        '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~' => {},
        else => return false,
    };
    return true;
}

/// The method registry of RFC 9110 16.1.1 beyond the fixed ids. A method that it knows and the
/// resource does not allow is 405, any other token 501 (RFC 9110 15.5.6 and 15.6.2).
const registry = std.StaticStringMap(void).initComptime(.{
    .{"*"},                 .{"ACL"},             .{"BASELINE-CONTROL"},
    .{"BIND"},              .{"CHECKIN"},         .{"CHECKOUT"},
    .{"COPY"},              .{"LABEL"},           .{"LINK"},
    .{"LOCK"},              .{"MERGE"},           .{"MKACTIVITY"},
    .{"MKCALENDAR"},        .{"MKCOL"},           .{"MKREDIRECTREF"},
    .{"MKWORKSPACE"},       .{"MOVE"},            .{"ORDERPATCH"},
    .{"PRI"},               .{"PROPFIND"},        .{"PROPPATCH"},
    .{"QUERY"},             .{"REBIND"},          .{"REPORT"},
    .{"SEARCH"},            .{"UNBIND"},          .{"UNCHECKOUT"},
    .{"UNLINK"},            .{"UNLOCK"},          .{"UPDATE"},
    .{"UPDATEREDIRECTREF"}, .{"VERSION-CONTROL"},
});

pub fn isRegistered(token: []const u8) bool {
    return registry.has(token);
}

const testing = std.testing;

test "fixed and custom ids" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var methods: Methods = .{};
    for (names, 0..) |name, id| try testing.expectEqual(id, methods.id(name));
    try testing.expectEqual(Method.other, methods.id("get"));
    try testing.expectEqual(Method.other, methods.id("GETS"));
    try testing.expectEqual(Method.other, methods.id(""));
    try testing.expectEqual(9, try methods.intern(arena.allocator(), "PURGE"));
    try testing.expectEqual(9, try methods.intern(arena.allocator(), "PURGE"));
    try testing.expectEqual(0, try methods.intern(arena.allocator(), "GET"));
    try testing.expectEqual(10, try methods.intern(arena.allocator(), "QUERY"));
    try testing.expectEqual(9, methods.id("PURGE"));
    try testing.expectError(error.NotAToken, methods.intern(arena.allocator(), "A B"));
    try testing.expectError(error.NotAToken, methods.intern(arena.allocator(), ""));
    for (methods.customs_count..customs_max) |number| {
        const name = [_]u8{ 'M', @intCast('A' + number) };
        _ = try methods.intern(arena.allocator(), &name);
    }
    try testing.expectError(error.TooManyMethods, methods.intern(arena.allocator(), "LAST"));
    try testing.expect(methods.isDeclarable(30));
    try testing.expect(!methods.isDeclarable(32));
    try testing.expect(!methods.isDeclarable(Method.trace));
    try testing.expect(!methods.isDeclarable(Method.connect));
}

test "allow" {
    var methods: Methods = .{};
    methods.customs[0] = "PURGE";
    methods.customs_count = 1;
    var out: [allow_bytes_max]u8 = undefined;
    const cases = .{
        .{ bit(Method.get), "GET, HEAD, OPTIONS" },
        .{ bit(Method.post) | bit(Method.patch), "POST, OPTIONS, PATCH" },
        .{ all_bit, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, PURGE" },
        .{ bit(Method.put) | bit(9), "PUT, OPTIONS, PURGE" },
    };
    inline for (cases) |case|
        try testing.expectEqualStrings(case[1], methods.writeAllow(methods.allowed(case[0]), &out));
}

test "choice of a handler" {
    const get = bit(Method.get);
    const head = bit(Method.head);
    try testing.expectEqual(head, Wanted.init(Method.head).choose(get | head | all_bit));
    try testing.expectEqual(get, Wanted.init(Method.head).choose(get | all_bit));
    try testing.expectEqual(all_bit, Wanted.init(Method.head).choose(all_bit));
    try testing.expectEqual(all_bit, Wanted.init(Method.other).choose(get | all_bit));
    try testing.expectEqual(0, Wanted.init(Method.other).choose(get));
    try testing.expectEqual(0, Wanted.init(Method.trace).choose(get | all_bit));
    try testing.expectEqual(get, Wanted.init(Method.get).choose(get | all_bit));
}

test "registered methods" {
    try testing.expect(isRegistered("PROPFIND"));
    try testing.expect(isRegistered("VERSION-CONTROL"));
    try testing.expect(!isRegistered("propfind"));
    try testing.expect(!isRegistered("PURGE"));
}
