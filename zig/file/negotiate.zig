//! Which of a file's encodings a client wants most (RFC 9110 12.5.3): the file itself, or one of
//! the siblings that were compressed beforehand. Called by `plan.zig`.

const std = @import("std");
const fields_file = @import("../http/fields.zig");

/// In the order of preference among equal qualities: the smallest first, by what each usually gives
/// on text.
pub const Coding = enum(u2) {
    br,
    zstd,
    gzip,
    identity,

    /// The name in Content-Encoding.
    pub fn name(coding: Coding) []const u8 {
        return @tagName(coding);
    }

    /// What the sibling's name ends in.
    pub fn suffix(coding: Coding) []const u8 {
        return switch (coding) {
            .br => ".br",
            .zstd => ".zst",
            .gzip => ".gz",
            .identity => "",
        };
    }
};

pub const Available = std.EnumSet(Coding);

/// Qualities in thousandths; null where the client said nothing.
const Qualities = std.EnumArray(Coding, ?u16);

/// The coding to send. The file itself always exists and is sent when nothing else is acceptable,
/// even to a client that refuses identity: RFC 9110 12.5.3 allows 406 there, but no client sends
/// that on purpose and other servers send the file.
pub fn choose(fields: []const u8, available: Available) Coding {
    var qualities: Qualities = .initFill(null);
    var others: ?u16 = null;
    var nth: u32 = 0;
    while (fields_file.findField(fields, "accept-encoding", nth)) |span| : (nth += 1)
        readList(span.slice(fields), &qualities, &others);
    // Without the field any coding would do; whoever does not know of codings sends none.
    if (nth == 0) return .identity;

    var best: Coding = .identity;
    // Not named, the file itself is what is left when nothing better is there.
    var best_quality = qualities.get(.identity) orelse others orelse 0;
    for ([_]Coding{ .gzip, .zstd, .br }) |coding| {
        if (!available.contains(coding)) continue;
        const quality = qualities.get(coding) orelse others orelse 0;
        if (quality == 0 or quality < best_quality) continue;
        best = coding;
        best_quality = quality;
    }
    return best;
}

fn readList(list: []const u8, qualities: *Qualities, others: *?u16) void {
    var elements = std.mem.splitScalar(u8, list, ',');
    while (elements.next()) |element| {
        const semicolon = std.mem.findScalar(u8, element, ';') orelse element.len;
        const token = std.mem.trim(u8, element[0..semicolon], " \t");
        const quality = readQuality(element[semicolon..]);
        if (std.mem.eql(u8, token, "*")) {
            others.* = quality;
        } else if (codingOf(token)) |coding| {
            qualities.set(coding, quality);
        }
    }
}

fn codingOf(token: []const u8) ?Coding {
    // RFC 9110 8.4.1.3: an old name of gzip.
    if (std.ascii.eqlIgnoreCase(token, "x-gzip")) return .gzip;
    inline for (@typeInfo(Coding).@"enum".fields) |field|
        if (std.ascii.eqlIgnoreCase(token, field.name)) return @enumFromInt(field.value);
    return null;
}

/// `;q=0.123` (RFC 9110 12.4.2). What is not well-formed counts as 0: to send the file as it is can
/// be read by everybody.
fn readQuality(parameters: []const u8) u16 {
    const text = std.mem.trim(u8, parameters, "; \t");
    if (text.len == 0) return 1000;
    if (text.len < 3 or std.ascii.toLower(text[0]) != 'q' or text[1] != '=') return 0;
    const digits = text[2..];
    if (digits.len > 5 or (digits.len > 1 and digits[1] != '.')) return 0;
    var value: u16 = switch (digits[0]) {
        '0' => 0,
        '1' => 1000,
        else => return 0,
    };
    var unit: u16 = 100;
    for (digits[@min(2, digits.len)..]) |digit| {
        if (!std.ascii.isDigit(digit)) return 0;
        value += unit * (digit - '0');
        unit /= 10;
    }
    return @min(value, 1000);
}

const testing = std.testing;

