//! Deadlines, rates, ceilings and caps over simulated clients, on a clock that the test moves. See
//! `simulation.zig`.

const std = @import("std");
const core_module = @import("core.zig");
const simulation = @import("simulation.zig");

const testing = std.testing;
const Client = simulation.Client;
const World = simulation.World;
const metLimit = simulation.metLimit;
const expectSummary = simulation.expectSummary;
const problem = simulation.problem;
const get = simulation.get;
const unwanted = simulation.unwanted;
const post = simulation.post;

test "deadlines: slow head and body 408, idle silent" {
    const world = try World.create(10, .{
        .head_timeout_ms = 1000,
        .body_timeout_ms = 2000,
        .idle_timeout_ms = 3000,
    });
    defer world.destroy();
    const head = try world.ask("GET / HTTP/1.1\r\nA: ");
    const body = try world.ask("POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    const idle = try world.ask(get);
    for (0..9) |_| {
        try world.sleep(100);
        try world.send(head, "x");
        try world.send(body, "");
        try world.run();
    }
    try testing.expectEqual(0, head.outgoing.items.len);
    try world.sleep(200);
    try expectSummary(problem("408", "Request Timeout", "request_timeout"), head);
    try testing.expect(head.server_finished);
    try testing.expectEqual(0, body.outgoing.items.len);
    try world.sleep(1000);
    try expectSummary(problem("408", "Request Timeout", "request_timeout"), body);
    try testing.expect(!idle.server_finished);
    try world.sleep(1000);
    try expectSummary("200 0 /echo/a ", idle);
    try testing.expect(idle.server_finished);
}

test "bodies and waiting requests share one ceiling; what exceeds it is answered 503" {
    const world = try World.create(23, .{ .pending_bytes_max = 100 * 1024 });
    defer world.destroy();
    const start = "POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n\r\n";
    const body: [40_000]u8 = @splat('b');
    const first = try world.ask(start ++ body[0..39_999]);
    const second = try world.ask(start ++ body[0..39_999]);
    try expectSummary(problem("503", "Service Unavailable", "out_of_memory"), second);
    try world.send(first, "b");
    try world.run();
    try expectSummary("200 2 /echo/a " ++ body, first);
    try testing.expectEqual(0, world.server.core.request_memory.bytes);
}

test "bytes that a client sends do not extend the time it has to read its answer" {
    const world = try World.create(16, .{ .write_timeout_ms = 1000 });
    defer world.destroy();
    const heads = world.connect();
    const body = world.connect();
    for ([_]*Client{ heads, body }) |client| {
        client.window = 10;
        try world.send(client, get);
    }
    try world.send(body, "POST /echo/b HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n");
    try world.run();
    for (0..12) |_| {
        try world.send(heads, "G");
        try world.send(body, "b");
        try world.sleep(100);
    }
    try testing.expect(heads.closed and body.closed);
}

test "a body that is dropped too slowly ends the connection without a second answer" {
    const world = try World.create(18, .{ .body_timeout_ms = 1000 });
    defer world.destroy();
    const client = try world.ask(unwanted);
    try world.sleep(1100);
    try expectSummary(problem("404", "Not Found", "not_found"), client);
    try testing.expect(client.server_finished);
}

test "bodies that are dropped one after the other have their time each" {
    const world = try World.create(19, .{ .body_timeout_ms = 1000 });
    defer world.destroy();
    const client = try world.ask(unwanted);
    for (0..5) |_| {
        try world.sleep(500);
        try world.send(client, "llo" ++ unwanted);
        try world.run();
    }
    try testing.expect(!client.server_finished);
}

test "a client that reads a byte now and then does not keep its answers for ever" {
    const world = try World.create(21, .{ .write_timeout_ms = 1000 });
    defer world.destroy();
    const client = world.connect();
    client.window = 100;
    try world.send(client, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n" ** 60);
    try world.run();
    for (0..30) |_| {
        try world.sleep(500);
        client.window += 10;
        try world.run();
    }
    try testing.expect(client.closed);
}

test "a body that came fast and then stops has no more time than a slow one" {
    const world = try World.create(22, .{ .body_timeout_ms = 1000 });
    defer world.destroy();
    const head = "POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n";
    const client = try world.ask(head ++ "b" ** 200_000);
    try world.sleep(1100);
    try expectSummary(problem("408", "Request Timeout", "request_timeout"), client);
}

test "the last request that a connection may make is answered with the end" {
    const world = try World.create(44, .{ .requests_per_connection = 3 });
    defer world.destroy();
    const all = get ++ post ++ get ++ get;
    for (1..all.len) |split| {
        const client = try world.ask(all[0..split]);
        try world.send(client, all[split..]);
        try world.run();
        const three = "200 0 /echo/a |200 2 /echo/b hello|200 0 /echo/a ";
        try expectSummary(three, client);
        const said = std.mem.count(u8, client.outgoing.items, "Connection: close\r\n");
        try testing.expectEqual(1, said);
        try testing.expect(client.server_finished);
    }
}

test "rates of bodies and answers are those of the options" {
    const config: core_module.Config = .{ .body_timeout_ms = 1000, .body_rate_least = 10 };
    const world = try World.create(45, config);
    defer world.destroy();
    const head = "POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n";
    const steady = try world.ask(head);
    const slow = try world.ask(head);
    for (0..18) |_| {
        try world.send(steady, "xxxxx");
        try world.send(slow, "x");
        try world.run();
        try world.sleep(500);
    }
    try testing.expectEqual(0, steady.outgoing.items.len);
    try expectSummary(problem("408", "Request Timeout", "request_timeout"), slow);
    try testing.expectEqual(1, metLimit(world, .body_timeout));
}

test "limits that are met are counted by their reasons" {
    const world = try World.create(46, .{
        .head_timeout_ms = 100,
        .body_timeout_ms = 100,
        .idle_timeout_ms = 100,
        .write_timeout_ms = 100,
        .slab_capacity = 4,
    });
    defer world.destroy();
    const reader = world.connect();
    reader.window = 10;
    try world.send(reader, get);
    for ([_][]const u8{ "GET", unwanted, "" }) |bytes| _ = try world.ask(bytes);
    const waiting = try world.ask(get);
    try testing.expect(metLimit(world, .slots_full) > 0);
    try world.sleep(2000);
    try world.sleep(2000);
    try expectSummary("200 0 /echo/a ", waiting);
    inline for (.{ .head_timeout, .body_timeout, .write_timeout }) |reason| {
        try testing.expectEqual(1, metLimit(world, reason));
    }
    world.server.reactor.faults.descriptors = 100;
    const late_one = try world.ask(get);
    for (0..20) |_| try world.sleep(100);
    try testing.expectEqual(1, metLimit(world, .descriptors_out));
    world.server.reactor.faults.descriptors = 0;
    try world.sleep(200);
    try expectSummary("200 0 /echo/a ", late_one);
}

test "of large answers no more are made at once than the backlog may hold" {
    const world = try World.create(47, .{ .output_backlog_max = 16 * 1024 });
    defer world.destroy();
    const large = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
    try expectSummary("200 " ++ "x" ** 2048, try world.ask(large));
    const before = world.server.core.pool.used_bytes;
    const client = world.connect();
    client.window = 0;
    for (0..64) |_| try world.send(client, large);
    try world.run();
    const held = world.server.core.pool.used_bytes - before;
    // In blocks that are at most half empty.
    try testing.expect(held > 8 * 1024 and held < 40 * 1024);
    client.window = std.math.maxInt(usize);
    try world.run();
    try testing.expectEqual(64, std.mem.count(u8, client.outgoing.items, "HTTP/1.1 200 OK"));
    // Nothing else waits for that.
    world.dispatches = 0;
    const small = try world.ask(get ** 64);
    try testing.expectEqual(64, std.mem.count(u8, small.outgoing.items, "HTTP/1.1 200 OK"));
    try testing.expectEqual(1, world.dispatches);
}
