//! What one worker counts about itself, and how: plain stores into its section of the block that
//! all workers share (`metrics/block.zig`), and a reading of the clock for each batch, not for each
//! request. Every function does nothing where a server has no recorder. Called by the files that
//! move bytes and requests; `c/metrics.zig` gives a server its recorder.
//!
//! A request's duration goes from the moment at which its round began to read, in which its head
//! was parsed, to the moment at which the answers of its batch were handed to the kernel. Of a late
//! answer it ends when the late answers of that time were sent, of a stream with its head. What
//! waits behind another answer of its connection is not counted: it was ready.

const std = @import("std");
const abi = @import("abi.zig");
const block_file = @import("metrics/block.zig");
const closings = @import("closings.zig");
const histogram_file = @import("metrics/histogram.zig");
const limits = @import("limits.zig");
const sys = @import("sys.zig");
const Core = @import("core.zig").Core;
const Rejection = @import("http/rejection.zig").Rejection;

pub const Block = block_file.Block;
pub const Counter = block_file.Counter;

/// When a request came and where it went.
pub const Started = struct {
    /// Handler id, or one of `abi.Special`.
    handler: u32 = abi.Special.not_found,
    at_ns: u64 = 0,
};

const Answered = struct { at_ns: u64, route: u16, class: u16 };

/// Those of one batch, or late ones at one time.
const answered_max = @max(limits.batch_max, limits.late_max);

pub const Recorder = struct {
    block: *Block,
    section: *block_file.Section,
    routes: []block_file.Route,
    /// Index into `routes` for each handler id.
    route_of: []const u16,
    /// When this round began to read.
    round_ns: u64 = 0,
    /// The clock's last reading: when nothing more is done but what takes no time.
    last_ns: u64 = 0,
    /// When the last turn ended; 0 after a sleep.
    turn_ended_ns: u64 = 0,
    answered: [answered_max]Answered = undefined,
    answered_count: u32 = 0,
    /// Of `closings.zig`, as far as they are in the section.
    closings_seen: [closings.reasons_count]u32 = @splat(0),
    closings_total: u32 = 0,

    /// `route_of` is its own from here on.
    pub fn init(block: *Block, section: u32, route_of: []const u16) Recorder {
        return .{
            .block = block,
            .section = block.section(section),
            .routes = block.routesOf(section),
            .route_of = route_of,
        };
    }

    fn routeOf(recorder: *const Recorder, handler: u32) u16 {
        if (handler < recorder.route_of.len) return recorder.route_of[handler];
        return block_file.route_none;
    }

    fn finish(recorder: *Recorder, now_ns: u64) void {
        recorder.last_ns = now_ns;
        var last_at: u64 = 0;
        var index: u32 = 0;
        var duration: u64 = 0;
        for (recorder.answered[0..recorder.answered_count]) |answer| {
            // All of a batch came at the same time.
            if (answer.at_ns != last_at) {
                last_at = answer.at_ns;
                duration = now_ns -| answer.at_ns;
                index = histogram_file.indexOf(duration);
            }
            const route = &recorder.routes[answer.route];
            route.classes[answer.class] += 1;
            route.durations.buckets[index] += 1;
            route.durations.sum_ns += duration;
        }
        recorder.answered_count = 0;
    }

    /// What was counted elsewhere, by the difference to what it was.
    fn publishClosings(recorder: *Recorder, control: []const u32) void {
        if (control[abi.control.closings] == recorder.closings_total) return;
        recorder.closings_total = control[abi.control.closings];
        for (&recorder.closings_seen, 0..) |*seen, index| {
            const now = control[abi.control.closing_records + index * closings.record_words];
            recorder.section.closings[index] += now -% seen.*;
            seen.* = now;
        }
    }
};

/// Lets `core` be recorded, in place of who did before. Between turns only.
pub fn record(core: *Core, recorder: Recorder) error{OutOfMemory}!void {
    const kept = try core.allocator.create(Recorder);
    kept.* = recorder;
    if (core.metrics) |before| {
        kept.closings_seen = before.closings_seen;
        kept.closings_total = before.closings_total;
    }
    kept.block.retain();
    forget(core);
    core.metrics = kept;
}

/// Nothing is recorded from here on.
pub fn forget(core: *Core) void {
    const recorder = core.metrics orelse return;
    recorder.section.set(.connections_open, 0);
    recorder.section.set(.requests_pending, 0);
    recorder.section.set(.websockets_open, 0);
    recorder.block.release();
    core.allocator.free(recorder.route_of);
    core.allocator.destroy(recorder);
    core.metrics = null;
}

