//! One contract, one suite: the same behaviours over every backend. What differs between them is
//! in `reactor/stage.zig`; storms of a whole server are in `fuzz/reactor.zig`. Only tests use it.

const std = @import("std");
const kqueue_double = @import("reactor/kqueue_double.zig");
const reactor = @import("reactor.zig");
const stage_file = @import("reactor/stage.zig");
const sys = @import("sys.zig");
const wakeup_file = @import("wakeup.zig");

const testing = std.testing;
const linux = std.os.linux;
const Stage = stage_file.Stage;

const reading: reactor.Interest = .{ .read = true, .write = false };
const writing: reactor.Interest = .{ .read = false, .write = true };
const both: reactor.Interest = .{ .read = true, .write = true };
const neither: reactor.Interest = .{ .read = false, .write = false };

/// Runs a behaviour, a function of a type of stages, over each backend.
fn overAll(comptime behaviour: anytype) !void {
    inline for (stage_file.backends) |Backend| try over(Backend, behaviour);
}

/// Those that move bytes through this machine's kernel.
fn overReal(comptime behaviour: anytype) !void {
    inline for (stage_file.backends) |Backend| {
        if (Stage(Backend).real) try over(Backend, behaviour);
    }
}

fn over(comptime Backend: type, comptime behaviour: anytype) !void {
    if (!stage_file.available(Backend)) return;
    const before = try lowestDescriptor();
    runOver(Backend, behaviour) catch |reason| {
        std.debug.print("over {s}\n", .{@typeName(Backend)});
        return reason;
    };
    try testing.expectEqual(before, try lowestDescriptor());
}

fn runOver(comptime Backend: type, comptime behaviour: anytype) !void {
    var stage: Stage(Backend) = try .init(testing.random_seed);
    defer stage.deinit();
    try stage.reactor.addListener(stage.listener, Stage(Backend).listener_token, .alone);
    try behaviour(Backend, &stage);
}

/// Descriptors are given out lowest first.
fn lowestDescriptor() !sys.Descriptor {
    if (!sys.is_linux) return 0;
    const fd = try sys.eventCreate();
    defer sys.close(fd);
    return fd;
}

/// Where bytes go that are not looked at.
var small: [16]u8 = undefined;

fn receiveText(stage: anytype, fd: sys.Descriptor, expected: []const u8) !void {
    var buffer: [64]u8 = undefined;
    const count = try stage.reactor.receive(fd, buffer[0..expected.len]);
    try testing.expectEqualStrings(expected, buffer[0..count]);
}

fn peerText(peer: anytype, expected: []const u8) !void {
    var buffer: [64]u8 = undefined;
    var len: usize = 0;
    for (0..5000) |_| {
        const received = try peer.receive(buffer[len..expected.len]);
        if (received) |count| len += count else stage_file.pause();
        if (len == expected.len) break;
    }
    try testing.expectEqualStrings(expected, buffer[0..len]);
}

fn peerEnd(peer: anytype) !void {
    var buffer: [64]u8 = undefined;
    for (0..5000) |_| {
        if (try peer.receive(&buffer)) |count| return testing.expectEqual(0, count);
        stage_file.pause();
    }
    return error.NoEnd;
}

fn accepting(comptime Backend: type, stage: *Stage(Backend)) !void {
    const token = Stage(Backend).listener_token;
    try stage.expectNothing();
    var address: sys.Address = undefined;
    try testing.expectError(error.WouldBlock, stage.reactor.accept(stage.listener, &address));
    var peers: [3]Stage(Backend).Peer = undefined;
    for (&peers) |*peer| peer.* = try stage.connect();
    // The listener is reported as long as somebody waits.
    for (0..3) |_| {
        const fd = try stage.acceptOne();
        stage.reactor.close(fd, .end);
    }
    try stage.expectNothing();
    for (peers) |peer| peer.close();
    try stage.reactor.modify(stage.listener, token, neither);
    try stage.expectNothing();
    const late = try stage.connect();
    defer late.close();
    try stage.expectNothing();
    try stage.reactor.modify(stage.listener, token, reading);
    stage.reactor.close(try stage.acceptOne(), .end);
    try stage.expectNothing();
}

test "a listener is readable while somebody waits and it is watched" {
    try overAll(accepting);
}

