//! The committed routes: a radix tree in flat arrays, and the search in it. `builder.zig` makes it,
//! `router.zig` asks `find`; nothing changes afterwards and a search allocates nothing.
//!
//! The search backtracks fully, yet it is bounded: whatever way a node is reached, the same number of
//! path segments lies before it, so each node is entered at most once and no combination of choices is
//! tried twice. What is left to do at a choice point waits in a frame; a pattern has at most
//! `segments_max` of them in a row, so the frames are a fixed array.

const std = @import("std");
const builtin = @import("builtin");
const limits = @import("../limits.zig");
const pattern = @import("pattern.zig");
const Constraint = @import("constraint.zig").Constraint;
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

/// One method of one leaf.
pub const Route = struct {
    handler: u32,
    body_limit: u32,
    /// Prefixes that cover every path of the route, and those that must be looked at.
    covered_always: u32,
    covered_maybe: u32,
    constant: ?*const Constant,
    captures_count: u8,
    /// The captures that the matched variant fills.
    present: u16,
};

/// Where a pattern ends.
pub const Leaf = struct {
    /// One bit for each method with a route here, `all` included.
    methods: u32,
    /// Index of the first route; they stand in the order of method ids.
    routes: u32,
};

pub const Node = struct {
    /// The bytes that a path must have here: a span of `Tree.text`.
    text: u32,
    text_len: u32,
    /// First bytes of the static children: as many bytes of `Tree.text`, padded to `label_width`.
    labels: u32,
    labels_count: u32,
    /// Index of the first static child; they stand in the order of `labels`.
    children: u32,
    /// Index of the choices that begin here, or `none`. Only at the beginning of a segment.
    choices: u32,
    /// The leaf of patterns that end here, or `none`.
    leaf: u32,
    /// The leaf of wildcards for which the rest with its slash is missing; slashes ignored only.
    slashless: u32,
};

/// What may stand in a segment beside static text.
pub const Choices = struct {
    constrained: u32,
    constrained_count: u32,
    plain: u32,
    wildcard: u32,
};

pub const Constrained = struct { constraint: *const Constraint, node: u32 };

/// Labels are compared this many at a time.
pub const label_width = 16;

pub const Query = struct {
    bytes: []const u8,
    /// Where the path ends for all but wildcards: before an ignored trailing slash.
    end: u32,
    wanted: Wanted,
};

/// Work done by one search, for the test of its bound.
const Visits = if (builtin.is_test) u32 else u0;

pub const Tree = struct {
    text: []const u8,
    nodes: []const Node,
    choices: []const Choices,
    constrained: []const Constrained,
    leaves: []const Leaf,
    routes: []const Route,

    pub const empty: Tree = .{
        .text = "",
        .nodes = &.{},
        .choices = &.{},
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
        var search: Search = .{
            .tree = self,
            .bytes = query.bytes,
            .end = query.end,
            .wanted = query.wanted,
            .captures = captures,
            .registered = 0,
        };
        const found = search.run();
        registered.* |= search.registered;
        return found;
    }

    /// The route of `leaf` for the wanted method, if there is one.
    pub fn choose(self: *const Tree, leaf: u32, wanted: Wanted) ?*const Route {
        const entry = &self.leaves[leaf];
        const method = wanted.choose(entry.methods);
        if (method == 0) return null;
        // Counting bits costs a few ns on a baseline CPU, and most leaves have one method.
        const lower = entry.methods & (method - 1);
        return &self.routes[entry.routes + if (lower == 0) 0 else @popCount(lower)];
    }

    fn childOf(self: *const Tree, node: *const Node, byte: u8) ?u32 {
        if (node.labels_count == 1)
            return if (self.text[node.labels] == byte) node.children else null;
        const Labels = @Vector(label_width, u8);
        var offset: u32 = 0;
        while (offset < node.labels_count) : (offset += label_width) {
            const labels: Labels = self.text[node.labels + offset ..][0..label_width].*;
            const equal: u16 = @bitCast(labels == @as(Labels, @splat(byte)));
            const index = offset + @ctz(equal);
            // Past the last label lies other text.
            if (equal != 0) return if (index < node.labels_count) node.children + index else null;
        }
        return null;
    }
};

/// Choices not yet tried at one place.
const Frame = struct {
    choices: u32,
    at: u32,
    captures_count: u32,
    /// Constrained parameters by index, then the plain one, then the wildcard.
    next: u32,
};

