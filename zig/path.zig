//! The canonical path: made once for each request, then used by routes, prefixes of middleware,
//! `nest` and `app.fetch` alike, so that no two of them can disagree on what a path is. The
//! connection and the router's C functions call it; it allocates nothing and keeps nothing.
//!
//! A path is split at raw '/', then each segment is percent-decoded once (RFC 3986 2.4). A slash
//! that was escaped stays in its segment as byte 0, which no path can contain otherwise: raw
//! control bytes and `%00` are refused.

const std = @import("std");

pub const Canonical = struct {
    /// Begins with '/'. Points into the raw path, or into `out` when `escaped`.
    bytes: []const u8,
    /// The raw path had an escape, so that `bytes` may differ from it.
    escaped: bool,
};

/// What the byte 0 of a canonical path stands for.
pub const escaped_slash: u8 = 0;

/// `raw` is the target's path without query. `out` holds at least `raw.len` bytes.
pub fn canonicalise(raw: []const u8, out: []u8) error{BadPath}!Canonical {
    if (raw.len == 0 or raw[0] != '/') return error.BadPath;
    const escaped = try scan(raw);
    if (!escaped) return .{ .bytes = raw, .escaped = false };
    return .{ .bytes = try decode(raw, out), .escaped = true };
}

/// True when there is an escape. Refuses bytes that a request target cannot have and raw dot
/// segments. Every chunk looks at each byte and the one before it, so chunks need no carry and the
/// last one may overlap its predecessor.
fn scan(raw: []const u8) error{BadPath}!bool {
    // Sixteen bytes are one register on every target; wider gains nothing on paths of usual length.
    if (raw.len > 16) return scanChunks(16, raw);
    if (raw.len > 8) return scanChunks(8, raw);
    if (raw.len > 4) return scanChunks(4, raw);
    var escaped = false;
    for (raw[1..], 1..) |byte, at| {
        if (byte == '%') escaped = true;
        if (byte -% 0x21 > 0x7e - 0x21) return error.BadPath;
        if (byte == '.' and raw[at - 1] == '/' and isDotSegment(raw[at..])) return error.BadPath;
    }
    return escaped;
}

fn scanChunks(comptime width: usize, raw: []const u8) error{BadPath}!bool {
    const Chunk = @Vector(width, u8);
    const slash: Chunk = @splat('/');
    const dot: Chunk = @splat('.');
    const percent: Chunk = @splat('%');
    const least: Chunk = @splat(0x21);
    const span: Chunk = @splat(0x7e - 0x21);
    var escapes: @Vector(width, bool) = @splat(false);
    var refused: @Vector(width, bool) = @splat(false);
    var at: usize = 1;
    while (true) {
        const bytes: Chunk = raw[at..][0..width].*;
        const before: Chunk = raw[at - 1 ..][0..width].*;
        escapes = escapes | (bytes == percent);
        refused = refused | (bytes -% least > span);
        const dots = (bytes == dot) & (before == slash);
        if (@reduce(.Or, dots)) try refuseDotSegments(raw, at, width);
        if (at + width == raw.len) break;
        at = @min(at + width, raw.len - width);
    }
    if (@reduce(.Or, refused)) return error.BadPath;
    return @reduce(.Or, escapes);
}

/// The rare path of `scanChunks`: a segment that begins with a dot may still be `.well-known`.
fn refuseDotSegments(raw: []const u8, start: usize, width: usize) error{BadPath}!void {
    for (start..start + width) |at| {
        if (raw[at] == '.' and raw[at - 1] == '/' and isDotSegment(raw[at..]))
            return error.BadPath;
    }
}

/// Whether `rest`, which begins at a segment, begins with the segment `.` or `..` (RFC 3986 3.3).
fn isDotSegment(rest: []const u8) bool {
    const end = std.mem.indexOfScalar(u8, rest[0..@min(rest.len, 3)], '/') orelse rest.len;
    return isDots(rest[0..end]);
}