fn levels(comptime Backend: type, stage: *Stage(Backend)) !void {
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    try stage.expectNothing();
    try testing.expectError(error.WouldBlock, stage.reactor.receive(fd, &small));
    try testing.expectEqual(10, try peer.send("0123456789"));
    const event = try stage.expect(7);
    try testing.expect(event.readable and !event.writable and !event.failed);
    try testing.expect((try stage.expect(7)).readable);
    try receiveText(stage, fd, "0123");
    try testing.expect((try stage.expect(7)).readable);
    try receiveText(stage, fd, "456789");
    try stage.expectNothing();
    try testing.expectError(error.WouldBlock, stage.reactor.receive(fd, &small));
    try testing.expectEqual(2, try peer.send("ab"));
    _ = try stage.expect(7);
    try stage.reactor.modify(fd, 8, reading);
    try testing.expect((try stage.expect(8)).readable);
    try receiveText(stage, fd, "ab");
}

test "reading is level-triggered, and an event has the last token" {
    try overAll(levels);
}

fn interests(comptime Backend: type, stage: *Stage(Backend)) !void {
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    try stage.reactor.modify(fd, 7, neither);
    try stage.expectNothing();
    _ = try peer.send("unseen");
    try stage.expectNothing();
    // Whoever knows better may read all the same.
    try receiveText(stage, fd, "un");
    try stage.reactor.modify(fd, 7, reading);
    _ = try stage.expect(7);
    try receiveText(stage, fd, "seen");
    _ = try peer.send("on its way");
    _ = try stage.expect(7);
    try stage.reactor.modify(fd, 7, neither);
    try stage.expectNothing();
    try stage.reactor.modify(fd, 7, reading);
    try stage.reactor.modify(fd, 7, neither);
    try stage.expectNothing();
    try stage.reactor.modify(fd, 7, both);
    const event = try stage.expect(7);
    try testing.expect(event.readable or event.writable);
    try receiveText(stage, fd, "on its way");
}

test "what is not watched is not reported, and not lost" {
    try overAll(interests);
}

fn writable(comptime Backend: type, stage: *Stage(Backend)) !void {
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    if (!Stage(Backend).real) peer.client.window = 64 * 1024;
    try stage.reactor.modify(fd, 7, both);
    for (0..3) |_| try testing.expect((try stage.expect(7)).writable);
    const bytes: [64 * 1024]u8 = @splat('w');
    const vector = [_]sys.ConstVector{.{ .base = &bytes, .len = bytes.len }};
    var sent: usize = 0;
    while (true) sent += stage.reactor.send(fd, &vector, false) catch |reason| {
        try testing.expectEqual(error.WouldBlock, reason);
        break;
    };
    // A poll from before the socket was full may say so once more.
    _ = try stage.poll();
    try stage.expectNothing();
    var buffer: [64 * 1024]u8 = undefined;
    var received: usize = 0;
    while (received < sent) {
        if (try peer.receive(&buffer)) |count| received += count else stage_file.pause();
    }
    try testing.expect((try stage.expect(7)).writable);
    try stage.reactor.modify(fd, 7, reading);
    try stage.expectNothing();
}

test "writing is level-triggered: never while the socket is full" {
    try overAll(writable);
}

/// Bytes that say where in the stream they belong.
fn byteAt(position: usize) u8 {
    return @truncate(position *% 167 +% position / 251);
}

fn orders(comptime Backend: type, stage: *Stage(Backend)) !void {
    var state: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = state.random();
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    const total = 1 << 20;
    var sent: usize = 0;
    var received: usize = 0;
    var buffer: [20_000]u8 = undefined;
    var finished = false;
    while (true) {
        if (sent < total and random.boolean()) {
            const room = buffer[0..@min(1 + random.uintLessThan(usize, buffer.len), total - sent)];
            for (room, sent..) |*byte, position| byte.* = byteAt(position);
            sent += try peer.send(room);
        } else if (sent == total and !finished) {
            peer.finish();
            finished = true;
        }
        const interest: reactor.Interest = .{
            .read = finished or random.boolean(),
            .write = random.uintLessThan(u8, 4) == 0,
        };
        if (random.boolean()) try stage.reactor.modify(fd, 7, interest);
        if (finished) try stage.reactor.modify(fd, 7, reading);
        const events = if (random.boolean()) try stage.poll() else stage.events[0..0];
        if (events.len == 0 and random.uintLessThan(u8, 4) > 0 and !finished) continue;
        const len = 1 + random.uintLessThan(usize, buffer.len);
        const count = stage.reactor.receive(fd, buffer[0..len]) catch |reason| {
            try testing.expectEqual(error.WouldBlock, reason);
            continue;
        };
        for (buffer[0..count], received..) |byte, position| {
            try testing.expectEqual(byteAt(position), byte);
        }
        received += count;
        if (count == 0) break;
    }
    try testing.expectEqual(total, received);
}

