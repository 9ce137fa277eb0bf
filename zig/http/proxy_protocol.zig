//! The header with which a load balancer says for whom it opened a connection: HAProxy's PROXY
//! protocol, versions 1 and 2 (proxy-protocol.txt, 2020/03/05; sections are of that text). The
//! connection calls it before the first head, and only where the option asks for it: a server that
//! looked whether there is such a header would let every client choose its own address (section 5).

const std = @import("std");
const limits = @import("../limits.zig");
const sys = @import("../sys.zig");

const assert = std.debug.assert;

pub const Header = struct {
    /// Who is behind the balancer; null where the socket's own address holds: health checks of the
    /// balancer itself, and families that have no address.
    source: ?sys.Peer,
    /// Bytes of the header; HTTP follows.
    len: u32,
};

pub const Result = union(enum) {
    incomplete,
    complete: Header,
    rejected,
};

const signature = "\r\n\r\n\x00\r\nQUIT\n";
const line_prefix = "PROXY ";
/// Signature, version and command, family, length.
const fixed_bytes = signature.len + 4;

/// Looks at all bytes that came so far. An incomplete header is looked at again from its start:
/// that is a line of 107 bytes, or a few bytes and a length.
pub fn parse(bytes: []const u8) Result {
    if (startsLike(bytes, signature)) return parseBinary(bytes);
    if (startsLike(bytes, line_prefix)) return parseLine(bytes);
    return .rejected;
}

/// Whether what is there agrees with a beginning.
fn startsLike(bytes: []const u8, beginning: []const u8) bool {
    const count = @min(bytes.len, beginning.len);
    return std.mem.eql(u8, bytes[0..count], beginning[0..count]);
}

/// Section 2.1: the line is not looked into before its end is there, and ends with CRLF alone.
fn parseLine(bytes: []const u8) Result {
    const seen = bytes[0..@min(bytes.len, limits.proxy_line_bytes_max)];
    const end = std.mem.findAny(u8, seen, "\r\n") orelse {
        return if (seen.len < limits.proxy_line_bytes_max) .incomplete else .rejected;
    };
    if (end + 1 == seen.len) {
        const room = seen.len < limits.proxy_line_bytes_max;
        return if (seen[end] == '\r' and room) .incomplete else .rejected;
    }
    if (seen[end] != '\r' or seen[end + 1] != '\n') return .rejected;
    if (end < line_prefix.len) return .rejected;
    const source = lineSource(seen[line_prefix.len..end]) catch return .rejected;
    return .{ .complete = .{ .source = source, .len = @intCast(end + 2) } };
}

fn lineSource(text: []const u8) error{Malformed}!?sys.Peer {
    var words = std.mem.splitScalar(u8, text, ' ');
    const family = words.first();
    // What follows UNKNOWN is not looked at (section 2.1).
    if (std.mem.eql(u8, family, "UNKNOWN")) return null;
    const wanted: std.posix.sa_family_t = if (std.mem.eql(u8, family, "TCP4"))
        std.posix.AF.INET
    else if (std.mem.eql(u8, family, "TCP6"))
        std.posix.AF.INET6
    else
        return error.Malformed;
    const source_text = words.next() orelse return error.Malformed;
    const destination_text = words.next() orelse return error.Malformed;
    const source_port = try parsePort(words.next());
    const destination_port = try parsePort(words.next());
    if (words.next() != null) return error.Malformed;
    const source = try parseAddress(source_text, source_port, wanted);
    _ = try parseAddress(destination_text, destination_port, wanted);
    return source.peer();
}

fn parseAddress(
    text: []const u8,
    port: u16,
    wanted: std.posix.sa_family_t,
) error{Malformed}!sys.Address {
    if (text.len == 0 or text[0] == '[') return error.Malformed;
    const address = sys.parseAddress(text, port) orelse return error.Malformed;
    return if (address.any.family == wanted) address else error.Malformed;
}

fn parsePort(given: ?[]const u8) error{Malformed}!u16 {
    const text = given orelse return error.Malformed;
    if (text.len == 0 or text.len > 5 or (text.len > 1 and text[0] == '0')) return error.Malformed;
    for (text) |byte| if (!std.ascii.isDigit(byte)) return error.Malformed;
    return std.fmt.parseInt(u16, text, 10) catch error.Malformed;
}

