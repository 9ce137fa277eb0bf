//! The syntax of patterns, `/static/:param/:optional?/:id(\d+)/*rest`, for routes and for prefixes
//! of middleware. `router.zig` parses each pattern once, at registration; matching never sees the
//! text.
//!
//! Literals are written as in a URL or as plain UTF-8 and are kept in canonical form (`path.zig`),
//! so `%2F` in a pattern is a slash inside a segment.

const std = @import("std");
const Allocator = std.mem.Allocator;
const limits = @import("../limits.zig");
const path = @import("../path.zig");
const constraint_file = @import("constraint.zig");
const Constraint = constraint_file.Constraint;
const Fault = @import("reason.zig").Fault;
const Reason = @import("reason.zig").Reason;

/// Longer than any path that a person writes; it bounds the tree's depth.
pub const bytes_max = 4096;
/// Bounds the choice points of one match, which live on the stack.
pub const segments_max = 64;
/// Every optional parameter doubles the variants of its pattern: 32 of them at most.
pub const optionals_max = 5;

pub const Error = Fault.Error || Allocator.Error;

pub const Segment = struct {
    kind: Kind,
    /// Of a literal its canonical bytes, otherwise the name.
    text: []const u8,
    constraint: ?*const Constraint = null,
    optional: bool = false,

    pub const Kind = enum { literal, param, wildcard };
};

/// Constraints by their text, so that the same text is the same constraint for the whole router.
pub const Constraints = std.StringHashMapUnmanaged(*const Constraint);

pub const Pattern = struct {
    segments: []const Segment,
    captures_count: u8,
    optionals_count: u8,

    /// How many variants the optional parameters make.
    pub fn variantsCount(self: *const Pattern) u32 {
        return @as(u32, 1) << @intCast(self.optionals_count);
    }
};

/// A pattern with each optional parameter either kept or left out.
pub const Variant = struct {
    segments: []const Segment,
    /// One bit for each capture of the pattern that this variant fills.
    present: u16,

    pub const Buffer = [segments_max]Segment;

    /// Variant 0 keeps everything; counting up leaves out the last parameters first, so that of two
    /// variants with one shape the earlier fills the leftmost parameter.
    pub fn init(pattern: *const Pattern, index: u32, buffer: *Buffer) Variant {
        var kept: usize = 0;
        var present: u16 = 0;
        var capture: u4 = 0;
        var optionals_left = pattern.optionals_count;
        for (pattern.segments) |segment| {
            var keep = true;
            if (segment.optional) {
                optionals_left -= 1;
                keep = index >> @intCast(optionals_left) & 1 == 0;
            }
            if (keep) {
                buffer[kept] = segment;
                kept += 1;
                if (segment.kind != .literal) present |= @as(u16, 1) << capture;
            }
            // The last of sixteen captures wraps, and no other follows it.
            if (segment.kind != .literal) capture +%= 1;
        }
        if (kept == 0) {
            buffer[0] = .{ .kind = .literal, .text = "" };
            kept = 1;
        }
        return .{ .segments = buffer[0..kept], .present = present };
    }

    /// Two variants have equal keys when they match the same paths as far as their text tells. A
    /// literal and a constraint contain no '/', so the key is unambiguous.
    pub fn shape(self: *const Variant, arena: Allocator, method: u8) Allocator.Error![]const u8 {
        var key: std.ArrayList(u8) = .empty;
        try key.append(arena, method);
        for (self.segments) |segment| {
            try key.append(arena, '/');
            switch (segment.kind) {
                .literal => {
                    try key.append(arena, '=');
                    try key.appendSlice(arena, segment.text);
                },
                .param => {
                    try key.append(arena, ':');
                    if (segment.constraint) |constraint|
                        try key.appendSlice(arena, constraint.text);
                },
                .wildcard => try key.append(arena, '*'),
            }
        }
        return key.toOwnedSlice(arena);
    }
};

/// What is kept lives in `arena`, `text` included.
pub fn parse(
    arena: Allocator,
    constraints: *Constraints,
    text: []const u8,
    fault: *Fault,
) Error!Pattern {
    if (text.len == 0 or text[0] != '/') return fault.set(0, .no_leading_slash);
    if (text.len > bytes_max) return fault.set(bytes_max, .pattern_too_long);
    var parser: Parser = .{
        .arena = arena,
        .constraints = constraints,
        .text = try arena.dupe(u8, text),
        .fault = fault,
    };
    while (parser.at < text.len) try parser.segment();
    return .{
        .segments = try parser.segments.toOwnedSlice(arena),
        .captures_count = parser.captures_count,
        .optionals_count = parser.optionals_count,
    };
}