test "bytes keep their order however they are read" {
    try overAll(orders);
}

fn halfCloses(comptime Backend: type, stage: *Stage(Backend)) !void {
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    _ = try peer.send("last");
    peer.finish();
    try testing.expect((try stage.expect(7)).readable);
    try receiveText(stage, fd, "last");
    try testing.expect((try stage.expect(7)).readable);
    for (0..2) |_| try testing.expectEqual(0, try stage.reactor.receive(fd, &small));
    // The other direction goes on.
    try stage.reactor.modify(fd, 7, neither);
    try stage.expectNothing();
    const answer = [_]sys.ConstVector{
        .{ .base = "an", .len = 2 },
        .{ .base = "swer", .len = 4 },
    };
    try testing.expectEqual(6, try stage.reactor.send(fd, &answer, false));
    try peerText(peer, "answer");
    try stage.reactor.shutdownWrite(fd);
    try peerEnd(peer);
    stage.reactor.close(fd, .end);
    try stage.expectNothing();
}

test "each side ends its own direction" {
    try overAll(halfCloses);
}

fn resets(comptime Backend: type, stage: *Stage(Backend)) !void {
    for ([_]reactor.Interest{ reading, neither, writing, both }) |interest| {
        const peer, const fd = try stage.pair(7);
        try stage.reactor.modify(fd, 7, interest);
        _ = try stage.poll();
        peer.reset();
        // Where nothing is watched kqueue says nothing: whoever sends or reads next will see.
        if (Backend != stage_file.KqueueDouble or interest.read or interest.write) {
            var event = try stage.expect(7);
            while (!event.failed and !event.readable) event = try stage.expect(7);
            if (!interest.read) try testing.expect(event.failed and !event.readable);
        }
        const received = stage.reactor.receive(fd, &small);
        try testing.expectError(error.ConnectionReset, received);
        const bytes = [_]sys.ConstVector{.{ .base = "late", .len = 4 }};
        // EPIPE, now that the error was taken.
        const sent = stage.reactor.send(fd, &bytes, false);
        try testing.expectError(error.ConnectionReset, sent);
        stage.reactor.close(fd, .end);
        try stage.expectNothing();
    }
}

test "a reset is reported, read and met by sending" {
    try overAll(resets);
}

fn ends(comptime Backend: type, stage: *Stage(Backend)) !void {
    const good, const good_fd = try stage.pair(7);
    defer good.close();
    stage.reactor.close(good_fd, .end);
    try stage.expectNothing();
    try peerEnd(good);
    const bad, const bad_fd = try stage.pair(8);
    defer bad.close();
    stage.reactor.close(bad_fd, .reset);
    try stage.expectNothing();
    var buffer: [8]u8 = undefined;
    for (0..5000) |_| {
        const result = bad.receive(&buffer) catch |reason| {
            return testing.expectEqual(error.ConnectionReset, reason);
        };
        try testing.expectEqual(null, result);
        stage_file.pause();
    }
    return error.NoReset;
}

test "a closed connection ends, a broken one is reset" {
    try overAll(ends);
}

fn stale(comptime Backend: type, stage: *Stage(Backend)) !void {
    var generation: reactor.Token = 100;
    for (0..50) |_| {
        const first, const first_fd = try stage.pair(generation);
        const second, const second_fd = try stage.pair(generation + 1);
        _ = try first.send("x");
        _ = try second.send("y");
        _ = try stage.expect(generation);
        // Both were reported; one goes, and its number comes back with another token.
        stage.reactor.close(first_fd, .end);
        const third, const third_fd = try stage.pair(generation + 2);
        _ = try third.send("z");
        for (0..20) |_| {
            for (try stage.poll()) |event| try testing.expect(event.token != generation);
        }
        _ = try stage.expect(generation + 2);
        try receiveText(stage, third_fd, "z");
        try receiveText(stage, second_fd, "y");
        try stage.expectNothing();
        stage.reactor.close(second_fd, .end);
        stage.reactor.close(third_fd, .end);
        for ([_]Stage(Backend).Peer{ first, second, third }) |peer| peer.close();
        generation += 3;
    }
}

