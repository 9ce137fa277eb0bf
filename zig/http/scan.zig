//! Finds the first byte of a class, sixteen or thirty-two at a time. Every other file of this
//! folder scans through here; nothing reads past the slice it was given.

const std = @import("std");
const builtin = @import("builtin");

/// AVX2 compares 32 bytes in one instruction; elsewhere 16 is what one register holds, and a wider
/// vector only makes the tail (shorter than a vector) more common. Measured in
/// bench/micro/parser.zig.
pub const lanes = if (builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx2)) 32 else 16;

const Vector = @Vector(lanes, u8);
const Mask = std.meta.Int(.unsigned, lanes);
const Shift = std.math.Log2Int(Mask);

/// Each class is named after what it runs over; the byte found is the first that is *not* part of
/// it.
pub const Class = enum {
    /// Visible ASCII without '#': all that may stand in a request target (RFC 9112 3.2).
    target,
    /// The same without '?'.
    path,
    /// HTAB, SP, visible ASCII and the opaque 0x80–0xFF (RFC 9110 5.5).
    value,
    /// Letters, digits and '-': the usual bytes of a field name; rarer token bytes stop the scan
    /// and are looked up one by one.
    name,
    /// Letters, digits, '-', '.' and '_': the usual bytes of a host.
    host,
    /// Anything but CR.
    until_cr,
    /// Anything but '?'.
    until_question,
};

/// Index of the first byte at or after `from` that does not belong to `class`; `bytes.len` if all
/// do.
pub inline fn find(comptime class: Class, bytes: []const u8, from: usize) usize {
    var at = from;
    while (bytes.len - at >= lanes) : (at += lanes) {
        const mask = stopMask(class, bytes[at..][0..lanes].*);
        if (mask != 0) return at + @ctz(mask);
    }
    if (at == bytes.len) return at;
    return findTail(class, bytes, at);
}

fn findTail(comptime class: Class, bytes: []const u8, from: usize) usize {
    const mask = tailMask(class, bytes, from);
    return if (mask != 0) from + @ctz(mask) else bytes.len;
}

/// The stops from `from` to the end, less than a vector away: by one load that ends with the slice,
/// where the slice is long enough for one, its already known bytes shifted out.
inline fn tailMask(comptime class: Class, bytes: []const u8, from: usize) Mask {
    if (bytes.len >= lanes) {
        const load = bytes.len - lanes;
        const known: Shift = @intCast(from - load);
        return stopMask(class, bytes[load..][0..lanes].*) >> known;
    }
    var mask: Mask = 0;
    for (bytes[from..], 0..) |byte, position| {
        mask |= @as(Mask, @intFromBool(stopsAt(class, byte))) << @intCast(position);
    }
    return mask;
}

inline fn stopMask(comptime class: Class, vector: Vector) Mask {
    return switch (class) {
        .target => notTarget(vector),
        .path => notTarget(vector) | equal(vector, '?'),
        .value => (bits(vector < splat(0x20)) & ~equal(vector, '\t')) | equal(vector, 0x7f),
        .name => ~(alphanumeric(vector) | equal(vector, '-')),
        .host => ~(alphanumeric(vector) | equal(vector, '-') |
            equal(vector, '.') | equal(vector, '_')),
        .until_cr => equal(vector, '\r'),
        .until_question => equal(vector, '?'),
    };
}

fn stopsAt(comptime class: Class, byte: u8) bool {
    return switch (class) {
        .target => byte <= 0x20 or byte >= 0x7f or byte == '#',
        .path => stopsAt(.target, byte) or byte == '?',
        .value => !isValueByte(byte),
        .name => !(std.ascii.isAlphanumeric(byte) or byte == '-'),
        .host => !(std.ascii.isAlphanumeric(byte) or byte == '-' or byte == '.' or byte == '_'),
        .until_cr => byte == '\r',
        .until_question => byte == '?',
    };
}

/// As signed numbers 0x80–0xFF are below zero: one comparison finds them, controls and SP.
inline fn notTarget(vector: Vector) Mask {
    const signed: @Vector(lanes, i8) = @bitCast(vector);
    const below = bits(signed < @as(@Vector(lanes, i8), @splat(0x21)));
    return below | equal(vector, 0x7f) | equal(vector, '#');
}

inline fn splat(byte: u8) Vector {
    return @splat(byte);
}

inline fn bits(lanes_true: @Vector(lanes, bool)) Mask {
    return @bitCast(lanes_true);
}

inline fn equal(vector: Vector, byte: u8) Mask {
    return bits(vector == splat(byte));
}

inline fn alphanumeric(vector: Vector) Mask {
    const lower = (vector | splat(0x20)) -% splat('a');
    return bits(lower < splat(26)) | bits((vector -% splat('0')) < splat(10));
}

