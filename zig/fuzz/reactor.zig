//! Storms over whole servers: the real reactors, sockets of this machine, a script in Zig, and
//! faults injected from one seed. Held are: each answer comes in order, is the one that was asked
//! for and nobody else's, and comes once, unless a fault broke the connection; no more connections
//! are lost than were broken; when the faults stop everything ends; memory, requests and
//! descriptors are back where they were. Unix sockets, whose bytes arrive at once, and a clock that
//! stands still make a seed's storm the same each time.

const std = @import("std");
const abi = @import("../abi.zig");
const acceptor = @import("../acceptor.zig");
const core_module = @import("../core.zig");
const file_module = @import("../file.zig");
const late_module = @import("../late.zig");
const limits = @import("../limits.zig");
const listener_module = @import("../listener.zig");
const router_module = @import("../router.zig");
const server_module = @import("../server.zig");
const stage_file = @import("../reactor/stage.zig");
const sys = @import("../sys.zig");
const Faulty = @import("../reactor/faulty.zig").Faulty;
const Faults = @import("../reactor/faulty.zig").Faults;

const testing = std.testing;
const allocator = testing.allocator;

const Handler = enum(u32) {
    /// Answers with path and body.
    echo,
    /// The same, later.
    late,
    /// Its path, again and again.
    large,
    /// Closes the connection.
    closing,
    /// Sent by the kernel.
    file,
};

const large_bytes = 7000;
/// Above `limits.file_copied_max`.
const file_bytes = 30_000;

fn World(comptime Backend: type) type {
    return struct {
        const Self = @This();
        const Server = server_module.Server(Faulty(Backend));

        server: Server,
        router: *router_module.Router,
        files: *file_module.Files,
        folder: testing.TmpDir,
        view: sys.Memory,
        address: sys.Address,
        held: std.ArrayList(Held) = .empty,
        answer_top: u32 = abi.view.answer_arena,

        const Held = struct { slot: u32, generation: u32, text: []u8 };

        /// The script has no other way to its world: the callback takes a number only.
        threadlocal var current: *Self = undefined;

        fn create(seed: u64, config: core_module.Config) !*Self {
            const self = try allocator.create(Self);
            errdefer allocator.destroy(self);
            const folder = testing.tmpDir(.{});
            const files: *file_module.Files = try .create(allocator);
            self.* = .{
                .server = undefined,
                .router = try .create(allocator),
                .files = files,
                .folder = folder,
                .view = try sys.mapMemory(abi.view.bytes),
                .address = undefined,
            };
            try self.addRoutes();
            try self.server.init(
                allocator,
                config,
                self.router,
                @alignCast(self.view),
                .init(try .init(), seed),
                dispatch,
            );
            current = self;
            const socket = try std.fmt.allocPrint(allocator, "{s}/socket", .{self.path()});
            defer allocator.free(socket);
            try acceptor.listen(&self.server, try listener_module.bindUnix(socket, 512));
            self.address = try .unix(socket);
            return self;
        }

        fn path(self: *const Self) [:0]const u8 {
            return std.fmt.bufPrintSentinel(
                &path_buffer,
                ".zig-cache/tmp/{s}",
                .{self.folder.sub_path},
                0,
            ) catch unreachable;
        }

        threadlocal var path_buffer: [64]u8 = undefined;

        fn destroy(self: *Self) void {
            self.server.deinit();
            self.router.destroy();
            self.files.destroy();
            sys.unmapMemory(self.view);
            for (self.held.items) |held| allocator.free(held.text);
            self.held.deinit(allocator);
            self.folder.cleanup();
            allocator.destroy(self);
        }

        fn addRoutes(self: *Self) !void {
            const routes = [_]struct { u8, []const u8, Handler }{
                .{ abi.Method.all, "/echo/*rest", .echo },
                .{ abi.Method.get, "/late/*rest", .late },
                .{ abi.Method.get, "/large/*rest", .large },
                .{ abi.Method.get, "/closing/*rest", .closing },
                .{ abi.Method.get, "/file/*path", .file },
            };
            var fault: router_module.Fault = undefined;
            var conflict: router_module.Conflict = .{};
            for (routes) |route| {
                const method, const pattern, const handler = route;
                try self.router.add(.{
                    .method = method,
                    .pattern = pattern,
                    .handler = @intFromEnum(handler),
                    .body_limit = limits.body_bytes_default,
                }, &fault, &conflict);
            }
            var bytes: [file_bytes]u8 = undefined;
            for (&bytes, 0..) |*byte, at| byte.* = 'a' + @as(u8, @intCast(at % 23));
            try self.folder.dir.writeFile(testing.io, .{ .sub_path = "data", .data = &bytes });
            const root = try self.files.addFolder(self.path(), .{});
            try self.router.addFiles(@intFromEnum(Handler.file), .{
                .files = self.files,
                .root = root,
                .problems_to_script = false,
            });
            try self.router.commit(.{});
        }

        fn dispatch(count: u32) callconv(.c) void {
            current.answer_top = abi.view.answer_arena;
            for (0..count) |index| current.answer(@intCast(index)) catch @panic("script failed");
        }

        fn answer(self: *Self, index: u32) !void {
            const batch = &self.server.core.batch;
            const words = batch.record(index);
            const reply = batch.response(index);
            const r = abi.request;
            const target = self.view[words[r.path]..][0..words[r.path_len]];
            const body = if (words[r.method_flags] & abi.Flag.body_outside != 0)
                batch.entryOfRecord(index).?.body.?.whole()
            else
                self.view[words[r.body]..][0..words[r.body_len]];
            switch (@as(Handler, @enumFromInt(words[r.handler]))) {
                .echo => self.write(reply, &.{ target, body }, 0),
                .large => self.write(reply, &([_][]const u8{target} ** (large_bytes / 20)), 0),
                .closing => self.write(reply, &.{target}, abi.AnswerFlag.close),
                .late => {
                    const slot = try late_module.hold(&self.server, index);
                    try self.held.append(allocator, .{
                        .slot = slot,
                        .generation = self.server.core.held.generationOf(slot),
                        .text = try allocator.dupe(u8, target),
                    });
                    reply[abi.response.state] = abi.State.held;
                },
                .file => unreachable,
            }
        }

        fn write(
            self: *Self,
            words: *[abi.response.words]u32,
            parts: []const []const u8,
            flags: u32,
        ) void {
            const r = abi.response;
            const start = self.answer_top;
            for (parts) |text| {
                @memcpy(self.view[self.answer_top..][0..text.len], text);
                self.answer_top += @intCast(text.len);
            }
            words[r.state] = abi.State.answered;
            words[r.status_kind_flags] = 200 | abi.Kind.text << 16 | flags;
            words[r.fields] = 0;
            words[r.fields_len] = 0;
            words[r.body] = start;
            words[r.body_len] = self.answer_top - start;
        }

        /// One of the requests that wait, as promises settle in any order.
        fn answerLate(self: *Self, random: std.Random) void {
            const control = self.server.core.batch.control();
            if (self.held.items.len == 0) return;
            if (control[abi.control.late_count] == limits.late_max) return;
            const held = self.held.swapRemove(random.uintLessThan(usize, self.held.items.len));
            defer allocator.free(held.text);
            if (control[abi.control.late_count] == 0) self.answer_top = abi.view.answer_arena;
            const words = self.server.core.batch.late(control[abi.control.late_count]);
            self.write(words, &.{held.text}, 0);
            words[abi.response.slot] = held.slot;
            words[abi.response.generation] = held.generation;
            control[abi.control.late_count] += 1;
        }

        fn turn(self: *Self) !u32 {
            const done = try self.server.turn(false);
            // Notices are for streams and for those who left: nobody here reads them.
            self.server.core.batch.control()[abi.control.notices_count] = 0;
            return done;
        }
    };
}

