//! Reads the values that decide where a message ends and what becomes of its connection:
//! Content-Length, Transfer-Encoding, Connection. Called by the parser with values already free of
//! control bytes and without whitespace around them.

const std = @import("std");
const scan = @import("scan.zig");

/// 1*DIGIT that fits into u64 (RFC 9112 6.3); leading zeros are decimal, not octal. A list, a sign,
/// an inner space or an empty value is null: two readers might disagree about it.
pub fn contentLength(value: []const u8) ?u64 {
    if (value.len == 0) return null;
    var length: u64 = 0;
    for (value) |byte| {
        const digit = byte -% '0';
        if (digit > 9) return null;
        length = std.math.mul(u64, length, 10) catch return null;
        length = std.math.add(u64, length, digit) catch return null;
    }
    return length;
}

pub const TransferEncoding = enum {
    /// Exactly `chunked`, in any case.
    chunked,
    /// Well-formed other codings before a final `chunked`: 501 (RFC 9112 6.1).
    not_supported,
    /// Anything else cannot tell where the body ends: 400 (RFC 9112 6.3).
    malformed,
};

/// Parameters are refused with the malformed ones: no registered coding has any, and readers that
/// ignore them disagree with readers that do not.
pub fn transferEncoding(value: []const u8) TransferEncoding {
    if (scan.equalsWord(value, "chunked")) return .chunked;
    var codings = std.mem.splitScalar(u8, value, ',');
    var chunked = false;
    while (codings.next()) |raw| {
        const coding = std.mem.trim(u8, raw, " \t");
        if (!scan.isTokenAll(coding) or chunked) return .malformed;
        chunked = scan.equalsWord(coding, "chunked");
    }
    // A list, because the word alone was found above.
    return if (chunked) .not_supported else .malformed;
}

/// The options of one Connection line that matter here. A field nominated by name is not removed:
/// `Connection: content-length` must not hide a length (RFC 9110 7.6.1 is for intermediaries).
pub const ConnectionOptions = packed struct(u8) {
    close: bool = false,
    keep_alive: bool = false,
    upgrade: bool = false,
    unused: u5 = 0,

    /// What either line said.
    pub inline fn with(options: ConnectionOptions, more: ConnectionOptions) ConnectionOptions {
        return @bitCast(@as(u8, @bitCast(options)) | @as(u8, @bitCast(more)));
    }
};

pub inline fn connectionOptions(value: []const u8) ConnectionOptions {
    if (scan.equalsWord(value, "keep-alive")) return .{ .keep_alive = true };
    if (scan.equalsWord(value, "close")) return .{ .close = true };
    return connectionList(value);
}

fn connectionList(value: []const u8) ConnectionOptions {
    var options: ConnectionOptions = .{};
    var members = std.mem.splitScalar(u8, value, ',');
    while (members.next()) |raw| {
        const member = std.mem.trim(u8, raw, " \t");
        if (scan.equalsWord(member, "close")) options.close = true;
        if (scan.equalsWord(member, "keep-alive")) options.keep_alive = true;
        if (scan.equalsWord(member, "upgrade")) options.upgrade = true;
    }
    return options;
}

test "Content-Length is plain decimal digits within u64" {
    try std.testing.expectEqual(5, contentLength("005"));
    try std.testing.expectEqual(0, contentLength("0"));
    try std.testing.expectEqual(std.math.maxInt(u64), contentLength("18446744073709551615"));
    for ([_][]const u8{
        "",    "18446744073709551616", "99999999999999999999999", "-1",    "+1", "0x5", "5_0", "1Z",
        "4 2", "42, 42",               "42,",
        "٣",
        "1.0", "1e3",                  "5;",                      "\"5\"",
    }) |bad| {
        errdefer std.debug.print("{s}\n", .{bad});
        try std.testing.expectEqual(null, contentLength(bad));
    }
}

test "Transfer-Encoding is chunked alone, another coding before it, or refused" {
    for ([_][]const u8{ "chunked", "Chunked", "CHUNKED" }) |good| {
        try std.testing.expectEqual(.chunked, transferEncoding(good));
    }
    for ([_][]const u8{
        "gzip, chunked", "gzip,chunked", "identity, chunked", "a ,b\t, chunked",
    }) |other| {
        try std.testing.expectEqual(.not_supported, transferEncoding(other));
    }
    for ([_][]const u8{
        "",               "gzip",        "identity",    "chunked, gzip",  "chunked, chunked",
        "chunked,",       ",chunked",    "chunked;a",   "chunked; q=0.5", "gzip;q=1, chunked",
        "chunkedchunked", "\"chunked\"", "chunked\xa0", "\x85chunked",    "chun ked",
        "gzip,, chunked", "x chunked",   "xchunked",    "chunked gzip",
    }) |bad| {
        errdefer std.debug.print("{s}\n", .{bad});
        try std.testing.expectEqual(.malformed, transferEncoding(bad));
    }
}

test "Connection options are found in lists, others are ignored" {
    try std.testing.expectEqual(ConnectionOptions{ .close = true }, connectionOptions("Close"));
    try std.testing.expectEqual(
        ConnectionOptions{ .keep_alive = true },
        connectionOptions("keep-alive"),
    );
    try std.testing.expectEqual(
        ConnectionOptions{ .close = true, .upgrade = true, .keep_alive = true },
        connectionOptions("close, token, Upgrade ,, token\t,KEEP-ALIVE"),
    );
    for ([_][]const u8{
        "", "closed", "content-length", "\"close\"", "close x", "clos\xe5",
    }) |other| {
        try std.testing.expectEqual(ConnectionOptions{}, connectionOptions(other));
    }
}
