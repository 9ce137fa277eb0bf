//! How a wake-up reaches the script: a byte over a socket pair, or a connection to a listener.
//! Whatever Bun has of either it watches by level, so that no event of it can be missed. Used by
//! `ring.zig`, whose kernel rings it, and by `waiter.zig`.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;

pub const Bell = struct {
    socket: sys.Descriptor,
    /// Null: the socket is one end of a pair. Else it is not connected yet, and can ring once.
    listener: ?sys.Address = null,

    const byte: [1]u8 = .{1};

    /// For a listener in this process, under an abstract name of Linux. It is tried: a connection
    /// comes and goes, so that a sandbox is met here, and not where a wake-up would be lost.
    pub fn toListener(name: []const u8) BellError!Bell {
        const address: sys.Address = try .unix(name);
        if (address.unixFile() != null) return error.InvalidPath;
        const trial = try sys.openStreamSocket(std.posix.AF.UNIX);
        defer sys.close(trial);
        try sys.connectUnix(trial, &address);
        return .{
            .socket = try sys.openStreamSocket(std.posix.AF.UNIX),
            .listener = address,
        };
    }

    pub fn close(bell: *const Bell) void {
        sys.close(bell.socket);
    }

    /// Failures need nobody's care: WouldBlock says that Bun has wake-ups enough to read or to
    /// accept, all others that it closed its end.
    pub fn ring(bell: *const Bell) void {
        if (bell.listener) |*address| {
            sys.connectUnix(bell.socket, address) catch return;
        } else {
            _ = sys.send(bell.socket, &byte) catch return;
        }
    }

    /// The same, as a request that the kernel carries out.
    pub fn request(
        bell: *const Bell,
        uring: *linux.IoUring,
        user_data: u64,
    ) error{SubmissionQueueFull}!void {
        if (bell.listener) |*address| {
            const length = address.length();
            _ = try uring.connect(user_data, bell.socket, @ptrCast(&address.any), length);
        } else {
            const flags = linux.MSG.DONTWAIT | linux.MSG.NOSIGNAL;
            _ = try uring.send(user_data, bell.socket, &byte, flags);
        }
    }
};

pub const BellError = sys.SocketError || sys.ConnectError || error{InvalidPath};
