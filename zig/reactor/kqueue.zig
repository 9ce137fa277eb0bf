//! The kqueue backend of macOS: a read and a write filter per descriptor, level-triggered. Generic
//! over the two system calls, so that the tests run the same code over `kqueue_double.zig`.
//! Cross-compiled with every build; not yet run on a Mac.

const std = @import("std");
const limits = @import("../limits.zig");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");

const Event = reactor.Event;
const Interest = reactor.Interest;
const Token = reactor.Token;

/// The kernel's own calls.
pub const System = struct {
    pub const EV = std.c.EV;
    pub const EVFILT = std.c.EVFILT;
    pub const Kevent = std.c.Kevent;
    pub const Code = std.c.E;

    pub fn kqueue() c_int {
        return std.c.kqueue();
    }

    pub fn kevent(
        queue: sys.Descriptor,
        changes: []const Kevent,
        events: []Kevent,
        timeout: ?*const std.c.timespec,
    ) c_int {
        const changes_len: c_int = @intCast(changes.len);
        const events_len: c_int = @intCast(events.len);
        return std.c.kevent(queue, changes.ptr, changes_len, events.ptr, events_len, timeout);
    }

    pub fn errno(result: c_int) Code {
        return std.c.errno(result);
    }

    pub fn close(queue: sys.Descriptor) void {
        sys.close(queue);
    }

    /// Closing takes the descriptor's filters out of the queue.
    pub fn closing(_: sys.Descriptor) void {}
};

pub fn Kqueue(comptime Calls: type) type {
    return struct {
        const Self = @This();

        kqueue: sys.Descriptor,
        /// Holds `kqueue` and, observed only, the queue of the event loop that shares this thread.
        outer: sys.Descriptor,

        const EV = Calls.EV;
        const EVFILT = Calls.EVFILT;
        const Kevent = Calls.Kevent;
        const timer_token: Token = std.math.maxInt(Token);

        pub fn init() !Self {
            const kqueue = try create();
            errdefer Calls.close(kqueue);
            const outer = try create();
            errdefer Calls.close(outer);
            try change(outer, &.{filterOf(kqueue, EVFILT.READ, EV.ADD, 0)});
            return .{ .kqueue = kqueue, .outer = outer };
        }

        /// There is no other.
        pub fn open(choice: reactor.Choice) !Self {
            switch (choice) {
                .auto, .epoll, .io_uring, .kqueue => return init(),
            }
        }

        pub fn kind(_: *const Self) reactor.Kind {
            return .kqueue;
        }

        fn create() error{ TooManyDescriptors, OutOfMemory, Unexpected }!sys.Descriptor {
            const result = Calls.kqueue();
            return switch (Calls.errno(result)) {
                .SUCCESS => result,
                .MFILE, .NFILE => error.TooManyDescriptors,
                .NOMEM => error.OutOfMemory,
                else => |code| sys.unexpected("kqueue", code),
            };
        }

        pub fn deinit(self: *Self) void {
            Calls.close(self.outer);
            Calls.close(self.kqueue);
        }

        pub fn descriptor(self: *const Self) sys.Descriptor {
            return self.kqueue;
        }

        pub fn observe(self: *Self, other: sys.Descriptor) reactor.RegisterError!void {
            return change(self.outer, &.{filterOf(other, EVFILT.READ, EV.ADD, 0)});
        }

        /// Nothing to do: the observed queue is in a set of its own.
        pub fn rest(_: *Self) void {}

        pub fn poll(self: *Self, events: []Event, wait: bool) error{Unexpected}![]Event {
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

        pub fn setAlarm(self: *Self, at_ms: ?u64) void {
            const flags: u16 = if (at_ms == null) EV.DELETE else EV.ADD | EV.ONESHOT;
            var timer = filterOf(0, EVFILT.TIMER, flags, timer_token);
            if (at_ms) |ms| timer.data = @intCast(ms -| self.nowMs());
            // Deleting a timer that is not set is no failure.
            change(self.kqueue, &.{timer}) catch {};
        }

        pub fn add(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            interest: Interest,
        ) reactor.RegisterError!void {
            return change(self.kqueue, &.{
                filterOf(fd, EVFILT.READ, EV.ADD | enabled(interest.read), token),
                filterOf(fd, EVFILT.WRITE, EV.ADD | enabled(interest.write), token),
            });
        }

        /// Nothing is accepted before it is asked for.
        pub fn addListener(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            _: reactor.Sharing,
        ) reactor.RegisterError!void {
            return self.add(fd, token, .{ .read = true, .write = false });
        }

        pub fn modify(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            interest: Interest,
        ) reactor.RegisterError!void {
            return self.add(fd, token, interest);
        }

        pub fn accept(
            _: *Self,
            listener: sys.Descriptor,
            address: *sys.Address,
        ) sys.AcceptError!sys.Descriptor {
            return sys.accept(listener, address);
        }

        pub fn receive(_: *Self, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
            return sys.receive(fd, buffer);
        }

        pub fn send(
            _: *Self,
            fd: sys.Descriptor,
            vectors: []const sys.ConstVector,
            more: bool,
        ) sys.SendError!usize {
            return sys.sendVectors(fd, vectors, more);
        }

        pub fn sendMany(_: *Self, list: []reactor.Outgoing) void {
            for (list) |*outgoing| outgoing.send();
        }

        pub fn sendFile(
            _: *Self,
            fd: sys.Descriptor,
            file: sys.Descriptor,
            offset: u64,
            count: usize,
        ) sys.SendFileError!usize {
            return sys.sendFile(fd, file, offset, count);
        }

        pub fn shutdownWrite(_: *Self, fd: sys.Descriptor) sys.ShutdownError!void {
            return sys.shutdownWrite(fd);
        }

        pub fn close(_: *Self, fd: sys.Descriptor, ending: reactor.Ending) void {
            if (ending == .reset) sys.resetOnClose(fd);
            Calls.closing(fd);
            sys.close(fd);
        }

        pub fn nowMs(_: *const Self) u64 {
            return sys.monotonicNs() / std.time.ns_per_ms;
        }

        pub fn seconds(_: *const Self) i64 {
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
            return switch (Calls.errno(Calls.kevent(queue, changes, &none, null))) {
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
            const result = Calls.kevent(queue, &.{}, events, &timeout);
            return switch (Calls.errno(result)) {
                .SUCCESS => events[0..@intCast(result)],
                // A signal: repeating the wait would start its timeout anew.
                .INTR => events[0..0],
                else => |code| sys.unexpected("kevent", code),
            };
        }
    };
}
