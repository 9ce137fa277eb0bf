//! Bodies in pieces, both ways, over simulated clients: the real server, and a script written in
//! Zig that does what `src/native/` does with streams, one step at a time. Only tests use it.

const std = @import("std");
const abi = @import("abi.zig");
const acceptor = @import("acceptor.zig");
const answer_stream = @import("answer_stream.zig");
const body_stream = @import("body_stream.zig");
const core_module = @import("core.zig");
const late_module = @import("late.zig");
const server_module = @import("server.zig");
const simulated = @import("reactor/simulated.zig");
const simulated_answers = @import("simulated_answers.zig");
const sys = @import("sys.zig");
const router_module = @import("router.zig");

const testing = std.testing;
const allocator = testing.allocator;
const Client = simulated.Client;
const expectAnswers = simulated_answers.expectAnswers;
const parseAnswer = simulated_answers.parseAnswer;
const Implementation = server_module.Server(simulated.Simulated);

/// The script has no other way to its world: the callback takes a number only.
threadlocal var current: ?*World = null;

const body_limit = 64 * 1024;
/// A plain answer of this number closes its connection.
const closing_id = 99;

/// What a handler does; the segments behind its name say more.
const Kind = enum {
    /// Answers at once.
    plain,
    /// `/stream/<id>/<bytes>/<bytes of a piece>/<promised bytes or ->/<ok|fail|early>`.
    stream,
    /// Reads its body and answers with its length and checksum.
    read,
    /// Sends back what it reads, with the head before the first read.
    echo,
    /// Answers while its body is still to come.
    ignore,
    /// Reads once, then answers.
    some,
};

pub const Plan = struct {
    kind: Kind,
    id: u32 = 0,
    total: u32 = 0,
    piece: u32 = 1,
    promised: ?u32 = null,
    ending: enum { ok, fail, early } = .ok,

    fn parse(path: []const u8) !Plan {
        var segments = std.mem.splitScalar(u8, path[1..], '/');
        var plan: Plan = .{ .kind = std.meta.stringToEnum(Kind, segments.first()).? };
        const id = segments.next() orelse return plan;
        plan.id = try std.fmt.parseInt(u32, id, 10);
        if (plan.kind != .stream) return plan;
        plan.total = try std.fmt.parseInt(u32, segments.next().?, 10);
        plan.piece = try std.fmt.parseInt(u32, segments.next().?, 10);
        plan.promised = std.fmt.parseInt(u32, segments.next().?, 10) catch null;
        plan.ending = std.meta.stringToEnum(@TypeOf(plan.ending), segments.next().?).?;
        return plan;
    }

    /// Byte `at` of the body that this plan's handler makes.
    pub fn byte(plan: Plan, at: usize) u8 {
        return @intCast('a' + (at + plan.id) % 26);
    }
};

/// A handler under way.
pub const Task = struct {
    slot: u32,
    generation: u32,
    plan: Plan,
    bodiless: bool,
    headed: bool = false,
    sent: u32 = 0,
    received: u32 = 0,
    checksum: std.hash.Crc32 = .init(),
    /// Echoed next.
    buffer: std.ArrayList(u8) = .empty,
    waits: enum { nothing, drained, readable } = .nothing,
    gone: bool = false,
};

