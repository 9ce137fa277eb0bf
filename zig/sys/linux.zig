//! Linux only: epoll, eventfd and timerfd. Reached through `sys.zig`; used by the epoll reactor and
//! the wake-up.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;
const Descriptor = sys.Descriptor;

pub const EpollEvent = linux.epoll_event;
pub const Epoll = linux.EPOLL;

pub const EpollError = error{
    TooManyDescriptors,
    OutOfMemory,
    /// Added twice, or changed without having been added.
    AlreadyRegistered,
    NotRegistered,
    /// The descriptor is a regular file, or nesting is too deep or circular.
    NotPollable,
    Unexpected,
};

pub fn epollCreate() EpollError!Descriptor {
    const result = linux.epoll_create1(linux.EPOLL.CLOEXEC);
    return switch (linux.errno(result)) {
        .SUCCESS => @intCast(result),
        .MFILE, .NFILE => error.TooManyDescriptors,
        .NOMEM => error.OutOfMemory,
        else => |code| sys.unexpected("epoll_create1", code),
    };
}

pub const EpollOperation = enum(u32) {
    add = linux.EPOLL.CTL_ADD,
    modify = linux.EPOLL.CTL_MOD,
    remove = linux.EPOLL.CTL_DEL,
};

/// `events` is a set of `Epoll` bits and `data` comes back with each readiness; neither counts when
/// removing.
pub fn epollControl(
    epoll: Descriptor,
    operation: EpollOperation,
    fd: Descriptor,
    events: u32,
    data: u64,
) EpollError!void {
    var event: EpollEvent = .{ .events = events, .data = .{ .u64 = data } };
    return switch (linux.errno(linux.epoll_ctl(epoll, @intFromEnum(operation), fd, &event))) {
        .SUCCESS => {},
        .EXIST => error.AlreadyRegistered,
        .NOENT => error.NotRegistered,
        .PERM, .LOOP, .INVAL => error.NotPollable,
        // ENOSPC: fs.epoll.max_user_watches.
        .NOMEM, .NOSPC => error.OutOfMemory,
        else => |code| sys.unexpected("epoll_ctl", code),
    };
}

/// The ready events, at most `events.len`. A timeout of 0 only looks, -1 waits for ever. A signal
/// ends the wait early with none: repeating it would start the timeout anew.
pub fn epollWait(
    epoll: Descriptor,
    events: []EpollEvent,
    timeout_ms: i32,
) error{Unexpected}![]EpollEvent {
    const result = linux.epoll_wait(epoll, events.ptr, @intCast(events.len), timeout_ms);
    return switch (linux.errno(result)) {
        .SUCCESS => events[0..result],
        .INTR => events[0..0],
        else => |code| sys.unexpected("epoll_wait", code),
    };
}

/// `epollWait` with a finer timeout where the kernel has epoll_pwait2 (5.11); elsewhere it is
/// rounded up to milliseconds.
pub fn epollWaitNs(
    epoll: Descriptor,
    events: []EpollEvent,
    timeout_ns: u64,
) error{Unexpected}![]EpollEvent {
    const timeout: linux.kernel_timespec = .{
        .sec = @intCast(timeout_ns / std.time.ns_per_s),
        .nsec = @intCast(timeout_ns % std.time.ns_per_s),
    };
    const result = linux.syscall6(
        .epoll_pwait2,
        @as(usize, @bitCast(@as(isize, epoll))),
        @intFromPtr(events.ptr),
        events.len,
        @intFromPtr(&timeout),
        0,
        linux.NSIG / 8,
    );
    return switch (linux.errno(result)) {
        .SUCCESS => events[0..result],
        .INTR => events[0..0],
        // EPERM: seccomp filters older than the call answer so.
        .NOSYS, .PERM => epollWait(epoll, events, roundUpToMs(timeout_ns)),
        else => |code| sys.unexpected("epoll_pwait2", code),
    };
}

fn roundUpToMs(timeout_ns: u64) i32 {
    const ms = std.math.divCeil(u64, timeout_ns, std.time.ns_per_ms) catch return 0;
    return std.math.cast(i32, ms) orelse std.math.maxInt(i32);
}

pub const CounterError = error{ TooManyDescriptors, OutOfMemory, Unexpected };

/// An eventfd with count 0, non-blocking and not inherited.
pub fn eventCreate() CounterError!Descriptor {
    return created("eventfd", linux.eventfd(0, linux.EFD.NONBLOCK | linux.EFD.CLOEXEC));
}

/// A timerfd on the monotonic clock, not armed, non-blocking and not inherited.
pub fn timerCreate() CounterError!Descriptor {
    const flags: linux.TFD = .{ .NONBLOCK = true, .CLOEXEC = true };
    return created("timerfd_create", linux.timerfd_create(.MONOTONIC, flags));
}

