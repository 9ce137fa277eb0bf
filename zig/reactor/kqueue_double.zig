//! A kqueue for tests on Linux: registrations, filters and flags as kqueue(2) and XNU's socket
//! filters have them, over what poll(2) says of real descriptors. It stands in for
//! `kqueue.zig`'s system calls, so that the backend's own code runs; what a Mac's kernel does
//! beyond the manual it cannot tell. Only tests use it.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;

const allocator = std.heap.c_allocator;

/// Numbers of <sys/event.h>.
pub const EV = struct {
    pub const ADD = 0x1;
    pub const DELETE = 0x2;
    pub const ENABLE = 0x4;
    pub const DISABLE = 0x8;
    pub const ONESHOT = 0x10;
    pub const CLEAR = 0x20;
    pub const DISPATCH = 0x80;
    pub const EOF = 0x8000;
};

pub const EVFILT = struct {
    pub const READ = -1;
    pub const WRITE = -2;
    pub const TIMER = -7;
};

pub const Kevent = extern struct {
    ident: usize,
    filter: i16,
    flags: u16,
    fflags: u32,
    data: isize,
    udata: usize,
};

pub const Code = linux.E;

/// A registration, which is what one identifier and one filter have.
const Note = struct {
    ident: usize,
    filter: i16,
    flags: u16,
    enabled: bool,
    udata: usize,
    /// Of EV_CLEAR: reported, and not over since.
    reported: bool = false,
    /// Of a timer.
    due_ns: u64 = 0,
    period_ms: u64 = 0,
};

const Queue = struct {
    fd: sys.Descriptor,
    notes: std.ArrayList(Note) = .empty,
};

threadlocal var queues: std.ArrayList(Queue) = .empty;
threadlocal var failure: Code = .SUCCESS;
/// So many of the next waits are interrupted by a signal.
pub threadlocal var interruptions: u32 = 0;
/// So many of the next registrations find no memory.
pub threadlocal var shortages: u32 = 0;

fn fail(code: Code) c_int {
    failure = code;
    return -1;
}

pub fn errno(result: c_int) Code {
    return if (result >= 0) .SUCCESS else failure;
}

/// A real descriptor gives the queue its number.
pub fn kqueue() c_int {
    const fd = sys.eventCreate() catch |reason| return fail(switch (reason) {
        error.TooManyDescriptors => .MFILE,
        error.OutOfMemory => .NOMEM,
        error.Unexpected => .INVAL,
    });
    queues.append(allocator, .{ .fd = fd }) catch {
        sys.close(fd);
        return fail(.NOMEM);
    };
    return fd;
}

pub fn close(fd: sys.Descriptor) void {
    for (queues.items, 0..) |*queue, index| {
        if (queue.fd != fd) continue;
        queue.notes.deinit(allocator);
        _ = queues.swapRemove(index);
        break;
    }
    if (queues.items.len == 0) queues.clearAndFree(allocator);
    closing(fd);
    sys.close(fd);
}

/// The kernel drops the registrations of a descriptor that is closed.
pub fn closing(fd: sys.Descriptor) void {
    for (queues.items) |*queue| {
        var index: usize = 0;
        while (index < queue.notes.items.len) {
            const note = queue.notes.items[index];
            const of_it = note.filter != EVFILT.TIMER and note.ident == @as(usize, @intCast(fd));
            if (of_it) _ = queue.notes.orderedRemove(index) else index += 1;
        }
    }
}

fn queueOf(fd: sys.Descriptor) ?*Queue {
    for (queues.items) |*queue| if (queue.fd == fd) return queue;
    return null;
}

