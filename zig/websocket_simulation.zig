//! WebSockets over simulated clients: the real server, and a script written in Zig that echoes what
//! comes and lets go of what is over. Only tests and the fuzzer use it.

const std = @import("std");
const abi = @import("abi.zig");
const acceptor = @import("acceptor.zig");
const core_module = @import("core.zig");
const frame = @import("websocket/frame.zig");
const late_module = @import("late.zig");
const limits = @import("limits.zig");
const server_module = @import("server.zig");
const simulated = @import("reactor/simulated.zig");
const sys = @import("sys.zig");
const websocket = @import("websocket.zig");
const router_module = @import("router.zig");

const testing = std.testing;
const allocator = testing.allocator;
const Client = simulated.Client;
const Implementation = server_module.Server(simulated.Simulated);

/// The script has no other way to its world: the callback takes a number only.
threadlocal var current: ?*World = null;

const Handler = enum(u32) { upgrade, plain };

const Handle = struct { slot: u32, generation: u32 };

pub const Closed = struct { code: u16, reason: [frame.reason_bytes_max]u8, reason_len: u8 };

pub const World = struct {
    server: Implementation,
    router: *router_module.Router,
    view: sys.Memory,
    settings: websocket.Settings = .{
        .message_bytes_max = 100_000,
        .backlog_bytes_max = 1 << 20,
        .idle_ms = 0,
        .deflate = false,
        .control_frames = false,
    },
    /// Requests whose 101 the script has not given yet.
    asked: std.ArrayList(Handle) = .empty,
    open: std.ArrayList(Handle) = .empty,
    closed: std.ArrayList(Closed) = .empty,
    drained: u32 = 0,
    messages: u32 = 0,
    echoes: bool = true,

    pub fn create(seed: u64, config: core_module.Config) !*World {
        const self = try allocator.create(World);
        self.* = .{
            .server = undefined,
            .router = try .create(allocator),
            .view = try sys.mapMemory(abi.view.bytes),
        };
        var fault: router_module.Fault = undefined;
        var conflict: router_module.Conflict = .{};
        for ([_]struct { u8, []const u8, Handler }{
            .{ abi.Method.get, "/socket", .upgrade },
            .{ abi.Method.all, "/plain", .plain },
        }) |route| try self.router.add(.{
            .method = route[0],
            .pattern = route[1],
            .handler = @intFromEnum(route[2]),
            .body_limit = limits.body_bytes_default,
        }, &fault, &conflict);
        try self.router.commit(.{});
        try self.server.init(
            allocator,
            config,
            self.router,
            @alignCast(self.view),
            .init(allocator, seed),
            dispatch,
        );
        try acceptor.listen(&self.server, simulated.Simulated.listener);
        current = self;
        return self;
    }

    /// Everything is over and back where it was.
    pub fn destroy(self: *World) void {
        current = null;
        self.server.deinit();
        self.router.destroy();
        sys.unmapMemory(self.view);
        self.asked.deinit(allocator);
        self.open.deinit(allocator);
        self.closed.deinit(allocator);
        allocator.destroy(self);
    }

    pub fn send(self: *World, client: *Client, bytes: []const u8) !void {
        try client.incoming.appendSlice(self.server.reactor.allocator, bytes);
    }

    /// Turns until nothing more happens; upgrades are answered between them.
    pub fn run(self: *World) !void {
        var turns: u32 = 0;
        var quiet: u32 = 0;
        // What a quiet turn begins to watch only the next one sees.
        while (quiet < 2) : (turns += 1) {
            if (turns > 100_000) return error.NoRest;
            quiet = if (try self.turn() > 0 or self.asked.items.len > 0) 0 else quiet + 1;
            self.answerAsked();
        }
        // Who sleeps now must not have left bytes that nothing will tell of.
        try testing.expectEqual(0, self.server.core.resumable.items.len);
    }

    pub fn turn(self: *World) !u32 {
        const done = try self.server.turn(false);
        self.readNotices();
        return done;
    }

    pub fn sleep(self: *World, ms: u64) !void {
        self.server.reactor.now += ms;
        try self.run();
    }

    /// A client that has its 101.
    pub fn connect(self: *World) !*Client {
        const client = self.server.reactor.connect();
        try self.send(client, upgrade);
        try self.run();
        return client;
    }

    /// What the server has said since the head of its first answer.
    pub fn frames(client: *const Client) ![]const u8 {
        const bytes = client.outgoing.items;
        const end = std.mem.find(u8, bytes, "\r\n\r\n") orelse return error.NoHead;
        return bytes[end + 4 ..];
    }

    pub fn answerAsked(self: *World) void {
        const core = &self.server.core;
        const control = core.batch.control();
        while (self.asked.items.len > 0 and control[abi.control.late_count] < limits.late_max) {
            const request = self.asked.orderedRemove(0);
            const words = core.batch.late(control[abi.control.late_count]);
            words.* = @splat(0);
            const held = core.held.get(request.slot, request.generation).?;
            const head: u32 = if (websocket.create(core, held, self.settings)) |_| opened: {
                break :opened 101 | abi.AnswerFlag.upgrade;
            } else |reason| switch (reason) {
                error.Gone => 200,
                error.InvalidArgument => 426,
                error.Full => 503,
            };
            words[abi.response.state] = abi.State.answered;
            words[abi.response.status_kind_flags] = head;
            words[abi.response.slot] = request.slot;
            words[abi.response.generation] = request.generation;
            control[abi.control.late_count] += 1;
        }
    }

    fn readNotices(self: *World) void {
        const core = &self.server.core;
        const control = core.batch.control();
        const count = control[abi.control.notices_count];
        control[abi.control.notices_count] = 0;
        for (0..count) |index| {
            const at = abi.control.notices + index * abi.control.notice_words;
            const handle: Handle = .{ .slot = control[at], .generation = control[at + 1] };
            self.told(handle, control[at + 2]) catch @panic("script failed");
        }
    }

    fn told(self: *World, handle: Handle, bits: u32) !void {
        const core = &self.server.core;
        if (bits & abi.Notice.websocket_opened != 0) try self.open.append(allocator, handle);
        if (bits & abi.Notice.websocket_drained != 0) self.drained += 1;
        if (bits & abi.Notice.websocket_closed == 0) return;
        const socket = core.websockets.get(handle.slot, handle.generation).?;
        try self.closed.append(allocator, .{
            .code = socket.code,
            .reason = socket.reason,
            .reason_len = socket.reason_len,
        });
        websocket.release(core, handle.slot);
        for (self.open.items, 0..) |known, index| {
            if (!std.meta.eql(known, handle)) continue;
            _ = self.open.orderedRemove(index);
            return;
        }
    }

    fn dispatch(count: u32) callconv(.c) void {
        const self = current.?;
        for (0..count) |index| self.take(@intCast(index)) catch @panic("script failed");
    }

    fn take(self: *World, index: u32) !void {
        const core = &self.server.core;
        const words = core.batch.record(index);
        const reply = core.batch.response(index);
        if (words[abi.message.handler] == abi.Special.websocket) return self.echo(index, words);
        switch (@as(Handler, @enumFromInt(words[abi.request.handler]))) {
            .plain => {
                reply.* = @splat(0);
                reply[abi.response.state] = abi.State.answered;
                reply[abi.response.status_kind_flags] = 200;
            },
            .upgrade => {
                const slot = try late_module.hold(&self.server, index);
                const generation = core.held.generationOf(slot);
                try self.asked.append(allocator, .{ .slot = slot, .generation = generation });
                reply[abi.response.state] = abi.State.held;
            },
        }
    }

    fn echo(self: *World, index: u32, words: *[abi.request.words]u32) !void {
        self.messages += 1;
        if (!self.echoes) return;
        const m = abi.message;
        const payload = if (words[m.kind] & abi.Flag.body_outside != 0)
            self.server.core.batch.entryOfRecord(index).?.message
        else
            self.view[words[m.payload]..][0..words[m.payload_len]];
        const opcode: frame.Opcode = @enumFromInt(words[m.kind] & 0xff);
        const slot, const generation = .{ words[m.slot], words[m.generation] };
        _ = websocket.send(&self.server, slot, generation, .{ .opcode = opcode }, payload) catch
            return;
    }
};

