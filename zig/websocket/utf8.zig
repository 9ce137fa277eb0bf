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
        if (at == bytes.len) return 0;
        var least: u8 = 0x80;
        var most: u8 = 0xbf;
        const length: u3 = switch (bytes[at]) {
            0xc2...0xdf => 2,
            0xe0...0xef => |lead| length: {
                // Longer than needed, and the surrogates.
                if (lead == 0xe0) least = 0xa0;
                if (lead == 0xed) most = 0x9f;
                break :length 3;
            },
            0xf0...0xf4 => |lead| length: {
                // Longer than needed, and above U+10FFFF.
                if (lead == 0xf0) least = 0x90;
                if (lead == 0xf4) most = 0x8f;
                break :length 4;
            },
            else => return null,
        };
        const come: u3 = @intCast(@min(length, bytes.len - at));
        for (bytes[at + 1 ..][0 .. come - 1]) |byte| {
            if (byte < least or byte > most) return null;
            least = 0x80;
            most = 0xbf;
        }
        if (come < length) return @intCast(come);
        at += length;
    }
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
            const begun = unfinished(bytes[0..cut]);
            try std.testing.expectEqual(model.mayBecomeText(bytes[0..cut]), begun != null);
            const rest = bytes[cut - (begun orelse continue) ..];
            try std.testing.expectEqual(unfinished(bytes), unfinished(rest));
        }
    }
}
