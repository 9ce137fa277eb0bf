//! Decodes a chunked body as its bytes arrive (RFC 9112 7.1). The connection calls it with what it
//! read and where the content shall go; the content may go over the very bytes it came from.
//!
//! Everything but chunk data is judged byte by byte, so that the verdict cannot depend on how reads
//! split the body. Trailers are checked as fields and dropped: nothing here merges them into the
//! head, as RFC 9110 6.5.1 forbids for Content-Length, Transfer-Encoding and Host in any case.

const std = @import("std");
const limits = @import("../limits.zig");
const scan = @import("scan.zig");
pub const Rejection = @import("rejection.zig").Rejection;

pub const Result = union(enum) {
    decoded: Decoded,
    rejected: Rejection,
};

pub const Decoded = struct {
    /// Bytes of `input` that are dealt with. All of it, unless `output` is full or the body has
    /// ended.
    consumed: usize,
    /// Content bytes written to the start of `output`.
    produced: usize,
    /// The body has ended; what follows in `input` is the next request.
    done: bool,
};

const State = enum {
    size_first,
    size,
    extension_start,
    extension_name,
    extension_name_space,
    extension_value_start,
    extension_value,
    extension_quoted,
    extension_quoted_pair,
    extension_end,
    extension_space,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    final_lf,
    done,
    rejected,
};