pub fn kevent(
    fd: sys.Descriptor,
    changes: []const Kevent,
    events: []Kevent,
    timeout: ?*const std.c.timespec,
) c_int {
    const queue = queueOf(fd) orelse return fail(.BADF);
    for (changes) |change| {
        const code = apply(queue, change);
        if (code != .SUCCESS) return fail(code);
    }
    if (events.len == 0) return 0;
    if (interruptions > 0) {
        interruptions -= 1;
        return fail(.INTR);
    }
    const given = timeout.?;
    const whole: u64 = @intCast(given.sec);
    const wait_ns = whole * std.time.ns_per_s + @as(u64, @intCast(given.nsec));
    const end_ns = sys.monotonicNs() + wait_ns;
    while (true) {
        const count = take(queue, events);
        if (count > 0 or sys.monotonicNs() >= end_ns) return @intCast(count);
        const step: linux.timespec = .{ .sec = 0, .nsec = 20 * std.time.ns_per_us };
        _ = linux.nanosleep(&step, null);
    }
}

fn apply(queue: *Queue, change: Kevent) Code {
    const known: ?usize = for (queue.notes.items, 0..) |note, index| {
        if (note.ident == change.ident and note.filter == change.filter) break index;
    } else null;
    if (change.flags & EV.DELETE != 0) {
        _ = queue.notes.orderedRemove(known orelse return .NOENT);
        return .SUCCESS;
    }
    if (known == null and change.flags & EV.ADD == 0) return .NOENT;
    if (change.flags & EV.ADD != 0 and shortages > 0) {
        shortages -= 1;
        return .NOMEM;
    }
    if (change.filter != EVFILT.TIMER and !isOpen(change.ident)) return .BADF;
    const index = known orelse added: {
        queue.notes.append(allocator, .{
            .ident = change.ident,
            .filter = change.filter,
            .flags = 0,
            .enabled = true,
            .udata = 0,
        }) catch return .NOMEM;
        break :added queue.notes.items.len - 1;
    };
    const note = &queue.notes.items[index];
    note.udata = change.udata;
    if (change.flags & EV.ADD != 0) {
        // Adding enables, unless told otherwise, and replaces what was asked for before.
        note.flags = change.flags & (EV.ONESHOT | EV.CLEAR | EV.DISPATCH);
        note.enabled = true;
        note.reported = false;
        if (change.filter == EVFILT.TIMER) {
            note.period_ms = @intCast(change.data);
            note.due_ns = sys.monotonicNs() + note.period_ms * std.time.ns_per_ms;
        }
    }
    if (change.flags & EV.ENABLE != 0) note.enabled = true;
    if (change.flags & EV.DISABLE != 0) note.enabled = false;
    return .SUCCESS;
}

fn isOpen(ident: usize) bool {
    return linux.errno(linux.fcntl(@intCast(ident), linux.F.GETFD, 0)) == .SUCCESS;
}

fn take(queue: *Queue, events: []Kevent) usize {
    var count: usize = 0;
    var index: usize = 0;
    while (index < queue.notes.items.len and count < events.len) {
        const note = &queue.notes.items[index];
        const event = ready(note) orelse {
            note.reported = false;
            index += 1;
            continue;
        };
        if (!note.enabled or (note.flags & EV.CLEAR != 0 and note.reported)) {
            index += 1;
            continue;
        }
        events[count] = event;
        count += 1;
        note.reported = true;
        if (note.flags & EV.DISPATCH != 0) note.enabled = false;
        if (note.filter == EVFILT.TIMER) note.due_ns += note.period_ms * std.time.ns_per_ms;
        if (note.flags & EV.ONESHOT != 0) {
            _ = queue.notes.orderedRemove(index);
        } else index += 1;
    }
    return count;
}

fn hasEvents(queue: *const Queue) bool {
    for (queue.notes.items) |*note| {
        if (note.enabled and ready(note) != null) return true;
    }
    return false;
}

/// Whether a watched queue would be readable: for tests of the wake-up.
pub fn isReadable(fd: sys.Descriptor) bool {
    return hasEvents(queueOf(fd).?);
}

