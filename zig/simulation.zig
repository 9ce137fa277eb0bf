//! A whole server over simulated clients: the real connection machine, router and encoder, a script
//! written in Zig in place of TypeScript, and faults from one seed. Tests and the fuzzer use it.

const std = @import("std");
const abi = @import("abi.zig");
const acceptor = @import("acceptor.zig");
const closings = @import("closings.zig");
const core_module = @import("core.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const server_module = @import("server.zig");
const simulated = @import("reactor/simulated.zig");
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

pub fn expectSummary(expected: []const u8, client: *const Client) !void {
    var out: [64 * 1024]u8 = undefined;
    try testing.expectEqualStrings(expected, try summary(client.outgoing.items, &out));
}

pub inline fn problem(
    comptime status: []const u8,
    comptime title: []const u8,
    comptime code: []const u8,
) []const u8 {
    return status ++ " {\"type\":\"about:blank\",\"title\":\"" ++ title ++
        "\",\"status\":" ++ status ++ ",\"code\":\"" ++ code ++ "\"}";
}

/// How often a limit was met.
pub fn metLimit(world: *const World, reason: closings.Reason) u32 {
    const words = world.server.core.batch.control();
    return words[abi.control.closing_records + @intFromEnum(reason) * closings.record_words];
}

pub const get = "GET /echo/a HTTP/1.1\r\nHost: h\r\n\r\n";

pub const closing = "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// A body for which there is no route, in part.
pub const unwanted = "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe";

pub const late = "GET /late HTTP/1.1\r\nHost: h\r\n\r\n";

pub const post = "POST /echo/b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

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
