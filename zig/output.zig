//! Bytes that a connection still has to send: a queue of pooled chunks, so that whatever the socket
//! did not take is kept in order and large bodies are queued without another copy, and of ranges of
//! files, which the kernel sends by itself. Used by `delivery.zig`, `held.zig` and `server.zig`.

const std = @import("std");
const sys = @import("sys.zig");
const Pool = @import("pool.zig").Pool;

const assert = std.debug.assert;

/// A part of an open file that is still to be sent. `release` gives `owner` back once the range has
/// left the queue.
pub const FileRange = struct {
    fd: sys.Descriptor,
    offset: u64,
    left: u64,
    owner: *anyopaque,
    release: *const fn (owner: *anyopaque) void,
};

/// Header at the front of a pooled block; the bytes follow it. Of a file range there are none.
pub const Chunk = struct {
    next: ?*Chunk = null,
    block_len: u32,
    start: u32 = 0,
    end: u32 = 0,
    file: ?FileRange = null,

    pub const header_bytes = std.mem.alignForward(usize, @sizeOf(Chunk), 16);

    pub fn create(pool: *Pool, len: usize) error{OutOfMemory}!*Chunk {
        const block = pool.acquire(@intCast(len + header_bytes)) orelse return error.OutOfMemory;
        const chunk: *Chunk = @ptrCast(@alignCast(block.ptr));
        chunk.* = .{ .block_len = @intCast(block.len) };
        return chunk;
    }

    /// Takes over the reference that `range` holds, whatever comes.
    pub fn createFile(pool: *Pool, range: FileRange) error{OutOfMemory}!*Chunk {
        const chunk = create(pool, 0) catch |reason| {
            range.release(range.owner);
            return reason;
        };
        chunk.file = range;
        return chunk;
    }

    pub fn destroy(chunk: *Chunk, pool: *Pool) void {
        if (chunk.file) |range| range.release(range.owner);
        const base: [*]align(16) u8 = @ptrCast(@alignCast(chunk));
        pool.release(base[0..chunk.block_len]);
    }

    /// Where bytes may still be written; `end` is raised by what was.
    pub fn free(chunk: *Chunk) []u8 {
        if (chunk.file != null) return &.{};
        return chunk.storage()[chunk.end..];
    }

    pub fn pending(chunk: *Chunk) []u8 {
        return chunk.storage()[chunk.start..chunk.end];
    }

    pub fn left(chunk: *const Chunk) u64 {
        return if (chunk.file) |range| range.left else chunk.end - chunk.start;
    }

    fn consume(chunk: *Chunk, count: u64) void {
        if (chunk.file) |*range| {
            range.offset += count;
            range.left -= count;
        } else chunk.start += @intCast(count);
    }

    fn storage(chunk: *Chunk) []u8 {
        const base: [*]u8 = @ptrCast(chunk);
        return base[header_bytes..chunk.block_len];
    }
};

pub const Output = struct {
    first: ?*Chunk = null,
    last: ?*Chunk = null,
    /// Several bodies of up to `limits.answer_bytes_max`, and any number of files, may wait.
    bytes: u64 = 0,

    pub const vectors_max = 16;

    pub fn append(output: *Output, chunk: *Chunk) void {
        assert(chunk.next == null);
        if (output.last) |last| last.next = chunk else output.first = chunk;
        output.last = chunk;
        output.bytes += chunk.left();
    }

    /// Everything of another queue, which is empty after.
    pub fn take(output: *Output, other: *Output) void {
        const first = other.first orelse return;
        if (output.last) |last| last.next = first else output.first = first;
        output.last = other.last;
        output.bytes += other.bytes;
        other.* = .{};
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

    /// Copies what is left of some pieces after `taken` bytes of them were sent.
    pub fn copyRest(
        output: *Output,
        pool: *Pool,
        pieces: []const []const u8,
        taken: usize,
    ) error{OutOfMemory}!void {
        var skipped = taken;
        for (pieces) |piece| {
            const skip = @min(skipped, piece.len);
            skipped -= skip;
            try output.copy(pool, piece[skip..]);
        }
    }

    /// What the socket is offered next.
    pub const Next = union(enum) {
        nothing,
        /// So many vectors were filled; `more`: a file follows them.
        vectors: struct { count: u32, more: bool },
        file: *const FileRange,
    };

    pub fn next(output: *const Output, into: *[vectors_max]sys.ConstVector) Next {
        var count: u32 = 0;
        var at = output.first;
        while (at) |chunk| : (at = chunk.next) {
            if (chunk.left() == 0) continue;
            if (chunk.file) |*range| {
                if (count == 0) return .{ .file = range };
                return .{ .vectors = .{ .count = count, .more = true } };
            }
            if (count == vectors_max) break;
            const bytes = chunk.pending();
            into[count] = .{ .base = bytes.ptr, .len = bytes.len };
            count += 1;
        }
        if (count == 0) return .nothing;
        return .{ .vectors = .{ .count = count, .more = false } };
    }

    /// The socket took this many bytes.
    pub fn consume(output: *Output, pool: *Pool, count: u64) void {
        var rest = count;
        output.bytes -= rest;
        while (output.first) |chunk| {
            const len = chunk.left();
            if (len > rest) return chunk.consume(rest);
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
        var list: [Output.vectors_max]sys.ConstVector = undefined;
        var taken = random.random().uintAtMost(usize, output.bytes);
        const count = switch (output.next(&list)) {
            .nothing => 0,
            .vectors => |vectors| vectors.count,
            .file => unreachable,
        };
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

test "a file is offered alone, and given back when its range has left" {
    const Owner = struct {
        released: u32 = 0,
        fn release(owner: *anyopaque) void {
            const self: *@This() = @ptrCast(@alignCast(owner));
            self.released += 1;
        }
    };
    var pool = Pool.init(1 << 20);
    defer pool.deinit();
    var owner: Owner = .{};
    var output: Output = .{};
    try output.copy(&pool, "head");
    const range: FileRange = .{
        .fd = 3,
        .offset = 10,
        .left = 100,
        .owner = &owner,
        .release = Owner.release,
    };
    output.append(try Chunk.createFile(&pool, range));
    try output.copy(&pool, "tail");
    try std.testing.expectEqual(108, output.bytes);

    var list: [Output.vectors_max]sys.ConstVector = undefined;
    const head = output.next(&list).vectors;
    try std.testing.expectEqual(1, head.count);
    try std.testing.expect(head.more);
    output.consume(&pool, 4);
    try std.testing.expectEqual(10, output.next(&list).file.offset);
    output.consume(&pool, 30);
    try std.testing.expectEqual(40, output.next(&list).file.offset);
    try std.testing.expectEqual(0, owner.released);
    output.consume(&pool, 70);
    try std.testing.expectEqual(1, owner.released);
    try std.testing.expect(!output.next(&list).vectors.more);
    var other: Output = .{};
    other.append(try Chunk.createFile(&pool, range));
    output.take(&other);
    output.clear(&pool);
    try std.testing.expectEqual(2, owner.released);
}
