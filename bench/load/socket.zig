//! Connections to the server under test, and the clock. Used by the load generators.

const std = @import("std");
const linux = std.os.linux;

pub const Error = error{ Socket, Connect };

pub fn nowNs() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

/// A blocking socket to 127.0.0.1 that sends at once.
pub fn connectTo(port: u16) Error!i32 {
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