/// A client: what it will send, what it must get, what it got.
const Peer = struct {
    number: usize,
    fd: ?sys.Descriptor = null,
    rest: std.ArrayList(u8) = .empty,
    wanted: std.ArrayList(u8) = .empty,
    got: std.ArrayList(u8) = .empty,
    /// Behind its last request: no more is asked.
    closes: bool = false,
    /// The server's side has ended, or ours was closed.
    ended: bool = false,
    /// It went away before its answers came.
    left: bool = false,

    fn deinit(peer: *Peer) void {
        if (peer.fd) |fd| sys.close(fd);
        peer.rest.deinit(allocator);
        peer.wanted.deinit(allocator);
        peer.got.deinit(allocator);
    }

    fn ask(peer: *Peer, random: std.Random, count: usize) !void {
        if (peer.closes) return;
        const rest = &peer.rest;
        const wanted = &peer.wanted;
        var name_buffer: [20]u8 = undefined;
        // As long for each, so that large answers have the same length.
        const name = try std.fmt.bufPrint(&name_buffer, "{d:0>4}-{d:0>6}", .{ peer.number, count });
        switch (random.uintLessThan(u8, 16)) {
            0...4 => {
                try rest.print(allocator, "GET /echo/{s} HTTP/1.1\r\nHost: h\r\n\r\n", .{name});
                try wanted.print(allocator, "200 /echo/{s}|", .{name});
            },
            5...7 => {
                var body: [9000]u8 = undefined;
                const most: usize = if (random.boolean()) body.len else 100;
                const len = random.uintAtMost(usize, most);
                for (body[0..len], 0..) |*byte, at| byte.* = name[at % name.len];
                const head = "POST /echo/{s} HTTP/1.1\r\nHost: h\r\nContent-Length: {d}\r\n\r\n{s}";
                try rest.print(allocator, head, .{ name, len, body[0..len] });
                try wanted.print(allocator, "200 /echo/{s}{s}|", .{ name, body[0..len] });
            },
            8...10 => {
                try rest.print(allocator, "GET /late/{s} HTTP/1.1\r\nHost: h\r\n\r\n", .{name});
                try wanted.print(allocator, "200 /late/{s}|", .{name});
            },
            11...12 => {
                try rest.print(allocator, "GET /large/{s} HTTP/1.1\r\nHost: h\r\n\r\n", .{name});
                try wanted.appendSlice(allocator, "200 ");
                for (0..large_bytes / 20) |_| try wanted.print(allocator, "/large/{s}", .{name});
                try wanted.append(allocator, '|');
            },
            13...14 => {
                try rest.appendSlice(allocator, "GET /file/data HTTP/1.1\r\nHost: h\r\n\r\n");
                try wanted.appendSlice(allocator, "200 ");
                for (0..file_bytes) |at| {
                    try wanted.append(allocator, 'a' + @as(u8, @intCast(at % 23)));
                }
                try wanted.append(allocator, '|');
            },
            else => {
                if (random.uintLessThan(u8, 8) > 0) return;
                try rest.print(allocator, "GET /closing/{s} HTTP/1.1\r\nHost: h\r\n\r\n", .{name});
                try wanted.print(allocator, "200 /closing/{s}|", .{name});
                peer.closes = true;
            },
        }
    }

    fn send(peer: *Peer, most: usize) !void {
        const fd = peer.fd orelse return;
        const bytes = peer.rest.items[0..@min(most, peer.rest.items.len)];
        if (bytes.len == 0) return;
        const count = sys.send(fd, bytes) catch |reason| switch (reason) {
            error.WouldBlock => return,
            // What was answered before may still be read.
            error.ConnectionReset => return peer.rest.clearRetainingCapacity(),
            else => return reason,
        };
        peer.rest.replaceRangeAssumeCapacity(0, count, &.{});
    }

    fn receive(peer: *Peer, most: usize) !void {
        const fd = peer.fd orelse return;
        if (peer.ended) return;
        try peer.got.ensureUnusedCapacity(allocator, most);
        const room = peer.got.unusedCapacitySlice()[0..most];
        const count = sys.receive(fd, room) catch |reason| switch (reason) {
            error.WouldBlock => return,
            error.ConnectionReset => return peer.end(),
            else => return reason,
        };
        peer.got.items.len += count;
        if (count == 0 and most > 0) peer.end();
    }

    fn end(peer: *Peer) void {
        peer.ended = true;
        peer.rest.clearRetainingCapacity();
    }

    fn leave(peer: *Peer) void {
        if (peer.fd) |fd| sys.close(fd);
        peer.fd = null;
        peer.end();
    }

    /// Whether all answers came; those that came must be the first ones, each as it should be.
    fn isComplete(peer: *const Peer) !bool {
        var answers: std.ArrayList(u8) = .empty;
        defer answers.deinit(allocator);
        var left: []const u8 = peer.got.items;
        while (std.mem.find(u8, left, "\r\n\r\n")) |head_end| {
            const head = left[0 .. head_end + 4];
            if (!std.mem.startsWith(u8, head, "HTTP/1.1 200 ")) return error.WrongAnswer;
            const name = "Content-Length: ";
            const at = std.mem.find(u8, head, name) orelse return error.NoLength;
            const line = head[at + name.len ..];
            const digits = line[0..std.mem.findScalar(u8, line, '\r').?];
            const len = try std.fmt.parseInt(usize, digits, 10);
            if (left.len < head.len + len) break;
            try answers.print(allocator, "200 {s}|", .{left[head.len..][0..len]});
            left = left[head.len + len ..];
        }
        const good = std.mem.startsWith(u8, peer.wanted.items, answers.items);
        if (!good) return error.WrongAnswer;
        const complete = answers.items.len == peer.wanted.items.len;
        if (complete and left.len > 0) return error.TooMuch;
        return complete;
    }
};

