//! Prefixes of middleware: which of them cover a path. At commit `router.zig` decides for each
//! route which prefixes always or never cover what it matches; only the rest is looked at for each
//! request. A prefix covers whole segments: `/a` covers `/a`, `/a/` and `/a/b`, never `/ab`.

const std = @import("std");
const pattern_file = @import("pattern.zig");
const Segment = pattern_file.Segment;
const Fault = @import("reason.zig").Fault;

/// The segments of a prefix, or why the pattern is none. A trailing slash is left out, so that
/// `/a/` is `/a`, and `/` has no segments and covers everything.
pub fn segmentsOf(pattern: *const pattern_file.Pattern, fault: *Fault) Fault.Error![]const Segment {
    var segments = pattern.segments;
    if (segments[segments.len - 1].text.len == 0) segments = segments[0 .. segments.len - 1];
    for (segments) |segment| {
        if (segment.optional) return fault.set(0, .prefix_optional);
        switch (segment.kind) {
            .literal => if (segment.text.len == 0) return fault.set(0, .prefix_empty_segment),
            .param => {},
            .wildcard => return fault.set(0, .prefix_wildcard),
        }
    }
    return segments;
}

/// Same segments whatever the names: such prefixes share a bit.
pub fn equal(left: []const Segment, right: []const Segment) bool {
    if (left.len != right.len) return false;
    for (left, right) |one, other| {
        if (one.kind != other.kind or one.constraint != other.constraint) return false;
        if (one.kind == .literal and !std.mem.eql(u8, one.text, other.text)) return false;
    }
    return true;
}

/// Whether `prefix` covers the canonical path `bytes`.
pub fn covers(prefix: []const Segment, bytes: []const u8) bool {
    var at: usize = 0;
    for (prefix) |segment| {
        if (at == bytes.len) return false;
        const start = at + 1;
        const end = std.mem.indexOfScalarPos(u8, bytes, start, '/') orelse bytes.len;
        if (!takes(segment, bytes[start..end])) return false;
        at = end;
    }
    return true;
}

fn takes(segment: Segment, text: []const u8) bool {
    if (segment.kind == .literal) return std.mem.eql(u8, segment.text, text);
    if (text.len == 0) return false;
    const constraint = segment.constraint orelse return true;
    return constraint.matches(text);
}

pub const Relation = enum { always, never, maybe };

/// Whether `prefix` covers the paths that `route` matches. With slashes at the end ignored a path
/// may have an empty segment more than the route; no segment of a prefix takes an empty one.
pub fn relation(prefix: []const Segment, route: []const Segment) Relation {
    var answer: Relation = .always;
    for (prefix, 0..) |segment, index| {
        if (index == route.len) return .never;
        const other = route[index];
        switch (other.kind) {
            .literal => if (!takes(segment, other.text)) return .never,
            .param => switch (paramRelation(segment, other)) {
                .always => {},
                .never => return .never,
                .maybe => answer = .maybe,
            },
            .wildcard => return .maybe,
        }
    }
    return answer;
}

fn paramRelation(segment: Segment, param: Segment) Relation {
    if (segment.kind == .literal) {
        const constraint = param.constraint orelse return .maybe;
        return if (constraint.matches(segment.text)) .maybe else .never;
    }
    if (segment.constraint == null or segment.constraint == param.constraint) return .always;
    return .maybe;
}

const testing = std.testing;

test "what is known of a route before any request" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var constraints: pattern_file.Constraints = .empty;
    for ([_]struct { []const u8, []const u8, Relation }{
        .{ "/a", "/a", .always },
        .{ "/a", "/a/", .always },
        .{ "/a", "/a/:x", .always },
        .{ "/a", "/a/*", .always },
        .{ "/a", "/ab", .never },
        .{ "/a", "/", .never },
        .{ "/a", "/:x", .maybe },
        .{ "/a", "/:x(\\d+)", .never },
        .{ "/1", "/:x(\\d+)", .maybe },
        .{ "/a", "/*", .maybe },
        .{ "/a/b", "/a", .never },
        .{ "/a/b", "/a/*", .maybe },
        .{ "/a/b", "/c/*", .never },
        .{ "/:x", "/a", .always },
        .{ "/:x", "/:y", .always },
        .{ "/:x", "/:y(\\d+)", .always },
        .{ "/:x", "/*", .maybe },
        .{ "/:x(\\d+)", "/1", .always },
        .{ "/:x(\\d+)", "/a", .never },
        .{ "/:x(\\d+)", "/:y(\\d+)", .always },
        .{ "/:x(\\d+)", "/:y(\\w+)", .maybe },
        .{ "/:x(\\d+)", "/:y", .maybe },
        .{ "/:x/b", "/a/c", .never },
        .{ "/a/:x", "/a/", .never },
    }) |case| {
        errdefer std.debug.print("{s} and {s}\n", .{ case[0], case[1] });
        var fault: Fault = .{};
        const prefix = try pattern_file.parse(arena.allocator(), &constraints, case[0], &fault);
        const route = try pattern_file.parse(arena.allocator(), &constraints, case[1], &fault);
        try testing.expectEqual(case[2], relation(prefix.segments, route.segments));
    }
}