fn isDots(segment: []const u8) bool {
    return switch (segment.len) {
        1 => segment[0] == '.',
        2 => segment[0] == '.' and segment[1] == '.',
        else => false,
    };
}

/// Decodes each segment and looks at it again: escaped dots and bytes above 0x7f are known only
/// now.
fn decode(raw: []const u8, out: []u8) error{BadPath}![]const u8 {
    var written: usize = 0;
    var segment: usize = 1;
    var wide = false;
    var at: usize = 0;
    while (at < raw.len) {
        const byte = raw[at];
        at += 1;
        if (byte == '/') {
            try checkSegment(out[@min(segment, written)..written], wide);
            out[written] = '/';
            written += 1;
            segment = written;
            wide = false;
            continue;
        }
        var decoded = byte;
        if (byte == '%') {
            if (raw.len - at < 2) return error.BadPath;
            decoded = decodeEscape(raw[at..][0..2]) orelse return error.BadPath;
            if (decoded == '/') {
                decoded = escaped_slash;
            } else if (decoded == 0) {
                return error.BadPath;
            }
            wide = wide or decoded >= 0x80;
            at += 2;
        }
        out[written] = decoded;
        written += 1;
    }
    try checkSegment(out[segment..written], wide);
    return out[0..written];
}

fn checkSegment(segment: []const u8, wide: bool) error{BadPath}!void {
    if (isDots(segment)) return error.BadPath;
    if (wide and !std.unicode.utf8ValidateSlice(segment)) return error.BadPath;
}

/// The byte that two hexadecimal digits stand for, or null when they are none.
pub fn decodeEscape(digits: *const [2]u8) ?u8 {
    const high = hexDigit(digits[0]) orelse return null;
    const low = hexDigit(digits[1]) orelse return null;
    return high << 4 | low;
}

fn hexDigit(byte: u8) ?u8 {
    return switch (byte) {
        '0'...'9' => byte - '0',
        'a'...'f' => byte - 'a' + 10,
        'A'...'F' => byte - 'A' + 10,
        else => null,
    };
}

const testing = std.testing;

fn expectCanonical(raw: []const u8, expected: []const u8) !void {
    var out: [256]u8 = undefined;
    const canonical = try canonicalise(raw, &out);
    try testing.expectEqualStrings(expected, canonical.bytes);
    try testing.expectEqual(std.mem.indexOfScalar(u8, raw, '%') != null, canonical.escaped);
    if (!canonical.escaped) try testing.expectEqual(raw.ptr, canonical.bytes.ptr);
}

fn expectBad(raw: []const u8) !void {
    var out: [256]u8 = undefined;
    try testing.expectError(error.BadPath, canonicalise(raw, &out));
}

test "a path without escapes is returned as it is" {
    for ([_][]const u8{
        "/",           "//",                   "/a",                  "/a/",
        "/a//b",       "/...",                 "/.a",                 "/a.",
        "/..a/b..",    "/.well-known/openid",  "/a/.../b",            "/a/b.c",
        "/users/1234", "/a/very/long/path.of", "/several/chunks/and", "/!$&'()*+,;=:@~-_",
    }) |raw| try expectCanonical(raw, raw);
}

test "escapes are decoded once and an escaped slash stays in its segment" {
    try expectCanonical("/%61", "/a");
    try expectCanonical("/%2561", "/%61");
    try expectCanonical("/a%2Fb", "/a\x00b");
    try expectCanonical("/a%2fb/c", "/a\x00b/c");
    try expectCanonical("/caf%C3%A9/%F0%9F%8E%B9", "/café/🎹");
    try expectCanonical("/%0d%0a", "/\r\n");
    try expectCanonical("/..%2f", "/..\x00");
    try expectCanonical("/%2e%2e%2e", "/...");
}