const peers_max = 24;

fn chooseFaults(random: std.Random) Faults {
    // Half of the storms break nothing, so that nothing may be lost.
    const breaks = random.boolean();
    const rare: u8 = if (breaks) 2 else 0;
    return .{
        .short_read = random.uintLessThan(u8, 50),
        .short_write = random.uintLessThan(u8, 50),
        .would_block = random.uintLessThan(u8, 20),
        .buffers = random.uintLessThan(u8, 10),
        .descriptors = random.uintLessThan(u8, 30),
        .interrupted = random.uintLessThan(u8, 20),
        .late = random.uintLessThan(u8, 30),
        .spurious = random.uintLessThan(u8, 20),
        .stale = random.uintLessThan(u8, 20),
        .reset = rare,
        .memory = rare,
        .aborted = 3 * rare,
    };
}

fn smallLimits(random: std.Random) core_module.Config {
    const long_ms = 3_600_000;
    return .{
        .slab_capacity = 8 + random.uintLessThan(u32, peers_max),
        .read_buffer_bytes = 512 + random.uintLessThan(u32, 8000),
        .write_buffer_bytes = 512 + random.uintLessThan(u32, 8000),
        .head_bytes_max = 1024,
        .pipeline_max = 1 + random.uintLessThan(u32, 6),
        .output_backlog_max = 4096 + random.uintLessThan(u32, 40_000),
        .head_timeout_ms = long_ms,
        .body_timeout_ms = long_ms,
        .idle_timeout_ms = long_ms,
        .write_timeout_ms = long_ms,
    };
}

