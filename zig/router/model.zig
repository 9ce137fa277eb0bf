//! The rules of matching once more, without care for speed: every variant of every declared pattern
//! is held against the path, and the matches are sorted by priority. Tests and `fuzz/router.zig`
//! hold the router against it; nothing that ships imports this file.

const std = @import("std");
const Allocator = std.mem.Allocator;
const abi = @import("../abi.zig");
const limits = @import("../limits.zig");
const path = @import("../path.zig");
const pattern_file = @import("pattern.zig");
const router_file = @import("../router.zig");
const Fault = @import("reason.zig").Fault;
const Router = router_file.Router;
const Segment = pattern_file.Segment;
const Method = abi.Method;

const Declared = struct {
    method: u8,
    handler: u32,
    declaration: usize,
    segments: []const Segment,
    present: u16,
    captures_count: u8,
};

const Match = struct {
    declared: *const Declared,
    /// Where a wildcard's rest begins.
    rest: usize,
    /// A wildcard whose slash is missing, which comes after a pattern that ends there.
    slashless: bool,
};

pub const Result = struct {
    handler: u32,
    captures: [limits.params_max]router_file.Capture = undefined,
    captures_count: usize = 0,
    coverage: u32,
    allow: u32 = 0,
};

pub const Model = struct {
    arena: Allocator,
    constraints: pattern_file.Constraints = .empty,
    declared: std.ArrayList(Declared) = .empty,
    prefixes: std.ArrayList([]const Segment) = .empty,
    declarations: usize = 0,
    slash_ignored: bool,
    /// A route was refused here that the router can only refuse at commit.
    doomed: bool = false,

    pub fn init(arena: Allocator, slash_ignored: bool) Model {
        return .{ .arena = arena, .slash_ignored = slash_ignored };
    }

    /// False when another declaration has the same shape and method.
    pub fn add(self: *Model, method: u8, text: []const u8, handler: u32) !bool {
        var fault: Fault = .{};
        const pattern = try pattern_file.parse(self.arena, &self.constraints, text, &fault);
        const kept = self.declared.items.len;
        for (0..pattern.variantsCount()) |index| {
            const buffer = try self.arena.create(pattern_file.Variant.Buffer);
            const variant: pattern_file.Variant = .init(&pattern, @intCast(index), buffer);
            var segments = variant.segments;
            const last = segments.len - 1;
            const slash_at_end = last > 0 and segments[last].text.len == 0 and
                segments[last - 1].text.len > 0;
            if (self.slash_ignored and slash_at_end) segments = segments[0..last];
            const same = self.findShape(method, segments);
            if (same) |other| {
                if (other.declaration == self.declarations) continue;
                self.declared.items.len = kept;
                return false;
            }
            try self.declared.append(self.arena, .{
                .method = method,
                .handler = handler,
                .declaration = self.declarations,
                .segments = segments,
                .present = variant.present,
                .captures_count = pattern.captures_count,
            });
        }
        self.declarations += 1;
        return true;
    }

    pub fn addPrefix(self: *Model, text: []const u8) !void {
        var fault: Fault = .{};
        const pattern = try pattern_file.parse(self.arena, &self.constraints, text, &fault);
        try self.prefixes.append(self.arena, pattern.segments);
    }

    fn findShape(self: *Model, method: u8, segments: []const Segment) ?*const Declared {
        for (self.declared.items) |*other| {
            if (other.method == method and sameShape(other.segments, segments)) return other;
        }
        return null;
    }

    pub fn resolve(self: *Model, method: u8, bytes: []const u8) !Result {
        var matches: std.ArrayList(Match) = .empty;
        for (self.declared.items) |*declared| {
            if (try self.matchOne(declared, bytes)) |match| try matches.append(self.arena, match);
        }
        const coverage = self.coverageOf(bytes);
        if (matches.items.len == 0)
            return .{ .handler = abi.Special.not_found, .coverage = coverage };
        std.mem.sort(Match, matches.items, self, before);
        var index: usize = 0;
        while (index < matches.items.len) {
            var end = index + 1;
            while (end < matches.items.len) : (end += 1) {
                if (before(self, matches.items[index], matches.items[end])) break;
            }
            if (chooseMethod(matches.items[index..end], method)) |match| {
                var result = capturesOf(match, self.routed(bytes));
                result.coverage = coverage;
                return result;
            }
            index = end;
        }
        var allow = bitOf(Method.options);
        for (matches.items) |match| switch (match.declared.method) {
            Method.get => allow |= bitOf(Method.get) | bitOf(Method.head),
            Method.all => allow |= 0b1_0101_1111,
            else => |id| allow |= bitOf(id),
        };
        const handler = switch (method) {
            Method.options => abi.Special.options,
            Method.other => abi.Special.not_implemented,
            else => abi.Special.method_not_allowed,
        };
        return .{ .handler = handler, .coverage = coverage, .allow = allow };
    }

    fn routed(self: *const Model, bytes: []const u8) Routed {
        const slash_at_end = bytes.len > 1 and bytes[bytes.len - 1] == '/' and
            bytes[bytes.len - 2] != '/';
        const len = if (self.slash_ignored and slash_at_end) bytes.len - 1 else bytes.len;
        return .{ .bytes = bytes, .short = bytes[0..len] };
    }

    fn matchOne(self: *Model, declared: *const Declared, bytes: []const u8) !?Match {
        const view = self.routed(bytes);
        var at: usize = 0;
        for (declared.segments, 0..) |segment, index| {
            if (at == view.short.len) {
                const slashless = segment.kind == .wildcard and self.slash_ignored and index > 0 and
                    declared.segments[index - 1].text.len > 0;
                if (!slashless) return null;
                return .{ .declared = declared, .rest = bytes.len, .slashless = true };
            }
            if (segment.kind == .wildcard)
                return .{ .declared = declared, .rest = at + 1, .slashless = false };
            const end = std.mem.indexOfScalarPos(u8, view.short, at + 1, '/') orelse view.short.len;
            if (!takes(segment, view.short[at + 1 .. end])) return null;
            at = end;
        }
        if (at < view.short.len) return null;
        return .{ .declared = declared, .rest = 0, .slashless = false };
    }

    fn coverageOf(self: *const Model, bytes: []const u8) u32 {
        var coverage: u32 = 0;
        prefixes: for (self.prefixes.items, 0..) |prefix, index| {
            var segments = std.mem.splitScalar(u8, bytes[1..], '/');
            for (prefix) |segment| {
                if (segment.text.len == 0) break;
                const text = segments.next() orelse continue :prefixes;
                if (!takes(segment, text)) continue :prefixes;
            }
            coverage |= bitOf(@intCast(index));
        }
        return coverage;
    }

    /// Strictly better priority; neither way round for the methods of one place.
    fn before(self: *Model, left: Match, right: Match) bool {
        const ones = left.declared.segments;
        const others = right.declared.segments;
        for (0..@min(ones.len, others.len)) |index| {
            if (sameShape(ones[index .. index + 1], others[index .. index + 1])) continue;
            return self.rank(ones, index) < self.rank(others, index);
        }
        return ones.len < others.len;
    }

    fn rank(self: *Model, segments: []const Segment, index: usize) usize {
        const segment = segments[index];
        switch (segment.kind) {
            .literal => return 0,
            .wildcard => return std.math.maxInt(usize),
            .param => {},
        }
        if (segment.constraint == null) return std.math.maxInt(usize) - 1;
        for (self.declared.items, 1..) |declared, order| {
            if (declared.segments.len <= index) continue;
            const start = declared.segments[0 .. index + 1];
            if (sameShape(start, segments[0 .. index + 1])) return order;
        }
        unreachable;
    }
};

