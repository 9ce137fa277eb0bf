//! A fixed number of slots for connections and pending requests. A handle is a slot's index and its
//! generation, so that one that outlived its slot is recognised. Memory is reserved at once and
//! touched slot by slot: a large capacity costs nothing until it is used. Used by the server and by
//! held requests.

const std = @import("std");
const sys = @import("sys.zig");

pub fn Slab(comptime T: type) type {
    return struct {
        const Self = @This();
        const none = std.math.maxInt(u32);

        const Slot = struct {
            item: T,
            /// Odd while the slot is live: fresh memory is zero, so an untouched slot is free.
            generation: u32,
            /// Index of the next free slot; only valid while free.
            next_free: u32,
        };

        memory: sys.Memory,
        slots: []Slot,
        first_free: u32,
        /// Slots at or above this index were never used, so nothing reads them.
        touched: u32,
        count: u32,

        pub fn init(capacity: u32) sys.MapError!Self {
            std.debug.assert(capacity > 0 and capacity < none);
            comptime std.debug.assert(@alignOf(Slot) <= std.heap.page_size_min);
            const memory = try sys.mapMemory(@sizeOf(Slot) * @as(usize, capacity));
            return .{
                .memory = memory,
                .slots = @as([*]Slot, @ptrCast(memory.ptr))[0..capacity],
                .first_free = none,
                .touched = 0,
                .count = 0,
            };
        }

        pub fn deinit(self: *Self) void {
            sys.unmapMemory(self.memory);
            self.* = undefined;
        }

        /// The index of a slot whose item the caller must now write; null when all are taken. The
        /// slot freed last comes first: its memory is in the cache.
        pub fn acquire(self: *Self) ?u32 {
            const index = if (self.first_free != none) self.first_free else self.touched;
            if (index == self.slots.len) return null;
            const slot = &self.slots[index];
            if (index == self.touched) self.touched += 1 else self.first_free = slot.next_free;
            slot.generation +%= 1;
            self.count += 1;
            return index;
        }

        /// From here on handles of this slot are stale. The item is not touched until the next
        /// `acquire`.
        pub fn release(self: *Self, index: u32) void {
            const slot = &self.slots[index];
            std.debug.assert(slot.generation & 1 == 1);
            slot.generation +%= 1;
            slot.next_free = self.first_free;
            self.first_free = index;
            self.count -= 1;
        }

        /// The item of a slot that the caller knows to be live.
        pub fn at(self: *const Self, index: u32) *T {
            const slot = &self.slots[index];
            std.debug.assert(slot.generation & 1 == 1);
            return &slot.item;
        }

        pub fn generationOf(self: *const Self, index: u32) u32 {
            return self.slots[index].generation;
        }

        /// Brings a slot into the cache; any index may be given.
        pub fn prefetch(self: *const Self, index: u32) void {
            if (index >= self.touched) return;
            const bytes = std.mem.asBytes(&self.slots[index]);
            inline for (0..(@sizeOf(Slot) + 63) / 64) |line| {
                @prefetch(bytes[line * 64 ..].ptr, .{});
            }
        }

        /// The item behind a handle from outside: null when the index is out of range or the handle
        /// stale.
        pub fn get(self: *const Self, index: u32, generation: u32) ?*T {
            if (index >= self.touched or generation & 1 == 0) return null;
            const slot = &self.slots[index];
            return if (slot.generation == generation) &slot.item else null;
        }

        /// The slot of an item that `at` or `get` gave.
        pub fn indexOf(self: *const Self, item: *const T) u32 {
            const slot: *const Slot = @alignCast(@fieldParentPtr("item", item));
            return @intCast((@intFromPtr(slot) - @intFromPtr(self.slots.ptr)) / @sizeOf(Slot));
        }

        pub const Iterator = struct {
            slab: *const Self,
            next_index: u32 = 0,

            pub fn next(iterator: *Iterator) ?u32 {
                while (iterator.next_index < iterator.slab.touched) {
                    const index = iterator.next_index;
                    iterator.next_index += 1;
                    if (iterator.slab.slots[index].generation & 1 == 1) return index;
                }
                return null;
            }
        };

        /// Live slots in order of index. Slots may be released on the way; one acquired on the way
        /// may or may not be seen.
        pub fn iterate(self: *const Self) Iterator {
            return .{ .slab = self };
        }
    };
}

const testing = std.testing;

test "random operations agree with a naive model" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    const capacity = 50;
    const Handle = struct { index: u32, generation: u32, value: u64 };
    var slab: Slab(u64) = try .init(capacity);
    defer slab.deinit();
    var live: [capacity]Handle = undefined;
    var live_count: usize = 0;
    var stale: [64]Handle = undefined;
    var stale_count: usize = 0;
    for (0..100_000) |step| {
        // Phases of growth and of shrinking reach both ends.
        const growth_percent: u32 = if (step / 500 % 2 == 0) 70 else 30;
        if (random.uintLessThan(u32, 100) < growth_percent) {
            const index = slab.acquire() orelse {
                try testing.expectEqual(capacity, live_count);
                continue;
            };
            const value = random.int(u64);
            slab.at(index).* = value;
            for (live[0..live_count]) |each| try testing.expect(each.index != index);
            live[live_count] = .{
                .index = index,
                .generation = slab.generationOf(index),
                .value = value,
            };
            live_count += 1;
        } else if (live_count > 0) {
            const pick = random.uintLessThan(usize, live_count);
            const handle = live[pick];
            slab.release(handle.index);
            live_count -= 1;
            live[pick] = live[live_count];
            stale[stale_count % stale.len] = handle;
            stale_count += 1;
        }
        try testing.expectEqual(live_count, slab.count);
        for (live[0..live_count]) |each| {
            const item = slab.get(each.index, each.generation).?;
            try testing.expectEqual(each.value, item.*);
            try testing.expectEqual(each.index, slab.indexOf(item));
        }
        for (stale[0..@min(stale_count, stale.len)]) |each|
            try testing.expectEqual(null, slab.get(each.index, each.generation));
        var iterator = slab.iterate();
        var seen: usize = 0;
        while (iterator.next()) |index| {
            seen += 1;
            for (live[0..live_count]) |each| {
                if (each.index == index) break;
            } else return error.DeadSlotSeen;
        }
        try testing.expectEqual(live_count, seen);
    }
}

test "handles from outside are checked" {
    var slab: Slab(u32) = try .init(4);
    defer slab.deinit();
    try testing.expectEqual(null, slab.get(0, 0));
    try testing.expectEqual(null, slab.get(0, 1));
    try testing.expectEqual(null, slab.get(std.math.maxInt(u32), 1));
    const index = slab.acquire().?;
    try testing.expectEqual(null, slab.get(index, slab.generationOf(index) + 1));
    try testing.expect(slab.get(index, slab.generationOf(index)) != null);
}

test "a huge capacity is only reserved" {
    var slab: Slab([4096]u8) = try .init(1 << 20);
    defer slab.deinit();
    for (0..3) |_| slab.at(slab.acquire().?)[0] = 1;
    var iterator = slab.iterate();
    while (iterator.next()) |index| slab.release(index);
    try testing.expectEqual(0, slab.count);
    try testing.expectEqual(3, slab.touched);
}