pub const World = struct {
    server: Implementation,
    router: *router_module.Router,
    view: sys.Memory,
    tasks: std.ArrayList(*Task) = .empty,
    random: std.Random.DefaultPrng,
    answer_top: u32 = abi.view.answer_arena,
    /// Tasks that were told that their clients left.
    left: u32 = 0,
    /// Problems that reading a body ended with, the last one.
    problem: u16 = 0,

    pub fn create(seed: u64, config: core_module.Config) !*World {
        const self = try allocator.create(World);
        const router: *router_module.Router = try .create(allocator);
        const view = try sys.mapMemory(abi.view.bytes);
        self.* = .{ .server = undefined, .router = router, .view = view, .random = .init(seed) };
        var fault: router_module.Fault = undefined;
        var conflict: router_module.Conflict = .{};
        for (std.enums.values(Kind)) |kind| {
            var pattern: [32]u8 = undefined;
            try router.add(.{
                .method = abi.Method.all,
                .pattern = try std.fmt.bufPrint(&pattern, "/{t}/*rest", .{kind}),
                .handler = @intFromEnum(kind),
                .body_limit = if (kind == .ignore) 1024 * 1024 else body_limit,
                .stream_body = true,
            }, &fault, &conflict);
        }
        try router.commit(.{});
        const reactor: simulated.Simulated = .init(allocator, seed);
        try self.server.init(allocator, config, router, @alignCast(view), reactor, dispatch);
        try acceptor.listen(&self.server, simulated.Simulated.listener);
        current = self;
        return self;
    }

    pub fn destroy(self: *World) void {
        current = null;
        for (self.tasks.items) |task| self.freeTask(task);
        self.tasks.deinit(allocator);
        self.server.deinit();
        self.router.destroy();
        sys.unmapMemory(self.view);
        allocator.destroy(self);
    }

    fn freeTask(self: *World, task: *Task) void {
        _ = self;
        task.buffer.deinit(allocator);
        allocator.destroy(task);
    }

    pub fn connect(self: *World) *Client {
        return self.server.reactor.connect();
    }

    pub fn send(self: *World, client: *Client, bytes: []const u8) !void {
        _ = self;
        try client.incoming.appendSlice(allocator, bytes);
    }

    pub fn turn(self: *World) !u32 {
        const done = try self.server.turn(false);
        try self.hear();
        return done;
    }

    /// Turns and steps until nothing more happens.
    pub fn run(self: *World) !void {
        for (0..100_000) |_| {
            var steps: u32 = 0;
            var at: usize = 0;
            while (at < self.tasks.items.len) {
                const task = self.tasks.items[at];
                if (task.waits == .nothing) {
                    steps += 1;
                    if (try self.step(task)) continue;
                }
                at += 1;
            }
            if (try self.turn() + steps == 0) return;
        }
        return error.NoRest;
    }

    fn ask(self: *World, bytes: []const u8) !*Client {
        const client = self.connect();
        try self.send(client, bytes);
        try self.run();
        return client;
    }

    fn sleep(self: *World, ms: u64) !void {
        self.server.reactor.now += ms;
        try self.run();
    }

    /// Everybody leaves, and nothing of them is left.
    pub fn expectNothing(self: *World) !void {
        for (self.server.reactor.clients.items) |client| {
            client.window = std.math.maxInt(usize);
            client.finished = true;
        }
        try self.run();
        try self.sleep(2000);
        const core = &self.server.core;
        try testing.expectEqual(0, self.tasks.items.len);
        try testing.expectEqual(0, core.connections.count);
        try testing.expectEqual(0, core.held.count);
        try testing.expectEqual(0, core.pool.used_bytes);
        try testing.expectEqual(0, core.request_memory.bytes);
        try testing.expectEqual(std.math.maxInt(u32), core.notices.first);
    }

    // The script.

    fn dispatch(count: u32) callconv(.c) void {
        const self = current.?;
        if (self.server.core.batch.control()[abi.control.late_count] == 0) {
            self.answer_top = abi.view.answer_arena;
        }
        for (0..count) |index| self.begin(@intCast(index)) catch @panic("script failed");
    }

    fn begin(self: *World, index: u32) !void {
        const batch = &self.server.core.batch;
        const words = batch.record(index);
        const reply = batch.response(index);
        const r = abi.request;
        const plan = try Plan.parse(self.view[words[r.path]..][0..words[r.path_len]]);
        switch (plan.kind) {
            .plain, .ignore => {
                const flags = if (plan.id == closing_id) abi.AnswerFlag.close else 0;
                self.place(reply, 200, @tagName(plan.kind), flags);
            },
            .stream, .read, .echo, .some => {
                const slot = try late_module.hold(&self.server, index);
                const task = try allocator.create(Task);
                task.* = .{
                    .slot = slot,
                    .generation = self.server.core.held.generationOf(slot),
                    .plan = plan,
                    .bodiless = words[r.method_flags] & 0xff == abi.Method.head,
                };
                try self.tasks.append(allocator, task);
                reply[abi.response.state] = abi.State.held;
            },
        }
    }

    fn place(
        self: *World,
        words: *[abi.response.words]u32,
        status: u32,
        text: []const u8,
        flags: u32,
    ) void {
        const r = abi.response;
        @memcpy(self.view[self.answer_top..][0..text.len], text);
        @memset(words, 0);
        words[r.state] = abi.State.answered;
        words[r.status_kind_flags] = status | abi.Kind.text << 16 | flags;
        words[r.body] = self.answer_top;
        words[r.body_len] = @intCast(text.len);
        self.answer_top += @intCast(text.len);
    }

    /// Notices, as JS reads them after a turn.
    fn hear(self: *World) !void {
        const control = self.server.core.batch.control();
        const count = control[abi.control.notices_count];
        control[abi.control.notices_count] = 0;
        for (0..count) |index| {
            const at = abi.control.notices + index * abi.control.notice_words;
            const task = self.find(control[at], control[at + 1]) orelse continue;
            const bits = control[at + 2];
            if (bits & abi.Notice.gone != 0) task.gone = true;
            if (bits & abi.Notice.gone != 0 or
                bits & abi.Notice.drained != 0 and task.waits == .drained or
                bits & abi.Notice.readable != 0 and task.waits == .readable) task.waits = .nothing;
        }
    }

    fn find(self: *World, slot: u32, generation: u32) ?*Task {
        for (self.tasks.items) |task| {
            if (task.slot == slot and task.generation == generation) return task;
        }
        return null;
    }

    fn end(self: *World, task: *Task) void {
        const at = std.mem.findScalar(*Task, self.tasks.items, task).?;
        _ = self.tasks.orderedRemove(at);
        self.freeTask(task);
    }

    /// The next thing that a handler does. True: it was its last.
    pub fn step(self: *World, task: *Task) !bool {
        if (task.gone) {
            self.left += 1;
            // Whether the head was sent or not.
            if (task.plan.kind == .stream or task.headed) {
                _ = answer_stream.end(&self.server, task.slot, task.generation, true);
            } else self.answer(task, 200, "nobody");
            self.end(task);
            return true;
        }
        return switch (task.plan.kind) {
            .plain, .ignore => unreachable,
            .stream => self.stepStream(task),
            .read, .some => self.stepRead(task),
            .echo => self.stepEcho(task),
        };
    }

    fn stepStream(self: *World, task: *Task) !bool {
        const plan = task.plan;
        if (!task.headed) {
            if (plan.ending == .early) {
                self.answer(task, 500, "early");
                self.end(task);
                return true;
            }
            self.head(task, plan.promised);
            if (!task.bodiless) return false;
            self.end(task);
            return true;
        }
        if (task.sent == plan.total) {
            const short = answer_stream.end(
                &self.server,
                task.slot,
                task.generation,
                plan.ending == .fail,
            );
            const owed = if (plan.promised) |promised| promised > plan.total else false;
            // Nobody is told once the client has left.
            if (short) try testing.expect(owed);
            self.end(task);
            return true;
        }
        const most = @min(plan.piece, plan.total - task.sent);
        const piece = try allocator.alloc(u8, most);
        defer allocator.free(piece);
        for (piece, task.sent..) |*byte, at| byte.* = plan.byte(at);
        const behind = answer_stream.write(
            &self.server,
            task.slot,
            task.generation,
            piece,
        ) catch |reason| return self.refused(task, reason);
        task.sent += most;
        if (behind) task.waits = .drained;
        return false;
    }

    fn refused(self: *World, task: *Task, reason: answer_stream.Error) !bool {
        if (reason == error.TooLong) try testing.expect(task.plan.promised.? < task.plan.total);
        _ = answer_stream.end(&self.server, task.slot, task.generation, true);
        self.end(task);
        return true;
    }

    fn read(self: *World, task: *Task, room: []u8) ?body_stream.Result {
        const result = body_stream.read(&self.server, task.slot, task.generation, room) catch {
            // The notice comes too.
            task.gone = true;
            return null;
        };
        switch (result) {
            .bytes => |count| {
                task.received += @intCast(count);
                task.checksum.update(room[0..count]);
            },
            .waiting => task.waits = .readable,
            .end => {},
            .failed => |problem| self.problem = problem.status,
        }
        return result;
    }

    fn roomBytes(self: *World) usize {
        const random = self.random.random();
        return if (random.boolean()) 4096 else random.intRangeAtMost(usize, 1, 300);
    }

    fn stepRead(self: *World, task: *Task) !bool {
        var room: [4096]u8 = undefined;
        var text: [64]u8 = undefined;
        const result = self.read(task, room[0..self.roomBytes()]) orelse return false;
        switch (result) {
            .waiting => return false,
            .bytes => if (task.plan.kind == .read) return false else self.answer(task, 200, "some"),
            .end => self.answer(task, 200, try std.fmt.bufPrint(
                &text,
                "{d} {x}",
                .{ task.received, task.checksum.final() },
            )),
            .failed => |problem| self.answer(task, problem.status, problem.code),
        }
        self.end(task);
        return true;
    }

    fn stepEcho(self: *World, task: *Task) !bool {
        var room: [4096]u8 = undefined;
        if (!task.headed) {
            // Its head is sent before the body comes, so the client is told to go on before that.
            _ = body_stream.read(&self.server, task.slot, task.generation, "") catch {
                task.gone = true;
                return false;
            };
            self.head(task, null);
            return false;
        }
        const bytes = room[0..self.roomBytes()];
        const result = self.read(task, bytes) orelse return false;
        switch (result) {
            .waiting => return false,
            .bytes => |count| {
                const behind = answer_stream.write(
                    &self.server,
                    task.slot,
                    task.generation,
                    bytes[0..count],
                ) catch |reason| return self.refused(task, reason);
                if (behind) task.waits = .drained;
                return false;
            },
            .end, .failed => {
                const failed = result == .failed;
                _ = answer_stream.end(&self.server, task.slot, task.generation, failed);
                self.end(task);
                return true;
            },
        }
    }

    fn head(self: *World, task: *Task, promised: ?u32) void {
        const words = self.late(task);
        const sized = if (promised == null) 0 else abi.AnswerFlag.sized;
        self.place(words, 200, "", abi.AnswerFlag.stream | sized);
        words[abi.response.length] = promised orelse 0;
        self.address(words, task);
        _ = late_module.flushLate(&self.server);
        self.answer_top = abi.view.answer_arena;
        task.headed = true;
    }

    fn answer(self: *World, task: *Task, status: u32, text: []const u8) void {
        const words = self.late(task);
        self.place(words, status, text, 0);
        self.address(words, task);
    }

    fn late(self: *World, task: *Task) *[abi.response.words]u32 {
        _ = task;
        const control = self.server.core.batch.control();
        if (control[abi.control.late_count] == 100) {
            _ = late_module.flushLate(&self.server);
            self.answer_top = abi.view.answer_arena;
        }
        control[abi.control.late_count] += 1;
        return self.server.core.batch.late(control[abi.control.late_count] - 1);
    }

    fn address(self: *World, words: *[abi.response.words]u32, task: *const Task) void {
        _ = self;
        words[abi.response.slot] = task.slot;
        words[abi.response.generation] = task.generation;
    }
};

