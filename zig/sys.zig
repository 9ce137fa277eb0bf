//! Raw system calls for every other file: each errno that can occur has a named cause, an errno
//! that the manual does not list becomes `error.Unexpected`, and an interrupted call is repeated.
//! On Linux the calls go straight to the kernel: libc's wrappers are cancellation points, which
//! cost a check on each `recv` and `send`. This file has sockets and clocks; `sys/address.zig`
//! addresses and names, `sys/memory.zig` mapped memory, `sys/transfer.zig` files to sockets,
//! `sys/linux.zig` epoll, eventfd and timerfd, `sys/uring.zig` io_uring.

const std = @import("std");
const builtin = @import("builtin");
const address_file = @import("sys/address.zig");
const linux_file = @import("sys/linux.zig");
const memory_file = @import("sys/memory.zig");
const transfer_file = @import("sys/transfer.zig");
const uring_file = @import("sys/uring.zig");

pub const is_linux = builtin.os.tag == .linux;
/// Functions with the same names and parameters: the kernel's own on Linux, libc's elsewhere.
pub const system = if (is_linux) std.os.linux else std.c;
pub const errno = if (is_linux) std.os.linux.errno else std.c.errno;

pub const Descriptor = std.posix.fd_t;
pub const ConstVector = std.posix.iovec_const;

pub const Address = address_file.Address;
pub const Peer = address_file.Peer;
pub const ResolveError = address_file.ResolveError;
pub const parseAddress = address_file.parseAddress;
pub const resolveHost = address_file.resolveHost;

pub const EpollEvent = linux_file.EpollEvent;
pub const Epoll = linux_file.Epoll;
pub const EpollError = linux_file.EpollError;
pub const EpollOperation = linux_file.EpollOperation;
pub const epollCreate = linux_file.epollCreate;
pub const epollControl = linux_file.epollControl;
pub const epollWait = linux_file.epollWait;
pub const epollWaitNs = linux_file.epollWaitNs;
pub const CounterError = linux_file.CounterError;
pub const eventCreate = linux_file.eventCreate;
pub const eventWrite = linux_file.eventWrite;
pub const counterRead = linux_file.counterRead;
pub const timerCreate = linux_file.timerCreate;
pub const timerRepeat = linux_file.timerRepeat;
pub const timerSet = linux_file.timerSet;

pub const Uring = uring_file.Uring;
pub const UringBuffers = uring_file.Buffers;
pub const UringInitError = uring_file.InitError;
pub const peerName = uring_file.peerName;

pub const Memory = memory_file.Memory;
pub const MapError = memory_file.MapError;
pub const mapMemory = memory_file.mapMemory;
pub const unmapMemory = memory_file.unmapMemory;
pub const discardMemory = memory_file.discardMemory;

pub const SendFileError = transfer_file.SendFileError;
pub const sendFile = transfer_file.sendFile;
pub const readAt = transfer_file.readAt;
pub const resetOnClose = transfer_file.resetOnClose;

pub const SocketError = error{
    AddressFamilyUnsupported,
    TooManyDescriptors,
    OutOfMemory,
    PermissionDenied,
    Unexpected,
};
pub const OptionError = error{ OptionUnsupported, ConnectionReset, OutOfMemory, Unexpected };
pub const BindError = error{
    AddressInUse,
    AddressUnavailable,
    PermissionDenied,
    /// A unix path whose folder is missing, read-only, too long, or not a folder.
    PathUnusable,
    OutOfMemory,
    Unexpected,
};
pub const ListenError = error{ AddressInUse, Unexpected };
pub const AcceptError = error{
    WouldBlock,
    /// This one connection died in the queue: the next one may be fine.
    ConnectionAborted,
    TooManyDescriptors,
    OutOfMemory,
    Unexpected,
};
pub const ReceiveError = error{ WouldBlock, ConnectionReset, OutOfMemory, Unexpected };
pub const SendError = error{ WouldBlock, ConnectionReset, OutOfMemory, Unexpected };
pub const ConnectError = error{
    /// Nobody listens there.
    ConnectionRefused,
    /// The listener's queue is full.
    WouldBlock,
    PermissionDenied,
    OutOfMemory,
    Unexpected,
};
pub const ShutdownError = error{ ConnectionReset, Unexpected };
pub const NameError = error{ OutOfMemory, Unexpected };

