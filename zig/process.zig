//! What a process does about itself so that several can be one service: it ends with its parent,
//! keeps to one processor, owns the descriptors that it was started with, and tells the service
//! manager how it is. Called through `c/process.zig`.

const std = @import("std");
const sys = @import("sys.zig");
const linux = std.os.linux;

pub const ParentError = error{ ParentGone, Unexpected };
pub const OwnError = error{ NoDescriptor, Unexpected };
pub const PinError = error{ Unsupported, Unexpected };
pub const NotifyError = error{ InvalidPath, NotReached };

/// The kernel kills this process when the thread that started it ends (Linux). A parent that died
/// before the call would never be noticed: whoever is the parent by then, it is not `expected`.
pub fn dieWithParent(expected: std.c.pid_t) ParentError!void {
    if (sys.is_linux) {
        const option = @intFromEnum(linux.PR.SET_PDEATHSIG);
        const signal = @intFromEnum(linux.SIG.KILL);
        switch (linux.errno(linux.prctl(option, signal, 0, 0, 0))) {
            .SUCCESS => {},
            else => |code| return sys.unexpected("prctl", code),
        }
    }
    if (std.c.getppid() != expected) return error.ParentGone;
}

/// Makes an inherited descriptor like those of our own: it does not block, and programs that this
/// process starts do not get it.
pub fn own(fd: sys.Descriptor) OwnError!void {
    const flags = std.c.fcntl(fd, std.c.F.GETFL);
    if (flags == -1) return error.NoDescriptor;
    const nonblocking: c_int = @bitCast(std.c.O{ .NONBLOCK = true });
    if (std.c.fcntl(fd, std.c.F.SETFL, flags | nonblocking) == -1 or
        std.c.fcntl(fd, std.c.F.SETFD, @as(c_int, std.c.FD_CLOEXEC)) == -1)
        return sys.unexpected("fcntl", std.c.errno(@as(c_int, -1)));
}

/// A socket that accepts connections.
pub fn isListening(fd: sys.Descriptor) bool {
    var value: c_int = 0;
    var len: std.c.socklen_t = @sizeOf(c_int);
    const option = std.c.SO.ACCEPTCONN;
    return std.c.getsockopt(fd, std.c.SOL.SOCKET, option, &value, &len) == 0 and value != 0;
}

pub fn isTerminal(fd: sys.Descriptor) bool {
    return std.c.isatty(fd) == 1;
}

/// Keeps this thread, and those that it starts, to one of the processors that it may use: `nth`
/// counts them, and starts over at the end.
pub fn pin(nth: u32) PinError!void {
    if (!sys.is_linux) return error.Unsupported;
    var allowed: linux.cpu_set_t = undefined;
    switch (linux.errno(linux.sched_getaffinity(0, @sizeOf(linux.cpu_set_t), &allowed))) {
        .SUCCESS => {},
        else => |code| return sys.unexpected("sched_getaffinity", code),
    }
    var left = nth % @max(1, linux.CPU_COUNT(allowed));
    var only: linux.cpu_set_t = @splat(0);
    for (allowed, 0..) |word, place| {
        if (left >= @popCount(word)) {
            left -= @popCount(word);
            continue;
        }
        var rest = word;
        while (left > 0) : (left -= 1) rest &= rest - 1;
        only[place] = rest & (~rest + 1);
        break;
    }
    linux.sched_setaffinity(0, &only) catch return error.Unexpected;
}

/// One datagram to the service manager, by the protocol of sd_notify(3). `path` is NOTIFY_SOCKET,
/// where a leading `@` stands for the NUL of an abstract name.
pub fn notify(path: []const u8, text: []const u8) NotifyError!void {
    var name: [108]u8 = undefined;
    if (path.len == 0 or path.len > name.len) return error.InvalidPath;
    @memcpy(name[0..path.len], path);
    if (name[0] == '@') name[0] = 0;
    const address = try sys.Address.unix(name[0..path.len]);
    const fd = std.c.socket(std.posix.AF.UNIX, std.posix.SOCK.DGRAM, 0);
    if (fd < 0) return error.NotReached;
    defer sys.close(fd);
    const count = std.c.sendto(fd, text.ptr, text.len, 0, &address.any, address.length());
    if (count != text.len) return error.NotReached;
}

const testing = std.testing;

test "an inherited descriptor no longer blocks and is not passed on" {
    const bound = try sys.resolveHost("127.0.0.1", 0);
    const fd = std.c.socket(bound.any.family, std.posix.SOCK.STREAM, 0);
    defer sys.close(fd);
    try own(fd);
    const flags: std.c.O = @bitCast(std.c.fcntl(fd, std.c.F.GETFL));
    try testing.expect(flags.NONBLOCK);
    try testing.expectEqual(std.c.FD_CLOEXEC, std.c.fcntl(fd, std.c.F.GETFD));
    try testing.expect(!isListening(fd));
    try testing.expect(!isTerminal(fd));
    try sys.listen(fd, 1);
    try testing.expect(isListening(fd));
    try testing.expectError(error.NoDescriptor, own(9999));
}

test "a parent that is not the expected one" {
    try testing.expectError(error.ParentGone, dieWithParent(1 << 30));
    if (sys.is_linux) _ = linux.prctl(@intFromEnum(linux.PR.SET_PDEATHSIG), 0, 0, 0, 0);
}

test "pinned to one of the processors that are allowed, whichever is counted" {
    if (!sys.is_linux) return;
    var before: linux.cpu_set_t = undefined;
    _ = linux.sched_getaffinity(0, @sizeOf(linux.cpu_set_t), &before);
    defer linux.sched_setaffinity(0, &before) catch {};
    for ([_]u32{ 0, 1, 7, 1000 }) |nth| {
        try pin(nth);
        var now: linux.cpu_set_t = undefined;
        _ = linux.sched_getaffinity(0, @sizeOf(linux.cpu_set_t), &now);
        try testing.expectEqual(1, linux.CPU_COUNT(now));
        for (now, before) |bits, allowed| try testing.expectEqual(bits, bits & allowed);
        try linux.sched_setaffinity(0, &before);
    }
}

test "a service manager hears what is sent to it" {
    const path = "@chopin-notify-test";
    var name: [path.len]u8 = path.*;
    name[0] = 0;
    if (!sys.is_linux) return;
    const address = try sys.Address.unix(&name);
    const fd = std.c.socket(std.posix.AF.UNIX, std.posix.SOCK.DGRAM, 0);
    defer sys.close(fd);
    try testing.expectError(error.NotReached, notify(path, "READY=1"));
    try sys.bind(fd, &address);
    try notify(path, "READY=1");
    var buffer: [32]u8 = undefined;
    try testing.expectEqualStrings("READY=1", buffer[0..try sys.receive(fd, &buffer)]);
    try testing.expectError(error.InvalidPath, notify("", "READY=1"));
}
