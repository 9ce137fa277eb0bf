//! Parses a request head as its bytes arrive: request line, field lines, and the fields that the
//! server itself must understand. Owns no bytes and no clock; the connection gives it all bytes of
//! the head so far and gets `incomplete`, the head's length, or the reason to refuse it.
//!
//! Bytes are judged strictly from first to last, each phase on its own bytes. So the verdict
//! depends on the bytes alone and never on how reads split them, and a bad byte is refused as soon
//! as it is seen.

const std = @import("std");
const limits_fixed = @import("../limits.zig");
const authority = @import("authority.zig");
const field_lines = @import("fields.zig");
const framing = @import("framing.zig");
const scan = @import("scan.zig");
const request_target = @import("target.zig");

pub const Rejection = @import("rejection.zig").Rejection;
pub const Span = field_lines.Span;
pub const Form = request_target.Form;
pub const findField = field_lines.findField;
pub const nextField = field_lines.nextField;

pub const Limits = struct { head_bytes_max: u32, target_bytes_max: u32, fields_max: u32 };

/// All spans count from the first byte given to `feed`.
pub const Head = struct {
    method: Span = .{},
    target: Span = .{},
    form: Form = .origin,
    /// Raw path. Empty for authority-form, and for an absolute-form target without a path, which
    /// means "/" (RFC 9110 4.2.3).
    path: Span = .{},
    /// After '?'; null when there is none.
    query: ?Span = null,
    /// Of an absolute-form or authority-form target, else Host; empty for HTTP/1.0 without Host.
    authority: Span = .{},
    /// Field lines, each with its CRLF, without the empty line after them.
    fields: Span = .{},
    fields_count: u32 = 0,
    content_length: ?u64 = null,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and later.
    minor: u1 = 1,
    keep_alive: bool = true,
    chunked: bool = false,
    /// `Expect: 100-continue` in HTTP/1.1 (RFC 9110 10.1.1).
    expect_continue: bool = false,
    /// Upgrade, nominated by Connection, in HTTP/1.1 (RFC 9110 7.8).
    upgrade: bool = false,
    /// The target is absolute-form with the scheme https.
    secure_scheme: bool = false,
};

pub const Result = union(enum) {
    incomplete,
    /// Bytes of the head, from ignored empty lines before it to the empty line that ends it.
    complete: u32,
    rejected: Rejection,
};

const Phase = enum { empty_lines, method, target, version, line, name, value, complete, rejected };
const Stop = error{ Incomplete, Rejected };

/// Fields met so far whose repetition or combination matters.
const Seen = struct {
    host: bool = false,
    upgrade: bool = false,
    options: framing.ConnectionOptions = .{},
};

const usual_version = " HTTP/1.1\r\n";

