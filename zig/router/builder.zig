//! Compiles declared routes into a `Tree`: a tree of segments with pointers, then laid out flat.
//! Only `Router.commit` calls it; everything here lives in the arena it is given, and only the flat
//! arrays are needed afterwards.

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
            if (other.declaration == entry.declaration) return .done;
            return .{ .same = other.declaration };
        }
        try self.entries.append(arena, entry);
        return .done;
    }
};

const Branch = struct { constraint: *const Constraint, node: *Node };

/// A place between two segments.
const Node = struct {
    statics: std.StringArrayHashMapUnmanaged(*Node) = .empty,
    constrained: std.ArrayList(Branch) = .empty,
    plain: ?*Node = null,
    wildcard: ?*Leaf = null,
    leaf: ?*Leaf = null,
    slashless: ?*Leaf = null,

    fn isChoosing(self: *const Node) bool {
        return self.constrained.items.len > 0 or self.plain != null or self.wildcard != null;
    }

    /// Nothing can happen here but going on with one static segment.
    fn isPassage(self: *const Node) bool {
        return self.statics.count() == 1 and !self.isChoosing() and
            self.leaf == null and self.slashless == null;
    }
};

/// A path without parameters and the leaf where it ends.
pub const Static = struct { path: []const u8, leaf: tree_file.Leaf };

pub const Compiled = struct { tree: tree_file.Tree, statics: []const Static };

pub const Builder = struct {
    arena: Allocator,
    root: *Node,

    pub fn init(arena: Allocator) Allocator.Error!Builder {
        const root = try arena.create(Node);
        root.* = .{};
        return .{ .arena = arena, .root = root };
    }

    /// Adds one variant. `slashless` is set for a wildcard that also matches where the slash before
    /// its rest is missing.
    pub fn insert(
        self: *Builder,
        segments: []const Segment,
        slashless: bool,
        entry: Entry,
    ) Allocator.Error!Insertion {
        var node = self.root;
        for (segments) |segment| switch (segment.kind) {
            .literal => {
                const slot = try node.statics.getOrPut(self.arena, segment.text);
                if (!slot.found_existing) {
                    // Variants lie in a buffer, but their text in the router's arena.
                    slot.value_ptr.* = try self.newNode();
                }
                node = slot.value_ptr.*;
            },
            .param => node = try self.paramNode(node, segment.constraint),
            .wildcard => {
                if (slashless) switch (try self.insertAt(&node.slashless, entry)) {
                    .done => {},
                    .same => |other| return .{ .same = other },
                };
                return self.insertAt(&node.wildcard, entry);
            },
        };
        return self.insertAt(&node.leaf, entry);
    }

    fn insertAt(self: *Builder, place: *?*Leaf, entry: Entry) Allocator.Error!Insertion {
        if (place.* == null) {
            const leaf = try self.arena.create(Leaf);
            leaf.* = .{};
            place.* = leaf;
        }
        return place.*.?.insert(self.arena, entry);
    }

    fn newNode(self: *Builder) Allocator.Error!*Node {
        const node = try self.arena.create(Node);
        node.* = .{};
        return node;
    }

    fn paramNode(self: *Builder, node: *Node, wanted: ?*const Constraint) Allocator.Error!*Node {
        const constraint = wanted orelse {
            if (node.plain == null) node.plain = try self.newNode();
            return node.plain.?;
        };
        for (node.constrained.items) |branch| {
            if (branch.constraint == constraint) return branch.node;
        }
        const target = try self.newNode();
        try node.constrained.append(self.arena, .{ .constraint = constraint, .node = target });
        return target;
    }

    pub fn finish(self: *Builder) Allocator.Error!Compiled {
        var layout: Layout = .{ .arena = self.arena };
        try layout.run(self.root);
        const slots = try layout.hash();
        return .{ .statics = layout.statics.items, .tree = .{
            .text = layout.text.items,
            .nodes = layout.nodes.items,
            .slots = slots,
            .slots_shift = shiftOf(slots.len),
            .constrained = layout.constrained.items,
            .leaves = layout.leaves.items,
            .routes = layout.routes.items,
        } };
    }
};

