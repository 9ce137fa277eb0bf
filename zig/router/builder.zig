//! Compiles declared routes into a `Tree`: a pointer tree that is split where patterns part, then laid
//! out flat. Only `Router.commit` calls it; everything here lives in the arena it is given, and only
//! the flat arrays are needed afterwards.

const std = @import("std");
const Allocator = std.mem.Allocator;
const abi = @import("../abi.zig");
const method_file = @import("method.zig");
const tree_file = @import("tree.zig");
const Constraint = @import("constraint.zig").Constraint;
const Segment = @import("pattern.zig").Segment;
const Route = tree_file.Route;
const none = tree_file.none;

/// A route with what tells it from others at its leaf.
pub const Entry = struct { method: u8, declaration: u32, route: Route };

/// Another declaration has the same shape and method.
pub const Insertion = union(enum) { done, same: u32 };

const Leaf = struct {
    entries: std.ArrayList(Entry) = .empty,

    fn insert(self: *Leaf, arena: Allocator, entry: Entry) Allocator.Error!Insertion {
        for (self.entries.items) |other| {
            if (other.method != entry.method) continue;
            // Two variants of one pattern with one shape: the earlier fills the leftmost parameter.
            return if (other.declaration == entry.declaration) .done else .{ .same = other.declaration };
        }
        try self.entries.append(arena, entry);
        return .done;
    }
};

const Branch = struct { constraint: *const Constraint, node: *Node };

const Node = struct {
    text: []const u8 = "",
    children: std.ArrayList(*Node) = .empty,
    constrained: std.ArrayList(Branch) = .empty,
    plain: ?*Node = null,
    wildcard: ?*Leaf = null,
    leaf: ?*Leaf = null,
    slashless: ?*Leaf = null,

    fn hasChoices(self: *const Node) bool {
        return self.constrained.items.len > 0 or self.plain != null or self.wildcard != null;
    }
};

/// A path without parameters and the leaf where it ends.
pub const Static = struct { path: []const u8, leaf: u32 };

pub const Compiled = struct { tree: tree_file.Tree, statics: []const Static };

pub const Builder = struct {
    arena: Allocator,
    root: *Node,
    /// Paths of patterns without parameters.
    statics: std.ArrayList(struct { path: []const u8, leaf: *Leaf }) = .empty,

    pub fn init(arena: Allocator) Allocator.Error!Builder {
        const root = try arena.create(Node);
        root.* = .{};
        return .{ .arena = arena, .root = root };
    }

    /// Adds one variant. `slashless` is set for a wildcard that also matches where the slash before its
    /// rest is missing.
    pub fn insert(self: *Builder, segments: []const Segment, slashless: bool, entry: Entry) Allocator.Error!Insertion {
        var node = self.root;
        var static: std.ArrayList(u8) = .empty;
        var all_static = true;
        for (segments) |segment| {
            try static.append(self.arena, '/');
            switch (segment.kind) {
                .literal => try static.appendSlice(self.arena, segment.text),
                .param => {
                    all_static = false;
                    node = try self.descend(node, static.items);
                    static.clearRetainingCapacity();
                    node = try self.paramNode(node, segment);
                },
                .wildcard => {
                    const before = static.items[0 .. static.items.len - 1];
                    if (slashless) {
                        const short = try self.descend(node, before);
                        const leaf = try self.leafAt(&short.slashless);
                        switch (try leaf.insert(self.arena, entry)) {
                            .done => {},
                            .same => |other| return .{ .same = other },
                        }
                    }
                    node = try self.descend(node, static.items);
                    const leaf = try self.leafAt(&node.wildcard);
                    return leaf.insert(self.arena, entry);
                },
            }
        }
        node = try self.descend(node, static.items);
        const leaf = try self.leafAt(&node.leaf);
        if (all_static and leaf.entries.items.len == 0)
            try self.statics.append(self.arena, .{ .path = static.items, .leaf = leaf });
        return leaf.insert(self.arena, entry);
    }

    fn leafAt(self: *Builder, place: *?*Leaf) Allocator.Error!*Leaf {
        if (place.*) |leaf| return leaf;
        const leaf = try self.arena.create(Leaf);
        leaf.* = .{};
        place.* = leaf;
        return leaf;
    }

    fn newNode(self: *Builder, text: []const u8) Allocator.Error!*Node {
        const node = try self.arena.create(Node);
        node.* = .{ .text = try self.arena.dupe(u8, text) };
        return node;
    }

    fn paramNode(self: *Builder, node: *Node, segment: Segment) Allocator.Error!*Node {
        if (segment.constraint) |constraint| {
            for (node.constrained.items) |branch| {
                if (branch.constraint == constraint) return branch.node;
            }
            const target = try self.newNode("");
            try node.constrained.append(self.arena, .{ .constraint = constraint, .node = target });
            return target;
        }
        if (node.plain == null) node.plain = try self.newNode("");
        return node.plain.?;
    }

    /// The node where `text` ends below `start`, made if there is none.
    fn descend(self: *Builder, start: *Node, text: []const u8) Allocator.Error!*Node {
        var node = start;
        var rest = text;
        next: while (rest.len > 0) {
            for (node.children.items) |child| {
                if (child.text[0] != rest[0]) continue;
                const common = std.mem.indexOfDiff(u8, child.text, rest) orelse child.text.len;
                if (common < child.text.len) try self.split(child, common);
                node = child;
                rest = rest[common..];
                continue :next;
            }
            const child = try self.newNode(rest);
            try node.children.append(self.arena, child);
            return child;
        }
        return node;
    }

    /// The node keeps the first `at` bytes; all that it led to moves below a new child.
    fn split(self: *Builder, node: *Node, at: usize) Allocator.Error!void {
        const lower = try self.arena.create(Node);
        lower.* = node.*;
        lower.text = node.text[at..];
        node.* = .{ .text = node.text[0..at] };
        try node.children.append(self.arena, lower);
    }

    pub fn finish(self: *Builder) Allocator.Error!Compiled {
        var layout: Layout = .{ .arena = self.arena };
        try layout.run(self.root);
        const statics = try self.arena.alloc(Static, self.statics.items.len);
        for (statics, self.statics.items) |*static, known|
            static.* = .{ .path = known.path, .leaf = layout.leaf_ids.get(known.leaf).? };
        return .{ .statics = statics, .tree = .{
            .text = layout.text.items,
            .nodes = layout.nodes.items,
            .choices = layout.choices.items,
            .constrained = layout.constrained.items,
            .leaves = layout.leaves.items,
            .routes = layout.routes.items,
        } };
    }
};

