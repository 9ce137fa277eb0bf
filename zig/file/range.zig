//! The Range field (RFC 9110 14): which parts of a file a client asks for. Bytes in, values out.
//! Called by `plan.zig`.

const std = @import("std");
const limits = @import("../limits.zig");

/// Bytes of a representation; never empty.
pub const Range = struct {
    start: u64,
    len: u64,

    pub fn last(range: Range) u64 {
        return range.start + range.len - 1;
    }
};

pub const Wanted = union(enum) {
    /// No range, or one that may be ignored (RFC 9110 14.2): everything is sent.
    all,
    /// Well-formed, but beyond the end (RFC 9110 15.5.17).
    unsatisfiable,
    /// Disjoint, with gaps between them that are worth a part each.
    ranges: []const Range,
};

/// What the head of another part costs: ranges that are closer are sent as one (RFC 9110 15.3.7.2).
const part_bytes = 80;

pub const Buffer = [limits.ranges_max]Range;

/// `value` is the field's. More than `limits.ranges_max` ranges are ignored, and so is what is not
/// well-formed, reversed ranges included: a client that gets everything loses nothing.
pub fn parse(value: []const u8, size: u64, buffer: *Buffer) Wanted {
    const equals = std.mem.findScalar(u8, value, '=') orelse return .all;
    if (!std.ascii.eqlIgnoreCase(value[0..equals], "bytes")) return .all;
    var count: usize = 0;
    var specs: usize = 0;
    var list = std.mem.splitScalar(u8, value[equals + 1 ..], ',');
    while (list.next()) |element| {
        const spec = std.mem.trim(u8, element, " \t");
        // RFC 9110 5.6.1.2: a recipient accepts a few empty elements.
        if (spec.len == 0) continue;
        if (specs == buffer.len) return .all;
        specs += 1;
        switch (parseOne(spec, size) orelse return .all) {
            .beyond => {},
            .range => |range| {
                buffer[count] = range;
                count += 1;
            },
        }
    }
    if (specs == 0) return .all;
    // Nothing of nothing is everything: `bytes=-5` of an empty file cannot be said with 206.
    const suffix_of_nothing = size == 0 and isSuffix(value[equals + 1 ..]);
    if (count == 0) return if (suffix_of_nothing) .all else .unsatisfiable;
    return .{ .ranges = coalesce(buffer[0..count]) };
}

fn isSuffix(specs: []const u8) bool {
    const spec = std.mem.trim(u8, specs, " \t,");
    return spec.len > 1 and spec[0] == '-' and std.mem.findNone(u8, spec[1..], "0") != null;
}

const One = union(enum) { beyond, range: Range };

/// `first-last`, `first-` or `-length` (RFC 9110 14.1.1). Null: malformed.
fn parseOne(spec: []const u8, size: u64) ?One {
    const dash = std.mem.findScalar(u8, spec, '-') orelse return null;
    const after = spec[dash + 1 ..];
    if (dash == 0) {
        const length = @min(number(after) orelse return null, size);
        if (length == 0) return .beyond;
        return .{ .range = .{ .start = size - length, .len = length } };
    }
    const first = number(spec[0..dash]) orelse return null;
    const last = if (after.len == 0) std.math.maxInt(u64) else number(after) orelse return null;
    if (last < first) return null;
    if (first >= size) return .beyond;
    return .{ .range = .{ .start = first, .len = @min(last, size - 1) - first + 1 } };
}

/// A number of any length: what exceeds 64 bits is beyond the end of every file.
fn number(text: []const u8) ?u64 {
    if (text.len == 0) return null;
    var value: u64 = 0;
    for (text) |byte| {
        if (!std.ascii.isDigit(byte)) return null;
        value = value *| 10 +| (byte - '0');
    }
    return value;
}

/// The ranges in the order asked for; in ascending order and merged when some of them touch.
fn coalesce(ranges: []Range) []const Range {
    if (!anyTouch(ranges)) return ranges;
    std.mem.sortUnstable(Range, ranges, {}, startsBefore);
    var kept: usize = 1;
    for (ranges[1..]) |range| {
        const before = &ranges[kept - 1];
        if (range.start <= before.start + before.len +| part_bytes) {
            before.len = @max(before.last(), range.last()) - before.start + 1;
        } else {
            ranges[kept] = range;
            kept += 1;
        }
    }
    return ranges[0..kept];
}

fn anyTouch(ranges: []const Range) bool {
    for (ranges, 1..) |a, next| for (ranges[next..]) |b| {
        const first, const second = if (a.start <= b.start) .{ a, b } else .{ b, a };
        if (second.start <= first.start + first.len +| part_bytes) return true;
    };
    return false;
}

fn startsBefore(_: void, a: Range, b: Range) bool {
    return a.start < b.start;
}

const testing = std.testing;

fn expectRanges(value: []const u8, size: u64, expected: []const [2]u64) !void {
    errdefer std.debug.print("{s}\n", .{value});
    var buffer: Buffer = undefined;
    const ranges = parse(value, size, &buffer).ranges;
    try testing.expectEqual(expected.len, ranges.len);
    for (expected, ranges) |pair, range| {
        try testing.expectEqual(pair[0], range.start);
        try testing.expectEqual(pair[1], range.last());
    }
}

fn expectWanted(expected: std.meta.Tag(Wanted), value: []const u8, size: u64) !void {
    errdefer std.debug.print("{s}\n", .{value});
    var buffer: Buffer = undefined;
    try testing.expectEqual(expected, std.meta.activeTag(parse(value, size, &buffer)));
}

