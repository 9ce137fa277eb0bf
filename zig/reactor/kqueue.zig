//! The kqueue backend of macOS: a read and a write filter per descriptor, level-triggered.
//! Cross-compiled with every build; not yet run on a Mac.

const std = @import("std");
const limits = @import("../limits.zig");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");

const EV = std.c.EV;
const EVFILT = std.c.EVFILT;
const Event = reactor.Event;
const Interest = reactor.Interest;
const Kevent = std.c.Kevent;
const Token = reactor.Token;

pub const Kqueue = struct {
    kqueue: sys.Descriptor,
    /// Holds `kqueue` and, observed only, the queue of the event loop that shares this thread.
    outer: sys.Descriptor,

    const timer_token: Token = std.math.maxInt(Token);

    pub fn init() !Kqueue {
        const kqueue = try create();
        errdefer sys.close(kqueue);
        const outer = try create();
        errdefer sys.close(outer);
        try change(outer, &.{filterOf(kqueue, EVFILT.READ, EV.ADD, 0)});
        return .{ .kqueue = kqueue, .outer = outer };
    }

    fn create() error{ TooManyDescriptors, OutOfMemory, Unexpected }!sys.Descriptor {
        const result = std.c.kqueue();
        return switch (std.c.errno(result)) {
            .SUCCESS => result,
            .MFILE, .NFILE => error.TooManyDescriptors,
            .NOMEM => error.OutOfMemory,
            else => |code| sys.unexpected("kqueue", code),
        };
    }

    pub fn deinit(self: *Kqueue) void {
        sys.close(self.outer);
        sys.close(self.kqueue);
    }

    pub fn descriptor(self: *const Kqueue) sys.Descriptor {
        return self.kqueue;
    }

    pub fn observe(self: *Kqueue, other: sys.Descriptor) reactor.RegisterError!void {
        return change(self.outer, &.{filterOf(other, EVFILT.READ, EV.ADD, 0)});
    }

    /// Nothing to do: the observed queue is in a set of its own.
    pub fn rest(self: *Kqueue) void {
        _ = self;
    }

    pub fn poll(self: *Kqueue, events: []Event, wait: bool) error{Unexpected}![]Event {
        if (wait) {
            var either: [2]Kevent = undefined;
            _ = try take(self.outer, &either, limits.quiet_wait_ns);
        }
        var raw: [reactor.events_max]Kevent = undefined;
        const ready = try take(self.kqueue, raw[0..@min(raw.len, events.len)], 0);
        var count: usize = 0;
        for (ready) |event| {
            if (event.udata == timer_token) continue;
            const ended = event.flags & EV.EOF != 0;
            events[count] = .{
                .token = event.udata,
                .readable = event.filter == EVFILT.READ,
                .writable = event.filter == EVFILT.WRITE and !ended,
                // The peer reads no more: with an error in `fflags` when it was a reset.
                .failed = ended and (event.filter == EVFILT.WRITE or event.fflags != 0),
            };
            count += 1;
        }
        return events[0..count];
    }

    pub fn setAlarm(self: *Kqueue, at_ms: ?u64) void {
        const flags: u16 = if (at_ms == null) EV.DELETE else EV.ADD | EV.ONESHOT;
        var timer = filterOf(0, EVFILT.TIMER, flags, timer_token);
        if (at_ms) |ms| timer.data = @intCast(ms -| self.nowMs());
        // Deleting a timer that is not set is no failure.
        change(self.kqueue, &.{timer}) catch {};
    }

    pub fn add(
        self: *Kqueue,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        return change(self.kqueue, &.{
            filterOf(fd, EVFILT.READ, EV.ADD | enabled(interest.read), token),
            filterOf(fd, EVFILT.WRITE, EV.ADD | enabled(interest.write), token),
        });
    }

    pub fn modify(
        self: *Kqueue,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        return self.add(fd, token, interest);
    }

    pub fn accept(
        self: *Kqueue,
        listener: sys.Descriptor,
        address: *sys.Address,
    ) sys.AcceptError!sys.Descriptor {
        _ = self;
        return sys.accept(listener, address);
    }

    pub fn receive(self: *Kqueue, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
        _ = self;
        return sys.receive(fd, buffer);
    }

    pub fn send(
        self: *Kqueue,
        fd: sys.Descriptor,
        vectors: []const sys.ConstVector,
        more: bool,
    ) sys.SendError!usize {
        _ = self;
        return sys.sendVectors(fd, vectors, more);
    }

    pub fn sendFile(
        self: *Kqueue,
        fd: sys.Descriptor,
        file: sys.Descriptor,
        offset: u64,
        count: usize,
    ) sys.SendFileError!usize {
        _ = self;
        return sys.sendFile(fd, file, offset, count);
    }

    pub fn shutdownWrite(self: *Kqueue, fd: sys.Descriptor) sys.ShutdownError!void {
        _ = self;
        return sys.shutdownWrite(fd);
    }

    /// Closing takes the descriptor's filters out of the queue.
    pub fn close(self: *Kqueue, fd: sys.Descriptor, ending: reactor.Ending) void {
        _ = self;
        if (ending == .reset) sys.resetOnClose(fd);
        sys.close(fd);
    }

    pub fn nowMs(self: *const Kqueue) u64 {
        _ = self;
        return sys.monotonicNs() / std.time.ns_per_ms;
    }

    pub fn seconds(self: *const Kqueue) i64 {
        _ = self;
        return sys.realtimeSeconds();
    }

    fn enabled(on: bool) u16 {
        return if (on) EV.ENABLE else EV.DISABLE;
    }

    fn filterOf(fd: sys.Descriptor, filter: i16, flags: u16, token: Token) Kevent {
        return .{
            .ident = @intCast(fd),
            .filter = filter,
            .flags = flags,
            .fflags = 0,
            .data = 0,
            .udata = @intCast(token),
        };
    }

    fn change(queue: sys.Descriptor, changes: []const Kevent) reactor.RegisterError!void {
        var none: [0]Kevent = .{};
        const result = std.c.kevent(queue, changes.ptr, @intCast(changes.len), &none, 0, null);
        return switch (std.c.errno(result)) {
            .SUCCESS, .INTR, .NOENT => {},
            .NOMEM => error.OutOfMemory,
            else => |code| sys.unexpected("kevent", code),
        };
    }

    fn take(queue: sys.Descriptor, events: []Kevent, wait_ns: u64) error{Unexpected}![]Kevent {
        const timeout: std.c.timespec = .{
            .sec = @intCast(wait_ns / std.time.ns_per_s),
            .nsec = @intCast(wait_ns % std.time.ns_per_s),
        };
        const room: c_int = @intCast(events.len);
        const result = std.c.kevent(queue, events.ptr, 0, events.ptr, room, &timeout);
        return switch (std.c.errno(result)) {
            .SUCCESS => events[0..@intCast(result)],
            // A signal: repeating the wait would start its timeout anew.
            .INTR => events[0..0],
            else => |code| sys.unexpected("kevent", code),
        };
    }
};
