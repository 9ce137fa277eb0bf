//! Requests and answers over simulated clients: whole, cut anywhere, late, out of order, without
//! memory. See `simulation.zig`.

const std = @import("std");
const abi = @import("abi.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const simulation = @import("simulation.zig");
const Chunk = @import("output.zig").Chunk;

const testing = std.testing;
const World = simulation.World;
const expectSummary = simulation.expectSummary;
const problem = simulation.problem;
const get = simulation.get;
const closing = simulation.closing;
const late = simulation.late;
const post = simulation.post;

test "an answer, byte for byte" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = try world.ask(get);
    try testing.expectEqualStrings(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n" ++
            "Content-Length: 10\r\nDate: Thu, 01 Jan 1970 00:16:40 GMT\r\n\r\n0 /echo/a ",
        client.outgoing.items,
    );
    try testing.expect(!client.closed);
}

test "whole, split at every byte, and behind a good request: the same answers" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ get, "200 0 /echo/a " },
        .{ get ++ post ++ get, "200 0 /echo/a |200 2 /echo/b hello|200 0 /echo/a " },
        .{
            "POST /echo/c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" ++
                "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n" ++ get,
            "200 2 /echo/c abcde|200 0 /echo/a ",
        },
        .{
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" ++ get,
            problem("404", "Not Found", "not_found") ++ "|200 0 /echo/a ",
        },
        .{
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" ++
                "5\r\nhello\r\n0\r\n\r\n" ++ get,
            problem("404", "Not Found", "not_found") ++ "|200 0 /echo/a ",
        },
        .{
            "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world" ++ get,
            problem("413", "Content Too Large", "body_too_large"),
        },
        .{
            "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" ++
                "b\r\nhello world\r\n0\r\n\r\n" ++ get,
            problem("413", "Content Too Large", "body_too_large"),
        },
        .{
            // Nothing is wrong with it before the limit.
            "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" ++
                "b\r\nhello worldX" ++ get,
            problem("413", "Content Too Large", "body_too_large"),
        },
        .{ "GET /constant HTTP/1.1\r\nHost: h\r\n\r\n" ++ get, "200 constant|200 0 /echo/a " },
        .{ closing ++ get, "200 0 /echo/a " },
        .{ "GET /closing HTTP/1.1\r\nHost: h\r\n\r\n" ++ get, "200 bye" },
        .{
            "GET /echo/a%2 HTTP/1.1\r\nHost: h\r\n\r\n" ++ get,
            problem("400", "Bad Request", "bad_path") ++ "|200 0 /echo/a ",
        },
        .{
            "POST /echo/../a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" ++ get,
            problem("400", "Bad Request", "bad_path") ++ "|200 0 /echo/a ",
        },
        .{ "GET /echo/a HTTP/1.1\r\n\r\n" ++ get, problem("400", "Bad Request", "missing_host") },
        .{
            "GET /silent HTTP/1.1\r\nHost: h\r\n\r\n" ++ get,
            problem("500", "Internal Server Error", "no_answer") ++ "|200 0 /echo/a ",
        },
        .{
            "GET http://other HTTP/1.1\r\nHost: h\r\n\r\n" ++ get,
            problem("404", "Not Found", "not_found") ++ "|200 0 /echo/a ",
        },
        .{
            // A request inside of a body that nobody reads.
            std.fmt.comptimePrint(
                "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: {d}\r\n\r\n",
                .{get.len},
            ) ++ get ++ post,
            problem("404", "Not Found", "not_found") ++ "|200 2 /echo/b hello",
        },
        .{
            // More than is drained.
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n" ++ get,
            problem("404", "Not Found", "not_found"),
        },
        .{
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" ++
                "5\r\nhelloXX" ++ get,
            problem("404", "Not Found", "not_found"),
        },
        .{
            "POST /nowhere HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" ++
                "Content-Length: 5\r\n\r\nhello" ++ get,
            problem("404", "Not Found", "not_found"),
        },
        .{
            "POST /echo/a HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n" ++ get,
            problem("417", "Expectation Failed", "expectation_failed"),
        },
        .{
            "POST /echo/a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n" ++
                "hello" ++ get,
            "200 2 /echo/a hello",
        },
        .{
            "POST /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, content-length\r\n" ++
                "Upgrade: websocket\r\nContent-Length: 5\r\n\r\nhello" ++ get,
            "200 2 /echo/a hello|200 0 /echo/a ",
        },
    };
    for (cases) |case| {
        const input, const expected = case;
        const world = try World.create(2, .{});
        defer world.destroy();
        try expectSummary(expected, try world.ask(input));
        var behind: [64 * 1024]u8 = undefined;
        const second = world.connect();
        try world.send(second, "GET /constant HTTP/1.1\r\nHost: h\r\n\r\n");
        try world.send(second, input);
        try world.run();
        try expectSummary(try std.fmt.bufPrint(&behind, "200 constant|{s}", .{expected}), second);
        for (1..input.len) |split| {
            const client = try world.ask(input[0..split]);
            try world.send(client, input[split..]);
            try world.run();
            try expectSummary(expected, client);
        }
    }
}