const host = " HTTP/1.1\r\nHost: h\r\n";
const plain = "GET /plain/0" ++ host ++ "\r\n";
const chunks = "Transfer-Encoding: chunked\r\n\r\n";

inline fn digest(comptime body: []const u8) []const u8 {
    @setEvalBranchQuota(10_000);
    return comptime std.fmt.comptimePrint("200 {d} {x}", .{ body.len, std.hash.Crc32.hash(body) });
}

test "whole, split at every byte, and behind a good request: the same answers" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "GET /stream/0/5/2/-/ok" ++ host ++ "\r\n" ++ plain, "200 abcde|200 plain" },
        .{ "GET /stream/0/5/2/5/ok" ++ host ++ "\r\n" ++ plain, "200 abcde|200 plain" },
        .{ "GET /stream/0/0/1/-/ok" ++ host ++ "\r\n" ++ plain, "200 |200 plain" },
        .{ "GET /stream/0/0/1/0/ok" ++ host ++ "\r\n" ++ plain, "200 |200 plain" },
        .{
            "GET /stream/0/3/1/-/ok" ++ host ++ "\r\nGET /stream/1/3/1/-/ok" ++ host ++ "\r\n" ++
                plain ++ "GET /stream/2/3/1/3/ok" ++ host ++ "\r\n",
            "200 abc|200 bcd|200 plain|200 cde",
        },
        .{ "GET /stream/0/5/2/-/early" ++ host ++ "\r\n" ++ plain, "500 early|200 plain" },
        .{ "GET /stream/0/5/2/-/fail" ++ host ++ "\r\n" ++ plain, "200 abcde!" },
        .{ "GET /stream/0/5/2/9/fail" ++ host ++ "\r\n" ++ plain, "200 abcde!" },
        .{ "GET /stream/0/5/2/6/ok" ++ host ++ "\r\n" ++ plain, "200 abcde!" },
        .{ "GET /stream/0/5/2/3/ok" ++ host ++ "\r\n" ++ plain, "200 ab!" },
        .{ "GET /stream/0/5/2/-/ok HTTP/1.0\r\n\r\n" ++ plain, "200 abcde" },
        .{ "GET /stream/0/5/2/-/fail HTTP/1.0\r\n\r\n" ++ plain, "200 abcde!" },
        .{
            "GET /stream/0/5/2/5/ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" ++ plain,
            "200 abcde|200 plain",
        },
        .{
            "POST /read/0" ++ host ++ "Content-Length: 5\r\n\r\nhello" ++ plain,
            digest("hello") ++ "|200 plain",
        },
        .{
            "POST /read/0" ++ host ++ chunks ++ "2\r\nhe\r\n3;x=y\r\nllo\r\n" ++
                "0\r\nT: 1\r\n\r\n" ++ plain,
            digest("hello") ++ "|200 plain",
        },
        .{ "POST /read/0" ++ host ++ "Content-Length: 0\r\n\r\n" ++ plain, "200 0 0|200 plain" },
        .{
            "POST /read/0 HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello" ++
                plain,
            digest("hello"),
        },
        .{ "POST /read/0" ++ host ++ chunks ++ "2\r\nheX" ++ plain, "400 bad_chunk_end" },
        .{ "POST /read/0" ++ host ++ chunks ++ "2\r\nhe\r\n-1\r\n" ++ plain, "400 bad_chunk_size" },
        .{
            "POST /read/0" ++ host ++ "Content-Length: 65537\r\n\r\nhello" ++ plain,
            "413 {\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413," ++
                "\"code\":\"body_too_large\"}",
        },
        .{
            "POST /echo/0" ++ host ++ "Content-Length: 5\r\n\r\nhello" ++ plain,
            "200 hello|200 plain",
        },
        .{
            "POST /echo/0" ++ host ++ chunks ++ "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" ++ plain,
            "200 hello|200 plain",
        },
        .{
            "POST /echo/0 HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" ++ plain,
            "200 hello",
        },
        .{ "POST /echo/0" ++ host ++ chunks ++ "X" ++ plain, "200 !" },
        .{
            "POST /ignore/0" ++ host ++ "Content-Length: 5\r\n\r\nhello" ++ plain,
            "200 ignore|200 plain",
        },
        .{
            "POST /ignore/0" ++ host ++ chunks ++ "5\r\nhello\r\n0\r\n\r\n" ++ plain,
            "200 ignore|200 plain",
        },
        .{ "POST /ignore/0" ++ host ++ "Content-Length: 300000\r\n\r\n" ++ plain, "200 ignore" },
        .{ "POST /ignore/0" ++ host ++ chunks ++ "5\r\nhelloX" ++ plain, "200 ignore" },
        .{
            "POST /ignore/0" ++ host ++ "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n" ++
                plain,
            "200 ignore",
        },
        .{
            "POST /some/0" ++ host ++ "Content-Length: 8\r\n\r\nhello678" ++ plain,
            "200 some|200 plain",
        },
        .{
            "POST /read/0" ++ host ++ "Connection: close\r\nContent-Length: 5\r\n\r\nhello" ++
                plain,
            digest("hello"),
        },
    };
    for (cases) |case| {
        const input, const expected = case;
        errdefer std.debug.print("input: {s}\n", .{input[0..@min(input.len, 200)]});
        const world = try World.create(2, .{});
        defer world.destroy();
        try expectAnswers(expected, try world.ask(input));
        var behind: [1024]u8 = undefined;
        const wanted = try std.fmt.bufPrint(&behind, "200 plain|{s}", .{expected});
        const second = world.connect();
        try world.send(second, plain);
        try world.send(second, input);
        try world.run();
        try expectAnswers(wanted, second);
        for (1..input.len) |split| {
            const client = try world.ask(input[0..split]);
            try world.send(client, input[split..]);
            try world.run();
            try expectAnswers(expected, client);
        }
        try world.expectNothing();
    }
}

