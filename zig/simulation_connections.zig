//! How connections begin and end over simulated clients: accepting, balancers, draining. See
//! `simulation.zig`.

const std = @import("std");
const acceptor = @import("acceptor.zig");
const simulated = @import("reactor/simulated.zig");
const simulation = @import("simulation.zig");
const sys = @import("sys.zig");

const testing = std.testing;
const World = simulation.World;
const metLimit = simulation.metLimit;
const expectSummary = simulation.expectSummary;
const problem = simulation.problem;
const get = simulation.get;
const late = simulation.late;

test "draining closes idle connections and says so on the last answers" {
    const world = try World.create(12, .{});
    defer world.destroy();
    const idle = try world.ask(get);
    const busy = try world.ask(late);
    world.server.drain(0, .close);
    try world.run();
    try testing.expect(idle.server_finished and !busy.server_finished);
    world.answerLate("done");
    try world.run();
    try testing.expect(std.mem.find(u8, busy.outgoing.items, "Connection: close\r\n") != null);
    try testing.expect(busy.server_finished);
    idle.finished = true;
    busy.finished = true;
    try world.run();
    try testing.expectEqual(0, world.server.core.connections.count);
}

test "draining leaves idle connections a while, and their next answer says that it is the last" {
    const world = try World.create(46, .{});
    defer world.destroy();
    const late_one = try world.ask(get);
    const idle = try world.ask(get);
    world.server.drain(500, .close);
    try world.sleep(400);
    try testing.expect(!late_one.server_finished and !idle.server_finished);
    try world.send(late_one, get);
    try world.run();
    try testing.expect(std.mem.find(u8, late_one.outgoing.items, "Connection: close\r\n") != null);
    try testing.expect(late_one.server_finished and !idle.server_finished);
    try world.sleep(200);
    try testing.expect(idle.server_finished);
}

test "who waits at the end is accepted, or left to the one who comes after" {
    for ([_]acceptor.Ending{ .close, .leave }) |ending| {
        const world = try World.create(47, .{});
        defer world.destroy();
        const waiting = world.server.reactor.connect();
        world.server.drain(500, ending);
        try world.send(waiting, get);
        try world.run();
        try testing.expectEqual(ending == .close, waiting.accepted);
    }
}

test "a listener that is left to another is not accepted on until it is wanted again" {
    const world = try World.create(48, .{});
    defer world.destroy();
    try acceptor.want(&world.server, simulated.Simulated.listener, false);
    const client = world.server.reactor.connect();
    try world.run();
    try testing.expect(!client.accepted);
    try acceptor.want(&world.server, simulated.Simulated.listener, true);
    try world.run();
    try testing.expect(client.accepted);
}

test "no descriptors: accepting pauses without spinning and goes on" {
    const world = try World.create(13, .{ .slab_capacity = 2 });
    defer world.destroy();
    const first = try world.ask(get);
    const second = try world.ask(get);
    const third = try world.ask(get);
    try testing.expect(first.accepted and second.accepted and !third.accepted);
    first.finished = true;
    try world.run();
    try testing.expect(third.accepted);
    try expectSummary("200 0 /echo/a ", third);
}

test "no descriptors for some time: who waits is accepted when there are some again" {
    const world = try World.create(24, .{});
    defer world.destroy();
    world.server.reactor.faults.descriptors = 100;
    const client = try world.ask(get);
    const polls = world.server.reactor.polls;
    for (0..10) |_| try world.sleep(100);
    try testing.expect(!client.accepted);
    // Each pause ends with one attempt, which fails.
    try testing.expect(world.server.reactor.polls - polls < 100);
    world.server.reactor.faults.descriptors = 0;
    // One turn ends the pause, the next one accepts.
    try world.sleep(100);
    try world.run();
    try testing.expect(client.accepted);
    try expectSummary("200 0 /echo/a ", client);
}

