//! Wakes the script's thread, asleep in Bun's event loop, when a descriptor becomes readable: the
//! reactor arms it before it lets go of the thread. Both ways send one byte over a socket pair
//! whose other end TypeScript gave to Bun (`src/native/wakeup.ts`). On Linux the kernel sends it:
//! io_uring waits for the descriptor and a linked request writes. Where io_uring is barred, and on
//! macOS, a thread waits and writes. Called by the server, on the script's thread only.

const std = @import("std");
const sys = @import("sys.zig");
const Ring = if (sys.is_linux) @import("wakeup/ring.zig").Ring else NoRing;
const Waiter = @import("wakeup/waiter.zig").Waiter;

pub const findBunEpoll = @import("wakeup/bun_epoll.zig").findBunEpoll;

pub const Kind = enum(u32) { ring = 0, thread = 1 };
pub const Preference = enum(u32) { any = 0, ring = 1, thread = 2 };

pub const CreateError = sys.SocketError || error{
    /// io_uring was asked for and this system does not have or allow it.
    RingUnavailable,
};
pub const ArmError = error{ OutOfMemory, Unexpected };

pub const Wakeup = struct {
    way: union(Kind) { ring: Ring, thread: *Waiter },
    script_end: sys.Descriptor,
    native_end: sys.Descriptor,

    /// `watched` must stay open until `destroy`.
    pub fn create(watched: sys.Descriptor, preference: Preference) CreateError!Wakeup {
        const native_end, const script_end = try sys.socketPair();
        errdefer sys.close(native_end);
        errdefer sys.close(script_end);
        if (preference != .thread) {
            if (Ring.init(watched, native_end)) |ring| {
                return .{
                    .way = .{ .ring = ring },
                    .script_end = script_end,
                    .native_end = native_end,
                };
            } else |err| switch (err) {
                error.RingUnavailable => if (preference == .ring) return error.RingUnavailable,
            }
        }
        return .{
            .way = .{ .thread = try Waiter.create(watched, native_end) },
            .script_end = script_end,
            .native_end = native_end,
        };
    }

    /// For `Bun.connect({ fd })`, which owns it from then on.
    pub fn descriptor(wakeup: *const Wakeup) sys.Descriptor {
        return wakeup.script_end;
    }

    pub fn kind(wakeup: *const Wakeup) Kind {
        return wakeup.way;
    }

    /// From now on one byte arrives as soon as `watched` is readable; at once when it is already,
    /// so nothing is lost between the last look and this call. Does nothing while armed. After an
    /// error the caller must not sleep.
    pub fn arm(wakeup: *Wakeup) ArmError!void {
        return switch (wakeup.way) {
            .ring => |*ring| ring.arm(),
            .thread => |waiter| waiter.arm(),
        };
    }

    /// Joins the thread. Does not close the script's end, which belongs to Bun once it was handed
    /// over.
    pub fn destroy(wakeup: *Wakeup) void {
        switch (wakeup.way) {
            .ring => |*ring| ring.deinit(),
            .thread => |waiter| waiter.destroy(),
        }
        sys.close(wakeup.native_end);
        wakeup.* = undefined;
    }
};

/// macOS has no io_uring.
const NoRing = struct {
    fn init(_: sys.Descriptor, _: sys.Descriptor) error{RingUnavailable}!NoRing {
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
    const fd = wakeup.descriptor();
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
    const fd = wakeup.descriptor();
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

test "creating and destroying leaves no descriptor behind" {
    if (!sys.is_linux) return error.SkipZigTest;
    const watched: Watched = try .init();
    defer watched.deinit();
    const before = try sys.eventCreate();
    sys.close(before);
    for (0..50) |round| {
        var wakeup = try Wakeup.create(watched.epoll, if (round & 1 == 0) .any else .thread);
        if (round & 2 == 0) try wakeup.arm();
        sys.close(wakeup.descriptor());
        wakeup.destroy();
    }
    // Descriptors are given out lowest first.
    const after = try sys.eventCreate();
    defer sys.close(after);
    try testing.expectEqual(before, after);
}
