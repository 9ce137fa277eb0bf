//! Judges text as its pieces come (RFC 3629), so that bad text is refused before the rest of it has
//! been gathered. Called by the decoder.

const std = @import("std");
const scan = @import("../http/scan.zig");

/// How many bytes at the end are the beginning of a character whose rest has not come; null when
/// this cannot become UTF-8 anymore.
pub fn unfinished(bytes: []const u8) ?u2 {
    var at: usize = 0;
    while (true) {
        at = skipAscii(bytes, at);
        if (bytes.len - at < 4) return unfinishedTail(bytes[at..]);
        const length = characterBytes(std.mem.readInt(u32, bytes[at..][0..4], .little));
        if (length == 0) return null;
        at += length;
    }
}

/// Bytes of the character that these four begin with, its lead in the lowest byte: its marks in one
/// comparison, then that it has neither more bytes than it needs nor a value that is none. 0 when
/// it is bad, or ASCII.
inline fn characterBytes(four: u32) u3 {
    if (four & 0xc0e0 == 0x80c0) return if (four & 0x1e != 0) 2 else 0;
    if (four & 0xc0c0f0 == 0x8080e0) {
        // The lower half of the lead and the bit below the marks of the second byte: 0 has eleven
        // bits at most, 0xd and the bit are surrogates.
        const high = four & 0x200f;
        return if (high != 0 and high != 0x200d) 3 else 0;
    }
    if (four & 0xc0c0c0f8 == 0x808080f0) {
        // Likewise: 0 has sixteen bits at most, above 4 lies what is above U+10FFFF.
        const high = four & 0x3007;
        return if (high != 0 and (four & 4 == 0 or four & 0x3003 == 0)) 4 else 0;
    }
    return 0;
}

fn unfinishedTail(tail: []const u8) ?u2 {
    var at: usize = 0;
    while (at < tail.len) {
        const rest = tail[at..];
        var four: [4]u8 = @splat(0);
        @memcpy(four[0..rest.len], rest);
        const length = characterBytes(std.mem.readInt(u32, &four, .little));
        if (rest[0] >= 0x80 and length == 0) return begun(rest);
        at += @max(length, 1);
    }
    return 0;
}

/// The bytes, if they can begin a character: then they do with what the second byte of theirs may
/// be, and the least that others may be.
fn begun(bytes: []const u8) ?u2 {
    const seconds: []const u8 = if (bytes.len > 1) bytes[1..2] else &.{ 0x80, 0x90, 0xa0 };
    const third = if (bytes.len > 2) bytes[2] else 0x80;
    for (seconds) |second| {
        const four = [4]u8{ bytes[0], second, third, 0x80 };
        const length = characterBytes(std.mem.readInt(u32, &four, .little));
        if (length > bytes.len) return @intCast(bytes.len);
    }
    return null;
}

inline fn skipAscii(bytes: []const u8, from: usize) usize {
    var at = from;
    while (bytes.len - at >= scan.lanes and bytes[at] < 0x80) {
        const block: @Vector(scan.lanes, u8) = bytes[at..][0..scan.lanes].*;
        const high: std.meta.Int(.unsigned, scan.lanes) = @bitCast(block >= @as(
            @Vector(scan.lanes, u8),
            @splat(0x80),
        ));
        if (high != 0) return at + @ctz(high);
        at += scan.lanes;
    }
    while (at < bytes.len and bytes[at] < 0x80) at += 1;
    return at;
}

const model = @import("model.zig");

fn expectNaive(bytes: []const u8) !void {
    errdefer std.debug.print("{f}\n", .{std.ascii.hexEscape(bytes, .lower)});
    const count = unfinished(bytes);
    try std.testing.expectEqual(std.unicode.utf8ValidateSlice(bytes), count == 0);
    try std.testing.expectEqual(model.mayBecomeText(bytes), count != null);
    // What is not unfinished is whole.
    const end = bytes.len - (count orelse return);
    try std.testing.expect(std.unicode.utf8ValidateSlice(bytes[0..end]));
}

test "each beginning of a character, and what is none" {
    const edges = [_]u8{ 0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff };
    for (0..256) |first| {
        try expectNaive(&.{@intCast(first)});
        for (0..256) |second| try expectNaive(&.{ @intCast(first), @intCast(second) });
        if (first < 0xc0) continue;
        for (edges) |second| for (edges) |third| for (edges) |fourth| {
            const bytes = [_]u8{ @intCast(first), second, third, fourth, 'a' };
            for (3..6) |length| try expectNaive(bytes[0..length]);
        };
    }
}

test "text in two pieces is judged as the whole is" {
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    var prng: std.Random.DefaultPrng = .init(std.testing.random_seed);
    const random = prng.random();
    const characters = [_][]const u8{ "a", "0123456789", "é", "€", "🎹", "\xf4\x8f\xbf\xbf" };
    for (0..300) |_| {
        var buffer: [200]u8 = undefined;
        var length: usize = 0;
        while (length < 180) {
            const character = characters[random.uintLessThan(usize, characters.len)];
            @memcpy(buffer[length..][0..character.len], character);
            length += character.len;
        }
        const bytes = buffer[0..length];
        if (random.boolean()) bytes[random.uintLessThan(usize, length)] = random.int(u8);
        for (0..length + 1) |cut| {
            const count = unfinished(bytes[0..cut]);
            try std.testing.expectEqual(model.mayBecomeText(bytes[0..cut]), count != null);
            const rest = bytes[cut - (count orelse continue) ..];
            try std.testing.expectEqual(unfinished(bytes), unfinished(rest));
        }
    }
}
