//! Linux only: io_uring as the reactor uses it. The ring is one thread's own, which runs what
//! completes only when that thread enters the kernel, and says in its memory when there is reason
//! to; a ring of buffers lies beside it, out of which the kernel takes one for each receive.
//! Reached through `sys.zig`.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;

pub const InitError = error{
    /// An old kernel, a seccomp profile, or kernel.io_uring_disabled.
    RingUnavailable,
    TooManyDescriptors,
    OutOfMemory,
};

pub const Uring = struct {
    ring: linux.IoUring,
    /// Readable when something completes or could, while it is on: what waits to be run in
    /// this thread does not show on the ring's own descriptor.
    bell: sys.Descriptor,
    flags: *u32,

    pub const Request = linux.io_uring_sqe;
    pub const Completion = linux.io_uring_cqe;

    /// Requests prepared between two calls; as many as a batch has answers.
    pub const requests_max = 512;
    /// Completions that fit. What exceeds them waits in the kernel.
    const completions_max = 4096;

    /// The timeout repeats by itself (Linux 6.4, the newest of what is used here).
    pub const timeout_multishot = 1 << 6;

    pub fn init() InitError!Uring {
        var parameters = std.mem.zeroInit(linux.io_uring_params, .{
            .cq_entries = completions_max,
            .flags = linux.IORING_SETUP_CQSIZE | linux.IORING_SETUP_SUBMIT_ALL |
                linux.IORING_SETUP_SINGLE_ISSUER | linux.IORING_SETUP_DEFER_TASKRUN |
                linux.IORING_SETUP_TASKRUN_FLAG,
        });
        var ring = linux.IoUring.init_params(requests_max, &parameters) catch |reason|
            return switch (reason) {
                error.ProcessFdQuotaExceeded => error.TooManyDescriptors,
                error.SystemFdQuotaExceeded => error.TooManyDescriptors,
                error.SystemResources, error.OutOfMemory => error.OutOfMemory,
                else => error.RingUnavailable,
            };
        errdefer ring.deinit();
        const bell = sys.eventCreate() catch |reason| return switch (reason) {
            error.TooManyDescriptors, error.OutOfMemory => |same| same,
            error.Unexpected => error.RingUnavailable,
        };
        errdefer sys.close(bell);
        ring.register_eventfd(bell) catch return error.RingUnavailable;
        const flags: *u32 = @ptrCast(@alignCast(&ring.sq.mmap[parameters.cq_off.flags]));
        return .{ .ring = ring, .bell = bell, .flags = flags };
    }

    pub fn deinit(self: *Uring) void {
        self.ring.deinit();
        sys.close(self.bell);
    }

    /// Off, an event costs nothing more. What came before it was turned on does not ring.
    pub fn setBell(self: *Uring, on: bool) void {
        const off = linux.IORING_CQ_EVENTFD_DISABLED;
        @atomicStore(u32, self.flags, if (on) 0 else off, .seq_cst);
    }

    /// A request to be filled in; it is submitted by `enter`. Null: there is no room even after
    /// what was prepared before was submitted.
    pub fn prepare(self: *Uring) ?*Request {
        if (self.ring.get_sqe()) |request| return request else |_| {}
        self.enter(0) catch {};
        return self.ring.get_sqe() catch null;
    }

    /// Submits what was prepared and runs what completes; waits until there are so many
    /// completions, or a signal comes.
    pub fn enter(self: *Uring, wait_for: u32) error{ OutOfMemory, Unexpected }!void {
        const count = self.ring.flush_sq();
        const fd = self.ring.fd;
        const flags = linux.IORING_ENTER_GETEVENTS;
        return switch (linux.errno(linux.io_uring_enter(fd, count, wait_for, flags, null))) {
            .SUCCESS, .INTR => {},
            .AGAIN, .BUSY, .NOMEM => error.OutOfMemory,
            else => |code| sys.unexpected("io_uring_enter", code),
        };
    }

    /// Takes back the last `count` of the requests that the kernel has not taken.
    pub fn withdraw(self: *Uring, count: u32) void {
        const queue = &self.ring.sq;
        const left = self.ring.flush_sq();
        queue.sqe_tail -%= @min(count, left);
        queue.sqe_head = queue.sqe_tail;
        @atomicStore(u32, queue.tail, queue.sqe_tail, .release);
    }

    /// Something is to be submitted, or to be run.
    pub fn wantsEnter(self: *Uring) bool {
        if (self.ring.sq_ready() > 0) return true;
        const flags = @atomicLoad(u32, self.ring.sq.flags, .unordered);
        return flags & (linux.IORING_SQ_TASKRUN | linux.IORING_SQ_CQ_OVERFLOW) != 0;
    }

    pub fn overflows(self: *Uring) bool {
        return self.ring.cq_ring_needs_flush();
    }

    /// Completions that lie in memory. They are gone once `next` is called again.
    pub fn next(self: *Uring) ?Completion {
        if (self.ring.cq_ready() == 0) return null;
        const completion = self.ring.cq.cqes[self.ring.cq.head.* & self.ring.cq.mask];
        self.ring.cq_advance(1);
        return completion;
    }

    pub fn hasCompletions(self: *Uring) bool {
        return self.ring.cq_ready() > 0;
    }
};

