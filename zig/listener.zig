//! Listening sockets: from a host name and port, or a path, to a bound descriptor. Called at start
//! only.

const std = @import("std");
const limits = @import("limits.zig");
const sys = @import("sys.zig");

pub const Bound = struct { fd: sys.Descriptor, address: sys.Address };

/// Binds without SO_REUSEPORT, so that a port in use is an error and never silently shared. An
/// empty host is every address, IPv6 and IPv4, where the machine has IPv6.
pub fn bindTcp(host: []const u8, port: u16, backlog: u31) !Bound {
    if (host.len > 0) return bindAddress(try sys.resolveHost(host, port), backlog, false);
    const any: sys.Address = .ipv6(@splat(0), port, 0);
    return bindAddress(any, backlog, true) catch |reason| switch (reason) {
        error.AddressFamilyUnsupported, error.AddressUnavailable => {
            return bindAddress(.ipv4(@splat(0), port), backlog, false);
        },
        else => return reason,
    };
}

fn bindAddress(wanted: sys.Address, backlog: u31, dual_stack: bool) !Bound {
    var address = wanted;
    const fd = try sys.openStreamSocket(address.any.family);
    errdefer sys.close(fd);
    try sys.setReuseAddress(fd);
    if (address.any.family == std.posix.AF.INET6) try sys.setIpv6Only(fd, !dual_stack);
    // Linux and macOS hand this on to accepted sockets: a call less for each.
    try sys.setNoDelay(fd);
    try sys.setUnsentMax(fd, limits.unsent_bytes_max);
    try sys.bind(fd, &address);
    try sys.listen(fd, backlog);
    try sys.socketName(fd, &address);
    return .{ .fd = fd, .address = address };
}

/// A file left by a server that is gone is replaced; one that is still accepted on is not.
pub fn bindUnix(path: []const u8, backlog: u31) !sys.Descriptor {
    const address: sys.Address = try .unix(path);
    const fd = try sys.openStreamSocket(address.any.family);
    errdefer sys.close(fd);
    try sys.bindUnix(fd, &address);
    try sys.listen(fd, backlog);
    return fd;
}

test "port 0 becomes a real port, and a port in use is an error" {
    const first = try bindTcp("127.0.0.1", 0, 16);
    defer sys.close(first.fd);
    try std.testing.expect(first.address.port() != 0);
    try std.testing.expectError(error.AddressInUse, bindTcp("127.0.0.1", first.address.port(), 16));
}