pub inline fn count(core: *const Core, counter: Counter, more: u64) void {
    if (core.metrics) |recorder| recorder.section.count(counter, more);
}

/// Bytes that are no request, or a body that is none.
pub fn rejected(core: *const Core, reason: Rejection) void {
    if (core.metrics) |recorder| recorder.section.rejections[@intFromEnum(reason)] += 1;
}

/// The same by the code of its answer.
pub fn rejectedAs(core: *const Core, code: []const u8) void {
    if (core.metrics == null) return;
    rejected(core, std.meta.stringToEnum(Rejection, code) orelse return);
}

pub inline fn turnBegan(core: *const Core) void {
    const recorder = core.metrics orelse return;
    recorder.section.count(.turns, 1);
    // Nobody waited for a server that slept. Else this is what others did on the thread.
    if (recorder.turn_ended_ns == 0) return;
    recorder.section.lag.record(sys.monotonicNs() -| recorder.turn_ended_ns);
}

pub inline fn turnEnded(core: *Core) void {
    const recorder = core.metrics orelse return;
    recorder.publishClosings(core.batch.control());
    recorder.section.set(.connections_open, core.connections.count);
    recorder.section.set(.requests_pending, core.held.count);
    recorder.section.set(.websockets_open, core.websockets.count);
    recorder.turn_ended_ns = recorder.last_ns;
}

/// Turns are over until something happens.
pub fn rested(core: *const Core) void {
    if (core.metrics) |recorder| recorder.turn_ended_ns = 0;
}

/// What there is to be read is known.
pub inline fn roundBegan(core: *const Core) void {
    const recorder = core.metrics orelse return;
    recorder.round_ns = sys.monotonicNs();
    recorder.last_ns = recorder.round_ns;
}

/// Of a request that comes now.
pub inline fn started(core: *const Core, handler: u32) Started {
    const recorder = core.metrics orelse return .{};
    return .{ .handler = handler, .at_ns = recorder.round_ns };
}

/// An answer is encoded; `sent` comes when it is on its way.
pub inline fn answered(core: *const Core, request: Started, status: u16) void {
    const recorder = core.metrics orelse return;
    if (recorder.answered_count == answered_max) recorder.finish(sys.monotonicNs());
    recorder.answered[recorder.answered_count] = .{
        // Of one that came before there was a recorder nobody knows since when.
        .at_ns = if (request.at_ns == 0) recorder.round_ns else request.at_ns,
        .route = recorder.routeOf(request.handler),
        .class = @min(status / 100 -| 1, std.enums.values(block_file.Class).len - 1),
    };
    recorder.answered_count += 1;
}

/// Everything that was answered is with the kernel, or in the queue of its connection.
pub inline fn sent(core: *const Core) void {
    const recorder = core.metrics orelse return;
    // After a batch of which all wait there is nothing to finish, but their handlers took time.
    const dispatched = core.batch.entries_count > 0;
    if (dispatched or recorder.answered_count > 0) recorder.finish(sys.monotonicNs());
}

pub inline fn batchBegan(core: *const Core) void {
    const recorder = core.metrics orelse return;
    const messages = core.batch.messages_count;
    recorder.section.count(.websocket_messages_received, messages);
    const size = core.batch.entries_count - messages;
    if (size == 0) return;
    recorder.section.batch_sizes[std.math.log2_int_ceil(u32, size)] += 1;
    recorder.section.count(.requests_batched, size);
}

const testing = std.testing;

test "answers count for their route and class, with one duration for a batch" {
    var block: Block = try .create(1, 8, false);
    defer block.release();
    const route_of = [_]u16{ @intCast(block.routeIndex("GET /a")), block_file.route_other };
    var recorder: Recorder = .init(&block, block.claim().?, &route_of);
    var core: Core = undefined;
    core.metrics = &recorder;
    recorder.round_ns = 5;
    for (0..3) |_| answered(&core, started(&core, 0), 204);
    answered(&core, started(&core, 1), 503);
    answered(&core, .{}, 999);
    recorder.finish(5 + 1_000_000);
    const first = &recorder.routes[2];
    try testing.expectEqual(3, first.classes[1]);
    try testing.expectEqual(3_000_000, first.durations.sum_ns);
    try testing.expectEqual(3, first.durations.buckets[histogram_file.indexOf(1_000_000)]);
    try testing.expectEqual(1, recorder.routes[block_file.route_other].classes[4]);
    try testing.expectEqual(1, recorder.routes[block_file.route_none].classes[4]);
}