const Routed = struct { bytes: []const u8, short: []const u8 };

fn bitOf(method: u8) u32 {
    return @as(u32, 1) << @intCast(method);
}

fn takes(segment: Segment, text: []const u8) bool {
    return switch (segment.kind) {
        .literal => std.mem.eql(u8, segment.text, text),
        .param => text.len > 0 and if (segment.constraint) |constraint|
            constraint.matches(text)
        else
            true,
        .wildcard => true,
    };
}

fn sameShape(left: []const Segment, right: []const Segment) bool {
    if (left.len != right.len) return false;
    for (left, right) |one, other| {
        if (one.kind != other.kind or one.constraint != other.constraint) return false;
        if (one.kind == .literal and !std.mem.eql(u8, one.text, other.text)) return false;
    }
    return true;
}

fn chooseMethod(matches: []const Match, method: u8) ?Match {
    if (method == Method.trace or method == Method.connect) return null;
    const wanted = [_]u8{ method, if (method == Method.head) Method.get else method, Method.all };
    for (wanted) |candidate| for (matches) |match| {
        if (match.declared.method == candidate) return match;
    };
    return null;
}

fn capturesOf(match: Match, view: Routed) Result {
    var result: Result = .{ .handler = match.declared.handler, .coverage = 0 };
    result.captures_count = match.declared.captures_count;
    @memset(result.captures[0..result.captures_count], .absent);
    var at: usize = 0;
    var next: usize = 0;
    for (match.declared.segments) |segment| {
        const start = at + 1;
        at = std.mem.indexOfScalarPos(u8, view.short, @min(start, view.short.len), '/') orelse
            view.short.len;
        if (segment.kind == .literal) continue;
        while (match.declared.present >> @intCast(next) & 1 == 0) next += 1;
        result.captures[next] = if (segment.kind == .param)
            .{ .start = @intCast(start), .len = @intCast(at - start) }
        else
            .{ .start = @intCast(match.rest), .len = @intCast(view.bytes.len - match.rest) };
        next += 1;
    }
    return result;
}

