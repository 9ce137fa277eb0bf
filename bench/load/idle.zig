//! Opens connections, sends one request on each, reads its answer and leaves them open: the load of
//! the memory measurement. Started by `bench/idle.ts` as `idle <port> <connections> <path>`. Prints
//! one line when all are idle; when its input ends it prints how many are still open, and resets
//! them, so that no port waits for late packets.

const std = @import("std");
const linux = std.os.linux;
const Reader = @import("answer_reader.zig").Reader;
const request = @import("request.zig");
const socket = @import("socket.zig");

const connections_max = 65_536;

const Failure = error{ Usage, Send, Receive, Closed, Refused, Descriptors } || socket.Error ||
    request.Error || @import("answer_reader.zig").Error;

var sockets: [connections_max]i32 = undefined;
var requests: request.Requests = .{};
var buffer: [16 * 1024]u8 = undefined;

/// Descriptors beyond the soft limit, as far as the hard one allows.
fn raiseLimit(wanted: usize) Failure!void {
    var limit: linux.rlimit = undefined;
    if (linux.errno(linux.getrlimit(.NOFILE, &limit)) != .SUCCESS) return error.Descriptors;
    if (limit.max < wanted) return error.Descriptors;
    limit.cur = limit.max;
    if (linux.errno(linux.setrlimit(.NOFILE, &limit)) != .SUCCESS) return error.Descriptors;
}

fn exchange(fd: i32, bytes: []const u8) Failure!void {
    const sent = linux.sendto(fd, bytes.ptr, bytes.len, linux.MSG.NOSIGNAL, null, 0);
    if (sent != bytes.len) return error.Send;
    var reader: Reader = .{};
    while (true) {
        const received = linux.recvfrom(fd, &buffer, buffer.len, 0, null, null);
        if (linux.errno(received) != .SUCCESS) return error.Receive;
        if (received == 0) return error.Closed;
        const progress = try reader.take(buffer[0..received]);
        if (!progress.success) return error.Refused;
        if (progress.finished) return;
    }
}

/// Nothing to read and not at its end.
fn isOpen(fd: i32) bool {
    var byte: [1]u8 = undefined;
    const flags = linux.MSG.PEEK | linux.MSG.DONTWAIT;
    return linux.errno(linux.recvfrom(fd, &byte, byte.len, flags, null, null)) == .AGAIN;
}

/// A close with a linger time of zero sends RST (socket(7)).
fn reset(fd: i32) void {
    const linger = [2]i32{ 1, 0 };
    const bytes: [*]const u8 = @ptrCast(&linger);
    _ = linux.setsockopt(fd, linux.SOL.SOCKET, linux.SO.LINGER, bytes, @sizeOf(@TypeOf(linger)));
    _ = linux.close(fd);
}

fn say(comptime format: []const u8, arguments: anytype) void {
    var text: [64]u8 = undefined;
    const line = std.fmt.bufPrint(&text, format, arguments) catch unreachable;
    _ = linux.write(1, line.ptr, line.len);
}

fn waitForEndOfInput() void {
    var byte: [1]u8 = undefined;
    while (true) {
        const got = linux.read(0, &byte, byte.len);
        switch (linux.errno(got)) {
            .SUCCESS => if (got == 0) return,
            .INTR => {},
            else => return,
        }
    }
}

pub fn main(init: std.process.Init.Minimal) Failure!void {
    var arguments = init.args.iterate();
    _ = arguments.skip();
    const port_text = arguments.next() orelse return error.Usage;
    const count_text = arguments.next() orelse return error.Usage;
    const path = arguments.next() orelse return error.Usage;
    const port = std.fmt.parseInt(u16, port_text, 10) catch return error.Usage;
    const count = std.fmt.parseInt(usize, count_text, 10) catch return error.Usage;
    if (count == 0 or count > connections_max) return error.Usage;
    try raiseLimit(count + 16);

    try requests.render(.{ .port = port }, path);
    for (sockets[0..count]) |*fd| {
        fd.* = try socket.connectTo(port);
        try exchange(fd.*, requests.at(0));
    }
    say("{d} idle\n", .{count});
    waitForEndOfInput();
    var open: usize = 0;
    for (sockets[0..count]) |fd| {
        if (isOpen(fd)) open += 1;
        reset(fd);
    }
    say("{d} open\n", .{open});
}

test {
    std.testing.refAllDecls(@This());
}
