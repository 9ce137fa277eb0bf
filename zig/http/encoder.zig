//! Writes answer heads, and whole answers that end a connection. Called by the connection for each
//! answer; `out` must have the room that `headBytesMax` tells.

const std = @import("std");
const abi = @import("../abi.zig");
const digits = @import("digits.zig");
const field_lines = @import("fields.zig");
const problem = @import("problem.zig");
const scan = @import("scan.zig");
const status_codes = @import("status.zig");
const Rejection = @import("rejection.zig").Rejection;

pub const Connection = enum {
    /// No Connection field: HTTP/1.1 that stays open.
    default,
    close,
    /// Said to an HTTP/1.0 client that asked for it (RFC 9112 9.3).
    keep_alive,
    /// With a 101: to a WebSocket, the only protocol that there is (RFC 6455 4.2.2).
    upgrade,
};

pub const AnswerHead = struct {
    status: u16,
    /// `abi.Kind`: which Content-Type is written.
    kind: u32,
    /// Null writes no Content-Length. 1xx and 204 never have one (RFC 9110 8.6).
    content_length: ?u64,
    /// In place of a length: the body is chunked (RFC 9112 7.1).
    chunked: bool = false,
    date: *const [29]u8,
    /// Value of the Server field; "" writes none.
    server: []const u8,
    connection: Connection,
    /// Further field lines, already passed by `checkFields`. A Date, Server or Content-Type in them
    /// takes the place of ours.
    fields: []const u8,
};

pub const checkFields = field_lines.checkFields;

const kinds_count = 6;
const content_types = types: {
    var result: [kinds_count][]const u8 = @splat("");
    result[abi.Kind.json] = "Content-Type: application/json\r\n";
    result[abi.Kind.text] = "Content-Type: text/plain; charset=utf-8\r\n";
    result[abi.Kind.html] = "Content-Type: text/html; charset=utf-8\r\n";
    result[abi.Kind.bytes] = "Content-Type: application/octet-stream\r\n";
    result[abi.Kind.problem] = "Content-Type: application/problem+json\r\n";
    break :types result;
};
const content_length_name = "Content-Length: ";
const transfer_encoding = "Transfer-Encoding: chunked\r\n";

/// The longest chunk-size line: eight digits and CRLF.
pub const chunk_line_bytes_max = 10;
pub const last_chunk = "0\r\n\r\n";

/// Writes the line before a chunk of `len` bytes (RFC 9112 7.1).
pub fn chunkLine(out: *[chunk_line_bytes_max]u8, len: u32) []const u8 {
    return std.fmt.bufPrint(out, "{x}\r\n", .{len}) catch unreachable;
}

/// All that comes before the digits of the length in a 200, one copy for each kind.
const ok_prefixes = prefixes: {
    var result: [kinds_count][]const u8 = undefined;
    for (&result, content_types) |*prefix, content_type| {
        prefix.* = "HTTP/1.1 200 OK\r\n" ++ content_type ++ content_length_name;
    }
    break :prefixes result;
};

const connection_lines = std.enums.directEnumArray(Connection, []const u8, 0, .{
    .default = "",
    .close = "Connection: close\r\n",
    .keep_alive = "Connection: keep-alive\r\n",
    .upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n",
});

const upgrade_offered = "Connection: Upgrade\r\n";

const content_type_bytes_max = longest(&content_types);
const connection_bytes_max = longest(&connection_lines);

fn longest(comptime lines: []const []const u8) usize {
    var length: usize = 0;
    for (lines) |line| length = @max(length, line.len);
    return length;
}

/// Everything but `server` and `fields`.
const fixed_bytes_max = status_codes.line_bytes_max + content_type_bytes_max +
    @max(content_length_name.len + digits.u64_len_max + 2, transfer_encoding.len) +
    "Date: \r\n".len + 29 + "Server: \r\n".len + connection_bytes_max + upgrade_offered.len + 2;

/// Room that `writeHead` may need for this head.
pub fn headBytesMax(head: AnswerHead) u32 {
    return @intCast(fixed_bytes_max + head.server.len + head.fields.len);
}

