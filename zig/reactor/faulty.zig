//! A reactor that wraps another one and lets its calls fail by chance, from one seed: what a kernel
//! may answer at any time, and seldom does. Its clock stands still until a test moves it. Only
//! tests use it.

const std = @import("std");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");

const Event = reactor.Event;
const Interest = reactor.Interest;
const Token = reactor.Token;

/// How often, in percent of the calls.
pub const Faults = struct {
    short_read: u8 = 0,
    short_write: u8 = 0,
    /// EAGAIN, although there was an event.
    would_block: u8 = 0,
    /// ECONNRESET of a read, EPIPE of a write.
    reset: u8 = 0,
    /// ENOBUFS of a read or a write.
    buffers: u8 = 0,
    /// EMFILE of accept.
    descriptors: u8 = 0,
    /// ECONNABORTED of accept.
    aborted: u8 = 0,
    /// ENOMEM when a descriptor is registered.
    memory: u8 = 0,
    /// EINTR of a wait: no events at all.
    interrupted: u8 = 0,
    /// Events that are held back until the next poll.
    late: u8 = 0,
    /// Events for descriptors that have nothing to do.
    spurious: u8 = 0,
    /// Events for connections that were closed.
    stale: u8 = 0,
};

pub fn Faulty(comptime Backend: type) type {
    return struct {
        const Self = @This();

        inner: Backend,
        random: std.Random.DefaultPrng,
        faults: Faults = .{},
        /// Connections that were broken by a fault.
        losses: u32 = 0,
        now: u64 = 1_000_000,
        known: std.ArrayList(Known) = .empty,
        closed: [16]Token = @splat(nobody),
        closed_count: usize = 0,

        const Known = struct { fd: sys.Descriptor, token: Token, interest: Interest };
        /// No descriptor is registered with it.
        const nobody: Token = std.math.maxInt(Token) - 100;
        const allocator = std.testing.allocator;

        pub fn init(inner: Backend, seed: u64) Self {
            return .{ .inner = inner, .random = .init(seed) };
        }

        pub fn deinit(self: *Self) void {
            self.known.deinit(allocator);
            self.inner.deinit();
        }

        fn chance(self: *Self, percent: u8) bool {
            return percent > 0 and self.random.random().uintLessThan(u8, 100) < percent;
        }

        fn part(self: *Self, most: usize) usize {
            return if (most == 0) 0 else 1 + self.random.random().uintLessThan(usize, most);
        }

        pub fn descriptor(self: *const Self) sys.Descriptor {
            return self.inner.descriptor();
        }

        pub fn observe(self: *Self, other: sys.Descriptor) reactor.RegisterError!void {
            return self.inner.observe(other);
        }

        pub fn rest(self: *Self) void {
            self.inner.rest();
        }

        pub fn poll(self: *Self, events: []Event, wait: bool) error{Unexpected}![]Event {
            const half = events.len / 2;
            const came = try self.inner.poll(events[0..half], wait);
            if (self.chance(self.faults.interrupted)) return events[0..0];
            var count: usize = 0;
            for (came) |event| {
                if (self.chance(self.faults.late)) continue;
                events[count] = event;
                count += 1;
            }
            for (self.known.items) |known| {
                if (count == events.len - self.closed.len) break;
                if (!self.chance(self.faults.spurious)) continue;
                const interest = known.interest;
                if (!interest.read and !interest.write) continue;
                // A kernel may be wrong once, and not in the same breath.
                if (has(events[0..count], known.token)) continue;
                events[count] = .{
                    .token = known.token,
                    .readable = interest.read,
                    .writable = interest.write,
                    .failed = false,
                };
                count += 1;
            }
            for (self.closed) |token| {
                if (token == nobody or !self.chance(self.faults.stale)) continue;
                events[count] = .{
                    .token = token,
                    .readable = self.chance(50),
                    .writable = self.chance(50),
                    .failed = self.chance(50),
                };
                count += 1;
            }
            self.random.random().shuffle(Event, events[0..count]);
            return events[0..count];
        }

        fn has(events: []const Event, token: Token) bool {
            for (events) |event| if (event.token == token) return true;
            return false;
        }

        pub fn setAlarm(self: *Self, at_ms: ?u64) void {
            self.inner.setAlarm(at_ms);
        }

        pub fn add(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            interest: Interest,
        ) reactor.RegisterError!void {
            if (self.chance(self.faults.memory)) {
                self.losses += 1;
                return error.OutOfMemory;
            }
            try self.known.append(allocator, .{ .fd = fd, .token = token, .interest = interest });
            return self.inner.add(fd, token, interest);
        }

        pub fn addListener(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            sharing: reactor.Sharing,
        ) reactor.RegisterError!void {
            return self.inner.addListener(fd, token, sharing);
        }

        pub fn modify(
            self: *Self,
            fd: sys.Descriptor,
            token: Token,
            interest: Interest,
        ) reactor.RegisterError!void {
            const fails_now = self.chance(self.faults.memory);
            if (self.knownOf(fd)) |known| {
                if (fails_now) self.losses += 1;
                known.token = token;
                known.interest = interest;
            }
            if (fails_now) return error.OutOfMemory;
            return self.inner.modify(fd, token, interest);
        }

        fn knownOf(self: *Self, fd: sys.Descriptor) ?*Known {
            for (self.known.items) |*known| if (known.fd == fd) return known;
            return null;
        }

        pub fn accept(
            self: *Self,
            listener: sys.Descriptor,
            address: *sys.Address,
        ) sys.AcceptError!sys.Descriptor {
            if (self.chance(self.faults.descriptors)) return error.TooManyDescriptors;
            if (self.chance(self.faults.buffers)) return error.OutOfMemory;
            const fd = try self.inner.accept(listener, address);
            if (!self.chance(self.faults.aborted)) return fd;
            self.losses += 1;
            self.inner.close(fd, .reset);
            return error.ConnectionAborted;
        }

        fn fails(self: *Self) error{ WouldBlock, ConnectionReset, OutOfMemory }!void {
            if (self.chance(self.faults.reset)) {
                self.losses += 1;
                return error.ConnectionReset;
            }
            if (self.chance(self.faults.would_block)) return error.WouldBlock;
            if (self.chance(self.faults.buffers)) return error.OutOfMemory;
        }

        pub fn receive(self: *Self, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
            try self.fails();
            const short = self.chance(self.faults.short_read);
            return self.inner.receive(fd, if (short) buffer[0..self.part(buffer.len)] else buffer);
        }

        pub fn send(
            self: *Self,
            fd: sys.Descriptor,
            vectors: []const sys.ConstVector,
            more: bool,
        ) sys.SendError!usize {
            try self.fails();
            if (!self.chance(self.faults.short_write)) return self.inner.send(fd, vectors, more);
            const first = vectors[0];
            const short = [_]sys.ConstVector{.{ .base = first.base, .len = self.part(first.len) }};
            return self.inner.send(fd, &short, more);
        }

        /// Those that fail are left out of what the backend gets.
        pub fn sendMany(self: *Self, list: []reactor.Outgoing) void {
            var passed: [512]reactor.Outgoing = undefined;
            for (list, passed[0..list.len]) |*outgoing, *inner| {
                inner.* = outgoing.*;
                outgoing.result = 0;
                if (outgoing.bytes.len == 0) continue;
                if (self.fails()) {
                    const short = self.chance(self.faults.short_write);
                    if (short) inner.bytes = inner.bytes[0..self.part(inner.bytes.len)];
                } else |reason| {
                    outgoing.result = reason;
                    inner.bytes = "";
                }
            }
            self.inner.sendMany(passed[0..list.len]);
            for (list, passed[0..list.len]) |*outgoing, inner| {
                if (inner.bytes.len > 0) outgoing.result = inner.result;
            }
        }

        pub fn sendFile(
            self: *Self,
            fd: sys.Descriptor,
            file: sys.Descriptor,
            offset: u64,
            count: usize,
        ) sys.SendFileError!usize {
            try self.fails();
            const short = self.chance(self.faults.short_write);
            return self.inner.sendFile(fd, file, offset, if (short) self.part(count) else count);
        }

        pub fn shutdownWrite(self: *Self, fd: sys.Descriptor) sys.ShutdownError!void {
            return self.inner.shutdownWrite(fd);
        }

        pub fn close(self: *Self, fd: sys.Descriptor, ending: reactor.Ending) void {
            for (self.known.items, 0..) |known, index| if (known.fd == fd) {
                self.closed[self.closed_count % self.closed.len] = known.token;
                self.closed_count += 1;
                _ = self.known.swapRemove(index);
                break;
            };
            self.inner.close(fd, ending);
        }

        pub fn nowMs(self: *const Self) u64 {
            return self.now;
        }

        pub fn seconds(self: *const Self) i64 {
            return @intCast(self.now / std.time.ms_per_s);
        }
    };
}
