//! A reader of frames without care for speed or memory, that sees a whole stream at once, and a
//! driver that feeds the decoder in pieces. Both write what they saw as one line of text. Tests and
//! `fuzz/websocket.zig` hold the decoder against it; nothing that ships imports this file.

const std = @import("std");
const Allocator = std.mem.Allocator;
const decoder_file = @import("decoder.zig");
const frame = @import("frame.zig");
const limits = @import("../limits.zig");

const Line = std.ArrayList(u8);

/// A client's frame with the shortest form of its length; `first` is its first byte.
pub fn writeFrame(
    allocator: Allocator,
    out: *Line,
    first: u8,
    mask: frame.Mask,
    payload: []const u8,
) !void {
    try out.append(allocator, first);
    var length: [8]u8 = undefined;
    std.mem.writeInt(u64, &length, payload.len, .big);
    if (payload.len <= 125) {
        try out.append(allocator, 0x80 | length[7]);
    } else if (payload.len <= 0xffff) {
        try out.append(allocator, 0xfe);
        try out.appendSlice(allocator, length[6..]);
    } else {
        try out.append(allocator, 0xff);
        try out.appendSlice(allocator, &length);
    }
    try out.appendSlice(allocator, &mask);
    for (payload, 0..) |byte, index| try out.append(allocator, byte ^ mask[index % 4]);
}

/// What a reader sees in `bytes`, each event with a `|` behind it.
pub fn readNaively(
    allocator: Allocator,
    bytes: []const u8,
    options: decoder_file.Options,
    out: *Line,
) !void {
    var message: Line = .empty;
    defer message.deinit(allocator);
    var kind: u4 = 0;
    var compressed = false;
    var controls: usize = 0;
    var empty: usize = 0;
    var at: usize = 0;
    while (true) {
        const rest = bytes[at..];
        if (rest.len < 2) return;
        const opcode = rest[0] % 16;
        const fin = rest[0] >= 0x80;
        const short = rest[1] % 128;
        const control = opcode >= 8;
        if (std.mem.indexOfScalar(u8, &.{ 0, 1, 2, 8, 9, 10 }, opcode) == null) {
            return fail(allocator, out, .reserved_opcode);
        }
        if (control and !fin) return fail(allocator, out, .control_fragmented);
        if (rest[1] < 0x80) return fail(allocator, out, .unmasked);
        if (control and short > 125) return fail(allocator, out, .control_too_long);
        const extension: usize = if (short == 126) 2 else if (short == 127) 8 else 0;
        if (rest.len < 2 + extension) return;
        var length: u64 = if (extension == 0) short else 0;
        for (rest[2..][0..extension]) |byte| length = length * 256 + byte;
        const least: u64 = if (extension == 2) 126 else if (extension == 8) 65_536 else 0;
        if (length < least) return fail(allocator, out, .length_not_minimal);
        if (length >= 1 << 63) return fail(allocator, out, .length_out_of_range);
        const header = 2 + extension + 4;
        if (rest.len < header) return;

        const reserved = rest[0] / 16 % 8;
        const may_compress = options.deflate and (opcode == 1 or opcode == 2);
        if (reserved != 0 and !(reserved == 4 and may_compress)) {
            return fail(allocator, out, .reserved_bits);
        }
        if (opcode == 9 or opcode == 10) controls += 1;
        if (controls > limits.websocket_controls_max) return fail(allocator, out, .control_flood);
        if (!control) {
            if (opcode != 0 and kind != 0) return fail(allocator, out, .message_not_finished);
            if (opcode == 0 and kind == 0) {
                return fail(allocator, out, .continuation_without_message);
            }
            if (message.items.len + length > options.message_bytes_max) {
                return fail(allocator, out, .message_too_big);
            }
            if (length == 0 and !fin) empty += 1;
            if (empty > limits.websocket_empty_fragments_max) {
                return fail(allocator, out, .empty_fragments);
            }
            if (opcode != 0) compressed = reserved == 4;
            if (opcode != 0) kind = @intCast(opcode);
        }

        const masked = rest[header..][0..@intCast(@min(length, rest.len - header))];
        const whole = masked.len == length;
        const payload = try allocator.dupe(u8, masked);
        defer allocator.free(payload);
        for (payload, 0..) |*byte, index| byte.* ^= rest[header - 4 + index % 4];
        at += header + payload.len;
        if (control) {
            if (!whole) return;
            if (opcode != 8) {
                const name = if (opcode == 9) "ping" else "pong";
                try out.print(allocator, "{s} {s}|", .{ name, payload });
                continue;
            }
            if (payload.len == 0) return out.appendSlice(allocator, "close 1005 |");
            if (payload.len == 1) return fail(allocator, out, .close_payload);
            const code = @as(u16, payload[0]) * 256 + payload[1];
            if (!isCloseCodeNaively(code)) return fail(allocator, out, .close_code);
            if (!std.unicode.utf8ValidateSlice(payload[2..])) {
                return fail(allocator, out, .close_reason);
            }
            return out.print(allocator, "close {d} {s}|", .{ code, payload[2..] });
        }
        try message.appendSlice(allocator, payload);
        if (kind == 1 and !compressed) {
            const good = if (whole and fin)
                std.unicode.utf8ValidateSlice(message.items)
            else
                mayBecomeText(message.items);
            if (!good) return fail(allocator, out, .invalid_text);
        }
        if (!whole) return;
        if (!fin) continue;
        try writeMessage(allocator, out, kind == 1, compressed, message.items);
        message.clearRetainingCapacity();
        kind = 0;
        controls = 0;
        empty = 0;
    }
}

