//! Memory that several processes map by one descriptor: the block of metrics. Used by
//! `metrics/block.zig`.

const std = @import("std");
const file = @import("file.zig");
const sys = @import("../sys.zig");

pub const CreateError = error{ OutOfMemory, TooManyDescriptors, Unexpected };
pub const MapError = error{ OutOfMemory, NotShared, Unexpected };

const is_linux = sys.is_linux;

/// Nothing in any file system: it lives as long as a descriptor or a mapping of it. The descriptor
/// is closed by exec, unless it is passed on.
pub fn create(len: usize) CreateError!sys.Descriptor {
    const fd = if (is_linux) try openMemory() else try openUnnamed();
    errdefer sys.close(fd);
    // Pages that nobody touched take no memory.
    if (std.c.ftruncate(fd, @intCast(len)) != 0) return switch (std.c.errno(@as(c_int, -1))) {
        .NOMEM, .NOSPC, .FBIG => error.OutOfMemory,
        else => |code| sys.unexpected("ftruncate", code),
    };
    return fd;
}

/// Not through libc: the oldest one that is supported has no wrapper.
fn openMemory() CreateError!sys.Descriptor {
    const result = std.os.linux.memfd_create("chopin-metrics", std.os.linux.MFD.CLOEXEC);
    return switch (std.os.linux.errno(result)) {
        .SUCCESS => @intCast(result),
        .MFILE, .NFILE => error.TooManyDescriptors,
        .NOMEM => error.OutOfMemory,
        else => |code| sys.unexpected("memfd_create", code),
    };
}

/// macOS has no memfd: a name that is gone as soon as it is open.
fn openUnnamed() CreateError!sys.Descriptor {
    var text: [32]u8 = undefined;
    const pid: u32 = @bitCast(std.c.getpid());
    const unique: u32 = @truncate(sys.monotonicNs());
    // 31 bytes are allowed there.
    const name = std.fmt.bufPrintZ(&text, "/chopin{x}.{x}", .{ pid, unique }) catch unreachable;
    const flags: c_int = @bitCast(std.c.O{ .ACCMODE = .RDWR, .CREAT = true, .EXCL = true });
    const fd = std.c.shm_open(name, flags, @as(c_int, 0o600));
    if (fd >= 0) {
        _ = std.c.shm_unlink(name);
        return fd;
    }
    return switch (std.c.errno(@as(c_int, -1))) {
        .MFILE, .NFILE => error.TooManyDescriptors,
        else => |code| sys.unexpected("shm_open", code),
    };
}

/// Maps what the descriptor has, all of it.
pub fn map(fd: sys.Descriptor) MapError!sys.Memory {
    const about = file.aboutDescriptor(fd) catch return error.NotShared;
    if (about.size == 0) return error.NotShared;
    const len: usize = @intCast(about.size);
    const result = std.c.mmap(
        null,
        len,
        .{ .READ = true, .WRITE = true },
        .{ .TYPE = .SHARED },
        fd,
        0,
    );
    if (result != std.c.MAP_FAILED) {
        const start: [*]align(std.heap.page_size_min) u8 = @ptrCast(@alignCast(result));
        return start[0..len];
    }
    return switch (std.c.errno(@as(c_int, -1))) {
        .NOMEM, .AGAIN => error.OutOfMemory,
        .ACCES, .BADF, .NODEV => error.NotShared,
        else => |code| sys.unexpected("mmap", code),
    };
}

test "two mappings of one descriptor show the same bytes" {
    const fd = try create(1 << 20);
    defer sys.close(fd);
    const first = try map(fd);
    defer sys.unmapMemory(first);
    const second = try map(fd);
    defer sys.unmapMemory(second);
    first[first.len - 1] = 7;
    try std.testing.expectEqual(1 << 20, second.len);
    try std.testing.expectEqual(7, second[second.len - 1]);
}

test "what is no shared memory is refused" {
    const pair = try sys.socketPair();
    defer for (pair) |fd| sys.close(fd);
    try std.testing.expectError(error.NotShared, map(pair[0]));
}
