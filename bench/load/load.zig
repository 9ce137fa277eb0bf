//! Load generator: requests over N connections, either as fast as answers come (closed loop) or at
//! a fixed rate (open loop); several paths take turns. In the open loop a latency counts from the
//! moment at which the request was due, so that a server that stalls cannot hide the requests that
//! waited. Started by the harness; prints one line of JSON.

const std = @import("std");
const linux = std.os.linux;
const Histogram = @import("histogram.zig").Histogram;
const Reader = @import("answer_reader.zig").Reader;
const options_file = @import("options.zig");
const request = @import("request.zig");
const socket = @import("socket.zig");

const connections_max = 4096;
const events_max = 256;
const second_ns = std.time.ns_per_s;
/// Uploads are sent in blocks of this size, one for each turn of a connection: memory does not grow
/// with the length of a body, and connections stay level with one another.
const block_bytes = 256 * 1024;
/// Bodies with more to come than this are thrown away by the kernel without a copy, so that the
/// generator is not the limit.
const skip_bytes = 16 * 1024;
/// After the last request was due, answers may take this long.
const drain_ns = 2 * second_ns;

const Options = struct {
    port: u16 = 0,
    connections: u32 = 64,
    seconds: u32 = 5,
    /// Requests a second; 0 is the closed loop.
    rate: u64 = 0,
    method: []const u8 = "GET",
    /// One path, or several separated by commas.
    path: []const u8 = "/",
    body: []const u8 = "",
    accept: []const u8 = "",
    /// Bytes of a request's body that is sent in blocks.
    upload: u64 = 0,
};

const Connection = struct {
    fd: i32 = -1,
    reader: Reader = .{},
    /// When the request in flight was due.
    due_ns: u64 = 0,
    /// Bytes of the request's body that are still to be sent.
    upload_left: u64 = 0,
};

const Failure = error{ Usage, Epoll, Send, Receive, Closed, EarlyAnswer } || socket.Error ||
    request.Error || @import("answer_reader.zig").Error;