test "answers stay in order when an earlier one is late, and a POST waits for it" {
    const world = try World.create(3, .{});
    defer world.destroy();
    const client = try world.ask(late ++ get ++ late ++ post ++ get);
    try testing.expectEqual(0, client.outgoing.items.len);
    try testing.expectEqual(2, world.held.items.len);
    world.answerLate("first");
    try world.run();
    try expectSummary("200 first|200 0 /echo/a ", client);
    world.answerLate("second");
    try world.run();
    try expectSummary(
        "200 first|200 0 /echo/a |200 second|200 2 /echo/b hello|200 0 /echo/a ",
        client,
    );
    try testing.expectEqual(0, world.server.core.held.count);
}

test "a late answer to a client that left is dropped" {
    const world = try World.create(4, .{});
    defer world.destroy();
    const client = try world.ask(late);
    client.reset = true;
    try world.run();
    try testing.expect(client.closed);
    try testing.expectEqual(0, world.server.core.connections.count);
    try testing.expectEqual(1, world.server.core.held.count);
    world.answerLate("nobody");
    try world.run();
    try testing.expectEqual(0, world.server.core.held.count);
}

test "a body in many reads, above what is copied into the view" {
    const world = try World.create(5, .{});
    defer world.destroy();
    const body: [40_000]u8 = @splat('b');
    var text: [50_000]u8 = undefined;
    const client = try world.ask(try std.fmt.bufPrint(
        &text,
        "PUT /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: {d}\r\n\r\n{s}{s}",
        .{ body.len, body, get },
    ));
    const expected = "200 3 /echo/x {s}|200 0 /echo/a ";
    try expectSummary(try std.fmt.bufPrint(&text, expected, .{body}), client);
}

test "100 Continue is sent once, when the body is wanted" {
    const world = try World.create(6, .{});
    defer world.destroy();
    const fields = " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    const client = try world.ask("POST /echo/a" ++ fields);
    try testing.expectEqualStrings("HTTP/1.1 100 Continue\r\n\r\n", client.outgoing.items);
    try world.send(client, "hi");
    try world.run();
    try expectSummary("100 |200 2 /echo/a hi", client);
    // Behind an answer that is late, not before it.
    const behind = try world.ask(late ++ "POST /echo/a" ++ fields);
    try testing.expectEqual(0, behind.outgoing.items.len);
    world.answerLate("late");
    try world.run();
    try expectSummary("200 late|100 ", behind);
    const refused = try world.ask("POST /nowhere" ++ fields);
    try expectSummary(problem("404", "Not Found", "not_found"), refused);
    try testing.expect(refused.server_finished);
}

