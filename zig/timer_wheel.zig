//! Deadlines of connections: one for each timer index, usually the slab's. Setting, moving and
//! dropping one is O(1) and costs no system call. A deadline never fires early, and late by less
//! than a tick beyond the moment that `advance` is called. It reads no clock; the reactor gives the
//! time in milliseconds.
//!
//! The wheel has a level for each base-64 digit of a tick's number. A timer lies in the level of
//! the highest digit in which its tick differs from the current one, in the slot that this digit
//! names. So all of a lower level is due before anything of a higher one, no slot is ever behind
//! the current tick, and the next event is the first set bit of the lowest level that has one.

const std = @import("std");
const sys = @import("sys.zig");

/// Six times finer than the ±100 ms that deadlines are true to.
pub const tick_ms = 16;

const digit_bits = 6;
const slots = 1 << digit_bits;
/// 2^48 ticks are 142,000 years, so nothing lies beyond the last level.
const levels = 8;
const tick_last: u64 = (1 << (digit_bits * levels)) - 1;

pub const TimerWheel = struct {
    /// A timer, or the head of a slot's ring. Links are node numbers; 0 is none, so that fresh
    /// memory is a timer that is not set.
    const Node = extern struct {
        next: u32,
        previous: u32,
        /// Of a timer: the first tick at which it may fire.
        tick: u64,

        comptime {
            std.debug.assert(@sizeOf(Node) == 16);
        }
    };

    const first_head = 1;
    const first_timer = first_head + levels * slots;

    memory: sys.Memory,
    nodes: []Node,
    /// One bit for each slot that has timers. The ring of any other slot is not valid.
    occupied: [levels]u64 = @splat(0),
    /// Everything up to this tick has fired.
    current: u64,
    count: u32 = 0,

    /// Timers 0 to `capacity - 1`, none set. Memory is touched as they are used.
    pub fn init(capacity: u32, now_ms: u64) sys.MapError!TimerWheel {
        const nodes_count = first_timer + @as(usize, capacity);
        std.debug.assert(nodes_count <= std.math.maxInt(u32));
        const memory = try sys.mapMemory(nodes_count * @sizeOf(Node));
        return .{
            .memory = memory,
            .nodes = @as([*]Node, @ptrCast(memory.ptr))[0..nodes_count],
            .current = now_ms / tick_ms,
        };
    }

    pub fn deinit(wheel: *TimerWheel) void {
        sys.unmapMemory(wheel.memory);
        wheel.* = undefined;
    }

    /// Sets or moves a timer. A deadline that has passed fires at the next `advance` that reaches
    /// another tick.
    pub fn schedule(wheel: *TimerWheel, timer: u32, deadline_ms: u64) void {
        const number = first_timer + timer;
        const node = &wheel.nodes[number];
        const rounded_up = deadline_ms / tick_ms + @intFromBool(deadline_ms % tick_ms != 0);
        const tick = std.math.clamp(rounded_up, wheel.current + 1, tick_last);
        if (node.next != 0) {
            // A later deadline leaves the timer where it is: its slot comes up first and it is
            // moved then. A busy connection pushes its deadline back with every request.
            if (tick >= node.tick) {
                node.tick = tick;
                return;
            }
            wheel.unlink(number);
        }
        node.tick = tick;
        wheel.link(number);
    }

    /// Drops a timer; one that is not set may be dropped too.
    pub fn cancel(wheel: *TimerWheel, timer: u32) void {
        const number = first_timer + timer;
        if (wheel.nodes[number].next != 0) wheel.unlink(number);
    }

    pub fn isScheduled(wheel: *const TimerWheel, timer: u32) bool {
        return wheel.nodes[first_timer + timer].next != 0;
    }

    /// When `advance` is to be called at the latest, null when no timer is set. It may have nothing
    /// to fire then: timers far ahead come down one level at a time, and those that were pushed
    /// back move on.
    pub fn nextDeadline(wheel: *const TimerWheel) ?u64 {
        const event = wheel.nextEvent() orelse return null;
        return event.tick * tick_ms;
    }

    /// Calls `onExpire(context, timer)` for each timer whose deadline has passed, in order of
    /// ticks. The timer is not set any more when called; any timer may be set or dropped inside.
    pub fn advance(
        wheel: *TimerWheel,
        now_ms: u64,
        context: anytype,
        comptime onExpire: fn (@TypeOf(context), u32) void,
    ) void {
        const target = @min(now_ms / tick_ms, tick_last);
        while (wheel.nextEvent()) |event| {
            if (event.tick > target) break;
            wheel.current = event.tick;
            // What is linked on the way never lands in this slot: its digit is the current one.
            while (wheel.occupied[event.level] & bit(event.slot) != 0) {
                const number = wheel.nodes[headOf(event.level, event.slot)].next;
                wheel.unlink(number);
                if (wheel.nodes[number].tick > wheel.current)
                    wheel.link(number)
                else
                    onExpire(context, number - first_timer);
            }
        }
        wheel.current = @max(wheel.current, target);
    }

    const Event = struct { tick: u64, level: u3, slot: u6 };

    fn nextEvent(wheel: *const TimerWheel) ?Event {
        for (wheel.occupied, 0..) |bits, level_index| {
            if (bits == 0) continue;
            const level: u3 = @intCast(level_index);
            const slot: u6 = @intCast(@ctz(bits));
            const digits_below = shiftOf(level);
            const digits_above = wheel.current >> digits_below >> digit_bits;
            const tick = (digits_above << digit_bits | slot) << digits_below;
            return .{ .tick = tick, .level = level, .slot = slot };
        }
        return null;
    }

    fn link(wheel: *TimerWheel, number: u32) void {
        const node = &wheel.nodes[number];
        std.debug.assert(node.tick > wheel.current);
        const level: u3 = @intCast(std.math.log2_int(u64, node.tick ^ wheel.current) / digit_bits);
        const slot: u6 = @truncate(node.tick >> shiftOf(level));
        const head_number = headOf(level, slot);
        const head = &wheel.nodes[head_number];
        if (wheel.occupied[level] & bit(slot) == 0) {
            wheel.occupied[level] |= bit(slot);
            head.* = .{ .next = head_number, .previous = head_number, .tick = 0 };
        }
        node.next = head_number;
        node.previous = head.previous;
        wheel.nodes[head.previous].next = number;
        head.previous = number;
        wheel.count += 1;
    }

    fn unlink(wheel: *TimerWheel, number: u32) void {
        const node = &wheel.nodes[number];
        wheel.nodes[node.previous].next = node.next;
        wheel.nodes[node.next].previous = node.previous;
        // Both neighbours are the head: the ring is empty now.
        if (node.next == node.previous and node.next < first_timer) {
            const ring = node.next - first_head;
            wheel.occupied[ring / slots] &= ~bit(@intCast(ring % slots));
        }
        node.next = 0;
        wheel.count -= 1;
    }

    fn headOf(level: u3, slot: u6) u32 {
        return first_head + @as(u32, level) * slots + slot;
    }

    fn shiftOf(level: u3) u6 {
        return @as(u6, level) * digit_bits;
    }

    fn bit(slot: u6) u64 {
        return @as(u64, 1) << slot;
    }
};

