//! Fuzzes the request parser and the chunked decoder with mutated good requests, from one seed.
//! Three things are held: nothing crashes, the verdict does not depend on how the bytes are split,
//! and it agrees with slow references that read a whole message at once with nothing but std.

const std = @import("std");
const authority = @import("../http/authority.zig");
const chunked = @import("../http/chunked.zig");
const parser = @import("../http/parser.zig");
const target_forms = @import("../http/target.zig");
const fixed_limits = @import("../limits.zig");

/// Small, so that mutations reach them.
const limits: parser.Limits = .{ .head_bytes_max = 400, .target_bytes_max = 100, .fields_max = 12 };

/// Longest input that mutations may grow to.
const input_bytes_max = 1024;

const good_heads = [_][]const u8{
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /json?x=1 HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n" ++
        "Connection: keep-alive\r\n\r\n",
    "POST /users HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\n" ++
        "Expect: 100-continue\r\n\r\nhello",
    "PUT /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n" ++
        "5\r\nhello\r\n0\r\n\r\n",
    "GET http://b.example:1/x?y HTTP/1.1\r\nHost: a\r\nX_long-name.with~rare: \x80\xff \t\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close, upgrade\r\nUpgrade: h2c\r\n\r\n",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "\r\n\r\nDELETE /a%20b HTTP/1.2\r\nHost: a\r\nA:\r\nB: c\r\nC: d\r\nD: e\r\n" ++
        "E: f\r\nF: g\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nCookie: 0123456789abcdef0123456789abcdef0123456789abcdef\r\n" ++
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\r\n",
};

const good_bodies = [_][]const u8{
    "0\r\n\r\n",
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /",
    "1;a=b;c=\"d\\\"e\"\r\nx\r\n00;f\r\nA: b\r\nContent-Length: 5\r\n\r\n",
    "a\r\n0123456789\r\n10\r\n0123456789abcdef\r\n000\r\nVary: *\r\n\r\n",
    "2\r\n\r\n\r\n1\r\n\n\r\n0\r\n\r\n",
};

/// What a mutation inserts: bytes and lines that parsers are known to stumble over.
const dictionary = [_][]const u8{
    "\r",                             "\n",
    "\r\n",                           "\r\n\r\n",
    "\n\n",                           " ",
    "\t",                             "\x00",
    "\x0b",                           "\x7f",
    "\x80",                           "\xff",
    ":",                              ",",
    ";",                              "=",
    "\"",                             "\\",
    "#",                              "?",
    "@",                              "%",
    "0",                              "f",
    "+",                              "-",
    "_",                              "0x",
    "Host: a\r\n",                    "Content-Length: 5\r\n",
    "close",                          "HTTP/1.1",
    "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
    "gzip, ",                         "HTTP/2.0",
    "Content-Length: 00\r\n",         "Connection: close\r\n",
    "Expect: x\r\n",                  "18446744073709551616",
    "A: b\r\n c\r\n",                 "chunked",
    "ffffffffffffffff",               "0\r\n\r\n",
};

/// Runs `iterations` heads and as many bodies. On a failure the caller prints the seed.
pub fn fuzz(seed: u64, iterations: u32) !void {
    var prng = std.Random.DefaultPrng.init(seed);
    const random = prng.random();
    for (0..iterations) |_| {
        var buffer: [input_bytes_max]u8 = undefined;
        const head = mutate(random, &good_heads, &buffer);
        fuzzHead(random, head) catch |err| return report(err, head);
        const body = mutate(random, &good_bodies, &buffer);
        fuzzBody(random, body) catch |err| return report(err, body);
    }
}

const Failure = error{ TestExpectedEqual, TestUnexpectedResult };

fn report(err: Failure, bytes: []const u8) Failure {
    std.debug.print("input: {f}\n", .{std.ascii.hexEscape(bytes, .lower)});
    return err;
}