test "streams of 1 MB to readers of every pace: bounded memory, every byte" {
    const world = try World.create(3, .{});
    defer world.destroy();
    const total = 1_000_000;
    for ([_][]const u8{ "-", "1000000" }) |promised| {
        for ([_]u32{ 1000, 40_000, 300_000 }) |piece| {
            const client = world.connect();
            client.window = 100;
            var line: [128]u8 = undefined;
            const format = "GET /stream/7/{d}/{d}/{s}/ok" ++ host ++ "\r\n";
            const request = try std.fmt.bufPrint(&line, format, .{ total, piece, promised });
            try world.send(client, request);
            try world.run();
            try testing.expect(world.tasks.items[0].sent <= 256 * 1024 + piece);
            try testing.expect(world.server.core.pool.used_bytes < 512 * 1024 + 2 * piece);
            while (client.outgoing.items.len < total) {
                client.window += 50_000;
                try world.run();
            }
            client.window = std.math.maxInt(usize);
            try world.run();
            var rest: []const u8 = client.outgoing.items;
            var parsed = (try parseAnswer(&rest, false)).?;
            defer parsed.deinit();
            try testing.expect(parsed.complete and parsed.body.items.len == total);
            const plan: Plan = .{ .kind = .stream, .id = 7 };
            for (parsed.body.items, 0..) |byte, at| try testing.expectEqual(plan.byte(at), byte);
        }
    }
    try world.expectNothing();
}