/// For an errno that only a bug of ours or an unknown kernel can cause: the caller treats it as the
/// end of that descriptor, never of the process.
pub fn unexpected(comptime call: []const u8, code: std.c.E) error{Unexpected} {
    std.log.scoped(.chopin).debug(call ++ ": unexpected errno {d}", .{@intFromEnum(code)});
    return error.Unexpected;
}

/// A stream socket that neither blocks nor is inherited. `family` is one of `std.posix.AF`.
pub fn openStreamSocket(family: u32) SocketError!Descriptor {
    const kind: u32 = std.posix.SOCK.STREAM | if (is_linux)
        std.posix.SOCK.NONBLOCK | std.posix.SOCK.CLOEXEC
    else
        0;
    const result = system.socket(family, kind, 0);
    switch (errno(result)) {
        .SUCCESS => {},
        // IPv6 switched off, or a kernel built without it.
        .AFNOSUPPORT, .PROTONOSUPPORT => return error.AddressFamilyUnsupported,
        .MFILE, .NFILE => return error.TooManyDescriptors,
        .NOBUFS, .NOMEM => return error.OutOfMemory,
        // A sandbox forbids sockets.
        .ACCES, .PERM => return error.PermissionDenied,
        else => |code| return unexpected("socket", code),
    }
    const fd: Descriptor = @intCast(result);
    errdefer close(fd);
    if (!is_linux) try prepareDescriptor(fd);
    return fd;
}

/// What SOCK_NONBLOCK, SOCK_CLOEXEC and MSG_NOSIGNAL do on Linux.
fn prepareDescriptor(fd: Descriptor) error{Unexpected}!void {
    comptime std.debug.assert(!is_linux);
    const nonblocking: std.c.O = .{ .NONBLOCK = true };
    const flags: c_int = @bitCast(nonblocking);
    if (std.c.fcntl(fd, std.c.F.SETFD, @as(c_int, std.c.FD_CLOEXEC)) == -1 or
        std.c.fcntl(fd, std.c.F.SETFL, flags) == -1)
        return unexpected("fcntl", errno(@as(c_int, -1)));
    // A connection reset since (EINVAL here) shows itself at the next read.
    const on: c_int = 1;
    _ = std.c.setsockopt(fd, std.c.SOL.SOCKET, std.c.SO.NOSIGPIPE, &on, @sizeOf(c_int));
}

fn setOption(fd: Descriptor, level: i32, option: u32, value: c_int) OptionError!void {
    const bytes = std.mem.asBytes(&value);
    return switch (errno(system.setsockopt(fd, level, option, bytes, bytes.len))) {
        .SUCCESS => {},
        .NOPROTOOPT, .OPNOTSUPP => error.OptionUnsupported,
        // macOS answers so for a socket that its peer has reset.
        .INVAL => error.ConnectionReset,
        .NOMEM, .NOBUFS => error.OutOfMemory,
        else => |code| unexpected("setsockopt", code),
    };
}

/// Binds although connections of an earlier process are in TIME_WAIT.
pub fn setReuseAddress(fd: Descriptor) OptionError!void {
    return setOption(fd, std.posix.SOL.SOCKET, std.posix.SO.REUSEADDR, 1);
}

/// Lets several listeners share one port; the kernel spreads connections over them on Linux only.
pub fn setReusePort(fd: Descriptor) OptionError!void {
    return setOption(fd, std.posix.SOL.SOCKET, std.posix.SO.REUSEPORT, 1);
}

/// Whether an IPv6 listener refuses IPv4: the system's default differs between machines.
pub fn setIpv6Only(fd: Descriptor, only: bool) OptionError!void {
    // 27 is macOS's IPV6_V6ONLY, which the standard library does not export.
    const option = if (is_linux) std.os.linux.IPV6.V6ONLY else 27;
    return setOption(fd, std.posix.IPPROTO.IPV6, option, @intFromBool(only));
}

/// One write per turn is one segment at once: Nagle's algorithm would only hold it back.
pub fn setNoDelay(fd: Descriptor) OptionError!void {
    return setOption(fd, std.posix.IPPROTO.TCP, std.posix.TCP.NODELAY, 1);
}