pub const upgrade = "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" ++
    "Upgrade: websocket\r\n\r\n";

/// A client's frame, masked with a key that differs from byte to byte.
pub fn clientFrame(out: []u8, first: u8, payload: []const u8) []const u8 {
    const key = [4]u8{ 0x11, 0x22, 0x44, 0x88 };
    out[0] = first;
    var at: usize = 2;
    if (payload.len < 126) {
        out[1] = 0x80 | @as(u8, @intCast(payload.len));
    } else if (payload.len <= 0xffff) {
        out[1] = 0x80 | 126;
        std.mem.writeInt(u16, out[2..4], @intCast(payload.len), .big);
        at = 4;
    } else {
        out[1] = 0x80 | 127;
        std.mem.writeInt(u64, out[2..10], payload.len, .big);
        at = 10;
    }
    out[at..][0..4].* = key;
    at += 4;
    for (payload, 0..) |byte, index| out[at + index] = byte ^ key[index % 4];
    return out[0 .. at + payload.len];
}

fn sendFrame(world: *World, client: *Client, first: u8, payload: []const u8) !void {
    const out = try allocator.alloc(u8, payload.len + 14);
    defer allocator.free(out);
    try world.send(client, clientFrame(out, first, payload));
}

fn expectFrames(client: *const Client, expected: []const u8) !void {
    try testing.expectEqualStrings(expected, try World.frames(client));
}