/// A good input with a few changes, in `buffer`.
fn mutate(random: std.Random, good: []const []const u8, buffer: *[input_bytes_max]u8) []u8 {
    const start = good[random.uintLessThan(usize, good.len)];
    @memcpy(buffer[0..start.len], start);
    var len = start.len;
    for (0..random.uintLessThan(u32, 5)) |_| {
        const at = random.uintAtMost(usize, len);
        const end = @min(len, at + random.uintAtMost(usize, 20));
        switch (random.uintLessThan(u32, 6)) {
            0 => if (at < len) {
                buffer[at] = random.int(u8);
            },
            1 => if (at < len) {
                buffer[at] ^= @as(u8, 1) << random.int(u3);
            },
            2 => {
                std.mem.copyForwards(u8, buffer[at..], buffer[end..len]);
                len -= end - at;
            },
            3 => len = insert(buffer, len, at, word(random)),
            4 => {
                var copy: [20]u8 = undefined;
                @memcpy(copy[0 .. end - at], buffer[at..end]);
                len = insert(buffer, len, random.uintAtMost(usize, len), copy[0 .. end - at]);
            },
            else => {
                // Where lines begin is where inserted lines do harm.
                const line = std.mem.indexOfPos(u8, buffer[0..len], at, "\r\n") orelse continue;
                len = insert(buffer, len, line + 2, word(random));
            },
        }
    }
    return buffer[0..len];
}

fn word(random: std.Random) []const u8 {
    return dictionary[random.uintLessThan(usize, dictionary.len)];
}

fn insert(buffer: *[input_bytes_max]u8, len: usize, at: usize, bytes: []const u8) usize {
    if (len + bytes.len > buffer.len) return len;
    std.mem.copyBackwards(u8, buffer[at + bytes.len ..], buffer[at..len]);
    @memcpy(buffer[at..][0..bytes.len], bytes);
    return len + bytes.len;
}

fn fuzzHead(random: std.Random, bytes: []const u8) Failure!void {
    var whole = parser.Parser.init();
    const verdict = whole.feed(bytes, limits);
    for (0..3) |_| {
        var split = parser.Parser.init();
        var end: usize = 0;
        var result: parser.Result = .incomplete;
        while (result == .incomplete and end < bytes.len) {
            end = @min(bytes.len, end + 1 + random.uintLessThan(usize, 30));
            // Elsewhere, and with nothing behind it that could be read.
            var copy: [input_bytes_max]u8 = undefined;
            const moved = copy[copy.len - end ..];
            @memcpy(moved, bytes[0..end]);
            result = split.feed(moved, limits);
        }
        try std.testing.expectEqual(verdict, result);
        if (verdict == .complete) try std.testing.expectEqual(whole.head, split.head);
    }
    switch (verdict) {
        .complete => |length| {
            const expected = readNaively(bytes[0..length]) orelse return error.TestUnexpectedResult;
            try std.testing.expectEqual(expected, Framing.of(whole.head));
            try walkFields(whole.head, bytes);
        },
        .incomplete => try std.testing.expect(bytes.len < limits.head_bytes_max),
        .rejected => {
            // A whole head that the reference takes may only be refused for its size.
            const start = bytes.len - std.mem.trimStart(u8, bytes, "\r\n").len;
            const end = std.mem.indexOfPos(u8, bytes, start, "\r\n\r\n") orelse return;
            try std.testing.expectEqual(null, readNaively(bytes[0 .. end + 4]));
        },
    }
}

/// Walking the fields one by one and searching for each must agree.
fn walkFields(head: parser.Head, bytes: []const u8) Failure!void {
    const fields = head.fields.slice(bytes);
    var at: u32 = 0;
    var count: u32 = 0;
    while (parser.nextField(fields, &at)) |field| : (count += 1) {
        var name: [input_bytes_max]u8 = undefined;
        const lower = std.ascii.lowerString(&name, field.name.slice(fields));
        var nth: u32 = 0;
        while (parser.findField(fields, lower, nth)) |value| : (nth += 1) {
            if (std.meta.eql(value, field.value)) break;
        } else return error.TestUnexpectedResult;
    }
    try std.testing.expectEqual(head.fields_count, count);
    try std.testing.expectEqual(fields.len, at);
}