pub fn isCloseCodeNaively(code: u16) bool {
    const named = [_]u16{
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
    };
    return std.mem.indexOfScalar(u16, &named, code) != null or (code >= 3000 and code < 5000);
}

/// Whether some bytes behind these make them UTF-8: tried with those where ranges begin and end.
pub fn mayBecomeText(bytes: []const u8) bool {
    if (std.unicode.utf8ValidateSlice(bytes)) return true;
    const ends = [_]u8{ 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };
    for (1..@min(4, bytes.len + 1)) |begun| {
        const start = bytes.len - begun;
        const length = std.unicode.utf8ByteSequenceLength(bytes[start]) catch continue;
        if (length <= begun or !std.unicode.utf8ValidateSlice(bytes[0..start])) continue;
        for (ends) |second| for (ends) |third| {
            var character: [6]u8 = @splat(0x80);
            @memcpy(character[0..begun], bytes[start..]);
            character[begun..][0..2].* = .{ second, third };
            if (std.unicode.utf8ValidateSlice(character[0..length])) return true;
        };
    }
    return false;
}

fn fail(allocator: Allocator, out: *Line, failure: frame.Failure) !void {
    try out.print(allocator, "failed {t}|", .{failure});
}

fn writeMessage(
    allocator: Allocator,
    out: *Line,
    is_text: bool,
    compressed: bool,
    payload: []const u8,
) !void {
    const name = if (is_text) "text" else "binary";
    try out.print(allocator, "{s}{s} {s}|", .{ name, if (compressed) "~" else "", payload });
}

/// Feeds a decoder, whose allocator is the one for tests, and checks what must hold at any time.
pub const Driver = struct {
    allocator: Allocator = std.testing.allocator,
    decoder: decoder_file.Decoder,
    line: Line = .empty,
    piece: Line = .empty,
    /// Bytes fed so far.
    fed: usize = 0,

    pub fn init(options: decoder_file.Options) Driver {
        return .{ .decoder = .init(options) };
    }

    pub fn deinit(driver: *Driver) void {
        driver.decoder.deinit(driver.allocator);
        driver.line.deinit(std.testing.allocator);
        driver.piece.deinit(std.testing.allocator);
    }

    /// The piece is elsewhere, and overwritten when it has been taken.
    pub fn feed(driver: *Driver, piece: []const u8) !void {
        driver.piece.clearRetainingCapacity();
        try driver.piece.appendSlice(std.testing.allocator, piece);
        const copy = driver.piece.items;
        driver.fed += piece.len;
        var at: usize = 0;
        while (true) {
            const result = driver.decoder.feed(driver.allocator, copy[at..]);
            try driver.saw(result.event);
            @memset(copy[at..][0..result.consumed], 0xaa);
            at += result.consumed;
            if (result.event == .more) break;
        }
        try std.testing.expectEqual(piece.len, at);
    }

    /// Receives the start of `bytes` where the decoder wants it; returns how much, if anything.
    pub fn receive(driver: *Driver, bytes: []const u8) !usize {
        const room = driver.decoder.room(driver.allocator) orelse return 0;
        try std.testing.expect(room.len > 0);
        const count = @min(room.len, bytes.len);
        @memcpy(room[0..count], bytes[0..count]);
        driver.fed += count;
        try driver.saw(driver.decoder.wrote(driver.allocator, count));
        return count;
    }

    fn saw(driver: *Driver, event: decoder_file.Event) !void {
        const allocator = std.testing.allocator;
        const out = &driver.line;
        switch (event) {
            .more => {},
            .message => |message| {
                defer if (message.owned) driver.allocator.free(message.payload);
                const is_text = message.opcode == .text;
                try writeMessage(allocator, out, is_text, message.compressed, message.payload);
            },
            .ping => |payload| try out.print(allocator, "ping {s}|", .{payload}),
            .pong => |payload| try out.print(allocator, "pong {s}|", .{payload}),
            .close => |close| try out.print(allocator, "close {d} {s}|", .{
                close.code, close.reason,
            }),
            .failed => |failure| try fail(allocator, out, failure),
            .out_of_memory => try out.appendSlice(allocator, "out_of_memory|"),
        }
        const gathered = driver.decoder.gathered.len;
        if (event != .more and event != .ping and event != .pong) {
            try std.testing.expectEqual(0, gathered);
        }
        try std.testing.expect(gathered <= driver.decoder.message_bytes_max);
        try std.testing.expect(gathered <= 2 * driver.fed + decoder_file.ahead_bytes);
    }
};
