//! Latency histogram with a relative error under 1/64: one row of 64 buckets for each power of two.
//! Filled by the load generator, one value for each answer; no allocation.

const std = @import("std");

const row_bits = 6;
const row_len = 1 << row_bits;
/// 2^36 ns is over a minute: longer than any run waits for an answer.
const rows = 36 - row_bits + 1;
const buckets_len = rows * row_len;

pub const Histogram = struct {
    counts: [buckets_len]u64 = @splat(0),
    total: u64 = 0,
    sum_ns: u128 = 0,
    max_ns: u64 = 0,

    pub fn add(histogram: *Histogram, ns: u64) void {
        histogram.counts[bucketOf(ns)] += 1;
        histogram.total += 1;
        histogram.sum_ns += ns;
        histogram.max_ns = @max(histogram.max_ns, ns);
    }

    /// The upper edge of the bucket that holds the given share of all values, in parts per million.
    pub fn quantile(histogram: *const Histogram, parts_per_million: u64) u64 {
        if (histogram.total == 0) return 0;
        const share = @as(u128, histogram.total) * parts_per_million;
        const wanted: u64 = @max(1, @as(u64, @intCast((share + 999_999) / 1_000_000)));
        var seen: u64 = 0;
        for (histogram.counts, 0..) |count, bucket| {
            seen += count;
            if (seen >= wanted) return @min(upperEdge(bucket), histogram.max_ns);
        }
        return histogram.max_ns;
    }

    pub fn mean(histogram: *const Histogram) u64 {
        if (histogram.total == 0) return 0;
        return @intCast(histogram.sum_ns / histogram.total);
    }
};

fn bucketOf(ns: u64) usize {
    if (ns < row_len) return @intCast(ns);
    const power: usize = std.math.log2_int(u64, ns);
    const row = power - row_bits + 1;
    const column = (ns >> @intCast(power - row_bits)) - row_len;
    return @min(row * row_len + @as(usize, @intCast(column)), buckets_len - 1);
}

fn upperEdge(bucket: usize) u64 {
    const row = bucket / row_len;
    const column: u64 = bucket % row_len;
    if (row == 0) return column;
    const shift: u6 = @intCast(row - 1);
    return ((row_len + column + 1) << shift) - 1;
}

test "a value lies in a bucket whose upper edge is at most 1/64 above it" {
    var ns: u64 = 1;
    while (ns < 1 << 35) : (ns += 1 + ns / 7) {
        const edge = upperEdge(bucketOf(ns));
        try std.testing.expect(edge >= ns);
        try std.testing.expect(edge - ns <= ns / row_len);
    }
}

test "quantiles of 1 to 1000" {
    var histogram: Histogram = .{};
    for (1..1001) |ns| histogram.add(ns);
    try std.testing.expectEqual(@as(u64, 1000), histogram.quantile(1_000_000));
    const half = histogram.quantile(500_000);
    try std.testing.expect(half >= 500 and half <= 508);
    try std.testing.expectEqual(@as(u64, 500), histogram.mean());
}
