//! Whether a client's conditions about a file hold (RFC 9110 13): entity tags, dates, and the order
//! in which they count. Called by `plan.zig`.

const std = @import("std");
const fields_file = @import("../http/fields.zig");
const date = @import("date.zig");

/// What a condition is compared with.
pub const Validators = struct {
    /// As in the ETag field, quotes and `W/` included; empty when the file has none.
    etag: []const u8,
    modified_seconds: u64,
};

pub const Verdict = enum { proceed, not_modified, precondition_failed };

/// The order of RFC 9110 13.2.2, for GET and HEAD. `fields` are the request's field lines.
pub fn evaluate(fields: []const u8, validators: Validators) Verdict {
    if (matchList(fields, "if-match", validators.etag, .strong)) |matches| {
        if (!matches) return .precondition_failed;
    } else if (dateField(fields, "if-unmodified-since")) |limit| {
        if (validators.modified_seconds > limit) return .precondition_failed;
    }
    if (matchList(fields, "if-none-match", validators.etag, .weak)) |matches| {
        if (matches) return .not_modified;
    } else if (dateField(fields, "if-modified-since")) |limit| {
        if (validators.modified_seconds <= limit) return .not_modified;
    }
    return .proceed;
}

/// Whether Range counts (RFC 9110 13.1.5): there is no If-Range, or it names exactly this file. A
/// weak tag never does, and a date only when it is the one that was sent.
pub fn rangeApplies(fields: []const u8, validators: Validators) bool {
    const span = fields_file.findField(fields, "if-range", 0) orelse return true;
    if (fields_file.findField(fields, "if-range", 1) != null) return false;
    const value = span.slice(fields);
    if (std.mem.findScalar(u8, value, '"') != null) {
        return isStrong(validators.etag) and std.mem.eql(u8, value, validators.etag);
    }
    const seconds = date.parse(value) orelse return false;
    return seconds == validators.modified_seconds;
}

const Comparison = enum { strong, weak };

/// Whether a list of tags names `etag`; null when no such field was sent. `*` stands for any file
/// that exists, and this one does.
fn matchList(
    fields: []const u8,
    comptime name: []const u8,
    etag: []const u8,
    comparison: Comparison,
) ?bool {
    var nth: u32 = 0;
    while (fields_file.findField(fields, name, nth)) |span| : (nth += 1) {
        const value = span.slice(fields);
        if (std.mem.eql(u8, value, "*")) return true;
        if (listNames(value, etag, comparison)) return true;
    }
    return if (nth == 0) null else false;
}

/// Tags may contain commas, so the list is read tag by tag. What is none ends it.
fn listNames(list: []const u8, etag: []const u8, comparison: Comparison) bool {
    var rest = list;
    while (true) {
        rest = std.mem.trimStart(u8, rest, ", \t");
        const len = tagLen(rest) orelse return false;
        if (etag.len > 0 and tagsMatch(rest[0..len], etag, comparison)) return true;
        rest = rest[len..];
    }
}

/// Length of the entity tag at the front (RFC 9110 8.8.3), or null when there is none.
fn tagLen(text: []const u8) ?usize {
    const open: usize = if (std.mem.startsWith(u8, text, "W/")) 2 else 0;
    if (text.len <= open or text[open] != '"') return null;
    const close = std.mem.findScalarPos(u8, text, open + 1, '"') orelse return null;
    return close + 1;
}

/// RFC 9110 8.8.3.2.
fn tagsMatch(a: []const u8, b: []const u8, comparison: Comparison) bool {
    return switch (comparison) {
        .strong => isStrong(a) and std.mem.eql(u8, a, b),
        .weak => std.mem.eql(u8, opaqueTag(a), opaqueTag(b)),
    };
}

fn isStrong(tag: []const u8) bool {
    return tag.len > 0 and tag[0] == '"';
}

fn opaqueTag(tag: []const u8) []const u8 {
    return if (std.mem.startsWith(u8, tag, "W/")) tag[2..] else tag;
}

/// A date that is none, or one of several, is as if it had not been sent (RFC 9110 13.1.3, 13.1.4).
fn dateField(fields: []const u8, comptime name: []const u8) ?u64 {
    const span = fields_file.findField(fields, name, 0) orelse return null;
    if (fields_file.findField(fields, name, 1) != null) return null;
    return date.parse(span.slice(fields));
}

const testing = std.testing;

const strong: Validators = .{ .etag = "\"a,b\"", .modified_seconds = 784_111_777 };
const weak: Validators = .{ .etag = "W/\"a,b\"", .modified_seconds = 784_111_777 };
const untagged: Validators = .{ .etag = "", .modified_seconds = 784_111_777 };

const same = "Sun, 06 Nov 1994 08:49:37 GMT";
const earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
const later = "Sun, 06 Nov 1994 08:49:38 GMT";

fn expect(expected: Verdict, fields: []const u8, validators: Validators) !void {
    errdefer std.debug.print("{s}\n", .{fields});
    try testing.expectEqual(expected, evaluate(fields, validators));
}