/// Bytes that the kernel takes beyond those that are on their way to the peer.
pub fn setUnsentMax(fd: Descriptor, bytes: u31) OptionError!void {
    const option = if (is_linux) std.posix.TCP.NOTSENT_LOWAT else darwin_notsent_lowat;
    return setOption(fd, std.posix.IPPROTO.TCP, option, bytes);
}

/// In <netinet/tcp.h> and missing in the standard library.
const darwin_notsent_lowat = 0x201;

pub fn bind(fd: Descriptor, address: *const Address) BindError!void {
    return switch (errno(system.bind(fd, &address.any, address.length()))) {
        .SUCCESS => {},
        .ADDRINUSE => error.AddressInUse,
        // No interface has this address, or an IPv6 address on a machine without IPv6.
        .ADDRNOTAVAIL, .AFNOSUPPORT => error.AddressUnavailable,
        // A port below 1024, or a folder that may not be written.
        .ACCES, .PERM => error.PermissionDenied,
        .NOENT, .NOTDIR, .LOOP, .NAMETOOLONG, .ROFS, .ISDIR => error.PathUnusable,
        .NOMEM, .NOBUFS => error.OutOfMemory,
        else => |code| unexpected("bind", code),
    };
}

/// Binds a unix address, replacing a socket file that a dead process left: one on which nobody
/// accepts. A living server's socket and a file of any other kind are `AddressInUse`.
pub fn bindUnix(fd: Descriptor, address: *const Address) (BindError || SocketError)!void {
    bind(fd, address) catch |err| {
        if (err != error.AddressInUse) return err;
        const path = address.unixFile() orelse return err;
        if (!isSocketFile(path) or !try isStale(address)) return err;
        unlink(path);
        return bind(fd, address);
    };
}

/// Asks by connecting: only "refused" says that no process listens.
fn isStale(address: *const Address) SocketError!bool {
    const probe = try openStreamSocket(std.posix.AF.UNIX);
    defer close(probe);
    return errno(system.connect(probe, &address.any, address.length())) == .CONNREFUSED;
}

/// Needed beside the probe, which a regular file refuses in the same words.
fn isSocketFile(path: [*:0]const u8) bool {
    if (is_linux) {
        const linux = std.os.linux;
        var about: linux.Statx = undefined;
        const result = linux.statx(
            linux.AT.FDCWD,
            path,
            linux.AT.SYMLINK_NOFOLLOW,
            .{ .TYPE = true },
            &about,
        );
        return errno(result) == .SUCCESS and linux.S.ISSOCK(about.mode);
    }
    var about: std.c.Stat = undefined;
    const result = std.c.fstatat(std.c.AT.FDCWD, path, &about, std.c.AT.SYMLINK_NOFOLLOW);
    return result == 0 and std.c.S.ISSOCK(about.mode);
}

/// Removes a socket file. One that is gone already, or may not be removed, is left to the next
/// start.
pub fn unlink(path: [*:0]const u8) void {
    _ = system.unlink(path);
}

/// The kernel caps `backlog` (net.core.somaxconn).
pub fn listen(fd: Descriptor, backlog: u31) ListenError!void {
    return switch (errno(system.listen(fd, backlog))) {
        .SUCCESS => {},
        // With SO_REUSEADDR two sockets may bind the port; only one may listen.
        .ADDRINUSE => error.AddressInUse,
        else => |code| unexpected("listen", code),
    };
}

/// To a unix address, where it happens at once or not at all.
pub fn connectUnix(fd: Descriptor, address: *const Address) ConnectError!void {
    while (true) return switch (errno(system.connect(fd, &address.any, address.length()))) {
        .SUCCESS => {},
        .INTR => continue,
        .AGAIN => error.WouldBlock,
        .CONNREFUSED, .NOENT => error.ConnectionRefused,
        // A sandbox, or a file that this user may not write.
        .ACCES, .PERM => error.PermissionDenied,
        .NOBUFS, .NOMEM => error.OutOfMemory,
        else => |code| unexpected("connect", code),
    };
}