pub const Parser = struct {
    head: Head = .{},
    phase: Phase = .empty_lines,
    rejection: Rejection = .head_too_large,
    seen: Seen = .{},
    empty_lines: u8 = 0,
    /// First byte that is not judged yet.
    at: u32 = 0,
    /// First byte of the method, target, version or line at hand.
    element: u32 = 0,
    /// Colon of the line at hand.
    colon: u32 = 0,

    pub fn init() Parser {
        return .{};
    }

    /// `bytes` are all bytes of this head so far, from the same first byte each time, and whatever
    /// follows it. They may lie elsewhere than at the last call. After `complete` and `rejected`
    /// the parser is spent and says the same again.
    pub fn feed(self: *Parser, bytes: []const u8, limits: Limits) Result {
        const window = bytes[0..@min(bytes.len, limits.head_bytes_max)];
        self.advance(window, limits) catch |stop| switch (stop) {
            error.Rejected => return .{ .rejected = self.rejection },
            error.Incomplete => {
                if (window.len < limits.head_bytes_max) return .incomplete;
                const in_target = self.phase == .target;
                self.reject(if (in_target) .target_too_long else .head_too_large) catch {};
                return .{ .rejected = self.rejection };
            },
        };
        return .{ .complete = self.at };
    }

    fn advance(self: *Parser, bytes: []const u8, limits: Limits) Stop!void {
        phases: switch (self.phase) {
            .empty_lines => {
                try self.skipEmptyLines(bytes);
                if (self.readUsualLine(bytes, limits.target_bytes_max)) continue :phases .line;
                continue :phases .method;
            },
            .method => {
                try self.readMethod(bytes);
                continue :phases .target;
            },
            .target => {
                try self.readTarget(bytes, limits.target_bytes_max);
                continue :phases .version;
            },
            .version => {
                try self.readVersion(bytes);
                continue :phases .line;
            },
            .line => {
                try self.readUsualFields(bytes, limits.fields_max);
                if (try self.endsHere(bytes, limits.fields_max)) continue :phases .complete;
                continue :phases .name;
            },
            .name => {
                try self.readName(bytes);
                continue :phases .value;
            },
            .value => {
                try self.readValue(bytes);
                continue :phases .line;
            },
            .complete => {},
            .rejected => return error.Rejected,
        }
    }

    fn reject(self: *Parser, rejection: Rejection) Stop!void {
        self.phase = .rejected;
        self.rejection = rejection;
        return error.Rejected;
    }

    fn enter(self: *Parser, phase: Phase, at: usize) void {
        self.phase = phase;
        self.at = @intCast(at);
        self.element = @intCast(at);
    }

    /// RFC 9112 2.2 asks to ignore at least one empty line before a request line.
    fn skipEmptyLines(self: *Parser, bytes: []const u8) Stop!void {
        while (self.at < bytes.len) {
            switch (bytes[self.at]) {
                '\r' => {
                    if (self.at + 1 == bytes.len) return error.Incomplete;
                    if (bytes[self.at + 1] != '\n') return self.reject(.bare_cr);
                    if (self.empty_lines == limits_fixed.leading_empty_lines_max) {
                        return self.reject(.too_many_empty_lines);
                    }
                    self.empty_lines += 1;
                    self.at += 2;
                },
                '\n' => return self.reject(.bare_lf),
                // The record type of a TLS handshake (RFC 8446 5.1): https spoken to an http port.
                0x16 => return self.reject(.tls_client_hello),
                else => return self.enter(.method, self.at),
            }
        }
        return error.Incomplete;
    }

    fn readMethod(self: *Parser, bytes: []const u8) Stop!void {
        const start: usize = self.element;
        const end = @min(bytes.len, start + limits_fixed.method_bytes_max + 1);
        var at: usize = self.at;
        while (at < end and scan.isToken(bytes[at])) at += 1;
        self.at = @intCast(at);
        if (at - start > limits_fixed.method_bytes_max) return self.reject(.method_too_long);
        if (at == bytes.len) return error.Incomplete;
        if (bytes[at] != ' ' or at == start) return self.reject(.bad_method);
        self.head.method = .of(start, at);
        self.enter(.target, at + 1);
    }

    fn readTarget(self: *Parser, bytes: []const u8, target_bytes_max: u32) Stop!void {
        const start: usize = self.element;
        const at = scan.find(.target, bytes, self.at);
        self.at = @intCast(at);
        if (at - start > target_bytes_max) return self.reject(.target_too_long);
        if (at == bytes.len) return error.Incomplete;
        switch (bytes[at]) {
            ' ' => {},
            '\r', '\n' => return self.reject(.missing_version),
            '#' => return self.reject(.fragment_in_target),
            else => return self.reject(.bad_target),
        }
        if (at == start) return self.reject(.extra_space);

        const method = self.head.method.slice(bytes);
        const target = request_target.parse(method, bytes, start, at) catch {
            // The HTTP/2 connection preface (RFC 9113 3.4).
            const preface = at - start == 1 and bytes[start] == '*' and std.mem.eql(
                u8,
                method,
                "PRI",
            );
            return self.reject(if (preface) .version_not_supported else .bad_target);
        };
        self.head.target = .of(start, at);
        self.head.form = target.form;
        self.head.path = target.path;
        self.head.query = target.query;
        self.head.authority = target.authority;
        self.head.secure_scheme = target.https;
        self.enter(.version, at + 1);
    }

    /// `HTTP/1.` and a digit: a later minor version is read as 1.1 (RFC 9110 2.5), another major
    /// one is not supported, and anything else is no HTTP.
    fn readVersion(self: *Parser, bytes: []const u8) Stop!void {
        const start: usize = self.element;
        while (self.at < bytes.len) : (self.at += 1) {
            const byte = bytes[self.at];
            switch (self.at - start) {
                0...4 => |index| if (byte != "HTTP/"[index]) {
                    return self.reject(if (byte == ' ') .extra_space else .bad_version);
                },
                5 => switch (byte) {
                    '1' => {},
                    '2'...'9' => return self.reject(.version_not_supported),
                    else => return self.reject(.bad_version),
                },
                6 => if (byte != '.') return self.reject(.bad_version),
                7 => switch (byte) {
                    '0' => self.head.minor = 0,
                    '1'...'9' => {},
                    else => return self.reject(.bad_version),
                },
                8 => if (byte != '\r') {
                    return self.reject(if (byte == '\n') .bare_lf else .bad_version);
                },
                else => {
                    if (byte != '\n') return self.reject(.bare_cr);
                    return self.beginFields(self.at + 1);
                },
            }
        }
        return error.Incomplete;
    }

    fn beginFields(self: *Parser, at: usize) void {
        self.head.fields.start = @intCast(at);
        self.enter(.line, at);
    }

    /// At the first byte of a line: true at the empty one.
    fn endsHere(self: *Parser, bytes: []const u8, fields_max: u32) Stop!bool {
        const at: usize = self.at;
        if (at == bytes.len) return error.Incomplete;
        const byte = bytes[at];
        if (byte == '\r') {
            if (at + 1 == bytes.len) return error.Incomplete;
            if (bytes[at + 1] != '\n') try self.reject(.bare_cr);
            try self.finish();
            return true;
        }
        if (byte == '\n') try self.reject(.bare_lf);
        if (byte == ' ' or byte == '\t') {
            const first = self.head.fields_count == 0;
            try self.reject(if (first) .space_before_field else .folded_field);
        }
        if (self.head.fields_count == fields_max) try self.reject(.too_many_fields);
        self.enter(.name, at);
        return false;
    }

    fn readName(self: *Parser, bytes: []const u8) Stop!void {
        const at = field_lines.nameEnd(bytes, self.at);
        self.at = @intCast(at);
        if (at == bytes.len) return error.Incomplete;
        switch (bytes[at]) {
            ':' => if (at == self.element) return self.reject(.bad_field_name),
            ' ', '\t' => return self.reject(.space_before_colon),
            '\r', '\n' => return self.reject(.missing_colon),
            else => return self.reject(.bad_field_name),
        }
        self.colon = @intCast(at);
        self.at = @intCast(at + 1);
        self.phase = .value;
    }

    fn readValue(self: *Parser, bytes: []const u8) Stop!void {
        const at = scan.find(.value, bytes, self.at);
        self.at = @intCast(at);
        if (at == bytes.len) return error.Incomplete;
        switch (bytes[at]) {
            '\r' => {},
            '\n' => return self.reject(.bare_lf),
            else => return self.reject(.bad_field_value),
        }
        if (at + 1 == bytes.len) return error.Incomplete;
        if (bytes[at + 1] != '\n') return self.reject(.bare_cr);
        try self.understand(bytes, self.element, self.colon, at);
        self.head.fields_count += 1;
        self.enter(.line, at + 2);
    }

    /// Takes a whole, usual request line at once: `METHOD /path?query HTTP/1.1`. Anything else,
    /// wrong or only rare or unfinished, is left as it is to the careful phases, which decide.
    inline fn readUsualLine(self: *Parser, bytes: []const u8, target_bytes_max: u32) bool {
        const start: usize = self.element;
        const most = @min(bytes.len, start + limits_fixed.method_bytes_max);
        var space = start;
        while (space < most and scan.isToken(bytes[space])) space += 1;
        // CONNECT, which takes no path, has as many letters as OPTIONS.
        if (space == start or space - start == "CONNECT".len) return false;
        if (bytes.len - space < " / HTTP/1.1\r\n".len) return false;
        if (!std.mem.eql(u8, bytes[space..][0..2], " /")) return false;

        const target = space + 1;
        const path_end = scan.find(.path, bytes, target);
        var end = path_end;
        if (end < bytes.len and bytes[end] == '?') end = scan.find(.target, bytes, end);
        if (end - target > target_bytes_max or bytes.len - end < usual_version.len) return false;
        if (!std.mem.eql(u8, bytes[end..][0..usual_version.len], usual_version)) return false;

        self.head.method = .of(start, space);
        self.head.target = .of(target, end);
        self.head.path = .of(target, path_end);
        if (path_end < end) self.head.query = .of(path_end + 1, end);
        self.beginFields(end + usual_version.len);
        return true;
    }

    /// Takes whole, well-formed field lines as long as there are any; the careful phases judge the
    /// first line that is neither, from its beginning.
    inline fn readUsualFields(self: *Parser, bytes: []const u8, fields_max: u32) Stop!void {
        var count = self.head.fields_count;
        var start: usize = self.at;
        var block = scan.Block.at(bytes, start);
        while (count < fields_max) : (count += 1) {
            const end = block.next(bytes, start);
            if (bytes.len - end < 2 or !std.mem.eql(u8, bytes[end..][0..2], "\r\n")) break;
            const colon = field_lines.nameEnd(bytes, start);
            if (colon == start or bytes[colon] != ':') break;
            try self.understand(bytes, start, colon, end);
            start = end + 2;
        }
        self.head.fields_count = count;
        self.enter(.line, start);
    }

    /// The few fields that the server itself obeys, told apart by length first: most names end
    /// there.
    inline fn understand(
        self: *Parser,
        bytes: []const u8,
        start: usize,
        colon: usize,
        end: usize,
    ) Stop!void {
        const name = bytes[start..colon];
        const matches = switch (name.len) {
            4 => scan.equalsWord(name, "host"),
            6 => scan.equalsWord(name, "expect"),
            7 => scan.equalsWord(name, "upgrade"),
            10 => scan.equalsWord(name, "connection"),
            14 => scan.equalsWord(name, "content-length"),
            17 => scan.equalsWord(name, "transfer-encoding"),
            else => return,
        };
        if (!matches) return;
        const value_start, const value_end = scan.trim(bytes, colon + 1, end);
        const value = bytes[value_start..value_end];
        return switch (name.len) {
            4 => self.readHost(bytes, value_start, value_end),
            6 => self.readExpect(value),
            7 => {
                self.seen.upgrade = true;
            },
            10 => self.readConnection(value),
            14 => self.readContentLength(value),
            else => self.readTransferEncoding(value),
        };
    }

    /// Exactly one, valid Host (RFC 9112 3.2), also where the target has its own authority.
    fn readHost(self: *Parser, bytes: []const u8, start: usize, end: usize) Stop!void {
        if (self.seen.host) return self.reject(.duplicate_host);
        if (!authority.isValid(bytes, start, end)) return self.reject(.bad_host);
        self.seen.host = true;
        switch (self.head.form) {
            .origin, .asterisk => self.head.authority = .of(start, end),
            .absolute, .authority => {},
        }
    }

    /// HTTP/1.0 has no Expect: a server ignores it there (RFC 9110 10.1.1).
    fn readExpect(self: *Parser, value: []const u8) Stop!void {
        if (self.head.minor == 0) return;
        if (!std.ascii.eqlIgnoreCase(value, "100-continue")) return self.reject(
            .expectation_failed,
        );
        self.head.expect_continue = true;
    }

    fn readConnection(self: *Parser, value: []const u8) Stop!void {
        self.seen.options = self.seen.options.with(framing.connectionOptions(value));
    }

    fn readContentLength(self: *Parser, value: []const u8) Stop!void {
        if (self.head.content_length != null) return self.reject(.duplicate_content_length);
        if (self.head.chunked) return self.reject(.length_with_transfer_encoding);
        self.head.content_length = framing.contentLength(value) orelse
            return self.reject(.bad_content_length);
    }

    fn readTransferEncoding(self: *Parser, value: []const u8) Stop!void {
        if (self.head.minor == 0) return self.reject(.transfer_encoding_in_http_1_0);
        if (self.head.chunked) return self.reject(.duplicate_transfer_encoding);
        if (self.head.content_length != null) return self.reject(.length_with_transfer_encoding);
        switch (framing.transferEncoding(value)) {
            .chunked => self.head.chunked = true,
            .not_supported => return self.reject(.transfer_coding_not_supported),
            .malformed => return self.reject(.bad_transfer_encoding),
        }
    }

    /// At the CR of the empty line.
    fn finish(self: *Parser) Stop!void {
        const head = &self.head;
        if (head.minor == 1 and !self.seen.host) return self.reject(.missing_host);
        const options = self.seen.options;
        head.fields.len = self.at - head.fields.start;
        head.keep_alive = !options.close and (head.minor == 1 or options.keep_alive);
        head.upgrade = head.minor == 1 and self.seen.upgrade and options.upgrade;
        self.enter(.complete, self.at + 2);
    }
};