test "nothing is reported of a descriptor that was closed, whoever has its number" {
    try overAll(stale);
}

fn sendsMany(comptime Backend: type, stage: *Stage(Backend)) !void {
    const count = 40;
    var peers: [count]Stage(Backend).Peer = undefined;
    var fds: [count]sys.Descriptor = undefined;
    for (&peers, &fds, 0..) |*peer, *fd, index| peer.*, fd.* = try stage.pair(index);
    const bytes: [64 * 1024]u8 = @splat('f');
    const filler = [_]sys.ConstVector{.{ .base = &bytes, .len = bytes.len }};
    if (!Stage(Backend).real) peers[3].client.window = 1024;
    while (true) _ = stage.reactor.send(fds[3], &filler, false) catch break;
    peers[5].reset();
    _ = try stage.expect(5);
    for (0..20) |round| {
        var list: [count]reactor.Outgoing = undefined;
        const used = list[0 .. 1 + round * 2];
        for (used, fds[0..used.len], 0..) |*outgoing, fd, index| {
            outgoing.* = .{ .fd = fd, .bytes = "0123456789"[0 .. 1 + index % 10] };
        }
        stage.reactor.sendMany(used);
        for (used, 0..) |outgoing, index| switch (index) {
            3 => try testing.expectError(error.WouldBlock, outgoing.result),
            5 => try testing.expectError(error.ConnectionReset, outgoing.result),
            else => {
                try testing.expectEqual(outgoing.bytes.len, try outgoing.result);
                try peerText(peers[index], outgoing.bytes);
            },
        };
        // What comes while a batch is sent is reported all the same.
        const asking = 6 + round;
        _ = try peers[asking].send("?");
        stage.reactor.sendMany(list[0..0]);
        _ = try stage.expect(asking);
        try receiveText(stage, fds[asking], "?");
    }
    for (fds) |fd| stage.reactor.close(fd, .end);
    for (peers, 0..) |peer, index| if (index != 5) peer.close();
}

test "a batch is sent as its parts are" {
    try overAll(sendsMany);
}

fn sendsFiles(comptime Backend: type, stage: *Stage(Backend)) !void {
    var folder = testing.tmpDir(.{});
    defer folder.cleanup();
    const file = try folder.dir.createFile(testing.io, "file", .{ .read = true });
    defer file.close(testing.io);
    try file.writeStreamingAll(testing.io, "0123456789");
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    try testing.expectEqual(4, try stage.reactor.sendFile(fd, file.handle, 3, 4));
    try peerText(peer, "3456");
    try testing.expectEqual(1, try stage.reactor.sendFile(fd, file.handle, 9, 4));
    try peerText(peer, "9");
    try testing.expectEqual(0, try stage.reactor.sendFile(fd, file.handle, 10, 4));
}

test "files go out from any place to their end" {
    try overAll(sendsFiles);
}

fn floods(comptime Backend: type, stage: *Stage(Backend)) !void {
    const count = 120;
    var peers: [count]Stage(Backend).Peer = undefined;
    var fds: [count]sys.Descriptor = undefined;
    for (&peers, &fds, 0..) |*peer, *fd, index| peer.*, fd.* = try stage.pair(index);
    // Far more than any buffers of a reactor hold, and nobody reads: another is not held up.
    const bytes: [60_000]u8 = @splat('f');
    var sent: [count]usize = @splat(0);
    for (0..4) |_| {
        for (peers[1..], sent[1..]) |peer, *total| total.* += try peer.send(&bytes);
        _ = try stage.poll();
    }
    _ = try peers[0].send("small");
    var event = try stage.expect(0);
    try testing.expect(event.readable);
    try receiveText(stage, fds[0], "small");
    for (fds[1..], sent[1..], 1..) |fd, total, index| {
        var left = total;
        var buffer: [30_000]u8 = undefined;
        while (left > 0) left -= stage.reactor.receive(fd, &buffer) catch {
            event = try stage.expect(index);
            continue;
        };
    }
    try stage.expectNothing();
    for (fds) |fd| stage.reactor.close(fd, .end);
    for (peers) |peer| peer.close();
}

test "connections whose bytes nobody takes hold up no other" {
    try overAll(floods);
}