const Framing = struct {
    content_length: ?u64 = null,
    chunked: bool = false,
    minor: u1 = 1,
    close: bool = false,

    fn of(head: parser.Head) Framing {
        return .{
            .content_length = head.content_length,
            .chunked = head.chunked,
            .minor = head.minor,
            .close = !head.keep_alive,
        };
    }
};

/// Reads a whole head the slow way; null when it must be refused.
fn readNaively(bytes: []const u8) ?Framing {
    if (bytes.len > limits.head_bytes_max) return null;
    var rest = bytes;
    for (0..fixed_limits.leading_empty_lines_max) |_| {
        if (std.mem.startsWith(u8, rest, "\r\n")) rest = rest[2..];
    }
    if (!std.mem.endsWith(u8, rest, "\r\n\r\n")) return null;
    var lines = std.mem.splitSequence(u8, rest[0 .. rest.len - 4], "\r\n");
    var framing: Framing = .{};
    framing.minor = readRequestLine(lines.first()) orelse return null;

    var hosts: u32 = 0;
    var lengths: u32 = 0;
    var codings: u32 = 0;
    var count: u32 = 0;
    var keep_alive = framing.minor == 1;
    while (lines.next()) |line| : (count += 1) {
        const colon = std.mem.indexOfScalar(u8, line, ':') orelse return null;
        const name = line[0..colon];
        if (!isToken(name) or !isValue(line[colon + 1 ..])) return null;
        const value = std.mem.trim(u8, line[colon + 1 ..], " \t");
        if (std.ascii.eqlIgnoreCase(name, "host")) {
            hosts += 1;
            if (!authority.isValid(value, 0, value.len)) return null;
        } else if (std.ascii.eqlIgnoreCase(name, "content-length")) {
            lengths += 1;
            for (value) |byte| if (!std.ascii.isDigit(byte)) return null;
            framing.content_length = std.fmt.parseUnsigned(u64, value, 10) catch return null;
        } else if (std.ascii.eqlIgnoreCase(name, "transfer-encoding")) {
            codings += 1;
            if (!std.ascii.eqlIgnoreCase(value, "chunked")) return null;
            framing.chunked = true;
        } else if (std.ascii.eqlIgnoreCase(name, "expect") and framing.minor == 1) {
            if (!std.ascii.eqlIgnoreCase(value, "100-continue")) return null;
        } else if (std.ascii.eqlIgnoreCase(name, "connection")) {
            var options = std.mem.tokenizeAny(u8, value, ",");
            while (options.next()) |raw| {
                const option = std.mem.trim(u8, raw, " \t");
                if (std.ascii.eqlIgnoreCase(option, "close")) framing.close = true;
                if (std.ascii.eqlIgnoreCase(option, "keep-alive")) keep_alive = true;
            }
        }
    }
    if (!keep_alive) framing.close = true;
    if (count > limits.fields_max or hosts > 1 or lengths + codings > 1) return null;
    if (framing.minor == 1 and hosts == 0) return null;
    if (framing.minor == 0 and codings > 0) return null;
    return framing;
}

/// The minor version, or null.
fn readRequestLine(line: []const u8) ?u1 {
    var parts = std.mem.splitScalar(u8, line, ' ');
    const method = parts.first();
    const target = parts.next() orelse return null;
    const version = parts.next() orelse return null;
    if (parts.next() != null or !isToken(method)) return null;
    if (method.len > fixed_limits.method_bytes_max) return null;
    if (target.len == 0 or target.len > limits.target_bytes_max) return null;
    for (target) |byte| if (byte < 0x21 or byte > 0x7e or byte == '#') return null;
    _ = target_forms.parse(method, target, 0, target.len) catch return null;
    if (version.len != 8 or !std.mem.startsWith(u8, version, "HTTP/1.")) return null;
    if (!std.ascii.isDigit(version[7])) return null;
    return if (version[7] == '0') 0 else 1;
}

