//! Bytes that a connection still has to send: a queue of pooled chunks, so that whatever the socket
//! did not take is kept in order and large bodies are queued without another copy. Used by
//! `connection.zig` and `server.zig`; owns memory, no descriptor.

const std = @import("std");
const Pool = @import("pool.zig").Pool;

const assert = std.debug.assert;

/// Header at the front of a pooled block; the bytes follow it.
pub const Chunk = struct {
    next: ?*Chunk = null,
    block_len: u32,
    start: u32 = 0,
    end: u32 = 0,

    pub const header_bytes = std.mem.alignForward(usize, @sizeOf(Chunk), 16);

    pub fn create(pool: *Pool, len: usize) error{OutOfMemory}!*Chunk {
        const block = pool.acquire(@intCast(len + header_bytes)) orelse return error.OutOfMemory;
        const chunk: *Chunk = @ptrCast(@alignCast(block.ptr));
        chunk.* = .{ .block_len = @intCast(block.len) };
        return chunk;
    }

    pub fn destroy(chunk: *Chunk, pool: *Pool) void {
        const base: [*]align(16) u8 = @ptrCast(@alignCast(chunk));
        pool.release(base[0..chunk.block_len]);
    }

    /// Where bytes may still be written; `end` is raised by what was.
    pub fn free(chunk: *Chunk) []u8 {
        return chunk.storage()[chunk.end..];
    }

    pub fn pending(chunk: *Chunk) []u8 {
        return chunk.storage()[chunk.start..chunk.end];
    }

    fn storage(chunk: *Chunk) []u8 {
        const base: [*]u8 = @ptrCast(chunk);
        return base[header_bytes..chunk.block_len];
    }
};

pub const Output = struct {
    first: ?*Chunk = null,
    last: ?*Chunk = null,
    /// Several bodies of up to `limits.answer_bytes_max` may wait.
    bytes: u64 = 0,

    pub const vectors_max = 16;

    pub fn append(output: *Output, chunk: *Chunk) void {
        assert(chunk.next == null);
        if (output.last) |last| last.next = chunk else output.first = chunk;
        output.last = chunk;
        output.bytes += chunk.end - chunk.start;
    }

    /// Copies bytes behind what is queued, filling the last chunk first.
    pub fn copy(output: *Output, pool: *Pool, bytes: []const u8) error{OutOfMemory}!void {
        var rest = bytes;
        if (output.last) |last| {
            const count = @min(rest.len, last.free().len);
            @memcpy(last.free()[0..count], rest[0..count]);
            last.end += @intCast(count);
            output.bytes += @intCast(count);
            rest = rest[count..];
        }
        if (rest.len == 0) return;
        const chunk = try Chunk.create(pool, rest.len);
        @memcpy(chunk.free()[0..rest.len], rest);
        chunk.end = @intCast(rest.len);
        output.append(chunk);
    }

    pub fn vectors(output: *const Output, into: *[vectors_max]std.posix.iovec_const) u32 {
        var count: u32 = 0;
        var at = output.first;
        while (at) |chunk| : (at = chunk.next) {
            if (count == vectors_max) break;
            const bytes = chunk.pending();
            if (bytes.len == 0) continue;
            into[count] = .{ .base = bytes.ptr, .len = bytes.len };
            count += 1;
        }
        return count;
    }

    /// The socket took this many bytes.
    pub fn consume(output: *Output, pool: *Pool, count: usize) void {
        var rest = count;
        output.bytes -= rest;
        while (output.first) |chunk| {
            const len = chunk.end - chunk.start;
            if (len > rest) {
                chunk.start += @intCast(rest);
                return;
            }
            rest -= len;
            output.first = chunk.next;
            if (output.first == null) output.last = null;
            chunk.destroy(pool);
        }
        assert(rest == 0);
    }

    pub fn clear(output: *Output, pool: *Pool) void {
        while (output.first) |chunk| {
            output.first = chunk.next;
            chunk.destroy(pool);
        }
        output.* = .{};
    }
};

test "bytes leave in the order in which they came, whatever the socket takes" {
    var pool = Pool.init(1 << 20);
    defer pool.deinit();
    var output: Output = .{};
    defer output.clear(&pool);
    var random = std.Random.DefaultPrng.init(std.testing.random_seed);
    var written: u8 = 0;
    var read: u8 = 0;
    for (0..2000) |_| {
        var bytes: [300]u8 = undefined;
        const len = random.random().uintAtMost(usize, bytes.len);
        for (bytes[0..len]) |*byte| {
            byte.* = written;
            written +%= 1;
        }
        try output.copy(&pool, bytes[0..len]);
        var list: [Output.vectors_max]std.posix.iovec_const = undefined;
        var taken = random.random().uintAtMost(usize, output.bytes);
        const count = output.vectors(&list);
        var offered: usize = 0;
        for (list[0..count]) |vector| offered += vector.len;
        taken = @min(taken, offered);
        var left = taken;
        for (list[0..count]) |vector| {
            for (vector.base[0..@min(left, vector.len)]) |byte| {
                try std.testing.expectEqual(read, byte);
                read +%= 1;
            }
            left -= @min(left, vector.len);
        }
        output.consume(&pool, taken);
    }
}

test "more than 32 bits count may wait" {
    const length = 3 << 30;
    var chunks: [2]Chunk = @splat(.{ .block_len = 0, .end = length });
    var output: Output = .{};
    for (&chunks) |*chunk| output.append(chunk);
    try std.testing.expectEqual(2 * length, output.bytes);
}
