//! Load generator for WebSockets that echo: each connection sends messages, some at a time, and
//! waits until all have come back. Started by `bench/websocket.ts`; prints one line of JSON.

const std = @import("std");
const linux = std.os.linux;
const Histogram = @import("histogram.zig").Histogram;
const options_file = @import("options.zig");
const socket = @import("socket.zig");

const connections_max = 4096;
const payload_bytes_max = 1024 * 1024;
/// Of all that one connection sends at a time.
const sent_bytes_max = 2 * 1024 * 1024;

const Options = struct {
    port: u16 = 0,
    path: []const u8 = "/socket",
    connections: u32 = 64,
    seconds: u32 = 5,
    /// Messages that a connection sends at a time.
    depth: u32 = 1,
    bytes: u32 = 32,
};

const Connection = struct {
    fd: i32 = -1,
    /// Bytes of the echoes that are still to come.
    left: u64 = 0,
    sent_ns: u64 = 0,
};

const Failure = error{ Usage, Epoll, Send, Receive, Closed, Refused, WrongEcho } || socket.Error;

var connections: [connections_max]Connection = undefined;
var storage: [sent_bytes_max]u8 = undefined;
var buffer: [256 * 1024]u8 = undefined;
var histogram: Histogram = .{};

/// RFC 6455 5.2: the header of a text message, and the mask of a client.
fn writeHeader(out: []u8, bytes: u32, mask: ?[4]u8) usize {
    const masked: u8 = if (mask == null) 0 else 0x80;
    out[0] = 0x81;
    var at: usize = 2;
    if (bytes < 126) {
        out[1] = masked | @as(u8, @intCast(bytes));
    } else if (bytes <= 0xffff) {
        out[1] = masked | 126;
        std.mem.writeInt(u16, out[2..4], @intCast(bytes), .big);
        at = 4;
    } else {
        out[1] = masked | 127;
        std.mem.writeInt(u64, out[2..10], bytes, .big);
        at = 10;
    }
    const key = mask orelse return at;
    out[at..][0..4].* = key;
    return at + 4;
}

/// All messages of one connection's turn.
fn writeMessages(options: Options) []const u8 {
    const key = [4]u8{ 0x37, 0xfa, 0x21, 0x3d };
    var at: usize = 0;
    for (0..options.depth) |_| {
        at += writeHeader(storage[at..], options.bytes, key);
        for (storage[at..][0..options.bytes], 0..) |*byte, index| byte.* = 'x' ^ key[index % 4];
        at += options.bytes;
    }
    return storage[0..at];
}

fn upgrade(fd: i32, options: Options) Failure!void {
    var text: [512]u8 = undefined;
    const format = "GET {s} HTTP/1.1\r\nHost: 127.0.0.1:{d}\r\nConnection: Upgrade\r\n" ++
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" ++
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const request = std.fmt.bufPrint(&text, format, .{ options.path, options.port }) catch
        return error.Usage;
    try sendAll(fd, request);
    var len: usize = 0;
    while (std.mem.find(u8, buffer[0..len], "\r\n\r\n") == null) {
        const received = linux.recvfrom(fd, buffer[len..].ptr, buffer.len - len, 0, null, null);
        if (linux.errno(received) != .SUCCESS) return error.Receive;
        if (received == 0) return error.Closed;
        len += received;
    }
    if (!std.mem.startsWith(u8, &buffer, "HTTP/1.1 101 ")) return error.Refused;
}

fn sendAll(fd: i32, bytes: []const u8) Failure!void {
    var rest = bytes;
    while (rest.len > 0) {
        const sent = linux.sendto(fd, rest.ptr, rest.len, linux.MSG.NOSIGNAL, null, 0);
        if (linux.errno(sent) != .SUCCESS) return error.Send;
        rest = rest[sent..];
    }
}

