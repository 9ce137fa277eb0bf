//! The epoll backend: level-triggered readiness, one `recv` and one `sendmsg` per connection and
//! turn.

const std = @import("std");
const limits = @import("../limits.zig");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");

const Event = reactor.Event;
const Interest = reactor.Interest;
const Token = reactor.Token;

pub const Epoll = struct {
    epoll: sys.Descriptor,
    /// Epoll descriptor of the event loop that shares this thread. It is in the set while this
    /// thread is ours, observed only, so that a wait ends when either side has work; out of it
    /// while we sleep in that loop, or each of its events would wake us.
    observed: ?sys.Descriptor = null,
    /// Readable every millisecond while the thread is ours, so that a wait needs no timeout:
    /// setting and dropping one for each wait costs two exits of a virtual machine, 2.5 µs a
    /// request.
    tick: sys.Descriptor,
    awake: bool = false,
    timer: sys.Descriptor,
    /// What the timer is set to.
    alarm_ms: ?u64 = null,

    /// Events of the timer and of the observed loop carry no token of the server's.
    const timer_token: Token = std.math.maxInt(Token);
    const observed_token: Token = timer_token - 1;
    const tick_token: Token = timer_token - 2;

    pub fn init() !Epoll {
        const epoll = try sys.epollCreate();
        errdefer sys.close(epoll);
        const timer = try sys.timerCreate();
        errdefer sys.close(timer);
        try sys.epollControl(epoll, .add, timer, sys.Epoll.IN, timer_token);
        const tick = try sys.timerCreate();
        errdefer sys.close(tick);
        try sys.epollControl(epoll, .add, tick, sys.Epoll.IN, tick_token);
        return .{ .epoll = epoll, .timer = timer, .tick = tick };
    }

    pub fn deinit(self: *Epoll) void {
        sys.close(self.tick);
        sys.close(self.timer);
        sys.close(self.epoll);
    }

    /// Readable while events wait: for the wake-up.
    pub fn descriptor(self: *const Epoll) sys.Descriptor {
        return self.epoll;
    }

    /// Lets `poll` return early when this other epoll descriptor has events; they are not taken.
    pub fn observe(self: *Epoll, other: sys.Descriptor) reactor.RegisterError!void {
        self.observed = other;
    }

    fn wake(self: *Epoll) error{Unexpected}!void {
        if (self.awake) return;
        const other = self.observed orelse return error.Unexpected;
        sys.timerRepeat(self.tick, limits.quiet_wait_ns) catch return error.Unexpected;
        sys.epollControl(self.epoll, .add, other, sys.Epoll.IN, observed_token) catch
            return error.Unexpected;
        self.awake = true;
    }

    /// The thread is about to sleep in the observed loop; the next `poll` that waits ends that.
    pub fn rest(self: *Epoll) void {
        if (!self.awake) return;
        self.awake = false;
        // What fails here costs needless wake-ups, no more.
        sys.timerRepeat(self.tick, 0) catch {};
        const other = self.observed.?;
        sys.epollControl(self.epoll, .remove, other, sys.Epoll.IN, observed_token) catch {};
    }

    /// Ready events. With `wait` it waits for them: a millisecond at most, and until the observed
    /// loop has work.
    pub fn poll(self: *Epoll, events: []Event, wait: bool) error{Unexpected}![]Event {
        var raw: [reactor.events_max]sys.EpollEvent = undefined;
        const room = raw[0..@min(raw.len, events.len)];
        if (wait) try self.wake();
        const ready = try sys.epollWait(self.epoll, room, if (wait) -1 else 0);
        var count: usize = 0;
        for (ready) |event| {
            switch (event.data.u64) {
                timer_token => {
                    self.alarm_ms = null;
                    _ = try sys.counterRead(self.timer);
                    continue;
                },
                tick_token => {
                    _ = try sys.counterRead(self.tick);
                    continue;
                },
                observed_token => continue,
                else => {},
            }
            events[count] = .{
                .token = event.data.u64,
                .readable = event.events & (sys.Epoll.IN | sys.Epoll.RDHUP) != 0,
                .writable = event.events & sys.Epoll.OUT != 0,
                .failed = event.events & (sys.Epoll.ERR | sys.Epoll.HUP) != 0,
            };
            count += 1;
        }
        return events[0..count];
    }

    /// Makes `descriptor` readable at this time of `nowMs`'s clock; null: no more.
    pub fn setAlarm(self: *Epoll, at_ms: ?u64) void {
        if (at_ms == self.alarm_ms) return;
        const at_ns = if (at_ms) |ms| ms * std.time.ns_per_ms else null;
        sys.timerSet(self.timer, at_ns) catch return;
        self.alarm_ms = at_ms;
    }

    pub fn add(
        self: *Epoll,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        return mapped(sys.epollControl(self.epoll, .add, fd, bits(interest), token));
    }

    pub fn addListener(
        self: *Epoll,
        fd: sys.Descriptor,
        token: Token,
        sharing: reactor.Sharing,
    ) reactor.RegisterError!void {
        // Nothing is accepted before it is asked for.
        _ = sharing;
        return self.add(fd, token, .{ .read = true, .write = false });
    }

    pub fn modify(
        self: *Epoll,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        return mapped(sys.epollControl(self.epoll, .modify, fd, bits(interest), token));
    }

    pub fn accept(
        self: *Epoll,
        listener: sys.Descriptor,
        address: *sys.Address,
    ) sys.AcceptError!sys.Descriptor {
        _ = self;
        return sys.accept(listener, address);
    }

    pub fn receive(self: *Epoll, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
        _ = self;
        return sys.receive(fd, buffer);
    }

    pub fn send(
        self: *Epoll,
        fd: sys.Descriptor,
        vectors: []const sys.ConstVector,
        more: bool,
    ) sys.SendError!usize {
        _ = self;
        if (vectors.len == 1 and !more) return sys.send(fd, vectors[0].base[0..vectors[0].len]);
        return sys.sendVectors(fd, vectors, more);
    }

    pub fn sendMany(self: *Epoll, list: []reactor.Outgoing) void {
        _ = self;
        for (list) |*outgoing| outgoing.send();
    }

    pub fn sendFile(
        self: *Epoll,
        fd: sys.Descriptor,
        file: sys.Descriptor,
        offset: u64,
        count: usize,
    ) sys.SendFileError!usize {
        _ = self;
        return sys.sendFile(fd, file, offset, count);
    }

    pub fn shutdownWrite(self: *Epoll, fd: sys.Descriptor) sys.ShutdownError!void {
        _ = self;
        return sys.shutdownWrite(fd);
    }

    /// Closing takes the descriptor out of the set.
    pub fn close(self: *Epoll, fd: sys.Descriptor, ending: reactor.Ending) void {
        _ = self;
        if (ending == .reset) sys.resetOnClose(fd);
        sys.close(fd);
    }

    pub fn nowMs(self: *const Epoll) u64 {
        _ = self;
        return sys.monotonicNs() / std.time.ns_per_ms;
    }

    pub fn seconds(self: *const Epoll) i64 {
        _ = self;
        return sys.realtimeSeconds();
    }

    fn bits(interest: Interest) u32 {
        var events: u32 = 0;
        if (interest.read) events |= sys.Epoll.IN | sys.Epoll.RDHUP;
        if (interest.write) events |= sys.Epoll.OUT;
        return events;
    }

    fn mapped(result: sys.EpollError!void) reactor.RegisterError!void {
        return result catch |reason| switch (reason) {
            error.OutOfMemory, error.TooManyDescriptors => error.OutOfMemory,
            // The server registers each descriptor once and closes it after; anything else is our
            // bug.
            error.AlreadyRegistered, error.NotRegistered => error.Unexpected,
            error.NotPollable, error.Unexpected => error.Unexpected,
        };
    }
};
