//! Storms of streamed answers and bodies of every framing, pipelined in pieces, under faults and
//! with small limits, with clients that stop, end their side or reset. Each client gets its answers
//! in order and unharmed, or sees where they break off. Only tests use it.

const std = @import("std");
const core_module = @import("core.zig");
const simulated_answers = @import("simulated_answers.zig");
const stream_simulation = @import("stream_simulation.zig");
const Client = @import("reactor/simulated.zig").Client;

const testing = std.testing;
const allocator = testing.allocator;
const Plan = stream_simulation.Plan;
const World = stream_simulation.World;

const Expected = struct {
    status: u16 = 200,
    body: std.ArrayList(u8) = .empty,
    head_method: bool = false,
    /// Its stream fails, or has another length than it promised.
    breaks: bool = false,
    may_continue: bool = false,
    /// It promises no more bytes than it has: those may come whole, and then the end.
    promised: ?u32 = null,
};

const Peer = struct {
    client: *Client,
    /// What it has not sent yet.
    rest: std.ArrayList(u8) = .empty,
    expected: std.ArrayList(Expected) = .empty,
    /// It reset the connection or ended its side: its answers may break off.
    left: bool = false,

    fn deinit(peer: *Peer) void {
        for (peer.expected.items) |*expected| expected.body.deinit(allocator);
        peer.expected.deinit(allocator);
        peer.rest.deinit(allocator);
    }

    fn ask(peer: *Peer, random: std.Random, number: u32) !void {
        switch (random.uintLessThan(u8, 4)) {
            0 => {
                try peer.rest.print(allocator, "GET /plain/0 HTTP/1.1\r\nHost: h\r\n\r\n", .{});
                var expected: Expected = .{};
                try expected.body.appendSlice(allocator, "plain");
                try peer.expected.append(allocator, expected);
            },
            1, 2 => try peer.askStream(random, number),
            else => try peer.askBody(random, number),
        }
    }

    fn askStream(peer: *Peer, random: std.Random, number: u32) !void {
        const most: u32 = if (random.uintLessThan(u8, 6) == 0) 300_000 else 500;
        const total = random.uintAtMost(u32, most);
        const least: u32 = if (total > 10_000) 1000 else 1;
        const piece = least + random.uintLessThan(u32, 20_000);
        const sized = random.boolean();
        const off: i64 = if (random.uintLessThan(u8, 16) == 0) @as(i64, random.int(i8)) else 0;
        const promised: u32 = @intCast(@max(0, total + off));
        const fails = random.uintLessThan(u8, 16) == 0;
        var expected: Expected = .{
            .head_method = random.uintLessThan(u8, 8) == 0,
            .breaks = fails or (sized and promised != total),
        };
        if (sized and promised <= total) expected.promised = promised;
        const plan: Plan = .{ .kind = .stream, .id = number };
        for (0..total) |at| try expected.body.append(allocator, plan.byte(at));
        if (expected.head_method) expected.breaks = false;
        try peer.expected.append(allocator, expected);
        const method: []const u8 = if (expected.head_method) "HEAD" else "GET";
        const line = "{s} /stream/{d}/{d}/{d}/";
        try peer.rest.print(allocator, line, .{ method, number, total, piece });
        if (sized) {
            try peer.rest.print(allocator, "{d}", .{promised});
        } else try peer.rest.append(allocator, '-');
        try peer.rest.appendSlice(allocator, if (fails) "/fail" else "/ok");
        // The end of the connection is the end of such an answer.
        const minor: u8 = if (random.uintLessThan(u8, 30) == 0) '0' else '1';
        try peer.rest.print(allocator, " HTTP/1.{c}\r\nHost: h\r\n\r\n", .{minor});
    }

    fn askBody(peer: *Peer, random: std.Random, number: u32) !void {
        const most: usize = if (random.uintLessThan(u8, 4) == 0) 60_000 else 300;
        const body = try allocator.alloc(u8, random.uintAtMost(usize, most));
        defer allocator.free(body);
        for (body) |*byte| byte.* = random.intRangeAtMost(u8, 'a', 'z');
        const kinds = [_][]const u8{ "read", "echo", "ignore", "some" };
        const kind = kinds[random.uintLessThan(usize, kinds.len)];
        var expected: Expected = .{ .may_continue = random.uintLessThan(u8, 8) == 0 };
        const into = &expected.body;
        switch (kind[0]) {
            'r' => try into.print(allocator, "{d} {x}", .{ body.len, std.hash.Crc32.hash(body) }),
            'e' => try into.appendSlice(allocator, body),
            'i' => try into.appendSlice(allocator, "ignore"),
            // Where there is nothing to read it answers as `read` does.
            else => try into.appendSlice(allocator, if (body.len > 0) "some" else "0 0"),
        }
        try peer.expected.append(allocator, expected);
        const rest = &peer.rest;
        try rest.print(allocator, "POST /{s}/{d} HTTP/1.1\r\nHost: h\r\n", .{ kind, number });
        if (expected.may_continue) try rest.appendSlice(allocator, "Expect: 100-continue\r\n");
        if (random.boolean()) {
            try rest.print(allocator, "Content-Length: {d}\r\n\r\n{s}", .{ body.len, body });
        } else {
            try rest.appendSlice(allocator, "Transfer-Encoding: chunked\r\n\r\n");
            try appendChunks(rest, random, body);
        }
    }

    fn send(peer: *Peer, world: *World, count: usize) !void {
        if (peer.client.finished or peer.client.closed) return;
        try world.send(peer.client, peer.rest.items[0..count]);
        peer.rest.replaceRangeAssumeCapacity(0, count, &.{});
    }

    fn check(peer: *const Peer) !void {
        var rest: []const u8 = peer.client.outgoing.items;
        const gone = peer.left or peer.client.reset;
        for (peer.expected.items) |expected| {
            var parsed = try simulated_answers.parseAnswer(&rest, expected.head_method) orelse {
                if (gone) return;
                try testing.expectEqual(0, rest.len);
                return testing.expect(peer.client.server_finished);
            };
            defer parsed.deinit();
            try testing.expect(parsed.continued <= @intFromBool(expected.may_continue));
            try testing.expectEqual(expected.status, parsed.status);
            const body = parsed.body.items;
            const ended = parsed.framing == .close and peer.client.server_finished and
                !peer.client.broken and !gone;
            const filled = expected.promised != null and body.len == expected.promised.?;
            if ((parsed.complete or ended) and !(expected.breaks and filled)) {
                try testing.expect(!expected.breaks);
                if (expected.head_method) continue;
                // Not by `expectEqualStrings`, which would print megabytes.
                try testing.expect(std.mem.eql(u8, expected.body.items, body));
                continue;
            }
            try testing.expect(std.mem.startsWith(u8, expected.body.items, body));
            try testing.expect(expected.breaks or gone);
            try testing.expect(peer.client.server_finished or gone);
            return testing.expectEqual(0, rest.len);
        }
        try testing.expectEqual(0, rest.len);
    }
};

