//! Frames of RFC 6455 section 5: headers in and out, the mask, close codes. Bytes in, values out:
//! the decoder reads with it what clients send, and the server writes with it what they get.

const std = @import("std");
const scan = @import("../http/scan.zig");

const assert = std.debug.assert;

pub const Opcode = enum(u4) {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
    _,

    /// The upper half of the codes (RFC 6455 5.5).
    pub fn isControl(opcode: Opcode) bool {
        return @intFromEnum(opcode) >= 8;
    }

    fn isReserved(opcode: Opcode) bool {
        return switch (opcode) {
            .continuation, .text, .binary, .close, .ping, .pong => false,
            _ => true,
        };
    }
};

/// What a control frame may carry (RFC 6455 5.5).
pub const control_bytes_max = 125;
/// What of it is left for the reason behind a close code.
pub const reason_bytes_max = control_bytes_max - 2;

/// Close codes that the server sends by itself or reports (RFC 6455 7.4.1).
pub const Close = struct {
    pub const normal = 1000;
    pub const going_away = 1001;
    pub const protocol_error = 1002;
    /// Reported for a close frame without a code; never sent.
    pub const no_status = 1005;
    /// Reported when the connection ended without a close frame; never sent.
    pub const abnormal = 1006;
    pub const invalid_text = 1007;
    pub const policy = 1008;
    pub const too_big = 1009;
    pub const internal_error = 1011;
};

/// Why a client's frames are refused. The reason goes out in the close frame, for whoever reads the
/// client's log.
pub const Failure = enum {
    unmasked,
    reserved_bits,
    reserved_opcode,
    control_fragmented,
    control_too_long,
    length_not_minimal,
    length_out_of_range,
    continuation_without_message,
    message_not_finished,
    close_payload,
    close_code,
    close_reason,
    invalid_text,
    message_too_big,
    control_flood,
    empty_fragments,

    pub fn code(failure: Failure) u16 {
        return switch (failure) {
            .close_reason, .invalid_text => Close.invalid_text,
            .message_too_big => Close.too_big,
            // Their frames are well-formed; it is the server that does not want so many.
            .control_flood, .empty_fragments => Close.policy,
            else => Close.protocol_error,
        };
    }

    pub fn reason(failure: Failure) []const u8 {
        return switch (failure) {
            .unmasked => "a client's frames must be masked",
            .reserved_bits => "reserved bit set",
            .reserved_opcode => "reserved opcode",
            .control_fragmented => "fragmented control frame",
            .control_too_long => "control frame above 125 bytes",
            .length_not_minimal => "length not in its shortest form",
            .length_out_of_range => "length above 63 bits",
            .continuation_without_message => "continuation without a message",
            .message_not_finished => "new message within a message",
            .close_payload => "close frame with half a code",
            .close_code => "invalid close code",
            .close_reason => "close reason is not UTF-8",
            .invalid_text => "text is not UTF-8",
            .message_too_big => "message too big",
            .control_flood => "too many control frames",
            .empty_fragments => "too many empty fragments",
        };
    }
};

/// The header of a client's frame.
pub const ClientHeader = struct {
    fin: bool,
    /// The payload is compressed, if that was negotiated (RFC 7692 6).
    rsv1: bool,
    /// RSV2 or RSV3, which no extension that we speak uses.
    rsv_other: bool,
    opcode: Opcode,
    length: u64,
    mask: Mask,
    /// Bytes of the header itself.
    bytes: u8,
};

pub const Parsed = union(enum) { complete: ClientHeader, incomplete, failed: Failure };

/// Longest header of a client's frame: two bytes, a length of eight, the mask.
pub const client_header_bytes_max = 14;

/// Reads the header that `bytes` begin with, from a client. What can be said of its first bytes is
/// said before the rest has come.
pub fn parse(bytes: []const u8) Parsed {
    if (bytes.len < 2) return .incomplete;
    const opcode: Opcode = @enumFromInt(@as(u4, @truncate(bytes[0])));
    const fin = bytes[0] & 0x80 != 0;
    const short: u7 = @truncate(bytes[1]);
    // RFC 6455 5.2 and 5.5.
    if (opcode.isReserved()) return .{ .failed = .reserved_opcode };
    if (opcode.isControl() and !fin) return .{ .failed = .control_fragmented };
    // RFC 6455 5.1: without it a script could write what a careless proxy reads as HTTP.
    if (bytes[1] & 0x80 == 0) return .{ .failed = .unmasked };
    if (opcode.isControl() and short > control_bytes_max) return .{ .failed = .control_too_long };

    const mask_at: u8 = switch (short) {
        126 => 4,
        127 => 10,
        else => 2,
    };
    if (bytes.len < mask_at) return .incomplete;
    const length: u64 = switch (short) {
        126 => std.mem.readInt(u16, bytes[2..4], .big),
        127 => std.mem.readInt(u64, bytes[2..10], .big),
        else => short,
    };
    // RFC 6455 5.2: the shortest form, and the most significant bit is 0.
    if (short == 126 and length <= 125) return .{ .failed = .length_not_minimal };
    if (short == 127 and length <= 0xffff) return .{ .failed = .length_not_minimal };
    if (length >> 63 != 0) return .{ .failed = .length_out_of_range };
    if (bytes.len < mask_at + 4) return .incomplete;
    return .{ .complete = .{
        .fin = fin,
        .rsv1 = bytes[0] & 0x40 != 0,
        .rsv_other = bytes[0] & 0x30 != 0,
        .opcode = opcode,
        .length = length,
        .mask = bytes[mask_at..][0..4].*,
        .bytes = mask_at + 4,
    } };
}