test "one range in all its forms" {
    try expectRanges("bytes=0-0", 100, &.{.{ 0, 0 }});
    try expectRanges("bytes=0-499", 100, &.{.{ 0, 99 }});
    try expectRanges("bytes=10-19", 100, &.{.{ 10, 19 }});
    try expectRanges("bytes=99-", 100, &.{.{ 99, 99 }});
    try expectRanges("bytes=-1", 100, &.{.{ 99, 99 }});
    try expectRanges("bytes=-1000", 100, &.{.{ 0, 99 }});
    try expectRanges("BYTES= 5-6 ", 100, &.{.{ 5, 6 }});
    try expectRanges("bytes=,5-6,", 100, &.{.{ 5, 6 }});
    try expectRanges("bytes=0005-0006", 100, &.{.{ 5, 6 }});
    try expectRanges("bytes=5-99999999999999999999999999", 100, &.{.{ 5, 99 }});
    try expectRanges("bytes=-99999999999999999999999999", 100, &.{.{ 0, 99 }});
    const huge = std.math.maxInt(u64);
    try expectRanges("bytes=0-", huge, &.{.{ 0, huge - 1 }});
}

test "what is malformed, reversed, or in another unit is ignored" {
    for ([_][]const u8{
        "",           "bytes",       "bytes=",        "bytes=,",     "bytes= ",
        "bytes=-",    "bytes=a-b",   "bytes=1",       "bytes=1-2-3", "bytes=5-4",
        "bytes=--5",  "bytes=+1-2",  "bytes=0x1-2",   "items=0-1",   "bytes =0-1",
        "bytes=1 -2", "bytes=1-2;3", "bytes=0-1,5-4", "=0-1",        "bytes=0-1,x",
    }) |value| try expectWanted(.all, value, 100);
    try expectWanted(.all, "bytes=-5", 0);
}

test "what begins behind the end cannot be satisfied" {
    for ([_][]const u8{
        "bytes=100-",
        "bytes=100-200",
        "bytes=-0",
        "bytes=99999999999999999999999999-",
        "bytes=100-,200-300,-0",
        "bytes=99999999999999999999999999-99999999999999999999999999",
    }) |value| try expectWanted(.unsatisfiable, value, 100);
    try expectWanted(.unsatisfiable, "bytes=0-", 0);
    try expectWanted(.unsatisfiable, "bytes=-0", 0);
}

test "several ranges keep their order, and merge when they touch" {
    try expectRanges("bytes=500-599, 0-99", 1000, &.{ .{ 500, 599 }, .{ 0, 99 } });
    try expectRanges("bytes=0-99,100-199", 1000, &.{.{ 0, 199 }});
    try expectRanges("bytes=0-99,150-199", 1000, &.{.{ 0, 199 }});
    try expectRanges("bytes=0-99,181-199", 1000, &.{ .{ 0, 99 }, .{ 181, 199 } });
    try expectRanges("bytes=500-599,0-9,550-799", 1000, &.{ .{ 0, 9 }, .{ 500, 799 } });
    try expectRanges("bytes=0-,0-,0-", 1000, &.{.{ 0, 999 }});
    try expectRanges("bytes=-1,5000-,0-0", 1000, &.{ .{ 999, 999 }, .{ 0, 0 } });
}

test "a thousand ranges are ignored" {
    var value: std.ArrayList(u8) = .empty;
    defer value.deinit(testing.allocator);
    try value.appendSlice(testing.allocator, "bytes=0-");
    for (0..1000) |_| try value.appendSlice(testing.allocator, ",0-");
    try expectWanted(.all, value.items, 1000);
}

test "random ranges cover exactly what was asked for, and the gaps that were closed" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    errdefer std.debug.print("seed {d}\n", .{testing.random_seed});
    const size = 2000;
    for (0..5000) |_| {
        var text: [2048]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&text);
        try writer.writeAll("bytes=");
        var asked: [size]bool = @splat(false);
        for (0..random.intRangeAtMost(usize, 1, 12)) |index| {
            const first = random.uintLessThan(u64, size);
            const last = first + random.uintLessThan(u64, 300);
            try writer.print("{s}{d}-{d}", .{ if (index == 0) "" else ",", first, last });
            @memset(asked[first..@min(last + 1, size)], true);
        }
        var buffer: Buffer = undefined;
        const ranges = parse(writer.buffered(), size, &buffer).ranges;
        var sent: [size]u8 = @splat(0);
        for (ranges) |range| for (sent[range.start..][0..range.len]) |*count| {
            count.* += 1;
        };
        var gap: usize = 0;
        for (asked, sent) |wanted, count| {
            try testing.expect(count <= 1);
            if (wanted) try testing.expectEqual(1, count);
            gap = if (!wanted and count == 1) gap + 1 else 0;
            try testing.expect(gap <= part_bytes);
        }
    }
}

test "random bytes never break out of the file" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    const alphabet = "0123456789-,, \t=bytes";
    for (0..20_000) |_| {
        var text: [64]u8 = undefined;
        @memcpy(text[0..6], "bytes=");
        const len = random.intRangeAtMost(usize, 6, text.len);
        for (text[6..len]) |*byte| byte.* = alphabet[random.uintLessThan(usize, alphabet.len)];
        const size = random.uintLessThan(u64, 1000);
        var buffer: Buffer = undefined;
        switch (parse(text[0..len], size, &buffer)) {
            .all, .unsatisfiable => {},
            .ranges => |ranges| for (ranges) |range| {
                try testing.expect(range.len > 0);
                try testing.expect(range.last() < size);
            },
        }
    }
}
