//! Walks field lines that the parser has accepted: nothing here can fail, because each line is
//! already known to be `name ":" OWS value OWS CRLF`. Called for each header that a handler asks
//! for.

const std = @import("std");
const scan = @import("scan.zig");

/// Part of a buffer, as an offset from its first byte.
pub const Span = struct {
    start: u32 = 0,
    len: u32 = 0,

    pub fn of(start: usize, end: usize) Span {
        return .{ .start = @intCast(start), .len = @intCast(end - start) };
    }

    pub fn slice(span: Span, bytes: []const u8) []const u8 {
        return bytes[span.start..][0..span.len];
    }
};

pub const Field = struct { name: Span, value: Span };

/// The field that begins at `at`, which moves to the next one; null at the end. Spans are relative
/// to `fields`, the value without the whitespace around it.
pub fn nextField(fields: []const u8, at: *u32) ?Field {
    const start: usize = at.*;
    if (start >= fields.len) return null;
    const colon = std.mem.indexOfScalarPos(u8, fields, start, ':') orelse return null;
    const end = scan.find(.until_cr, fields, colon + 1);
    at.* = @intCast(end + 2);
    const value_start, const value_end = scan.trim(fields, colon + 1, end);
    return .{ .name = .of(start, colon), .value = .of(value_start, value_end) };
}

/// Value of the `nth` (from 0) field with this name, which must be in lower case; null when there
/// are not as many.
pub fn findField(fields: []const u8, name_lowercase: []const u8, nth: u32) ?Span {
    var left = nth;
    var start: usize = 0;
    while (start < fields.len) {
        const end = scan.find(.until_cr, fields, start);
        const colon = start + name_lowercase.len;
        if (colon < end and fields[colon] == ':' and
            equalsLowercase(fields[start..colon], name_lowercase))
        {
            if (left == 0) {
                const value_start, const value_end = scan.trim(fields, colon + 1, end);
                return .of(value_start, value_end);
            }
            left -= 1;
        }
        start = end + 2;
    }
    return null;
}

fn equalsLowercase(text: []const u8, lowercase: []const u8) bool {
    for (text, lowercase) |a, b| if (std.ascii.toLower(a) != b) return false;
    return true;
}

/// Whether every line is `token ":" value CRLF` and none decides framing, which belongs to the
/// connection alone: field lines that an application set, before they go out.
pub fn checkFields(fields: []const u8) bool {
    var start: usize = 0;
    while (start < fields.len) {
        const colon = nameEnd(fields, start);
        if (colon == start or colon == fields.len or fields[colon] != ':') return false;
        if (decidesFraming(fields[start..colon])) return false;
        const end = scan.find(.value, fields, colon + 1);
        if (fields.len - end < 2 or fields[end] != '\r' or fields[end + 1] != '\n') return false;
        start = end + 2;
    }
    return true;
}

/// Index of the first byte at or after `from` that is no token byte.
pub inline fn nameEnd(bytes: []const u8, from: usize) usize {
    var at = from;
    while (true) : (at += 1) {
        at = scan.find(.name, bytes, at);
        if (at == bytes.len or !scan.isToken(bytes[at])) return at;
    }
}

fn decidesFraming(name: []const u8) bool {
    return switch (name.len) {
        10 => scan.equalsWord(name, "connection"),
        14 => scan.equalsWord(name, "content-length"),
        17 => scan.equalsWord(name, "transfer-encoding"),
        else => false,
    };
}

test "nextField walks all lines and trims values" {
    const lines = "Host: a\r\nX-Empty:\r\nx.y|z: \t two words \t\r\n";
    var at: u32 = 0;
    const expected = [_][2][]const u8{
        .{ "Host", "a" },
        .{ "X-Empty", "" },
        .{ "x.y|z", "two words" },
    };
    for (expected) |pair| {
        const field = nextField(lines, &at).?;
        try std.testing.expectEqualStrings(pair[0], field.name.slice(lines));
        try std.testing.expectEqualStrings(pair[1], field.value.slice(lines));
    }
    try std.testing.expectEqual(null, nextField(lines, &at));
    var none: u32 = 0;
    try std.testing.expectEqual(null, nextField("", &none));
}

test "findField is case-insensitive and counts repetitions" {
    const lines = "Cookie: a=1\r\nHOST: h\r\ncookie: b=2\r\nCookies: no\r\nCook: ie:\r\n";
    try std.testing.expectEqualStrings("a=1", findField(lines, "cookie", 0).?.slice(lines));
    try std.testing.expectEqualStrings("b=2", findField(lines, "cookie", 1).?.slice(lines));
    try std.testing.expectEqual(null, findField(lines, "cookie", 2));
    try std.testing.expectEqualStrings("h", findField(lines, "host", 0).?.slice(lines));
    try std.testing.expectEqualStrings("ie:", findField(lines, "cook", 0).?.slice(lines));
    try std.testing.expectEqual(null, findField(lines, "__proto__", 0));
    try std.testing.expectEqual(null, findField(lines, "cookie: a=1\r\nhost", 0));
    try std.testing.expectEqual(null, findField("", "a", 0));
}

test "checkFields refuses what would break out of its line or change the framing" {
    for ([_][]const u8{
        "",                                      "X-A: 1\r\n",
        "X-A: 1\r\nSet-Cookie: a=b; Path=/\r\n", "X-A:\r\n",
        "X_A.b: \xc3\xa4\r\n",                   "Upgrade: x\r\n",
        "Content-Type: text/css\r\n",
    }) |good| {
        errdefer std.debug.print("{s}\n", .{good});
        try std.testing.expect(checkFields(good));
    }
    for ([_][]const u8{
        "X-A: 1",                "X-A: 1\r",
        "X-A: 1\n",              "X-A: 1\r\n\r\n",
        "X-A: 1\nX-B: 2\r\n",    "X-A: 1\rX\r\n",
        "X-A: a\x00b\r\n",       "X-A: \x7f\r\n",
        ": 1\r\n",               "X A: 1\r\n",
        "X-A : 1\r\n",           "X-A\r\n",
        " X-A: 1\r\n",           "X-A: 1\r\n folded\r\n",
        "Content-Length: 1\r\n", "transfer-encoding: chunked\r\n",
        "CONNECTION: close\r\n", "X-A: 1\r\nConnection: close\r\n",
        "\xc3\xa4: 1\r\n",       "\r\n",
    }) |bad| {
        errdefer std.debug.print("{s}\n", .{bad});
        try std.testing.expect(!checkFields(bad));
    }
}