/// Lays the pointer tree out level by level, so that the children of a node lie side by side.
const Layout = struct {
    arena: Allocator,
    /// The node for each index of `nodes`.
    pending: std.ArrayList(*Node) = .empty,
    text: std.ArrayList(u8) = .empty,
    nodes: std.ArrayList(tree_file.Node) = .empty,
    choices: std.ArrayList(tree_file.Choices) = .empty,
    constrained: std.ArrayList(tree_file.Constrained) = .empty,
    leaves: std.ArrayList(tree_file.Leaf) = .empty,
    leaf_ids: std.AutoHashMapUnmanaged(*Leaf, u32) = .empty,
    routes: std.ArrayList(Route) = .empty,

    fn run(self: *Layout, root: *Node) Allocator.Error!void {
        // Every pattern begins with '/', so the root has one child, or none without routes.
        if (root.children.items.len == 0) return;
        _ = try self.reserve(root.children.items[0]);
        var index: usize = 0;
        while (index < self.pending.items.len) : (index += 1) {
            const flat = try self.flatten(self.pending.items[index]);
            self.nodes.items[index] = flat;
        }
        try self.text.appendNTimes(self.arena, 0, tree_file.label_width);
    }

    fn reserve(self: *Layout, node: *Node) Allocator.Error!u32 {
        try self.pending.append(self.arena, node);
        _ = try self.nodes.addOne(self.arena);
        return @intCast(self.pending.items.len - 1);
    }

    fn flatten(self: *Layout, node: *Node) Allocator.Error!tree_file.Node {
        const labels: u32 = @intCast(self.text.items.len);
        for (node.children.items) |child| try self.text.append(self.arena, child.text[0]);
        const text: u32 = @intCast(self.text.items.len);
        try self.text.appendSlice(self.arena, node.text);
        const children: u32 = @intCast(self.pending.items.len);
        for (node.children.items) |child| _ = try self.reserve(child);
        return .{
            .text = text,
            .text_len = @intCast(node.text.len),
            .labels = labels,
            .labels_count = @intCast(node.children.items.len),
            .children = children,
            .choices = if (node.hasChoices()) try self.flattenChoices(node) else none,
            .leaf = try self.leafId(node.leaf),
            .slashless = try self.leafId(node.slashless),
        };
    }

    fn flattenChoices(self: *Layout, node: *Node) Allocator.Error!u32 {
        const first: u32 = @intCast(self.constrained.items.len);
        for (node.constrained.items) |branch| {
            const target = try self.reserve(branch.node);
            try self.constrained.append(self.arena, .{ .constraint = branch.constraint, .node = target });
        }
        try self.choices.append(self.arena, .{
            .constrained = first,
            .constrained_count = @intCast(node.constrained.items.len),
            .plain = if (node.plain) |plain| try self.reserve(plain) else none,
            .wildcard = try self.leafId(node.wildcard),
        });
        return @intCast(self.choices.items.len - 1);
    }

    fn leafId(self: *Layout, maybe: ?*Leaf) Allocator.Error!u32 {
        const leaf = maybe orelse return none;
        std.mem.sortUnstable(Entry, leaf.entries.items, {}, byMethod);
        var methods: u32 = 0;
        const first: u32 = @intCast(self.routes.items.len);
        for (leaf.entries.items) |entry| {
            methods |= method_file.bit(entry.method);
            try self.routes.append(self.arena, entry.route);
        }
        try self.leaves.append(self.arena, .{ .methods = methods, .routes = first });
        const id: u32 = @intCast(self.leaves.items.len - 1);
        try self.leaf_ids.put(self.arena, leaf, id);
        return id;
    }

    fn byMethod(_: void, left: Entry, right: Entry) bool {
        return left.method < right.method;
    }
};