test "a request becomes a WebSocket, and what came behind it are its first frames" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = world.server.reactor.connect();
    var out: [64]u8 = undefined;
    try world.send(client, upgrade);
    try world.send(client, clientFrame(&out, 0x81, "early"));
    try world.run();
    const head = "HTTP/1.1 101 Switching Protocols\r\n";
    try testing.expect(std.mem.startsWith(u8, client.outgoing.items, head));
    const lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    try testing.expect(std.mem.find(u8, client.outgoing.items, lines) != null);
    try testing.expect(std.mem.find(u8, client.outgoing.items, "Content-Length") == null);
    try sendFrame(world, client, 0x82, "\x00\xff");
    try world.run();
    try expectFrames(client, "\x81\x05early\x82\x02\x00\xff");
    // Said close, answered with the same code, and the connection ends.
    try sendFrame(world, client, 0x88, "\x03\xe8bye");
    try world.run();
    try expectFrames(client, "\x81\x05early\x82\x02\x00\xff\x88\x02\x03\xe8");
    try testing.expect(client.server_finished);
    try testing.expectEqual(1000, world.closed.items[0].code);
    const reason = world.closed.items[0].reason[0..world.closed.items[0].reason_len];
    try testing.expectEqualStrings("bye", reason);
    client.finished = true;
    try world.run();
    try testing.expectEqual(0, world.server.core.connections.count);
    try testing.expectEqual(0, world.server.core.websockets.count);
}

test "an upgrade waits for its turn, and what does not ask for one gets none" {
    const world = try World.create(1, .{ .requests_per_connection = 2 });
    defer world.destroy();
    const plain = "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n";
    // The second is the last request of its connection, and stays one all the same.
    const behind = world.server.reactor.connect();
    try world.send(behind, plain ++ upgrade);
    try world.run();
    try testing.expectEqual(1, world.open.items.len);
    for ([_][]const u8{
        "GET /socket HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /socket HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
        "GET /socket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" ++
            "Content-Length: 1\r\n\r\nx",
    }) |request| {
        const client = world.server.reactor.connect();
        try world.send(client, request);
        try world.run();
        try testing.expectStringStartsWith(client.outgoing.items, "HTTP/1.1 426 ");
    }
    try testing.expectEqual(1, world.open.items.len);
}

test "a client that leaves before its 101 is told of as over" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = world.server.reactor.connect();
    try world.send(client, upgrade);
    while (world.asked.items.len == 0) _ = try world.turn();
    world.answerAsked();
    client.reset = true;
    try world.run();
    try testing.expectEqual(1, world.closed.items.len);
    try testing.expectEqual(frame.Close.abnormal, world.closed.items[0].code);
    try testing.expectEqual(0, world.server.core.websockets.count);
}

