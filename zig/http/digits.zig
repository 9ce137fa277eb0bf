//! Decimal numbers into bytes, two digits per step from a table: half the divisions of a digit
//! loop.

const std = @import("std");

/// Digits of the largest u64.
pub const u64_len_max = 20;

const pairs: [200]u8 = table: {
    var result: [200]u8 = undefined;
    for (0..100) |number| {
        result[number * 2] = '0' + number / 10;
        result[number * 2 + 1] = '0' + number % 10;
    }
    break :table result;
};

/// Two digits of a number below 100.
pub inline fn pair(number: usize) [2]u8 {
    return pairs[number * 2 ..][0..2].*;
}

/// Writes `number` and returns how many bytes it took. `out` must have room for its digits.
pub fn write(out: []u8, number: u64) usize {
    const length = count(number);
    var rest = number;
    var at = length;
    while (rest >= 100) {
        at -= 2;
        out[at..][0..2].* = pair(@intCast(rest % 100));
        rest /= 100;
    }
    if (rest >= 10) {
        out[0..2].* = pair(@intCast(rest));
    } else {
        out[0] = '0' + @as(u8, @intCast(rest));
    }
    return length;
}

/// How many digits `number` has.
pub fn count(number: u64) usize {
    var length: usize = 1;
    var rest = number;
    while (rest >= 10_000) {
        rest /= 10_000;
        length += 4;
    }
    if (rest >= 1_000) return length + 3;
    if (rest >= 100) return length + 2;
    if (rest >= 10) return length + 1;
    return length;
}

test "numbers are written as std prints them" {
    var prng = std.Random.DefaultPrng.init(std.testing.random_seed);
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    var expected: [u64_len_max]u8 = undefined;
    var got: [u64_len_max]u8 = undefined;
    for (0..20_000) |index| {
        const random = prng.random().int(u64) >> @intCast(index % 64);
        const number = if (index < 2_000) index else random;
        const text = try std.fmt.bufPrint(&expected, "{d}", .{number});
        try std.testing.expectEqualStrings(text, got[0..write(&got, number)]);
    }
    const text = try std.fmt.bufPrint(&expected, "{d}", .{std.math.maxInt(u64)});
    try std.testing.expectEqualStrings(text, got[0..write(&got, std.math.maxInt(u64))]);
}
