//! Storms of every kind of request, pipelined in pieces, under faults and with small limits: bodies
//! by length and in chunks, wanted and dropped, late answers, answers larger than the backlog and
//! peers that end their side early. Each peer must get all of its answers, in order and unharmed.
//! Only tests use it.

const std = @import("std");
const core_module = @import("core.zig");
const late_module = @import("late.zig");
const simulation = @import("simulation.zig");

const testing = std.testing;
const allocator = testing.allocator;
const World = simulation.World;

const filler: [40_000]u8 = @splat('f');
const not_found = "404 {\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404," ++
    "\"code\":\"not_found\"}";

const Peer = struct {
    client: *simulation.Client,
    /// What it has not sent yet.
    rest: std.ArrayList(u8) = .empty,
    /// The answers that it waits for.
    wanted: std.ArrayList(u8) = .empty,

    fn deinit(peer: *Peer) void {
        peer.rest.deinit(allocator);
        peer.wanted.deinit(allocator);
    }

    fn ask(peer: *Peer, random: std.Random, number: usize) !void {
        const rest = &peer.rest;
        const wanted = &peer.wanted;
        const most: usize = if (random.uintLessThan(u8, 8) == 0) filler.len else 300;
        const body = filler[0..random.uintAtMost(usize, most)];
        const known = random.boolean();
        const path: []const u8 = if (known) "echo" else "nowhere";
        if (wanted.items.len > 0) try wanted.append(allocator, '|');
        switch (random.uintLessThan(u8, 6)) {
            0 => {
                const line = "GET /echo/%41{d} HTTP/1.1\r\nHost: h\r\n\r\n";
                try rest.print(allocator, line, .{number});
                try wanted.print(allocator, "200 0 /echo/A{d} ", .{number});
            },
            1 => {
                const head = "POST /{s}/{d} HTTP/1.1\r\nHost: h\r\nContent-Length: {d}\r\n\r\n{s}";
                try rest.print(allocator, head, .{ path, number, body.len, body });
                try peer.want(known, number, body);
            },
            2 => {
                const head = "POST /{s}/{d} HTTP/1.1\r\nHost: h\r\n" ++
                    "Transfer-Encoding: chunked\r\n\r\n";
                try rest.print(allocator, head, .{ path, number });
                try appendChunks(rest, random, body);
                try peer.want(known, number, body);
            },
            3 => {
                try rest.appendSlice(allocator, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
                try wanted.appendSlice(allocator, "200 late");
            },
            4 => {
                try rest.appendSlice(allocator, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
                try wanted.appendSlice(allocator, "200 " ++ "x" ** 2048);
            },
            else => {
                try rest.appendSlice(allocator, "GET /constant HTTP/1.1\r\nHost: h\r\n\r\n");
                try wanted.appendSlice(allocator, "200 constant");
            },
        }
    }

    fn want(peer: *Peer, known: bool, number: usize, body: []const u8) !void {
        if (!known) return peer.wanted.appendSlice(allocator, not_found);
        return peer.wanted.print(allocator, "200 2 /echo/{d} {s}", .{ number, body });
    }

    fn send(peer: *Peer, world: *World, count: usize) !void {
        try world.send(peer.client, peer.rest.items[0..count]);
        peer.rest.replaceRangeAssumeCapacity(0, count, &.{});
    }

    fn check(peer: *const Peer) !void {
        const out = try allocator.alloc(u8, peer.client.outgoing.items.len);
        defer allocator.free(out);
        const answers = try simulation.summary(peer.client.outgoing.items, out);
        // Not by `expectEqualStrings`, which would print megabytes.
        try testing.expect(std.mem.eql(u8, peer.wanted.items, answers));
        if (peer.client.finished) try testing.expect(peer.client.closed);
    }
};

fn appendChunks(rest: *std.ArrayList(u8), random: std.Random, body: []const u8) !void {
    var left = body;
    while (left.len > 0) {
        const piece = left[0..@min(left.len, 1 + random.uintLessThan(usize, 2000))];
        left = left[piece.len..];
        try rest.print(allocator, "{x}\r\n{s}\r\n", .{ piece.len, piece });
    }
    try rest.appendSlice(allocator, "0\r\n\r\n");
}

fn smallLimits(random: std.Random) core_module.Config {
    const roomy = random.uintLessThan(u8, 4) == 0;
    return .{
        .read_buffer_bytes = if (roomy) 65_535 else 512 + random.uintLessThan(u32, 3000),
        .write_buffer_bytes = 512 + random.uintLessThan(u32, 3000),
        .head_bytes_max = if (roomy) 128 * 1024 else 1024,
        .pipeline_max = 1 + random.uintLessThan(u32, 6),
        .output_backlog_max = 1024 + random.uintLessThan(u32, 8000),
        .slab_capacity = 20,
    };
}

fn medley(seed: u64, requests: usize) !void {
    var state: std.Random.DefaultPrng = .init(seed);
    const random = state.random();
    const world = try World.create(seed, smallLimits(random));
    defer world.destroy();
    world.server.reactor.faults = .{
        .short_read = random.uintLessThan(u8, 60),
        .short_write = random.uintLessThan(u8, 60),
        .would_block = random.uintLessThan(u8, 20),
        .spurious = random.uintLessThan(u8, 10),
    };
    var peers: [20]Peer = undefined;
    for (&peers) |*peer| peer.* = .{ .client = world.connect() };
    defer for (&peers) |*peer| peer.deinit();
    for (0..requests) |number| {
        try peers[random.uintLessThan(usize, peers.len)].ask(random, number);
        const peer = &peers[random.uintLessThan(usize, peers.len)];
        try peer.send(world, random.uintAtMost(usize, peer.rest.items.len));
        const taken = peer.client.outgoing.items.len;
        if (random.boolean()) peer.client.window = taken + random.uintLessThan(usize, 5000);
        if (random.boolean()) world.answerOneLate();
        // As the script does when its ring is full.
        if (random.uintLessThan(u8, 20) == 0) _ = late_module.flushLate(&world.server);
        for (0..random.uintLessThan(u8, 4)) |_| _ = try world.server.turn(false);
    }
    world.server.reactor.faults = .{};
    for (&peers) |*peer| {
        peer.client.window = std.math.maxInt(usize);
        try peer.send(world, peer.rest.items.len);
        peer.client.finished = random.boolean();
    }
    while (try world.server.turn(false) > 0 or world.held.items.len > 0) world.answerOneLate();
    for (&peers) |*peer| try peer.check();
    for (&peers) |*peer| peer.client.finished = true;
    try world.run();
    try testing.expectEqual(0, world.server.core.connections.count);
    try testing.expectEqual(0, world.server.core.held.count);
    try testing.expectEqual(0, world.server.core.pool.used_bytes);
}

test "medleys of requests" {
    for (0..40) |index| {
        const seed = testing.random_seed +% index;
        medley(seed, 400) catch |reason| {
            std.debug.print("medley failed: seed {d}\n", .{seed});
            return reason;
        };
    }
}