test "streams that wait behind another one do not hold it up" {
    const world = try World.create(13, .{});
    defer world.destroy();
    const client = world.connect();
    client.window = 100;
    const request = "GET /stream/0/1000000/10000/-/ok" ++ host ++ "\r\n";
    try world.send(client, request ** 3);
    try world.run();
    try testing.expect(world.server.core.pool.used_bytes < 1024 * 1024);
    client.window = std.math.maxInt(usize);
    try world.run();
    var rest: []const u8 = client.outgoing.items;
    for (0..3) |_| {
        var parsed = (try parseAnswer(&rest, false)).?;
        defer parsed.deinit();
        try testing.expect(parsed.complete and parsed.body.items.len == 1_000_000);
    }
    try world.expectNothing();
}

test "a client that leaves ends its stream: with and without a reset, behind other answers too" {
    const world = try World.create(4, .{});
    defer world.destroy();
    const endless = "GET /stream/0/9000000/1000/-/ok" ++ host;
    for ([_][]const u8{ endless ++ "\r\n", endless ++ "Connection: close\r\n\r\n" }) |request| {
        for ([_]bool{ false, true }) |reset| {
            const client = world.connect();
            client.window = 1000;
            try world.send(client, request);
            try world.send(client, request);
            try world.run();
            const tasks: u32 = @intCast(world.tasks.items.len);
            const left = world.left;
            client.finished = !reset;
            client.reset = reset;
            try world.run();
            try testing.expect(client.closed);
            try testing.expectEqual(left + tasks, world.left);
        }
    }
    try world.expectNothing();
}