/// Runs one storm over one backend.
fn storm(comptime Backend: type, seed: u64, requests: usize) !void {
    var state: std.Random.DefaultPrng = .init(seed);
    const random = state.random();
    const world: *World(Backend) = try .create(seed, smallLimits(random));
    defer world.destroy();
    const reactor = &world.server.reactor;
    reactor.faults = chooseFaults(random);
    var peers: [peers_max]Peer = undefined;
    for (&peers, 0..) |*peer, number| peer.* = .{ .number = number };
    defer for (&peers) |*peer| peer.deinit();
    for (0..requests) |count| {
        const peer = &peers[random.uintLessThan(usize, peers.len)];
        if (peer.fd == null and !peer.ended) peer.fd = try stage_file.connectTo(&world.address);
        if (!peer.ended) try peer.ask(random, count);
        const sender = &peers[random.uintLessThan(usize, peers.len)];
        try sender.send(random.uintAtMost(usize, sender.rest.items.len));
        const reader = &peers[random.uintLessThan(usize, peers.len)];
        try reader.receive(random.uintAtMost(usize, 20_000));
        if (random.boolean()) world.answerLate(random);
        if (random.uintLessThan(u8, 100) == 0 and !peer.ended) {
            peer.left = true;
            peer.leave();
        }
        reactor.now += random.uintLessThan(u64, 20);
        for (0..random.uintLessThan(u8, 3)) |_| _ = try world.turn();
    }
    reactor.faults = .{};
    try calm(world, &peers);
    var lost: u32 = 0;
    for (&peers) |*peer| if (!try peer.isComplete() and !peer.left) {
        lost += 1;
    };
    try testing.expect(lost <= reactor.losses);
    const core = &world.server.core;
    try testing.expectEqual(0, core.connections.count);
    try testing.expectEqual(0, core.held.count);
    try testing.expectEqual(0, core.pool.used_bytes);
}

/// The faults have stopped: everybody sends, reads, and leaves with the last answer, which lets in
/// those who wait for room.
fn calm(world: anytype, peers: []Peer) !void {
    var state: std.Random.DefaultPrng = .init(0);
    var quiet: u32 = 0;
    while (quiet < 3000) : (quiet += 1) {
        var open: usize = 0;
        for (peers) |*peer| {
            const before = peer.rest.items.len + peer.got.items.len;
            try peer.send(std.math.maxInt(usize));
            try peer.receive(64 * 1024);
            if (peer.rest.items.len + peer.got.items.len != before) quiet = 0;
            if (peer.ended or (quiet > 2 and peer.rest.items.len == 0 and try peer.isComplete())) {
                peer.leave();
            }
            if (peer.fd != null) open += 1;
        }
        if (world.held.items.len > 0) quiet = 0;
        world.answerLate(state.random());
        // Accepting goes on a while after slots were missing, and closing takes its time.
        world.server.reactor.now += 50;
        if (try world.turn() > 0) quiet = 0;
        if (open == 0 and world.server.core.connections.count == 0 and quiet > 2) return;
    }
    return error.NoProgress;
}

/// Descriptors are given out lowest first.
fn lowestDescriptor() !sys.Descriptor {
    const fd = try sys.eventCreate();
    defer sys.close(fd);
    return fd;
}

/// Runs one storm over each backend that this machine has.
pub fn fuzz(seed: u64, requests: usize) !void {
    if (!sys.is_linux) return;
    inline for (stage_file.backends) |Backend| {
        if (stage_file.Stage(Backend).real and stage_file.available(Backend)) {
            const before = try lowestDescriptor();
            storm(Backend, seed, requests) catch |reason| {
                std.debug.print("over {s}: seed {d}\n", .{ @typeName(Backend), seed });
                return reason;
            };
            try testing.expectEqual(before, try lowestDescriptor());
        }
    }
}

test "storms of faults over each reactor" {
    for (0..storms) |index| try fuzz(testing.random_seed +% index, 600);
}

const storms = 12;