test "a client that said its last word before its 101 gets none" {
    const world = try World.create(1, .{});
    defer world.destroy();
    for ([_]bool{ false, true }) |created| {
        const client = world.server.reactor.connect();
        try world.send(client, upgrade);
        while (world.asked.items.len == 0) _ = try world.turn();
        if (created) world.answerAsked();
        client.finished = true;
        _ = try world.turn();
        try world.run();
        try testing.expect(client.server_finished);
    }
    try testing.expectEqual(0, world.open.items.len);
    try testing.expectEqual(0, world.server.core.websockets.count);
}

test "a batch without room for what came in pieces loses nothing" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const payload: [16_000]u8 = @splat('x');
    var storage: [payload.len + 14]u8 = undefined;
    const bytes = clientFrame(&storage, 0x82, &payload);
    var clients: [200]*Client = undefined;
    for (&clients) |*client| {
        client.* = try world.connect();
        try world.send(client.*, bytes[0 .. bytes.len - 10]);
    }
    try world.run();
    for (clients) |client| try world.send(client, bytes[bytes.len - 10 ..]);
    try world.run();
    try testing.expectEqual(0, world.closed.items.len);
    for (clients) |client| try testing.expectEqual(payload.len + 4, (try World.frames(client)).len);
}

test "messages in pieces and large ones come whole, pings are answered in between" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = try world.connect();
    try sendFrame(world, client, 0x01, "one ");
    try world.run();
    try sendFrame(world, client, 0x89, "?");
    try sendFrame(world, client, 0x80, "two");
    try world.run();
    try expectFrames(client, "\x8a\x01?\x81\x07one two");
    const large = try allocator.alloc(u8, 90_000);
    defer allocator.free(large);
    for (large, 0..) |*byte, index| byte.* = @truncate(index *% 7);
    const before = (try World.frames(client)).len;
    try sendFrame(world, client, 0x82, large);
    try world.run();
    const said = (try World.frames(client))[before..];
    try testing.expectEqualSlices(u8, "\x82\x7f\x00\x00\x00\x00\x00\x01\x5f\x90", said[0..10]);
    try testing.expectEqualSlices(u8, large, said[10..]);
    try testing.expectEqual(0, world.server.core.request_memory.bytes);
}

test "frames that break the rules end the connection, and say why" {
    const cases = [_]struct { []const u8, u16 }{
        .{ "\x81\x01x", 1002 },
        .{ "\xc1\x80\x00\x00\x00\x00", 1002 },
        .{ "\x83\x80\x00\x00\x00\x00", 1002 },
        .{ "\x80\x80\x00\x00\x00\x00", 1002 },
        .{ "\x88\x81\x00\x00\x00\x00\x03", 1002 },
        .{ "\x88\x82\x00\x00\x00\x00\x03\xed", 1002 },
        .{ "\x81\x81\x00\x00\x00\x00\xff", 1007 },
        .{ "\x82\xff\x00\x00\x00\x00\x00\x01\x86\xa1mask", 1009 },
    };
    for (cases) |case| {
        const bytes, const code = case;
        errdefer std.debug.print("{x}\n", .{bytes});
        const world = try World.create(1, .{});
        defer world.destroy();
        const client = try world.connect();
        try world.send(client, bytes);
        try world.run();
        const said = try World.frames(client);
        try testing.expectEqual(0x88, said[0]);
        try testing.expectEqual(code, std.mem.readInt(u16, said[2..4], .big));
        try testing.expect(client.server_finished);
        try testing.expectEqual(code, world.closed.items[0].code);
    }
}

test "whoever is silent is asked, and then left" {
    const world = try World.create(1, .{});
    defer world.destroy();
    world.settings.idle_ms = 10_000;
    const client = try world.connect();
    try world.sleep(4_990);
    try expectFrames(client, "");
    try world.sleep(20);
    try expectFrames(client, "\x89\x00");
    try sendFrame(world, client, 0x8a, "");
    try world.run();
    try world.sleep(5_010);
    try expectFrames(client, "\x89\x00\x89\x00");
    try world.sleep(4_900);
    try testing.expect(!client.closed);
    try world.sleep(200);
    try testing.expect(client.closed);
    try testing.expectEqual(frame.Close.abnormal, world.closed.items[0].code);
}

