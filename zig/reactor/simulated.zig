//! A reactor without a kernel: clients are byte queues, time stands still until a test moves it,
//! and every fault of a real socket comes from one seed. Only tests use it.

const std = @import("std");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");

const Event = reactor.Event;
const Interest = reactor.Interest;
const Token = reactor.Token;

/// How often something goes wrong, in percent of the calls.
pub const Faults = struct {
    short_read: u8 = 0,
    short_write: u8 = 0,
    would_block: u8 = 0,
    reset: u8 = 0,
    /// Events for descriptors that have nothing to do.
    spurious: u8 = 0,
    /// accept fails for want of descriptors.
    descriptors: u8 = 0,
};

pub const Client = struct {
    /// Sent by the client, not read by the server yet.
    incoming: std.ArrayList(u8) = .empty,
    /// Sent by the server.
    outgoing: std.ArrayList(u8) = .empty,
    /// The client takes at most so many bytes before it stops reading.
    window: usize = std.math.maxInt(usize),
    /// The client ended its side.
    finished: bool = false,
    /// The client reset the connection.
    reset: bool = false,
    /// The server closed with a reset.
    broken: bool = false,
    /// The server ended its side, or closed.
    server_finished: bool = false,
    closed: bool = false,
    accepted: bool = false,
    token: Token = 0,
    interest: Interest = .{ .read = false, .write = false },
};

