//! Wakes the script's thread, asleep in Bun's event loop, when a descriptor becomes readable: the
//! reactor arms it before it lets go of the thread. Both ways ring a bell that Bun watches for
//! TypeScript (`src/native/sleeper.ts`): they send a byte over a socket pair, or connect to a
//! listener. On Linux the kernel does it: io_uring waits for the descriptor, and a linked request
//! rings. Where io_uring is barred, and on macOS, a thread waits and rings. Called by the server,
//! on the script's thread only.

const std = @import("std");
const sys = @import("sys.zig");
const bell_file = @import("wakeup/bell.zig");
const Bell = bell_file.Bell;
const Ring = if (sys.is_linux) @import("wakeup/ring.zig").Ring else NoRing;
const Waiter = @import("wakeup/waiter.zig").Waiter;

pub const findBunEpoll = @import("wakeup/bun_epoll.zig").findBunEpoll;

pub const Kind = enum(u32) { ring = 0, thread = 1 };
pub const Preference = enum(u32) { any = 0, ring = 1, thread = 2 };

pub const CreateError = sys.SocketError || error{
    /// io_uring was asked for and this system does not have or allow it.
    RingUnavailable,
};
pub const RestError = CreateError || bell_file.BellError;
pub const ArmError = error{ OutOfMemory, Unexpected };

pub const Wakeup = struct {
    way: union(Kind) { ring: Ring, thread: *Waiter },
    bell: Bell,
    /// Where the bell is a socket pair.
    script_end: ?sys.Descriptor = null,
    /// Armed, and will not be again.
    spent: bool = false,

    /// Over a socket pair. `watched` must stay open until `destroy`.
    pub fn create(watched: sys.Descriptor, preference: Preference) CreateError!Wakeup {
        const native_end, const script_end = try sys.socketPair();
        errdefer sys.close(script_end);
        var wakeup = try withBell(watched, preference, .{ .socket = native_end });
        wakeup.script_end = script_end;
        return wakeup;
    }

    /// By a connection, once, to the listener with this abstract name; another comes and goes
    /// before this returns.
    pub fn toListener(
        watched: sys.Descriptor,
        preference: Preference,
        name: []const u8,
    ) RestError!Wakeup {
        return withBell(watched, preference, try .toListener(name));
    }

    fn withBell(watched: sys.Descriptor, preference: Preference, bell: Bell) CreateError!Wakeup {
        errdefer bell.close();
        if (preference != .thread) {
            if (Ring.init(watched, bell)) |ring| {
                return .{ .way = .{ .ring = ring }, .bell = bell };
            } else |err| switch (err) {
                error.RingUnavailable => if (preference == .ring) return error.RingUnavailable,
            }
        }
        return .{ .way = .{ .thread = try Waiter.create(watched, bell) }, .bell = bell };
    }

    /// Of a socket pair, for `Bun.connect({ fd })`, which owns it from then on.
    pub fn descriptor(wakeup: *const Wakeup) ?sys.Descriptor {
        return wakeup.script_end;
    }

    pub fn kind(wakeup: *const Wakeup) Kind {
        return wakeup.way;
    }

    /// From now on the bell rings as soon as `watched` is readable; at once when it is already,
    /// so nothing is lost between the last look and this call. Does nothing while armed, and where
    /// a listener was rung already: its connection is in the queue until the script takes it.
    /// After an error the caller must not sleep.
    pub fn arm(wakeup: *Wakeup) ArmError!void {
        if (wakeup.spent) return;
        switch (wakeup.way) {
            .ring => |*ring| try ring.arm(),
            .thread => |waiter| try waiter.arm(),
        }
        wakeup.spent = wakeup.bell.listener != null;
    }

    /// Joins the thread. Does not close the script's end, which belongs to Bun once it was handed
    /// over.
    pub fn destroy(wakeup: *Wakeup) void {
        switch (wakeup.way) {
            .ring => |*ring| ring.deinit(),
            .thread => |waiter| waiter.destroy(),
        }
        wakeup.bell.close();
        wakeup.* = undefined;
    }
};

/// macOS has no io_uring.
const NoRing = struct {
    fn init(_: sys.Descriptor, _: Bell) error{RingUnavailable}!NoRing {
        return error.RingUnavailable;
    }

    fn arm(_: *NoRing) ArmError!void {}

    fn deinit(_: *NoRing) void {}
};

const testing = std.testing;