fn isToken(text: []const u8) bool {
    for (text) |byte| {
        if (std.ascii.isAlphanumeric(byte)) continue;
        if (std.mem.indexOfScalar(u8, "!#$%&'*+-.^_`|~", byte) == null) return false;
    }
    return text.len > 0;
}

fn isValue(text: []const u8) bool {
    for (text) |byte| if (byte != '\t' and (byte < 0x20 or byte == 0x7f)) return false;
    return true;
}

const Body = struct {
    content: []const u8,
    consumed: usize,
    /// Without extensions and trailers, which the reference does not judge.
    plain: bool,
};

fn fuzzBody(random: std.Random, bytes: []const u8) Failure!void {
    var in_place: [input_bytes_max]u8 = undefined;
    @memcpy(in_place[0..bytes.len], bytes);
    var whole = chunked.Decoder.init();
    const verdict = whole.decode(in_place[0..bytes.len], in_place[0..bytes.len]);

    for (0..3) |_| {
        var content: [input_bytes_max]u8 = undefined;
        var produced: usize = 0;
        var consumed: usize = 0;
        var split = chunked.Decoder.init();
        const result: chunked.Result = while (true) {
            const end = @min(bytes.len, consumed + random.uintLessThan(usize, 30));
            const room = @min(content.len - produced, random.uintLessThan(usize, 30));
            switch (split.decode(bytes[consumed..end], content[produced..][0..room])) {
                .rejected => |rejection| break .{ .rejected = rejection },
                .decoded => |decoded| {
                    consumed += decoded.consumed;
                    produced += decoded.produced;
                    if (!decoded.done and consumed < bytes.len) continue;
                    break .{ .decoded = .{
                        .consumed = consumed,
                        .produced = produced,
                        .done = decoded.done,
                    } };
                },
            }
        };
        try std.testing.expectEqual(verdict, result);
        if (verdict == .decoded) {
            try std.testing.expect(std.mem.eql(u8, in_place[0..produced], content[0..produced]));
        }
    }
    var expected: [input_bytes_max]u8 = undefined;
    const naive = decodeNaively(bytes, &expected);
    if (verdict == .decoded and verdict.decoded.done) {
        const body = naive orelse return error.TestUnexpectedResult;
        try std.testing.expectEqual(body.consumed, verdict.decoded.consumed);
        const got = in_place[0..verdict.decoded.produced];
        try std.testing.expect(std.mem.eql(u8, body.content, got));
    } else if (naive) |body| {
        try std.testing.expect(!body.plain);
    }
}

fn decodeNaively(bytes: []const u8, out: *[input_bytes_max]u8) ?Body {
    var at: usize = 0;
    var len: usize = 0;
    var plain = true;
    while (true) {
        const line_end = std.mem.indexOfPos(u8, bytes, at, "\r\n") orelse return null;
        const line = bytes[at..line_end];
        const digits = line[0 .. std.mem.indexOfScalar(u8, line, ';') orelse line.len];
        plain = plain and digits.len == line.len;
        for (digits) |byte| if (!std.ascii.isHex(byte)) return null;
        const size = std.fmt.parseUnsigned(u64, digits, 16) catch return null;
        at = line_end + 2;
        if (size == 0) break;
        if (size > bytes.len or bytes.len - at < size + 2) return null;
        @memcpy(out[len..][0..@intCast(size)], bytes[at..][0..@intCast(size)]);
        len += @intCast(size);
        at += @intCast(size);
        if (!std.mem.eql(u8, bytes[at..][0..2], "\r\n")) return null;
        at += 2;
    }
    while (true) {
        const line_end = std.mem.indexOfPos(u8, bytes, at, "\r\n") orelse return null;
        const empty = line_end == at;
        at = line_end + 2;
        if (empty) return .{ .content = out[0..len], .consumed = at, .plain = plain };
        plain = false;
    }
}

test "mutated requests get one verdict however they are split" {
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    try fuzz(std.testing.random_seed, 3_000);
}
