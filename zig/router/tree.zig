//! The committed routes: a radix tree over segments in flat arrays, and the search in it.
//! `builder.zig` makes it, `router.zig` asks `find`; nothing changes afterwards and a search
//! allocates nothing.
//!
//! A node is a place between two segments. Where only one segment can follow, a whole run of them
//! is compared at once; where several can, one hash table for all nodes finds the next, so that the
//! number of routes does not matter (a tree over bytes took three times as long at 1,000 routes,
//! `bench/micro/router.zig`).
//!
//! The search backtracks fully, yet it is bounded: a node has one parent and its place in the path
//! follows from the number of segments before it, so each node is entered at most once and no
//! combination of choices is tried twice. What is left to try at a place waits in a frame; a
//! pattern has at most `segments_max` places, so the frames are a fixed array.

const std = @import("std");
const builtin = @import("builtin");
const limits = @import("../limits.zig");
const pattern = @import("pattern.zig");
const Constraint = @import("constraint.zig").Constraint;
const Files = @import("../file.zig").Files;
const Wanted = @import("method.zig").Wanted;

pub const none = std.math.maxInt(u32);

pub const Capture = struct {
    start: u32,
    len: u32,

    /// An optional parameter that was left out.
    pub const absent: Capture = .{ .start = none, .len = 0 };
};

/// What the application answers with. `router.zig` has one for each handler id.
pub const Constant = struct {
    status: u16,
    kind: u32,
    fields: []const u8,
    body: []const u8,
};

/// A folder whose files are the answers.
pub const FileRoute = struct {
    files: *Files,
    root: u32,
    /// JS wants to answer where there is no file.
    problems_to_script: bool,
};

/// One method of one leaf.
pub const Route = struct {
    handler: u32,
    body_limit: u32,
    stream_body: bool,
    /// Prefixes that cover every path of the route, and those that must be looked at.
    covered_always: u32,
    covered_maybe: u32,
    constant: ?*const Constant,
    files: ?*const FileRoute,
    captures_count: u8,
    /// The captures that the matched variant fills.
    present: u16,
};

/// Where patterns end.
pub const Leaf = struct {
    /// One bit for each method with a route here, `all` included.
    methods: u32,
    /// Index of the first route; they stand in the order of method ids.
    routes: u32,

    pub const empty: Leaf = .{ .methods = 0, .routes = 0 };
};

pub const Node = struct {
    /// The only segments that can follow as static text, as `/a/b`; empty if there are none or
    /// several.
    run: Text,
    /// Where `run` leads.
    run_node: u32,
    /// Several segments can follow as static text: `Tree.slots` knows them.
    branching: bool,
    /// A parameter or a wildcard can follow.
    choosing: bool,
    /// Parameters with constraints in order of registration: a span of `Tree.constrained`.
    constrained: u32,
    constrained_count: u32,
    /// The node behind the plain parameter, or `none`.
    plain: u32,
    /// Index in `Tree.leaves` of the wildcards that begin here, or `none`.
    wildcard: u32,
    /// Index in `Tree.leaves` of wildcards whose slash is missing; slashes ignored only.
    slashless: u32,
    /// Of patterns that end here; without methods if there are none.
    leaf: Leaf,
};

/// Static text with its ends as numbers: up to 16 bytes two comparisons tell all.
pub const Text = struct {
    ends: Ends,
    len: u32,
    /// Index in `Tree.text`.
    start: u32,

    pub fn of(text: []const u8, start: usize, len: usize) Text {
        return .{ .ends = .of(text, start, len), .len = @intCast(len), .start = @intCast(start) };
    }

    /// Whether `bytes`, as long as this text and with these ends, are the same.
    fn equals(self: *const Text, tree: *const Tree, bytes: []const u8, ends: Ends) bool {
        if (self.ends.first != ends.first or self.ends.last != ends.last) return false;
        if (self.len <= 16) return true;
        return std.mem.eql(u8, tree.text[self.start..][0..self.len], bytes);
    }
};

/// The first eight bytes and the last eight, which may overlap. Shorter text is in `first` alone.
pub const Ends = struct {
    first: u64,
    last: u64,

    /// Of `bytes[start..][0..len]`. Reads no byte outside of `bytes`, yet any inside.
    pub inline fn of(bytes: []const u8, start: usize, len: usize) Ends {
        if (len >= 8) return .{
            .first = word(bytes, start),
            .last = word(bytes, start + len - 8),
        };
        const mask = (@as(u64, 1) << @intCast(8 * len)) - 1;
        if (start + 8 <= bytes.len) return .{ .first = word(bytes, start) & mask, .last = 0 };
        if (len == 0) return .{ .first = 0, .last = 0 };
        if (bytes.len >= 8) {
            const shift: u6 = @intCast(8 * (start + 8 - bytes.len));
            return .{ .first = word(bytes, bytes.len - 8) >> shift & mask, .last = 0 };
        }
        var first: u64 = 0;
        for (bytes[start..][0..len], 0..) |byte, index|
            first |= @as(u64, byte) << @intCast(8 * index);
        return .{ .first = first, .last = 0 };
    }

    fn word(bytes: []const u8, at: usize) u64 {
        return std.mem.readInt(u64, bytes[at..][0..8], .little);
    }
};

