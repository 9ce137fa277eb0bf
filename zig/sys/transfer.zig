//! Files to sockets, and the end of a connection that must not look like a good one. Reached
//! through `sys.zig`; used by the reactors.

const std = @import("std");
const sys = @import("../sys.zig");
const Descriptor = sys.Descriptor;

pub const SendFileError = sys.SendError || error{
    /// Not a file that the kernel can send from, or a failing disk.
    FileUnreadable,
};

/// Sends up to `count` bytes of `file` from `offset`; the file's own position is neither used nor
/// moved. Returns what the socket took; 0: the file ends before `offset`.
pub fn sendFile(
    socket: Descriptor,
    file: Descriptor,
    offset: u64,
    count: usize,
) SendFileError!usize {
    if (comptime !sys.is_linux) return sendFileDarwin(socket, file, offset, count);
    var position: i64 = @intCast(offset);
    while (true) {
        const result = std.os.linux.sendfile(socket, file, &position, count);
        switch (std.os.linux.errno(result)) {
            .SUCCESS => return @intCast(result),
            .INTR => continue,
            .AGAIN => return error.WouldBlock,
            .CONNRESET, .PIPE, .TIMEDOUT, .NOTCONN => return error.ConnectionReset,
            .HOSTUNREACH, .NETUNREACH, .NETDOWN, .NETRESET, .PERM => return error.ConnectionReset,
            .NOBUFS, .NOMEM => return error.OutOfMemory,
            .IO, .INVAL, .OVERFLOW, .ISDIR => return error.FileUnreadable,
            else => |code| return sys.unexpected("sendfile", code),
        }
    }
}

/// The call says how much went out in `sent`, also when it was interrupted or would block.
fn sendFileDarwin(
    socket: Descriptor,
    file: Descriptor,
    offset: u64,
    count: usize,
) SendFileError!usize {
    while (true) {
        var sent: std.c.off_t = @intCast(count);
        const result = std.c.sendfile(file, socket, @intCast(offset), &sent, null, 0);
        switch (std.c.errno(result)) {
            .SUCCESS => return @intCast(sent),
            .INTR => if (sent > 0) return @intCast(sent),
            .AGAIN => return if (sent > 0) @intCast(sent) else error.WouldBlock,
            .CONNRESET, .PIPE, .NOTCONN => return error.ConnectionReset,
            .NOBUFS, .NOMEM => return error.OutOfMemory,
            .IO, .INVAL => return error.FileUnreadable,
            else => |code| return sys.unexpected("sendfile", code),
        }
    }
}

/// Bytes of a file at `offset` into `buffer`; fewer only where the file ends.
pub fn readAt(file: Descriptor, buffer: []u8, offset: u64) error{FileUnreadable}!usize {
    var total: usize = 0;
    while (total < buffer.len) {
        const rest = buffer[total..];
        const result = sys.system.pread(file, rest.ptr, rest.len, @intCast(offset + total));
        switch (sys.errno(result)) {
            .SUCCESS => {
                if (result == 0) break;
                total += @intCast(result);
            },
            .INTR => {},
            else => return error.FileUnreadable,
        }
    }
    return total;
}

/// The next `close` of this socket sends a reset in place of an end, so that nobody takes what came
/// for the whole.
pub fn resetOnClose(fd: Descriptor) void {
    const option: extern struct { on: c_int, seconds: c_int } = .{ .on = 1, .seconds = 0 };
    const bytes: [*]const u8 = @ptrCast(&option);
    const level = std.posix.SOL.SOCKET;
    // A socket that refuses this is gone already.
    _ = sys.system.setsockopt(fd, level, std.posix.SO.LINGER, bytes, @sizeOf(@TypeOf(option)));
}

test "a file goes through a socket, from any place to its end" {
    const pair = try sys.socketPair();
    defer for (pair) |fd| sys.close(fd);
    var folder = std.testing.tmpDir(.{});
    defer folder.cleanup();
    const io = std.testing.io;
    const file = try folder.dir.createFile(io, "file", .{ .read = true });
    defer file.close(io);
    try file.writeStreamingAll(io, "0123456789");
    try std.testing.expectEqual(4, try sendFile(pair[0], file.handle, 3, 4));
    try std.testing.expectEqual(0, try sendFile(pair[0], file.handle, 10, 4));
    var buffer: [16]u8 = undefined;
    try std.testing.expectEqualStrings("3456", buffer[0..try sys.receive(pair[1], &buffer)]);
    try std.testing.expectEqual(2, try readAt(file.handle, &buffer, 8));
    try std.testing.expectEqualStrings("89", buffer[0..2]);
}