test {
    _ = @import("wakeup/bun_epoll.zig");
}

fn readable(fd: sys.Descriptor, timeout_ms: i32) bool {
    var polled = [_]std.c.pollfd{.{ .fd = fd, .events = std.c.POLL.IN, .revents = 0 }};
    return std.c.poll(&polled, 1, timeout_ms) == 1;
}

fn take(fd: sys.Descriptor) !usize {
    var bytes: [16]u8 = undefined;
    return sys.receive(fd, &bytes);
}

const Watched = struct {
    epoll: sys.Descriptor,
    event: sys.Descriptor,

    fn init() !Watched {
        const epoll = try sys.epollCreate();
        const event = try sys.eventCreate();
        try sys.epollControl(epoll, .add, event, sys.Epoll.IN, 0);
        return .{ .epoll = epoll, .event = event };
    }

    fn deinit(watched: Watched) void {
        sys.close(watched.epoll);
        sys.close(watched.event);
    }
};

fn createOrSkip(watched: sys.Descriptor, preference: Preference) !Wakeup {
    return Wakeup.create(watched, preference) catch |err| switch (err) {
        error.RingUnavailable => error.SkipZigTest,
        else => err,
    };
}

fn checkOneByteForEachArming(preference: Preference) !void {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    var wakeup = try createOrSkip(watched.epoll, preference);
    defer wakeup.destroy();
    const fd = wakeup.descriptor().?;
    defer sys.close(fd);

    // Ready but not armed: nothing comes.
    try sys.eventWrite(watched.event);
    try testing.expect(!readable(fd, 5));
    // Ready already when armed: at once.
    try wakeup.arm();
    try testing.expect(readable(fd, 5000));
    try testing.expectEqual(1, try take(fd));
    try testing.expect(!readable(fd, 5));
    _ = try sys.counterRead(watched.event);
    // Armed, several times, before it is ready.
    for (0..10) |_| try wakeup.arm();
    try testing.expect(!readable(fd, 5));
    try sys.eventWrite(watched.event);
    try testing.expect(readable(fd, 5000));
    try testing.expectEqual(1, try take(fd));
    _ = try sys.counterRead(watched.event);
    // Destroyed while armed.
    try wakeup.arm();
}

test "the ring sends one byte for each arming" {
    try checkOneByteForEachArming(.ring);
}

test "the thread sends one byte for each arming" {
    try checkOneByteForEachArming(.thread);
}

fn checkNothingIsLost(preference: Preference, rounds: u32) !void {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    var wakeup = try createOrSkip(watched.epoll, preference);
    defer wakeup.destroy();
    const fd = wakeup.descriptor().?;
    defer sys.close(fd);

    const Producer = struct {
        event: sys.Descriptor,
        wanted: std.atomic.Value(u32) = .init(0),
        failed: std.atomic.Value(bool) = .init(false),

        /// Signals each round as soon as it sees its number, which may be before or after the
        /// arming.
        fn run(producer: *@This(), last: u32) void {
            for (1..last + 1) |round| {
                while (producer.wanted.load(.acquire) < round) std.Thread.yield() catch {};
                sys.eventWrite(producer.event) catch producer.failed.store(true, .release);
            }
        }
    };
    var producer: Producer = .{ .event = watched.event };
    const thread = try std.Thread.spawn(.{}, Producer.run, .{ &producer, rounds });
    defer thread.join();
    for (1..rounds + 1) |round| {
        if (round & 1 == 0) try wakeup.arm();
        producer.wanted.store(@intCast(round), .release);
        if (round & 1 == 1) try wakeup.arm();
        // A byte may be left from an earlier round; the loop of the server tolerates it too.
        while (try sys.counterRead(watched.event) == 0) {
            try wakeup.arm();
            if (!readable(fd, 5000)) return error.WakeUpLost;
            _ = try take(fd);
        }
        try testing.expect(!producer.failed.load(.acquire));
    }
}

test "no wake-up of the ring is lost" {
    try checkNothingIsLost(.ring, 20_000);
}

test "no wake-up of the thread is lost" {
    try checkNothingIsLost(.thread, 20_000);
}