test "pings are many only within a second" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = try world.connect();
    for (0..3 * limits.websocket_controls_max) |_| {
        try sendFrame(world, client, 0x89, "");
        try world.sleep(500);
    }
    try testing.expectEqual(0, world.closed.items.len);
    for (0..limits.websocket_controls_max + 1) |_| try sendFrame(world, client, 0x89, "");
    try world.run();
    try testing.expectEqual(frame.Close.policy, world.closed.items[0].code);
}

test "a server that stops says so, and waits for the answer, but not for ever" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const polite = try world.connect();
    const mute = try world.connect();
    world.server.drain(5_000, .close);
    try world.run();
    for ([_]*Client{ polite, mute }) |client| try expectFrames(client, "\x88\x02\x03\xe9");
    try sendFrame(world, polite, 0x88, "\x03\xe9");
    polite.finished = true;
    try world.run();
    try testing.expect(polite.closed and !mute.closed);
    try testing.expectEqual(frame.Close.going_away, world.closed.items[0].code);
    // Its messages are heard no more.
    try sendFrame(world, mute, 0x81, "x");
    try world.sleep(limits.websocket_close_ms + 100);
    try testing.expect(mute.server_finished and !mute.closed);
    try world.sleep(limits.linger_ms + 100);
    try testing.expect(mute.closed);
    try testing.expectEqual(0, world.messages);
    try testing.expectEqual(frame.Close.abnormal, world.closed.items[1].code);
    try testing.expectEqual(0, world.server.core.connections.count);
}

test "a slow reader gets all that was sent before the close" {
    const world = try World.create(1, .{});
    defer world.destroy();
    const client = try world.connect();
    const handle = world.open.items[0];
    const bytes: [200_000]u8 = @splat('x');
    client.window = client.outgoing.items.len;
    _ = try websocket.send(&world.server, handle.slot, handle.generation, .{
        .opcode = .binary,
    }, &bytes);
    websocket.close(&world.server, handle.slot, 1000, "");
    for (0..20) |_| {
        client.window += 10_000;
        try world.sleep(1_000);
    }
    client.window = std.math.maxInt(usize);
    try world.sleep(limits.websocket_close_ms - 1_000);
    try testing.expectStringEndsWith(try World.frames(client), "x\x88\x02\x03\xe8");
    try testing.expect(!client.server_finished);
    try sendFrame(world, client, 0x88, "\x03\xe8");
    try world.run();
    try testing.expectEqual(1000, world.closed.items[0].code);
}

test "a message may take long, but not be slow" {
    const world = try World.create(1, .{ .body_timeout_ms = 1_000, .body_rate_least = 1_000 });
    defer world.destroy();
    const slow = try world.connect();
    const steady = try world.connect();
    var storage: [20_014]u8 = undefined;
    const payload: [20_000]u8 = @splat('x');
    const bytes = clientFrame(&storage, 0x82, &payload);
    var at: usize = 0;
    while (at < bytes.len) : (at += 1_000) {
        try world.send(steady, bytes[at..@min(at + 1_000, bytes.len)]);
        if (!slow.server_finished) try world.send(slow, bytes[at / 1_000 ..][0..1]);
        try world.sleep(900);
    }
    try testing.expect(slow.server_finished);
    try testing.expectStringEndsWith(slow.outgoing.items, "\x03\xf0message too slow");
    try testing.expectEqual(payload.len + 4, (try World.frames(steady)).len);
    try testing.expect(!steady.server_finished);
}