const Parser = struct {
    arena: Allocator,
    constraints: *Constraints,
    text: []const u8,
    fault: *Fault,
    at: usize = 0,
    segments: std.ArrayList(Segment) = .empty,
    captures_count: u8 = 0,
    optionals_count: u8 = 0,

    fn peek(self: *const Parser) ?u8 {
        return if (self.at < self.text.len) self.text[self.at] else null;
    }

    /// Begins at the slash before the segment.
    fn segment(self: *Parser) Error!void {
        const slash = self.at;
        if (self.segments.items.len == segments_max)
            return self.fault.set(slash, .too_many_segments);
        self.at += 1;
        const parsed: Segment = switch (self.peek() orelse '/') {
            ':' => try self.param(),
            '*' => try self.wildcard(),
            else => try self.literal(),
        };
        try self.segments.append(self.arena, parsed);
    }

    fn param(self: *Parser) Error!Segment {
        const start = self.at;
        self.at += 1;
        var parsed: Segment = .{ .kind = .param, .text = try self.name(start) };
        if (parsed.text.len == 0) return self.fault.set(start, .empty_name);
        try self.noteCapture(start, parsed.text);
        if (self.peek() == '(') parsed.constraint = try self.constraintAt();
        if (self.peek() == '?') {
            self.at += 1;
            parsed.optional = true;
            if (self.optionals_count == optionals_max)
                return self.fault.set(start, .too_many_optionals);
            self.optionals_count += 1;
        }
        if (self.peek()) |byte| {
            if (byte != '/') return self.fault.set(self.at, .param_not_whole_segment);
        }
        return parsed;
    }

    fn wildcard(self: *Parser) Error!Segment {
        const start = self.at;
        self.at += 1;
        const written = try self.name(start);
        const text = if (written.len == 0) "*" else written;
        const parsed: Segment = .{ .kind = .wildcard, .text = text };
        try self.noteCapture(start, parsed.text);
        if (self.peek()) |byte| return self.fault.set(self.at, switch (byte) {
            '(', '?' => .wildcard_modified,
            '/' => .wildcard_not_last,
            else => .param_not_whole_segment,
        });
        return parsed;
    }

    /// The name after the ':' or '*' at `start`; may be empty.
    fn name(self: *Parser, start: usize) Error![]const u8 {
        while (self.peek()) |byte| : (self.at += 1) switch (byte) {
            'a'...'z', 'A'...'Z', '0'...'9', '_' => {},
            '/', '(', '?', ':', '*' => break,
            '-', '.', '~' => {
                const first = self.at == start + 1;
                return self.fault.set(self.at, if (first) .bad_name else .param_not_whole_segment);
            },
            else => return self.fault.set(self.at, .bad_name),
        };
        const written = self.text[start + 1 .. self.at];
        if (written.len > 0 and std.ascii.isDigit(written[0]))
            return self.fault.set(start + 1, .bad_name);
        return written;
    }

    fn noteCapture(self: *Parser, start: usize, written: []const u8) Error!void {
        for (self.segments.items) |earlier| {
            if (earlier.kind != .literal and std.mem.eql(u8, earlier.text, written))
                return self.fault.set(start, .repeated_name);
        }
        if (self.captures_count == limits.params_max)
            return self.fault.set(start, .too_many_params);
        self.captures_count += 1;
    }

    fn constraintAt(self: *Parser) Error!*const Constraint {
        const compiled = try constraint_file.compile(self.text, self.at + 1, self.fault);
        self.at = compiled.end + 1;
        const entry = try self.constraints.getOrPut(self.arena, compiled.constraint.text);
        if (!entry.found_existing) {
            const kept = self.arena.create(Constraint) catch |err| {
                _ = self.constraints.remove(compiled.constraint.text);
                return err;
            };
            kept.* = compiled.constraint;
            entry.value_ptr.* = kept;
        }
        return entry.value_ptr.*;
    }

    fn literal(self: *Parser) Error!Segment {
        const start = self.at;
        var decoded: std.ArrayList(u8) = .empty;
        while (self.peek()) |byte| switch (byte) {
            '/' => break,
            ':', '*', '?', '#', '(', ')' => return self.fault.set(self.at, .special_byte),
            '%' => {
                if (self.text.len - self.at < 3) return self.fault.set(self.at, .bad_escape);
                const value = path.decodeEscape(self.text[self.at + 1 ..][0..2]) orelse
                    return self.fault.set(self.at, .bad_escape);
                if (value == 0) return self.fault.set(self.at, .bad_escape);
                try decoded.append(self.arena, if (value == '/') path.escaped_slash else value);
                self.at += 3;
            },
            else => {
                if (std.ascii.isControl(byte)) return self.fault.set(self.at, .bad_byte);
                try decoded.append(self.arena, byte);
                self.at += 1;
            },
        };
        const bytes = decoded.items;
        if (!std.unicode.utf8ValidateSlice(bytes)) return self.fault.set(start, .bad_byte);
        if (std.mem.eql(u8, bytes, ".") or std.mem.eql(u8, bytes, ".."))
            return self.fault.set(start, .dot_segment);
        return .{ .kind = .literal, .text = bytes };
    }
};

const testing = std.testing;

fn expectRefused(text: []const u8, offset: u32, reason: Reason) !void {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var constraints: Constraints = .empty;
    var fault: Fault = .{};
    const result = parse(arena.allocator(), &constraints, text, &fault);
    try testing.expectError(error.InvalidPattern, result);
    try testing.expectEqual(Fault{ .offset = offset, .reason = reason }, fault);
}