test "draining closes connections whose answers were ready, or whose body was still dropped" {
    const world = try World.create(17, .{});
    defer world.destroy();
    const queued = try world.ask(late ++ get);
    const dropped = try world.ask("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    world.server.drain(0, .close);
    world.answerLate("first");
    try world.send(dropped, "hello");
    try world.run();
    try testing.expect(queued.server_finished and dropped.server_finished);
}

/// Of the connection that was accepted last, while none was closed.
fn expectPeer(expected: []const u8, world: *const World) !void {
    const connections = &world.server.core.connections;
    var text: [sys.Peer.text_max]u8 = undefined;
    const peer = &connections.at(connections.count - 1).peer;
    try testing.expectEqualStrings(expected, peer.writeText(&text));
}

const proxy_line = "PROXY TCP4 198.51.100.7 192.0.2.1 4711 80\r\n";

const proxy_binary = "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" ++ "\x20\x01\x0d\xb8" ++
    "\x00" ** 11 ++ "\x07" ++ "\x00" ** 16 ++ "\x12\x67\x00\x50";

const proxy_local = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00";

test "behind a balancer every connection begins with its header, split at every byte" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ proxy_line, "198.51.100.7" },
        .{ proxy_binary, "2001:db8::7" },
        .{ proxy_local, "192.0.2.1" },
        .{ "PROXY UNKNOWN\r\n", "192.0.2.1" },
    };
    for (cases) |case| {
        const header, const peer = case;
        const world = try World.create(40, .{ .proxy_protocol = 1 });
        defer world.destroy();
        const input = try std.mem.concat(testing.allocator, u8, &.{ header, get, get });
        defer testing.allocator.free(input);
        for (1..input.len + 1) |split| {
            const client = try world.ask(input[0..split]);
            try world.send(client, input[split..]);
            try world.run();
            try expectSummary("200 0 /echo/a |200 0 /echo/a ", client);
            try expectPeer(peer, world);
        }
        try testing.expectEqual(0, metLimit(world, .proxy_header));
    }
}

test "behind a balancer other connections are closed without a word" {
    const world = try World.create(41, .{ .proxy_protocol = 1, .head_timeout_ms = 1000 });
    defer world.destroy();
    const wrong = [_][]const u8{ get, "\x16\x03\x01", "PROXY TCP4 x\r\n" ++ get, proxy_line[0..5] };
    for (wrong, 1..) |bytes, count| {
        const client = try world.ask(bytes);
        if (!client.server_finished) try world.sleep(1100);
        try testing.expectEqual(0, client.outgoing.items.len);
        try testing.expect(client.server_finished);
        try testing.expectEqual(count, metLimit(world, .proxy_header));
    }
    const silent = try world.ask("");
    try world.sleep(1100);
    try testing.expect(silent.closed);
    // A second header is no request.
    const twice = try world.ask(proxy_line ++ proxy_line);
    try expectSummary(problem("400", "Bad Request", "bad_target"), twice);
    // What is drained does not wait for the headers of connections that never spoke.
    _ = try world.ask("");
    world.server.drain(0, .close);
    try world.sleep(2000);
    try testing.expectEqual(0, world.server.core.connections.count);
}

test "connections of one address: further ones are closed, and there is room when some end" {
    const world = try World.create(42, .{ .connections_per_address = 2 });
    defer world.destroy();
    const first = try world.ask(get);
    const second = try world.ask(get);
    const third = try world.ask(get);
    try testing.expect(third.closed and third.outgoing.items.len == 0);
    try testing.expectEqual(1, metLimit(world, .address_full));
    first.reset = true;
    try world.run();
    const fourth = try world.ask(get);
    try expectSummary("200 0 /echo/a ", second);
    try expectSummary("200 0 /echo/a ", fourth);
}

test "connections of one address are counted by what a balancer says" {
    const world = try World.create(43, .{ .connections_per_address = 1, .proxy_protocol = 1 });
    defer world.destroy();
    try expectSummary("200 0 /echo/a ", try world.ask(proxy_line ++ get));
    try expectSummary("200 0 /echo/a ", try world.ask(proxy_binary ++ get));
    const third = try world.ask(proxy_line ++ get);
    try testing.expect(third.server_finished and third.outgoing.items.len == 0);
    try testing.expectEqual(1, metLimit(world, .address_full));
    // Its own checks are never too many.
    for (0..3) |_| try expectSummary("200 0 /echo/a ", try world.ask(proxy_local ++ get));
    world.server.end();
    for (world.server.core.addresses.?.entries) |entry| try testing.expectEqual(0, entry.count);
}