pub const Decoder = struct {
    state: State = .size_first,
    rejection: Rejection = .bad_chunk_size,
    /// Content bytes left in this chunk.
    remaining: u64 = 0,
    /// Bytes of the chunk-size line at hand.
    line_bytes: u32 = 0,
    /// Bytes of extensions in the whole body.
    extension_bytes: u32 = 0,
    trailer_bytes: u32 = 0,

    pub fn init() Decoder {
        return .{};
    }

    /// Goes on behind the bytes consumed before. `output` may be the start of `input` or lie
    /// anywhere before it. A rejected decoder says the same again.
    pub fn decode(self: *Decoder, input: []const u8, output: []u8) Result {
        var consumed: usize = 0;
        var produced: usize = 0;
        while (consumed < input.len and self.state != .done) {
            if (self.state == .data) {
                const room = @min(input.len - consumed, output.len - produced);
                const length: usize = @intCast(@min(room, self.remaining));
                if (length == 0) break;
                @memmove(output[produced..][0..length], input[consumed..][0..length]);
                consumed += length;
                produced += length;
                self.remaining -= length;
                if (self.remaining == 0) self.state = .data_cr;
            } else {
                self.step(input[consumed]) catch return .{ .rejected = self.rejection };
                consumed += 1;
            }
        }
        if (self.state == .rejected) return .{ .rejected = self.rejection };
        return .{ .decoded = .{
            .consumed = consumed,
            .produced = produced,
            .done = self.state == .done,
        } };
    }

    fn reject(self: *Decoder, rejection: Rejection) error{Rejected}!void {
        self.state = .rejected;
        self.rejection = rejection;
        return error.Rejected;
    }

    fn step(self: *Decoder, byte: u8) error{Rejected}!void {
        switch (self.state) {
            .size_first, .size => {
                try self.countLine();
                try self.stepSize(byte);
            },
            .extension_start,
            .extension_name,
            .extension_name_space,
            .extension_value_start,
            .extension_value,
            .extension_quoted,
            .extension_quoted_pair,
            .extension_end,
            .extension_space,
            => {
                try self.countLine();
                try self.stepExtension(byte);
            },
            .size_lf => {
                if (byte != '\n') return self.reject(.bare_cr);
                self.line_bytes = 0;
                self.state = if (self.remaining == 0) .trailer_start else .data;
            },
            // Two bytes skipped unseen would let a chunk lie about its size.
            .data_cr => {
                if (byte != '\r') return self.reject(.bad_chunk_end);
                self.state = .data_lf;
            },
            .data_lf => {
                if (byte != '\n') return self.reject(.bad_chunk_end);
                self.state = .size_first;
            },
            .trailer_start, .trailer_name, .trailer_value, .trailer_lf, .final_lf => {
                if (self.trailer_bytes == limits.trailer_bytes_max) {
                    return self.reject(.trailers_too_large);
                }
                self.trailer_bytes += 1;
                try self.stepTrailer(byte);
            },
            .rejected => return error.Rejected,
            // `decode` copies data itself and stops at the end.
            .data, .done => unreachable,
        }
    }

    fn countLine(self: *Decoder) error{Rejected}!void {
        if (self.line_bytes == limits.chunk_line_bytes_max) return self.reject(
            .chunk_line_too_long,
        );
        self.line_bytes += 1;
    }

    fn stepSize(self: *Decoder, byte: u8) error{Rejected}!void {
        const digit: u64 = switch (byte) {
            '0'...'9' => byte - '0',
            'a'...'f' => byte - 'a' + 10,
            'A'...'F' => byte - 'A' + 10,
            '\n' => return self.reject(.bare_lf),
            '\r', ';' => {
                if (self.state == .size_first) return self.reject(.bad_chunk_size);
                if (byte == '\r') {
                    self.state = .size_lf;
                    return;
                }
                return self.beginExtension();
            },
            else => return self.reject(.bad_chunk_size),
        };
        if (self.remaining > std.math.maxInt(u64) >> 4) return self.reject(.bad_chunk_size);
        self.remaining = self.remaining << 4 | digit;
        self.state = .size;
    }

    fn beginExtension(self: *Decoder) error{Rejected}!void {
        self.state = .extension_start;
        try self.countExtension();
    }

    fn countExtension(self: *Decoder) error{Rejected}!void {
        if (self.extension_bytes == limits.chunk_extension_bytes_max) {
            return self.reject(.chunk_extensions_too_large);
        }
        self.extension_bytes += 1;
    }

    /// `;` BWS name [ BWS `=` BWS ( token / quoted-string ) ], again and again (RFC 9112 7.1.1).
    /// They mean nothing to us, but a reader that skips them carelessly can be made to lose count.
    fn stepExtension(self: *Decoder, byte: u8) error{Rejected}!void {
        if (byte == '\n') return self.reject(.bare_lf);
        try self.countExtension();
        const space = byte == ' ' or byte == '\t';
        const token = scan.isToken(byte);
        self.state = switch (self.state) {
            .extension_start => if (space) .extension_start else if (token)
                .extension_name
            else
                return self.reject(.bad_chunk_extension),
            .extension_name => if (token) .extension_name else if (space)
                .extension_name_space
            else if (byte == '=')
                .extension_value_start
            else
                return self.endExtension(byte),
            .extension_name_space => if (space) .extension_name_space else if (byte == '=')
                .extension_value_start
            else if (byte == ';')
                .extension_start
            else
                return self.reject(.bad_chunk_extension),
            .extension_value_start => if (space) .extension_value_start else if (token)
                .extension_value
            else if (byte == '"')
                .extension_quoted
            else
                return self.reject(.bad_chunk_extension),
            .extension_value => if (token) .extension_value else if (space)
                .extension_space
            else
                return self.endExtension(byte),
            .extension_quoted => switch (byte) {
                '"' => .extension_end,
                '\\' => .extension_quoted_pair,
                else => if (scan.isValueByte(byte))
                    .extension_quoted
                else
                    return self.reject(.bad_chunk_extension),
            },
            .extension_quoted_pair => if (scan.isValueByte(byte))
                .extension_quoted
            else
                return self.reject(.bad_chunk_extension),
            .extension_end => if (space) .extension_space else return self.endExtension(byte),
            .extension_space => if (space) .extension_space else if (byte == ';')
                .extension_start
            else
                return self.reject(.bad_chunk_extension),
            else => unreachable,
        };
    }

    /// Where an extension may end: at the next one or at the end of the line.
    fn endExtension(self: *Decoder, byte: u8) error{Rejected}!void {
        self.state = switch (byte) {
            ';' => .extension_start,
            '\r' => .size_lf,
            else => return self.reject(.bad_chunk_extension),
        };
    }

    /// Trailer fields obey the same rules as the head's (RFC 9112 7.1.2).
    fn stepTrailer(self: *Decoder, byte: u8) error{Rejected}!void {
        self.state = switch (self.state) {
            .trailer_start => if (byte == '\r') .final_lf else if (scan.isToken(byte))
                .trailer_name
            else
                return self.reject(if (byte == '\n') .bare_lf else .bad_trailer),
            .trailer_name => if (byte == ':') .trailer_value else if (scan.isToken(byte))
                .trailer_name
            else
                return self.reject(if (byte == '\n') .bare_lf else .bad_trailer),
            .trailer_value => if (byte == '\r') .trailer_lf else if (scan.isValueByte(byte))
                .trailer_value
            else
                return self.reject(if (byte == '\n') .bare_lf else .bad_trailer),
            .trailer_lf => if (byte == '\n') .trailer_start else return self.reject(.bare_cr),
            .final_lf => if (byte == '\n') .done else return self.reject(.bare_cr),
            else => unreachable,
        };
    }
};