/// Writes the head with its final empty line and returns its length.
pub fn writeHead(out: []u8, head: AnswerHead) u32 {
    std.debug.assert(out.len >= headBytesMax(head));
    var own: Own = .{};
    if (head.fields.len > 0) own = Own.in(head.fields);
    const kind = if (own.content_type or head.kind >= kinds_count) abi.Kind.none else head.kind;

    var at: usize = 0;
    if (head.status == 200 and head.content_length != null) {
        append(out, &at, ok_prefixes[kind]);
        at += digits.write(out[at..], head.content_length.?);
        append(out, &at, "\r\n");
    } else {
        writeStart(out, &at, head, kind);
    }
    if (!own.date) {
        out[at..][0..6].* = "Date: ".*;
        out[at + 6 ..][0..29].* = head.date.*;
        out[at + 35 ..][0..2].* = "\r\n".*;
        at += 37;
    }
    if (head.server.len > 0 and !own.server) {
        append(out, &at, "Server: ");
        append(out, &at, head.server);
        append(out, &at, "\r\n");
    }
    append(out, &at, connection_lines[@intFromEnum(head.connection)]);
    // RFC 9110 7.8: who sends Upgrade, as 15.5.22 has it, says that it is for this connection.
    if (head.status == 426) append(out, &at, upgrade_offered);
    append(out, &at, head.fields);
    append(out, &at, "\r\n");
    return @intCast(at);
}

fn writeStart(out: []u8, at: *usize, head: AnswerHead, kind: u32) void {
    append(out, at, status_codes.line(head.status));
    append(out, at, content_types[kind]);
    if (head.status < 200 or head.status == 204) return;
    if (head.chunked) append(out, at, transfer_encoding);
    const length = head.content_length orelse return;
    append(out, at, content_length_name);
    at.* += digits.write(out[at.*..], length);
    append(out, at, "\r\n");
}

inline fn append(out: []u8, at: *usize, text: []const u8) void {
    @memcpy(out[at.*..][0..text.len], text);
    at.* += text.len;
}

/// Fields that the application set itself although the server would.
const Own = struct {
    date: bool = false,
    server: bool = false,
    content_type: bool = false,

    fn in(fields: []const u8) Own {
        var own: Own = .{};
        var start: usize = 0;
        while (start < fields.len) {
            const line = fields[start..];
            if (startsWith(line, "date")) own.date = true;
            if (startsWith(line, "server")) own.server = true;
            if (startsWith(line, "content-type")) own.content_type = true;
            start = scan.find(.until_cr, fields, start) + 2;
        }
        return own;
    }

    fn startsWith(line: []const u8, comptime name: []const u8) bool {
        return line.len > name.len and line[name.len] == ':' and
            scan.equalsWord(line[0..name.len], name);
    }
};

/// Room that `writeRejection` and `writeClosing` may need.
pub fn closingBytesMax(code: []const u8, detail: ?[]const u8, server: []const u8) u32 {
    return @intCast(fixed_bytes_max + server.len + problem.bytesMax(code, detail));
}

/// The whole answer to a refused message.
pub fn writeRejection(
    out: []u8,
    rejection: Rejection,
    date: *const [29]u8,
    server: []const u8,
) u32 {
    return writeClosing(out, rejection.status(), rejection.code(), null, date, server);
}

/// A whole error answer after which the connection closes.
pub fn writeClosing(
    out: []u8,
    status: u16,
    code: []const u8,
    detail: ?[]const u8,
    date: *const [29]u8,
    server: []const u8,
) u32 {
    // The length stands before the body, so the body is written where it cannot be in the way, then
    // moved behind the head.
    const body_start = fixed_bytes_max + server.len;
    const body_len = problem.write(out[body_start..], status, code, detail);
    const head_len = writeHead(out, .{
        .status = status,
        .kind = abi.Kind.problem,
        .content_length = body_len,
        .date = date,
        .server = server,
        .connection = .close,
        .fields = "",
    });
    @memmove(out[head_len..][0..body_len], out[body_start..][0..body_len]);
    return head_len + body_len;
}

const test_date: *const [29]u8 = "Sun, 06 Nov 1994 08:49:37 GMT";