fn readable(comptime Backend: type, stage: *Stage(Backend)) bool {
    if (Backend == stage_file.KqueueDouble) return kqueue_double.isReadable(stage.reactor.kqueue);
    const fd = stage.reactor.descriptor();
    var polled = [_]linux.pollfd{.{ .fd = fd, .events = linux.POLL.IN, .revents = 0 }};
    return linux.poll(&polled, 1, 0) == 1;
}

fn becomesReadable(comptime Backend: type, stage: *Stage(Backend)) !void {
    for (0..20_000) |_| {
        if (readable(Backend, stage)) return;
        stage_file.pause();
    }
    return error.NeverReadable;
}

fn sleeps(comptime Backend: type, stage: *Stage(Backend)) !void {
    const other = try sys.eventCreate();
    defer sys.close(other);
    try stage.reactor.observe(other);
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    for (0..20) |round| {
        // A wait ends by itself, and nothing that woke it is left when the thread goes to sleep.
        try testing.expectEqual(0, (try stage.reactor.poll(&stage.events, true)).len);
        if (round % 4 == 0) try sys.eventWrite(other);
        try testing.expectEqual(0, (try stage.reactor.poll(&stage.events, true)).len);
        stage.reactor.rest();
        try testing.expect(!readable(Backend, stage));
        _ = try sys.counterRead(other);
        if (round % 2 == 0) {
            // Asleep, a request for bytes is made all the same.
            try stage.reactor.modify(fd, 7, neither);
            try stage.reactor.modify(fd, 7, reading);
        }
        _ = try peer.send("wake");
        try becomesReadable(Backend, stage);
        try testing.expect((try stage.expect(7)).readable);
        if (round % 3 == 0) {
            // Known already when the thread goes to sleep.
            stage.reactor.rest();
            try testing.expect(readable(Backend, stage));
            _ = try stage.expect(7);
        }
        try receiveText(stage, fd, "wake");
    }
}

test "a sleeping reactor's descriptor is readable exactly when there is something" {
    try overReal(sleeps);
}

fn alarms(comptime Backend: type, stage: *Stage(Backend)) !void {
    stage.reactor.rest();
    for (0..5) |_| {
        try testing.expect(!readable(Backend, stage));
        stage.reactor.setAlarm(stage.reactor.nowMs() + 60_000);
        stage.reactor.rest();
        try testing.expect(!readable(Backend, stage));
        stage.reactor.setAlarm(stage.reactor.nowMs() + 3);
        stage.reactor.rest();
        try becomesReadable(Backend, stage);
        try testing.expectEqual(0, (try stage.poll()).len);
        stage.reactor.setAlarm(stage.reactor.nowMs() + 60_000);
        stage.reactor.rest();
        try testing.expect(!readable(Backend, stage));
        stage.reactor.setAlarm(null);
        stage.reactor.rest();
        try testing.expect(!readable(Backend, stage));
    }
}

test "an alarm makes the descriptor readable, and no event" {
    try overReal(alarms);
}

fn wakes(comptime Backend: type, stage: *Stage(Backend)) !void {
    if (Backend == stage_file.KqueueDouble) return;
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    for ([_]wakeup_file.Preference{ .any, .thread }) |preference| {
        var wakeup: wakeup_file.Wakeup = try .create(stage.reactor.descriptor(), preference);
        defer wakeup.destroy();
        const end = wakeup.descriptor().?;
        defer sys.close(end);
        for (0..200) |round| {
            if (round & 1 == 0) _ = try peer.send("!");
            stage.reactor.rest();
            try wakeup.arm();
            if (round & 1 == 1) _ = try peer.send("!");
            var polled = [_]linux.pollfd{.{ .fd = end, .events = linux.POLL.IN, .revents = 0 }};
            try testing.expectEqual(1, linux.poll(&polled, 1, 5000));
            var byte: [16]u8 = undefined;
            _ = try sys.receive(end, &byte);
            _ = try stage.expect(7);
            try receiveText(stage, fd, "!");
            try stage.expectNothing();
        }
    }
}

test "the wake-up watches each reactor" {
    try overReal(wakes);
}

fn interrupted(comptime Backend: type, stage: *Stage(Backend)) !void {
    const other = try sys.eventCreate();
    defer sys.close(other);
    try stage.reactor.observe(other);
    const peer, const fd = try stage.pair(7);
    defer peer.close();
    defer stage.reactor.close(fd, .end);
    const alarm: Interruption = .start();
    defer alarm.stop();
    for (0..100) |_| {
        kqueue_double.interruptions = 2;
        _ = try stage.reactor.poll(&stage.events, true);
        _ = try peer.send("x");
        _ = try stage.expect(7);
        try receiveText(stage, fd, "x");
    }
}

