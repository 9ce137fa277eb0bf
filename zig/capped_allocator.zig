//! An allocator with a ceiling: everything that requests hold beyond a turn, their gathered bodies
//! and the copies of those that wait, counts against one number for each worker. What would exceed
//! it is out of memory for that request alone, which is answered 503. Owned by `core.zig`.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Alignment = std.mem.Alignment;

pub const CappedAllocator = struct {
    child: Allocator,
    bytes_max: u64,
    bytes: u64 = 0,

    pub fn init(child: Allocator, bytes_max: u64) CappedAllocator {
        return .{ .child = child, .bytes_max = bytes_max };
    }

    pub fn allocator(self: *CappedAllocator) Allocator {
        return .{ .ptr = self, .vtable = &.{
            .alloc = alloc,
            .resize = resize,
            .remap = remap,
            .free = free,
        } };
    }

    fn fits(self: *const CappedAllocator, old_len: usize, new_len: usize) bool {
        return self.bytes - old_len + new_len <= self.bytes_max;
    }

    fn alloc(context: *anyopaque, len: usize, alignment: Alignment, caller: usize) ?[*]u8 {
        const self: *CappedAllocator = @ptrCast(@alignCast(context));
        if (!self.fits(0, len)) return null;
        const memory = self.child.rawAlloc(len, alignment, caller) orelse return null;
        self.bytes += len;
        return memory;
    }

    fn resize(
        context: *anyopaque,
        memory: []u8,
        alignment: Alignment,
        new_len: usize,
        caller: usize,
    ) bool {
        const self: *CappedAllocator = @ptrCast(@alignCast(context));
        if (!self.fits(memory.len, new_len)) return false;
        if (!self.child.rawResize(memory, alignment, new_len, caller)) return false;
        self.bytes = self.bytes - memory.len + new_len;
        return true;
    }

    fn remap(
        context: *anyopaque,
        memory: []u8,
        alignment: Alignment,
        new_len: usize,
        caller: usize,
    ) ?[*]u8 {
        const self: *CappedAllocator = @ptrCast(@alignCast(context));
        if (!self.fits(memory.len, new_len)) return null;
        const moved = self.child.rawRemap(memory, alignment, new_len, caller) orelse return null;
        self.bytes = self.bytes - memory.len + new_len;
        return moved;
    }

    fn free(context: *anyopaque, memory: []u8, alignment: Alignment, caller: usize) void {
        const self: *CappedAllocator = @ptrCast(@alignCast(context));
        self.child.rawFree(memory, alignment, caller);
        self.bytes -= memory.len;
    }
};

test "what exceeds the ceiling fails, and freeing makes room" {
    var capped: CappedAllocator = .init(std.testing.allocator, 100);
    const allocator = capped.allocator();
    const first = try allocator.alloc(u8, 60);
    try std.testing.expectError(error.OutOfMemory, allocator.alloc(u8, 41));
    const second = try allocator.alloc(u8, 40);
    try std.testing.expectError(error.OutOfMemory, allocator.realloc(second, 41));
    allocator.free(first);
    const grown = try allocator.realloc(second, 50);
    try std.testing.expectEqual(50, capped.bytes);
    allocator.free(grown);
    try std.testing.expectEqual(0, capped.bytes);
}
