//! The router: routes and prefixes of middleware are declared, then committed, then matched. It owns the
//! text and the compiled form of all of them, freed together. `server.zig` resolves each request with
//! it, `c/router.zig` declares routes for TypeScript and matches for `app.fetch`.
//!
//! Priority at each place of a path: static text, constrained parameters in order of registration, the
//! plain parameter, the wildcard. A pattern without a handler for the method hides no other pattern.

const std = @import("std");
const Allocator = std.mem.Allocator;
const abi = @import("abi.zig");
const limits = @import("limits.zig");
pub const path = @import("path.zig");
const builder_file = @import("router/builder.zig");
const method_file = @import("router/method.zig");
const pattern_file = @import("router/pattern.zig");
const prefix_file = @import("router/prefix.zig");
const reason_file = @import("router/reason.zig");
const tree_file = @import("router/tree.zig");
const StaticTable = @import("router/static_table.zig").StaticTable;
const Pattern = pattern_file.Pattern;
const Segment = pattern_file.Segment;
const Special = abi.Special;

pub const Capture = tree_file.Capture;
pub const Constant = tree_file.Constant;
pub const Fault = reason_file.Fault;
pub const Reason = reason_file.Reason;
pub const allow_bytes_max = method_file.allow_bytes_max;

/// What `commit` is told about the application.
pub const Options = packed struct(u32) {
    /// Middleware that covers every path: no answer is native.
    global_layer: bool = false,
    /// `/a` and `/a/` are the same.
    trailing_slash_ignored: bool = false,
    /// 404, 405, 501 and OPTIONS are the application's to answer.
    custom_not_found: bool = false,
    unused: u29 = 0,
};

pub const Outcome = struct {
    /// Handler id of the route, or one of `abi.Special`.
    handler: u32,
    captures_count: u32 = 0,
    body_limit: u32 = limits.body_bytes_default,
    /// One bit for each prefix of middleware that covers the path.
    coverage: u32,
    /// One bit for each method id, when `handler` is `method_not_allowed`, `options` or
    /// `not_implemented`.
    allow: u32 = 0,
    /// The answer needs no JS: a constant, 404, 405, 501 or OPTIONS that nothing covers.
    native: bool,
    constant: ?*const Constant = null,
};

/// Two declarations that match the same paths for the same method.
pub const Conflict = struct { handler: u32 = 0, other_handler: u32 = 0 };

const Declaration = struct {
    pattern: Pattern,
    text: []const u8,
    method: u8,
    handler: u32,
    body_limit: u32,
};

