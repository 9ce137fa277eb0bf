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