test "HTTP/1.0 closes unless it asks to be kept" {
    const world = try World.create(7, .{});
    defer world.destroy();
    const once = try world.ask("GET /echo/a HTTP/1.0\r\n\r\n");
    try testing.expect(once.server_finished);
    const kept = try world.ask("GET /echo/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    try testing.expect(!kept.server_finished);
    try testing.expect(std.mem.find(u8, kept.outgoing.items, "Connection: keep-alive\r\n") != null);
}

test "the last answer is followed by a half-close, and by close when the peer has finished" {
    const world = try World.create(8, .{});
    defer world.destroy();
    const client = try world.ask(closing ++ "ignored");
    try testing.expect(client.server_finished and !client.closed);
    try world.send(client, "more that is ignored");
    try world.run();
    try testing.expect(!client.closed);
    client.finished = true;
    try world.run();
    try testing.expect(client.closed);
    const stays = try world.ask(closing);
    try world.sleep(limits.linger_ms + 100);
    try testing.expect(stays.closed);
}

test "a client that finished its side still gets its answers" {
    const world = try World.create(9, .{});
    defer world.destroy();
    const client = try world.ask(late ++ get);
    client.finished = true;
    try world.run();
    try testing.expect(!client.closed);
    world.answerLate("late");
    try world.run();
    try expectSummary("200 late|200 0 /echo/a ", client);
    try testing.expect(client.closed);
}

test "a client that does not read stops being read, and gets everything in order afterwards" {
    const world = try World.create(11, .{ .output_backlog_max = 16 * 1024 });
    defer world.destroy();
    const client = world.connect();
    client.window = 100;
    const large = "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
    for (0..1000) |_| try world.send(client, large);
    try world.run();
    // The backlog, and what one batch may add to it.
    try testing.expect(world.server.core.pool.used_bytes < 16 * 1024 + 64 * 4096);
    try testing.expect(client.incoming.items.len > 20_000);
    client.window = std.math.maxInt(usize);
    try world.run();
    try testing.expectEqual(0, client.incoming.items.len);
    try testing.expectEqual(1000, std.mem.count(u8, client.outgoing.items, "HTTP/1.1 200 OK"));
    try testing.expectEqual(0, world.server.core.pool.used_bytes);
}

test "a client that finished its side gets answers also to what has to wait for its turn" {
    const world = try World.create(25, .{});
    defer world.destroy();
    const client = try world.ask(late ++ post ++ get ** 100);
    client.finished = true;
    try world.run();
    try testing.expect(!client.closed);
    world.answerLate("late");
    try world.run();
    try expectSummary("200 late|200 2 /echo/b hello" ++ "|200 0 /echo/a " ** 100, client);
    try testing.expect(client.closed);
}

test "a late answer that is refused takes the body that was attached for it along" {
    const world = try World.create(15, .{});
    defer world.destroy();
    const client = try world.ask(late);
    const core = &world.server.core;
    const large = try Chunk.create(&core.pool, 1000);
    @memset(large.free()[0..1000], 'x');
    large.end = 1000;
    core.held.at(world.held.items[0].slot).attached = large;
    world.answerLate("");
    const words = core.batch.late(0);
    words[abi.response.status_kind_flags] = 200 | abi.AnswerFlag.attached;
    @memcpy(world.view[abi.view.answer_arena..][0..4], "a:\n\n");
    words[abi.response.fields] = abi.view.answer_arena;
    words[abi.response.fields_len] = 4;
    try world.run();
    try expectSummary(problem("500", "Internal Server Error", "invalid_answer"), client);
    try testing.expectEqual(0, core.pool.used_bytes);
}

test "late answers taken between turns survive the end of their connections" {
    const world = try World.create(20, .{});
    defer world.destroy();
    _ = try world.ask(late ++ post);
    world.answerLate("first");
    try testing.expectEqual(1, late_module.flushLate(&world.server));
    world.server.end();
    try world.run();
    try testing.expectEqual(0, world.server.core.connections.count);
}

test "connections end although no memory is left" {
    const world = try World.create(23, .{});
    defer world.destroy();
    const client = try world.ask(get);
    var spent: testing.FailingAllocator = .init(testing.allocator, .{ .fail_index = 0 });
    world.server.core.allocator = spent.allocator();
    world.server.core.request_memory.child = spent.allocator();
    defer world.server.core.allocator = testing.allocator;
    defer world.server.core.request_memory.child = testing.allocator;
    client.finished = true;
    try world.run();
    try testing.expectEqual(0, world.server.core.connections.count);
}