fn ready(note: *const Note) ?Kevent {
    var event: Kevent = .{
        .ident = note.ident,
        .filter = note.filter,
        .flags = note.flags,
        .fflags = 0,
        .data = 0,
        .udata = note.udata,
    };
    if (note.filter == EVFILT.TIMER) {
        event.data = 1;
        return if (sys.monotonicNs() >= note.due_ns) event else null;
    }
    const fd: sys.Descriptor = @intCast(note.ident);
    if (queueOf(fd)) |inner| return if (hasEvents(inner)) event else null;
    const rdhup = 0x2000;
    const poll = linux.POLL;
    const wanted: i16 = if (note.filter == EVFILT.READ) poll.IN | rdhup else poll.OUT;
    var polled = [_]linux.pollfd{.{ .fd = fd, .events = wanted, .revents = 0 }};
    if (linux.errno(linux.poll(&polled, 1, 0)) != .SUCCESS or polled[0].revents == 0) return null;
    const bits: u16 = @bitCast(polled[0].revents);
    // filt_soread and filt_sowrite: the end of what may come, or of what may be sent, and the
    // socket's error, which stays for whoever reads it.
    const both: u16 = poll.HUP | poll.ERR;
    const end = if (note.filter == EVFILT.READ) rdhup | both else both;
    if (bits & end != 0) event.flags |= EV.EOF;
    if (bits & poll.ERR != 0) event.fflags = @intFromEnum(linux.E.CONNRESET);
    event.data = 1;
    return event;
}

const testing = std.testing;

fn changeOf(ident: sys.Descriptor, filter: i16, flags: u16, udata: usize) Kevent {
    return .{
        .ident = @intCast(ident),
        .filter = filter,
        .flags = flags,
        .fflags = 0,
        .data = 0,
        .udata = udata,
    };
}

const no_wait: std.c.timespec = .{ .sec = 0, .nsec = 0 };

test "registrations, filters, end of stream, one-shot, clear, dispatch and udata" {
    if (!sys.is_linux) return error.SkipZigTest;
    const queue = kqueue();
    defer close(queue);
    const pair = try sys.socketPair();
    defer sys.close(pair[0]);
    var events: [4]Kevent = undefined;
    var none: [0]Kevent = .{};
    const Step = struct { flags: u16, udata: usize, events: c_int };
    _ = try sys.send(pair[1], "x");
    // Each step changes the read filter, then looks twice.
    const steps = [_]struct { Step, c_int }{
        .{ .{ .flags = EV.ADD | EV.DISABLE, .udata = 1, .events = 0 }, 0 },
        .{ .{ .flags = EV.ENABLE, .udata = 2, .events = 1 }, 1 },
        .{ .{ .flags = EV.ADD | EV.CLEAR, .udata = 3, .events = 1 }, 0 },
        .{ .{ .flags = EV.ADD | EV.DISPATCH, .udata = 4, .events = 1 }, 0 },
        .{ .{ .flags = EV.ADD | EV.ONESHOT, .udata = 5, .events = 1 }, 0 },
    };
    for (steps) |each| {
        const step, const again = each;
        const change = changeOf(pair[0], EVFILT.READ, step.flags, step.udata);
        try testing.expectEqual(0, kevent(queue, &.{change}, &none, null));
        try testing.expectEqual(step.events, kevent(queue, &.{}, &events, &no_wait));
        if (step.events > 0) try testing.expectEqual(step.udata, events[0].udata);
        try testing.expectEqual(again, kevent(queue, &.{}, &events, &no_wait));
    }
    const deleted = changeOf(pair[0], EVFILT.READ, EV.DELETE, 0);
    try testing.expectEqual(.NOENT, errno(kevent(queue, &.{deleted}, &none, null)));
    const both = [_]Kevent{
        changeOf(pair[0], EVFILT.READ, EV.ADD, 6),
        changeOf(pair[0], EVFILT.WRITE, EV.ADD, 7),
    };
    try testing.expectEqual(0, kevent(queue, &both, &none, null));
    try testing.expectEqual(2, kevent(queue, &.{}, &events, &no_wait));
    try testing.expectEqual(0, events[1].flags & EV.EOF);
    try testing.expectEqual(7, events[1].udata);
    sys.close(pair[1]);
    try testing.expectEqual(2, kevent(queue, &.{}, &events, &no_wait));
    for (events[0..2]) |event| try testing.expect(event.flags & EV.EOF != 0);
    closing(pair[0]);
    try testing.expectEqual(0, kevent(queue, &.{}, &events, &no_wait));
}