pub const Router = struct {
    allocator: Allocator,
    arena: std.heap.ArenaAllocator,
    methods: method_file.Methods = .{},
    constraints: pattern_file.Constraints = .empty,
    declarations: std.ArrayList(Declaration) = .empty,
    /// Index of the declaration for each shape and method.
    shapes: std.StringHashMapUnmanaged(u32) = .empty,
    constants: std.AutoHashMapUnmanaged(u32, *const Constant) = .empty,
    prefixes: [limits.prefixes_max][]const Segment = undefined,
    prefixes_count: u32 = 0,
    options: Options = .{},
    committed: bool = false,
    /// Why `commit` failed.
    conflict: Conflict = .{},
    /// Methods of all routes together: what `OPTIONS *` tells.
    declared_methods: u32 = 0,
    tree: tree_file.Tree = .empty,
    statics: StaticTable = .empty,

    pub fn create(allocator: Allocator) Allocator.Error!*Router {
        const self = try allocator.create(Router);
        self.* = .{ .allocator = allocator, .arena = .init(allocator) };
        return self;
    }

    pub fn destroy(self: *Router) void {
        const allocator = self.allocator;
        self.arena.deinit();
        allocator.destroy(self);
    }

    /// Id of a method token as in `abi.Method`; `other` when no route can name it.
    pub fn methodId(self: *const Router, token: []const u8) u8 {
        return self.methods.id(token);
    }

    pub const MethodError = method_file.Methods.AddError || error{Committed};

    /// Id of a method token, given to it now if it has none.
    pub fn addMethod(self: *Router, token: []const u8) MethodError!u8 {
        const known = self.methods.id(token);
        if (known != abi.Method.other) return known;
        if (self.committed) return error.Committed;
        return self.methods.intern(self.arena.allocator(), token);
    }

    pub const AddError = pattern_file.Error || error{ Committed, BadMethod, BadHandler, Duplicate, Conflicting };

    pub const Route = struct {
        method: u32,
        pattern: []const u8,
        handler: u32,
        body_limit: u32 = limits.body_bytes_default,
    };

    /// Declares one method of one pattern. `fault` is set with InvalidPattern, `conflict` with Duplicate
    /// (the same text) and Conflicting (other names, or an optional parameter left out).
    pub fn add(self: *Router, route: Route, fault: *Fault, conflict: *Conflict) AddError!void {
        if (self.committed) return error.Committed;
        if (!self.methods.isDeclarable(route.method)) return error.BadMethod;
        if (route.handler >= Special.first) return error.BadHandler;
        const arena = self.arena.allocator();
        const method: u8 = @intCast(route.method);
        const parsed = try pattern_file.parse(arena, &self.constraints, route.pattern, fault);
        const variants_count = parsed.variantsCount();
        var shapes: [1 << pattern_file.optionals_max][]const u8 = undefined;
        for (shapes[0..variants_count], 0..) |*shape, index| {
            var buffer: pattern_file.Variant.Buffer = undefined;
            const variant: pattern_file.Variant = .init(&parsed, @intCast(index), &buffer);
            shape.* = try variant.shape(arena, method);
            const other = self.declarations.items[self.shapes.get(shape.*) orelse continue];
            conflict.* = .{ .handler = route.handler, .other_handler = other.handler };
            return if (std.mem.eql(u8, other.text, route.pattern)) error.Duplicate else error.Conflicting;
        }
        // From here on nothing fails, so a refused route leaves nothing behind.
        try self.shapes.ensureUnusedCapacity(arena, variants_count);
        try self.declarations.ensureUnusedCapacity(arena, 1);
        const text = try arena.dupe(u8, route.pattern);
        const declaration: u32 = @intCast(self.declarations.items.len);
        self.declarations.appendAssumeCapacity(.{
            .pattern = parsed,
            .text = text,
            .method = method,
            .handler = route.handler,
            .body_limit = route.body_limit,
        });
        for (shapes[0..variants_count]) |shape| self.shapes.putAssumeCapacity(shape, declaration);
    }

    /// Prepares the answer of a handler, which then never enters JS where nothing covers the path.
    pub fn addConstant(self: *Router, handler: u32, constant: Constant) (Allocator.Error || error{Committed})!void {
        if (self.committed) return error.Committed;
        const arena = self.arena.allocator();
        const kept = try arena.create(Constant);
        kept.* = .{
            .status = constant.status,
            .kind = constant.kind,
            .fields = try arena.dupe(u8, constant.fields),
            .body = try arena.dupe(u8, constant.body),
        };
        try self.constants.put(arena, handler, kept);
    }

    /// Bit index of a prefix of middleware; a prefix of the same segments has the same bit.
    pub fn addPrefix(self: *Router, text: []const u8, fault: *Fault) (pattern_file.Error || error{Committed})!u5 {
        if (self.committed) return error.Committed;
        const parsed = try pattern_file.parse(self.arena.allocator(), &self.constraints, text, fault);
        const segments = try prefix_file.segmentsOf(&parsed, fault);
        for (self.prefixes[0..self.prefixes_count], 0..) |prefix, index| {
            if (prefix_file.equal(prefix, segments)) return @intCast(index);
        }
        if (self.prefixes_count == limits.prefixes_max) return fault.set(0, .prefix_too_many);
        self.prefixes[self.prefixes_count] = segments;
        self.prefixes_count += 1;
        return @intCast(self.prefixes_count - 1);
    }

    pub const CommitError = Allocator.Error || error{ Committed, Conflicting };

    /// Compiles what was declared. Conflicting are two patterns that differ only in a trailing slash
    /// which is now ignored; `conflict` then names them. After an error the router can only be
    /// destroyed.
    pub fn commit(self: *Router, options: Options) CommitError!void {
        if (self.committed) return error.Committed;
        self.committed = true;
        self.options = options;
        const arena = self.arena.allocator();
        var builder: builder_file.Builder = try .init(arena);
        for (self.declarations.items, 0..) |*declaration, index| {
            self.declared_methods |= method_file.bit(declaration.method);
            for (0..declaration.pattern.variantsCount()) |variant_index| {
                var buffer: pattern_file.Variant.Buffer = undefined;
                const variant: pattern_file.Variant =
                    .init(&declaration.pattern, @intCast(variant_index), &buffer);
                const insertion = try self.insert(&builder, @intCast(index), &variant);
                switch (insertion) {
                    .done => {},
                    .same => |other| {
                        self.conflict = .{
                            .handler = declaration.handler,
                            .other_handler = self.declarations.items[other].handler,
                        };
                        return error.Conflicting;
                    },
                }
            }
        }
        const compiled = try builder.finish();
        self.tree = compiled.tree;
        self.statics = try .init(arena, compiled.statics);
    }

    fn insert(
        self: *Router,
        builder: *builder_file.Builder,
        index: u32,
        variant: *const pattern_file.Variant,
    ) Allocator.Error!builder_file.Insertion {
        const declaration = &self.declarations.items[index];
        var segments = variant.segments;
        var slashless = false;
        if (self.options.trailing_slash_ignored and segments.len > 1) {
            const last = segments[segments.len - 1];
            const before = segments[segments.len - 2];
            const slash_after_segment = before.text.len > 0;
            slashless = last.kind == .wildcard and slash_after_segment;
            if (last.text.len == 0 and slash_after_segment) segments = segments[0 .. segments.len - 1];
        }
        var route: tree_file.Route = .{
            .handler = declaration.handler,
            .body_limit = declaration.body_limit,
            .covered_always = 0,
            .covered_maybe = 0,
            .constant = self.constants.get(declaration.handler),
            .captures_count = declaration.pattern.captures_count,
            .present = variant.present,
        };
        for (self.prefixes[0..self.prefixes_count], 0..) |prefix, number| {
            const bit = @as(u32, 1) << @intCast(number);
            switch (prefix_file.relation(prefix, segments)) {
                .always => route.covered_always |= bit,
                .maybe => route.covered_maybe |= bit,
                .never => {},
            }
        }
        return builder.insert(segments, slashless, .{
            .method = declaration.method,
            .declaration = index,
            .route = route,
        });
    }

    /// What a request is answered with. `method` is `methodId(token)`.
    pub fn resolve(
        self: *const Router,
        method: u8,
        token: []const u8,
        canonical: path.Canonical,
        captures: *[limits.params_max]Capture,
    ) Outcome {
        const bytes = canonical.bytes;
        const end = self.routedLen(bytes);
        const wanted: method_file.Wanted = .init(method);
        if (self.statics.find(bytes[0..end])) |leaf| {
            if (self.tree.choose(leaf, wanted)) |route| return self.routed(route, bytes, captures);
        }
        var registered: u32 = 0;
        const query: tree_file.Query = .{ .bytes = bytes, .end = end, .wanted = wanted };
        if (self.tree.find(query, captures, &registered)) |found| {
            return self.routed(found, bytes, captures);
        }
        return self.unrouted(method, token, registered, bytes);
    }

    /// What a request about the whole server is answered with: `OPTIONS *` (RFC 9110 9.3.7), and CONNECT,
    /// whose target is no path. No prefix covers it.
    pub fn resolveServerWide(self: *const Router, method: u8) Outcome {
        const options = self.options;
        return .{
            .handler = if (method == abi.Method.options) Special.options else Special.method_not_allowed,
            .coverage = 0,
            .allow = self.methods.allowed(self.declared_methods),
            .native = !options.global_layer and !options.custom_not_found,
        };
    }

    /// Length of the path without a trailing slash that does not count. `//` has none: its last segment
    /// is empty, and so is the one before.
    fn routedLen(self: *const Router, bytes: []const u8) usize {
        if (!self.options.trailing_slash_ignored) return bytes.len;
        if (bytes.len < 2 or bytes[bytes.len - 1] != '/' or bytes[bytes.len - 2] == '/') return bytes.len;
        return bytes.len - 1;
    }

    fn routed(
        self: *const Router,
        route: *const tree_file.Route,
        bytes: []const u8,
        captures: *[limits.params_max]Capture,
    ) Outcome {
        spread(route, captures);
        const coverage = route.covered_always | self.coverageOf(route.covered_maybe, bytes);
        return .{
            .handler = route.handler,
            .captures_count = route.captures_count,
            .body_limit = route.body_limit,
            .coverage = coverage,
            .native = route.constant != null and coverage == 0 and !self.options.global_layer,
            .constant = route.constant,
        };
    }

    fn unrouted(self: *const Router, method: u8, token: []const u8, registered: u32, bytes: []const u8) Outcome {
        const every = @as(u32, @truncate((@as(u64, 1) << @intCast(self.prefixes_count)) - 1));
        const coverage = self.coverageOf(every, bytes);
        const options = self.options;
        const handler = if (registered == 0)
            Special.not_found
        else if (method == abi.Method.options)
            Special.options
        else if (method != abi.Method.other or method_file.isRegistered(token))
            Special.method_not_allowed
        else
            Special.not_implemented;
        return .{
            .handler = handler,
            .coverage = coverage,
            .allow = if (registered == 0) 0 else self.methods.allowed(registered),
            .native = coverage == 0 and !options.global_layer and !options.custom_not_found,
        };
    }

    /// Those of `candidates` that cover the path.
    fn coverageOf(self: *const Router, candidates: u32, bytes: []const u8) u32 {
        var covered: u32 = 0;
        var rest = candidates;
        while (rest != 0) : (rest &= rest - 1) {
            if (prefix_file.covers(self.prefixes[@ctz(rest)], bytes)) covered |= rest & -%rest;
        }
        return covered;
    }

    /// The value of Allow; `out` has `allow_bytes_max` bytes.
    pub fn writeAllow(self: *const Router, allow: u32, out: []u8) []const u8 {
        return self.methods.writeAllow(allow, out);
    }
};

/// Moves the captures of a variant to their places in the pattern, from the last down, so that none is
/// overwritten before it has moved.
fn spread(route: *const tree_file.Route, captures: *[limits.params_max]Capture) void {
    const every = @as(u32, 1) << @intCast(route.captures_count);
    if (route.present == every - 1) return;
    var filled = @popCount(route.present);
    var index: u32 = route.captures_count;
    while (index > 0) {
        index -= 1;
        if (route.present >> @intCast(index) & 1 == 0) {
            captures[index] = .absent;
        } else {
            filled -= 1;
            captures[index] = captures[filled];
        }
    }
}

test {
    _ = @import("router/constraint.zig");
    _ = @import("router/pattern.zig");
    _ = @import("router/method.zig");
    _ = @import("router/model.zig");
}
