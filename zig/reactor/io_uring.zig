//! The io_uring backend: multishot accepts, multishot receives into a ring of buffers, and the
//! sends of a batch in one system call, which also brings what has come meanwhile.
//!
//! The contract is level-triggered readiness, a ring tells completions. So what a descriptor's
//! requests should be follows from its interest (`settle`), what completes is kept per descriptor,
//! and it is reported as long as it is there. Requests run only while this thread is inside of
//! `enter`, and what completed is always taken before a socket is read directly: no byte can
//! overtake another.
//!
//! Receiving falls back to polls and direct reads (`direct`) for bulk, which then needs no second
//! copy, and where buffers ran out. A connection whose bytes nobody takes holds a few buffers at
//! most, so that it cannot starve others.

const std = @import("std");
const limits = @import("../limits.zig");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");
const linux = std.os.linux;

const Event = reactor.Event;
const Interest = reactor.Interest;
const Token = reactor.Token;
const POLL = linux.POLL;

const allocator = std.heap.c_allocator;

/// What a request's completion brings back.
const Ticket = packed struct(u64) {
    kind: Kind,
    fd: u24 = 0,
    /// Of the descriptor's registration, of the alarm, or the place in a batch of sends.
    number: u32 = 0,

    const Kind = enum(u8) { ignored, accept, receive, poll, send, tick, observed, alarm };
};

/// A kind of request is out, or was taken back and its last completion is awaited.
const State = enum(u8) { off, armed, cancelled };

const none: i32 = -1;

/// A descriptor. What it is asked for is in `token` and `interest`, what is asked of the kernel in
/// `receiving` and `polling`, and what came of that in the rest.
const Entry = struct {
    token: Token = 0,
    /// Counts registrations of this number: completions of an earlier one are not for this one.
    registration: u32 = 0,
    open: bool = false,
    listener: bool = false,
    interest: Interest = .{ .read = false, .write = false },
    /// A multishot receive, or accept of a listener.
    receiving: State = .off,
    polling: State = .off,
    poll_mask: u16 = 0,
    /// What the poll said and was not reported yet.
    polled: u16 = 0,
    /// Nothing more is received.
    ended: enum(u8) { no, end, reset } = .no,
    failure: ?sys.AcceptError = null,
    /// Bytes are read, or connections accepted, by calls of their own.
    direct: bool = false,
    /// In `ready`, in `changed`.
    is_ready: bool = false,
    is_changed: bool = false,
    /// Bytes of the first buffer that were taken already.
    taken: u16 = 0,
    parked: u16 = 0,
    /// Buffers that were received, or connections that were accepted.
    first: i32 = none,
    last: i32 = none,
    /// Of a connection that was accepted and not taken: the next one.
    next: i32 = none,
};

/// A buffer that waits to be read.
const Parked = struct { len: u16, next: i32 };

