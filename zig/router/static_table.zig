//! Paths of patterns without parameters, found whole: a hash table beside the tree. Static text
//! comes before everything else, so a hit with the wanted method is the tree's answer too.
//! `router.zig` asks it first; `bench/micro/router.zig` measures with and without.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Static = @import("builder.zig").Static;
const Leaf = @import("tree.zig").Leaf;

const Slot = struct {
    hash: u32,
    path_len: u32,
    path: [*]const u8,
    leaf: Leaf,
};

pub const StaticTable = struct {
    /// A power of two, at most half full; `path_len` 0 is empty, as every path has its '/'.
    slots: []const Slot,

    pub const empty: StaticTable = .{ .slots = &.{} };

    pub fn init(arena: Allocator, statics: []const Static) Allocator.Error!StaticTable {
        if (statics.len == 0) return empty;
        const capacity = std.math.ceilPowerOfTwoAssert(usize, statics.len * 2);
        const slots = try arena.alloc(Slot, capacity);
        for (slots) |*slot| slot.* = .{ .hash = 0, .path_len = 0, .path = "", .leaf = .empty };
        for (statics) |static| {
            const hash = hashOf(static.path);
            var index = hash & (capacity - 1);
            while (slots[index].path_len != 0) index = (index + 1) & (capacity - 1);
            slots[index] = .{
                .hash = hash,
                .path_len = @intCast(static.path.len),
                .path = static.path.ptr,
                .leaf = static.leaf,
            };
        }
        return .{ .slots = slots };
    }

    pub fn find(self: *const StaticTable, path: []const u8) ?Leaf {
        if (self.slots.len == 0) return null;
        const hash = hashOf(path);
        const mask = self.slots.len - 1;
        var index = hash & mask;
        while (true) : (index = (index + 1) & mask) {
            const slot = &self.slots[index];
            if (slot.path_len == 0) return null;
            if (slot.hash != hash or slot.path_len != path.len) continue;
            if (std.mem.eql(u8, slot.path[0..slot.path_len], path)) return slot.leaf;
        }
    }
};

/// Two multiplications for a path of up to sixteen bytes. Clients cannot choose what is in the
/// table, so collisions cannot be forced beyond what the declared routes have among themselves.
fn hashOf(path: []const u8) u32 {
    const multiplier: u64 = 0x9e37_79b9_7f4a_7c15;
    var state: u64 = path.len *% multiplier;
    var rest = path;
    while (rest.len >= 8) : (rest = rest[8..]) {
        state = (state ^ std.mem.readInt(u64, rest[0..8], .little)) *% multiplier;
        state ^= state >> 29;
    }
    if (rest.len >= 4) {
        const low: u64 = std.mem.readInt(u32, rest[0..4], .little);
        const high: u64 = std.mem.readInt(u32, rest[rest.len - 4 ..][0..4], .little);
        state = (state ^ (high << 32 | low)) *% multiplier;
    } else if (rest.len > 0) {
        const bytes: u64 = @as(u64, rest[0]) | @as(u64, rest[rest.len / 2]) << 8 |
            @as(u64, rest[rest.len - 1]) << 16;
        state = (state ^ bytes) *% multiplier;
    }
    return @truncate(state >> 32);
}

const testing = std.testing;

test "every path of a random set is found, and no other" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    for (0..50) |_| {
        var known: std.StringArrayHashMapUnmanaged(void) = .empty;
        for (0..random.intRangeAtMost(usize, 1, 200)) |_| {
            const path = try arena.allocator().alloc(u8, random.intRangeAtMost(usize, 1, 40));
            // Two letters, so that many paths differ in one byte only.
            for (path) |*byte| byte.* = "/a"[random.uintLessThan(usize, 2)];
            try known.put(arena.allocator(), path, {});
        }
        const half = known.count() / 2;
        const statics = try arena.allocator().alloc(Static, half);
        for (statics, known.keys()[0..half], 0..) |*static, path, index|
            static.* = .{ .path = path, .leaf = .{ .methods = 1, .routes = @intCast(index) } };
        const table: StaticTable = try .init(arena.allocator(), statics);
        for (known.keys(), 0..) |path, index| {
            const leaf = table.find(path);
            try testing.expectEqual(index < half, leaf != null);
            if (leaf) |found| try testing.expectEqual(index, found.routes);
        }
    }
}