fn expectHead(expected: []const u8, head: AnswerHead) !void {
    const out = try std.testing.allocator.alloc(u8, headBytesMax(head));
    defer std.testing.allocator.free(out);
    try std.testing.expectEqualStrings(expected, out[0..writeHead(out, head)]);
}

const plain: AnswerHead = .{
    .status = 200,
    .kind = abi.Kind.json,
    .content_length = 27,
    .date = test_date,
    .server = "",
    .connection = .default,
    .fields = "",
};

test "the usual head" {
    try expectHead("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n" ++
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", plain);
}

test "other statuses, kinds, connections and fields" {
    var head = plain;
    head.status = 404;
    head.kind = abi.Kind.text;
    head.content_length = std.math.maxInt(u64);
    head.server = "chopin";
    head.connection = .keep_alive;
    head.fields = "X-A: 1\r\nX-B: 2\r\n";
    try expectHead("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n" ++
        "Content-Length: 18446744073709551615\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" ++
        "Server: chopin\r\nConnection: keep-alive\r\nX-A: 1\r\nX-B: 2\r\n\r\n", head);
    head = plain;
    head.status = 299;
    head.kind = abi.Kind.none;
    head.connection = .close;
    head.content_length = 0;
    try expectHead("HTTP/1.1 299 \r\nContent-Length: 0\r\n" ++
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n", head);
}

test "1xx and 204 have no length, 304 and streams as told" {
    var head = plain;
    head.kind = abi.Kind.none;
    head.content_length = 0;
    head.status = 204;
    try expectHead("HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", head);
    head.status = 101;
    try expectHead(
        "HTTP/1.1 101 Switching Protocols\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        head,
    );
    head.status = 200;
    head.content_length = null;
    try expectHead("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", head);
}

test "fields of the application replace ours" {
    var head = plain;
    head.server = "chopin";
    head.fields = "X: y\r\nDATE: now\r\nserver: mine\r\nContent-type: a/b\r\n";
    try expectHead("HTTP/1.1 200 OK\r\nContent-Length: 27\r\n" ++
        "X: y\r\nDATE: now\r\nserver: mine\r\nContent-type: a/b\r\n\r\n", head);
    head.server = "";
    head.fields = "Dates: x\r\nX-Date: y\r\nContent-Type-X: date:\r\n";
    try expectHead("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n" ++
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" ++
        "Dates: x\r\nX-Date: y\r\nContent-Type-X: date:\r\n\r\n", head);
}

test "no head exceeds its worst case" {
    var out: [1024]u8 = undefined;
    for (0..700) |status| {
        for (0..kinds_count + 1) |kind| {
            const head: AnswerHead = .{
                .status = @intCast(status),
                .kind = @intCast(kind),
                .content_length = std.math.maxInt(u64),
                .date = test_date,
                .server = "chopin",
                .connection = .keep_alive,
                .fields = "A: b\r\n",
            };
            try std.testing.expect(writeHead(&out, head) <= headBytesMax(head));
        }
    }
}

test "rejections are whole answers that close" {
    for (std.enums.values(Rejection)) |rejection| {
        const out = try std.testing.allocator.alloc(
            u8,
            closingBytesMax(rejection.code(), null, "s"),
        );
        defer std.testing.allocator.free(out);
        const answer = out[0..writeRejection(out, rejection, test_date, "s")];
        const split = std.mem.indexOf(u8, answer, "\r\n\r\n").? + 4;
        var length_line: [64]u8 = undefined;
        const expected = try std.fmt.bufPrint(
            &length_line,
            "\r\nContent-Length: {d}\r\n",
            .{answer.len - split},
        );
        try std.testing.expect(std.mem.indexOf(u8, answer[0..split], expected) != null);
        try std.testing.expect(
            std.mem.indexOf(u8, answer[0..split], "\r\nConnection: close\r\n") != null,
        );
        try std.testing.expect(std.mem.indexOf(u8, answer[split..], rejection.code()) != null);
    }
    var out: [512]u8 = undefined;
    try std.testing.expectEqualStrings(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n" ++
            "Content-Length: 79\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" ++
            "Connection: close\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Bad Request\"," ++
            "\"status\":400,\"code\":\"missing_host\"}",
        out[0..writeRejection(&out, .missing_host, test_date, "")],
    );
}
