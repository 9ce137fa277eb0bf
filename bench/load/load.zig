//! Load generator: the same request over N connections, either as fast as answers come (closed
//! loop) or at a fixed rate (open loop). In the open loop a latency counts from the moment at which
//! the request was due, so that a server that stalls cannot hide the requests that waited. Started
//! by the harness; prints one line of JSON.

const std = @import("std");
const linux = std.os.linux;
const Histogram = @import("histogram.zig").Histogram;
const Reader = @import("answer_reader.zig").Reader;

const connections_max = 4096;
const events_max = 256;
const second_ns = std.time.ns_per_s;
/// After the last request was due, answers may take this long.
const drain_ns = 2 * second_ns;

const Options = struct {
    port: u16 = 0,
    connections: u32 = 64,
    seconds: u32 = 5,
    /// Requests a second; 0 is the closed loop.
    rate: u64 = 0,
    method: []const u8 = "GET",
    path: []const u8 = "/",
    body: []const u8 = "",
};

const Connection = struct {
    fd: i32 = -1,
    reader: Reader = .{},
    /// When the request in flight was due.
    due_ns: u64 = 0,
};

const Failure = error{ Usage, Socket, Connect, Epoll, Send, Receive, Closed, RequestTooLong } ||
    @import("answer_reader.zig").Error;

