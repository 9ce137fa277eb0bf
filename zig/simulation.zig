//! A whole server over simulated clients: the real connection machine, router and encoder, a script
//! written in Zig in place of TypeScript, and faults from one seed. Tests and the fuzzer use it.

const std = @import("std");
const abi = @import("abi.zig");
const acceptor = @import("acceptor.zig");
const batch_module = @import("batch.zig");
const closings = @import("closings.zig");
const core_module = @import("core.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const server_module = @import("server.zig");
const simulated = @import("reactor/simulated.zig");
const Chunk = @import("output.zig").Chunk;
const sys = @import("sys.zig");
const router_module = @import("router.zig");
const Router = router_module.Router;

const testing = std.testing;
pub const Client = simulated.Client;
pub const Faults = simulated.Faults;
const Implementation = server_module.Server(simulated.Simulated);

/// The script has no other way to its world: the callback takes a number only.
threadlocal var current: ?*World = null;

const Handler = enum(u32) {
    /// Answers with method, path and body.
    echo,
    /// Is held until `World.answerLate`.
    late,
    /// Leaves nothing.
    silent,
    /// Two kilobytes: for backpressure.
    large,
    /// Asks for the connection to be closed.
    closing,
    constant,
    /// A body of at most ten bytes.
    small,
};

const HeldRequest = struct { slot: u32, generation: u32 };

pub const World = struct {
    server: Implementation,
    router: *Router,
    view: sys.Memory,
    held: std.ArrayList(HeldRequest) = .empty,
    answer_top: u32 = abi.view.answer_arena,
    dispatches: u32 = 0,

    pub fn create(seed: u64, config: core_module.Config) !*World {
        const self = try testing.allocator.create(World);
        errdefer testing.allocator.destroy(self);
        const router: *Router = try .create(testing.allocator);
        const view = try sys.mapMemory(abi.view.bytes);
        self.* = .{ .server = undefined, .router = router, .view = view };
        try self.addRoutes();
        try self.server.init(
            testing.allocator,
            config,
            router,
            @alignCast(view),
            .init(testing.allocator, seed),
            dispatch,
        );
        try acceptor.listen(&self.server, simulated.Simulated.listener);
        current = self;
        return self;
    }

    pub fn destroy(self: *World) void {
        current = null;
        self.server.deinit();
        self.router.destroy();
        sys.unmapMemory(self.view);
        self.held.deinit(testing.allocator);
        testing.allocator.destroy(self);
    }

    fn addRoutes(self: *World) !void {
        const routes = [_]struct { u8, []const u8, Handler }{
            .{ abi.Method.all, "/echo/*rest", .echo },
            .{ abi.Method.get, "/late", .late },
            .{ abi.Method.get, "/silent", .silent },
            .{ abi.Method.get, "/large", .large },
            .{ abi.Method.get, "/closing", .closing },
            .{ abi.Method.get, "/constant", .constant },
            .{ abi.Method.post, "/small", .small },
        };
        var fault: router_module.Fault = undefined;
        var conflict: router_module.Conflict = .{};
        for (routes) |route| {
            const method, const pattern, const handler = route;
            try self.router.add(.{
                .method = method,
                .pattern = pattern,
                .handler = @intFromEnum(handler),
                .body_limit = if (handler == .small) 10 else limits.body_bytes_default,
            }, &fault, &conflict);
        }
        try self.router.addConstant(@intFromEnum(Handler.constant), .{
            .status = 200,
            .kind = abi.Kind.text,
            .fields = "",
            .body = "constant",
        });
        try self.router.commit(.{});
    }

    pub fn connect(self: *World) *Client {
        return self.server.reactor.connect();
    }

    pub fn send(self: *World, client: *Client, bytes: []const u8) !void {
        try client.incoming.appendSlice(self.server.reactor.allocator, bytes);
    }

    /// Turns until nothing more happens.
    pub fn run(self: *World) !void {
        var turns: u32 = 0;
        while (try self.server.turn(false) > 0) : (turns += 1) {
            if (turns > 100_000) return error.NoRest;
        }
        try testing.expectEqual(0, self.server.core.batch.entries_count);
    }

    pub fn sleep(self: *World, ms: u64) !void {
        self.server.reactor.now += ms;
        try self.run();
    }

    /// Everything that the server says to these bytes on a connection of its own.
    pub fn ask(self: *World, bytes: []const u8) !*Client {
        const client = self.connect();
        try self.send(client, bytes);
        try self.run();
        return client;
    }

    fn lateRoom(self: *const World) bool {
        return self.server.core.batch.control()[abi.control.late_count] < limits.late_max;
    }

    pub fn answerOneLate(self: *World) void {
        if (self.held.items.len > 0 and self.lateRoom()) self.answerLate("late");
    }

    /// Answers the oldest held request, as a settled promise would.
    pub fn answerLate(self: *World, text: []const u8) void {
        const request = self.held.orderedRemove(0);
        const control = self.server.core.batch.control();
        const words = self.server.core.batch.late(control[abi.control.late_count]);
        self.write(words, 200, text, 0);
        words[abi.response.slot] = request.slot;
        words[abi.response.generation] = request.generation;
        control[abi.control.late_count] += 1;
    }

    fn dispatch(count: u32) callconv(.c) void {
        const self = current.?;
        self.dispatches += 1;
        self.answer_top = abi.view.answer_arena;
        for (0..count) |index| self.answer(@intCast(index)) catch @panic("script failed");
    }

    fn answer(self: *World, index: u32) !void {
        const batch = &self.server.core.batch;
        const words = batch.record(index);
        const reply = batch.response(index);
        const r = abi.request;
        var buffer: [128 * 1024]u8 = undefined;
        switch (@as(Handler, @enumFromInt(words[r.handler]))) {
            .echo, .small => {
                const path = self.view[words[r.path]..][0..words[r.path_len]];
                const body = if (words[r.method_flags] & abi.Flag.body_outside != 0)
                    batch.entryOfRecord(index).?.body.?.whole()
                else
                    self.view[words[r.body]..][0..words[r.body_len]];
                const method = words[r.method_flags] & 0xff;
                const text = try std.fmt.bufPrint(&buffer, "{d} {s} {s}", .{ method, path, body });
                self.write(reply, 200, text, 0);
            },
            .late => {
                const slot = try late_module.hold(&self.server, index);
                const generation = self.server.core.held.generationOf(slot);
                const request: HeldRequest = .{ .slot = slot, .generation = generation };
                try self.held.append(testing.allocator, request);
                reply[abi.response.state] = abi.State.held;
            },
            .silent => {},
            .large => {
                @memset(buffer[0..2048], 'x');
                self.write(reply, 200, buffer[0..2048], 0);
            },
            .closing => self.write(reply, 200, "bye", abi.AnswerFlag.close),
            .constant => unreachable,
        }
    }

    fn write(
        self: *World,
        words: *[abi.response.words]u32,
        status: u32,
        text: []const u8,
        flags: u32,
    ) void {
        const r = abi.response;
        @memcpy(self.view[self.answer_top..][0..text.len], text);
        words[r.state] = abi.State.answered;
        words[r.status_kind_flags] = status | abi.Kind.text << 16 | flags;
        words[r.fields] = 0;
        words[r.fields_len] = 0;
        words[r.body] = self.answer_top;
        words[r.body_len] = @intCast(text.len);
        self.answer_top += @intCast(text.len);
    }
};

/// Status and body of each answer, one after the other, without the fields: `200 body|404 body`.
pub fn summary(bytes: []const u8, out: []u8) ![]const u8 {
    var writer: std.Io.Writer = .fixed(out);
    var rest = bytes;
    while (rest.len > 0) {
        const end = (std.mem.find(u8, rest, "\r\n\r\n") orelse return error.NoHead) + 4;
        const head = rest[0..end];
        if (!std.mem.startsWith(u8, head, "HTTP/1.1 ")) return error.NoStatusLine;
        var length: usize = 0;
        var lines = std.mem.splitSequence(u8, head, "\r\n");
        while (lines.next()) |line| {
            if (std.ascii.startsWithIgnoreCase(line, "content-length: ")) {
                length = try std.fmt.parseInt(usize, line["content-length: ".len..], 10);
            }
        }
        if (rest.len < end + length) return error.ShortBody;
        if (writer.end > 0) try writer.writeByte('|');
        try writer.print("{s} {s}", .{ head[9..12], rest[end..][0..length] });
        rest = rest[end + length ..];
    }
    return writer.buffered();
}

fn expectSummary(expected: []const u8, client: *const Client) !void {
    var out: [64 * 1024]u8 = undefined;
    try testing.expectEqualStrings(expected, try summary(client.outgoing.items, &out));
}

inline fn problem(
    comptime status: []const u8,
    comptime title: []const u8,
    comptime code: []const u8,
) []const u8 {
    return status ++ " {\"type\":\"about:blank\",\"title\":\"" ++ title ++
        "\",\"status\":" ++ status ++ ",\"code\":\"" ++ code ++ "\"}";
}

const get = "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n";
const closing = "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
/// A body for which there is no route, in part.
const unwanted = "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe";
const late = "GET /late HTTP/1.1\r\nHost: h\r\n\r\n";
const post = "POST /echo/b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

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

/// Random traffic under faults. Oracles: each client gets the right answers in order, or a prefix
/// of them when it was reset; memory is back to where it was; nothing spins.
pub fn storm(seed: u64, rounds: u32) !void {
    const world = try World.create(seed, .{ .output_backlog_max = 8 * 1024, .slab_capacity = 40 });
    defer world.destroy();
    var random_state: std.Random.DefaultPrng = .init(seed ^ 0x5eed);
    const random = random_state.random();
    world.server.reactor.faults = .{
        .short_read = random.uintLessThan(u8, 60),
        .short_write = random.uintLessThan(u8, 60),
        .would_block = random.uintLessThan(u8, 20),
        .reset = random.uintLessThan(u8, 2),
        .spurious = random.uintLessThan(u8, 10),
        .descriptors = random.uintLessThan(u8, 10),
    };
    var clients: [30]*Client = undefined;
    var asked: [30]u32 = @splat(0);
    for (&clients) |*client| client.* = world.connect();
    for (0..rounds) |_| {
        const who = random.uintLessThan(usize, clients.len);
        const client = clients[who];
        switch (random.uintLessThan(u8, 10)) {
            0...5 => {
                var line: [128]u8 = undefined;
                const path: []const u8 = if (random.boolean()) "late" else "echo";
                const number = asked[who];
                asked[who] += 1;
                try world.send(client, if (path[0] == 'l')
                    late
                else
                    try std.fmt.bufPrint(
                        &line,
                        "POST /echo/{d}/{d} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
                        .{ who, number },
                    ));
            },
            6 => if (world.held.items.len > 0) world.answerLate("late"),
            7 => client.window = client.outgoing.items.len + random.uintLessThan(usize, 5000),
            8 => if (random.uintLessThan(u8, 50) == 0) {
                client.reset = true;
            },
            else => {},
        }
        for (0..random.uintLessThan(u8, 4)) |_| _ = try world.server.turn(false);
    }
    world.server.reactor.faults = .{};
    for (clients) |client| client.window = std.math.maxInt(usize);
    for (0..asked.len * rounds) |_| {
        world.server.reactor.now += 20;
        _ = try world.server.turn(false);
        while (world.held.items.len > 0 and world.lateRoom()) world.answerLate("late");
        if (world.server.core.held.count == 0) {
            var unread: usize = 0;
            for (clients) |client| if (!client.reset and !client.closed) {
                unread += client.incoming.items.len;
            };
            if (unread == 0) break;
        }
    }
    try world.run();
    for (clients, asked, 0..) |client, count, who| try checkStorm(client, count, who);
    try testing.expectEqual(0, world.server.core.held.count);
    for (clients) |client| client.finished = true;
    try world.sleep(200);
    try testing.expectEqual(0, world.server.core.connections.count);
    try testing.expectEqual(0, world.server.core.pool.used_bytes);
}

fn checkStorm(client: *const Client, asked: u32, who: usize) !void {
    if (client.reset or client.closed) return;
    var out: [256 * 1024]u8 = undefined;
    var answers = std.mem.splitScalar(u8, try summary(client.outgoing.items, &out), '|');
    var number: u32 = 0;
    while (answers.next()) |answer| : (number += 1) {
        if (asked == 0) break;
        if (std.mem.eql(u8, answer, "200 late")) continue;
        var expected: [64]u8 = undefined;
        try testing.expectEqualStrings(
            try std.fmt.bufPrint(&expected, "200 2 /echo/{d}/{d} abc", .{ who, number }),
            answer,
        );
    }
    if (asked > 0) try testing.expectEqual(asked, number);
}

test "storms of faults" {
    for (0..200) |index| {
        const seed = testing.random_seed +% index;
        storm(seed, 400) catch |reason| {
            std.debug.print("storm failed: seed {d}\n", .{seed});
            return reason;
        };
    }
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

/// How often a limit was met.
fn metLimit(world: *const World, reason: closings.Reason) u32 {
    const words = world.server.core.batch.control();
    return words[abi.control.closing_records + @intFromEnum(reason) * closings.record_words];
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