pub const Simulated = struct {
    allocator: std.mem.Allocator,
    clients: std.ArrayList(*Client) = .empty,
    random: std.Random.DefaultPrng,
    faults: Faults = .{},
    now: u64 = 1_000_000,
    listener_token: Token = 0,
    listener_watched: bool = false,
    /// Read by tests: poll returned without an event although one was due.
    polls: u64 = 0,

    pub const listener: sys.Descriptor = -7;

    pub fn init(allocator: std.mem.Allocator, seed: u64) Simulated {
        return .{ .allocator = allocator, .random = .init(seed) };
    }

    pub fn deinit(self: *Simulated) void {
        for (self.clients.items) |client| {
            client.incoming.deinit(self.allocator);
            client.outgoing.deinit(self.allocator);
            self.allocator.destroy(client);
        }
        self.clients.deinit(self.allocator);
    }

    /// A client that waits to be accepted.
    pub fn connect(self: *Simulated) *Client {
        const client = self.allocator.create(Client) catch @panic("out of memory");
        client.* = .{};
        self.clients.append(self.allocator, client) catch @panic("out of memory");
        return client;
    }

    pub fn descriptor(self: *const Simulated) sys.Descriptor {
        _ = self;
        return -1;
    }

    pub fn observe(self: *Simulated, other: sys.Descriptor) reactor.RegisterError!void {
        _ = self;
        _ = other;
    }

    pub fn rest(self: *Simulated) void {
        _ = self;
    }

    pub fn poll(self: *Simulated, events: []Event, wait: bool) error{Unexpected}![]Event {
        _ = wait;
        self.polls += 1;
        var count: usize = 0;
        for (self.clients.items) |client| {
            if (count == events.len) break;
            if (!client.accepted) {
                if (!self.listener_watched or client.closed) continue;
                events[count] = .{
                    .token = self.listener_token,
                    .readable = true,
                    .writable = false,
                    .failed = false,
                };
                count += 1;
                continue;
            }
            if (client.closed) continue;
            const has_input = client.incoming.items.len > 0 or client.finished or client.reset;
            const has_room = client.outgoing.items.len < client.window;
            const spurious = self.chance(self.faults.spurious);
            const event: Event = .{
                .token = client.token,
                .readable = client.interest.read and (has_input or spurious),
                .writable = client.interest.write and (has_room or spurious),
                .failed = client.reset,
            };
            if (!event.readable and !event.writable and !event.failed) continue;
            events[count] = event;
            count += 1;
        }
        return events[0..count];
    }

    pub fn setAlarm(self: *Simulated, at_ms: ?u64) void {
        _ = self;
        _ = at_ms;
    }

    pub fn add(
        self: *Simulated,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        if (fd == listener) {
            self.listener_token = token;
            self.listener_watched = interest.read;
            return;
        }
        const client = self.clientOf(fd);
        client.token = token;
        client.interest = interest;
    }

    pub fn addListener(
        self: *Simulated,
        fd: sys.Descriptor,
        token: Token,
        _: reactor.Sharing,
    ) reactor.RegisterError!void {
        return self.add(fd, token, .{ .read = true, .write = false });
    }

    pub fn modify(
        self: *Simulated,
        fd: sys.Descriptor,
        token: Token,
        interest: Interest,
    ) reactor.RegisterError!void {
        return self.add(fd, token, interest);
    }

    pub fn accept(
        self: *Simulated,
        fd: sys.Descriptor,
        address: *sys.Address,
    ) sys.AcceptError!sys.Descriptor {
        std.debug.assert(fd == listener);
        for (self.clients.items, 0..) |client, index| {
            if (client.accepted or client.closed) continue;
            if (self.chance(self.faults.descriptors)) return error.TooManyDescriptors;
            client.accepted = true;
            if (client.reset) {
                client.closed = true;
                return error.ConnectionAborted;
            }
            address.* = .ipv4(.{ 192, 0, 2, 1 }, 4000);
            return @intCast(index);
        }
        return error.WouldBlock;
    }

    pub fn receive(self: *Simulated, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
        const client = self.clientOf(fd);
        std.debug.assert(!client.closed);
        if (client.reset or self.chance(self.faults.reset)) {
            client.reset = true;
            return error.ConnectionReset;
        }
        if (self.chance(self.faults.would_block)) return error.WouldBlock;
        const incoming = &client.incoming;
        if (incoming.items.len == 0) return if (client.finished) 0 else error.WouldBlock;
        var count = @min(incoming.items.len, buffer.len);
        if (self.chance(self.faults.short_read)) count = self.some(count);
        @memcpy(buffer[0..count], incoming.items[0..count]);
        incoming.replaceRangeAssumeCapacity(0, count, &.{});
        return count;
    }

    pub fn send(
        self: *Simulated,
        fd: sys.Descriptor,
        vectors: []const sys.ConstVector,
        more: bool,
    ) sys.SendError!usize {
        _ = more;
        const client = self.clientOf(fd);
        std.debug.assert(!client.closed and !client.server_finished);
        if (client.reset or self.chance(self.faults.reset)) {
            client.reset = true;
            return error.ConnectionReset;
        }
        if (self.chance(self.faults.would_block)) return error.WouldBlock;
        var room = client.window -| client.outgoing.items.len;
        if (room == 0) return error.WouldBlock;
        if (self.chance(self.faults.short_write)) room = @min(room, self.some(64));
        var sent: usize = 0;
        for (vectors) |vector| {
            const count = @min(vector.len, room - sent);
            const bytes = vector.base[0..count];
            client.outgoing.appendSlice(self.allocator, bytes) catch return error.OutOfMemory;
            sent += count;
            if (sent == room) break;
        }
        return sent;
    }

    pub fn sendMany(self: *Simulated, list: []reactor.Outgoing) void {
        for (list) |*outgoing| {
            outgoing.result = 0;
            if (outgoing.bytes.len == 0) continue;
            const bytes = outgoing.bytes;
            const vectors = [_]sys.ConstVector{.{ .base = bytes.ptr, .len = bytes.len }};
            outgoing.result = self.send(outgoing.fd, &vectors, false);
        }
    }

    pub fn sendFile(
        self: *Simulated,
        fd: sys.Descriptor,
        file: sys.Descriptor,
        offset: u64,
        count: usize,
    ) sys.SendFileError!usize {
        var bytes: [4096]u8 = undefined;
        const len = try sys.readAt(file, bytes[0..@min(bytes.len, count)], offset);
        if (len == 0) return 0;
        return self.send(fd, &.{.{ .base = &bytes, .len = len }}, false);
    }

    pub fn shutdownWrite(self: *Simulated, fd: sys.Descriptor) sys.ShutdownError!void {
        const client = self.clientOf(fd);
        if (client.reset) return error.ConnectionReset;
        client.server_finished = true;
    }

    pub fn close(self: *Simulated, fd: sys.Descriptor, ending: reactor.Ending) void {
        if (fd == listener) {
            self.listener_watched = false;
            return;
        }
        const client = self.clientOf(fd);
        std.debug.assert(!client.closed);
        client.closed = true;
        client.server_finished = true;
        client.broken = ending == .reset;
    }

    pub fn nowMs(self: *const Simulated) u64 {
        return self.now;
    }

    pub fn seconds(self: *const Simulated) i64 {
        return @intCast(self.now / 1000);
    }

    fn clientOf(self: *Simulated, fd: sys.Descriptor) *Client {
        return self.clients.items[@intCast(fd)];
    }

    fn some(self: *Simulated, most: usize) usize {
        return 1 + self.random.random().uintLessThan(usize, most);
    }

    fn chance(self: *Simulated, percent: u8) bool {
        return percent > 0 and self.random.random().uintLessThan(u8, 100) < percent;
    }
};
