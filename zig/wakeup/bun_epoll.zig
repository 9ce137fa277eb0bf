//! Finds the epoll instance of the event loop that runs the script. Used once by the server, which
//! nests that epoll in its own to notice that Bun's loop has work: it is only ever observed.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;

/// The epoll that watches `adopted`, a descriptor that Bun took over; it is Bun's to close. Null
/// when there is none (macOS, no /proc) or more than one, so that a wrong one is never taken. Bun's
/// other threads have epolls too, but none of them knows this descriptor.
pub fn findBunEpoll(adopted: sys.Descriptor) ?sys.Descriptor {
    if (!sys.is_linux) return null;
    const folder = open("/proc/self/fd", .{ .DIRECTORY = true }) orelse return null;
    defer sys.close(folder);
    var found: ?sys.Descriptor = null;
    var entries: [4096]u8 align(@alignOf(linux.dirent64)) = undefined;
    while (true) {
        const len = read(linux.getdents64(folder, &entries, entries.len)) orelse return null;
        if (len == 0) return found;
        var position: usize = 0;
        while (position < len) {
            const entry: *const linux.dirent64 = @ptrCast(@alignCast(&entries[position]));
            position += entry.reclen;
            const name: [*:0]const u8 = @ptrCast(&entry.name);
            const fd = std.fmt.parseInt(sys.Descriptor, std.mem.span(name), 10) catch continue;
            if (!isEpoll(folder, name) or !watches(fd, adopted)) continue;
            if (found != null) return null;
            found = fd;
        }
    }
}

fn isEpoll(folder: sys.Descriptor, name: [*:0]const u8) bool {
    var target: [64]u8 = undefined;
    const len = read(linux.readlinkat(folder, name, &target, target.len)) orelse return false;
    return std.mem.eql(u8, target[0..len], "anon_inode:[eventpoll]");
}

/// proc(5): an epoll's fdinfo has a line `tfd: <number> events: …` for each descriptor in it.
fn watches(epoll: sys.Descriptor, adopted: sys.Descriptor) bool {
    var path_buffer: [40]u8 = undefined;
    const path = std.fmt.bufPrintSentinel(
        &path_buffer,
        "/proc/self/fdinfo/{d}",
        .{epoll},
        0,
    ) catch return false;
    const file = open(path, .{}) orelse return false;
    defer sys.close(file);
    var buffer: [4096]u8 = undefined;
    var kept: usize = 0;
    while (true) {
        const space = buffer[kept..];
        const len = read(linux.read(file, space.ptr, space.len)) orelse return false;
        if (len == 0) return false;
        var rest: []const u8 = buffer[0 .. kept + len];
        while (std.mem.findScalar(u8, rest, '\n')) |end| {
            if (targetOf(rest[0..end]) == adopted) return true;
            rest = rest[end + 1 ..];
        }
        kept = rest.len;
        @memmove(buffer[0..kept], rest);
    }
}

fn targetOf(line: []const u8) ?sys.Descriptor {
    var words = std.mem.tokenizeScalar(u8, line, ' ');
    if (!std.mem.eql(u8, words.next() orelse return null, "tfd:")) return null;
    return std.fmt.parseInt(sys.Descriptor, words.next() orelse return null, 10) catch null;
}

fn open(path: [*:0]const u8, flags: linux.O) ?sys.Descriptor {
    var all = flags;
    all.CLOEXEC = true;
    const result = linux.open(path, all, 0);
    return if (linux.errno(result) == .SUCCESS) @intCast(result) else null;
}

/// Null for any failure: what cannot be read is not found.
fn read(result: usize) ?usize {
    return if (linux.errno(result) == .SUCCESS) result else null;
}

const testing = std.testing;

test "the epoll that watches a descriptor is found, two are none" {
    if (!sys.is_linux) return error.SkipZigTest;
    const pair = try sys.socketPair();
    defer for (pair) |fd| sys.close(fd);
    try testing.expectEqual(null, findBunEpoll(pair[0]));
    const other = try sys.epollCreate();
    defer sys.close(other);
    try sys.epollControl(other, .add, pair[1], sys.Epoll.IN, 0);
    const first = try sys.epollCreate();
    defer sys.close(first);
    // So many that the file is read in several pieces.
    var fillers: [200]sys.Descriptor = undefined;
    for (&fillers) |*fd| {
        fd.* = try sys.eventCreate();
        try sys.epollControl(first, .add, fd.*, sys.Epoll.IN, 0);
    }
    defer for (fillers) |fd| sys.close(fd);
    try testing.expectEqual(null, findBunEpoll(pair[0]));
    try sys.epollControl(first, .add, pair[0], sys.Epoll.IN, 0);
    try testing.expectEqual(first, findBunEpoll(pair[0]));
    const second = try sys.epollCreate();
    defer sys.close(second);
    try sys.epollControl(second, .add, pair[0], sys.Epoll.IN, 0);
    try testing.expectEqual(null, findBunEpoll(pair[0]));
}