const Load = struct {
    options: Options,
    epoll_fd: i32,
    request: []const u8,
    connections: []Connection,
    /// Ring of connections without a request in flight, so that all take turns.
    free: [connections_max]u32 = undefined,
    free_from: usize = 0,
    free_len: usize = 0,
    start_ns: u64 = 0,
    end_ns: u64 = 0,
    sent: u64 = 0,
    failed: u64 = 0,
    histogram: Histogram = .{},
    buffer: [64 * 1024]u8 = undefined,

    fn connectAll(load: *Load) Failure!void {
        for (load.connections, 0..) |*connection, index| {
            connection.* = .{ .fd = try connectTo(load.options.port) };
            var event: linux.epoll_event = .{
                .events = linux.EPOLL.IN,
                .data = .{ .u32 = @intCast(index) },
            };
            const fd = connection.fd;
            const added = linux.epoll_ctl(load.epoll_fd, linux.EPOLL.CTL_ADD, fd, &event);
            if (linux.errno(added) != .SUCCESS) return error.Epoll;
            load.release(@intCast(index));
        }
    }

    fn release(load: *Load, index: u32) void {
        load.free[(load.free_from + load.free_len) % load.connections.len] = index;
        load.free_len += 1;
    }

    fn send(load: *Load, due_ns: u64) Failure!void {
        const connection = &load.connections[load.free[load.free_from]];
        load.free_from = (load.free_from + 1) % load.connections.len;
        load.free_len -= 1;
        connection.due_ns = due_ns;
        const request = load.request;
        const flags = linux.MSG.NOSIGNAL;
        const sent = linux.sendto(connection.fd, request.ptr, request.len, flags, null, 0);
        // One small request at a time always fits into the socket's buffer.
        if (sent != request.len) return error.Send;
        load.sent += 1;
    }

    fn receive(load: *Load, index: u32) Failure!void {
        const connection = &load.connections[index];
        const buffer = &load.buffer;
        const received = linux.recvfrom(connection.fd, buffer, buffer.len, 0, null, null);
        switch (linux.errno(received)) {
            .SUCCESS => {},
            .AGAIN, .INTR => return,
            else => return error.Receive,
        }
        if (received == 0) return error.Closed;
        const progress = try connection.reader.take(buffer[0..received]);
        if (!progress.finished) return;
        if (!progress.success) load.failed += 1;
        load.histogram.add(nowNs() -| connection.due_ns);
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
        for (events[0..ready]) |event| try load.receive(event.data.u32);
    }

    fn runClosed(load: *Load) Failure!void {
        while (true) {
            const now = nowNs();
            if (now >= load.end_ns) break;
            while (load.free_len > 0) try load.send(nowNs());
            try load.poll(100);
        }
    }

    /// Polls without sleeping: the generator has a core of its own, and a sleep would be longer
    /// than the time between two requests.
    fn runPaced(load: *Load) Failure!void {
        const rate = load.options.rate;
        const wanted = rate * load.options.seconds;
        while (load.sent < wanted) {
            const now = nowNs();
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
        load.start_ns = nowNs();
        load.end_ns = load.start_ns + load.options.seconds * second_ns;
        if (load.options.rate == 0) try load.runClosed() else try load.runPaced();
        const latest = nowNs() + drain_ns;
        while (load.free_len < load.connections.len and nowNs() < latest) try load.poll(10);
    }

    fn print(load: *const Load, out: *std.Io.Writer) std.Io.Writer.Error!void {
        const histogram = &load.histogram;
        const wanted = load.options.rate * load.options.seconds;
        try out.print("{{\"requests\":{d},\"failed\":{d},\"missed\":{d},\"elapsed_ns\":{d}", .{
            histogram.total,
            load.failed,
            (@max(wanted, load.sent) - load.sent) + (load.sent - histogram.total),
            @min(nowNs(), load.end_ns) - load.start_ns,
        });
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

fn nowNs() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @as(u64, @intCast(now.sec)) * second_ns + @as(u64, @intCast(now.nsec));
}

fn connectTo(port: u16) Failure!i32 {
    const made = linux.socket(linux.AF.INET, linux.SOCK.STREAM | linux.SOCK.CLOEXEC, 0);
    if (linux.errno(made) != .SUCCESS) return error.Socket;
    const fd: i32 = @intCast(made);
    const one: u32 = 1;
    _ = linux.setsockopt(fd, linux.IPPROTO.TCP, linux.TCP.NODELAY, @ptrCast(&one), 4);
    const address: linux.sockaddr.in = .{
        .port = std.mem.nativeToBig(u16, port),
        .addr = std.mem.nativeToBig(u32, 0x7f00_0001),
    };
    const size = @sizeOf(linux.sockaddr.in);
    if (linux.errno(linux.connect(fd, &address, size)) != .SUCCESS) return error.Connect;
    return fd;
}

fn readOptions(arguments: *std.process.Args.Iterator) Failure!Options {
    var options: Options = .{};
    _ = arguments.skip();
    while (arguments.next()) |name| {
        const value = arguments.next() orelse return error.Usage;
        inline for (@typeInfo(Options).@"struct".fields) |field| {
            if (std.mem.eql(u8, name, "--" ++ field.name)) {
                @field(options, field.name) = if (field.type == []const u8)
                    value
                else
                    std.fmt.parseInt(field.type, value, 10) catch return error.Usage;
                break;
            }
        } else return error.Usage;
    }
    if (options.port == 0 or options.seconds == 0) return error.Usage;
    if (options.connections == 0 or options.connections > connections_max) return error.Usage;
    return options;
}

fn writeRequest(buffer: []u8, options: Options) Failure![]const u8 {
    var out: std.Io.Writer = .fixed(buffer);
    out.print("{s} {s} HTTP/1.1\r\nHost: 127.0.0.1:{d}\r\n", .{
        options.method,
        options.path,
        options.port,
    }) catch return error.RequestTooLong;
    if (options.body.len > 0) {
        out.print("Content-Type: application/json\r\nContent-Length: {d}\r\n", .{
            options.body.len,
        }) catch return error.RequestTooLong;
    }
    out.print("\r\n{s}", .{options.body}) catch return error.RequestTooLong;
    return out.buffered();
}

var generator: Load = undefined;
var connections: [connections_max]Connection = undefined;

pub fn main(init: std.process.Init.Minimal) !void {
    var arguments = init.args.iterate();
    const options = try readOptions(&arguments);
    var request_buffer: [8192]u8 = undefined;
    const epoll_fd = linux.epoll_create1(linux.EPOLL.CLOEXEC);
    if (linux.errno(epoll_fd) != .SUCCESS) return error.Epoll;
    generator = .{
        .options = options,
        .epoll_fd = @intCast(epoll_fd),
        .request = try writeRequest(&request_buffer, options),
        .connections = connections[0..options.connections],
    };
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