/// Signals, several in each millisecond, that interrupt every call that waits.
const Interruption = struct {
    action: std.posix.Sigaction,

    fn start() Interruption {
        var self: Interruption = .{ .action = undefined };
        const handler: std.posix.Sigaction = .{
            .handler = .{ .handler = ignore },
            .mask = std.posix.sigemptyset(),
            .flags = 0,
        };
        std.posix.sigaction(.ALRM, &handler, &self.action);
        repeat(200);
        return self;
    }

    fn stop(self: *const Interruption) void {
        repeat(0);
        std.posix.sigaction(.ALRM, &self.action, null);
    }

    fn repeat(us: i64) void {
        const each: linux.timeval = .{ .sec = 0, .usec = us };
        const setting: linux.itimerspec = .{
            .it_interval = .{ .sec = each.sec, .nsec = each.usec },
            .it_value = .{ .sec = each.sec, .nsec = each.usec },
        };
        // setitimer's structure has the same layout, in microseconds.
        _ = linux.syscall3(.setitimer, 0, @intFromPtr(&setting), 0);
    }

    fn ignore(_: std.posix.SIG) callconv(.c) void {}
};

test "signals interrupt waits, and nothing is lost" {
    try overReal(interrupted);
}

fn runsOut(comptime Backend: type, stage: *Stage(Backend)) !void {
    const lowest = try lowestDescriptor();
    const before = try std.posix.getrlimit(.NOFILE);
    // The client's socket fits, the server's does not.
    const token = Stage(Backend).listener_token;
    try stage.reactor.modify(stage.listener, token, neither);
    _ = try stage.poll();
    const peer = try stage.connect();
    defer peer.close();
    try std.posix.setrlimit(.NOFILE, .{ .cur = @intCast(lowest + 1), .max = before.max });
    try stage.reactor.modify(stage.listener, token, reading);
    const result = stage.acceptOne();
    try std.posix.setrlimit(.NOFILE, before);
    try testing.expectError(error.TooManyDescriptors, result);
    // As the server does: off for a while, then on again.
    try stage.reactor.modify(stage.listener, token, neither);
    try stage.expectNothing();
    try stage.reactor.modify(stage.listener, token, reading);
    stage.reactor.close(try stage.acceptOne(), .end);
}

test "without a descriptor a connection waits" {
    try overReal(runsOut);
}

fn shares(comptime Backend: type, stage: *Stage(Backend)) !void {
    var other: Backend = try .init();
    defer other.deinit();
    try stage.reactor.modify(stage.listener, Stage(Backend).listener_token, neither);
    const mine: sys.Descriptor = @intCast(linux.dup(stage.listener));
    try stage.reactor.addListener(mine, 3, .shared);
    defer stage.reactor.close(mine, .end);
    const theirs: sys.Descriptor = @intCast(linux.dup(stage.listener));
    try other.addListener(theirs, 4, .shared);
    defer other.close(theirs, .end);
    _ = try stage.poll();
    var events: [8]reactor.Event = undefined;
    _ = try other.poll(&events, false);
    var peers: [3]Stage(Backend).Peer = undefined;
    for (&peers) |*peer| peer.* = try stage.connect();
    defer for (peers) |peer| peer.close();
    // Both are told, and what one does not take the other finds.
    _ = try stage.expect(3);
    for (0..5000) |_| {
        if ((try other.poll(&events, false)).len > 0) break;
        stage_file.pause();
    } else return error.NotTold;
    var address: sys.Address = undefined;
    stage.reactor.close(try stage.reactor.accept(mine, &address), .end);
    try stage.reactor.modify(mine, 3, neither);
    try stage.expectNothing();
    for (0..2) |_| other.close(try other.accept(theirs, &address), .end);
    try testing.expectError(error.WouldBlock, other.accept(theirs, &address));
}

test "of a shared listener nobody takes more than asked for" {
    try overReal(shares);
}

test "registering fails where the kernel has no memory" {
    if (!sys.is_linux) return error.SkipZigTest;
    var stage: Stage(stage_file.KqueueDouble) = try .init(0);
    defer stage.deinit();
    kqueue_double.shortages = 1;
    const added = stage.reactor.addListener(stage.listener, 1, .alone);
    try testing.expectError(error.OutOfMemory, added);
}