/// Where values may end in 64 bytes, found in one go. From line to line with `find`, each search
/// must wait for the one before it; with a block in a register a step is a shift and a count, and
/// names are judged beside it (bench/micro/parser.zig).
pub const Block = struct {
    start: usize,
    stops: u64,

    const len = 64;

    /// Bytes behind the end of the slice count as stops.
    pub fn at(bytes: []const u8, start: usize) Block {
        var stops: u64 = 0;
        const left = bytes.len - start;
        if (left >= len) {
            inline for (0..len / lanes) |part| {
                const from = start + part * lanes;
                stops |= @as(u64, stopMask(.value, bytes[from..][0..lanes].*)) << part * lanes;
            }
            return .{ .start = start, .stops = stops };
        }
        var done: usize = 0;
        while (left - done >= lanes) : (done += lanes) {
            const mask = stopMask(.value, bytes[start + done ..][0..lanes].*);
            stops |= @as(u64, mask) << @intCast(done);
        }
        if (done < left) stops |= @as(u64, tailMask(.value, bytes, start + done)) << @intCast(done);
        stops |= @as(u64, std.math.maxInt(u64)) << @intCast(left);
        return .{ .start = start, .stops = stops };
    }

    /// Index of the first byte at or after `from` that ends a value, or the length of the slice.
    /// `from` lies in this block or the next, and behind the last byte found.
    pub inline fn next(block: *Block, bytes: []const u8, from: usize) usize {
        var at_least = from;
        while (true) {
            if (at_least - block.start < len) {
                const mask = block.stops >> @intCast(at_least - block.start);
                if (mask != 0) return at_least + @ctz(mask);
            }
            at_least = @max(from, block.start + len);
            if (at_least >= bytes.len) return bytes.len;
            block.* = Block.at(bytes, block.start + len);
        }
    }
};

/// tchar of RFC 9110 5.6.2.
pub inline fn isToken(byte: u8) bool {
    return token_table[byte];
}

/// What a field value may hold: HTAB, SP, visible ASCII, obs-text (RFC 9110 5.5).
pub inline fn isValueByte(byte: u8) bool {
    return (byte >= 0x20 and byte != 0x7f) or byte == '\t';
}

pub fn isTokenAll(text: []const u8) bool {
    for (text) |byte| if (!isToken(byte)) return false;
    return text.len > 0;
}

const token_table = table: {
    var result: [256]bool = @splat(false);
    for (0..256) |byte| result[byte] = std.ascii.isAlphanumeric(byte);
    for ("!#$%&'*+-.^_`|~") |byte| result[byte] = true;
    break :table result;
};

/// Case-insensitive comparison with a word that is known when compiling and made of lower case
/// letters and '-'. Sound for `text` without control bytes: setting bit 5 makes those of nothing
/// else.
pub inline fn equalsWord(text: []const u8, comptime word: []const u8) bool {
    if (text.len != word.len) return false;
    const Word = std.meta.Int(
        .unsigned,
        8 * comptime if (word.len >= 8) 8 else if (word.len >= 4) 4 else 1,
    );
    const bytes = @sizeOf(Word);
    const mask: Word = @bitCast(@as([bytes]u8, @splat(0x20)));
    var difference: Word = 0;
    // Whole words, the last of which overlaps the one before it.
    comptime var from = 0;
    inline while (from < word.len) : (from += bytes) {
        const start = comptime @min(from, word.len - bytes);
        const expected: Word = @bitCast(word[start..][0..bytes].*);
        difference |= (@as(Word, @bitCast(text[start..][0..bytes].*)) | mask) ^ expected;
    }
    return difference == 0;
}

/// Value with the optional whitespace around it left out (RFC 9110 5.6.3).
pub inline fn trim(bytes: []const u8, from: usize, to: usize) struct { usize, usize } {
    var start = from;
    var end = to;
    while (start < end and (bytes[start] == ' ' or bytes[start] == '\t')) start += 1;
    while (end > start and (bytes[end - 1] == ' ' or bytes[end - 1] == '\t')) end -= 1;
    return .{ start, end };
}

test "a vector scan finds what a byte scan finds, at every offset and length" {
    var prng = std.Random.DefaultPrng.init(std.testing.random_seed);
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    const random = prng.random();
    var bytes: [100]u8 = undefined;
    inline for (std.enums.values(Class)) |class| {
        for (0..300) |_| {
            const fill: u8 = if (class == .until_question) '!' else 'a';
            @memset(&bytes, fill);
            const length = random.uintAtMost(usize, bytes.len);
            const slice = bytes[0..length];
            if (length > 0) slice[random.uintLessThan(usize, length)] = random.int(u8);
            const from = random.uintAtMost(usize, length);
            var expected = from;
            while (expected < length and !stopsAt(class, slice[expected])) expected += 1;
            try std.testing.expectEqual(expected, find(class, slice, from));
        }
    }
}

test "each byte value is judged alike by vector and table" {
    inline for (std.enums.values(Class)) |class| {
        for (0..256) |value| {
            const bytes: [lanes]u8 = @splat(@intCast(value));
            const expected: usize = if (stopsAt(class, bytes[0])) 0 else lanes;
            try std.testing.expectEqual(expected, find(class, &bytes, 0));
        }
    }
}

test "equalsWord ignores the case of letters only" {
    try std.testing.expect(equalsWord("Transfer-ENCODING", "transfer-encoding"));
    try std.testing.expect(!equalsWord("Transfer_Encoding", "transfer-encoding"));
    try std.testing.expect(!equalsWord("Hos", "host"));
}

test "a block finds the stops that bytes find, also across blocks and at the end" {
    var prng = std.Random.DefaultPrng.init(std.testing.random_seed);
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    const random = prng.random();
    var bytes: [300]u8 = undefined;
    for (0..2_000) |round| {
        for (&bytes) |*byte| byte.* = if (random.uintLessThan(u32, 60) == 0) '\r' else 'a';
        const slice = bytes[0..if (round < 100) round else random.uintAtMost(usize, bytes.len)];
        for (0..3) |_| if (slice.len > 0) {
            slice[random.uintLessThan(usize, slice.len)] = random.int(u8);
        };
        var at = random.uintAtMost(usize, slice.len);
        var block = Block.at(slice, at);
        while (true) {
            const stop = find(.value, slice, at);
            try std.testing.expectEqual(stop, block.next(slice, at));
            if (stop == slice.len) break;
            at = @min(slice.len, stop + 1 + random.uintLessThan(usize, 2));
        }
    }
}