/// One random application, and requests to it, compared between router and model.
pub fn compareRandom(allocator: Allocator, random: std.Random) !void {
    var arena: std.heap.ArenaAllocator = .init(allocator);
    defer arena.deinit();
    const router = try Router.create(allocator);
    defer router.destroy();
    const slash_ignored = random.boolean();
    var model: Model = .init(arena.allocator(), slash_ignored);
    const prefix_texts = [_][]const u8{
        "/", "/a", "/a/", "/:x", "/a/:x", "/:x(\\d+)", "/a/b", "/:x/1",
    };
    for (prefix_texts) |text| {
        var fault: Fault = .{};
        const prefixes_before = router.prefixes_count;
        if (try router.addPrefix(text, &fault) == prefixes_before) try model.addPrefix(text);
    }
    // Enough routes that places are shared, few enough that many paths miss.
    for (0..random.intRangeAtMost(u32, 1, 24)) |handler|
        try declareRandom(arena.allocator(), router, &model, random, @intCast(handler));
    router.commit(.{ .trailing_slash_ignored = slash_ignored }) catch |err| {
        try std.testing.expectEqual(error.Conflicting, err);
        return std.testing.expect(model.doomed);
    };
    try std.testing.expect(!model.doomed);
    for (0..60) |_| try requestRandom(router, &model, random);
}

fn declareRandom(
    arena: Allocator,
    router: *Router,
    model: *Model,
    random: std.Random,
    handler: u32,
) !void {
    const methods = [_]u8{
        Method.get, Method.get, Method.post, Method.head, Method.all, Method.options,
    };
    const pieces = [_][]const u8{
        "/a", "/b", "/1", "/ab", "/", "/:x", "/:y(\\d+)", "/:z(a|b1?)", "/:w?", "/:v(\\d)?",
    };
    var text: std.ArrayList(u8) = .empty;
    var used: [pieces.len]bool = @splat(false);
    for (0..random.intRangeAtMost(usize, 0, 4)) |_| {
        const index = random.uintLessThan(usize, pieces.len);
        // Names stand once in a pattern.
        if (used[index] and pieces[index].len > 1 and pieces[index][1] == ':') continue;
        used[index] = true;
        try text.appendSlice(arena, pieces[index]);
    }
    if (random.uintLessThan(u8, 5) == 0) try text.appendSlice(arena, "/*");
    if (text.items.len == 0) try text.append(arena, '/');
    const method = methods[random.uintLessThan(usize, methods.len)];
    var fault: Fault = .{};
    var conflict: router_file.Conflict = .{};
    const added = try model.add(method, text.items, handler);
    router.add(.{
        .method = method,
        .pattern = text.items,
        .handler = handler,
    }, &fault, &conflict) catch |err| switch (err) {
        // What follows a route that only the router still has may differ.
        error.Duplicate, error.Conflicting => {
            if (added and !model.doomed) return error.RefusedRoute;
            return;
        },
        else => return err,
    };
    if (!added) model.doomed = true;
}

fn requestRandom(router: *const Router, model: *Model, random: std.Random) !void {
    const methods = [_]u8{
        Method.get,   Method.post, Method.head,  Method.options,
        Method.trace, Method.put,  Method.other,
    };
    const pieces = [_][]const u8{ "/a", "/b", "/1", "/ab", "/", "/b1", "/22", "/x\x00y", "/a" };
    var bytes: [64]u8 = undefined;
    var len: usize = 0;
    for (0..random.intRangeAtMost(usize, 1, 5)) |_| {
        const piece = pieces[random.uintLessThan(usize, pieces.len)];
        @memcpy(bytes[len..][0..piece.len], piece);
        len += piece.len;
    }
    const request = bytes[0..len];
    const method = methods[random.uintLessThan(usize, methods.len)];
    const expected = try model.resolve(method, request);
    var captures: [limits.params_max]router_file.Capture = undefined;
    const token = if (method == Method.other) "UNKNOWN" else "";
    const canonical: path.Canonical = .{ .bytes = request, .escaped = true };
    const actual = router.resolve(method, token, canonical, &captures);
    errdefer std.debug.print("method {d}, path {s}\n", .{ method, request });
    try std.testing.expectEqual(expected.handler, actual.handler);
    try std.testing.expectEqual(expected.coverage, actual.coverage);
    try std.testing.expectEqual(expected.allow, actual.allow);
    try std.testing.expectEqual(expected.captures_count, actual.captures_count);
    try std.testing.expectEqualSlices(
        router_file.Capture,
        expected.captures[0..expected.captures_count],
        captures[0..actual.captures_count],
    );
}

test "random applications against the model" {
    const seed = std.testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    for (0..600) |_| try compareRandom(std.testing.allocator, prng.random());
}