test "whoever takes nothing is waited for, and beyond the limit left" {
    const world = try World.create(1, .{});
    defer world.destroy();
    world.echoes = false;
    const client = try world.connect();
    const handle = world.open.items[0];
    const bytes: [1000]u8 = @splat('x');
    client.window = client.outgoing.items.len;
    var behind = false;
    var count: u32 = 0;
    while (!behind) : (count += 1) {
        const server = &world.server;
        behind = try websocket.send(server, handle.slot, handle.generation, .{
            .opcode = .binary,
        }, &bytes);
    }
    try testing.expectEqual(limits.stream_backlog_bytes / (bytes.len + 4) + 1, count);
    try world.run();
    try testing.expectEqual(0, world.drained);
    client.window = std.math.maxInt(usize);
    try world.run();
    try testing.expectEqual(1, world.drained);
    try testing.expectEqual(count * (bytes.len + 4), (try World.frames(client)).len);
    client.window = client.outgoing.items.len;
    while (websocket.send(&world.server, handle.slot, handle.generation, .{
        .opcode = .binary,
    }, &bytes)) |_| {} else |reason| try testing.expectEqual(error.Full, reason);
    try world.run();
    try testing.expect(client.closed);
    try testing.expectEqual(frame.Close.abnormal, world.closed.items[0].code);
}

test "what waits for all together has a limit too" {
    const world = try World.create(1, .{ .pending_bytes_max = 400_000 });
    defer world.destroy();
    world.echoes = false;
    const bytes: [100_000]u8 = @splat('x');
    for (0..5) |_| {
        const client = try world.connect();
        client.window = client.outgoing.items.len;
        const handle = world.open.items[world.open.items.len - 1];
        // Each may have one message, whatever others have.
        _ = try websocket.send(&world.server, handle.slot, handle.generation, .{
            .opcode = .binary,
        }, &bytes);
    }
    // Whoever reads may have more at once: what is queued is sent first.
    const reader = try world.connect();
    const last = world.open.items[world.open.items.len - 1];
    for (0..10) |_| _ = try websocket.send(&world.server, last.slot, last.generation, .{
        .opcode = .binary,
    }, bytes[0..5_000]);
    try world.run();
    try testing.expectEqual(10 * 5_004, (try World.frames(reader)).len);
    const handle = world.open.items[0];
    const second = websocket.send(&world.server, handle.slot, handle.generation, .{
        .opcode = .binary,
    }, &bytes);
    try testing.expectError(error.Full, second);
    try world.run();
    try testing.expectEqual(1, world.closed.items.len);
}

/// Echoes under faults. Oracles: each client gets back what it sent, in order, or a prefix of it
/// when its connection broke; memory and slots are back to where they were.
pub fn storm(seed: u64, rounds: u32) !void {
    const world = try World.create(seed, .{ .slab_capacity = 24, .output_backlog_max = 4096 });
    defer world.destroy();
    var random_state: std.Random.DefaultPrng = .init(seed ^ 0x50c4e7);
    const random = random_state.random();
    world.server.reactor.faults = .{
        .short_read = random.uintLessThan(u8, 60),
        .short_write = random.uintLessThan(u8, 60),
        .would_block = random.uintLessThan(u8, 20),
        .reset = random.uintLessThan(u8, 2),
        .spurious = random.uintLessThan(u8, 10),
        .descriptors = random.uintLessThan(u8, 10),
    };
    var peers: [20]Peer = undefined;
    for (&peers) |*peer| {
        peer.* = .{ .client = world.server.reactor.connect() };
        try world.send(peer.client, upgrade);
    }
    defer for (&peers) |*peer| peer.expected.deinit(allocator);
    for (0..rounds) |_| {
        const peer = &peers[random.uintLessThan(usize, peers.len)];
        switch (random.uintLessThan(u8, 13)) {
            0...5 => try peer.say(world, random),
            6 => try peer.finishMessage(world),
            7 => peer.client.window = peer.client.outgoing.items.len +
                random.uintLessThan(usize, 5000),
            8 => world.answerAsked(),
            9 => try world.run(),
            10 => if (random.uintLessThan(u8, 50) == 0) {
                peer.client.reset = true;
            },
            else => {},
        }
        for (0..random.uintLessThan(u8, 4)) |_| _ = try world.turn();
    }
    world.server.reactor.faults = .{};
    for (&peers) |*peer| peer.client.window = std.math.maxInt(usize);
    try world.run();
    for (&peers) |*peer| try peer.finishMessage(world);
    // Accepting goes on a while after descriptors ran out.
    for (0..20) |_| try world.sleep(100);
    for (&peers) |*peer| try peer.check();
    for (&peers) |*peer| peer.client.finished = true;
    try world.sleep(200);
    try testing.expectEqual(0, world.server.core.connections.count);
    try testing.expectEqual(0, world.server.core.websockets.count);
    try testing.expectEqual(0, world.server.core.request_memory.bytes);
    try testing.expectEqual(0, world.server.core.pool.used_bytes);
}