test "a handler hears that its client left although its answer cannot be sent any more" {
    const world = try World.create(5, .{});
    defer world.destroy();
    // The answer before it closes the connection.
    const client = try world.ask("GET /plain/99" ++ host ++ "\r\nGET /stream/0/9/1/-/ok" ++ host ++
        "\r\n");
    try expectAnswers("200 plain", client);
    try testing.expectEqual(1, world.left);
    try world.expectNothing();
}

test "a client that leaves before the head: whether the script knows or not" {
    const world = try World.create(6, .{});
    defer world.destroy();
    for ([_]bool{ false, true }) |knows| {
        const client = world.connect();
        try world.send(client, "GET /stream/0/9/1/-/ok" ++ host ++ "\r\n");
        for (0..3) |_| _ = try world.turn();
        const task = world.tasks.items[0];
        client.reset = true;
        _ = if (knows) try world.turn() else try world.server.turn(false);
        try testing.expectEqual(knows, task.gone);
        try testing.expectError(error.Gone, answer_stream.write(
            &world.server,
            task.slot,
            task.generation,
            "",
        ));
        if (!knows) {
            world.head(task, null);
            // The slot is still the script's, and nobody else's.
            try testing.expectEqual(1, world.server.core.held.count);
        }
        try world.run();
        try testing.expectEqual(0, world.server.core.held.count);
    }
    try world.expectNothing();
}