const Verdict = union(enum) { complete: []const u8, incomplete, rejected: Rejection };

const Run = struct {
    decoder: Decoder = .{},
    content: std.ArrayList(u8) = .empty,
    consumed: usize = 0,
    result: ?Rejection = null,

    /// Feeds a piece, `room` bytes of output at a time, as a connection would.
    fn feed(run: *Run, piece: []const u8, room: usize) !void {
        const output = try std.testing.allocator.alloc(u8, room);
        defer std.testing.allocator.free(output);
        var at: usize = 0;
        while (run.result == null) {
            switch (run.decoder.decode(piece[at..], output)) {
                .rejected => |rejection| run.result = rejection,
                .decoded => |decoded| {
                    try run.content.appendSlice(std.testing.allocator, output[0..decoded.produced]);
                    at += decoded.consumed;
                    run.consumed += decoded.consumed;
                    if (decoded.done or at == piece.len) return;
                    try std.testing.expect(decoded.produced == room);
                },
            }
        }
    }

    fn expect(run: *Run, verdict: Verdict, length: usize) !void {
        defer run.content.deinit(std.testing.allocator);
        switch (verdict) {
            .rejected => |rejection| try std.testing.expectEqual(rejection, run.result),
            .incomplete => {
                try std.testing.expectEqual(null, run.result);
                try std.testing.expect(run.decoder.state != .done);
            },
            .complete => |content| {
                try std.testing.expectEqual(null, run.result);
                try std.testing.expectEqual(.done, run.decoder.state);
                try std.testing.expectEqualStrings(content, run.content.items);
                try std.testing.expectEqual(length, run.consumed);
            },
        }
    }
};

/// Whole, with little room, split and cut at every byte, with a request behind, and in place.
fn expectVerdict(bytes: []const u8, verdict: Verdict) !void {
    errdefer std.debug.print(
        "{f}\n",
        .{std.ascii.hexEscape(bytes[0..@min(bytes.len, 200)], .lower)},
    );
    for ([_]usize{ 1, 3, 1 << 16 }) |room| {
        var run: Run = .{};
        try run.feed(bytes, room);
        try run.expect(verdict, bytes.len);
    }
    const step = @max(1, bytes.len / 200);
    var cut: usize = 0;
    while (cut < bytes.len) : (cut += step) {
        var run: Run = .{};
        try run.feed(bytes[0..cut], 64);
        if (run.result) |rejection| {
            try std.testing.expectEqual(verdict.rejected, rejection);
        } else {
            try std.testing.expect(run.decoder.state != .done);
        }
        try run.feed(bytes[cut..], 64);
        try run.expect(verdict, bytes.len);
    }
    if (verdict == .complete) {
        const behind = try std.mem.concat(
            std.testing.allocator,
            u8,
            &.{ bytes, "GET / HTTP/1.1\r\n" },
        );
        defer std.testing.allocator.free(behind);
        var run: Run = .{};
        try run.feed(behind, 64);
        try run.expect(verdict, bytes.len);
        var decoder = Decoder.init();
        const in_place = decoder.decode(behind, behind).decoded;
        try std.testing.expectEqualStrings(verdict.complete, behind[0..in_place.produced]);
        try std.testing.expectEqual(bytes.len, in_place.consumed);
    }
}

fn accept(bytes: []const u8, content: []const u8) !void {
    try expectVerdict(bytes, .{ .complete = content });
}

fn refuse(bytes: []const u8, rejection: Rejection) !void {
    try expectVerdict(bytes, .{ .rejected = rejection });
}