const testing = std.testing;

/// What the wheel must agree with: a deadline or nothing for each timer, all looked at each time.
const Model = struct {
    wheel: *TimerWheel,
    random: std.Random,
    deadlines: [timers]?u64 = @splat(null),
    now_ms: u64,
    failure: ?anyerror = null,

    const timers = 40;

    fn check(model: *Model, condition: bool, failure: anyerror) void {
        if (!condition and model.failure == null) model.failure = failure;
    }

    fn schedule(model: *Model, timer: u32, deadline_ms: u64) void {
        model.wheel.schedule(timer, deadline_ms);
        // A deadline in the past counts from the tick that has fired already.
        const reached_ms = model.wheel.current * tick_ms;
        model.deadlines[timer] = @max(deadline_ms, reached_ms + 1);
    }

    fn cancel(model: *Model, timer: u32) void {
        model.wheel.cancel(timer);
        model.deadlines[timer] = null;
    }

    fn onExpire(model: *Model, timer: u32) void {
        const deadline_ms = model.deadlines[timer] orelse return model.check(false, error.NotSet);
        model.check(deadline_ms <= model.now_ms, error.Early);
        model.deadlines[timer] = null;
        const other = model.random.uintLessThan(u32, timers);
        switch (model.random.uintLessThan(u32, 6)) {
            0 => model.cancel(other),
            1 => model.schedule(other, model.now_ms + model.randomDelay()),
            2 => model.schedule(timer, model.now_ms -| model.random.uintLessThan(u64, 200)),
            else => {},
        }
    }

    /// From nothing to years: every level is met.
    fn randomDelay(model: *Model) u64 {
        return model.random.int(u64) >> model.random.intRangeAtMost(u6, 22, 63);
    }

    fn advance(model: *Model, now_ms: u64) !void {
        model.now_ms = now_ms;
        model.wheel.advance(now_ms, model, onExpire);
        if (model.failure) |failure| return failure;
        var count: u32 = 0;
        for (model.deadlines, 0..) |deadline, timer| {
            try testing.expectEqual(deadline != null, model.wheel.isScheduled(@intCast(timer)));
            const deadline_ms = deadline orelse continue;
            count += 1;
            if (deadline_ms + tick_ms <= now_ms) return error.Late;
            if (model.wheel.nextDeadline().? >= deadline_ms + tick_ms) return error.NextTooLate;
        }
        try testing.expectEqual(count, model.wheel.count);
        try testing.expectEqual(count == 0, model.wheel.nextDeadline() == null);
        // Otherwise a timer armed for it would spin.
        if (model.wheel.nextDeadline()) |next_ms| try testing.expect(next_ms > now_ms);
    }
};