/// The header of a server's frame, which is always a whole message.
pub const Header = struct { opcode: Opcode, compressed: bool = false };

/// Longest header of a server's frame, which is not masked.
pub const header_bytes_max = 10;

/// Bytes of the header in front of a payload of `length`.
pub fn headerBytes(length: usize) u8 {
    return if (length <= 125) 2 else if (length <= 0xffff) 4 else 10;
}

/// Writes the header in front of a payload of `length`; returns the part of `out` that it takes.
pub fn writeHeader(out: *[header_bytes_max]u8, header: Header, length: usize) []const u8 {
    if (header.opcode.isControl()) assert(length <= control_bytes_max and !header.compressed);
    const compressed: u8 = @intFromBool(header.compressed);
    out[0] = 0x80 | compressed << 6 | @intFromEnum(header.opcode);
    const bytes = headerBytes(length);
    switch (bytes) {
        2 => out[1] = @intCast(length),
        4 => {
            out[1] = 126;
            std.mem.writeInt(u16, out[2..4], @intCast(length), .big);
        },
        else => {
            out[1] = 127;
            std.mem.writeInt(u64, out[2..10], length, .big);
        },
    }
    return out[0..bytes];
}

/// Writes the payload of a close frame; returns the part of `out` that it takes: nothing without a
/// code, since a reason cannot stand alone (RFC 6455 5.5.1).
pub fn writeClose(out: *[control_bytes_max]u8, code: u16, reason: []const u8) []const u8 {
    if (code == 0 or code == Close.no_status) return out[0..0];
    assert(isCloseCode(code) and reason.len <= reason_bytes_max);
    std.mem.writeInt(u16, out[0..2], code, .big);
    @memcpy(out[2..][0..reason.len], reason);
    return out[0 .. 2 + reason.len];
}

/// What may stand in a close frame (RFC 6455 7.4, and what IANA has registered since). 1004 has no
/// meaning, 1005, 1006 and 1015 are for reports only, what lies between is for later standards.
pub fn isCloseCode(code: u16) bool {
    return switch (code) {
        1000...1003, 1007...1014, 3000...4999 => true,
        else => false,
    };
}

/// What the application may close with: 1010 says that the server lacks an extension, which only a
/// client can miss (RFC 6455 7.4.1).
pub fn isCloseCodeOfServer(code: u16) bool {
    return code != 1010 and isCloseCode(code);
}

/// The masking key, rotated so that its first byte is for the next byte of the payload.
pub const Mask = [4]u8;

/// The key as it stands `count` bytes further on.
pub fn rotate(mask: Mask, count: usize) Mask {
    var rotated: Mask = undefined;
    inline for (0..4) |index| rotated[index] = mask[(count + index) & 3];
    return rotated;
}

/// Takes the mask off `masked` (RFC 6455 5.3) and writes to `out`, which may be the same memory.
pub fn unmask(mask: Mask, masked: []const u8, out: []u8) void {
    assert(out.len == masked.len);
    var at: usize = 0;
    // Steps are multiples of the key's length, so that it need not be rotated.
    inline for (.{ 4 * scan.lanes, 16, 4 }) |step| {
        const Block = @Vector(step, u8);
        const key: Block = @bitCast(@as([step / 4]u32, @splat(@bitCast(mask))));
        while (masked.len - at >= step) : (at += step) {
            const block: Block = masked[at..][0..step].*;
            out[at..][0..step].* = block ^ key;
        }
    }
    const rest = masked.len - at;
    for (masked[at..], out[at..], mask[0..rest]) |byte, *unmasked, key| unmasked.* = byte ^ key;
}

const model = @import("model.zig");

test "a header comes out as it went in, and is incomplete at every byte before its end" {
    for ([_]u64{ 0, 1, 125, 126, 65_535, 65_536, 1 << 32, (1 << 63) - 1 }) |length| {
        for ([_]u8{ 0x00, 0x81, 0xc2, 0x22 }) |first| {
            var bytes: [client_header_bytes_max]u8 = undefined;
            var header: [header_bytes_max]u8 = undefined;
            const unmasked = writeHeader(&header, .{ .opcode = .binary }, length);
            @memcpy(bytes[0..unmasked.len], unmasked);
            bytes[0] = first;
            bytes[1] |= 0x80;
            bytes[unmasked.len..][0..4].* = "mask".*;
            for (0..unmasked.len + 4) |end| {
                try std.testing.expectEqual(.incomplete, parse(bytes[0..end]));
            }
            const parsed = parse(bytes[0 .. unmasked.len + 4]);
            try std.testing.expectEqual(Parsed{ .complete = .{
                .fin = first & 0x80 != 0,
                .rsv1 = first & 0x40 != 0,
                .rsv_other = first & 0x30 != 0,
                .opcode = @enumFromInt(first & 15),
                .length = length,
                .mask = "mask".*,
                .bytes = @intCast(unmasked.len + 4),
            } }, parsed);
        }
    }
}