test "refused paths" {
    for ([_][]const u8{
        "",             "a",           "*",             "/%",         "/%4",
        "/%4g",         "/%g4",        "/%00",          "/a%00b",     "/%C3",
        "/%C3/%A9",     "/%c0%af",     "/%ff",          "/%ed%a0%80", "/%f4%90%80%80",
        "/.",           "/..",         "/./",           "/../",       "/a/.",
        "/a/..",        "/a/./b",      "/a/../b",       "/%2e",       "/%2E%2e/a",
        "/.%2e",        "/a/%2e./b",   "/a b",          "/a\x00",     "/a\x7f",
        "/a\x80",       "/%41\x80",    "/\r\n",         "/a/%2e",     "/long/enough/for/a/chunk/..",
        "/long/../for", "/\tlong/a/b", "/ok/but/for\n",
    }) |raw| try expectBad(raw);
}

/// The rules once more, a byte at a time and without care for speed.
fn naive(raw: []const u8, out: []u8) ?[]const u8 {
    if (raw.len == 0 or raw[0] != '/') return null;
    var written: usize = 0;
    var segments = std.mem.splitScalar(u8, raw[1..], '/');
    while (segments.next()) |segment| {
        out[written] = '/';
        written += 1;
        const start = written;
        var at: usize = 0;
        while (at < segment.len) : (at += 1) {
            var byte = segment[at];
            if (byte <= ' ' or byte >= 0x7f) return null;
            if (byte == '%') {
                if (at + 2 >= segment.len) return null;
                for (segment[at + 1 ..][0..2]) |digit| if (!std.ascii.isHex(digit)) return null;
                byte = std.fmt.parseInt(u8, segment[at + 1 ..][0..2], 16) catch return null;
                if (byte == 0) return null;
                if (byte == '/') byte = 0;
                at += 2;
            }
            out[written] = byte;
            written += 1;
        }
        const decoded = out[start..written];
        if (std.mem.eql(u8, decoded, ".") or std.mem.eql(u8, decoded, "..")) return null;
        if (!std.unicode.utf8ValidateSlice(decoded)) return null;
    }
    return out[0..written];
}

/// Holds `canonicalise` against the naive decoder on one path; the fuzzer calls it too.
pub fn checkAgainstNaive(raw: []const u8, out: []u8, expected_out: []u8) !void {
    const expected = naive(raw, expected_out);
    const actual = canonicalise(raw, out) catch {
        if (expected != null) return error.RefusedGoodPath;
        return;
    };
    if (expected == null) return error.AcceptedBadPath;
    if (!std.mem.eql(u8, expected.?, actual.bytes)) return error.DifferentPath;
}

test "random paths against the naive decoder" {
    const seed = testing.random_seed;
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    const tokens = [_][]const u8{
        "/",   "/",   "a",   "b",      ".",         "..",  "%2e", "%2F", "%61", "%C3%A9", "%C3",
        "%A9", "%00", "%",   "%4",     "long-text", "/.",  "/..", "x",   "y",   "\x80",   " ",
        "%25", "%7f", "%20", "/%2e./", "abcdefgh",  "123",
    };
    var raw: [512]u8 = undefined;
    var out: [512]u8 = undefined;
    var expected: [512]u8 = undefined;
    for (0..100_000) |_| {
        raw[0] = '/';
        var len: usize = 1;
        // Few kinds of tokens at a time, or nearly every path would be refused.
        const kinds = random.intRangeAtMost(usize, 1, tokens.len);
        for (0..random.uintLessThan(usize, 24)) |_| {
            const token = tokens[random.uintLessThan(usize, kinds)];
            @memcpy(raw[len..][0..token.len], token);
            len += token.len;
        }
        checkAgainstNaive(raw[0..len], &out, &expected) catch |err| {
            std.debug.print("seed {d}, path {s}\n", .{ seed, raw[0..len] });
            return err;
        };
    }
}