/// Lays the tree out level by level, as an index is known only when a node has its place.
const Layout = struct {
    arena: Allocator,
    /// The node for each index of `nodes`.
    pending: std.ArrayList(Pending) = .empty,
    text: std.ArrayList(u8) = .empty,
    nodes: std.ArrayList(tree_file.Node) = .empty,
    edges: std.ArrayList(Edge) = .empty,
    constrained: std.ArrayList(tree_file.Constrained) = .empty,
    leaves: std.ArrayList(tree_file.Leaf) = .empty,
    routes: std.ArrayList(Route) = .empty,
    statics: std.ArrayList(Static) = .empty,

    /// `path` is the text that leads to the node, null behind a parameter.
    const Pending = struct { node: *Node, path: ?[]const u8 };

    /// A segment among several that can follow a node.
    const Edge = struct { parent: u32, start: usize, len: usize, node: u32 };

    fn run(self: *Layout, root: *Node) Allocator.Error!void {
        _ = try self.reserve(root, "");
        var index: u32 = 0;
        while (index < self.pending.items.len) : (index += 1) {
            const flat = try self.flatten(index, self.pending.items[index]);
            self.nodes.items[index] = flat;
        }
    }

    fn reserve(self: *Layout, node: *Node, path: ?[]const u8) Allocator.Error!u32 {
        try self.pending.append(self.arena, .{ .node = node, .path = path });
        _ = try self.nodes.addOne(self.arena);
        return @intCast(self.pending.items.len - 1);
    }

    fn flatten(self: *Layout, index: u32, pending: Pending) Allocator.Error!tree_file.Node {
        const node = pending.node;
        var flat: tree_file.Node = .{
            .run = .of("", 0, 0),
            .run_node = none,
            .branching = node.statics.count() > 1,
            .choosing = node.isChoosing(),
            .constrained = @intCast(self.constrained.items.len),
            .constrained_count = @intCast(node.constrained.items.len),
            .plain = none,
            .wildcard = try self.leafIndex(node.wildcard),
            .slashless = try self.leafIndex(node.slashless),
            .leaf = try self.flattenLeaf(node.leaf),
        };
        if (flat.branching) {
            try self.addEdges(index, pending);
        } else if (node.statics.count() == 1) {
            flat.run_node = try self.addRun(pending, &flat.run);
        }
        for (node.constrained.items) |branch| {
            const target = try self.reserve(branch.node, null);
            const constraint = branch.constraint;
            try self.constrained.append(self.arena, .{ .constraint = constraint, .node = target });
        }
        if (node.plain) |plain| flat.plain = try self.reserve(plain, null);
        const path = pending.path orelse return flat;
        if (node.leaf == null) return flat;
        try self.statics.append(self.arena, .{ .path = path, .leaf = flat.leaf });
        return flat;
    }

    /// The run goes on through nodes where nothing else can happen.
    fn addRun(self: *Layout, pending: Pending, text: *tree_file.Text) Allocator.Error!u32 {
        const start = self.text.items.len;
        var node = pending.node;
        while (true) {
            try self.text.append(self.arena, '/');
            try self.text.appendSlice(self.arena, node.statics.keys()[0]);
            node = node.statics.values()[0];
            if (!node.isPassage()) break;
        }
        const len = self.text.items.len - start;
        text.* = .of(self.text.items, start, len);
        return self.reserve(node, try self.extended(pending.path, self.text.items[start..]));
    }

    fn addEdges(self: *Layout, index: u32, pending: Pending) Allocator.Error!void {
        for (pending.node.statics.keys(), pending.node.statics.values()) |segment, child| {
            const start = self.text.items.len;
            try self.text.append(self.arena, '/');
            try self.text.appendSlice(self.arena, segment);
            const path = try self.extended(pending.path, self.text.items[start..]);
            try self.edges.append(self.arena, .{
                .parent = index,
                .start = start + 1,
                .len = segment.len,
                .node = try self.reserve(child, path),
            });
        }
    }

    fn extended(self: *Layout, path: ?[]const u8, text: []const u8) Allocator.Error!?[]const u8 {
        return try std.mem.concat(self.arena, u8, &.{ path orelse return null, text });
    }

    /// The table is at most half full, so that most searches end at their first slot.
    fn hash(self: *Layout) Allocator.Error![]const tree_file.Slot {
        const capacity = std.math.ceilPowerOfTwoAssert(usize, @max(self.edges.items.len * 2, 2));
        const shift = shiftOf(capacity);
        const slots = try self.arena.alloc(tree_file.Slot, capacity);
        @memset(slots, .empty);
        for (self.edges.items) |edge| {
            const text: tree_file.Text = .of(self.text.items, edge.start, edge.len);
            var at = tree_file.slotIndex(edge.parent, edge.len, text.ends, shift);
            while (slots[at].parent != none) at = (at + 1) & (capacity - 1);
            slots[at] = .{ .text = text, .parent = edge.parent, .node = edge.node };
        }
        return slots;
    }

    fn leafIndex(self: *Layout, leaf: ?*Leaf) Allocator.Error!u32 {
        if (leaf == null) return none;
        try self.leaves.append(self.arena, try self.flattenLeaf(leaf));
        return @intCast(self.leaves.items.len - 1);
    }

    fn flattenLeaf(self: *Layout, maybe: ?*Leaf) Allocator.Error!tree_file.Leaf {
        const leaf = maybe orelse return .empty;
        std.mem.sortUnstable(Entry, leaf.entries.items, {}, byMethod);
        var flat: tree_file.Leaf = .{ .methods = 0, .routes = @intCast(self.routes.items.len) };
        for (leaf.entries.items) |entry| {
            flat.methods |= method_file.bit(entry.method);
            try self.routes.append(self.arena, entry.route);
        }
        return flat;
    }

    fn byMethod(_: void, left: Entry, right: Entry) bool {
        return left.method < right.method;
    }
};

/// A multiplication mixes best into its highest bits: as many of them as index 2^n slots.
fn shiftOf(capacity: u64) u6 {
    return @intCast(@clz(capacity - 1));
}
