//! Finds where answers end in what a connection received: head, then Content-Length bytes or
//! chunks. A client's minimum, enough to count answers and their bytes and to notice a wrong
//! status; owned by one connection of a load generator.

const std = @import("std");

pub const Error = error{ HeadTooLong, NotHttp, NoLength, BadChunk };

/// Longer than any head that a contender sends.
const head_max = 4096;

pub const Reader = struct {
    head: [head_max]u8 = undefined,
    head_len: usize = 0,
    state: State = .head,
    /// Bytes of the body, or of the chunk, that are still to come.
    left: u64 = 0,
    /// Bytes of the body so far, without what frames chunks.
    body_len: u64 = 0,
    /// Bytes of the trailer's line so far.
    line_len: usize = 0,
    status_ok: bool = true,

    const State = enum { head, body, chunk_size, chunk_extension, chunk, chunk_end, trailer, done };

    pub const Progress = struct { used: usize, finished: bool, success: bool, body_len: u64 };

    /// Takes bytes up to the end of one answer at most.
    pub fn take(reader: *Reader, bytes: []const u8) Error!Progress {
        var used: usize = 0;
        while (reader.state != .done and used < bytes.len) {
            const rest = bytes[used..];
            used += switch (reader.state) {
                .head => try reader.takeHead(rest),
                .body, .chunk => reader.takeBody(rest.len),
                .chunk_size => try reader.takeSize(rest[0]),
                .chunk_extension => reader.takeExtension(rest[0]),
                .chunk_end => try reader.takeChunkEnd(rest[0]),
                .trailer => reader.takeTrailer(rest[0]),
                .done => unreachable,
            };
        }
        return reader.progress(used);
    }

    /// Bytes that may be thrown away unread, because nothing but their number matters.
    pub fn skippable(reader: *const Reader) u64 {
        return if (reader.state == .body) reader.left else 0;
    }

    /// Counts bytes that were thrown away, `skippable` of them at most.
    pub fn skip(reader: *Reader, count: usize) Progress {
        return reader.progress(reader.takeBody(count));
    }

    fn progress(reader: *Reader, used: usize) Progress {
        if (reader.state != .done) {
            return .{ .used = used, .finished = false, .success = true, .body_len = 0 };
        }
        defer {
            reader.state = .head;
            reader.head_len = 0;
            reader.body_len = 0;
        }
        return .{
            .used = used,
            .finished = true,
            .success = reader.status_ok,
            .body_len = reader.body_len,
        };
    }

    fn takeBody(reader: *Reader, available: usize) usize {
        const taken: usize = @intCast(@min(reader.left, available));
        reader.left -= taken;
        reader.body_len += taken;
        if (reader.left == 0) reader.state = if (reader.state == .body) .done else .chunk_end;
        return taken;
    }

    /// RFC 9112 7.1: the size in hexadecimal digits, up to an extension or the line's end.
    fn takeSize(reader: *Reader, byte: u8) Error!usize {
        switch (byte) {
            '\r', ';', ' ', '\t' => reader.state = .chunk_extension,
            '\n' => reader.startChunk(),
            else => {
                const digit = std.fmt.charToDigit(byte, 16) catch return error.BadChunk;
                if (reader.left > std.math.maxInt(u32)) return error.BadChunk;
                reader.left = reader.left * 16 + digit;
            },
        }
        return 1;
    }

    fn takeExtension(reader: *Reader, byte: u8) usize {
        if (byte == '\n') reader.startChunk();
        return 1;
    }

    fn startChunk(reader: *Reader) void {
        reader.line_len = 0;
        reader.state = if (reader.left == 0) .trailer else .chunk;
    }

    fn takeChunkEnd(reader: *Reader, byte: u8) Error!usize {
        switch (byte) {
            '\r' => {},
            '\n' => reader.state = .chunk_size,
            else => return error.BadChunk,
        }
        return 1;
    }

    /// An empty line ends the answer.
    fn takeTrailer(reader: *Reader, byte: u8) usize {
        if (byte == '\n') {
            if (reader.line_len == 0) reader.state = .done;
            reader.line_len = 0;
        } else if (byte != '\r') {
            reader.line_len += 1;
        }
        return 1;
    }

    fn takeHead(reader: *Reader, bytes: []const u8) Error!usize {
        const before = reader.head_len;
        const room = reader.head[before..];
        const added = @min(room.len, bytes.len);
        @memcpy(room[0..added], bytes[0..added]);
        const known = reader.head[0 .. before + added];
        const from = before -| 3;
        const end = std.mem.indexOfPos(u8, known, from, "\r\n\r\n") orelse {
            if (known.len == head_max) return error.HeadTooLong;
            reader.head_len = known.len;
            return added;
        };
        try reader.readHead(known[0 .. end + 2]);
        return end + 4 - before;
    }

    fn readHead(reader: *Reader, head: []const u8) Error!void {
        if (!std.mem.startsWith(u8, head, "HTTP/1.1 ")) return error.NotHttp;
        reader.status_ok = std.mem.startsWith(u8, head[9..], "200");
        if (fieldOf(head, "content-length:")) |value| {
            reader.left = std.fmt.parseInt(u64, value, 10) catch return error.NoLength;
            reader.state = if (reader.left == 0) .done else .body;
            return;
        }
        const coding = fieldOf(head, "transfer-encoding:") orelse return error.NoLength;
        if (!std.ascii.eqlIgnoreCase(coding, "chunked")) return error.NoLength;
        reader.left = 0;
        reader.state = .chunk_size;
    }
};

fn fieldOf(head: []const u8, name: []const u8) ?[]const u8 {
    var lines = std.mem.splitSequence(u8, head, "\r\n");
    _ = lines.next();
    while (lines.next()) |line| {
        if (line.len < name.len) continue;
        if (!std.ascii.eqlIgnoreCase(line[0..name.len], name)) continue;
        return std.mem.trim(u8, line[name.len..], " \t");
    }
    return null;
}

const Counts = struct { finished: usize = 0, failed: usize = 0, body_len: u64 = 0 };

fn feed(reader: *Reader, bytes: []const u8, counts: *Counts) !void {
    var rest = bytes;
    while (rest.len > 0) {
        const progress = try reader.take(rest);
        rest = rest[progress.used..];
        if (progress.finished) counts.finished += 1;
        if (!progress.success) counts.failed += 1;
        counts.body_len += progress.body_len;
    }
}

test "answers are found whole, split at every byte, and behind one another" {
    const all = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" ++
        "HTTP/1.1 500 No\r\ncontent-length:0\r\n\r\n" ++
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ++
        "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nExpires: 0\r\n\r\n" ++
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for (0..all.len) |split| {
        var reader: Reader = .{};
        var counts: Counts = .{};
        try feed(&reader, all[0..split], &counts);
        try feed(&reader, all[split..], &counts);
        try std.testing.expectEqual(Counts{ .finished = 4, .failed = 1, .body_len = 20 }, counts);
    }
}

test "what was thrown away counts" {
    var reader: Reader = .{};
    _ = try reader.take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    try std.testing.expectEqual(@as(u64, 7), reader.skippable());
    try std.testing.expect(!reader.skip(3).finished);
    const last = reader.skip(4);
    try std.testing.expect(last.finished);
    try std.testing.expectEqual(@as(u64, 9), last.body_len);
}

test "an answer without a length, and one with a wrong chunk, are refused" {
    var reader: Reader = .{};
    try std.testing.expectError(error.NoLength, reader.take("HTTP/1.1 200 OK\r\n\r\n"));
    reader = .{};
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    try std.testing.expectError(error.BadChunk, reader.take(chunked ++ "1\r\nab"));
}