test "more answers than there is room for are not lost" {
    var block: Block = try .create(1, 8, false);
    defer block.release();
    var recorder: Recorder = .init(&block, block.claim().?, &.{});
    var core: Core = undefined;
    core.metrics = &recorder;
    core.batch.entries_count = 0;
    for (0..3 * answered_max) |_| answered(&core, started(&core, 0), 200);
    sent(&core);
    try testing.expectEqual(3 * answered_max, recorder.routes[block_file.route_none].classes[1]);
}

test "closings are taken over once, and across the end of their words" {
    var block: Block = try .create(1, 8, false);
    defer block.release();
    var recorder: Recorder = .init(&block, block.claim().?, &.{});
    var words: [abi.view.control_bytes / 4]u32 = @splat(0);
    const reason: usize = @intFromEnum(closings.Reason.body_timeout);
    words[abi.control.closing_records + reason * closings.record_words] = std.math.maxInt(u32);
    recorder.closings_seen[reason] = std.math.maxInt(u32);
    for (0..3) |_| closings.count(&words, .body_timeout, null);
    for (0..2) |_| recorder.publishClosings(&words);
    try testing.expectEqual(3, recorder.section.closings[reason]);
}

const simulation = @import("simulation.zig");

/// Random requests, good and bad, of clients that come, leave and break off.
fn countStorm(seed: u64) !void {
    const world = try simulation.World.create(seed, .{ .slab_capacity = 40 });
    defer world.destroy();
    var block: Block = try .create(1, 8, false);
    defer block.release();
    const core = &world.server.core;
    const route_of = try testing.allocator.dupe(u16, &.{ 2, 3 });
    try record(core, .init(&block, block.claim().?, route_of));
    var random_state: std.Random.DefaultPrng = .init(seed);
    const random = random_state.random();
    world.server.reactor.faults = .{ .short_read = 30, .short_write = 30, .would_block = 10 };
    var clients: [20]*simulation.Client = undefined;
    for (&clients) |*client| client.* = world.connect();
    for (0..600) |_| {
        const client = &clients[random.uintLessThan(usize, clients.len)];
        if (client.*.closed or client.*.reset) client.* = world.connect();
        switch (random.uintLessThan(u8, 40)) {
            0 => try world.send(client.*, "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"),
            1 => client.*.reset = true,
            2 => client.*.finished = true,
            3...10 => try world.send(client.*, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n"),
            11...14 => try world.send(client.*, "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n"),
            15...18 => world.answerOneLate(),
            else => try world.send(client.*, "GET /echo/1/2 HTTP/1.1\r\nHost: h\r\n\r\n"),
        }
        for (0..random.uintLessThan(u8, 4)) |_| _ = try world.server.turn(false);
    }
    world.server.reactor.faults = .{};
    for (0..2000) |_| {
        _ = try world.server.turn(false);
        world.answerOneLate();
    }
    for (clients) |client| client.finished = true;
    try world.run();
    try expectBalance(core);
}

/// Each request is answered or abandoned, and what is answered has its duration.
fn expectBalance(core: *Core) !void {
    const recorder = core.metrics.?;
    try testing.expectEqual(0, core.held.count);
    var answers: u64 = 0;
    var durations: u64 = 0;
    for (recorder.routes) |*route| {
        for (route.classes) |more| answers += more;
        for (route.durations.buckets) |more| durations += more;
    }
    const counters = &recorder.section.counters;
    const abandoned = counters[@intFromEnum(Counter.requests_abandoned)];
    const batched = counters[@intFromEnum(Counter.requests_batched)];
    try testing.expectEqual(answers, durations);
    try testing.expectEqual(batched, answers + abandoned);
    try testing.expect(counters[@intFromEnum(Counter.requests)] <= batched);
    try testing.expect(answers > 0);
    var refused: u64 = 0;
    for (recorder.section.rejections) |more| refused += more;
    try testing.expectEqual(batched, counters[@intFromEnum(Counter.requests)] + refused);
}

test "in storms each request is answered or abandoned" {
    for (0..20) |index| {
        const seed = testing.random_seed +% index;
        countStorm(seed) catch |reason| {
            std.debug.print("counting failed: seed {d}\n", .{seed});
            return reason;
        };
    }
}