test "segments of a pattern" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var constraints: Constraints = .empty;
    var fault: Fault = .{};
    const text = "/a%2Fb/:id(\\d+)?/café/:other/*rest";
    const pattern = try parse(arena.allocator(), &constraints, text, &fault);
    try testing.expectEqual(5, pattern.segments.len);
    try testing.expectEqual(3, pattern.captures_count);
    try testing.expectEqual(2, pattern.variantsCount());
    try testing.expectEqualStrings("a\x00b", pattern.segments[0].text);
    try testing.expectEqualStrings("id", pattern.segments[1].text);
    try testing.expectEqualStrings("\\d+", pattern.segments[1].constraint.?.text);
    try testing.expect(pattern.segments[1].optional);
    try testing.expectEqualStrings("café", pattern.segments[2].text);
    try testing.expectEqual(Segment.Kind.wildcard, pattern.segments[4].kind);

    const again = try parse(arena.allocator(), &constraints, "/:x(\\d+)", &fault);
    try testing.expectEqual(pattern.segments[1].constraint, again.segments[0].constraint);

    const root = try parse(arena.allocator(), &constraints, "/", &fault);
    try testing.expectEqual(1, root.segments.len);
    try testing.expectEqualStrings("", root.segments[0].text);
    const trailing = try parse(arena.allocator(), &constraints, "/a//", &fault);
    try testing.expectEqual(3, trailing.segments.len);
}

test "variants fill the leftmost optional first" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var constraints: Constraints = .empty;
    var fault: Fault = .{};
    const pattern = try parse(arena.allocator(), &constraints, "/:a?/x/:b?/:c", &fault);
    const expected = [_]struct { usize, u16 }{
        .{ 4, 0b111 }, .{ 3, 0b101 }, .{ 3, 0b110 }, .{ 2, 0b100 },
    };
    for (expected, 0..) |expectation, index| {
        var buffer: Variant.Buffer = undefined;
        const variant: Variant = .init(&pattern, @intCast(index), &buffer);
        try testing.expectEqual(expectation[0], variant.segments.len);
        try testing.expectEqual(expectation[1], variant.present);
    }
    const only = try parse(arena.allocator(), &constraints, "/:a?", &fault);
    var buffer: Variant.Buffer = undefined;
    const root: Variant = .init(&only, 1, &buffer);
    try testing.expectEqualStrings("", root.segments[0].text);
}

test "refused patterns" {
    try expectRefused("", 0, .no_leading_slash);
    try expectRefused("a", 0, .no_leading_slash);
    try expectRefused("*", 0, .no_leading_slash);
    try expectRefused("/" ++ "a" ** 4096, 4096, .pattern_too_long);
    try expectRefused("/a" ** 65, 128, .too_many_segments);
    try expectRefused("/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k/:l/:m/:n/:o/:p/:q", 49, .too_many_params);
    try expectRefused("/:a?/:b?/:c?/:d?/:e?/:f?", 21, .too_many_optionals);
    try expectRefused("/:", 1, .empty_name);
    try expectRefused("/:/a", 1, .empty_name);
    try expectRefused("/:?", 1, .empty_name);
    try expectRefused("/:1a", 2, .bad_name);
    try expectRefused("/:é", 2, .bad_name);
    try expectRefused("/:a/:a", 4, .repeated_name);
    try expectRefused("/:a/*a", 4, .repeated_name);
    try expectRefused("/:a-:b", 3, .param_not_whole_segment);
    try expectRefused("/:a.json", 3, .param_not_whole_segment);
    try expectRefused("/:a:b", 3, .param_not_whole_segment);
    try expectRefused("/:a(\\d)x", 7, .param_not_whole_segment);
    try expectRefused("/:a?x", 4, .param_not_whole_segment);
    try expectRefused("/a:b", 2, .special_byte);
    try expectRefused("/a*", 2, .special_byte);
    try expectRefused("/a?", 2, .special_byte);
    try expectRefused("/a(b)", 2, .special_byte);
    try expectRefused("/(\\d+)", 1, .special_byte);
    try expectRefused("/*/a", 2, .wildcard_not_last);
    try expectRefused("/*a?", 3, .wildcard_modified);
    try expectRefused("/*a(b)", 3, .wildcard_modified);
    try expectRefused("/%4", 1, .bad_escape);
    try expectRefused("/%zz", 1, .bad_escape);
    try expectRefused("/a%00", 2, .bad_escape);
    try expectRefused("/a\n", 2, .bad_byte);
    try expectRefused("/a/\xff", 3, .bad_byte);
    try expectRefused("/%c3/%a9", 1, .bad_byte);
    try expectRefused("/a/..", 3, .dot_segment);
    try expectRefused("/%2e/a", 1, .dot_segment);
    try expectRefused("/:a(\\d", 3, .constraint_unclosed);
    try expectRefused("/:a(a/b)", 5, .constraint_slash);
}