fn appendChunks(rest: *std.ArrayList(u8), random: std.Random, body: []const u8) !void {
    var left = body;
    while (left.len > 0) {
        const piece = left[0..@min(left.len, 1 + random.uintLessThan(usize, 4000))];
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

fn medley(seed: u64, requests: u32) !void {
    var state: std.Random.DefaultPrng = .init(seed);
    const random = state.random();
    const world = try World.create(seed, smallLimits(random));
    defer world.destroy();
    const harsh = random.boolean();
    world.server.reactor.faults = .{
        .short_read = random.uintLessThan(u8, 60),
        .short_write = random.uintLessThan(u8, 60),
        .would_block = random.uintLessThan(u8, 20),
        .spurious = random.uintLessThan(u8, 10),
        .reset = if (harsh) random.uintLessThan(u8, 2) else 0,
    };
    var peers: [20]Peer = undefined;
    for (&peers) |*peer| peer.* = .{ .client = world.connect() };
    defer for (&peers) |*peer| peer.deinit();
    for (0..requests) |number| {
        try peers[random.uintLessThan(usize, peers.len)].ask(random, @intCast(number));
        const peer = &peers[random.uintLessThan(usize, peers.len)];
        try peer.send(world, random.uintAtMost(usize, peer.rest.items.len));
        const taken = peer.client.outgoing.items.len;
        if (random.boolean()) peer.client.window = taken + random.uintLessThan(usize, 5000);
        if (harsh and random.uintLessThan(u8, 60) == 0) {
            peer.left = true;
            if (random.boolean()) peer.client.reset = true else peer.client.finished = true;
        }
        for (0..random.uintLessThan(u8, 20)) |_| try stepAny(world, random);
        for (0..random.uintLessThan(u8, 4)) |_| _ = try world.turn();
    }
    world.server.reactor.faults = .{};
    for (&peers) |*peer| {
        peer.client.window = std.math.maxInt(usize);
        try peer.send(world, peer.rest.items.len);
    }
    try world.run();
    for (&peers) |*peer| try peer.check();
    try world.expectNothing();
}

fn stepAny(world: *World, random: std.Random) !void {
    if (world.tasks.items.len == 0) return;
    const task = world.tasks.items[random.uintLessThan(usize, world.tasks.items.len)];
    if (task.waits == .nothing) _ = try world.step(task);
}

test "medleys of streams" {
    for (0..40) |index| {
        const seed = testing.random_seed +% index;
        medley(seed, 300) catch |reason| {
            std.debug.print("medley of streams failed: seed {d}\n", .{seed});
            return reason;
        };
    }
}