fn created(comptime call: []const u8, result: usize) CounterError!Descriptor {
    return switch (linux.errno(result)) {
        .SUCCESS => @intCast(result),
        .MFILE, .NFILE => error.TooManyDescriptors,
        // ENODEV: the kernel could not mount its internal inode device.
        .NOMEM, .NODEV => error.OutOfMemory,
        else => |code| sys.unexpected(call, code),
    };
}

/// Adds one to an eventfd. One that is full is readable already, which is all that is wanted.
pub fn eventWrite(fd: Descriptor) error{Unexpected}!void {
    const one: u64 = 1;
    while (true) switch (linux.errno(linux.write(fd, std.mem.asBytes(&one), @sizeOf(u64)))) {
        .SUCCESS, .AGAIN => return,
        .INTR => continue,
        else => |code| return sys.unexpected("write eventfd", code),
    };
}

/// Takes the count of an eventfd or the expirations of a timerfd: 0 when there are none.
pub fn counterRead(fd: Descriptor) error{Unexpected}!u64 {
    var count: u64 = 0;
    while (true) switch (linux.errno(linux.read(fd, std.mem.asBytes(&count), @sizeOf(u64)))) {
        .SUCCESS => return count,
        .AGAIN => return 0,
        .INTR => continue,
        else => |code| return sys.unexpected("read counter", code),
    };
}

/// Makes the timer readable every `interval_ns` from now on; 0 stops it.
pub fn timerRepeat(fd: Descriptor, interval_ns: u32) error{Unexpected}!void {
    std.debug.assert(interval_ns < std.time.ns_per_s);
    const each: linux.timespec = .{ .sec = 0, .nsec = interval_ns };
    const setting: linux.itimerspec = .{ .it_interval = each, .it_value = each };
    return switch (linux.errno(linux.timerfd_settime(fd, .{}, &setting, null))) {
        .SUCCESS => {},
        else => |code| sys.unexpected("timerfd_settime", code),
    };
}

/// Makes the timer readable once at `deadline_ns` of the monotonic clock, at once when that has
/// passed; null disarms it.
pub fn timerSet(fd: Descriptor, deadline_ns: ?u64) error{Unexpected}!void {
    // Zero would disarm, so a deadline at the clock's origin is moved by a nanosecond.
    const at = if (deadline_ns) |ns| @max(ns, 1) else 0;
    const setting: linux.itimerspec = .{
        .it_interval = .{ .sec = 0, .nsec = 0 },
        .it_value = .{
            .sec = @intCast(at / std.time.ns_per_s),
            .nsec = @intCast(at % std.time.ns_per_s),
        },
    };
    return switch (linux.errno(linux.timerfd_settime(fd, .{ .ABSTIME = true }, &setting, null))) {
        .SUCCESS => {},
        else => |code| sys.unexpected("timerfd_settime", code),
    };
}

const testing = std.testing;

test "an eventfd counts, an empty one reads 0" {
    if (!sys.is_linux) return error.SkipZigTest;
    const fd = try eventCreate();
    defer sys.close(fd);
    try testing.expectEqual(0, try counterRead(fd));
    try eventWrite(fd);
    try eventWrite(fd);
    try testing.expectEqual(2, try counterRead(fd));
    try testing.expectEqual(0, try counterRead(fd));
}

test "epoll reports a timer and what was registered with it" {
    if (!sys.is_linux) return error.SkipZigTest;
    const epoll = try epollCreate();
    defer sys.close(epoll);
    const timer = try timerCreate();
    defer sys.close(timer);
    try epollControl(epoll, .add, timer, Epoll.IN, 77);
    try testing.expectError(error.AlreadyRegistered, epollControl(epoll, .add, timer, Epoll.IN, 1));
    var events: [4]EpollEvent = undefined;
    try testing.expectEqual(0, (try epollWait(epoll, &events, 0)).len);
    try testing.expectEqual(0, (try epollWaitNs(epoll, &events, 1000)).len);
    try timerSet(timer, sys.monotonicNs() + 100_000);
    // Work that the kernel does for this thread may end a wait early, as a signal does.
    var ready = try epollWaitNs(epoll, &events, 5 * std.time.ns_per_s);
    while (ready.len == 0) ready = try epollWaitNs(epoll, &events, 5 * std.time.ns_per_s);
    try testing.expectEqual(77, ready[0].data.u64);
    try testing.expectEqual(1, try counterRead(timer));
    try timerSet(timer, 0);
    while ((try epollWait(epoll, &events, 5000)).len == 0) {}
    try timerSet(timer, null);
    try testing.expectEqual(0, (try epollWait(epoll, &events, 0)).len);
    try epollControl(epoll, .remove, timer, 0, 0);
    try testing.expectError(error.NotRegistered, epollControl(epoll, .modify, timer, 0, 0));
}

test "timeouts are rounded up to milliseconds" {
    try testing.expectEqual(0, roundUpToMs(0));
    try testing.expectEqual(1, roundUpToMs(1));
    try testing.expectEqual(2, roundUpToMs(1_000_001));
    try testing.expectEqual(std.math.maxInt(i32), roundUpToMs(std.math.maxInt(u64)));
}