test "If-None-Match compares weakly" {
    for ([_][]const u8{
        "\"a,b\"",          "W/\"a,b\"",            "*",         "\"x\", \"a,b\"",
        "W/\"x\",\"a,b\"",  "\"x\" , W/\"a,b\" ,x", ", \"a,b\"", "\"\",\"a,b\"",
        "\"x\"\t,\"a,b\"y",
    }) |list| {
        var buffer: [128]u8 = undefined;
        const line = try std.fmt.bufPrint(&buffer, "If-None-Match: {s}\r\n", .{list});
        try expect(.not_modified, line, strong);
        try expect(.not_modified, line, weak);
    }
    for ([_][]const u8{
        "\"x\"", "a,b", "\"a\",\"b\"", "\"a,b", "", "w/\"a,b\"", "x,\"a,b\"", "\"A,B\"", "**",
    }) |list| {
        var buffer: [128]u8 = undefined;
        const line = try std.fmt.bufPrint(&buffer, "If-None-Match: {s}\r\n", .{list});
        try expect(.proceed, line, strong);
    }
    try expect(.proceed, "If-None-Match: \"a,b\"\r\n", untagged);
    try expect(.not_modified, "If-None-Match: *\r\n", untagged);
    try expect(.not_modified, "if-none-match: \"x\"\r\nIF-NONE-MATCH: \"a,b\"\r\n", strong);
}

test "If-Match compares strongly" {
    try expect(.proceed, "If-Match: \"x\", \"a,b\"\r\n", strong);
    try expect(.proceed, "If-Match: *\r\n", weak);
    try expect(.precondition_failed, "If-Match: W/\"a,b\"\r\n", strong);
    try expect(.precondition_failed, "If-Match: W/\"a,b\"\r\n", weak);
    try expect(.precondition_failed, "If-Match: \"a,b\"\r\n", weak);
    try expect(.precondition_failed, "If-Match: \"x\"\r\n", strong);
    try expect(.precondition_failed, "If-Match:\r\n", strong);
    try expect(.precondition_failed, "If-Match: \"\"\r\n", untagged);
}

test "dates, and the fields that go before them" {
    try expect(.not_modified, "If-Modified-Since: " ++ same ++ "\r\n", strong);
    try expect(.not_modified, "If-Modified-Since: " ++ later ++ "\r\n", strong);
    try expect(.proceed, "If-Modified-Since: " ++ earlier ++ "\r\n", strong);
    try expect(.proceed, "If-Modified-Since: yesterday\r\n", strong);
    try expect(
        .proceed,
        "If-Modified-Since: " ++ same ++ "\r\nIf-Modified-Since: " ++ same ++ "\r\n",
        strong,
    );
    try expect(.proceed, "If-None-Match: \"x\"\r\nIf-Modified-Since: " ++ same ++ "\r\n", strong);
    try expect(.proceed, "If-Unmodified-Since: " ++ same ++ "\r\n", strong);
    try expect(.precondition_failed, "If-Unmodified-Since: " ++ earlier ++ "\r\n", strong);
    try expect(.proceed, "If-Unmodified-Since: never\r\n", strong);
    const matched = "If-Match: \"a,b\"\r\n";
    try expect(.proceed, matched ++ "If-Unmodified-Since: " ++ earlier ++ "\r\n", strong);
    try expect(.not_modified, matched ++ "If-None-Match: \"a,b\"\r\n", strong);
    try expect(.precondition_failed, "If-Match: \"x\"\r\nIf-None-Match: \"a,b\"\r\n", strong);
}

test "If-Range" {
    try testing.expect(rangeApplies("Range: bytes=0-1\r\n", strong));
    try testing.expect(rangeApplies("If-Range: \"a,b\"\r\n", strong));
    try testing.expect(rangeApplies("If-Range: " ++ same ++ "\r\n", strong));
    for ([_][]const u8{
        "If-Range: \"x\"\r\n",
        "If-Range: W/\"a,b\"\r\n",
        "If-Range: \"a,b\", \"x\"\r\n",
        "If-Range: *\r\n",
        "If-Range:\r\n",
        "If-Range: " ++ later ++ "\r\n",
        "If-Range: " ++ earlier ++ "\r\n",
        "If-Range: \"a,b\"\r\nIf-Range: \"a,b\"\r\n",
    }) |line| {
        errdefer std.debug.print("{s}\n", .{line});
        try testing.expect(!rangeApplies(line, strong));
    }
    try testing.expect(!rangeApplies("If-Range: W/\"a,b\"\r\n", weak));
    try testing.expect(!rangeApplies("If-Range: \"\"\r\n", untagged));
}

test "random lists end" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    const tokens = [_][]const u8{ "\"", "W/", ",", " ", "a", "*", "\"a,b\"", "\t", "\xff" };
    for (0..20_000) |_| {
        var text: [256]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&text);
        try writer.writeAll("if-none-match:");
        for (0..random.uintLessThan(usize, 20)) |_|
            try writer.writeAll(tokens[random.uintLessThan(usize, tokens.len)]);
        try writer.writeAll("\r\n");
        const verdict = evaluate(writer.buffered(), strong);
        try testing.expect(verdict != .precondition_failed);
    }
}