/// Buffers that the kernel fills, one after the other. No more go round than load has asked for:
/// caches stay warm, and memory that is not needed is never touched.
pub const Buffers = struct {
    ring: *align(std.heap.page_size_min) linux.io_uring_buf_ring,
    memory: sys.Memory,
    /// Buffers that exist for the kernel.
    count: u16 = 0,
    /// Those that lie with the kernel.
    free: u16 = 0,

    /// Most requests are smaller; larger bodies are received without buffers.
    pub const bytes = 4096;
    pub const count_max = 1024;
    const count_first = 64;
    pub const group = 0;

    pub fn init(uring: *Uring) InitError!Buffers {
        const memory = sys.mapMemory(bytes * count_max) catch return error.OutOfMemory;
        errdefer sys.unmapMemory(memory);
        const ring = linux.IoUring.setup_buf_ring(uring.ring.fd, count_max, group, .{
            .inc = false,
        }) catch |reason| return switch (reason) {
            error.OutOfMemory, error.MemoryMappingNotSupported => error.OutOfMemory,
            else => error.RingUnavailable,
        };
        linux.IoUring.buf_ring_init(ring);
        var self: Buffers = .{ .ring = ring, .memory = memory };
        self.grow();
        return self;
    }

    pub fn deinit(self: *Buffers, uring: *Uring) void {
        linux.IoUring.free_buf_ring(uring.ring.fd, self.ring, count_max, group);
        sys.unmapMemory(self.memory);
    }

    /// Doubles them, when all were in use.
    pub fn grow(self: *Buffers) void {
        const wanted = @min(@max(count_first, self.count * 2), count_max);
        while (self.count < wanted) {
            self.count += 1;
            self.give(self.count - 1);
        }
    }

    pub fn at(self: *const Buffers, id: u16) []u8 {
        return self.memory[@as(usize, id) * bytes ..][0..bytes];
    }

    /// The kernel has filled one.
    pub fn taken(self: *Buffers) void {
        self.free -= 1;
    }

    /// The kernel may fill it again.
    pub fn give(self: *Buffers, id: u16) void {
        const mask = linux.IoUring.buf_ring_mask(count_max);
        linux.IoUring.buf_ring_add(self.ring, self.at(id), id, mask, 0);
        linux.IoUring.buf_ring_advance(self.ring, 1);
        self.free += 1;
    }
};

/// Where a connection comes from that a multishot accept took.
pub fn peerName(fd: sys.Descriptor, address: *sys.Address) sys.AcceptError!void {
    var length: std.posix.socklen_t = @sizeOf(sys.Address);
    switch (linux.errno(linux.getpeername(fd, &address.any, &length))) {
        .SUCCESS => {},
        // It has left already.
        .NOTCONN, .INVAL => return error.ConnectionAborted,
        .NOBUFS, .NOMEM => return error.OutOfMemory,
        else => |code| return sys.unexpected("getpeername", code),
    }
    // A unix client has no name: the kernel writes the family or nothing.
    if (length < @sizeOf(std.posix.sa_family_t)) address.any.family = std.posix.AF.UNIX;
}
