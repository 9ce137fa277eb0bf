//! Listening sockets: from a host name and port, or a path, to bound descriptors, and from
//! descriptors that another process has bound. Called at start only, by `c/server.zig` and
//! `c/process.zig`.

const std = @import("std");
const limits = @import("limits.zig");
const process = @import("process.zig");
const sys = @import("sys.zig");

pub const Bound = struct { fd: sys.Descriptor, address: sys.Address };

/// What the several listeners of one port are bound with.
const Sharing = enum { alone, first, further };

/// Binds without SO_REUSEPORT, so that a port in use is an error and never silently shared. An
/// empty host is every address, IPv6 and IPv4, where the machine has IPv6.
pub fn bindTcp(host: []const u8, port: u16, backlog: u31) !Bound {
    return bindHost(host, port, backlog, .alone);
}

/// Fills `fds` with listeners of one port, over which the kernel spreads connections (Linux). A
/// port in use is an error here too: the first is bound without SO_REUSEPORT and gets it later, so
/// nobody can take the port between a trial and the real thing.
pub fn bindShared(fds: []sys.Descriptor, host: []const u8, port: u16, backlog: u31) !sys.Address {
    const first = try bindHost(host, port, backlog, if (fds.len > 1) .first else .alone);
    fds[0] = first.fd;
    var count: usize = 1;
    errdefer for (fds[0..count]) |fd| sys.close(fd);
    const dual_stack = host.len == 0 and first.address.any.family == std.posix.AF.INET6;
    while (count < fds.len) : (count += 1) {
        fds[count] = (try bindAddress(first.address, backlog, dual_stack, .further)).fd;
    }
    return first.address;
}

fn bindHost(host: []const u8, port: u16, backlog: u31, sharing: Sharing) !Bound {
    if (host.len > 0) {
        return bindAddress(try sys.resolveHost(host, port), backlog, false, sharing);
    }
    const any: sys.Address = .ipv6(@splat(0), port, 0);
    return bindAddress(any, backlog, true, sharing) catch |reason| switch (reason) {
        error.AddressFamilyUnsupported, error.AddressUnavailable => {
            return bindAddress(.ipv4(@splat(0), port), backlog, false, sharing);
        },
        else => return reason,
    };
}

fn bindAddress(wanted: sys.Address, backlog: u31, dual_stack: bool, sharing: Sharing) !Bound {
    var address = wanted;
    const fd = try sys.openStreamSocket(address.any.family);
    errdefer sys.close(fd);
    try sys.setReuseAddress(fd);
    if (sharing == .further) try sys.setReusePort(fd);
    if (address.any.family == std.posix.AF.INET6) try sys.setIpv6Only(fd, !dual_stack);
    // Linux and macOS hand this on to accepted sockets: a call less for each.
    try sys.setNoDelay(fd);
    try sys.setUnsentMax(fd, limits.unsent_bytes_max);
    try sys.bind(fd, &address);
    // Before it listens: it then founds the group among which the kernel spreads connections.
    if (sharing == .first) try sys.setReusePort(fd);
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

/// Makes a listener that came from another process one like ours, and tells its address.
pub fn adopt(fd: sys.Descriptor) error{ NotListening, Unexpected }!sys.Address {
    if (!process.isListening(fd)) return error.NotListening;
    process.own(fd) catch return error.Unexpected;
    var address: sys.Address = undefined;
    sys.socketName(fd, &address) catch return error.Unexpected;
    if (address.any.family != std.posix.AF.UNIX) {
        // It works without both, only slower.
        sys.setNoDelay(fd) catch {};
        sys.setUnsentMax(fd, limits.unsent_bytes_max) catch {};
    }
    return address;
}

const testing = std.testing;

test "port 0 becomes a real port, and a port in use is an error" {
    const first = try bindTcp("127.0.0.1", 0, 16);
    defer sys.close(first.fd);
    try testing.expect(first.address.port() != 0);
    try testing.expectError(error.AddressInUse, bindTcp("127.0.0.1", first.address.port(), 16));
}

test "listeners of one port share its connections, with nobody else" {
    if (!sys.is_linux) return;
    for ([_][]const u8{ "127.0.0.1", "" }) |host| {
        var fds: [2]sys.Descriptor = undefined;
        const address = try bindShared(&fds, host, 0, 128);
        defer for (fds) |fd| sys.close(fd);
        const port = address.port();
        try testing.expectError(error.AddressInUse, bindTcp(host, port, 16));
        var others: [2]sys.Descriptor = undefined;
        try testing.expectError(error.AddressInUse, bindShared(&others, host, port, 16));

        const target: sys.Address = .ipv4(.{ 127, 0, 0, 1 }, port);
        var clients: [64]sys.Descriptor = undefined;
        for (&clients) |*client| {
            client.* = try sys.openStreamSocket(std.posix.AF.INET);
            _ = sys.system.connect(client.*, &target.any, target.length());
        }
        defer for (clients) |client| sys.close(client);
        var accepted: [2]u32 = @splat(0);
        for (fds, &accepted) |fd, *count| {
            var from: sys.Address = undefined;
            while (sys.accept(fd, &from)) |client| : (count.* += 1) sys.close(client) else |_| {}
        }
        try testing.expectEqual(clients.len, accepted[0] + accepted[1]);
        try testing.expect(accepted[0] > 0 and accepted[1] > 0);
    }
}

test "a descriptor from elsewhere must listen" {
    const bound = try bindTcp("127.0.0.1", 0, 16);
    defer sys.close(bound.fd);
    const adopted = try adopt(bound.fd);
    try testing.expectEqual(bound.address.port(), adopted.port());
    const plain = try sys.openStreamSocket(std.posix.AF.INET);
    defer sys.close(plain);
    try testing.expectError(error.NotListening, adopt(plain));
}