const test_limits: Limits = .{
    .head_bytes_max = 32 * 1024,
    .target_bytes_max = 16 * 1024,
    .fields_max = 128,
};
const good_head = "GET /good HTTP/1.1\r\nHost: good.example\r\n\r\n";

fn sameVerdict(expected: Result, got: Result) !void {
    try std.testing.expectEqual(std.meta.activeTag(expected), std.meta.activeTag(got));
    switch (expected) {
        .incomplete => {},
        .complete => |length| try std.testing.expectEqual(length, got.complete),
        .rejected => |rejection| try std.testing.expectEqual(rejection, got.rejected),
    }
}

/// Holds the bytes against the verdict: whole, cut and split at every byte, byte by byte, and
/// behind a good request in the same buffer. Returns the head of the whole parse.
fn expectVerdict(bytes: []const u8, limits: Limits, expected: Result) !Head {
    errdefer std.debug.print(
        "{f}\n",
        .{std.ascii.hexEscape(bytes[0..@min(bytes.len, 200)], .lower)},
    );
    var whole = Parser.init();
    try sameVerdict(expected, whole.feed(bytes, limits));
    try sameVerdict(expected, whole.feed(bytes, limits));

    var bytewise = Parser.init();
    const step = @max(1, bytes.len / 500);
    var end: usize = 0;
    while (end < bytes.len) : (end += step) {
        const moved = try std.testing.allocator.dupe(u8, bytes[0..end]);
        defer std.testing.allocator.free(moved);
        var cut = Parser.init();
        const at_cut = cut.feed(moved, limits);
        switch (at_cut) {
            .incomplete => {},
            .complete => |length| try std.testing.expect(expected == .complete and length <= end),
            .rejected => |rejection| try std.testing.expectEqual(expected.rejected, rejection),
        }
        try sameVerdict(expected, cut.feed(bytes, limits));
        if (expected == .complete) try std.testing.expectEqual(whole.head, cut.head);
        try sameVerdict(at_cut, bytewise.feed(bytes[0..end], limits));
    }
    try sameVerdict(expected, bytewise.feed(bytes, limits));
    if (expected == .complete) try std.testing.expectEqual(whole.head, bytewise.head);

    const joined = try std.mem.concat(std.testing.allocator, u8, &.{ good_head, bytes });
    defer std.testing.allocator.free(joined);
    var first = Parser.init();
    try sameVerdict(.{ .complete = good_head.len }, first.feed(joined, limits));
    var second = Parser.init();
    try sameVerdict(expected, second.feed(joined[good_head.len..], limits));
    return whole.head;
}

