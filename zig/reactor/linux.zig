//! Linux's two backends behind one type, chosen when a server is created. Every call is one branch
//! that always goes the same way.

const std = @import("std");
const reactor = @import("../reactor.zig");
const sys = @import("../sys.zig");
const Epoll = @import("epoll.zig").Epoll;
const IoUring = @import("io_uring.zig").IoUring;

/// What `auto` is, as measured: see docs/reactors.md.
const automatic: reactor.Kind = .epoll;

pub const Linux = union(enum) {
    epoll: Epoll,
    io_uring: IoUring,

    /// Falls back to epoll where io_uring was asked for and is barred, or kqueue.
    pub fn open(choice: reactor.Choice) !Linux {
        const wanted: reactor.Kind = switch (choice) {
            .auto => automatic,
            .io_uring => .io_uring,
            .epoll, .kqueue => .epoll,
        };
        if (wanted == .io_uring) {
            if (IoUring.init()) |ring| return .{ .io_uring = ring } else |reason| switch (reason) {
                error.RingUnavailable => {},
                error.TooManyDescriptors, error.OutOfMemory => return reason,
            }
        }
        return .{ .epoll = try .init() };
    }

    pub fn kind(self: *const Linux) reactor.Kind {
        return switch (self.*) {
            .epoll => .epoll,
            .io_uring => .io_uring,
        };
    }

    pub fn deinit(self: *Linux) void {
        switch (self.*) {
            inline else => |*backend| backend.deinit(),
        }
    }

    pub fn descriptor(self: *const Linux) sys.Descriptor {
        return switch (self.*) {
            inline else => |*backend| backend.descriptor(),
        };
    }

    pub fn observe(self: *Linux, other: sys.Descriptor) reactor.RegisterError!void {
        return switch (self.*) {
            inline else => |*backend| backend.observe(other),
        };
    }

    pub fn rest(self: *Linux) void {
        switch (self.*) {
            inline else => |*backend| backend.rest(),
        }
    }

    pub fn poll(
        self: *Linux,
        events: []reactor.Event,
        wait: bool,
    ) error{Unexpected}![]reactor.Event {
        return switch (self.*) {
            inline else => |*backend| backend.poll(events, wait),
        };
    }

    pub fn setAlarm(self: *Linux, at_ms: ?u64) void {
        switch (self.*) {
            inline else => |*backend| backend.setAlarm(at_ms),
        }
    }

    pub fn add(
        self: *Linux,
        fd: sys.Descriptor,
        token: reactor.Token,
        interest: reactor.Interest,
    ) reactor.RegisterError!void {
        return switch (self.*) {
            inline else => |*backend| backend.add(fd, token, interest),
        };
    }

    pub fn addListener(
        self: *Linux,
        fd: sys.Descriptor,
        token: reactor.Token,
    ) reactor.RegisterError!void {
        return switch (self.*) {
            inline else => |*backend| backend.addListener(fd, token),
        };
    }

    pub fn modify(
        self: *Linux,
        fd: sys.Descriptor,
        token: reactor.Token,
        interest: reactor.Interest,
    ) reactor.RegisterError!void {
        return switch (self.*) {
            inline else => |*backend| backend.modify(fd, token, interest),
        };
    }

    pub fn accept(
        self: *Linux,
        listener: sys.Descriptor,
        address: *sys.Address,
    ) sys.AcceptError!sys.Descriptor {
        return switch (self.*) {
            inline else => |*backend| backend.accept(listener, address),
        };
    }

    pub fn takeAccepted(
        self: *Linux,
        listener: sys.Descriptor,
        address: *sys.Address,
    ) ?sys.Descriptor {
        return switch (self.*) {
            inline else => |*backend| backend.takeAccepted(listener, address),
        };
    }

    pub fn receive(self: *Linux, fd: sys.Descriptor, buffer: []u8) sys.ReceiveError!usize {
        return switch (self.*) {
            inline else => |*backend| backend.receive(fd, buffer),
        };
    }

    pub fn send(
        self: *Linux,
        fd: sys.Descriptor,
        vectors: []const sys.ConstVector,
        more: bool,
    ) sys.SendError!usize {
        return switch (self.*) {
            inline else => |*backend| backend.send(fd, vectors, more),
        };
    }

    pub fn sendMany(self: *Linux, list: []reactor.Outgoing) void {
        switch (self.*) {
            inline else => |*backend| backend.sendMany(list),
        }
    }

    pub fn sendFile(
        self: *Linux,
        fd: sys.Descriptor,
        file: sys.Descriptor,
        offset: u64,
        count: usize,
    ) sys.SendFileError!usize {
        return switch (self.*) {
            inline else => |*backend| backend.sendFile(fd, file, offset, count),
        };
    }

    pub fn shutdownWrite(self: *Linux, fd: sys.Descriptor) sys.ShutdownError!void {
        return switch (self.*) {
            inline else => |*backend| backend.shutdownWrite(fd),
        };
    }

    pub fn close(self: *Linux, fd: sys.Descriptor, ending: reactor.Ending) void {
        switch (self.*) {
            inline else => |*backend| backend.close(fd, ending),
        }
    }

    pub fn nowMs(self: *const Linux) u64 {
        return switch (self.*) {
            inline else => |*backend| backend.nowMs(),
        };
    }

    pub fn seconds(self: *const Linux) i64 {
        return switch (self.*) {
            inline else => |*backend| backend.seconds(),
        };
    }
};