/// Section 2.2.
fn parseBinary(bytes: []const u8) Result {
    // The empty prefix belongs to either version.
    if (bytes.len <= signature.len) return .incomplete;
    const command = bytes[signature.len];
    if (command != 0x20 and command != 0x21) return .rejected;
    if (bytes.len < fixed_bytes) return .incomplete;
    const family = bytes[signature.len + 1];
    const length = std.mem.readInt(u16, bytes[signature.len + 2 ..][0..2], .big);
    const total: u32 = @intCast(fixed_bytes + @as(usize, length));
    if (total > limits.proxy_header_bytes_max) return .rejected;
    if (bytes.len < total) return .incomplete;
    const header = bytes[0..total];
    // LOCAL: the balancer speaks for itself, and the block is discarded whatever is in it.
    if (command == 0x20) return .{ .complete = .{ .source = null, .len = total } };
    const source = binarySource(header, family) catch return .rejected;
    return .{ .complete = .{ .source = source, .len = total } };
}

fn binarySource(header: []const u8, family: u8) error{Malformed}!?sys.Peer {
    // Other families and transports are to be rejected (section 2.2).
    if (family >> 4 > 3 or family & 0xf > 2) return error.Malformed;
    const block = header[fixed_bytes..];
    const address_len: usize = switch (family >> 4) {
        0 => 0,
        1 => 12,
        2 => 36,
        else => 216,
    };
    if (block.len < address_len) return error.Malformed;
    try checkExtensions(header, fixed_bytes + address_len);
    // Without a transport nothing is known, and a unix client has no address. Datagrams are those
    // of a client that speaks HTTP/3 to the balancer.
    if (family & 0xf == 0) return null;
    switch (family >> 4) {
        1 => {
            const port = std.mem.readInt(u16, block[8..10], .big);
            return sys.Address.ipv4(block[0..4].*, port).peer();
        },
        2 => {
            const port = std.mem.readInt(u16, block[32..34], .big);
            return sys.Address.ipv6(block[0..16].*, port, 0).peer();
        },
        else => return null,
    }
}

const crc32c_type = 0x03;

/// Types, lengths and values behind the addresses: none of them is used but the checksum, which
/// must be right where it is given (section 2.2.3).
fn checkExtensions(header: []const u8, start: usize) error{Malformed}!void {
    var at = start;
    var checked = false;
    while (at < header.len) {
        if (header.len - at < 3) return error.Malformed;
        const kind = header[at];
        const length = std.mem.readInt(u16, header[at + 1 ..][0..2], .big);
        const value = at + 3;
        if (header.len - value < length) return error.Malformed;
        at = value + length;
        if (kind != crc32c_type) continue;
        if (length != 4 or checked) return error.Malformed;
        checked = true;
        const given = std.mem.readInt(u32, header[value..][0..4], .big);
        if (given != checksum(header, value)) return error.Malformed;
    }
}

/// Of the whole header, with zeros where the checksum itself stands.
fn checksum(header: []const u8, place: usize) u32 {
    var crc: std.hash.crc.Crc32Iscsi = .init();
    crc.update(header[0..place]);
    crc.update(&.{ 0, 0, 0, 0 });
    crc.update(header[place + 4 ..]);
    return crc.final();
}

const testing = std.testing;

const Expected = union(enum) {
    source: []const u8,
    /// The socket's own address.
    own,
    rejected,
};

fn expectParsed(expected: Expected, bytes: []const u8) !void {
    const http = "GET / HTTP/1.1\r\n";
    var whole: [limits.proxy_header_bytes_max + 100]u8 = undefined;
    @memcpy(whole[0..bytes.len], bytes);
    @memcpy(whole[bytes.len..][0..http.len], http);
    switch (expected) {
        .rejected => {
            try testing.expect(parse(whole[0 .. bytes.len + http.len]) == .rejected);
            // Once refused, refused whatever follows; before that never complete.
            var refused = false;
            for (0..bytes.len + http.len) |len| switch (parse(whole[0..len])) {
                .incomplete => try testing.expect(!refused),
                .complete => return error.TestUnexpectedResult,
                .rejected => refused = true,
            };
        },
        .own, .source => {
            for (0..bytes.len) |len| try testing.expect(parse(bytes[0..len]) == .incomplete);
            for (bytes.len..bytes.len + http.len) |len| {
                const header = parse(whole[0..len]).complete;
                try testing.expectEqual(bytes.len, header.len);
                try expectSource(expected, header.source);
            }
        },
    }
}