const Search = struct {
    tree: *const Tree,
    bytes: []const u8,
    end: u32,
    wanted: Wanted,
    captures: *[limits.params_max]Capture,
    registered: u32,
    frames: [pattern.segments_max + 1]Frame = undefined,
    frames_count: u32 = 0,
    visits: Visits = 0,

    fn run(self: *Search) ?*const Route {
        const tree = self.tree;
        var node: *const Node = &tree.nodes[0];
        var at: u32 = 0;
        var captures_count: u32 = 0;
        while (true) {
            if (builtin.is_test) self.visits += 1;
            var choices: u32 = none;
            if (self.textMatches(node, at)) {
                at += node.text_len;
                if (at == self.end) {
                    if (self.finish(node, at, captures_count)) |found| return found;
                } else {
                    choices = node.choices;
                    if (tree.childOf(node, self.bytes[at])) |child| {
                        if (choices != none) self.push(.{
                            .choices = choices,
                            .at = at,
                            .captures_count = captures_count,
                            .next = 0,
                        });
                        node = &tree.nodes[child];
                        continue;
                    }
                }
            }
            var frame: Frame = .{
                .choices = choices,
                .at = at,
                .captures_count = captures_count,
                .next = 0,
            };
            node = while (true) {
                if (frame.choices != none) switch (self.choose(&frame)) {
                    .nothing => {},
                    .found => |found| return found,
                    .node => |index| break &tree.nodes[index],
                };
                if (self.frames_count == 0) return null;
                self.frames_count -= 1;
                frame = self.frames[self.frames_count];
            };
            at = frame.at;
            captures_count = frame.captures_count;
        }
    }

    fn textMatches(self: *const Search, node: *const Node, at: u32) bool {
        if (self.end - at < node.text_len) return false;
        const text = self.tree.text[node.text..][0..node.text_len];
        return std.mem.eql(u8, text, self.bytes[at..][0..node.text_len]);
    }

    fn push(self: *Search, frame: Frame) void {
        self.frames[self.frames_count] = frame;
        self.frames_count += 1;
    }

    /// The path ends at `node`: an exact pattern is better than an empty rest.
    fn finish(self: *Search, node: *const Node, at: u32, captures_count: u32) ?*const Route {
        if (node.leaf != none) {
            if (self.take(node.leaf)) |found| return found;
        }
        if (node.slashless != none) {
            self.capture(captures_count, @intCast(self.bytes.len), @intCast(self.bytes.len));
            if (self.take(node.slashless)) |found| return found;
        }
        if (node.choices == none) return null;
        const wildcard = self.tree.choices[node.choices].wildcard;
        if (wildcard == none) return null;
        self.capture(captures_count, at, @intCast(self.bytes.len));
        return self.take(wildcard);
    }

    fn take(self: *Search, leaf: u32) ?*const Route {
        return self.tree.choose(leaf, self.wanted) orelse {
            self.registered |= self.tree.leaves[leaf].methods;
            return null;
        };
    }

    fn capture(self: *Search, index: u32, start: u32, end: u32) void {
        self.captures[index] = .{ .start = start, .len = end - start };
    }

    const Choice = union(enum) { nothing, found: *const Route, node: u32 };

    /// Takes the next choice of `frame`, which then says where the search goes on; a frame with what is
    /// left is pushed before.
    fn choose(self: *Search, frame: *Frame) Choice {
        const choices = &self.tree.choices[frame.choices];
        const start = frame.at;
        const end = segmentEnd(self.bytes, start, self.end);
        if (end > start) {
            while (frame.next <= choices.constrained_count) {
                const node = self.paramAt(choices, frame.next, self.bytes[start..end]);
                frame.next += 1;
                if (node == none) continue;
                const last = frame.next > choices.constrained_count and choices.wildcard == none;
                if (!last) self.push(frame.*);
                self.capture(frame.captures_count, start, end);
                frame.captures_count += 1;
                frame.at = end;
                return .{ .node = node };
            }
        }
        if (choices.wildcard == none) return .nothing;
        self.capture(frame.captures_count, start, @intCast(self.bytes.len));
        const found = self.take(choices.wildcard) orelse return .nothing;
        return .{ .found = found };
    }

    fn paramAt(self: *const Search, choices: *const Choices, index: u32, segment: []const u8) u32 {
        if (index == choices.constrained_count) return choices.plain;
        const entry = &self.tree.constrained[choices.constrained + index];
        return if (entry.constraint.matches(segment)) entry.node else none;
    }
};

fn segmentEnd(bytes: []const u8, start: u32, end: u32) u32 {
    const slash = std.mem.indexOfScalarPos(u8, bytes[0..end], start, '/') orelse end;
    return @intCast(slash);
}
