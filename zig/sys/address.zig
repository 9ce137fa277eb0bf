//! Socket addresses: from text and host names, and back to text. Reached through `sys.zig`; used
//! when a server binds and when `ctx.ip` is asked for.

const std = @import("std");
const sys = @import("../sys.zig");
const sockaddr = std.c.sockaddr;
const AF = std.c.AF;

/// Any address that this server meets. The family says which member is valid.
pub const Address = extern union {
    any: sockaddr,
    in: sockaddr.in,
    in6: sockaddr.in6,
    un: sockaddr.un,
    storage: sockaddr.storage,

    pub fn ipv4(bytes: [4]u8, port_number: u16) Address {
        const port_be = std.mem.nativeToBig(u16, port_number);
        return .{ .in = .{ .port = port_be, .addr = @bitCast(bytes) } };
    }

    pub fn ipv6(bytes: [16]u8, port_number: u16, scope_id: u32) Address {
        return .{ .in6 = .{
            .port = std.mem.nativeToBig(u16, port_number),
            .flowinfo = 0,
            .addr = bytes,
            .scope_id = scope_id,
        } };
    }

    /// A path in the file system or, on Linux, an abstract name after a leading NUL. A path that is
    /// empty, does not fit into the system's structure or has a NUL inside is refused.
    pub fn unix(path: []const u8) error{InvalidPath}!Address {
        var address: Address = .{ .un = .{ .path = @splat(0) } };
        const abstract = sys.is_linux and path.len > 1 and path[0] == 0;
        // One byte is kept for the NUL at the end.
        if (path.len == 0 or path.len >= address.un.path.len) return error.InvalidPath;
        const name = path[@intFromBool(abstract)..];
        if (std.mem.findScalar(u8, name, 0) != null) return error.InvalidPath;
        @memcpy(address.un.path[0..path.len], path);
        return address;
    }

    /// What `bind` and `connect` take as the length.
    pub fn length(address: *const Address) std.c.socklen_t {
        return switch (address.any.family) {
            AF.INET => @sizeOf(sockaddr.in),
            AF.INET6 => @sizeOf(sockaddr.in6),
            else => @intCast(@offsetOf(sockaddr.un, "path") + address.unixLength()),
        };
    }

    /// An abstract name counts its bytes exactly, a path its NUL too.
    fn unixLength(address: *const Address) usize {
        const path = &address.un.path;
        const start: usize = @intFromBool(path[0] == 0);
        const end = std.mem.findScalarPos(u8, path, start, 0) orelse path.len;
        return if (start == 1) end else @min(end + 1, path.len);
    }

    /// The file of a unix address; null for an abstract name and for other families.
    pub fn unixFile(address: *const Address) ?[*:0]const u8 {
        if (address.any.family != AF.UNIX or address.un.path[0] == 0) return null;
        return @ptrCast(&address.un.path);
    }

    /// 0 for a unix address.
    pub fn port(address: *const Address) u16 {
        return switch (address.any.family) {
            AF.INET => std.mem.bigToNative(u16, address.in.port),
            AF.INET6 => std.mem.bigToNative(u16, address.in6.port),
            else => 0,
        };
    }

    /// The part that a connection keeps.
    pub fn peer(address: *const Address) Peer {
        return switch (address.any.family) {
            AF.INET => .{ .in = address.in },
            AF.INET6 => .{ .in6 = address.in6 },
            else => .{ .any = unnamed },
        };
    }

    /// See `Peer.writeText`.
    pub fn writeText(address: *const Address, out: *[text_bytes_max]u8) []const u8 {
        return address.peer().writeText(out);
    }
};

/// The address of an accepted connection, a quarter of an `Address`: idle connections must stay
/// small.
pub const Peer = extern union {
    any: sockaddr,
    in: sockaddr.in,
    in6: sockaddr.in6,

    /// The longest text: eight groups of four digits, seven colons, `%` and a 32-bit zone.
    pub const text_max = text_bytes_max;

    /// The address without its port, IPv6 as RFC 5952 writes it; empty for a unix socket.
    pub fn writeText(peer: *const Peer, out: *[text_bytes_max]u8) []const u8 {
        var writer: std.Io.Writer = .fixed(out);
        // The buffer holds the longest text, so there is no failure to report.
        switch (peer.any.family) {
            AF.INET => writeIpv4(&writer, @bitCast(peer.in.addr)) catch return "",
            AF.INET6 => writeIpv6(&writer, peer.in6) catch return "",
            else => {},
        }
        return writer.buffered();
    }
};

/// A unix client has no name.
const unnamed = blk: {
    var name = std.mem.zeroes(sockaddr);
    name.family = AF.UNIX;
    break :blk name;
};

const text_bytes_max = 8 * 4 + 7 + 1 + 10;

fn writeIpv4(writer: *std.Io.Writer, bytes: [4]u8) std.Io.Writer.Error!void {
    try writer.print("{d}.{d}.{d}.{d}", .{ bytes[0], bytes[1], bytes[2], bytes[3] });
}

