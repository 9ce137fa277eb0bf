//! Blocks for bytes that outlive a turn: heads that came in part, bodies, answers that wait for the
//! peer. Sizes are powers of two, so that a block given back serves the next that needs any of its
//! size; what is free beyond a cap goes back at once. Used by the connections of one reactor, on
//! its thread.

const std = @import("std");
const sys = @import("sys.zig");

pub const Pool = struct {
    const least_log2 = 8;
    const most_log2 = 18;
    /// Below this size (64 KiB) blocks come from the C allocator. From it on they are mapped,
    /// because the C allocator keeps freed memory of such sizes for itself while anything above it
    /// is in use.
    const mapped_log2 = 16;
    pub const block_bytes_least = 1 << least_log2;
    pub const block_bytes_most = 1 << most_log2;

    const Free = struct { next: ?*Free };

    free: [most_log2 - least_log2 + 1]?*Free = @splat(null),
    free_bytes: usize = 0,
    free_bytes_max: usize,
    /// Bytes of the blocks that are out, by their whole sizes.
    used_bytes: usize = 0,

    /// `free_bytes_max` is what is kept for the next `acquire` between two calls of `trim`.
    pub fn init(free_bytes_max: usize) Pool {
        return .{ .free_bytes_max = free_bytes_max };
    }

    /// Every block must have been given back.
    pub fn deinit(pool: *Pool) void {
        std.debug.assert(pool.used_bytes == 0);
        pool.trim();
        pool.* = undefined;
    }

    /// A block of at least `len` bytes, usually more: its whole length may be used, and the same
    /// slice must be given to `release`. Null when the system has no memory.
    pub fn acquire(pool: *Pool, len: usize) ?[]u8 {
        const size = blockSize(len);
        const block = if (pool.takeFree(size)) |block| block else allocate(size) orelse return null;
        pool.used_bytes += size;
        return block;
    }

    pub fn release(pool: *Pool, block: []u8) void {
        std.debug.assert(block.len == blockSize(block.len));
        @memset(block, undefined);
        pool.used_bytes -= block.len;
        if (block.len > block_bytes_most or pool.free_bytes + block.len > pool.free_bytes_max)
            return deallocate(block);
        const node: *Free = @ptrCast(@alignCast(block.ptr));
        const list = &pool.free[classOf(block.len)];
        node.* = .{ .next = list.* };
        list.* = node;
        pool.free_bytes += block.len;
    }

    /// Gives all free blocks back to the system: for when the server falls idle.
    pub fn trim(pool: *Pool) void {
        for (&pool.free, least_log2..) |*list, log2| {
            while (list.*) |node| {
                list.* = node.next;
                const start: [*]u8 = @ptrCast(node);
                deallocate(start[0 .. @as(usize, 1) << @intCast(log2)]);
            }
        }
        pool.free_bytes = 0;
    }

    fn takeFree(pool: *Pool, size: usize) ?[]u8 {
        if (size > block_bytes_most) return null;
        const list = &pool.free[classOf(size)];
        const node = list.* orelse return null;
        list.* = node.next;
        pool.free_bytes -= size;
        const start: [*]u8 = @ptrCast(node);
        return start[0..size];
    }

    /// Sizes above the largest class are not rounded: they are rare, and twice a large body is a
    /// lot.
    fn blockSize(len: usize) usize {
        if (len > block_bytes_most) return len;
        return std.math.ceilPowerOfTwoAssert(usize, @max(len, block_bytes_least));
    }

    fn classOf(size: usize) usize {
        return std.math.log2_int(usize, size) - least_log2;
    }

    fn isMapped(size: usize) bool {
        return size >= 1 << mapped_log2 and size <= block_bytes_most;
    }

    fn allocate(size: usize) ?[]u8 {
        if (isMapped(size)) return sys.mapMemory(size) catch return null;
        const start: [*]u8 = @ptrCast(std.c.malloc(size) orelse return null);
        return start[0..size];
    }

    fn deallocate(block: []u8) void {
        if (isMapped(block.len)) return sys.unmapMemory(@alignCast(block));
        std.c.free(block.ptr);
    }
};

const testing = std.testing;

test "random operations agree with a naive model" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var pool: Pool = .init(1024 * 1024);
    defer pool.deinit();
    const Held = struct { block: []u8, mark: u8 };
    var held: [100]Held = undefined;
    var held_count: usize = 0;
    var held_bytes: usize = 0;
    for (0..20_000) |_| {
        if (held_count < held.len and random.boolean()) {
            // Spread over the sizes, not over the numbers.
            const len = random.uintAtMost(usize, @as(usize, 1) << random.uintAtMost(u6, 20));
            const block = pool.acquire(len).?;
            try testing.expect(block.len >= len);
            try testing.expect(block.len <= @max(2 * len, Pool.block_bytes_least));
            const mark = random.int(u8);
            @memset(block, mark);
            held[held_count] = .{ .block = block, .mark = mark };
            held_count += 1;
            held_bytes += block.len;
        } else if (held_count > 0) {
            const pick = random.uintLessThan(usize, held_count);
            const each = held[pick];
            // An overlap with another block would have overwritten the ends.
            try testing.expect(each.block[0] == each.mark);
            try testing.expect(each.block[each.block.len / 2] == each.mark);
            try testing.expect(each.block[each.block.len - 1] == each.mark);
            held_count -= 1;
            held[pick] = held[held_count];
            held_bytes -= each.block.len;
            pool.release(each.block);
        }
        try testing.expectEqual(held_bytes, pool.used_bytes);
        try testing.expect(pool.free_bytes <= pool.free_bytes_max);
        if (random.uintLessThan(u32, 1000) == 0) {
            pool.trim();
            try testing.expectEqual(0, pool.free_bytes);
        }
    }
    for (held[0..held_count]) |each| pool.release(each.block);
}

test "a block given back serves the next request of its size" {
    var pool: Pool = .init(4096);
    defer pool.deinit();
    const first = pool.acquire(300).?;
    try testing.expectEqual(512, first.len);
    pool.release(first);
    try testing.expectEqual(512, pool.free_bytes);
    const second = pool.acquire(512).?;
    try testing.expectEqual(first.ptr, second.ptr);
    pool.release(second);
    const large = pool.acquire(Pool.block_bytes_most).?;
    pool.release(large);
    try testing.expectEqual(512, pool.free_bytes);
}
