//! Finds the first byte of a class, sixteen or thirty-two at a time. Every other file of this folder
//! scans through here; nothing reads past the slice it was given.

const std = @import("std");
const builtin = @import("builtin");

/// AVX2 compares 32 bytes in one instruction; elsewhere 16 is what one register holds, and a wider
/// vector only makes the tail (shorter than a vector) more common. Measured in bench/micro/parser.zig.
pub const lanes = if (builtin.cpu.arch == .x86_64 and
    std.Target.x86.featureSetHas(builtin.cpu.features, .avx2)) 32 else 16;

const Vector = @Vector(lanes, u8);
const Mask = std.meta.Int(.unsigned, lanes);
const Shift = std.math.Log2Int(Mask);

/// Each class is named after what it runs over; the byte found is the first that is *not* part of it.
pub const Class = enum {
    /// Visible ASCII without '#': all that may stand in a request target (RFC 9112 3.2).
    target,
    /// HTAB, SP, visible ASCII and the opaque 0x80–0xFF (RFC 9110 5.5).
    value,
    /// Letters, digits and '-': the usual bytes of a field name; rarer token bytes stop the scan and
    /// are looked up one by one.
    name,
    /// Letters, digits, '-', '.' and '_': the usual bytes of a host.
    host,
    /// Anything but CR.
    until_cr,
    /// Anything but '?'.
    until_question,
};

/// Index of the first byte at or after `from` that does not belong to `class`; `bytes.len` if all do.
pub inline fn find(comptime class: Class, bytes: []const u8, from: usize) usize {
    var at = from;
    while (bytes.len - at >= lanes) : (at += lanes) {
        const mask = stopMask(class, bytes[at..][0..lanes].*);
        if (mask != 0) return at + @ctz(mask);
    }
    if (at == bytes.len) return at;
    return findTail(class, bytes, at);
}

/// The last, shorter-than-a-vector part: one load that ends with the slice, where the slice is long
/// enough for one, its already known bytes shifted out.
fn findTail(comptime class: Class, bytes: []const u8, from: usize) usize {
    if (bytes.len >= lanes) {
        const start = bytes.len - lanes;
        const shift: Shift = @intCast(from - start);
        const mask = stopMask(class, bytes[start..][0..lanes].*) >> shift;
        return if (mask != 0) from + @ctz(mask) else bytes.len;
    }
    var at = from;
    while (at < bytes.len and !stopsAt(class, bytes[at])) at += 1;
    return at;
}

inline fn stopMask(comptime class: Class, vector: Vector) Mask {
    return switch (class) {
        // As signed numbers 0x80–0xFF are below zero: one comparison finds controls, SP and them.
        .target => bits(@as(@Vector(lanes, i8), @bitCast(vector)) < @as(@Vector(lanes, i8), @splat(0x21))) |
            equal(vector, 0x7f) | equal(vector, '#'),
        .value => (bits(vector < splat(0x20)) & ~equal(vector, '\t')) | equal(vector, 0x7f),
        .name => ~(alphanumeric(vector) | equal(vector, '-')),
        .host => ~(alphanumeric(vector) | equal(vector, '-') | equal(vector, '.') | equal(vector, '_')),
        .until_cr => equal(vector, '\r'),
        .until_question => equal(vector, '?'),
    };
}

fn stopsAt(comptime class: Class, byte: u8) bool {
    return switch (class) {
        .target => byte <= 0x20 or byte >= 0x7f or byte == '#',
        .value => !isValueByte(byte),
        .name => !(std.ascii.isAlphanumeric(byte) or byte == '-'),
        .host => !(std.ascii.isAlphanumeric(byte) or byte == '-' or byte == '.' or byte == '_'),
        .until_cr => byte == '\r',
        .until_question => byte == '?',
    };
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

/// Case-insensitive comparison with a word that is known when compiling and in lower case. Sound only
/// for `text` made of token bytes: setting bit 5 maps no two of them together but letters.
pub inline fn equalsWord(text: []const u8, comptime word: []const u8) bool {
    if (text.len != word.len) return false;
    const Word = @Vector(word.len, u8);
    const lower = @as(Word, text[0..word.len].*) | @as(Word, @splat(0x20));
    return @reduce(.And, lower == @as(Word, word[0..word.len].*));
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