/// A static segment that can follow a node, and the node it leads to.
pub const Slot = struct {
    text: Text,
    parent: u32,
    node: u32,

    pub const empty: Slot = .{ .text = .of("", 0, 0), .parent = none, .node = none };
};

/// Where the search for a segment of a node begins in a table of 2^(64 - `shift`) slots.
pub inline fn slotIndex(parent: u32, len: usize, ends: Ends, shift: u6) usize {
    const place = @as(u64, parent) << 32 | len;
    const first = (ends.first ^ place) *% 0x9e37_79b9_7f4a_7c15;
    const last = ends.last *% 0xc2b2_ae3d_27d4_eb4f;
    return (first ^ first >> 32 ^ last) *% 0xd6e8_feb8_6659_fd93 >> shift;
}

pub const Constrained = struct { constraint: *const Constraint, node: u32 };

pub const Query = struct {
    bytes: []const u8,
    /// Where the path ends for all but wildcards: before an ignored trailing slash.
    end: usize,
    wanted: Wanted,
};

/// Work done by one search, for the test of its bound.
const Visits = if (builtin.is_test) u32 else u0;

pub const Tree = struct {
    text: []const u8,
    nodes: []const Node,
    slots: []const Slot,
    slots_shift: u6,
    constrained: []const Constrained,
    leaves: []const Leaf,
    routes: []const Route,

    pub const empty: Tree = .{
        .text = "",
        .nodes = &.{},
        .slots = &.{},
        .slots_shift = 0,
        .constrained = &.{},
        .leaves = &.{},
        .routes = &.{},
    };

    pub fn find(
        self: *const Tree,
        query: Query,
        captures: *[limits.params_max]Capture,
        registered: *u32,
    ) ?*const Route {
        if (self.nodes.len == 0) return null;
        var search: Search = .{ .tree = self, .query = query, .captures = captures };
        const found = search.run();
        registered.* |= search.registered;
        return found;
    }

    /// The route of `leaf` for the wanted method, if there is one.
    pub fn choose(self: *const Tree, leaf: Leaf, wanted: Wanted) ?*const Route {
        const method = wanted.choose(leaf.methods);
        if (method == 0) return null;
        return &self.routes[leaf.routes + @popCount(leaf.methods & (method - 1))];
    }

    fn childOf(self: *const Tree, parent: u32, bytes: []const u8, start: usize, len: usize) ?u32 {
        const ends: Ends = .of(bytes, start, len);
        const mask = self.slots.len - 1;
        var index = slotIndex(parent, len, ends, self.slots_shift);
        while (true) : (index = (index + 1) & mask) {
            const slot = &self.slots[index];
            if (slot.parent == none) return null;
            if (slot.parent != parent or slot.text.len != len) continue;
            if (slot.text.equals(self, bytes[start..][0..len], ends)) return slot.node;
        }
    }
};

/// Choices not yet tried at one place.
const Frame = struct {
    node: u32,
    captures_count: u32,
    at: usize,
    /// Constrained parameters by index, then the plain one, then the wildcard.
    next: u32 = 0,
};

