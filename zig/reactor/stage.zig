//! Peers for tests of reactors: the same calls whether a backend moves bytes through the kernel or
//! only in memory. Used by `reactor_suite.zig` and `fuzz/reactor.zig`.

const std = @import("std");
const reactor = @import("../reactor.zig");
const simulated = @import("simulated.zig");
const sys = @import("../sys.zig");
const listener_file = @import("../listener.zig");

pub const Epoll = @import("epoll.zig").Epoll;
pub const IoUring = @import("io_uring.zig").IoUring;
pub const KqueueDouble = @import("kqueue.zig").Kqueue(@import("kqueue_double.zig"));
pub const Simulated = simulated.Simulated;

/// Every backend that runs here.
pub const backends = if (sys.is_linux)
    .{ Epoll, IoUring, KqueueDouble, Simulated }
else
    .{Simulated};

/// The kernel may bar io_uring.
pub fn available(comptime Backend: type) bool {
    if (Backend != IoUring) return true;
    var ring = IoUring.init() catch |reason| {
        std.debug.print("io_uring is left out: {t}\n", .{reason});
        return false;
    };
    ring.deinit();
    return true;
}

/// A reactor with a listener, and clients that connect to it.
pub fn Stage(comptime Backend: type) type {
    return struct {
        const Self = @This();

        pub const real = Backend != Simulated;
        pub const Peer = if (real) RealPeer else SimulatedPeer;

        reactor: Backend,
        listener: sys.Descriptor,
        address: sys.Address,
        events: [reactor.events_max]reactor.Event = undefined,

        pub const listener_token: reactor.Token = 1 << 40;

        pub fn init(seed: u64) !Self {
            if (!real) return .{
                .reactor = .init(std.testing.allocator, seed),
                .listener = Simulated.listener,
                .address = undefined,
            };
            const bound = try listener_file.bindTcp("127.0.0.1", 0, 512);
            errdefer sys.close(bound.fd);
            return .{
                .reactor = try .init(),
                .listener = bound.fd,
                .address = bound.address,
            };
        }

        pub fn deinit(self: *Self) void {
            self.reactor.close(self.listener, .end);
            self.reactor.deinit();
        }

        /// Waits to be accepted.
        pub fn connect(self: *Self) !Peer {
            if (!real) return .{ .client = self.reactor.connect(), .reactor = &self.reactor };
            return .{ .fd = try connectTo(&self.address) };
        }

        pub fn poll(self: *Self) ![]reactor.Event {
            return self.reactor.poll(&self.events, false);
        }

        /// What is reported of this token; waits for it where a kernel takes its time.
        pub fn expect(self: *Self, token: reactor.Token) !reactor.Event {
            for (0..5000) |_| {
                for (try self.poll()) |event| if (event.token == token) return event;
                pause();
            }
            return error.NoEvent;
        }

        pub fn expectNothing(self: *Self) !void {
            for (0..3) |_| try std.testing.expectEqual(0, (try self.poll()).len);
        }

        /// A connected peer; its other end is registered with this token.
        pub fn pair(self: *Self, token: reactor.Token) !struct { Peer, sys.Descriptor } {
            const peer = try self.connect();
            const fd = try self.acceptOne();
            try self.reactor.add(fd, token, .{ .read = true, .write = false });
            return .{ peer, fd };
        }

        /// The listener must be registered.
        pub fn acceptOne(self: *Self) !sys.Descriptor {
            var address: sys.Address = undefined;
            for (0..5000) |_| {
                _ = try self.expect(listener_token);
                if (self.reactor.accept(self.listener, &address)) |fd| return fd else |reason| {
                    if (reason != error.WouldBlock) return reason;
                }
            }
            return error.NoConnection;
        }
    };
}

pub fn pause() void {
    const step: std.os.linux.timespec = .{ .sec = 0, .nsec = 100 * std.time.ns_per_us };
    if (sys.is_linux) _ = std.os.linux.nanosleep(&step, null);
}

pub fn connectTo(address: *const sys.Address) !sys.Descriptor {
    const fd = try sys.openStreamSocket(address.any.family);
    errdefer sys.close(fd);
    switch (sys.errno(sys.system.connect(fd, &address.any, address.length()))) {
        .SUCCESS, .INPROGRESS => return fd,
        else => return error.CannotConnect,
    }
}

pub const RealPeer = struct {
    fd: sys.Descriptor,

    /// Bytes taken, possibly none.
    pub fn send(peer: RealPeer, bytes: []const u8) !usize {
        return sys.send(peer.fd, bytes) catch |reason| switch (reason) {
            error.WouldBlock => 0,
            else => reason,
        };
    }

    /// Null: nothing is there; 0: the end.
    pub fn receive(peer: RealPeer, buffer: []u8) !?usize {
        return sys.receive(peer.fd, buffer) catch |reason| switch (reason) {
            error.WouldBlock => null,
            else => reason,
        };
    }

    pub fn finish(peer: RealPeer) void {
        sys.shutdownWrite(peer.fd) catch {};
    }

    pub fn reset(peer: RealPeer) void {
        sys.resetOnClose(peer.fd);
        sys.close(peer.fd);
    }

    pub fn close(peer: RealPeer) void {
        sys.close(peer.fd);
    }
};

const SimulatedPeer = struct {
    client: *simulated.Client,
    reactor: *Simulated,

    /// What a socket's buffers hold.
    const window = 64 * 1024;

    pub fn send(peer: SimulatedPeer, bytes: []const u8) !usize {
        const incoming = &peer.client.incoming;
        const count = @min(bytes.len, window -| incoming.items.len);
        try incoming.appendSlice(peer.reactor.allocator, bytes[0..count]);
        return count;
    }

    pub fn receive(peer: SimulatedPeer, buffer: []u8) !?usize {
        const client = peer.client;
        if (client.broken) return error.ConnectionReset;
        const outgoing = &client.outgoing;
        if (outgoing.items.len == 0) return if (client.server_finished) 0 else null;
        const count = @min(outgoing.items.len, buffer.len);
        @memcpy(buffer[0..count], outgoing.items[0..count]);
        outgoing.replaceRangeAssumeCapacity(0, count, &.{});
        client.window = window;
        return count;
    }

    pub fn finish(peer: SimulatedPeer) void {
        peer.client.finished = true;
    }

    pub fn reset(peer: SimulatedPeer) void {
        peer.client.reset = true;
    }

    pub fn close(peer: SimulatedPeer) void {
        peer.client.finished = true;
    }
};