test "a stream may end while its request's body is awaited" {
    const fields = [_][]const u8{ "Connection: close\r\n", "" };
    for (fields) |field| {
        const world = try World.create(7, .{ .body_timeout_ms = 500 });
        defer world.destroy();
        const client = world.connect();
        try world.send(client, "POST /echo/0" ++ host);
        try world.send(client, field);
        try world.send(client, "Content-Length: 5\r\n\r\nhe");
        try world.run();
        const task = world.tasks.items[0];
        try testing.expect(task.waits == .readable);
        _ = answer_stream.end(&world.server, task.slot, task.generation, false);
        world.end(task);
        try world.run();
        try expectAnswers("200 he", client);
        try world.send(client, "llo");
        try world.send(client, plain);
        try world.run();
        try expectAnswers(if (field.len > 0) "200 he" else "200 he|200 plain", client);
        try world.sleep(2000);
        try world.expectNothing();
    }
}

test "100 Continue is sent once, when the body is wanted, and never behind a head" {
    const world = try World.create(8, .{});
    defer world.destroy();
    const fields = host ++ "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    const reader = try world.ask("POST /read/0" ++ fields);
    try testing.expectEqualStrings("HTTP/1.1 100 Continue\r\n\r\n", reader.outgoing.items);
    try world.send(reader, "hi" ++ plain);
    try world.run();
    try expectAnswers("100|" ++ digest("hi") ++ "|200 plain", reader);
    const echo = try world.ask("POST /echo/0" ++ fields);
    try world.send(echo, "hi" ++ plain);
    try world.run();
    try expectAnswers("100|200 hi|200 plain", echo);

    const client = world.connect();
    try world.send(client, "POST /echo/0" ++ fields);
    for (0..3) |_| _ = try world.turn();
    world.head(world.tasks.items[0], null);
    try world.run();
    // Some clients do not wait for it.
    try world.send(client, "hi" ++ plain);
    try world.run();
    try expectAnswers("200 hi|200 plain", client);
    try world.expectNothing();
}