/// The next connection, non-blocking and not inherited, and where it comes from.
pub fn accept(fd: Descriptor, address: *Address) AcceptError!Descriptor {
    while (true) {
        var length: std.posix.socklen_t = @sizeOf(Address);
        const result = if (is_linux) std.os.linux.accept4(
            fd,
            &address.any,
            &length,
            std.posix.SOCK.NONBLOCK | std.posix.SOCK.CLOEXEC,
        ) else std.c.accept(fd, &address.any, &length);
        switch (errno(result)) {
            .SUCCESS => {
                const accepted: Descriptor = @intCast(result);
                errdefer close(accepted);
                // A unix client has no name: the kernel writes the family or nothing.
                if (length < @sizeOf(std.posix.sa_family_t)) address.any.family = std.posix.AF.UNIX;
                if (!is_linux) try prepareDescriptor(accepted);
                return accepted;
            },
            .INTR => continue,
            else => |code| return acceptFailure(code),
        }
    }
}

/// What a failed `accept` means.
pub fn acceptFailure(code: std.c.E) AcceptError {
    return switch (code) {
        .AGAIN => error.WouldBlock,
        // Left the queue by a reset. Linux also hands over errors of the new connection's network
        // here, and a firewall's refusal as EPERM: accept(2) asks to go on with the next.
        .CONNABORTED, .PROTO, .PERM, .NETDOWN, .NETUNREACH, .HOSTDOWN => error.ConnectionAborted,
        .HOSTUNREACH, .NOPROTOOPT, .OPNOTSUPP, .TIMEDOUT => error.ConnectionAborted,
        .MFILE, .NFILE => error.TooManyDescriptors,
        .NOBUFS, .NOMEM => error.OutOfMemory,
        else => unexpected("accept", code),
    };
}

/// Bytes read; 0 is the peer's end of stream (or an empty buffer).
pub fn receive(fd: Descriptor, buffer: []u8) ReceiveError!usize {
    while (true) {
        const result = system.recvfrom(fd, buffer.ptr, buffer.len, dont_wait, null, null);
        if (try received(result)) |count| return count;
    }
}

/// What a call of `recv` says. Null: interrupted, to be repeated.
pub fn received(result: anytype) ReceiveError!?usize {
    return switch (errno(result)) {
        .SUCCESS => @intCast(result),
        .INTR => null,
        .AGAIN => error.WouldBlock,
        // Reset by the peer, given up by keep-alive or retransmission, or cut off by the network.
        .CONNRESET, .CONNREFUSED, .TIMEDOUT, .PIPE, .NOTCONN => error.ConnectionReset,
        .HOSTUNREACH, .NETUNREACH, .NETDOWN, .NETRESET => error.ConnectionReset,
        .NOMEM, .NOBUFS => error.OutOfMemory,
        else => |code| unexpected("recv", code),
    };
}

const dont_wait: u32 = std.posix.MSG.DONTWAIT;
/// macOS silences SIGPIPE by the socket option that `prepareDescriptor` sets.
const send_flags: u32 = dont_wait | if (is_linux) std.posix.MSG.NOSIGNAL else 0;

/// Bytes taken by the kernel: possibly fewer than given.
pub fn send(fd: Descriptor, bytes: []const u8) SendError!usize {
    while (true) {
        const result = system.sendto(fd, bytes.ptr, bytes.len, send_flags, null, 0);
        if (try sent(result)) |count| return count;
    }
}

/// IOV_MAX on both systems; more than that is sent in part, which callers handle anyway.
const vectors_max = 1024;

/// Like `send`, for bytes in several places. `sendmsg`, because `writev` cannot silence SIGPIPE.
/// `more` follows at once, so a packet that is not full waits for it (Linux).
pub fn sendVectors(fd: Descriptor, vectors: []const ConstVector, more: bool) SendError!usize {
    // BSD has no such flag; it gathers by itself.
    const more_flag: u32 = if (is_linux) std.posix.MSG.MORE else 0;
    const flags = if (more) send_flags | more_flag else send_flags;
    const message: system.msghdr_const = .{
        .name = null,
        .namelen = 0,
        .iov = vectors.ptr,
        .iovlen = @intCast(@min(vectors.len, vectors_max)),
        .control = null,
        .controllen = 0,
        .flags = 0,
    };
    while (true) {
        if (try sent(system.sendmsg(fd, &message, flags))) |count| return count;
    }
}