test "random operations agree with a naive model" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    for (0..20) |_| {
        var now_ms = random.int(u64) >> random.intRangeAtMost(u6, 20, 63);
        var wheel: TimerWheel = try .init(Model.timers, now_ms);
        defer wheel.deinit();
        var model: Model = .{
            .wheel = &wheel,
            .random = random,
            .now_ms = now_ms,
        };
        for (0..5_000) |_| {
            const timer = random.uintLessThan(u32, Model.timers);
            switch (random.uintLessThan(u32, 10)) {
                0...4 => model.schedule(timer, now_ms +| model.randomDelay()),
                5 => model.schedule(timer, now_ms -| model.randomDelay()),
                6, 7 => model.cancel(timer),
                8 => {
                    now_ms += model.randomDelay() & 0xffff_ffff;
                    try model.advance(now_ms);
                },
                else => if (wheel.nextDeadline()) |next_ms| {
                    now_ms = @max(now_ms, @min(next_ms, now_ms + (1 << 36)));
                    try model.advance(now_ms);
                },
            }
        }
    }
}

const Fired = struct {
    count: u32 = 0,
    last: u32 = 0,

    fn onExpire(fired: *Fired, timer: u32) void {
        fired.count += 1;
        fired.last = timer;
    }
};

test "woken at each next deadline, a timer fires within a tick after few wake-ups" {
    const delays_ms = [_]u64{ 1, 16, 999, 10_000, 60_000, 3_600_000, 86_400_000, 31_536_000_000 };
    for (delays_ms) |delay_ms| {
        const start_ms = 123_456_789;
        var wheel: TimerWheel = try .init(1, start_ms);
        defer wheel.deinit();
        wheel.schedule(0, start_ms + delay_ms);
        var fired: Fired = .{};
        var wakes: u32 = 0;
        var now_ms: u64 = start_ms;
        while (fired.count == 0) : (wakes += 1) {
            now_ms = wheel.nextDeadline().?;
            wheel.advance(now_ms, &fired, Fired.onExpire);
        }
        const deadline_ms = start_ms + delay_ms;
        try testing.expect(now_ms >= deadline_ms and now_ms < deadline_ms + tick_ms);
        try testing.expect(wakes <= levels);
        try testing.expectEqual(null, wheel.nextDeadline());
    }
}

test "a deadline pushed back does not fire at its old time" {
    var wheel: TimerWheel = try .init(2, 0);
    defer wheel.deinit();
    var fired: Fired = .{};
    wheel.schedule(1, 1000);
    wheel.schedule(1, 5000);
    wheel.advance(4999, &fired, Fired.onExpire);
    try testing.expectEqual(0, fired.count);
    wheel.schedule(1, 5100);
    wheel.schedule(1, 5040);
    wheel.advance(5040, &fired, Fired.onExpire);
    try testing.expectEqual(1, fired.count);
    try testing.expectEqual(1, fired.last);
    wheel.cancel(1);
    wheel.schedule(0, std.math.maxInt(u64));
    wheel.advance(1 << 40, &fired, Fired.onExpire);
    try testing.expectEqual(1, fired.count);
}