fn accept(bytes: []const u8) !Head {
    return expectVerdict(bytes, test_limits, .{ .complete = @intCast(bytes.len) });
}

fn refuse(bytes: []const u8, rejection: Rejection) !void {
    _ = try expectVerdict(bytes, test_limits, .{ .rejected = rejection });
}

/// A GET with a Host and these field lines.
fn withFields(comptime lines: []const u8) []const u8 {
    return "GET / HTTP/1.1\r\nHost: a\r\n" ++ lines ++ "\r\n";
}

test "a usual request" {
    const bytes = "GET /a%20b?x=1&y HTTP/1.1\r\nHost: example.com:8080\r\n" ++
        "Accept: */*\r\nX_y.z:  v \r\n\r\n";
    const head = try accept(bytes);
    try std.testing.expectEqualStrings("GET", head.method.slice(bytes));
    try std.testing.expectEqualStrings("/a%20b?x=1&y", head.target.slice(bytes));
    try std.testing.expectEqualStrings("/a%20b", head.path.slice(bytes));
    try std.testing.expectEqualStrings("x=1&y", head.query.?.slice(bytes));
    try std.testing.expectEqualStrings("example.com:8080", head.authority.slice(bytes));
    try std.testing.expectEqual(3, head.fields_count);
    try std.testing.expect(head.keep_alive and head.minor == 1 and !head.chunked and !head.upgrade);
    const fields = head.fields.slice(bytes);
    try std.testing.expectEqualStrings(
        "Host: example.com:8080\r\nAccept: */*\r\nX_y.z:  v \r\n",
        fields,
    );
    try std.testing.expectEqualStrings("v", findField(fields, "x_y.z", 0).?.slice(fields));
}