/// What a call of `send` says. Null: interrupted, to be repeated.
pub fn sent(result: anytype) SendError!?usize {
    return switch (errno(result)) {
        .SUCCESS => @intCast(result),
        .INTR => null,
        .AGAIN => error.WouldBlock,
        .CONNRESET, .PIPE, .TIMEDOUT, .NOTCONN, .CONNREFUSED => error.ConnectionReset,
        .HOSTUNREACH, .NETUNREACH, .NETDOWN, .NETRESET => error.ConnectionReset,
        // A firewall rule refuses the packet (Linux), so this connection will never carry bytes.
        .PERM, .ACCES => error.ConnectionReset,
        .NOBUFS, .NOMEM => error.OutOfMemory,
        else => |code| unexpected("send", code),
    };
}

/// Half-close: the peer reads end of stream and may still send.
pub fn shutdownWrite(fd: Descriptor) ShutdownError!void {
    return switch (errno(system.shutdown(fd, std.posix.SHUT.WR))) {
        .SUCCESS => {},
        // The peer was faster.
        .NOTCONN, .CONNRESET => error.ConnectionReset,
        else => |code| unexpected("shutdown", code),
    };
}

/// Never repeated: on both systems the descriptor is gone even after EINTR.
pub fn close(fd: Descriptor) void {
    switch (errno(system.close(fd))) {
        .SUCCESS, .INTR, .IO, .NOSPC => {},
        else => |code| unexpected("close", code) catch {},
    }
}

/// The address that a socket is bound to: the port when 0 was asked for.
pub fn socketName(fd: Descriptor, address: *Address) NameError!void {
    var length: std.posix.socklen_t = @sizeOf(Address);
    return switch (errno(system.getsockname(fd, &address.any, &length))) {
        .SUCCESS => {},
        .NOBUFS, .NOMEM => error.OutOfMemory,
        else => |code| unexpected("getsockname", code),
    };
}

/// Two connected stream sockets, as `openStreamSocket` makes them.
pub fn socketPair() SocketError![2]Descriptor {
    const kind: u32 = std.posix.SOCK.STREAM | if (is_linux)
        std.posix.SOCK.NONBLOCK | std.posix.SOCK.CLOEXEC
    else
        0;
    var pair: [2]Descriptor = undefined;
    switch (errno(system.socketpair(std.posix.AF.UNIX, kind, 0, &pair))) {
        .SUCCESS => {},
        .MFILE, .NFILE => return error.TooManyDescriptors,
        .NOBUFS, .NOMEM => return error.OutOfMemory,
        .ACCES, .PERM => return error.PermissionDenied,
        .AFNOSUPPORT, .OPNOTSUPP, .PROTONOSUPPORT => return error.AddressFamilyUnsupported,
        else => |code| return unexpected("socketpair", code),
    }
    if (!is_linux) for (pair) |fd| {
        errdefer for (pair) |each| close(each);
        try prepareDescriptor(fd);
    };
    return pair;
}

