//! Memory straight from the system, for what is large and lives long. Reached through `sys.zig`;
//! used by the slab, the pool, the timer wheel and the view.

const std = @import("std");
const sys = @import("../sys.zig");

pub const MapError = error{ OutOfMemory, Unexpected };

pub const Memory = []align(std.heap.page_size_min) u8;

/// Zeroed private memory that costs nothing until a page is touched, and is not counted against the
/// commit limit before.
pub fn mapMemory(len: usize) MapError!Memory {
    const result = std.c.mmap(
        null,
        len,
        .{ .READ = true, .WRITE = true },
        .{ .TYPE = .PRIVATE, .ANONYMOUS = true, .NORESERVE = true },
        -1,
        0,
    );
    if (result != std.c.MAP_FAILED) {
        const start: [*]align(std.heap.page_size_min) u8 = @ptrCast(@alignCast(result));
        return start[0..len];
    }
    return switch (std.c.errno(@as(c_int, -1))) {
        .NOMEM, .AGAIN => error.OutOfMemory,
        else => |code| sys.unexpected("mmap", code),
    };
}

pub fn unmapMemory(memory: Memory) void {
    if (std.c.munmap(memory.ptr, memory.len) != 0)
        sys.unexpected("munmap", std.c.errno(@as(c_int, -1))) catch {};
}

/// Gives the pages of a mapping back but keeps its addresses: what is in it is lost. It reads as
/// zeros afterwards on Linux, and as zeros or old bytes on macOS.
pub fn discardMemory(memory: Memory) void {
    const advice = if (sys.is_linux) std.c.MADV.DONTNEED else std.c.MADV.FREE;
    if (std.c.madvise(memory.ptr, memory.len, advice) != 0)
        sys.unexpected("madvise", std.c.errno(@as(c_int, -1))) catch {};
}

const testing = std.testing;

test "mapped memory is zero, and pages go back" {
    const memory = try mapMemory(1 << 30);
    defer unmapMemory(memory);
    try testing.expectEqual(0, memory[memory.len - 1]);
    memory[0] = 1;
    discardMemory(memory[0..std.heap.page_size_min]);
    if (sys.is_linux) try testing.expectEqual(0, memory[0]);
}
