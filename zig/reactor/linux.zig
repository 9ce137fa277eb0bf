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
        sharing: reactor.Sharing,
    ) reactor.RegisterError!void {
        return switch (self.*) {
            inline else => |*backend| backend.addListener(fd, token, sharing),
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

const testing = std.testing;
const kernel = std.os.linux;

/// Filters the calls of this process as containers do: io_uring_setup is refused.
fn barRing() bool {
    const Instruction = extern struct { code: u16, if_true: u8, if_false: u8, value: u32 };
    const load_word = 0x20;
    const jump_if_equal = 0x15;
    const answer = 0x06;
    const refuse_eperm = 0x0005_0001;
    const allow = 0x7fff_0000;
    const instructions = [_]Instruction{
        .{ .code = load_word, .if_true = 0, .if_false = 0, .value = 0 },
        .{
            .code = jump_if_equal,
            .if_true = 0,
            .if_false = 1,
            .value = @intFromEnum(kernel.SYS.io_uring_setup),
        },
        .{ .code = answer, .if_true = 0, .if_false = 0, .value = refuse_eperm },
        .{ .code = answer, .if_true = 0, .if_false = 0, .value = allow },
    };
    const program: extern struct { len: u16, filter: *const [4]Instruction } = .{
        .len = instructions.len,
        .filter = &instructions,
    };
    const no_new_privileges = 38;
    _ = kernel.prctl(no_new_privileges, 1, 0, 0, 0);
    const set_filter = 1;
    return kernel.errno(kernel.seccomp(set_filter, 0, &program)) == .SUCCESS;
}

/// 0: epoll was used.
fn openBarred() u8 {
    if (!barRing()) return 2;
    var opened = Linux.open(.io_uring) catch return 3;
    defer opened.deinit();
    return if (opened.kind() == .epoll) 0 else 1;
}

test "where a sandbox bars io_uring, epoll is used" {
    const child = kernel.fork();
    if (child == 0) kernel.exit_group(openBarred());
    var status: u32 = undefined;
    _ = kernel.waitpid(@intCast(child), &status, 0);
    try testing.expectEqual(0, status);
    for ([_]reactor.Choice{ .auto, .epoll, .kqueue }) |choice| {
        var opened: Linux = try .open(choice);
        defer opened.deinit();
        const expected = if (choice == .auto) automatic else .epoll;
        try testing.expectEqual(expected, opened.kind());
    }
}