const Load = struct {
    options: Options,
    epoll_fd: i32,
    requests: request.Requests,
    connections: []Connection,
    /// Ring of connections without a request in flight, so that all take turns.
    free: [connections_max]u32 = undefined,
    free_from: usize = 0,
    free_len: usize = 0,
    start_ns: u64 = 0,
    end_ns: u64 = 0,
    sent: u64 = 0,
    failed: u64 = 0,
    /// Bytes of bodies that were received and sent.
    body_bytes: u64 = 0,
    elapsed_ns: u64 = 0,
    histogram: Histogram = .{},
    buffer: [256 * 1024]u8 = undefined,

    fn connectAll(load: *Load) Failure!void {
        for (load.connections, 0..) |*connection, index| {
            connection.* = .{ .fd = try socket.connectTo(load.options.port) };
            try load.watch(@intCast(index), linux.EPOLL.CTL_ADD, linux.EPOLL.IN);
            load.release(@intCast(index));
        }
    }

    fn watch(load: *Load, index: u32, operation: u32, events: u32) Failure!void {
        var event: linux.epoll_event = .{ .events = events, .data = .{ .u32 = index } };
        const fd = load.connections[index].fd;
        const changed = linux.epoll_ctl(load.epoll_fd, operation, fd, &event);
        if (linux.errno(changed) != .SUCCESS) return error.Epoll;
    }

    fn release(load: *Load, index: u32) void {
        load.free[(load.free_from + load.free_len) % load.connections.len] = index;
        load.free_len += 1;
    }

    fn send(load: *Load, due_ns: u64) Failure!void {
        const index = load.free[load.free_from];
        const connection = &load.connections[index];
        load.free_from = (load.free_from + 1) % load.connections.len;
        load.free_len -= 1;
        connection.due_ns = due_ns;
        const bytes = load.requests.at(load.sent);
        const flags = linux.MSG.NOSIGNAL;
        const sent = linux.sendto(connection.fd, bytes.ptr, bytes.len, flags, null, 0);
        // One small request at a time always fits into the socket's buffer.
        if (sent != bytes.len) return error.Send;
        load.sent += 1;
        connection.upload_left = load.options.upload;
        if (connection.upload_left > 0) {
            try load.watch(index, linux.EPOLL.CTL_MOD, linux.EPOLL.IN | linux.EPOLL.OUT);
        }
    }

    /// Sends one block of a request's body, or as much of it as the socket takes.
    fn sendBlock(load: *Load, index: u32) Failure!void {
        const connection = &load.connections[index];
        const len: usize = @intCast(@min(connection.upload_left, block_bytes));
        const flags = linux.MSG.NOSIGNAL | linux.MSG.DONTWAIT;
        const sent = linux.sendto(connection.fd, &block, len, flags, null, 0);
        switch (linux.errno(sent)) {
            .SUCCESS => {},
            .AGAIN, .INTR => return,
            else => return error.Send,
        }
        connection.upload_left -= sent;
        if (connection.upload_left > 0) return;
        try load.watch(index, linux.EPOLL.CTL_MOD, linux.EPOLL.IN);
    }

    fn receive(load: *Load, index: u32) Failure!void {
        const connection = &load.connections[index];
        const reader = &connection.reader;
        const skippable = reader.skippable();
        const skips = skippable > skip_bytes;
        // With MSG_TRUNC, TCP counts and drops bytes instead of copying them (tcp(7)).
        const flags: u32 = if (skips) linux.MSG.TRUNC else 0;
        const len: usize = if (skips) @intCast(skippable) else load.buffer.len;
        const received = linux.recvfrom(connection.fd, &load.buffer, len, flags, null, null);
        switch (linux.errno(received)) {
            .SUCCESS => {},
            .AGAIN, .INTR => return,
            else => return error.Receive,
        }
        if (received == 0) return error.Closed;
        const progress =
            if (skips) reader.skip(received) else try reader.take(load.buffer[0..received]);
        if (!progress.finished) return;
        // Who answers before the body is there did not read it: nothing to compare.
        if (connection.upload_left > 0) return error.EarlyAnswer;
        if (!progress.success) load.failed += 1;
        load.body_bytes += progress.body_len + load.options.upload;
        load.histogram.add(socket.nowNs() -| connection.due_ns);
        load.release(index);
    }

    fn poll(load: *Load, timeout_ms: i32) Failure!void {
        var events: [events_max]linux.epoll_event = undefined;
        const ready = linux.epoll_wait(load.epoll_fd, &events, events_max, timeout_ms);
        switch (linux.errno(ready)) {
            .SUCCESS => {},
            .INTR => return,
            else => return error.Epoll,
        }
        for (events[0..ready]) |event| {
            const index = event.data.u32;
            if (event.events & ~@as(u32, linux.EPOLL.OUT) != 0) try load.receive(index);
            if (event.events & linux.EPOLL.OUT != 0) try load.sendBlock(index);
        }
    }

    fn runClosed(load: *Load) Failure!void {
        while (true) {
            const now = socket.nowNs();
            if (now >= load.end_ns) break;
            while (load.free_len > 0) try load.send(socket.nowNs());
            try load.poll(100);
        }
    }

    /// Polls without sleeping: the generator has a core of its own, and a sleep would be longer
    /// than the time between two requests.
    fn runPaced(load: *Load) Failure!void {
        const rate = load.options.rate;
        const wanted = rate * load.options.seconds;
        while (load.sent < wanted) {
            const now = socket.nowNs();
            if (now >= load.end_ns) break;
            while (load.free_len > 0 and load.sent < wanted) {
                const due = load.start_ns + load.sent * second_ns / rate;
                if (due > now) break;
                try load.send(due);
            }
            try load.poll(0);
        }
    }

    fn run(load: *Load) Failure!void {
        load.start_ns = socket.nowNs();
        load.end_ns = load.start_ns + load.options.seconds * second_ns;
        if (load.options.rate == 0) try load.runClosed() else try load.runPaced();
        const latest = socket.nowNs() + drain_ns;
        while (load.free_len < load.connections.len and socket.nowNs() < latest) try load.poll(10);
        // Answers behind the end count in the closed loop, and so does the time that they took.
        const now = socket.nowNs();
        const end = if (load.options.rate == 0) now else @min(now, load.end_ns);
        load.elapsed_ns = end - load.start_ns;
    }

    fn print(load: *const Load, out: *std.Io.Writer) std.Io.Writer.Error!void {
        const histogram = &load.histogram;
        const wanted = load.options.rate * load.options.seconds;
        try out.print("{{\"requests\":{d},\"failed\":{d},\"missed\":{d},\"elapsed_ns\":{d}", .{
            histogram.total,
            load.failed,
            (@max(wanted, load.sent) - load.sent) + (load.sent - histogram.total),
            load.elapsed_ns,
        });
        try out.print(",\"body_bytes\":{d}", .{load.body_bytes});
        try out.print(",\"mean_ns\":{d},\"max_ns\":{d}", .{ histogram.mean(), histogram.max_ns });
        const shares = [_]u64{ 500_000, 900_000, 990_000, 999_000 };
        const names = [_][]const u8{ "p50_ns", "p90_ns", "p99_ns", "p999_ns" };
        for (shares, names) |share, name| {
            try out.print(",\"{s}\":{d}", .{ name, histogram.quantile(share) });
        }
        // The curve: latency at each half per cent, for plots.
        try out.writeAll(",\"curve_ns\":[");
        for (1..200) |step| {
            if (step > 1) try out.writeByte(',');
            try out.print("{d}", .{histogram.quantile(step * 5000)});
        }
        try out.writeAll("]}\n");
    }
};

fn readOptions(arguments: *std.process.Args.Iterator) Failure!Options {
    const options = try options_file.read(Options, arguments);
    if (options.port == 0 or options.seconds == 0) return error.Usage;
    if (options.connections == 0 or options.connections > connections_max) return error.Usage;
    return options;
}

/// What uploads consist of; nobody looks at it.
const block: [block_bytes]u8 = @splat('x');

var generator: Load = undefined;
var connections: [connections_max]Connection = undefined;

pub fn main(init: std.process.Init.Minimal) !void {
    var arguments = init.args.iterate();
    const options = try readOptions(&arguments);
    const epoll_fd = linux.epoll_create1(linux.EPOLL.CLOEXEC);
    if (linux.errno(epoll_fd) != .SUCCESS) return error.Epoll;
    generator = .{
        .options = options,
        .epoll_fd = @intCast(epoll_fd),
        .requests = .{},
        .connections = connections[0..options.connections],
    };
    try generator.requests.render(.{
        .port = options.port,
        .method = options.method,
        .accept = options.accept,
        .body = options.body,
        .upload = options.upload,
    }, options.path);
    try generator.connectAll();
    try generator.run();
    var text: [16 * 1024]u8 = undefined;
    var out: std.Io.Writer = .fixed(&text);
    try generator.print(&out);
    var rest = out.buffered();
    while (rest.len > 0) {
        const written = linux.write(1, rest.ptr, rest.len);
        if (linux.errno(written) != .SUCCESS) return error.Send;
        rest = rest[written..];
    }
}

test {
    std.testing.refAllDecls(@This());
}