fn writeIpv6(writer: *std.Io.Writer, address: sockaddr.in6) std.Io.Writer.Error!void {
    // RFC 5952 5: the well-known prefix of mapped addresses is written with a dotted IPv4 part.
    const mapped_prefix: [12]u8 = .{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    if (std.mem.eql(u8, address.addr[0..12], &mapped_prefix)) {
        try writer.writeAll("::ffff:");
        return writeIpv4(writer, address.addr[12..16].*);
    }
    var groups: [8]u16 = undefined;
    for (&groups, 0..) |*group, index|
        group.* = std.mem.readInt(u16, address.addr[index * 2 ..][0..2], .big);
    const zeros = longestZeroRun(groups);
    var index: usize = 0;
    while (index < groups.len) {
        if (zeros.len != 0 and index == zeros.start) {
            try writer.writeAll("::");
            index += zeros.len;
            continue;
        }
        // Lower case without leading zeros: RFC 5952 4.1 and 4.3.
        const after_zeros = zeros.len != 0 and index == zeros.start + zeros.len;
        if (index != 0 and !after_zeros) try writer.writeByte(':');
        try writer.print("{x}", .{groups[index]});
        index += 1;
    }
    if (address.scope_id != 0) try writer.print("%{d}", .{address.scope_id});
}

/// RFC 5952 4.2: `::` stands for the longest run of zero groups, the first of equals, never for one
/// group.
fn longestZeroRun(groups: [8]u16) struct { start: usize, len: usize } {
    var best_start: usize = 0;
    var best_len: usize = 0;
    var run_len: usize = 0;
    for (groups, 0..) |group, index| {
        run_len = if (group == 0) run_len + 1 else 0;
        if (run_len > best_len) {
            best_len = run_len;
            best_start = index + 1 - run_len;
        }
    }
    return .{ .start = best_start, .len = if (best_len > 1) best_len else 0 };
}

/// libc's, because the parser in the standard library refuses addresses that begin with `::ffff:`
/// and are not mapped ones. Takes no abbreviations.
extern "c" fn inet_pton(family: c_int, text: [*:0]const u8, out: *anyopaque) c_int;

/// A numeric IPv4 or IPv6 address, the latter also in brackets; null for anything else.
pub fn parseAddress(text: []const u8, port: u16) ?Address {
    const bracketed = text.len > 2 and text[0] == '[' and text[text.len - 1] == ']';
    const inner = if (bracketed) text[1 .. text.len - 1] else text;
    var terminated: [text_bytes_max + 1]u8 = undefined;
    if (inner.len > text_bytes_max or std.mem.findScalar(u8, inner, 0) != null) return null;
    @memcpy(terminated[0..inner.len], inner);
    terminated[inner.len] = 0;
    const zero_ended = terminated[0..inner.len :0];
    var in: [4]u8 = undefined;
    if (!bracketed and inet_pton(AF.INET, zero_ended, &in) == 1) return .ipv4(in, port);
    var in6: [16]u8 = undefined;
    if (inet_pton(AF.INET6, zero_ended, &in6) == 1) return .ipv6(in6, port, 0);
    return null;
}

pub const ResolveError = error{
    /// No such name, or text that is neither name nor address.
    InvalidHost,
    /// The name server did not answer.
    TemporaryFailure,
    OutOfMemory,
    Unexpected,
};

/// The longest name that DNS can carry (RFC 1035 2.3.4).
const host_bytes_max = 253;

/// The address to bind for a host: empty means every IPv4 interface and `::` every interface of
/// both families; `localhost` is the IPv4 loopback without asking (RFC 6761 6.3). Any other name
/// goes through the system's resolver, which may block for seconds.
pub fn resolveHost(host: []const u8, port: u16) ResolveError!Address {
    if (host.len == 0) return .ipv4(.{ 0, 0, 0, 0 }, port);
    if (std.ascii.eqlIgnoreCase(host, "localhost")) return .ipv4(.{ 127, 0, 0, 1 }, port);
    if (parseAddress(host, port)) |address| return address;
    var name: [host_bytes_max + 1]u8 = undefined;
    if (host.len > host_bytes_max or !looksLikeName(host)) return error.InvalidHost;
    @memcpy(name[0..host.len], host);
    name[host.len] = 0;
    return askResolver(name[0..host.len :0], port);
}

/// Refuses what the C resolver would read as an abbreviated number (`127.1`, `0x7f000001`, `1`),
/// and bytes that no host name has. `:` and `%` are those of an IPv6 address with a zone.
fn looksLikeName(host: []const u8) bool {
    var last_label_start: usize = 0;
    for (host, 0..) |byte, index| switch (byte) {
        'a'...'z', 'A'...'Z', '0'...'9', '-', '_', ':', '%' => {},
        '.' => if (index + 1 < host.len) {
            last_label_start = index + 1;
        },
        else => return false,
    };
    // RFC 1123 2.1: the last label of a name is not numeric.
    return !std.ascii.isDigit(host[last_label_start]) or
        std.mem.findScalar(u8, host, ':') != null;
}

fn askResolver(name: [:0]const u8, port: u16) ResolveError!Address {
    var hints = std.mem.zeroes(std.c.addrinfo);
    hints.family = AF.UNSPEC;
    hints.socktype = std.c.SOCK.STREAM;
    var found: ?*std.c.addrinfo = null;
    const result = std.c.getaddrinfo(name.ptr, null, &hints, &found);
    if (@intFromEnum(result) != 0) return switch (result) {
        .AGAIN => error.TemporaryFailure,
        .MEMORY => error.OutOfMemory,
        // No such name, no address for it, a server that refuses, no zone of that name.
        .NONAME, .NODATA, .FAIL, .FAMILY, .ADDRFAMILY => error.InvalidHost,
        .SYSTEM => sys.unexpected("getaddrinfo", std.c.errno(@as(c_int, -1))),
        else => error.InvalidHost,
    };
    defer if (found) |list| std.c.freeaddrinfo(list);
    // In the order of RFC 6724, so the first is the one to take.
    var next = found;
    while (next) |entry| : (next = entry.next) {
        const raw = entry.addr orelse continue;
        switch (entry.family) {
            AF.INET => {
                const in: *const sockaddr.in = @ptrCast(@alignCast(raw));
                return .ipv4(@bitCast(in.addr), port);
            },
            AF.INET6 => {
                const in6: *const sockaddr.in6 = @ptrCast(@alignCast(raw));
                return .ipv6(in6.addr, port, in6.scope_id);
            },
            else => continue,
        }
    }
    return error.InvalidHost;
}

const testing = std.testing;

fn expectText(expected: []const u8, address: Address) !void {
    var out: [Peer.text_max]u8 = undefined;
    try testing.expectEqualStrings(expected, address.writeText(&out));
}

test "addresses as text" {
    try expectText("192.0.2.255", .ipv4(.{ 192, 0, 2, 255 }, 80));
    const cases = [_][2][]const u8{
        .{ "::", "::" },
        .{ "0:0:0:0:0:0:0:1", "::1" },
        .{ "1:0:0:0:0:0:0:0", "1::" },
        .{ "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
        .{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
        .{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
        .{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
        .{ "[fe80::1]", "fe80::1" },
        .{ "::ffff:0:1:2:3", "::ffff:0:1:2:3" },
    };
    for (cases) |case| try expectText(case[1], parseAddress(case[0], 80).?);
    const widest: [16]u8 = @splat(0xff);
    const longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295";
    try expectText(longest, .ipv6(widest, 1, std.math.maxInt(u32)));
    try expectText("", try .unix("/tmp/socket"));
    const wrong = [_][]const u8{ "[1.2.3.4]", "1.2.3", "1:2", "::1%1", "1::2::3", "", "::1\x00" };
    for (wrong) |text| try testing.expect(parseAddress(text, 80) == null);
}

test "text of random IPv6 addresses reads back as the same address" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    for (0..10_000) |_| {
        var bytes: [16]u8 = undefined;
        prng.random().bytes(&bytes);
        // Few random addresses have zero groups, where the rules are.
        for (0..8) |group| if (prng.random().boolean()) @memset(bytes[group * 2 ..][0..2], 0);
        const address: Address = .ipv6(bytes, 443, 0);
        var out: [Peer.text_max]u8 = undefined;
        const again = parseAddress(address.writeText(&out), 443).?;
        try testing.expectEqualSlices(u8, &bytes, &again.in6.addr);
    }
}

test "hosts" {
    try expectText("0.0.0.0", try resolveHost("", 1));
    try expectText("::", try resolveHost("::", 1));
    try expectText("127.0.0.1", try resolveHost("LocalHost", 1));
    try testing.expectEqual(8080, (try resolveHost("::1", 8080)).port());
    const bad = [_][]const u8{
        "256.1.1.1", "127.1",  "0x7f000001", "1",    "1.2.3",       "a b",
        "a/b",       "a\x00b", ":::",        "[::1", "h\xc3\xb6st",
    };
    for (bad) |host| try testing.expectError(error.InvalidHost, resolveHost(host, 1));
    const too_long: [254]u8 = @splat('a');
    try testing.expectError(error.InvalidHost, resolveHost(&too_long, 1));
}

test "unix addresses" {
    const file: Address = try .unix("/tmp/a");
    try testing.expectEqual(@offsetOf(sockaddr.un, "path") + 7, file.length());
    try testing.expectEqualStrings("/tmp/a", std.mem.span(file.unixFile().?));
    try testing.expectError(error.InvalidPath, Address.unix(""));
    try testing.expectError(error.InvalidPath, Address.unix("a\x00b"));
    const too_long: [108]u8 = @splat('a');
    try testing.expectError(error.InvalidPath, Address.unix(&too_long));
    if (!sys.is_linux) return;
    const abstract: Address = try .unix("\x00name");
    try testing.expectEqual(@offsetOf(sockaddr.un, "path") + 5, abstract.length());
    try testing.expectEqual(null, abstract.unixFile());
}
