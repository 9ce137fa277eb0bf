//! The C interface of what makes several processes one service: listeners that are bound by one and
//! served by others, and what a process does about itself. `src/native/process-symbols.ts` declares
//! it once more; a test holds the two together.

const std = @import("std");
const abi = @import("../abi.zig");
const acceptor = @import("../acceptor.zig");
const listener = @import("../listener.zig");
const process = @import("../process.zig");
const server_file = @import("server.zig");
const sys = @import("../sys.zig");

const Code = abi.Code;
const Server = server_file.Server;
const codeOf = server_file.codeOf;

/// Where a listener listens: its port, 0 of a unix socket; the length of the numeric address or the
/// path; and its bytes.
pub const Place = extern struct { port: u32, len: u32, text: [120]u8 };

/// Binds `count` listeners of one port; their descriptors are left in `fds`.
pub fn listenersTcp(
    host: ?[*]const u8,
    host_len: u32,
    port: u32,
    backlog: u32,
    count: u32,
    fds: [*]sys.Descriptor,
    place: *Place,
) callconv(.c) i32 {
    if (count == 0) return @intFromEnum(Code.invalid_argument);
    const name = if (host) |text| text[0..host_len] else "";
    const address = listener.bindShared(
        fds[0..count],
        name,
        @intCast(port),
        @intCast(backlog),
    ) catch |reason| return codeOf(reason);
    describe(&address, place);
    return 0;
}

/// Returns the descriptor of a listener on a path.
pub fn listenerUnix(path: [*]const u8, len: u32, backlog: u32) callconv(.c) i32 {
    return listener.bindUnix(path[0..len], @intCast(backlog)) catch |reason| codeOf(reason);
}

/// Takes over a listener that this process was started with.
pub fn listenerAdopt(fd: i32, place: *Place) callconv(.c) i32 {
    const address = listener.adopt(fd) catch return @intFromEnum(Code.invalid_argument);
    describe(&address, place);
    return 0;
}

fn describe(address: *const sys.Address, place: *Place) void {
    place.port = address.port();
    if (address.unixFile()) |path| {
        const text = std.mem.span(path);
        @memcpy(place.text[0..text.len], text);
        place.len = @intCast(text.len);
        return;
    }
    const text = address.writeText(place.text[0..sys.Peer.text_max]);
    place.len = @intCast(text.len);
}

/// Closes a listener of this process.
pub fn listenerClose(fd: i32) callconv(.c) i32 {
    sys.close(fd);
    return 0;
}

/// Accepts on a listener that another process has bound, or (`wanted` 0) leaves its queue to others
/// that hold it.
pub fn listenFd(self: *Server, fd: i32, wanted: u32) callconv(.c) i32 {
    acceptor.want(&self.implementation, fd, wanted != 0) catch |reason| return codeOf(reason);
    return 0;
}

/// See `process.zig`. Not 0: this process should not go on.
pub fn dieWithParent(expected: i32) callconv(.c) i32 {
    process.dieWithParent(expected) catch |reason| return switch (reason) {
        error.ParentGone => @intFromEnum(Code.stale_handle),
        error.Unexpected => @intFromEnum(Code.system),
    };
    return 0;
}

pub fn own(fd: i32) callconv(.c) i32 {
    process.own(fd) catch return @intFromEnum(Code.invalid_argument);
    return 0;
}

pub fn isTerminal(fd: i32) callconv(.c) i32 {
    return @intFromBool(process.isTerminal(fd));
}

pub fn pin(nth: u32) callconv(.c) i32 {
    process.pin(nth) catch |reason| return switch (reason) {
        error.Unsupported => @intFromEnum(Code.unsupported),
        error.Unexpected => @intFromEnum(Code.system),
    };
    return 0;
}

/// Whole nanoseconds up to 104 days after the start of the machine, then rounded.
pub fn monotonicNs() callconv(.c) f64 {
    return @floatFromInt(sys.monotonicNs());
}

pub fn notify(
    path: [*]const u8,
    path_len: u32,
    text: [*]const u8,
    text_len: u32,
) callconv(.c) i32 {
    process.notify(path[0..path_len], text[0..text_len]) catch |reason| return switch (reason) {
        error.InvalidPath => @intFromEnum(Code.invalid_argument),
        error.NotReached => @intFromEnum(Code.system),
    };
    return 0;
}

test "listeners are bound, described and taken over" {
    var fds: [2]sys.Descriptor = undefined;
    var place: Place = undefined;
    try std.testing.expectEqual(0, listenersTcp("127.0.0.1", 9, 0, 16, 2, &fds, &place));
    defer for (fds) |fd| sys.close(fd);
    try std.testing.expect(place.port != 0);
    try std.testing.expectEqualStrings("127.0.0.1", place.text[0..place.len]);
    var again: Place = undefined;
    try std.testing.expectEqual(0, listenerAdopt(fds[1], &again));
    try std.testing.expectEqual(place.port, again.port);
    const refused = listenersTcp("127.0.0.1", 9, place.port, 16, 2, &fds, &again);
    try std.testing.expectEqual(@intFromEnum(Code.address_in_use), refused);
    try std.testing.expect(listenerAdopt(0, &again) < 0);
}
