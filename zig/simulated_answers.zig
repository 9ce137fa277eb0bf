//! Answers as simulated clients see them, bodies in pieces too: those that are complete, and those
//! that were visibly cut off. Only tests use it.

const std = @import("std");
const Client = @import("reactor/simulated.zig").Client;

const testing = std.testing;
const allocator = testing.allocator;

pub const Parsed = struct {
    status: u16,
    continued: u32,
    body: std.ArrayList(u8),
    /// The body ended as its framing says; one that ends with the connection cannot be told here.
    complete: bool,
    framing: enum { length, chunked, close },
    closes: bool,

    pub fn deinit(parsed: *Parsed) void {
        parsed.body.deinit(allocator);
    }
};

/// The next answer of `bytes`, which are moved behind it; null when no whole head is there.
pub fn parseAnswer(bytes: *[]const u8, head_method: bool) !?Parsed {
    var parsed: Parsed = .{
        .status = 0,
        .continued = 0,
        .body = .empty,
        .complete = false,
        .framing = .close,
        .closes = false,
    };
    var head: []const u8 = "";
    while (true) {
        const end = (std.mem.find(u8, bytes.*, "\r\n\r\n") orelse return null) + 4;
        head = bytes.*[0..end];
        bytes.* = bytes.*[end..];
        if (!std.mem.startsWith(u8, head, "HTTP/1.1 ")) return error.NoStatusLine;
        parsed.status = try std.fmt.parseInt(u16, head[9..12], 10);
        if (parsed.status != 100) break;
        parsed.continued += 1;
    }
    var length: usize = 0;
    var lines = std.mem.splitSequence(u8, head, "\r\n");
    while (lines.next()) |line| {
        if (std.mem.cutPrefix(u8, line, "Content-Length: ")) |value| {
            length = try std.fmt.parseInt(usize, value, 10);
            parsed.framing = .length;
        }
        if (std.mem.eql(u8, line, "Transfer-Encoding: chunked")) parsed.framing = .chunked;
        if (std.mem.eql(u8, line, "Connection: close")) parsed.closes = true;
    }
    if (head_method) {
        parsed.complete = true;
        return parsed;
    }
    switch (parsed.framing) {
        .length => {
            const count = @min(length, bytes.len);
            try parsed.body.appendSlice(allocator, bytes.*[0..count]);
            bytes.* = bytes.*[count..];
            parsed.complete = count == length;
        },
        .chunked => parsed.complete = try parseChunks(bytes, &parsed.body),
        .close => {
            try parsed.body.appendSlice(allocator, bytes.*);
            bytes.* = "";
        },
    }
    return parsed;
}

fn parseChunks(bytes: *[]const u8, body: *std.ArrayList(u8)) !bool {
    while (std.mem.find(u8, bytes.*, "\r\n")) |end| {
        const size = try std.fmt.parseInt(usize, bytes.*[0..end], 16);
        const rest = bytes.*[end + 2 ..];
        if (size == 0) {
            if (rest.len < 2) break;
            if (!std.mem.startsWith(u8, rest, "\r\n")) return error.NoLastLine;
            bytes.* = rest[2..];
            return true;
        }
        const count = @min(size, rest.len);
        try body.appendSlice(allocator, rest[0..count]);
        if (rest.len < size + 2) break;
        if (!std.mem.eql(u8, rest[size..][0..2], "\r\n")) return error.NoChunkEnd;
        bytes.* = rest[size + 2 ..];
    }
    bytes.* = "";
    return false;
}

/// Status, body and `!` for one that was cut off, of each answer: `200 body|200 bo!`.
pub fn expectAnswers(expected: []const u8, client: *const Client) !void {
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(allocator);
    var rest: []const u8 = client.outgoing.items;
    while (rest.len > 0) {
        if (text.items.len > 0) try text.append(allocator, '|');
        var parsed = try parseAnswer(&rest, false) orelse {
            try text.appendSlice(allocator, "...");
            break;
        };
        defer parsed.deinit();
        for (0..parsed.continued) |_| try text.appendSlice(allocator, "100|");
        const ended = parsed.framing == .close and client.server_finished and !client.broken;
        const cut: []const u8 = if (parsed.complete or ended) "" else "!";
        try text.print(allocator, "{d} {s}{s}", .{ parsed.status, parsed.body.items, cut });
    }
    try testing.expectEqualStrings(expected, text.items);
}
