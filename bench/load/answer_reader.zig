//! Finds where answers end in what a connection received: head, then Content-Length bytes. A
//! client's minimum, enough to count answers and to notice a wrong status; owned by one connection
//! of the load generator.

const std = @import("std");

pub const Error = error{ HeadTooLong, NotHttp, NoLength };

/// Longer than any head that a contender sends.
const head_max = 4096;

pub const Reader = struct {
    head: [head_max]u8 = undefined,
    head_len: usize = 0,
    body_left: u64 = 0,
    in_body: bool = false,
    status_ok: bool = true,

    pub const Progress = struct { used: usize, finished: bool, success: bool };

    /// Takes bytes up to the end of one answer at most.
    pub fn take(reader: *Reader, bytes: []const u8) Error!Progress {
        var used: usize = 0;
        if (!reader.in_body) {
            used = try reader.takeHead(bytes);
            if (!reader.in_body) return .{ .used = used, .finished = false, .success = true };
        }
        const of_body: usize = @intCast(@min(reader.body_left, bytes.len - used));
        reader.body_left -= of_body;
        used += of_body;
        if (reader.body_left > 0) return .{ .used = used, .finished = false, .success = true };
        reader.in_body = false;
        reader.head_len = 0;
        return .{ .used = used, .finished = true, .success = reader.status_ok };
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
        reader.in_body = true;
        return end + 4 - before;
    }

    fn readHead(reader: *Reader, head: []const u8) Error!void {
        if (!std.mem.startsWith(u8, head, "HTTP/1.1 ")) return error.NotHttp;
        reader.status_ok = std.mem.startsWith(u8, head[9..], "200");
        var lines = std.mem.splitSequence(u8, head, "\r\n");
        _ = lines.next();
        while (lines.next()) |line| {
            const name = "content-length:";
            if (line.len < name.len) continue;
            if (!std.ascii.eqlIgnoreCase(line[0..name.len], name)) continue;
            const value = std.mem.trim(u8, line[name.len..], " \t");
            reader.body_left = std.fmt.parseInt(u64, value, 10) catch return error.NoLength;
            return;
        }
        return error.NoLength;
    }
};

test "answers are found whole, split at every byte, and behind one another" {
    const one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const two = one ++ "HTTP/1.1 500 No\r\ncontent-length:0\r\n\r\n";
    for (0..two.len) |split| {
        var reader: Reader = .{};
        var finished: usize = 0;
        var failed: usize = 0;
        for ([_][]const u8{ two[0..split], two[split..] }) |part| {
            var rest = part;
            while (rest.len > 0) {
                const progress = try reader.take(rest);
                rest = rest[progress.used..];
                if (progress.finished) finished += 1;
                if (!progress.success) failed += 1;
            }
        }
        try std.testing.expectEqual(@as(usize, 2), finished);
        try std.testing.expectEqual(@as(usize, 1), failed);
    }
}

test "an answer without a length is refused" {
    var reader: Reader = .{};
    try std.testing.expectError(error.NoLength, reader.take("HTTP/1.1 200 OK\r\n\r\n"));
}