/// Nanoseconds since an arbitrary point; never goes back. Through libc, which reads the vDSO.
pub fn monotonicNs() u64 {
    const now = readClock(.MONOTONIC);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

/// Seconds since 1970-01-01 UTC, for the Date field.
pub fn realtimeSeconds() i64 {
    return readClock(.REALTIME).sec;
}

fn readClock(id: std.c.clockid_t) std.c.timespec {
    var now: std.c.timespec = undefined;
    // The clocks asked for exist everywhere and the address is ours: there is no other failure.
    std.debug.assert(std.c.clock_gettime(id, &now) == 0);
    return now;
}

const testing = std.testing;

test {
    _ = address_file;
    _ = linux_file;
    _ = memory_file;
}

fn listenOn(address: *const Address) !Descriptor {
    const fd = try openStreamSocket(address.any.family);
    errdefer close(fd);
    try setReuseAddress(fd);
    try bind(fd, address);
    try listen(fd, 16);
    return fd;
}

fn connectTo(address: *const Address) !Descriptor {
    const fd = try openStreamSocket(address.any.family);
    errdefer close(fd);
    return switch (errno(system.connect(fd, &address.any, address.length()))) {
        .SUCCESS, .INPROGRESS => fd,
        else => |code| unexpected("connect", code),
    };
}

fn waitReadable(fd: Descriptor) !void {
    var polled = [_]std.c.pollfd{.{ .fd = fd, .events = std.c.POLL.IN, .revents = 0 }};
    try testing.expectEqual(1, std.c.poll(&polled, 1, 5000));
}

test "accept, receive, send in parts, half-close and reset" {
    const any = try resolveHost("127.0.0.1", 0);
    const listener = try listenOn(&any);
    defer close(listener);
    var bound: Address = undefined;
    try socketName(listener, &bound);
    try testing.expect(bound.port() != 0);

    var from: Address = undefined;
    try testing.expectError(error.WouldBlock, accept(listener, &from));
    const client = try connectTo(&bound);
    var client_open = true;
    defer if (client_open) close(client);
    try waitReadable(listener);
    const server = try accept(listener, &from);
    defer close(server);
    var text: [Peer.text_max]u8 = undefined;
    try testing.expectEqualStrings("127.0.0.1", from.writeText(&text));
    try setNoDelay(server);

    var buffer: [64]u8 = undefined;
    try testing.expectError(error.WouldBlock, receive(server, &buffer));
    const parts = [_]ConstVector{ .{ .base = "he", .len = 2 }, .{ .base = "llo", .len = 3 } };
    try testing.expectEqual(5, try sendVectors(client, &parts, false));
    try waitReadable(server);
    try testing.expectEqualStrings("hello", buffer[0..try receive(server, &buffer)]);
    try shutdownWrite(client);
    try waitReadable(server);
    try testing.expectEqual(0, try receive(server, &buffer));

    // Bytes that nobody reads turn the client's close into a reset.
    try testing.expectEqual(3, try send(server, "bye"));
    try waitReadable(client);
    close(client);
    client_open = false;
    try waitReadable(server);
    try testing.expectError(error.ConnectionReset, send(server, "x"));
}

test "a full socket takes a part and then would block" {
    const pair = try socketPair();
    defer for (pair) |fd| close(fd);
    const block: [64 * 1024]u8 = @splat('x');
    var total: usize = 0;
    while (send(pair[0], &block)) |count| {
        total += count;
    } else |err| try testing.expectEqual(error.WouldBlock, err);
    try testing.expect(total > 0);
}

test "a port in use is an error, with SO_REUSEPORT it is shared" {
    const any = try resolveHost("", 0);
    const first = try listenOn(&any);
    defer close(first);
    var bound: Address = undefined;
    try socketName(first, &bound);
    try testing.expectError(error.AddressInUse, listenOn(&bound));

    const shared = try openStreamSocket(std.posix.AF.INET);
    defer close(shared);
    try setReusePort(shared);
    try bind(shared, &any);
    try socketName(shared, &bound);
    const second = try openStreamSocket(std.posix.AF.INET);
    defer close(second);
    try setReusePort(second);
    try bind(second, &bound);
}

test "binding a foreign address and a missing folder" {
    const foreign = try resolveHost("192.0.2.1", 0);
    try testing.expectError(error.AddressUnavailable, listenOn(&foreign));
    const missing: Address = try .unix("/nonexistent-folder/socket");
    try testing.expectError(error.PathUnusable, listenOn(&missing));
}

test "a stale socket file is replaced, a living one and other files are not" {
    var tmp = testing.tmpDir(.{});
    defer tmp.cleanup();
    var path_buffer: [100]u8 = undefined;
    const path = try std.fmt.bufPrint(&path_buffer, ".zig-cache/tmp/{s}/s", .{tmp.sub_path});
    const address: Address = try .unix(path);

    const first = try openStreamSocket(std.posix.AF.UNIX);
    try bindUnix(first, &address);
    try listen(first, 4);
    const second = try openStreamSocket(std.posix.AF.UNIX);
    defer close(second);
    try testing.expectError(error.AddressInUse, bindUnix(second, &address));
    close(first);
    try bindUnix(second, &address);
    try listen(second, 4);

    const client = try connectTo(&address);
    defer close(client);
    var from: Address = undefined;
    const accepted = try accept(second, &from);
    defer close(accepted);
    var text: [Peer.text_max]u8 = undefined;
    try testing.expectEqualStrings("", from.writeText(&text));

    unlink(address.unixFile().?);
    try tmp.dir.writeFile(testing.io, .{ .sub_path = "s", .data = "not a socket" });
    const third = try openStreamSocket(std.posix.AF.UNIX);
    defer close(third);
    try testing.expectError(error.AddressInUse, bindUnix(third, &address));
    try tmp.dir.access(testing.io, "s", .{});
}

test "clocks move" {
    const before = monotonicNs();
    try testing.expect(monotonicNs() >= before);
    try testing.expect(realtimeSeconds() > 1_600_000_000);
}
