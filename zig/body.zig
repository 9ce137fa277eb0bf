//! A request body that did not arrive in one read with its head: it gathers in memory of its own,
//! grown as bytes come (a claimed length alone costs nothing). Owned by the connection until the
//! request is complete, then by the request.

const std = @import("std");
const chunked = @import("http/chunked.zig");
const parser = @import("http/parser.zig");

const assert = std.debug.assert;

pub const Body = struct {
    allocator: std.mem.Allocator,
    /// A copy of the request's head, since the bytes it was parsed in are reused each turn.
    head: []u8,
    parsed: parser.Head,
    bytes: []u8 = &.{},
    received: u32 = 0,
    limit: u32,
    framing: union(enum) { length: u32, chunked: chunked.Decoder },

    /// First allocation; most bodies that span reads are forms of a few kilobytes.
    const first_bytes = 16 * 1024;

    pub const Progress = union(enum) {
        /// All bytes were taken and more are awaited.
        more,
        /// The body is complete; this many bytes were taken.
        complete: u32,
        too_large,
        rejected: parser.Rejection,
        out_of_memory,
    };

    pub fn create(
        allocator: std.mem.Allocator,
        head: []const u8,
        parsed: *const parser.Head,
        limit: u32,
    ) error{OutOfMemory}!*Body {
        const self = try allocator.create(Body);
        errdefer allocator.destroy(self);
        self.* = .{
            .allocator = allocator,
            .head = try allocator.dupe(u8, head),
            .parsed = parsed.*,
            .limit = limit,
            .framing = if (parsed.content_length) |length|
                .{ .length = @intCast(length) }
            else
                .{ .chunked = .init() },
        };
        return self;
    }

    pub fn destroy(self: *Body) void {
        const allocator = self.allocator;
        allocator.free(self.head);
        allocator.free(self.bytes);
        allocator.destroy(self);
    }

    /// Room for bytes to be received in place, at most what the length still lacks; null for
    /// chunked bodies, whose framing must be seen first.
    pub fn writable(self: *Body) error{OutOfMemory}!?[]u8 {
        const length = switch (self.framing) {
            .length => |length| length,
            .chunked => return null,
        };
        assert(self.received < length);
        try self.reserve(1, length);
        return self.bytes[self.received..];
    }

    /// Bytes were received into `writable()`.
    pub fn wrote(self: *Body, count: usize) bool {
        self.received += @intCast(count);
        return self.received == self.framing.length;
    }

    /// Takes bytes that lie elsewhere.
    pub fn feed(self: *Body, input: []const u8) Progress {
        switch (self.framing) {
            .length => |length| {
                const count: u32 = @intCast(@min(input.len, length - self.received));
                self.reserve(count, length) catch return .out_of_memory;
                @memcpy(self.bytes[self.received..][0..count], input[0..count]);
                self.received += count;
                return if (self.received == length) .{ .complete = count } else .more;
            },
            .chunked => |*decoder| {
                // Decoded bytes are never more than encoded ones.
                self.reserve(@intCast(input.len), self.limit) catch return .out_of_memory;
                switch (decoder.decode(input, self.bytes[self.received..])) {
                    .rejected => |reason| return .{ .rejected = reason },
                    .decoded => |progress| {
                        self.received += @intCast(progress.produced);
                        if (progress.done) return .{ .complete = @intCast(progress.consumed) };
                        // Content is left that finds no room within the limit.
                        return if (progress.consumed < input.len) .too_large else .more;
                    },
                }
            },
        }
    }

    pub fn whole(self: *const Body) []const u8 {
        return self.bytes[0..self.received];
    }

    fn reserve(self: *Body, more: u32, most: u32) error{OutOfMemory}!void {
        const wanted = @as(u64, self.received) + more;
        if (wanted <= self.bytes.len) return;
        const doubled = @max(first_bytes, self.bytes.len * 2, wanted);
        self.bytes = try self.allocator.realloc(self.bytes, @min(doubled, most));
    }
};

test "a chunked body takes as much memory as its limit, at most, and not a byte more is accepted" {
    const head: parser.Head = .{ .chunked = true };
    const fits = try Body.create(std.testing.allocator, "", &head, 5);
    defer fits.destroy();
    const input = "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    const whole: Body.Progress = .{ .complete = input.len };
    try std.testing.expectEqual(whole, fits.feed(input ++ "GET / HTTP/1.1\r\n"));
    try std.testing.expectEqualStrings("hello", fits.whole());
    try std.testing.expectEqual(5, fits.bytes.len);
    const exceeds = try Body.create(std.testing.allocator, "", &head, 5);
    defer exceeds.destroy();
    for ("3\r\nhel\r\n2\r\nlo\r\n1\r\n") |byte|
        try std.testing.expectEqual(.more, exceeds.feed(&.{byte}));
    try std.testing.expectEqual(.too_large, exceeds.feed("!"));
    try std.testing.expectEqual(5, exceeds.bytes.len);
}