/// What Bun has while a server rests.
const Listener = struct {
    fd: sys.Descriptor,
    name: [name_format.len + 8]u8,

    const name_format = "\x00chopin-test-";

    fn init(backlog: u31) !Listener {
        const fd = try sys.openStreamSocket(std.posix.AF.UNIX);
        errdefer sys.close(fd);
        var listener: Listener = .{ .fd = fd, .name = undefined };
        const number: u32 = @truncate(sys.monotonicNs());
        _ = try std.fmt.bufPrint(&listener.name, name_format ++ "{x:0>8}", .{number});
        const address: sys.Address = try .unix(&listener.name);
        try sys.bind(fd, &address);
        try sys.listen(fd, backlog);
        return listener;
    }

    fn takeConnection(listener: *const Listener) !void {
        var from: sys.Address = undefined;
        sys.close(try sys.accept(listener.fd, &from));
    }
};

fn toListenerOrSkip(
    watched: sys.Descriptor,
    preference: Preference,
    listener: *const Listener,
) !Wakeup {
    return Wakeup.toListener(watched, preference, &listener.name) catch |err| switch (err) {
        error.RingUnavailable => error.SkipZigTest,
        else => err,
    };
}

fn checkListenerIsRungOnce(preference: Preference) !void {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    const listener: Listener = try .init(8);
    defer sys.close(listener.fd);
    for (0..200) |round| {
        var wakeup = try toListenerOrSkip(watched.epoll, preference, &listener);
        defer wakeup.destroy();
        try testing.expectEqual(null, wakeup.descriptor());
        try listener.takeConnection();
        try testing.expect(!readable(listener.fd, 0));
        // Ready already when armed, and armed before it is ready.
        if (round & 1 == 0) try sys.eventWrite(watched.event);
        for (0..3) |_| try wakeup.arm();
        if (round & 1 == 1) try sys.eventWrite(watched.event);
        if (!readable(listener.fd, 5000)) return error.WakeUpLost;
        try listener.takeConnection();
        // What it would ring for again is seen by the turn that this leads to.
        try wakeup.arm();
        try testing.expect(!readable(listener.fd, 0));
        _ = try sys.counterRead(watched.event);
        // Destroyed with its connection in the queue, and while armed.
        if (round & 2 == 0) continue;
        var armed = try toListenerOrSkip(watched.epoll, preference, &listener);
        defer armed.destroy();
        try listener.takeConnection();
        try armed.arm();
    }
}

test "the ring rings a listener once" {
    try checkListenerIsRungOnce(.ring);
}

test "the thread rings a listener once" {
    try checkListenerIsRungOnce(.thread);
}

fn checkFullQueue(preference: Preference) !void {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    const listener: Listener = try .init(0);
    defer sys.close(listener.fd);
    // The trial's connection fills the queue.
    var wakeup = try toListenerOrSkip(watched.epoll, preference, &listener);
    defer wakeup.destroy();
    try testing.expectError(
        error.WouldBlock,
        Wakeup.toListener(watched.epoll, preference, &listener.name),
    );
    try wakeup.arm();
    try sys.eventWrite(watched.event);
    try testing.expect(readable(listener.fd, 5000));
}

test "a listener whose queue is full wakes by that, and nothing waits for room" {
    try checkFullQueue(.ring);
    try checkFullQueue(.thread);
}

test "a name under which nobody listens, and a path, are refused" {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    const name = "\x00chopin-test-nobody";
    try testing.expectError(
        error.ConnectionRefused,
        Wakeup.toListener(watched.epoll, .any, name),
    );
    try testing.expectError(error.InvalidPath, Wakeup.toListener(watched.epoll, .any, "/tmp/x"));
}

test "creating and destroying leaves no descriptor behind" {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    const listener: Listener = try .init(8);
    defer sys.close(listener.fd);
    const before = try sys.eventCreate();
    sys.close(before);
    for (0..50) |round| {
        const preference: Preference = if (round & 1 == 0) .any else .thread;
        var wakeup = try Wakeup.create(watched.epoll, preference);
        if (round & 2 == 0) try wakeup.arm();
        sys.close(wakeup.descriptor().?);
        wakeup.destroy();
        var other = try Wakeup.toListener(watched.epoll, preference, &listener.name);
        if (round & 2 == 0) try other.arm();
        other.destroy();
        try listener.takeConnection();
        const name = "\x00chopin-test-nobody";
        try testing.expectError(
            error.ConnectionRefused,
            Wakeup.toListener(watched.epoll, preference, name),
        );
    }
    // Descriptors are given out lowest first.
    const after = try sys.eventCreate();
    defer sys.close(after);
    try testing.expectEqual(before, after);
}