const Search = struct {
    tree: *const Tree,
    query: Query,
    captures: *[limits.params_max]Capture,
    registered: u32 = 0,
    visits: Visits = 0,
    frames_count: usize = 0,
    frames: [pattern.segments_max]Frame = undefined,

    fn run(self: *Search) ?*const Route {
        const end = self.query.end;
        var place: Frame = .{ .node = 0, .captures_count = 0, .at = 0 };
        while (true) {
            if (builtin.is_test) self.visits += 1;
            const node = &self.tree.nodes[place.node];
            var choosing = false;
            if (place.at == end) {
                if (self.finish(node, place.captures_count)) |found| return found;
            } else {
                choosing = node.choosing;
                if (self.follow(node, place)) |next| {
                    if (choosing) self.push(place);
                    place = next;
                    continue;
                }
            }
            // No static text goes on: a choice here, or the latest that is left.
            while (true) {
                if (choosing) switch (self.choose(&place)) {
                    .nothing => {},
                    .found => |found| return found,
                    .place => break,
                };
                if (self.frames_count == 0) return null;
                self.frames_count -= 1;
                place = self.frames[self.frames_count];
                choosing = true;
            }
        }
    }

    /// The place that static text leads to.
    inline fn follow(self: *const Search, node: *const Node, place: Frame) ?Frame {
        const bytes = self.query.bytes;
        const end = self.query.end;
        var next = place;
        if (node.branching) {
            const start = place.at + 1;
            next.at = segmentEnd(bytes, start, end);
            const len = next.at - start;
            next.node = self.tree.childOf(place.node, bytes, start, len) orelse return null;
            return next;
        }
        if (node.run.len == 0) return null;
        next.at = place.at + node.run.len;
        if (next.at > end or (next.at < end and bytes[next.at] != '/')) return null;
        const ends: Ends = .of(bytes, place.at, node.run.len);
        if (!node.run.equals(self.tree, bytes[place.at..next.at], ends)) return null;
        next.node = node.run_node;
        return next;
    }

    fn push(self: *Search, frame: Frame) void {
        self.frames[self.frames_count] = frame;
        self.frames_count += 1;
    }

    /// The path ends at `node`: an exact pattern is better than a rest that is missing.
    fn finish(self: *Search, node: *const Node, captures_count: u32) ?*const Route {
        if (self.take(node.leaf)) |route| return route;
        if (node.slashless == none) return null;
        const len = self.query.bytes.len;
        self.capture(captures_count, len, len);
        return self.take(self.tree.leaves[node.slashless]);
    }

    fn take(self: *Search, leaf: Leaf) ?*const Route {
        self.registered |= leaf.methods;
        return self.tree.choose(leaf, self.query.wanted);
    }

    fn capture(self: *Search, index: u32, start: usize, end: usize) void {
        self.captures[index] = .{ .start = @intCast(start), .len = @intCast(end - start) };
    }

    const Choice = union(enum) { nothing, found: *const Route, place };

    /// Takes the next choice at `place`, which then says where the search goes on; what is left to
    /// try is pushed before.
    fn choose(self: *Search, place: *Frame) Choice {
        const node = &self.tree.nodes[place.node];
        const bytes = self.query.bytes;
        const start = place.at + 1;
        const end = segmentEnd(bytes, start, self.query.end);
        while (end > start and place.next <= node.constrained_count) {
            const target = self.paramAt(node, place.next, bytes[start..end]);
            place.next += 1;
            if (target == none) continue;
            if (place.next <= node.constrained_count or node.wildcard != none) self.push(place.*);
            self.capture(place.captures_count, start, end);
            place.* = .{ .node = target, .captures_count = place.captures_count + 1, .at = end };
            return .place;
        }
        if (node.wildcard == none) return .nothing;
        self.capture(place.captures_count, start, bytes.len);
        const found = self.take(self.tree.leaves[node.wildcard]) orelse return .nothing;
        return .{ .found = found };
    }

    fn paramAt(self: *const Search, node: *const Node, index: u32, segment: []const u8) u32 {
        if (index == node.constrained_count) return node.plain;
        const entry = &self.tree.constrained[node.constrained + index];
        return if (entry.constraint.matches(segment)) entry.node else none;
    }
};

/// Index of the next slash from `start`, or `end`, behind which there may be one slash that is
/// ignored.
inline fn segmentEnd(bytes: []const u8, start: usize, end: usize) usize {
    if (bytes.len >= 16) return segmentEndByChunks(16, bytes, start, end);
    if (bytes.len >= 8) return segmentEndByChunks(8, bytes, start, end);
    return std.mem.indexOfScalarPos(u8, bytes[0..end], start, '/') orelse end;
}

/// The last chunk overlaps what was looked at before; its first bits are shifted out.
inline fn segmentEndByChunks(
    comptime width: usize,
    bytes: []const u8,
    start: usize,
    end: usize,
) usize {
    const Chunk = @Vector(width, u8);
    const Mask = std.meta.Int(.unsigned, width);
    var at = start;
    while (at < end) {
        const base = @min(at, bytes.len - width);
        const chunk: Chunk = bytes[base..][0..width].*;
        const slashes: Mask = @bitCast(chunk == @as(Chunk, @splat('/')));
        const rest = slashes >> @intCast(at - base);
        if (rest != 0) return @min(at + @ctz(rest), end);
        at = base + width;
    }
    return end;
}

const testing = std.testing;

