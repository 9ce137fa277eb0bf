//! Authority syntax: what may stand in Host and in the authority of a target (RFC 9110 7.2, RFC
//! 3986 3.2.2). Stricter than the grammar where it only serves smuggling: no userinfo (RFC 9110
//! 4.2.4), no comma (a joined list of two hosts), no empty host, no IPvFuture, no port above
//! 65,535.

const std = @import("std");
const scan = @import("scan.zig");

pub const Port = enum { absent, empty, number };

/// Whether `bytes[start..end]` is `host [":" port]`. The whole buffer is given so that the scan may
/// load full vectors.
pub fn isValid(bytes: []const u8, start: usize, end: usize) bool {
    return parse(bytes, start, end) != null;
}

/// The kind of port, or null for a malformed authority.
pub fn parse(bytes: []const u8, start: usize, end: usize) ?Port {
    if (start == end) return null;
    var stop = @min(scan.find(.host, bytes[0..], start), end);
    if (stop == end) return .absent;
    if (bytes[stop] != ':') {
        if (bytes[stop] == '[' and stop == start) {
            stop = literalEnd(bytes[0..end], start) orelse return null;
        } else {
            stop = registeredNameEnd(bytes[0..end], stop) orelse return null;
        }
        if (stop == end) return .absent;
        if (bytes[stop] != ':') return null;
    }
    if (stop == start) return null;
    return portOf(bytes[stop + 1 .. end]);
}

fn portOf(digits: []const u8) ?Port {
    if (digits.len == 0) return .empty;
    if (digits.len > 5) return null;
    var number: u32 = 0;
    for (digits) |byte| {
        const digit = byte -% '0';
        if (digit > 9) return null;
        number = number * 10 + digit;
    }
    return if (number > std.math.maxInt(u16)) null else .number;
}

/// Where a reg-name ends: at ':' or at the end of the bytes. Percent triplets must be whole.
fn registeredNameEnd(bytes: []const u8, from: usize) ?usize {
    var at = from;
    while (at < bytes.len) : (at += 1) switch (bytes[at]) {
        ':' => return at,
        '%' => {
            if (bytes.len - at < 3) return null;
            if (!std.ascii.isHex(bytes[at + 1]) or !std.ascii.isHex(bytes[at + 2])) return null;
            at += 2;
        },
        'a'...'z', 'A'...'Z', '0'...'9', '-', '.', '_', '~' => {},
        '!', '$', '&', '\'', '(', ')', '*', '+', ';', '=' => {},
        else => return null,
    };
    return at;
}

/// One past the ']' of an IPv6 literal.
fn literalEnd(bytes: []const u8, open: usize) ?usize {
    const close = std.mem.indexOfScalarPos(u8, bytes, open, ']') orelse return null;
    return if (isIpv6(bytes[open + 1 .. close])) close + 1 else null;
}

/// RFC 3986 IPv6address: eight groups of up to four hex digits, one `::` for one or more of them,
/// the last two perhaps as an IPv4 address. Zone identifiers have no meaning to another machine.
fn isIpv6(text: []const u8) bool {
    if (text.len < 2 or text.len > 45) return false;
    var groups: u32 = 0;
    var gap = false;
    var at: usize = 0;
    if (text[0] == ':') {
        if (text[1] != ':') return false;
        gap = true;
        at = 2;
    }
    while (at < text.len) {
        const start = at;
        while (at < text.len and std.ascii.isHex(text[at])) at += 1;
        if (at < text.len and text[at] == '.') {
            groups += 2;
            return isIpv4(text[start..]) and groupsFit(groups, gap);
        }
        if (at == start or at - start > 4) return false;
        groups += 1;
        if (at == text.len) break;
        if (text[at] != ':') return false;
        at += 1;
        if (at == text.len) return false;
        if (text[at] == ':') {
            if (gap) return false;
            gap = true;
            at += 1;
        }
    }
    return groupsFit(groups, gap);
}

fn groupsFit(groups: u32, gap: bool) bool {
    return if (gap) groups <= 7 else groups == 8;
}

fn isIpv4(text: []const u8) bool {
    var octets: u32 = 0;
    var parts = std.mem.splitScalar(u8, text, '.');
    while (parts.next()) |part| {
        if (part.len == 0 or part.len > 3) return false;
        if (part.len > 1 and part[0] == '0') return false;
        var number: u32 = 0;
        for (part) |byte| {
            if (byte < '0' or byte > '9') return false;
            number = number * 10 + (byte - '0');
        }
        if (number > 255) return false;
        octets += 1;
    }
    return octets == 4;
}

fn expectValid(text: []const u8, valid: bool) !void {
    errdefer std.debug.print("authority '{s}'\n", .{text});
    try std.testing.expectEqual(valid, isValid(text, 0, text.len));
    // The same with a full vector behind it.
    var buffer: [256]u8 = @splat('a');
    @memcpy(buffer[0..text.len], text);
    try std.testing.expectEqual(valid, isValid(&buffer, 0, text.len));
}

test "authorities that are accepted" {
    for ([_][]const u8{
        "a",                "localhost",         "localhost:8080",    "example.com",
        "127.0.0.1",        "127.0.0.1:80",      "home_0.example:1",  "0.0.0.0=5000",
        "example.com:",     "a%2Db:1",           "xn--bcher-kva.ch",  "[::1]",
        "[::1]:8080",       "[::]",              "[1:2:3:4:5:6:7:8]", "[2001:db8::1]:443",
        "[::ffff:1.2.3.4]", "[1:2:3:4:5:6::8]",  "[fe80::]",          "example.com:65535",
        "~tilde!$&'()*+;=", "example.com:00080", "1:2",
    }) |text| try expectValid(text, true);
}

test "authorities that are refused" {
    for ([_][]const u8{
        "",                    ":",            ":80",           "user@host",
        "user:pass@host",      "host/path",    "a,b",           "a, b",
        "a b",                 "host?query",   "host#fragment", "host:80:80",
        "host:x",              "host:-1",      "host:65536",    "host:000080",
        "host:999999999999",   "a%2",          "a%zz",          "a%",
        "[::1",                "::1",          "[::1]x",        "[]",
        "[:]",                 "[:::]",        "[1::2::3]",     "[1:2:3]",
        "[1:2:3:4:5:6:7:8:9]", "[12345::]",    "[::g]",         "[fe80::1%1]",
        "[v1.x]",              "[::1.2.3]",    "[::1.2.3.256]", "[1:2:3:4:5:6:7::8:9]",
        "\"a\"",               "a\x85",        "a\tb",          "<a>",
        "a\\b",                "a[::1]",       "[::1]:80:80",   "[1:]",
        "[:1::]",              "[::01.2.3.4]", "http://a",
    }) |text| try expectValid(text, false);
}