fn expectSource(expected: Expected, source: ?sys.Peer) !void {
    if (expected == .own) return testing.expect(source == null);
    var text: [sys.Peer.text_max]u8 = undefined;
    try testing.expectEqualStrings(expected.source, source.?.writeText(&text));
}

test "version 1: every row, cut at every byte and with HTTP behind it" {
    const long_ipv6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    const tail = " " ++ long_ipv6 ++ " " ++ long_ipv6 ++ " 65535 65535\r\n";
    const rows = [_]struct { []const u8, Expected }{
        .{ "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", .{ .source = "192.0.2.7" } },
        .{ "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", .{ .source = "0.0.0.0" } },
        .{ "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", .{ .source = "2001:db8::7" } },
        .{ "PROXY TCP6" ++ tail, .{ .source = long_ipv6 } },
        .{ "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", .{ .source = "::ffff:192.0.2.7" } },
        .{ "PROXY UNKNOWN\r\n", .own },
        .{ "PROXY UNKNOWN" ++ tail, .own },
        .{ "PROXY UNKNOWN what ever\r\n", .own },
        .{ "PROXY UNKNOWN " ++ "x" ** 92 ++ "\r\n", .rejected },
        .{ "PROXY UNKNOWNX\r\n", .rejected },
        .{ "PROXY TCP4" ++ tail, .rejected },
        .{ "PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP6 [::1] [::1] 1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 ::1 1 2\r\n", .rejected },
        .{ "PROXY TCP5 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY tcp4 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "proxy TCP4 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY  TCP4 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4\t192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 \r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8\r\n", .rejected },
        .{ "PROXY TCP4\r\n", .rejected },
        .{ "PROXY \r\n", .rejected },
        .{ "PROXY\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 65536\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1_0 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.07 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\rX", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\r\n", .rejected },
        .{ "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\x00\r\n", .rejected },
        .{ "GET / HTTP/1.1\r\n", .rejected },
        .{ "\r\nPROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n", .rejected },
        .{ "\x16\x03\x01", .rejected },
    };
    for (rows) |row| {
        errdefer std.debug.print("{f}\n", .{std.ascii.hexEscape(row[0], .lower)});
        try expectParsed(row[1], row[0]);
    }
}

/// Version 2 with a length that fits.
fn binary(
    comptime command: u8,
    comptime family: u8,
    comptime block: []const u8,
) *const [fixed_bytes + block.len]u8 {
    const length = [2]u8{ block.len >> 8, block.len & 0xff };
    return signature ++ [2]u8{ command, family } ++ length ++ block[0..block.len];
}

const ipv4_block = "\xc0\x00\x02\x07" ++ "\xc6\x33\x64\x01" ++ "\xdc\x04" ++ "\x01\xbb";
const ipv6_block = "\x20\x01\x0d\xb8" ++ "\x00" ** 11 ++ "\x07" ++ "\x20\x01\x0d\xb8" ++
    "\x00" ** 11 ++ "\x01" ++ "\xdc\x04" ++ "\x01\xbb";

test "version 2: every row, cut at every byte and with HTTP behind it" {
    const noop = "\x04\x00\x03abc";
    const full = limits.proxy_header_bytes_max - fixed_bytes - ipv4_block.len - 3;
    const filling = "\xee" ++ [2]u8{ full >> 8, full & 0xff } ++ "x" ** full;
    const rows = [_]struct { []const u8, Expected }{
        .{ binary(0x21, 0x11, ipv4_block), .{ .source = "192.0.2.7" } },
        .{ binary(0x21, 0x12, ipv4_block), .{ .source = "192.0.2.7" } },
        .{ binary(0x21, 0x21, ipv6_block), .{ .source = "2001:db8::7" } },
        .{ binary(0x21, 0x22, ipv6_block), .{ .source = "2001:db8::7" } },
        .{ binary(0x21, 0x11, ipv4_block ++ noop ++ noop), .{ .source = "192.0.2.7" } },
        .{ binary(0x21, 0x11, ipv4_block ++ filling), .{ .source = "192.0.2.7" } },
        .{ binary(0x21, 0x31, "/" ** 216), .own },
        .{ binary(0x21, 0x32, "/" ** 216 ++ noop), .own },
        .{ binary(0x21, 0x00, ""), .own },
        .{ binary(0x21, 0x00, noop), .own },
        .{ binary(0x21, 0x01, ""), .own },
        .{ binary(0x21, 0x10, ipv4_block), .own },
        .{ binary(0x20, 0x00, ""), .own },
        .{ binary(0x20, 0x11, ipv4_block), .own },
        .{ binary(0x20, 0xff, "what ever"), .own },
        .{ binary(0x22, 0x11, ipv4_block), .rejected },
        .{ binary(0x11, 0x11, ipv4_block), .rejected },
        .{ binary(0x31, 0x11, ipv4_block), .rejected },
        .{ binary(0x21, 0x41, ipv4_block), .rejected },
        .{ binary(0x21, 0x13, ipv4_block), .rejected },
        .{ binary(0x21, 0x11, ipv4_block[0..11]), .rejected },
        .{ binary(0x21, 0x21, ipv6_block[0..35]), .rejected },
        .{ binary(0x21, 0x31, "/" ** 215), .rejected },
        .{ binary(0x21, 0x11, ipv4_block ++ "\x04"), .rejected },
        .{ binary(0x21, 0x11, ipv4_block ++ "\x04\x00"), .rejected },
        .{ binary(0x21, 0x11, ipv4_block ++ "\x04\x00\x04abc"), .rejected },
        .{ binary(0x21, 0x11, ipv4_block ++ filling ++ noop), .rejected },
        .{ "\r\n\r\n\x00\r\nQUIT\r", .rejected },
        .{ "\r\n\r\nGET", .rejected },
    };
    for (rows, 0..) |row, index| {
        errdefer std.debug.print("row {d}\n", .{index});
        try expectParsed(row[1], row[0]);
    }
}

test "version 2: a checksum is verified" {
    const field = "\x03\x00\x04\x00\x00\x00\x00";
    const base = binary(0x21, 0x11, ipv4_block ++ field ++ "\x04\x00\x01x");
    const place = fixed_bytes + ipv4_block.len + 3;
    var header: [base.len]u8 = base.*;
    std.mem.writeInt(u32, header[place..][0..4], checksum(&header, place), .big);
    try expectParsed(.{ .source = "192.0.2.7" }, &header);
    for (0..header.len) |at| {
        // Another type is no checksum.
        if (at == place - 3) continue;
        var wrong = header;
        wrong[at] ^= 0x80;
        switch (parse(&wrong)) {
            .complete => return error.TestUnexpectedResult,
            .incomplete, .rejected => {},
        }
    }
    try expectParsed(.rejected, binary(0x21, 0x11, ipv4_block ++ "\x03\x00\x03\x00\x00\x00"));
    try expectParsed(.rejected, binary(0x21, 0x11, ipv4_block ++ field));
    // The value that RFC 3720 B.4 gives for 32 zeros.
    try testing.expectEqual(0x8a9136aa, checksum(&@as([32]u8, @splat(0)), 7));
}

test "whatever comes is refused, awaited or complete within bounds, the same for each cut" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    const models = [_][]const u8{
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
        "PROXY TCP6 2001:db8::7 ::1 56324 443\r\n",
        "PROXY UNKNOWN x\r\n",
        binary(0x21, 0x11, ipv4_block ++ "\x04\x00\x03abc"),
        binary(0x21, 0x21, ipv6_block),
        binary(0x20, 0x00, ""),
    };
    for (0..20_000) |_| {
        var bytes: [400]u8 = undefined;
        const model = models[random.uintLessThan(usize, models.len)];
        @memcpy(bytes[0..model.len], model);
        random.bytes(bytes[model.len..]);
        for (0..random.uintLessThan(usize, 4)) |_| {
            bytes[random.uintLessThan(usize, model.len)] = random.int(u8);
        }
        const whole = bytes[0 .. model.len + random.uintLessThan(usize, 40)];
        const verdict = parse(whole);
        if (verdict == .complete) try testing.expect(verdict.complete.len <= whole.len);
        for (0..whole.len) |len| switch (parse(whole[0..len])) {
            .incomplete => {},
            .rejected => try testing.expect(verdict == .rejected),
            .complete => |header| try testing.expectEqual(verdict.complete.len, header.len),
        };
    }
}