test "a body over its limit half-way, and one that stops" {
    const world = try World.create(9, .{ .body_timeout_ms = 1000 });
    defer world.destroy();
    const chunk = "1000\r\n" ++ "x" ** 4096 ++ "\r\n";
    const large = try world.ask("POST /read/0" ++ host ++ chunks ++ chunk ** 17 ++ plain);
    try expectAnswers("413 body_too_large", large);
    try testing.expect(large.server_finished);
    const stalled = try world.ask("POST /read/0" ++ host ++ chunks ++ chunk);
    try world.sleep(900);
    try expectAnswers("", stalled);
    try world.sleep(200);
    try expectAnswers("408 request_timeout", stalled);
    try testing.expect(stalled.server_finished);
    const echo = try world.ask("POST /echo/0" ++ host ++ "Content-Length: 3\r\n\r\nhe");
    try world.sleep(1100);
    try expectAnswers("200 he!", echo);
    try testing.expect(echo.server_finished);
    try world.expectNothing();
}

test "a slow handler slows its client down, and has all the time it wants" {
    const world = try World.create(10, .{ .body_timeout_ms = 1000 });
    defer world.destroy();
    const client = world.connect();
    try world.send(client, "POST /read/0" ++ host ++ "Content-Length: 60000\r\n\r\n");
    for (0..60) |_| try world.send(client, "b" ** 1000);
    for (0..50) |_| {
        world.server.reactor.now += 10_000;
        _ = try world.turn();
    }
    // What one read of the head brought along.
    try testing.expect(client.incoming.items.len >= 60_000 - 8 * 1024);
    try testing.expect(!client.closed);
    while (world.tasks.items.len > 0) {
        _ = try world.step(world.tasks.items[0]);
        world.server.reactor.now += 10_000;
        _ = try world.turn();
    }
    try world.run();
    try testing.expect(std.mem.find(u8, client.outgoing.items, "60000 ") != null);
    try world.expectNothing();
}

test "a client that leaves within its body ends the handler's reads" {
    const world = try World.create(11, .{});
    defer world.destroy();
    for ([_][]const u8{ "read", "echo" }) |name| {
        for ([_]bool{ false, true }) |reset| {
            const client = world.connect();
            var line: [64]u8 = undefined;
            try world.send(client, try std.fmt.bufPrint(&line, "POST /{s}/0" ++ host, .{name}));
            try world.send(client, chunks ++ "2\r\nhe\r\n");
            try world.run();
            client.finished = !reset;
            client.reset = reset;
            try world.run();
            try testing.expect(client.closed and world.tasks.items.len == 0);
        }
    }
    try testing.expectEqual(4, world.left);
    try world.expectNothing();
}

test "the end of the server ends streams and bodies, told behind what was not heard yet" {
    const world = try World.create(12, .{});
    defer world.destroy();
    for (0..500) |_| {
        const client = world.connect();
        client.window = 10;
        try world.send(client, "GET /stream/0/9000000/1000/-/ok" ++ host ++ "\r\n");
    }
    _ = try world.ask("POST /read/0" ++ host ++ chunks);
    try world.run();
    try testing.expectEqual(501, world.server.core.held.count);
    world.server.end();
    try world.run();
    try testing.expectEqual(501, world.left);
    try testing.expectEqual(0, world.server.core.held.count);
}