test "request lines that are refused" {
    try refuse("GET /\r\n", .missing_version);
    try refuse("GET / \r\nHost: a\r\n\r\n", .bad_version);
    try refuse("GET\r\n\r\n", .bad_method);
    try refuse("GET HTTP/1.1\r\nHost: a\r\n\r\n", .missing_version);
    try refuse("GET / HTTP/1.1x\r\n", .bad_version);
    try refuse("GET / HTTP/1.11\r\n", .bad_version);
    try refuse("GET / HTTP/1.1 \r\n", .bad_version);
    try refuse("GET / HTTP/11\r\n", .bad_version);
    try refuse("GET / HTTP/0.9\r\n", .bad_version);
    try refuse("GET / http/1.1\r\n", .bad_version);
    try refuse("GET / ICE/1.0\r\n", .bad_version);
    try refuse("GET / HTTP/1.\r\n", .bad_version);
    try refuse("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .version_not_supported);
    try refuse("GET / HTTP/9.9\r\n", .version_not_supported);
    try refuse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .version_not_supported);
    try refuse("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", .tls_client_hello);
    try refuse("GET  / HTTP/1.1\r\n", .extra_space);
    try refuse("GET /  HTTP/1.1\r\n", .extra_space);
    try refuse("GET / HTTP/1.1  \r\n", .bad_version);
    try refuse(" GET / HTTP/1.1\r\n", .bad_method);
    try refuse("GET\t/ HTTP/1.1\r\n", .bad_method);
    try refuse("GET /\tHTTP/1.1\r\n", .bad_target);
    try refuse("GET /foo bar HTTP/1.1\r\n", .bad_version);
    try refuse("GET / HTTP/1.1\nHost: a\n\n", .bare_lf);
    try refuse("GET / HTTP/1.1\rHost: a\r\n\r\n", .bare_cr);
    try refuse("G(T / HTTP/1.1\r\n", .bad_method);
    try refuse("G\x00T / HTTP/1.1\r\n", .bad_method);
    try refuse("GET\xc3\x9f / HTTP/1.1\r\n", .bad_method);
    try refuse("M" ** 33 ++ " / HTTP/1.1\r\n", .method_too_long);
    try refuse("M" ** 200, .method_too_long);
}

