//! The wake-up without a thread: a one-shot poll in an io_uring and, linked to it, a request that
//! rings the bell. Used by `wakeup.zig`, on one thread: completions are worked off by the thread
//! that submitted.

const std = @import("std");
const sys = @import("../sys.zig");
const Bell = @import("bell.zig").Bell;
const linux = std.os.linux;
const IoUring = linux.IoUring;

pub const Ring = struct {
    uring: IoUring,
    watched: sys.Descriptor,
    bell: Bell,
    /// A poll is out and the bell has not rung yet, as far as completions have been read.
    armed: bool = false,

    /// Carried through the kernel as `user_data`.
    const Request = enum(u64) { poll, ring, cancel, _ };

    pub fn init(watched: sys.Descriptor, bell: Bell) error{RingUnavailable}!Ring {
        // Whatever bars io_uring, the thread is the way then: an old kernel, seccomp,
        // kernel.io_uring_disabled, no descriptor or memory left.
        var uring = IoUring.init(2, 0) catch return error.RingUnavailable;
        // Says Linux 5.7: connecting came in 5.5, sending in 5.6, and a request that is not known
        // would be a lost wake-up.
        if (uring.features & linux.IORING_FEAT_FAST_POLL == 0) {
            uring.deinit();
            return error.RingUnavailable;
        }
        return .{ .uring = uring, .watched = watched, .bell = bell };
    }

    /// Cancels what is out and waits for the kernel to let go of it.
    pub fn deinit(ring: *Ring) void {
        ring.reap();
        if (ring.armed and ring.uring.sq_ready() == 0) ring.cancel();
        ring.uring.deinit();
    }

    pub fn arm(ring: *Ring) error{ OutOfMemory, Unexpected }!void {
        ring.reap();
        if (ring.armed) return;
        // An earlier call may have left its requests behind for want of memory.
        if (ring.uring.sq_ready() == 0) ring.prepare() catch return error.Unexpected;
        try ring.submit(0);
        ring.armed = true;
    }

    fn prepare(ring: *Ring) error{SubmissionQueueFull}!void {
        const poll = Request.poll;
        const request = try ring.uring.poll_add(@intFromEnum(poll), ring.watched, linux.POLL.IN);
        request.flags |= linux.IOSQE_IO_LINK;
        try ring.bell.request(&ring.uring, @intFromEnum(Request.ring));
    }

    fn cancel(ring: *Ring) void {
        const poll = @intFromEnum(Request.poll);
        _ = ring.uring.poll_remove(@intFromEnum(Request.cancel), poll) catch return;
        while (ring.armed) {
            ring.submit(1) catch return;
            ring.reap();
        }
    }

    fn submit(ring: *Ring, wait_for: u32) error{ OutOfMemory, Unexpected }!void {
        while (true) {
            _ = ring.uring.submit_and_wait(wait_for) catch |err| switch (err) {
                error.SignalInterrupt => continue,
                error.SystemResources => return error.OutOfMemory,
                error.CompletionQueueOvercommitted => return error.OutOfMemory,
                else => return error.Unexpected,
            };
            return if (ring.uring.sq_ready() == 0) {} else error.OutOfMemory;
        }
    }

    /// The ringing completes last, also when the poll failed and took it along.
    fn reap(ring: *Ring) void {
        var completions: [4]linux.io_uring_cqe = undefined;
        const count = ring.uring.copy_cqes(&completions, 0) catch return;
        for (completions[0..count]) |completion| {
            switch (@as(Request, @enumFromInt(completion.user_data))) {
                .ring => ring.armed = false,
                .poll, .cancel, _ => {},
            }
        }
    }
};