test "headers of frames that are sent" {
    const Case = struct {
        opcode: Opcode,
        compressed: bool = false,
        length: u64,
        bytes: []const u8,
    };
    for ([_]Case{
        .{ .opcode = .text, .length = 0, .bytes = "\x81\x00" },
        .{ .opcode = .text, .compressed = true, .length = 125, .bytes = "\xc1\x7d" },
        .{ .opcode = .binary, .length = 126, .bytes = "\x82\x7e\x00\x7e" },
        .{ .opcode = .binary, .length = 65_535, .bytes = "\x82\x7e\xff\xff" },
        .{ .opcode = .text, .length = 65_536, .bytes = "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" },
        .{ .opcode = .ping, .length = 125, .bytes = "\x89\x7d" },
        .{ .opcode = .pong, .length = 0, .bytes = "\x8a\x00" },
        .{ .opcode = .close, .length = 2, .bytes = "\x88\x02" },
    }) |case| {
        var out: [header_bytes_max]u8 = undefined;
        const header: Header = .{ .opcode = case.opcode, .compressed = case.compressed };
        try std.testing.expectEqualSlices(u8, case.bytes, writeHeader(&out, header, case.length));
        try std.testing.expectEqual(case.bytes.len, headerBytes(case.length));
    }
}

test "payloads of close frames" {
    var out: [control_bytes_max]u8 = undefined;
    try std.testing.expectEqualStrings("", writeClose(&out, 0, ""));
    try std.testing.expectEqualStrings("", writeClose(&out, Close.no_status, "gone"));
    try std.testing.expectEqualStrings("\x03\xe8", writeClose(&out, 1000, ""));
    try std.testing.expectEqualStrings("\x13\x87bye", writeClose(&out, 4999, "bye"));
    const reason: [reason_bytes_max]u8 = @splat('r');
    try std.testing.expectEqual(control_bytes_max, writeClose(&out, 1001, &reason).len);
}

test "codes and reasons of the server itself fit into a close frame" {
    for (std.enums.values(Failure)) |failure| {
        try std.testing.expect(isCloseCodeOfServer(failure.code()));
        try std.testing.expect(failure.reason().len <= reason_bytes_max);
    }
}

test "every close code" {
    for (0..0x10000) |value| {
        const code: u16 = @intCast(value);
        try std.testing.expectEqual(model.isCloseCodeNaively(code), isCloseCode(code));
        const of_server = isCloseCode(code) and code != 1010;
        try std.testing.expectEqual(of_server, isCloseCodeOfServer(code));
    }
}

test "the mask comes off every length, wherever it lies, as byte by byte" {
    var source: [310]u8 = undefined;
    for (&source, 0..) |*byte, index| byte.* = @truncate(index *% 7);
    for (0..301) |length| for (0..9) |offset| {
        const mask = rotate("\x37\xfa\x21\x3d".*, length % 4);
        const masked = source[offset..][0..length];
        var expected: [310]u8 = undefined;
        for (masked, expected[0..length], 0..) |byte, *out, index| out.* = byte ^ mask[index % 4];
        var elsewhere: [311]u8 = @splat(0xee);
        unmask(mask, masked, elsewhere[1..][0..length]);
        try std.testing.expectEqualSlices(u8, expected[0..length], elsewhere[1..][0..length]);
        try std.testing.expectEqual(0xee, elsewhere[0]);
        try std.testing.expectEqual(0xee, elsewhere[1 + length]);
        var in_place = source;
        unmask(mask, in_place[offset..][0..length], in_place[offset..][0..length]);
        try std.testing.expectEqualSlices(u8, expected[0..length], in_place[offset..][0..length]);
        try std.testing.expectEqualSlices(u8, source[0..offset], in_place[0..offset]);
        const behind = offset + length;
        try std.testing.expectEqualSlices(u8, source[behind..], in_place[behind..]);
    };
}

test "the mask comes off pieces as off the whole" {
    const mask: Mask = "\x01\x20\x43\x84".*;
    var masked: [300]u8 = undefined;
    for (&masked, 0..) |*byte, index| byte.* = @truncate(index);
    var whole: [300]u8 = undefined;
    unmask(mask, &masked, &whole);
    for (0..301) |cut| {
        var pieces: [300]u8 = undefined;
        unmask(mask, masked[0..cut], pieces[0..cut]);
        unmask(rotate(mask, cut), masked[cut..], pieces[cut..]);
        try std.testing.expectEqualSlices(u8, &whole, &pieces);
    }
}