test "no combination of choices is tried twice" {
    const router_file = @import("../router.zig");
    const router: *router_file.Router = try .create(testing.allocator);
    defer router.destroy();
    // Every one of six places takes the same text as static, constrained and plain: the worst that
    // declared routes can do.
    const kinds = [_][]const u8{ "/a", "/:p(a)", "/:p" };
    const depth = 6;
    var pattern_text: std.ArrayList(u8) = .empty;
    defer pattern_text.deinit(testing.allocator);
    for (0..try std.math.powi(usize, kinds.len, depth)) |number| {
        pattern_text.clearRetainingCapacity();
        var rest = number;
        for (0..depth) |place| {
            const kind = kinds[rest % kinds.len];
            rest /= kinds.len;
            // Names stand once in a pattern, so each ends with its place.
            const name_end = if (kind.len > 2) 3 else kind.len;
            try pattern_text.print(testing.allocator, "{s}", .{kind[0..name_end]});
            if (kind.len > 2) try pattern_text.print(testing.allocator, "{d}", .{place});
            try pattern_text.print(testing.allocator, "{s}", .{kind[name_end..]});
        }
        var fault: router_file.Fault = .{};
        var conflict: router_file.Conflict = .{};
        try router.add(.{
            .method = 0,
            .pattern = pattern_text.items,
            .handler = @intCast(number),
        }, &fault, &conflict);
    }
    try router.commit(.{});
    const paths = [_][]const u8{
        "/a" ** depth ++ "/x", "/a" ** (depth - 1), "/a" ** 2000, "/a" ** depth,
    };
    for (paths) |bytes| {
        var captures: [limits.params_max]Capture = undefined;
        var search: Search = .{
            .tree = &router.tree,
            // No pattern has this method, so the search looks everywhere.
            .query = .{ .bytes = bytes, .end = bytes.len, .wanted = .init(2) },
            .captures = &captures,
        };
        try testing.expectEqual(null, search.run());
        try testing.expect(search.visits <= router.tree.nodes.len);
    }
    try testing.expect(router.tree.nodes.len > 1000);
}

test "optional parameters and long wildcards keep within the frames" {
    const router_file = @import("../router.zig");
    const router: *router_file.Router = try .create(testing.allocator);
    defer router.destroy();
    // Static text with a wildcard beside it at each of the most places that a pattern can have.
    for (1..pattern.segments_max + 1) |len| {
        var fault: router_file.Fault = .{};
        var conflict: router_file.Conflict = .{};
        const most = "/a" ** (pattern.segments_max - 1) ++ "/*";
        const text = most[most.len - 2 * len ..];
        try router.add(.{
            .method = 0,
            .pattern = text,
            .handler = @intCast(len),
        }, &fault, &conflict);
    }
    try router.commit(.{});
    const bytes = "/a" ** 200;
    var captures: [limits.params_max]Capture = undefined;
    var registered: u32 = 0;
    const deepest: Query = .{ .bytes = bytes, .end = bytes.len, .wanted = .init(0) };
    const found = router.tree.find(deepest, &captures, &registered).?;
    try testing.expectEqual(pattern.segments_max, found.handler);
    const nothing: Query = .{ .bytes = bytes, .end = bytes.len, .wanted = .init(2) };
    try testing.expectEqual(null, router.tree.find(nothing, &captures, &registered));
    try testing.expectEqual(1, registered);
}

test "ends of text at every place and length" {
    var bytes: [40]u8 = undefined;
    for (&bytes, 1..) |*byte, index| byte.* = @intCast(index);
    for (0..bytes.len + 1) |size| for (0..size + 1) |start| for (start..size + 1) |end| {
        const text = bytes[start..end];
        const ends: Ends = .of(bytes[0..size], start, text.len);
        var first: [8]u8 = @splat(0);
        var last: [8]u8 = @splat(0);
        const len = @min(text.len, 8);
        @memcpy(first[0..len], text[0..len]);
        if (text.len >= 8) @memcpy(&last, text[text.len - 8 ..]);
        try testing.expectEqual(std.mem.readInt(u64, &first, .little), ends.first);
        try testing.expectEqual(std.mem.readInt(u64, &last, .little), ends.last);
    };
}

test "the end of a segment at every place and length" {
    const text = "/a//bcdefghijklmnopq/rs/t/uvwxyzabcdefghijklmnopqrstuvwxyz/a/";
    for (1..text.len + 1) |size| for (0..size + 1) |start| {
        const bytes = text[0..size];
        const expected = std.mem.indexOfScalarPos(u8, bytes, start, '/') orelse size;
        try testing.expectEqual(expected, segmentEnd(bytes, start, size));
        if (bytes[size - 1] != '/' or start == size) continue;
        try testing.expectEqual(@min(expected, size - 1), segmentEnd(bytes, start, size - 1));
    };
}
