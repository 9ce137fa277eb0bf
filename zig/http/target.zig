//! Takes a request target apart: which of the four forms it has, where its path, query and
//! authority lie (RFC 9112 3.2). The parser calls it once a target is complete and free of bytes
//! that no target may hold. Percent escapes and dot segments are judged where the canonical path is
//! made.

const std = @import("std");
const scan = @import("scan.zig");
const authority = @import("authority.zig");
const Span = @import("fields.zig").Span;

pub const Form = enum { origin, absolute, authority, asterisk };

pub const Target = struct {
    form: Form,
    path: Span = .{},
    query: ?Span = null,
    /// Of an absolute-form or authority-form target.
    authority: Span = .{},
    https: bool = false,
};

pub const Error = error{BadTarget};

/// `bytes[start..end]` is the target; the rest of `bytes` only lets the scan load whole vectors.
pub fn parse(method: []const u8, bytes: []const u8, start: usize, end: usize) Error!Target {
    if (std.mem.eql(u8, method, "CONNECT")) {
        // authority-form is `host ":" port` and the only form of CONNECT (RFC 9112 3.2.3).
        if (authority.parse(bytes, start, end) != .number) return error.BadTarget;
        return .{ .form = .authority, .authority = .of(start, end) };
    }
    if (bytes[start] == '/') return pathAndQuery(.{ .form = .origin }, bytes, start, end);
    if (end - start == 1 and bytes[start] == '*') {
        if (!std.mem.eql(u8, method, "OPTIONS")) return error.BadTarget;
        return .{ .form = .asterisk, .path = .of(start, end) };
    }
    return parseAbsolute(bytes, start, end);
}

fn parseAbsolute(bytes: []const u8, start: usize, end: usize) Error!Target {
    const text = bytes[start..end];
    const https = std.ascii.startsWithIgnoreCase(text, "https://");
    if (!https and !std.ascii.startsWithIgnoreCase(text, "http://")) return error.BadTarget;
    const host: usize = start + if (https) @as(usize, 8) else 7;
    const host_end = std.mem.indexOfAnyPos(u8, bytes[0..end], host, "/?") orelse end;
    if (!authority.isValid(bytes, host, host_end)) return error.BadTarget;
    return pathAndQuery(
        .{ .form = .absolute, .authority = .of(host, host_end), .https = https },
        bytes,
        host_end,
        end,
    );
}

fn pathAndQuery(base: Target, bytes: []const u8, start: usize, end: usize) Target {
    var target = base;
    const question = scan.find(.until_question, bytes[0..end], start);
    target.path = .of(start, question);
    if (question < end) target.query = .of(question + 1, end);
    return target;
}

fn expectTarget(
    method: []const u8,
    text: []const u8,
    form: Form,
    path: []const u8,
    query: ?[]const u8,
    host: []const u8,
) !void {
    errdefer std.debug.print("{s} {s}\n", .{ method, text });
    const target = try parse(method, text, 0, text.len);
    try std.testing.expectEqual(form, target.form);
    try std.testing.expectEqualStrings(path, target.path.slice(text));
    try std.testing.expectEqual(query != null, target.query != null);
    if (query) |expected| try std.testing.expectEqualStrings(expected, target.query.?.slice(text));
    try std.testing.expectEqualStrings(host, target.authority.slice(text));
}

test "the four forms" {
    try expectTarget("GET", "/", .origin, "/", null, "");
    try expectTarget("GET", "/a/b?c=d?e", .origin, "/a/b", "c=d?e", "");
    try expectTarget("GET", "/?", .origin, "/", "", "");
    try expectTarget("GET", "//a//b", .origin, "//a//b", null, "");
    try expectTarget("OPTIONS", "*", .asterisk, "*", null, "");
    try expectTarget("CONNECT", "a.example:443", .authority, "", null, "a.example:443");
    try expectTarget("CONNECT", "[::1]:443", .authority, "", null, "[::1]:443");
    try expectTarget("GET", "http://a.example", .absolute, "", null, "a.example");
    try expectTarget("GET", "HTTP://a:1/x?y", .absolute, "/x", "y", "a:1");
    try expectTarget("GET", "http://a?y", .absolute, "", "y", "a");
    try expectTarget("GET", "http://[::1]:8080/x", .absolute, "/x", null, "[::1]:8080");
    try expectTarget("OPTIONS", "http://a", .absolute, "", null, "a");
    try std.testing.expect((try parse("GET", "hTTps://a/", 0, 10)).https);
    try std.testing.expect(!(try parse("GET", "http://a/", 0, 9)).https);
}

test "forms that are refused" {
    for ([_][2][]const u8{
        .{ "GET", "*" },             .{ "GET", "foo" },            .{ "GET", "a.example:443" },
        .{ "GET", "foo/bar" },       .{ "OPTIONS", "**" },         .{ "CONNECT", "/" },
        .{ "CONNECT", "a.example" }, .{ "CONNECT", "a.example:" }, .{ "CONNECT", "http://a:1" },
        .{ "CONNECT", "*" },         .{ "GET", "ftp://a/" },       .{ "GET", "http:///x" },
        .{ "GET", "http://" },       .{ "GET", "http://u@a/" },    .{ "GET", "http:/a" },
        .{ "GET", "http://a,b/" },   .{ "GET", "http://?x" },      .{ "GET", "https://:80/" },
        .{ "GET", "?x" },            .{ "GET", "s://]ufd/:" },     .{ "options", "*" },
        .{ "GET", "ws://a/" },
    }) |pair| {
        errdefer std.debug.print("{s} {s}\n", .{ pair[0], pair[1] });
        try std.testing.expectError(error.BadTarget, parse(pair[0], pair[1], 0, pair[1].len));
    }
}