test "bursts beyond batch and backlog are answered whole, however sockets take the answers" {
    var burst: std.ArrayList(u8) = .empty;
    defer burst.deinit(allocator);
    var storage: [20]u8 = undefined;
    const empty = clientFrame(&storage, 0x82, "");
    for (0..3_000) |_| try burst.appendSlice(allocator, empty);
    for (0..100) |index| {
        const seed = testing.random_seed +% index;
        errdefer std.debug.print("seed {d}\n", .{seed});
        const world = try World.create(seed, .{ .output_backlog_max = 2_000 });
        defer world.destroy();
        const client = try world.connect();
        world.server.reactor.faults = .{ .would_block = 40, .short_write = 40 };
        for (1..4) |round| {
            try world.send(client, burst.items);
            try world.run();
            try testing.expectEqual(round * 3_000 * 2, (try World.frames(client)).len);
        }
    }
}

const Peer = struct {
    client: *Client,
    /// Frames that are to come back.
    expected: std.ArrayList(u8) = .empty,
    /// A message of which the end is not sent.
    open: bool = false,
    message: [40_000]u8 = undefined,
    message_len: usize = 0,
    number: u32 = 0,

    /// A message or a part of one, or a ping within.
    fn say(peer: *Peer, world: *World, random: std.Random) !void {
        if (peer.client.reset or peer.client.closed) return;
        if (peer.open and random.uintLessThan(u8, 4) == 0) {
            return sendFrame(world, peer.client, 0x8a, "unasked");
        }
        const wide = random.uintLessThan(u8, 20) == 0;
        const len = random.uintLessThan(usize, if (wide) 20_000 else 300);
        if (peer.message_len + len > peer.message.len) return peer.finishMessage(world);
        const part = peer.message[peer.message_len..][0..len];
        for (part) |*byte| {
            byte.* = @truncate(peer.number);
            peer.number +%= 1;
        }
        peer.message_len += len;
        const fin = random.uintLessThan(u8, 3) > 0;
        const opcode: u8 = if (peer.open) 0 else 2;
        try sendFrame(world, peer.client, (if (fin) @as(u8, 0x80) else 0) | opcode, part);
        peer.open = !fin;
        if (fin) try peer.expect();
    }

    fn finishMessage(peer: *Peer, world: *World) !void {
        if (!peer.open) return;
        try sendFrame(world, peer.client, 0x80, "");
        peer.open = false;
        try peer.expect();
    }

    fn expect(peer: *Peer) !void {
        var head: [frame.header_bytes_max]u8 = undefined;
        const header = frame.writeHeader(&head, .{ .opcode = .binary }, peer.message_len);
        try peer.expected.appendSlice(allocator, header);
        try peer.expected.appendSlice(allocator, peer.message[0..peer.message_len]);
        peer.message_len = 0;
    }

    fn check(peer: *const Peer) !void {
        const broken = peer.client.reset or peer.client.closed;
        const said = World.frames(peer.client) catch |reason|
            return if (broken or peer.expected.items.len == 0) {} else reason;
        if (!broken) return testing.expectEqualSlices(u8, peer.expected.items, said);
        try testing.expect(std.mem.startsWith(u8, peer.expected.items, said));
    }
};

test "storms of frames and faults" {
    for (0..100) |index| {
        const seed = testing.random_seed +% index;
        storm(seed, 400) catch |reason| {
            std.debug.print("storm of frames failed: seed {d}\n", .{seed});
            return reason;
        };
    }
}