test "bodies that are accepted" {
    try accept("0\r\n\r\n", "");
    try accept("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    try accept("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789");
    try accept("0005\r\nhello\r\n0\r\n\r\n", "hello");
    try accept("000000000000000000000000000001\r\nx\r\n0\r\n\r\n", "x");
    try accept("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    try accept("5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello");
    try accept("5; some; parameters=stuff\r\nhello\r\n0\r\n\r\n", "hello");
    try accept("5;a = \"b \\\" c\" ;d\t;e\r\nhello\r\n0\r\n\r\n", "hello");
    try accept("5;a=\"\xff;\"\r\nhello\r\n0\r\n\r\n", "hello");
}

test "sizes that are refused" {
    inline for (.{
        "",  " 5", "5 ",   "\t5", "0x1", "+1",   "-1",    "1_0",
        "g", "5,", "5 ;a", " ;a", ";a",  "\x00", "5\x00", "\xb2",
    }) |size| {
        try refuse(size ++ "\r\nhello\r\n0\r\n\r\n", .bad_chunk_size);
    }
    try refuse("10000000000000000\r\n", .bad_chunk_size);
    try refuse("fffffffffffffffff\r\n", .bad_chunk_size);
    try expectVerdict("ffffffffffffffff\r\nhello", .incomplete);
}

test "line ends that are refused" {
    try refuse("5\nhello\r\n0\r\n\r\n", .bare_lf);
    try refuse("5\rhello\r\n0\r\n\r\n", .bare_cr);
    try refuse("5\r\rhello", .bare_cr);
    try refuse("5\rX\nhello", .bare_cr);
    try refuse("\nhello", .bare_lf);
    try refuse("5;a\nhello", .bare_lf);
    try refuse("5;a=\"b\nc\"\r\nhello", .bare_lf);
    try refuse("5;a=b\rX", .bare_cr);
    try refuse("0\r\n\n", .bare_lf);
    try refuse("0\r\n\rX", .bare_cr);
    try refuse("0\r\nA: b\n\r\n", .bare_lf);
    try refuse("0\r\nA: b\rX", .bare_cr);
    inline for (.{ "XX", "\n\n", "\rX", "\n", "0\r\n" }) |end| {
        try refuse("5\r\nhello" ++ end ++ "0\r\n\r\n", .bad_chunk_end);
    }
    try refuse("5\r\nhello!\r\n0\r\n\r\n", .bad_chunk_end);
}

test "extensions that are refused" {
    inline for (.{
        "",             " ",  ";a",   "=b",    "a=",       "a=;",  "a=\"b", "a=\"b\"c",
        "a b",          "a ", "a=b ", "a=b c", "a=\"b\" ", "\x00", "a\xff", "a=\"\x00\"",
        "a=\"\\\x01\"",
    }) |extension| {
        try refuse("5;" ++ extension ++ "\r\nhello\r\n0\r\n\r\n", .bad_chunk_extension);
    }
}

test "trailers are checked and dropped" {
    try accept("0\r\nVary: *\r\nContent-Type: text/plain\r\n\r\n", "");
    try accept(
        "1\r\nx\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\n",
        "x",
    );
    try accept("0\r\nA:\r\nB: \x80\t\r\n\r\n", "");
    inline for (.{
        " A: b", "A : b", ": b", "A", "A: b\x00", "A: b\r\n c: d", "\xc3\xa4: b", "A: \x7f",
    }) |line| {
        try refuse("0\r\n" ++ line ++ "\r\n\r\n", .bad_trailer);
    }
}

test "limits hold at their exact byte" {
    const line_max = limits.chunk_line_bytes_max;
    try accept("0" ** (line_max - 1) ++ "\r\n\r\n", "");
    try refuse("0" ** line_max ++ "\r\n\r\n", .chunk_line_too_long);
    try refuse("1;" ++ "a" ** line_max, .chunk_line_too_long);

    const trailers_max = limits.trailer_bytes_max;
    try accept("0\r\nA:" ++ "b" ** (trailers_max - 6) ++ "\r\n\r\n", "");
    try refuse("0\r\nA:" ++ "b" ** (trailers_max - 5) ++ "\r\n\r\n", .trailers_too_large);
    try refuse("0\r\n" ++ "A: b\r\n" ** (trailers_max / 6 + 1), .trailers_too_large);

    // One-byte chunks, each with an extension as long as its line may be.
    const chunk = "1;" ++ "a" ** (line_max - 3) ++ "\r\nx\r\n";
    try std.testing.expect(chunk.len * 5 > limits.chunk_extension_bytes_max);
    try refuse(chunk ** 5, .chunk_extensions_too_large);
}
