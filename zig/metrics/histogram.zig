//! Durations in log-linear buckets: each power of two is cut into 32 equal parts, so that the
//! middle of a bucket is within 1.6 % of everything in it, and its two ends are 3.1 % apart. One
//! writer, any number of readers, no lock. Used by `../metrics.zig`, read through `block.zig`.

const std = @import("std");

/// Parts of each power of two. 16 of them would be 3.03 % off in the worst case.
const parts_bits = 5;
const parts = 1 << parts_bits;

/// Below 2^10 ns buckets are 32 ns wide: no request is quicker.
const first_exponent = 10;
/// Longer than this, 73 minutes, counts into the last bucket.
const last_exponent = 42;

pub const least_ns = 1 << first_exponent;
pub const most_ns = (1 << last_exponent) - 1;

pub const buckets_count = parts + (last_exponent - first_exponent) * parts;

pub const Histogram = extern struct {
    sum_ns: u64 = 0,
    unused: [7]u64 = @splat(0),
    buckets: [buckets_count]u64 = @splat(0),

    pub fn record(histogram: *Histogram, value_ns: u64) void {
        histogram.buckets[indexOf(value_ns)] += 1;
        histogram.sum_ns += value_ns;
    }
};

/// The bucket that counts a duration.
pub fn indexOf(value_ns: u64) u32 {
    const value: u64 = @min(value_ns, most_ns);
    if (value < least_ns) return @intCast(value >> (first_exponent - parts_bits));
    const exponent: u6 = @intCast(63 - @clz(value));
    const part = (value >> (exponent - parts_bits)) & (parts - 1);
    return parts + (@as(u32, exponent) - first_exponent) * parts + @as(u32, @intCast(part));
}

/// The first duration that a bucket counts; that of the one behind the last is the end of all.
pub fn startOf(index: u32) u64 {
    if (index < parts) return @as(u64, index) << (first_exponent - parts_bits);
    const exponent = (index - parts) / parts + first_exponent;
    const part: u64 = (index - parts) % parts;
    return (parts + part) << @intCast(exponent - parts_bits);
}

const testing = std.testing;

test "a bucket counts from its start to the next one's" {
    for (0..buckets_count) |at| {
        const index: u32 = @intCast(at);
        try testing.expectEqual(index, indexOf(startOf(index)));
        try testing.expectEqual(index, indexOf(startOf(index + 1) - 1));
        try testing.expect(startOf(index + 1) > startOf(index));
    }
    try testing.expectEqual(most_ns + 1, startOf(buckets_count));
}

test "what is longer than anything counts into the last bucket" {
    var histogram: Histogram = .{};
    histogram.record(std.math.maxInt(u40) << 3);
    histogram.record(most_ns + 1);
    try testing.expectEqual(2, histogram.buckets[buckets_count - 1]);
}

test "the middle of a bucket is within 1.6 % of any duration in it" {
    var random = std.Random.DefaultPrng.init(testing.random_seed);
    for (0..200_000) |_| {
        const bits = random.random().intRangeAtMost(u6, first_exponent + 1, last_exponent);
        const value = random.random().int(u64) >> @intCast(64 - @as(u7, bits));
        if (value < least_ns) continue;
        const index = indexOf(value);
        const middle = (startOf(index) + startOf(index + 1)) / 2;
        const distance = @max(middle, value) - @min(middle, value);
        // 1/64 = 1.5625 %.
        try testing.expect(distance * 64 <= value);
    }
}

test "quantiles of random durations are within 1.6 % of the real ones" {
    var random = std.Random.DefaultPrng.init(testing.random_seed);
    var histogram: Histogram = .{};
    var values: [10_000]u64 = undefined;
    for (&values) |*value| {
        // Spread over six decades, as requests are.
        const exponent = random.random().float(f64) * 6 + 4;
        value.* = @intFromFloat(std.math.pow(f64, 10, exponent));
        histogram.record(value.*);
    }
    std.mem.sort(u64, &values, {}, std.sort.asc(u64));
    for ([_]usize{ 1, 50, 500, 900, 990, 999 }) |per_mille| {
        const rank = per_mille * values.len / 1000;
        var seen: usize = 0;
        const found = for (histogram.buckets, 0..) |count, index| {
            seen += count;
            if (seen > rank) break @as(u32, @intCast(index));
        } else unreachable;
        const middle = (startOf(found) + startOf(found + 1)) / 2;
        const distance = @max(middle, values[rank]) - @min(middle, values[rank]);
        try testing.expect(distance * 64 <= values[rank]);
    }
}