test "targets that are refused" {
    for ([_][]const u8{
        "*",     "foo",         "a.example:443", "/\x80", "/\xc3\xa9", "/\x00", "/\x1f", "/\x7f",
        "/\x0b", "http://u@a/", "http:///",
    }) |target| {
        var buffer: [100]u8 = undefined;
        try refuse(
            try std.fmt.bufPrint(&buffer, "GET {s} HTTP/1.1\r\nHost: a\r\n\r\n", .{target}),
            .bad_target,
        );
    }
    try refuse("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .bad_target);
    try refuse("GET #frag HTTP/1.1\r\nHost: a\r\n\r\n", .fragment_in_target);
    try refuse("GET /a#frag HTTP/1.1\r\nHost: a\r\n\r\n", .fragment_in_target);
}

test "forms, methods and versions that are accepted" {
    const absolute = "GET https://b.example:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n";
    const head = try accept(absolute);
    try std.testing.expectEqualStrings("b.example:1", head.authority.slice(absolute));
    try std.testing.expect(head.secure_scheme and head.form == .absolute);
    try std.testing.expectEqual(
        0,
        (try accept("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n")).path.len,
    );
    try std.testing.expectEqual(
        .asterisk,
        (try accept("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).form,
    );
    const connect = "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n";
    try std.testing.expectEqualStrings("b:443", (try accept(connect)).authority.slice(connect));
    _ = try accept("m!#$%&'*+-.^_`|~09Zz" ++ "M" ** 12 ++ " / HTTP/1.1\r\nHost: a\r\n\r\n");
    _ = try accept("GET /\"<>\\^`{|}%zz HTTP/1.1\r\nHost: a\r\n\r\n");
    try std.testing.expectEqual(1, (try accept("GET / HTTP/1.2\r\nHost: a\r\n\r\n")).minor);
    try std.testing.expectEqual(0, (try accept("GET / HTTP/1.0\r\n\r\n")).minor);
}

test "empty lines before the request line" {
    const rest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const head = try accept("\r\n\r\n" ++ rest);
    try std.testing.expectEqual(4, head.method.start);
    _ = try accept("\r\n\r\n\r\n\r\n" ++ rest);
    try refuse("\r\n\r\n\r\n\r\n\r\n" ++ rest, .too_many_empty_lines);
    try refuse("\n" ++ rest, .bare_lf);
    try refuse("\r" ++ rest, .bare_cr);
    try refuse("\r\n\n" ++ rest, .bare_lf);
}

test "field lines that are refused" {
    try refuse("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .space_before_field);
    try refuse("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", .space_before_field);
    try refuse(withFields("A: b\r\n c\r\n"), .folded_field);
    try refuse(withFields("A: b\r\n\tc\r\n"), .folded_field);
    try refuse(withFields("A : b\r\n"), .space_before_colon);
    try refuse(withFields("A\t: b\r\n"), .space_before_colon);
    try refuse(withFields("A\r\n"), .missing_colon);
    try refuse(withFields("A\n"), .missing_colon);
    try refuse(withFields(": b\r\n"), .bad_field_name);
    try refuse(withFields("A\x00: b\r\n"), .bad_field_name);
    try refuse(withFields("A@: b\r\n"), .bad_field_name);
    try refuse(withFields("\xc3\xa4: b\r\n"), .bad_field_name);
    try refuse(withFields("{: b\r\n"), .bad_field_name);
    try refuse(withFields("A: b\n"), .bare_lf);
    try refuse(withFields("A: b\rc\r\n"), .bare_cr);
    try refuse(withFields("A: b\r\r\n"), .bare_cr);
    try refuse(withFields("A:\nTransfer-Encoding: chunked\r\n"), .bare_lf);
    for ([_][]const u8{ "\x00", "\x01", "\x07", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f" }) |byte| {
        var buffer: [100]u8 = undefined;
        try refuse(
            try std.fmt.bufPrint(&buffer, "GET / HTTP/1.1\r\nA: x{s}y\r\n\r\n", .{byte}),
            .bad_field_value,
        );
    }
    try refuse("GET / HTTP/1.1\r\nHost: a\r\n\n", .bare_lf);
    try refuse("GET / HTTP/1.1\r\nHost: a\r\n\rX", .bare_cr);
    try refuse("GET / HTTP/1.1\r\nHost: a\r\n\r\rGET", .bare_cr);
}

test "opaque bytes and tabs in values are accepted" {
    const head = try accept(
        withFields("A: \x80\xff\xc3\xa4\r\nB:\ta\tb\t\r\nC:\r\nD:   \r\n__proto__: x\r\n"),
    );
    try std.testing.expectEqual(6, head.fields_count);
}

test "Host" {
    try refuse("GET / HTTP/1.1\r\n\r\n", .missing_host);
    try refuse("GET http://a/ HTTP/1.1\r\n\r\n", .missing_host);
    try refuse("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicate_host);
    try refuse("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", .duplicate_host);
    for ([_][]const u8{
        "",    " ",       "u@a",  "a/b",   "a,b", "a, b", "a b", "[::1",
        "a:b", "a:65536", "\x85", "\"a\"", "a?b",
    }) |host| {
        var buffer: [100]u8 = undefined;
        try refuse(
            try std.fmt.bufPrint(&buffer, "GET / HTTP/1.1\r\nHost: {s}\r\n\r\n", .{host}),
            .bad_host,
        );
    }
    const ipv6 = "GET / HTTP/1.1\r\nhOST:\t[::1]:80 \r\n\r\n";
    try std.testing.expectEqualStrings("[::1]:80", (try accept(ipv6)).authority.slice(ipv6));
    try std.testing.expectEqual(0, (try accept("GET / HTTP/1.0\r\n\r\n")).authority.len);
}

test "Content-Length" {
    try std.testing.expectEqual(
        5,
        (try accept(withFields("Content-Length: 005\r\n"))).content_length,
    );
    try std.testing.expectEqual(
        42,
        (try accept(withFields("conTENT-length:\t42  \r\n"))).content_length,
    );
    try std.testing.expectEqual(
        null,
        (try accept(withFields("Content_Length: -1\r\n"))).content_length,
    );
    inline for (.{
        "",    "-1",                   "+1",  "0x5", "5_0", "1Z", "4 2", "42, 42",
        "42,", "18446744073709551616", "1.0",
    }) |value| {
        try refuse(withFields("Content-Length: " ++ value ++ "\r\n"), .bad_content_length);
    }
    try refuse(withFields("Content-Length: 1\r\nContent-Length: 1\r\n"), .duplicate_content_length);
    try refuse(withFields("Content-Length: 1\r\ncontent-length: 2\r\n"), .duplicate_content_length);
    try refuse(
        withFields("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        .length_with_transfer_encoding,
    );
    try refuse(
        withFields("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
        .length_with_transfer_encoding,
    );
    try refuse(
        withFields("Content-Length: 1\r\nTransfer-Encoding: identity\r\n"),
        .length_with_transfer_encoding,
    );
    try refuse(withFields("Content-Length : 1\r\n"), .space_before_colon);
}

test "Transfer-Encoding" {
    inline for (.{ "chunked", "Chunked", "CHUNKED", "\tchunked " }) |value| {
        try std.testing.expect(
            (try accept(withFields("Transfer-Encoding: " ++ value ++ "\r\n"))).chunked,
        );
    }
    inline for (.{
        "",                  "gzip",        "chunked, gzip", "chunked, chunked", "chunked;a=b",
        "gzip;q=1, chunked", "chunked\xa0", "\x85chunked",   "\"chunked\"",
    }) |value| {
        try refuse(withFields("Transfer-Encoding: " ++ value ++ "\r\n"), .bad_transfer_encoding);
    }
    try refuse(withFields("Transfer-Encoding: gzip, chunked\r\n"), .transfer_coding_not_supported);
    try refuse(
        withFields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        .duplicate_transfer_encoding,
    );
    try refuse(
        withFields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
        .bad_transfer_encoding,
    );
    try refuse(withFields("Transfer-Encoding: \x0bchunked\r\n"), .bad_field_value);
    try refuse(withFields("Transfer-Encoding : chunked\r\n"), .space_before_colon);
    try refuse(withFields("Transfer-Encoding\xa0: chunked\r\n"), .bad_field_name);
    try refuse(withFields("Transfer-Encoding:\r\n chunked\r\n"), .bad_transfer_encoding);
    try refuse(withFields("A: b\r\n Transfer-Encoding: chunked\r\n"), .folded_field);
    try refuse(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        .transfer_encoding_in_http_1_0,
    );
    try std.testing.expect(!(try accept(withFields("Transfer_Encoding: chunked\r\n"))).chunked);
}

test "Connection, Upgrade and Expect" {
    try std.testing.expect(!(try accept(withFields("Connection: Close\r\n"))).keep_alive);
    try std.testing.expect(
        !(try accept(withFields("Connection: x\r\nConnection: a, close\r\n"))).keep_alive,
    );
    try std.testing.expect((try accept(withFields("Connection: closed\r\n"))).keep_alive);
    try std.testing.expect(!(try accept("GET / HTTP/1.0\r\n\r\n")).keep_alive);
    try std.testing.expect(
        (try accept("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")).keep_alive,
    );
    try std.testing.expect(
        !(try accept("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n")).keep_alive,
    );
    const nominated = try accept(withFields("Connection: content-length\r\nContent-Length: 3\r\n"));
    try std.testing.expectEqual(3, nominated.content_length);

    try std.testing.expect(
        (try accept(withFields("Connection: Upgrade\r\nUpgrade: websocket\r\n"))).upgrade,
    );
    try std.testing.expect(!(try accept(withFields("Upgrade: websocket\r\n"))).upgrade);
    try std.testing.expect(!(try accept(withFields("Connection: upgrade\r\n"))).upgrade);
    try std.testing.expect(
        !(try accept("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")).upgrade,
    );

    try std.testing.expect((try accept(withFields("Expect: 100-Continue\r\n"))).expect_continue);
    try std.testing.expect(
        !(try accept("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")).expect_continue,
    );
    try refuse(withFields("Expect: 100\r\n"), .expectation_failed);
    try refuse(withFields("Expect:\r\n"), .expectation_failed);
}

test "limits hold at their exact byte, also while incomplete" {
    const small: Limits = .{ .head_bytes_max = 100, .target_bytes_max = 20, .fields_max = 2 };
    const target = "/" ++ "a" ** 19;
    const fits = "GET " ++ target ++ " HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    _ = try expectVerdict(fits, small, .{ .complete = fits.len });
    _ = try expectVerdict(
        "GET " ++ target ++ "a HTTP/1.1\r\nHost: a\r\n\r\n",
        small,
        .{ .rejected = .target_too_long },
    );
    _ = try expectVerdict("GET " ++ target ++ "a", small, .{ .rejected = .target_too_long });
    _ = try expectVerdict(
        "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nD",
        small,
        .{ .rejected = .too_many_fields },
    );
    const line = "GET / HTTP/1.1\r\nHost: a\r\nB: ";
    const longest = line ++ "x" ** (100 - line.len - 4) ++ "\r\n\r\n";
    _ = try expectVerdict(longest, small, .{ .complete = 100 });
    _ = try expectVerdict(
        line ++ "x" ** (100 - line.len - 3) ++ "\r\n\r\n",
        small,
        .{ .rejected = .head_too_large },
    );
    _ = try expectVerdict(line ++ "x" ** (100 - line.len), small, .{ .rejected = .head_too_large });
    const narrow: Limits = .{ .head_bytes_max = 50, .target_bytes_max = 100, .fields_max = 2 };
    _ = try expectVerdict("GET /" ++ "a" ** 60, narrow, .{ .rejected = .target_too_long });
}

test "a target of 8,000 bytes is accepted" {
    const head = try accept("GET /" ++ "a" ** 7999 ++ " HTTP/1.1\r\nHost: a\r\n\r\n");
    try std.testing.expectEqual(8000, head.target.len);
}

test "bytes behind the head belong to whoever comes next" {
    var parser = Parser.init();
    try sameVerdict(
        .{ .complete = good_head.len },
        parser.feed(good_head ++ "\x00\n\x16", test_limits),
    );
}