fn expectCoding(expected: Coding, value: []const u8, available: []const Coding) !void {
    errdefer std.debug.print("{s}\n", .{value});
    var buffer: [512]u8 = undefined;
    const line = try std.fmt.bufPrint(&buffer, "Host: a\r\nAccept-Encoding: {s}\r\n", .{value});
    try testing.expectEqual(expected, choose(line, .initMany(available)));
}

test "the best acceptable sibling" {
    const all: []const Coding = &.{ .br, .zstd, .gzip };
    try expectCoding(.br, "gzip, deflate, br, zstd", all);
    try expectCoding(.zstd, "gzip, deflate, zstd", all);
    try expectCoding(.gzip, "gzip, deflate, br", &.{.gzip});
    try expectCoding(.identity, "gzip, deflate, br", &.{});
    try expectCoding(.identity, "gzip, deflate", &.{ .br, .zstd });
    try expectCoding(.gzip, "br;q=0.5, gzip;q=0.8", all);
    try expectCoding(.br, "br;q=0.8, gzip;q=0.8", all);
    try expectCoding(.gzip, "br;q=0, gzip;q=0.001", all);
    try expectCoding(.gzip, "X-GZIP", all);
    try expectCoding(.identity, "br;q=0.5, identity", all);
    try expectCoding(.br, "br;q=0.5, identity;q=0.5", all);
    try expectCoding(.identity, "identity", all);
    try expectCoding(.identity, "", all);
}

test "everything else" {
    const all: []const Coding = &.{ .br, .zstd, .gzip };
    try expectCoding(.br, "*", all);
    try expectCoding(.zstd, "br;q=0, *", all);
    try expectCoding(.identity, "gzip;q=0.3, *;q=0.8", &.{.gzip});
    try expectCoding(.br, "gzip;q=0.3, *;q=0.8", all);
    try expectCoding(.gzip, "gzip, *;q=0", all);
    try expectCoding(.identity, "*;q=0", all);
    try expectCoding(.identity, "identity;q=0, deflate", all);
    try expectCoding(.br, "identity;q=0, br", all);
}

test "malformed qualities are no wish" {
    for ([_][]const u8{
        "br;q=",        "br;q=2",       "br;q=-1",   "br;q=1x", "br;q=0.1234",
        "br;q=0.x",     "br;q",         "br;x=1",    "br;q= 1", "br;q=.5",
        "br;q=1,br;q=", "brotli",       "b r",       ";q=1",    "br;q=00",
        "br;q=0.5;q=1", "\"br\"",       "br=1",      "br q=1",  "bR;Q=0.000",
        "gzip;q=nan",   ",,,;;;===,,,", "identity*", "*br",     "br\t;\tq=NaN",
    }) |value| try expectCoding(.identity, value, &.{ .br, .gzip });
    try expectCoding(.br, " Br ; Q=1.000 ,", &.{ .br, .gzip });
}

test "several lines are one list" {
    const lines = "accept-encoding: gzip\r\nAccept-Encoding: br\r\n";
    try testing.expectEqual(.br, choose(lines, .initMany(&.{ .br, .gzip })));
    try testing.expectEqual(.identity, choose("Accept: br\r\n", .initMany(&.{ .br, .gzip })));
}

test "random fields choose what is there" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    const tokens = [_][]const u8{
        "br", "gzip", "zstd", "*", ",", ";", "q=", "0", "1", ".5", " ", "identity", "\xff", "q",
    };
    for (0..20_000) |_| {
        var text: [256]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&text);
        for (0..random.uintLessThan(usize, 20)) |_|
            try writer.writeAll(tokens[random.uintLessThan(usize, tokens.len)]);
        var available: Available = .initEmpty();
        if (random.boolean()) available.insert(.gzip);
        if (random.boolean()) available.insert(.br);
        var line: [300]u8 = undefined;
        const field = try std.fmt.bufPrint(&line, "accept-encoding:{s}\r\n", .{writer.buffered()});
        const chosen = choose(field, available);
        try testing.expect(chosen == .identity or available.contains(chosen));
    }
}