fn run(options: Options, epoll_fd: i32) Failure!u64 {
    const messages = writeMessages(options);
    var header: [14]u8 = undefined;
    const frame_bytes = writeHeader(&header, options.bytes, null) + options.bytes;
    const all = connections[0..options.connections];
    for (all, 0..) |*connection, index| {
        connection.* = .{ .fd = try socket.connectTo(options.port) };
        try upgrade(connection.fd, options);
        var event: linux.epoll_event = .{
            .events = linux.EPOLL.IN,
            .data = .{ .u32 = @intCast(index) },
        };
        const added = linux.epoll_ctl(epoll_fd, linux.EPOLL.CTL_ADD, connection.fd, &event);
        if (linux.errno(added) != .SUCCESS) return error.Epoll;
    }
    const start_ns = socket.nowNs();
    const end_ns = start_ns + options.seconds * @as(u64, std.time.ns_per_s);
    var busy: usize = 0;
    for (all) |*connection| {
        try begin(connection, messages, frame_bytes * options.depth);
        busy += 1;
    }
    while (busy > 0) {
        var events: [256]linux.epoll_event = undefined;
        const ready = linux.epoll_wait(epoll_fd, &events, events.len, 2000);
        if (linux.errno(ready) == .INTR) continue;
        if (linux.errno(ready) != .SUCCESS or ready == 0) return error.Epoll;
        for (events[0..ready]) |event| {
            const connection = &all[event.data.u32];
            if (!try receive(connection)) continue;
            const now = socket.nowNs();
            for (0..options.depth) |_| histogram.add(now - connection.sent_ns);
            if (now < end_ns) {
                try begin(connection, messages, frame_bytes * options.depth);
            } else busy -= 1;
        }
    }
    return socket.nowNs() - start_ns;
}

fn begin(connection: *Connection, messages: []const u8, expected: u64) Failure!void {
    connection.left = expected;
    connection.sent_ns = socket.nowNs();
    try sendAll(connection.fd, messages);
}

/// True: everything has come back.
fn receive(connection: *Connection) Failure!bool {
    const flags = linux.MSG.DONTWAIT;
    const received = linux.recvfrom(connection.fd, &buffer, buffer.len, flags, null, null);
    switch (linux.errno(received)) {
        .SUCCESS => {},
        .AGAIN, .INTR => return false,
        else => return error.Receive,
    }
    if (received == 0) return error.Closed;
    if (received > connection.left) return error.WrongEcho;
    connection.left -= received;
    // What everything ends with; where it began nobody knows.
    if (buffer[received - 1] != 'x' and connection.left == 0) return error.WrongEcho;
    return connection.left == 0;
}

fn readOptions(arguments: *std.process.Args.Iterator) Failure!Options {
    const options = try options_file.read(Options, arguments);
    const sent = @as(u64, options.depth) * (options.bytes + 14);
    if (options.port == 0 or options.depth == 0 or sent > sent_bytes_max) return error.Usage;
    if (options.bytes == 0 or options.bytes > payload_bytes_max) return error.Usage;
    if (options.connections == 0 or options.connections > connections_max) return error.Usage;
    return options;
}

pub fn main(init: std.process.Init.Minimal) !void {
    var arguments = init.args.iterate();
    const options = try readOptions(&arguments);
    const epoll_fd = linux.epoll_create1(linux.EPOLL.CLOEXEC);
    if (linux.errno(epoll_fd) != .SUCCESS) return error.Epoll;
    const elapsed_ns = try run(options, @intCast(epoll_fd));
    var text: [1024]u8 = undefined;
    var out: std.Io.Writer = .fixed(&text);
    try out.print("{{\"messages\":{d},\"elapsed_ns\":{d},\"p50_ns\":{d},\"p99_ns\":{d}}}\n", .{
        histogram.total,
        elapsed_ns,
        histogram.quantile(500_000),
        histogram.quantile(990_000),
    });
    const line = out.buffered();
    if (linux.write(1, line.ptr, line.len) != line.len) return error.Send;
}

test {
    std.testing.refAllDecls(@This());
}
