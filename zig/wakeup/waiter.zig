//! The wake-up with a thread, for systems without io_uring: it sleeps until it is armed, then until
//! the watched descriptor is readable, then rings the bell. Used by `wakeup.zig`.

const std = @import("std");
const sys = @import("../sys.zig");
const Bell = @import("bell.zig").Bell;

pub const Waiter = struct {
    watched: sys.Descriptor,
    bell: Bell,
    /// A byte over this pair makes the thread look at `armed` and `stopping`.
    thread_end: sys.Descriptor,
    owner_end: sys.Descriptor,
    armed: std.atomic.Value(bool) = .init(false),
    stopping: std.atomic.Value(bool) = .init(false),
    thread: std.c.pthread_t,

    pub fn create(watched: sys.Descriptor, bell: Bell) sys.SocketError!*Waiter {
        const allocator = std.heap.c_allocator;
        const waiter = try allocator.create(Waiter);
        errdefer allocator.destroy(waiter);
        const thread_end, const owner_end = try sys.socketPair();
        errdefer for ([_]sys.Descriptor{ thread_end, owner_end }) |fd| sys.close(fd);
        waiter.* = .{
            .watched = watched,
            .bell = bell,
            .thread_end = thread_end,
            .owner_end = owner_end,
            .thread = undefined,
        };
        // libc's own stack size: it knows how much of a stack its thread-local storage takes.
        return switch (std.c.pthread_create(&waiter.thread, null, run, waiter)) {
            .SUCCESS => waiter,
            // No memory for the stack, or a limit on threads.
            .AGAIN, .NOMEM => error.OutOfMemory,
            // A sandbox.
            .PERM => error.PermissionDenied,
            else => |code| sys.unexpected("pthread_create", code),
        };
    }

    pub fn destroy(waiter: *Waiter) void {
        waiter.stopping.store(true, .release);
        // A closed end is readable for good, so this wakes the thread even when the pair is full.
        sys.close(waiter.owner_end);
        _ = std.c.pthread_join(waiter.thread, null);
        sys.close(waiter.thread_end);
        std.heap.c_allocator.destroy(waiter);
    }

    pub fn arm(waiter: *Waiter) error{ OutOfMemory, Unexpected }!void {
        if (waiter.armed.swap(true, .acq_rel)) return;
        _ = sys.send(waiter.owner_end, &.{1}) catch |err| switch (err) {
            // Bytes that the thread has yet to read tell it the same.
            error.WouldBlock => {},
            error.OutOfMemory, error.ConnectionReset, error.Unexpected => {
                waiter.armed.store(false, .release);
                return if (err == error.OutOfMemory) error.OutOfMemory else error.Unexpected;
            },
        };
    }

    fn run(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
        const waiter: *Waiter = @ptrCast(@alignCast(argument));
        blockSignals();
        while (!waiter.stopping.load(.acquire)) {
            const armed = waiter.armed.load(.acquire);
            var waits = [_]std.c.pollfd{
                .{ .fd = waiter.thread_end, .events = std.c.POLL.IN, .revents = 0 },
                .{ .fd = waiter.watched, .events = std.c.POLL.IN, .revents = 0 },
            };
            // Interrupted or out of memory: nothing is marked ready, and the loop comes round
            // again.
            _ = std.c.poll(&waits, if (armed) 2 else 1, -1);
            if (waits[0].revents != 0) waiter.drainControl();
            if (armed and waits[1].revents != 0) waiter.wake();
        }
        return null;
    }

    fn drainControl(waiter: *Waiter) void {
        var bytes: [64]u8 = undefined;
        // End of stream is `stopping`; a byte too few read shows at the next poll.
        _ = sys.receive(waiter.thread_end, &bytes) catch return;
    }

    /// Disarms before it rings: the script may arm again as soon as it hears that.
    fn wake(waiter: *Waiter) void {
        waiter.armed.store(false, .release);
        waiter.bell.ring();
    }

    /// Signals belong to Bun's threads.
    fn blockSignals() void {
        const all = std.posix.sigfillset();
        std.posix.sigprocmask(std.posix.SIG.BLOCK, &all, null);
    }
};