pub const IoUring = struct {
    uring: sys.Uring,
    buffers: sys.UringBuffers,
    parked: [sys.UringBuffers.count_max]Parked = undefined,
    /// By descriptor.
    entries: []Entry = &.{},
    /// Descriptors that may have something to report.
    ready: std.ArrayList(sys.Descriptor) = .empty,
    /// Descriptors whose requests may not be what they should be.
    changed: std.ArrayList(sys.Descriptor) = .empty,
    /// Requests whose last completion has not come.
    in_flight: u32 = 0,
    /// Nobody will poll before the descriptor is readable: requests go to the kernel at once.
    asleep: bool = true,
    /// Nothing happened since the last `enter`, which was for sends.
    fresh: bool = false,
    /// As in `epoll.zig`.
    observed: ?sys.Descriptor = null,
    observing: State = .off,
    tick: State = .off,
    alarm_ms: ?u64 = null,
    alarm_number: u32 = 0,
    /// Read by the kernel when it takes the request.
    alarm_span: linux.kernel_timespec = undefined,
    /// The batch that is being sent, and how much of it.
    sending: []reactor.Outgoing = &.{},
    sent_count: usize = 0,

    /// Buffers that one connection may fill before its bytes are left in the kernel.
    const parked_max = 4;

    pub fn init() sys.UringInitError!IoUring {
        var uring: sys.Uring = try .init();
        errdefer uring.deinit();
        var buffers: sys.UringBuffers = try .init(&uring);
        errdefer buffers.deinit(&uring);
        try probe(&uring);
        return .{ .uring = uring, .buffers = buffers };
    }

    /// The newest of what is needed is the repeated timeout: a kernel without it says so at once.
    fn probe(uring: *sys.Uring) sys.UringInitError!void {
        const span: linux.kernel_timespec = .{ .sec = 3600, .nsec = 0 };
        const ticket: u64 = @bitCast(Ticket{ .kind = .tick });
        const timeout = uring.prepare() orelse return error.RingUnavailable;
        timeout.prep_timeout(&span, 0, sys.Uring.timeout_multishot);
        timeout.user_data = ticket;
        const cancel = uring.prepare() orelse return error.RingUnavailable;
        cancel.prep_timeout_remove(ticket, 0);
        uring.enter(2) catch return error.RingUnavailable;
        while (uring.next()) |completion| {
            if (completion.user_data != ticket) continue;
            if (completion.err() == .CANCELED) return;
        }
        return error.RingUnavailable;
    }

    /// Descriptors are the kernel's until their last request is over: it is waited for.
    pub fn deinit(self: *IoUring) void {
        // Cancelled requests complete within the call; only a repeated timeout that has just fired
        // is missed, and found the next time. One that is never found would be a kernel's bug, and
        // is not waited for for ever.
        for (0..1000) |round| {
            if (self.uring.prepare()) |request| {
                const all = linux.IORING_ASYNC_CANCEL_ANY | linux.IORING_ASYNC_CANCEL_ALL;
                request.prep_cancel(0, all);
                request.user_data = @bitCast(Ticket{ .kind = .ignored });
            }
            self.enter(@intFromBool(round > 0));
            if (self.in_flight == 0) break;
        }
        self.buffers.deinit(&self.uring);
        self.uring.deinit();
        self.ready.deinit(allocator);
        self.changed.deinit(allocator);
        allocator.free(self.entries);
    }

    /// Readable while completions wait: for the wake-up.
    pub fn descriptor(self: *const IoUring) sys.Descriptor {
        return self.uring.bell;
    }

    pub fn observe(self: *IoUring, other: sys.Descriptor) reactor.RegisterError!void {
        self.observed = other;
    }

    /// Waits end after a millisecond, and when the observed loop has work.
    fn wake(self: *IoUring) error{Unexpected}!void {
        const other = self.observed orelse return error.Unexpected;
        if (self.tick == .off) {
            const request = self.uring.prepare() orelse return error.Unexpected;
            request.prep_timeout(&tick_span, 0, sys.Uring.timeout_multishot);
            self.start(request, .{ .kind = .tick });
            self.tick = .armed;
        }
        if (self.observing == .off) {
            const request = self.uring.prepare() orelse return error.Unexpected;
            request.prep_poll_add(other, POLL.IN);
            self.start(request, .{ .kind = .observed });
            self.observing = .armed;
        }
    }

    const tick_span: linux.kernel_timespec = .{ .sec = 0, .nsec = limits.quiet_wait_ns };

    /// The thread is about to sleep in the observed loop.
    pub fn rest(self: *IoUring) void {
        if (self.asleep) self.awaken();
        if (self.tick == .armed) self.tick = self.remove(.{ .kind = .tick }, .armed);
        if (self.observing == .armed) self.observing = self.remove(.{ .kind = .observed }, .armed);
        // What is not reported any more may have to be asked for anew.
        for (0..2) |_| {
            self.prune();
            self.flush();
        }
        self.asleep = true;
        self.uring.setBell(true);
        // What came before the bell was on.
        const due = self.ready.items.len > 0 or self.uring.hasCompletions();
        if (due or self.uring.wantsEnter()) sys.eventWrite(self.uring.bell) catch {};
    }

    /// Ready events. With `wait` it waits for them: a millisecond at most, and until the observed
    /// loop has work.
    pub fn poll(self: *IoUring, events: []Event, wait: bool) error{Unexpected}![]Event {
        if (self.asleep) self.awaken();
        self.reap();
        self.prune();
        self.settleAll();
        if (self.ready.items.len > 0 and self.fresh) {
            // What came with the sends is worked on first.
        } else if (wait and self.ready.items.len == 0) {
            try self.wake();
            self.enter(1);
        } else if (self.uring.wantsEnter()) {
            self.enter(0);
        }
        self.fresh = false;
        return self.collect(events);
    }

    fn awaken(self: *IoUring) void {
        self.asleep = false;
        self.uring.setBell(false);
        _ = sys.counterRead(self.uring.bell) catch {};
    }

    /// What was reported and taken since must not keep a poll from waiting.
    fn prune(self: *IoUring) void {
        const list = &self.ready;
        var kept: usize = 0;
        for (list.items) |fd| {
            const entry = &self.entries[@intCast(fd)];
            entry.is_ready = eventOf(entry) != null;
            if (entry.is_ready) {
                list.items[kept] = fd;
                kept += 1;
            } else self.forgetPoll(fd, entry);
        }
        list.shrinkRetainingCapacity(kept);
    }

    /// Those behind the last one reported come first next time.
    fn collect(self: *IoUring, events: []Event) []Event {
        var count: usize = 0;
        var kept: usize = 0;
        var at: usize = 0;
        const list = &self.ready;
        while (at < list.items.len and count < events.len) : (at += 1) {
            const fd = list.items[at];
            const entry = &self.entries[@intCast(fd)];
            if (eventOf(entry)) |event| {
                events[count] = event;
                count += 1;
            }
            // Reported once; whether it still holds, another poll says.
            self.forgetPoll(fd, entry);
            entry.is_ready = eventOf(entry) != null;
            if (!entry.is_ready) continue;
            list.items[kept] = fd;
            kept += 1;
        }
        list.replaceRangeAssumeCapacity(kept, at - kept, &.{});
        std.mem.rotate(sys.Descriptor, list.items, kept);
        return events[0..count];
    }

    fn forgetPoll(self: *IoUring, fd: sys.Descriptor, entry: *Entry) void {
        if (entry.polled == 0) return;
        entry.polled = 0;
        self.change(fd);
    }

    fn eventOf(entry: *const Entry) ?Event {
        if (!entry.open) return null;
        const bits = entry.polled;
        const comes = entry.first != none or entry.ended != .no or entry.failure != null or
            bits & (POLL.IN | POLL.HUP | POLL.ERR) != 0;
        const event: Event = .{
            .token = entry.token,
            .readable = entry.interest.read and comes,
            .writable = entry.interest.write and bits & (POLL.OUT | POLL.HUP | POLL.ERR) != 0,
            .failed = entry.ended == .reset or bits & (POLL.HUP | POLL.ERR) != 0,
        };
        return if (event.readable or event.writable or event.failed) event else null;
    }

    /// Makes `descriptor` readable at this time of `nowMs`'s clock; null: no more.
    pub fn setAlarm(self: *IoUring, at_ms: ?u64) void {
        if (at_ms == self.alarm_ms) return;
        if (self.alarm_ms != null) {
            _ = self.remove(.{ .kind = .alarm, .number = self.alarm_number }, .armed);
        }
        self.alarm_ms = null;
        const ms = at_ms orelse return;
        const request = self.uring.prepare() orelse return;
        self.alarm_number +%= 1;
        self.alarm_ms = ms;
        self.alarm_span = .{
            .sec = @intCast(ms / std.time.ms_per_s),
            .nsec = @intCast(ms % std.time.ms_per_s * std.time.ns_per_ms),
        };
        request.prep_timeout(&self.alarm_span, 0, linux.IORING_TIMEOUT_ABS);
        self.start(request, .{ .kind = .alarm, .number = self.alarm_number });
        if (self.asleep) self.flush();
    }

    pub fn add(
        self: *IoUring,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        try self.register(fd, token, interest, false);
        if (self.asleep) self.flush();
    }

    /// A multishot accept empties the queue at once, and of several processes the kernel wakes the
    /// same one each time. So a socket that others have too is polled, and accepted from by calls.
    pub fn addListener(
        self: *IoUring,
        fd: sys.Descriptor,
        token: Token,
        sharing: reactor.Sharing,
    ) reactor.RegisterError!void {
        try self.register(fd, token, .{ .read = true, .write = false }, true);
        self.entries[@intCast(fd)].direct = sharing == .shared;
        if (self.asleep) self.flush();
    }

    fn register(
        self: *IoUring,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
        listener: bool,
    ) reactor.RegisterError!void {
        const entry = try self.entryFor(fd);
        if (entry.open) return error.Unexpected;
        entry.* = .{
            .token = token,
            .registration = entry.registration,
            .open = true,
            .listener = listener,
            .interest = interest,
            .is_ready = entry.is_ready,
            .is_changed = entry.is_changed,
        };
        self.change(fd);
    }

    /// Grows what has a place for every descriptor.
    fn entryFor(self: *IoUring, fd: sys.Descriptor) reactor.RegisterError!*Entry {
        const index: usize = @intCast(fd);
        if (index > std.math.maxInt(u24)) return error.OutOfMemory;
        if (index >= self.entries.len) {
            const before = self.entries.len;
            const count = @max(64, before * 2, index + 1);
            try self.ready.ensureTotalCapacity(allocator, count);
            try self.changed.ensureTotalCapacity(allocator, count);
            self.entries = try allocator.realloc(self.entries, count);
            @memset(self.entries[before..], .{});
        }
        return &self.entries[index];
    }

    pub fn modify(
        self: *IoUring,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        const entry = self.entryOf(fd) orelse return error.Unexpected;
        entry.token = token;
        entry.interest = interest;
        if (eventOf(entry) != null) self.markReady(fd);
        self.change(fd);
        if (self.asleep) self.flush();
    }

    fn entryOf(self: *IoUring, fd: sys.Descriptor) ?*Entry {
        const index: usize = @intCast(fd);
        if (index >= self.entries.len) return null;
        const entry = &self.entries[index];
        return if (entry.open) entry else null;
    }

    fn markReady(self: *IoUring, fd: sys.Descriptor) void {
        const entry = &self.entries[@intCast(fd)];
        if (entry.is_ready) return;
        entry.is_ready = true;
        self.ready.appendAssumeCapacity(fd);
    }

    fn change(self: *IoUring, fd: sys.Descriptor) void {
        const entry = &self.entries[@intCast(fd)];
        if (entry.is_changed) return;
        entry.is_changed = true;
        self.changed.appendAssumeCapacity(fd);
    }

    // Requests.

    fn settleAll(self: *IoUring) void {
        while (self.changed.pop()) |fd| {
            const entry = &self.entries[@intCast(fd)];
            entry.is_changed = false;
            if (entry.open) self.settle(fd, entry) catch {
                // No room for a request: tried again at the next poll.
                self.change(fd);
                return;
            };
        }
    }

    fn wantsReceive(entry: *const Entry) bool {
        if (!entry.interest.read or entry.direct) return false;
        if (entry.listener) return entry.failure == null;
        return entry.ended == .no and entry.parked < parked_max;
    }

    /// Null: no poll. A reset shows in a poll for nothing too, where nothing is received.
    fn wantedPoll(entry: *const Entry) ?u16 {
        if (entry.listener) return if (entry.interest.read and entry.direct) POLL.IN else null;
        if (entry.ended == .reset) return null;
        var mask: u16 = 0;
        if (entry.interest.write) mask |= POLL.OUT;
        const reads = entry.interest.read and entry.ended == .no;
        if (reads and entry.direct and entry.parked == 0) mask |= POLL.IN;
        return if (mask != 0 or !entry.interest.read) mask else null;
    }

    /// Asks for what the interest needs and is not asked for, and takes back what it does not.
    fn settle(self: *IoUring, fd: sys.Descriptor, entry: *Entry) error{Full}!void {
        const receives = wantsReceive(entry);
        if (receives and entry.receiving == .off) {
            const request = self.uring.prepare() orelse return error.Full;
            const kind: Ticket.Kind = if (entry.listener) .accept else .receive;
            if (entry.listener) {
                request.prep_multishot_accept(fd, null, null, accept_flags);
            } else {
                request.prep_recv_multishot(fd, &.{}, 0);
                request.flags |= linux.IOSQE_BUFFER_SELECT;
                request.buf_index = sys.UringBuffers.group;
            }
            self.start(request, ticketOf(kind, fd, entry));
            entry.receiving = .armed;
        } else if (!receives and entry.receiving == .armed) {
            const kind: Ticket.Kind = if (entry.listener) .accept else .receive;
            entry.receiving = self.remove(ticketOf(kind, fd, entry), .armed);
        }
        const mask = wantedPoll(entry);
        if (entry.polling == .armed and (mask == null or mask.? != entry.poll_mask)) {
            entry.polling = self.remove(ticketOf(.poll, fd, entry), .armed);
        } else if (mask != null and entry.polling == .off and entry.polled == 0) {
            const request = self.uring.prepare() orelse return error.Full;
            request.prep_poll_add(fd, mask.?);
            self.start(request, ticketOf(.poll, fd, entry));
            entry.polling = .armed;
            entry.poll_mask = mask.?;
        }
    }

    const accept_flags = linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;

    fn ticketOf(kind: Ticket.Kind, fd: sys.Descriptor, entry: *const Entry) Ticket {
        return .{ .kind = kind, .fd = @intCast(fd), .number = entry.registration };
    }

    fn start(self: *IoUring, request: *sys.Uring.Request, ticket: Ticket) void {
        request.user_data = @bitCast(ticket);
        self.in_flight += 1;
    }

    /// Takes a request back: its last completion says when it is over.
    fn remove(self: *IoUring, ticket: Ticket, otherwise: State) State {
        const request = self.uring.prepare() orelse return otherwise;
        const data: u64 = @bitCast(ticket);
        switch (ticket.kind) {
            .tick, .alarm => request.prep_timeout_remove(data, 0),
            else => request.prep_cancel(data, 0),
        }
        quietly(request);
        return .cancelled;
    }

    /// Only its failure would be told, which is that there was nothing to do.
    fn quietly(request: *sys.Uring.Request) void {
        request.user_data = @bitCast(Ticket{ .kind = .ignored });
        request.flags |= linux.IOSQE_CQE_SKIP_SUCCESS;
    }

    fn enter(self: *IoUring, wait_for: u32) void {
        // Out of memory: what was not submitted is at the next call.
        self.uring.enter(wait_for) catch {};
        self.reap();
    }

    fn flush(self: *IoUring) void {
        self.settleAll();
        if (self.uring.wantsEnter()) self.enter(0);
    }

    // Completions.

    fn reap(self: *IoUring) void {
        while (true) {
            while (self.uring.next()) |completion| self.complete(completion);
            if (!self.uring.overflows()) return;
            self.uring.enter(0) catch return;
        }
    }

    fn complete(self: *IoUring, completion: sys.Uring.Completion) void {
        const ticket: Ticket = @bitCast(completion.user_data);
        const over = completion.flags & linux.IORING_CQE_F_MORE == 0;
        if (over and ticket.kind != .ignored) self.in_flight -= 1;
        switch (ticket.kind) {
            .ignored => {},
            // One that has just fired is missed when it is taken back.
            .tick => self.tick = if (over) .off else .armed,
            .observed => self.observing = .off,
            .alarm => if (ticket.number == self.alarm_number) {
                self.alarm_ms = null;
            },
            .send => self.completeSend(ticket.number, completion.res),
            .poll => self.completePoll(ticket, completion.res),
            .accept => self.completeAccept(ticket, completion.res, over),
            .receive => self.completeReceive(ticket, completion, over),
        }
    }

    /// The entry of a ticket, unless it was closed since.
    fn entryAt(self: *IoUring, ticket: Ticket) ?*Entry {
        const entry = &self.entries[ticket.fd];
        return if (entry.open and entry.registration == ticket.number) entry else null;
    }

    fn completePoll(self: *IoUring, ticket: Ticket, result: i32) void {
        const entry = self.entryAt(ticket) orelse return;
        entry.polling = .off;
        self.change(ticket.fd);
        if (result < 0) return;
        entry.polled |= @truncate(@as(u32, @intCast(result)));
        self.markReady(ticket.fd);
    }

    fn completeAccept(self: *IoUring, ticket: Ticket, result: i32, over: bool) void {
        const entry = self.entryAt(ticket) orelse {
            if (result >= 0) sys.close(result);
            return;
        };
        if (over) {
            entry.receiving = .off;
            self.change(ticket.fd);
        }
        if (result >= 0) {
            // Not `entry` any more: it may have moved.
            const accepted = self.entryFor(result) catch return sys.close(result);
            accepted.next = none;
            self.append(ticket.fd, result);
        } else switch (codeOf(result)) {
            .CANCELED, .INTR => return,
            else => |code| entry.failure = sys.acceptFailure(code),
        }
        self.markReady(ticket.fd);
    }

    fn append(self: *IoUring, listener: u24, fd: sys.Descriptor) void {
        const entry = &self.entries[listener];
        if (entry.last == none) entry.first = fd else self.entries[@intCast(entry.last)].next = fd;
        entry.last = fd;
    }

    fn completeReceive(
        self: *IoUring,
        ticket: Ticket,
        completion: sys.Uring.Completion,
        over: bool,
    ) void {
        const buffer: ?u16 = completion.buffer_id() catch null;
        if (buffer != null) self.buffers.taken();
        const entry = self.entryAt(ticket) orelse {
            if (buffer) |id| self.buffers.give(id);
            return;
        };
        if (over) {
            entry.receiving = .off;
            self.change(ticket.fd);
        }
        if (completion.res > 0) {
            self.park(entry, buffer.?, @intCast(completion.res));
            if (entry.parked >= parked_max) {
                entry.direct = true;
                self.change(ticket.fd);
            }
            return self.markReady(ticket.fd);
        }
        if (buffer) |id| self.buffers.give(id);
        switch (codeOf(completion.res)) {
            .SUCCESS => entry.ended = .end,
            .CANCELED, .INTR, .AGAIN => return,
            .NOBUFS => {
                entry.direct = true;
                return self.buffers.grow();
            },
            else => {
                const bits: usize = @bitCast(@as(isize, completion.res));
                _ = sys.received(bits) catch |reason| switch (reason) {
                    error.WouldBlock, error.OutOfMemory => entry.direct = true,
                    error.ConnectionReset, error.Unexpected => entry.ended = .reset,
                };
            },
        }
        self.markReady(ticket.fd);
    }

    fn codeOf(result: i32) linux.E {
        return if (result >= 0) .SUCCESS else @enumFromInt(-result);
    }

    fn park(self: *IoUring, entry: *Entry, buffer: u16, len: u16) void {
        self.parked[buffer] = .{ .len = len, .next = none };
        if (entry.last == none) {
            entry.first = buffer;
        } else {
            self.parked[@intCast(entry.last)].next = buffer;
        }
        entry.last = buffer;
        entry.parked += 1;
    }

    // Descriptors.

    /// Where a multishot accept is out, everybody who waits is here already; elsewhere the kernel
    /// has to be asked.
    pub fn accept(
        self: *IoUring,
        listener: sys.Descriptor,
        address: *sys.Address,
    ) sys.AcceptError!sys.Descriptor {
        const entry = self.entryOf(listener) orelse return error.WouldBlock;
        const asks = entry.direct or !entry.interest.read;
        if (entry.first == none and asks) return sys.accept(listener, address);
        if (entry.first == none) {
            const failure = entry.failure orelse return error.WouldBlock;
            entry.failure = null;
            self.change(listener);
            return failure;
        }
        const fd = entry.first;
        entry.first = self.entries[@intCast(fd)].next;
        if (entry.first == none) entry.last = none;
        sys.peerName(fd, address) catch |reason| {
            sys.close(fd);
            return reason;
        };
        return fd;
    }

    pub fn receive(self: *IoUring, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
        if (self.uring.hasCompletions()) self.reap();
        const entry = self.entryOf(fd) orelse return sys.receive(fd, buffer);
        if (entry.first != none) return self.unpark(fd, entry, buffer);
        switch (entry.ended) {
            .no => {},
            .end => return 0,
            .reset => return error.ConnectionReset,
        }
        // All that has come would be here.
        if (entry.receiving == .armed and !entry.direct) return error.WouldBlock;
        const count = sys.receive(fd, buffer) catch |reason| {
            if (reason == error.WouldBlock) self.leaveDirect(fd, entry);
            return reason;
        };
        if (count < @min(buffer.len, sys.UringBuffers.bytes)) self.leaveDirect(fd, entry);
        return count;
    }

    /// The socket is empty, so there was no flood.
    fn leaveDirect(self: *IoUring, fd: sys.Descriptor, entry: *Entry) void {
        if (!entry.direct or self.buffers.free == 0) return;
        entry.direct = false;
        self.change(fd);
    }

    fn unpark(self: *IoUring, fd: sys.Descriptor, entry: *Entry, buffer: []u8) usize {
        var total: usize = 0;
        while (entry.first != none and total < buffer.len) {
            const id: u16 = @intCast(entry.first);
            const parked = &self.parked[id];
            const bytes = self.buffers.at(id)[entry.taken..parked.len];
            const count = @min(bytes.len, buffer.len - total);
            @memcpy(buffer[total..][0..count], bytes[0..count]);
            total += count;
            entry.taken += @intCast(count);
            if (entry.taken == parked.len) self.unparkFirst(entry);
        }
        if (entry.first == none and entry.direct) self.change(fd);
        return total;
    }

    fn unparkFirst(self: *IoUring, entry: *Entry) void {
        const id: u16 = @intCast(entry.first);
        entry.first = self.parked[id].next;
        if (entry.first == none) entry.last = none;
        entry.taken = 0;
        entry.parked -= 1;
        self.buffers.give(id);
    }

    pub fn send(
        self: *IoUring,
        fd: sys.Descriptor,
        vectors: []const sys.ConstVector,
        more: bool,
    ) sys.SendError!usize {
        _ = self;
        if (vectors.len == 1 and !more) return sys.send(fd, vectors[0].base[0..vectors[0].len]);
        return sys.sendVectors(fd, vectors, more);
    }

    /// One system call, which brings the next events too. A single answer is cheaper by itself.
    pub fn sendMany(self: *IoUring, list: []reactor.Outgoing) void {
        if (list.len == 1) return list[0].send();
        var left = list;
        var stuck = false;
        while (left.len > 0) {
            const count = self.sendSome(left);
            left = left[count..];
            // Without memory the kernel takes nothing: as if the sockets were full.
            if (count == 0 and stuck) {
                for (left) |*outgoing| outgoing.result = error.WouldBlock;
                break;
            }
            stuck = count == 0;
        }
        self.fresh = !self.asleep;
    }

    fn sendSome(self: *IoUring, list: []reactor.Outgoing) usize {
        self.sending = list;
        self.sent_count = 0;
        var count: u32 = 0;
        var place: u32 = 0;
        while (place < list.len) : (place += 1) {
            const outgoing = &list[place];
            outgoing.result = 0;
            if (outgoing.bytes.len == 0) continue;
            const request = self.uring.ring.get_sqe() catch break;
            request.prep_send(outgoing.fd, outgoing.bytes, linux.MSG.DONTWAIT | linux.MSG.NOSIGNAL);
            self.start(request, .{ .kind = .send, .number = place });
            outgoing.result = error.WouldBlock;
            count += 1;
        }
        if (count == 0 and place == list.len) return place;
        // Sends that may not block complete while they are submitted.
        self.enter(0);
        if (self.sent_count < count) self.enter(0);
        if (self.sent_count < count) {
            // The kernel has no memory for them: as if the sockets were full.
            const left = count - @as(u32, @intCast(self.sent_count));
            self.uring.withdraw(left);
            self.in_flight -= left;
        }
        self.sending = &.{};
        return place;
    }

    fn completeSend(self: *IoUring, place: u32, result: i32) void {
        self.sent_count += 1;
        const bits: usize = @bitCast(@as(isize, result));
        self.sending[place].result = if (sys.sent(bits)) |count|
            count orelse error.WouldBlock
        else |reason|
            reason;
    }

    pub fn sendFile(
        self: *IoUring,
        fd: sys.Descriptor,
        file: sys.Descriptor,
        offset: u64,
        count: usize,
    ) sys.SendFileError!usize {
        _ = self;
        return sys.sendFile(fd, file, offset, count);
    }

    pub fn shutdownWrite(self: *IoUring, fd: sys.Descriptor) sys.ShutdownError!void {
        _ = self;
        return sys.shutdownWrite(fd);
    }

    /// Requests hold the descriptor open, so they are taken back first. The kernel does both with
    /// the next call.
    pub fn close(self: *IoUring, fd: sys.Descriptor, ending: reactor.Ending) void {
        if (ending == .reset) sys.resetOnClose(fd);
        const entry = self.entryOf(fd) orelse return sys.close(fd);
        const idle = entry.receiving == .off and entry.polling == .off;
        const listener = entry.listener;
        self.forget(entry);
        if (idle) return sys.close(fd);
        self.cancelAll(fd);
        if (self.uring.prepare()) |request| {
            request.prep_close(fd);
            quietly(request);
        } else sys.close(fd);
        // An address must be free, and a client that is left be told, without another poll.
        if (self.asleep or listener) self.flush();
    }

    fn forget(self: *IoUring, entry: *Entry) void {
        if (entry.listener) {
            while (entry.first != none) {
                const fd = entry.first;
                entry.first = self.entries[@intCast(fd)].next;
                sys.close(fd);
            }
        } else while (entry.first != none) self.unparkFirst(entry);
        entry.open = false;
        entry.registration +%= 1;
    }

    fn cancelAll(self: *IoUring, fd: sys.Descriptor) void {
        const request = self.uring.prepare() orelse return;
        request.prep_cancel_fd(fd, linux.IORING_ASYNC_CANCEL_ALL);
        quietly(request);
    }

    pub fn nowMs(self: *const IoUring) u64 {
        _ = self;
        return sys.monotonicNs() / std.time.ns_per_ms;
    }

    pub fn seconds(self: *const IoUring) i64 {
        _ = self;
        return sys.realtimeSeconds();
    }
};

/// Waits once, and goes on when the millisecond of that wait has passed again and its timer is
/// about to be told.
fn tickHasFired(ring: *IoUring) !void {
    var events: [8]Event = undefined;
    _ = try ring.poll(&events, true);
    while (!ring.uring.wantsEnter()) std.Thread.yield() catch {};
}

test "a timer that has just fired is taken back all the same" {
    if (comptime !sys.is_linux) return error.SkipZigTest;
    const other = try sys.epollCreate();
    defer sys.close(other);
    var ring = IoUring.init() catch return error.SkipZigTest;
    defer ring.deinit();
    try ring.observe(other);
    for (0..50) |_| {
        try tickHasFired(&ring);
        // It may ring once more, and is then taken back.
        var events: [8]Event = undefined;
        for (0..2) |_| {
            ring.rest();
            const bell = ring.descriptor();
            var polled = [_]linux.pollfd{.{ .fd = bell, .events = POLL.IN, .revents = 0 }};
            if (linux.poll(&polled, 1, 5) == 0) break;
            _ = try ring.poll(&events, false);
        } else return error.TickGoesOn;
    }
}
