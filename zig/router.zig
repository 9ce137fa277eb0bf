//! The router: routes and prefixes of middleware are declared, then committed, then matched. It
//! owns the text and the compiled form of all of them, freed together. `server.zig` resolves each
//! request with it, `c/router.zig` declares routes for TypeScript and matches for `app.fetch`.
//!
//! Priority at each place of a path: static text, constrained parameters in order of registration,
//! the plain parameter, the wildcard. A pattern without a handler for the method hides no other
//! pattern.

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
pub const FileRoute = tree_file.FileRoute;
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
    /// The handler takes the body as it comes.
    stream_body: bool = false,
    /// One bit for each prefix of middleware that covers the path.
    coverage: u32,
    /// One bit for each method id, when `handler` is `method_not_allowed`, `options` or
    /// `not_implemented`.
    allow: u32 = 0,
    /// The answer needs no JS: a constant, a file, 404, 405, 501 or OPTIONS that nothing covers.
    native: bool,
    constant: ?*const Constant = null,
    files: ?*const FileRoute = null,
};

/// Two declarations that match the same paths for the same method.
pub const Conflict = struct { handler: u32 = 0, other_handler: u32 = 0 };

const Declaration = struct {
    pattern: Pattern,
    text: []const u8,
    method: u8,
    handler: u32,
    body_limit: u32,
    stream_body: bool,
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
    file_routes: std.AutoHashMapUnmanaged(u32, *const FileRoute) = .empty,
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

    pub const AddError = pattern_file.Error ||
        error{ Committed, BadMethod, BadHandler, Duplicate, Conflicting };

    pub const Route = struct {
        method: u32,
        pattern: []const u8,
        handler: u32,
        body_limit: u32 = limits.body_bytes_default,
        stream_body: bool = false,
    };

    /// Declares one method of one pattern. `fault` is set with InvalidPattern, `conflict` with
    /// Duplicate (the same text) and Conflicting (other names, or an optional parameter left out).
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
            if (std.mem.eql(u8, other.text, route.pattern)) return error.Duplicate;
            return error.Conflicting;
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
            .stream_body = route.stream_body,
        });
        for (shapes[0..variants_count]) |shape| self.shapes.putAssumeCapacity(shape, declaration);
    }

    pub const ConstantError = Allocator.Error || error{Committed};

    /// Prepares the answer of a handler, which then never enters JS where nothing covers the path.
    pub fn addConstant(self: *Router, handler: u32, constant: Constant) ConstantError!void {
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

    /// A handler whose answers are files: they never enter JS where nothing covers the path.
    pub fn addFiles(self: *Router, handler: u32, route: FileRoute) ConstantError!void {
        if (self.committed) return error.Committed;
        const arena = self.arena.allocator();
        const kept = try arena.create(FileRoute);
        kept.* = route;
        try self.file_routes.put(arena, handler, kept);
    }

    pub const PrefixError = pattern_file.Error || error{Committed};

    /// Bit index of a prefix of middleware; a prefix of the same segments has the same bit.
    pub fn addPrefix(self: *Router, text: []const u8, fault: *Fault) PrefixError!u5 {
        if (self.committed) return error.Committed;
        const arena = self.arena.allocator();
        const parsed = try pattern_file.parse(arena, &self.constraints, text, fault);
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

    /// Compiles what was declared. Conflicting are two patterns that differ only in a trailing
    /// slash which is now ignored; `conflict` then names them. After an error the router can only
    /// be destroyed.
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
            const after_segment = before.text.len > 0;
            slashless = last.kind == .wildcard and after_segment;
            if (last.text.len == 0 and after_segment) segments = segments[0 .. segments.len - 1];
        }
        var route: tree_file.Route = .{
            .handler = declaration.handler,
            .body_limit = declaration.body_limit,
            .stream_body = declaration.stream_body,
            .covered_always = 0,
            .covered_maybe = 0,
            .constant = self.constants.get(declaration.handler),
            .files = self.file_routes.get(declaration.handler),
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

    /// What a request about the whole server is answered with: `OPTIONS *` (RFC 9110 9.3.7), and
    /// CONNECT, whose target is no path. No prefix covers it.
    pub fn resolveServerWide(self: *const Router, method: u8) Outcome {
        const options = self.options;
        const asked = method == abi.Method.options;
        return .{
            .handler = if (asked) Special.options else Special.method_not_allowed,
            .coverage = 0,
            .allow = self.methods.allowed(self.declared_methods),
            .native = !options.global_layer and !options.custom_not_found,
        };
    }

    /// Length of the path without a trailing slash that does not count. `//` has none: its last
    /// segment is empty, and so is the one before.
    fn routedLen(self: *const Router, bytes: []const u8) usize {
        if (!self.options.trailing_slash_ignored) return bytes.len;
        if (bytes.len < 2 or bytes[bytes.len - 1] != '/') return bytes.len;
        return if (bytes[bytes.len - 2] == '/') bytes.len else bytes.len - 1;
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
            .stream_body = route.stream_body,
            .coverage = coverage,
            .native = (route.constant != null or route.files != null) and coverage == 0 and
                !self.options.global_layer,
            .constant = route.constant,
            .files = route.files,
        };
    }

    fn unrouted(
        self: *const Router,
        method: u8,
        token: []const u8,
        registered: u32,
        bytes: []const u8,
    ) Outcome {
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

/// Moves the captures of a variant to their places in the pattern, from the last down, so that none
/// is overwritten before it has moved.
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
    _ = @import("router/method.zig");
    _ = @import("router/model.zig");
    _ = @import("router/pattern.zig");
    _ = @import("router/prefix.zig");
    _ = @import("router/static_table.zig");
    _ = @import("router/tree.zig");
}

const testing = std.testing;

const Tester = struct {
    router: *Router,
    captures: [limits.params_max]Capture = undefined,
    room: [256]u8 = undefined,
    canonical: path.Canonical = undefined,

    /// Declares "METHOD /pattern" lines, handlers counted from 0, and commits them.
    fn init(options: Options, routes: []const []const u8) !Tester {
        var tester: Tester = .{ .router = try .create(testing.allocator) };
        errdefer tester.router.destroy();
        for (routes, 0..) |line, handler| try tester.add(line, @intCast(handler));
        try tester.router.commit(options);
        return tester;
    }

    fn deinit(tester: *Tester) void {
        tester.router.destroy();
    }

    fn add(tester: *Tester, line: []const u8, handler: u32) !void {
        const space = std.mem.indexOfScalar(u8, line, ' ').?;
        const token = line[0..space];
        const method = if (std.mem.eql(u8, token, "ALL"))
            abi.Method.all
        else
            try tester.router.addMethod(token);
        var fault: Fault = .{};
        var conflict: Conflict = .{};
        const pattern = line[space + 1 ..];
        const route: Router.Route = .{ .method = method, .pattern = pattern, .handler = handler };
        return tester.router.add(route, &fault, &conflict);
    }

    fn resolve(tester: *Tester, line: []const u8) !Outcome {
        const space = std.mem.indexOfScalar(u8, line, ' ').?;
        const token = line[0..space];
        tester.canonical = try path.canonicalise(line[space + 1 ..], &tester.room);
        const method = tester.router.methodId(token);
        return tester.router.resolve(method, token, tester.canonical, &tester.captures);
    }

    /// A request's handler and captures; null is an optional parameter left out.
    fn expect(
        tester: *Tester,
        line: []const u8,
        handler: u32,
        captures: []const ?[]const u8,
    ) !void {
        errdefer std.debug.print("{s}\n", .{line});
        const outcome = try tester.resolve(line);
        try testing.expectEqual(handler, outcome.handler);
        try testing.expectEqual(captures.len, outcome.captures_count);
        for (captures, tester.captures[0..captures.len]) |expected, capture| {
            if (expected) |text| {
                const bytes = tester.canonical.bytes[capture.start..][0..capture.len];
                try testing.expectEqualStrings(text, bytes);
            } else try testing.expectEqual(Capture.absent, capture);
        }
    }

    fn expectAllow(tester: *Tester, line: []const u8, handler: u32, allow: []const u8) !void {
        errdefer std.debug.print("{s}\n", .{line});
        const outcome = try tester.resolve(line);
        try testing.expectEqual(handler, outcome.handler);
        var room: [allow_bytes_max]u8 = undefined;
        try testing.expectEqualStrings(allow, tester.router.writeAllow(outcome.allow, &room));
    }
};

test "priority: static, constrained in order, plain, wildcard" {
    var tester: Tester = try .init(.{}, &.{
        "GET /a/*rest", "GET /a/:x", "GET /a/:y([a-z]+)", "GET /a/:z(\\w+)", "GET /a/b",
    });
    defer tester.deinit();
    try tester.expect("GET /a/b", 4, &.{});
    try tester.expect("GET /a/c", 2, &.{"c"});
    try tester.expect("GET /a/1", 3, &.{"1"});
    try tester.expect("GET /a/-", 1, &.{"-"});
    try tester.expect("GET /a/b/c", 0, &.{"b/c"});
    try tester.expect("GET /a/", 0, &.{""});
    try tester.expect("GET /a", Special.not_found, &.{});
    try tester.expect("GET /a//", 0, &.{"/"});
}

test "a pattern hides no other" {
    var tester: Tester = try .init(.{}, &.{
        "GET /a/b",        "POST /a/:x",   "GET /a/:x/c", "GET /:p/b/d",
        "GET /a/b/:q/e",   "DELETE /a/*r", "GET /x/y/z",  "GET /x/:one/:two",
        "GET /:a/:b/:c/w",
    });
    defer tester.deinit();
    try tester.expect("GET /a/b", 0, &.{});
    try tester.expect("POST /a/b", 1, &.{"b"});
    try tester.expect("GET /a/b/c", 2, &.{"b"});
    try tester.expect("GET /a/b/d", 3, &.{"a"});
    try tester.expect("GET /a/b/d/e", 4, &.{"d"});
    try tester.expect("GET /x/y/w", 7, &.{ "y", "w" });
    try tester.expect("GET /x/y/z/w", 8, &.{ "x", "y", "z" });
    try tester.expect("DELETE /a/b", 5, &.{"b"});
    const not_allowed = Special.method_not_allowed;
    try tester.expectAllow("PUT /a/b", not_allowed, "GET, HEAD, POST, DELETE, OPTIONS");
    try tester.expectAllow("PUT /a/b/c", not_allowed, "GET, HEAD, DELETE, OPTIONS");
    try tester.expectAllow("OPTIONS /a/z", Special.options, "POST, DELETE, OPTIONS");
}

test "parameters take one whole segment that is not empty" {
    var tester: Tester = try .init(.{}, &.{ "GET /:x", "GET /u/:x/", "GET /f/:x(\\D+)" });
    defer tester.deinit();
    try tester.expect("GET /a", 0, &.{"a"});
    try tester.expect("GET /", Special.not_found, &.{});
    try tester.expect("GET /a/", Special.not_found, &.{});
    try tester.expect("GET /u/1/", 1, &.{"1"});
    try tester.expect("GET /u//", Special.not_found, &.{});
    try tester.expect("GET /a%2Fb", 0, &.{"a\x00b"});
    try tester.expect("GET /%C3%A9%2541", 0, &.{"é%41"});
    try tester.expect("GET /f/%C3%A9", 2, &.{"é"});
}

test "optional parameters" {
    var tester: Tester = try .init(.{}, &.{
        "GET /a/:x?",    "GET /m/:x?/end", "GET /p/:x(\\d+)?/:y?/:z",
        "POST /:x?/:y?", "PUT /:x?",
    });
    defer tester.deinit();
    try tester.expect("GET /a", 0, &.{null});
    try tester.expect("GET /a/1", 0, &.{"1"});
    try tester.expect("GET /a/", Special.not_found, &.{});
    try tester.expect("GET /m/end", 1, &.{null});
    try tester.expect("GET /m/1/end", 1, &.{"1"});
    try tester.expect("GET /m/end/end", 1, &.{"end"});
    try tester.expect("GET /p/1", 2, &.{ null, null, "1" });
    try tester.expect("GET /p/1/2", 2, &.{ "1", null, "2" });
    try tester.expect("GET /p/a/2", 2, &.{ null, "a", "2" });
    try tester.expect("GET /p/1/2/3", 2, &.{ "1", "2", "3" });
    try tester.expect("POST /", 3, &.{ null, null });
    try tester.expect("POST /1", 3, &.{ "1", null });
    try tester.expect("POST /1/2", 3, &.{ "1", "2" });
    try tester.expect("PUT /", 4, &.{null});
}

test "the same place under different names" {
    var tester: Tester = try .init(.{}, &.{ "GET /u/:id", "GET /u/:uid/posts", "PUT /u/:name" });
    defer tester.deinit();
    try tester.expect("GET /u/1", 0, &.{"1"});
    try tester.expect("GET /u/1/posts", 1, &.{"1"});
    try tester.expect("PUT /u/1", 2, &.{"1"});
}

test "duplicates and conflicts" {
    const router: *Router = try .create(testing.allocator);
    var tester: Tester = .{ .router = router };
    defer tester.deinit();
    try tester.add("GET /u/:id", 0);
    try tester.add("GET /o/:x?", 1);
    try tester.add("GET /f/*", 2);
    try testing.expectError(error.Duplicate, tester.add("GET /u/:id", 3));
    try testing.expectError(error.Conflicting, tester.add("GET /u/:uid", 3));
    try testing.expectError(error.Conflicting, tester.add("GET /o", 3));
    try testing.expectError(error.Conflicting, tester.add("GET /o/:y", 3));
    try testing.expectError(error.Conflicting, tester.add("GET /f/*rest", 3));
    try testing.expectError(error.Conflicting, tester.add("GET /%75/:id", 3));
    try testing.expectError(error.BadMethod, tester.add("TRACE /t", 3));
    try testing.expectError(error.BadHandler, tester.add("GET /t", Special.not_found));
    // A refused route leaves nothing behind, though its other variant was free.
    try testing.expectError(error.Conflicting, tester.add("GET /u/:id/:tab?", 3));
    try tester.add("GET /u/:id/:tab", 3);
    try tester.add("ALL /u/:id", 4);
    try tester.add("GET /u/:id(\\d+)", 5);
    try router.commit(.{});
    try testing.expectError(error.Committed, tester.add("GET /late", 6));
    try testing.expectError(error.Committed, router.commit(.{}));
    try tester.expect("GET /u/1", 5, &.{"1"});
    try tester.expect("GET /u/a", 0, &.{"a"});
    try tester.expect("PUT /u/a", 4, &.{"a"});
}

test "methods: HEAD, OPTIONS, all, TRACE, CONNECT, unknown" {
    var tester: Tester = try .init(.{}, &.{
        "GET /get",   "GET /both",     "HEAD /both", "ALL /all", "POST /all",
        "POST /post", "OPTIONS /post", "PURGE /get", "ALL /:x",
    });
    defer tester.deinit();
    const not_allowed = Special.method_not_allowed;
    try tester.expect("HEAD /get", 0, &.{});
    try tester.expect("HEAD /both", 2, &.{});
    try tester.expect("HEAD /all", 3, &.{});
    try tester.expect("OPTIONS /all", 3, &.{});
    try tester.expect("POST /all", 4, &.{});
    try tester.expect("OPTIONS /post", 6, &.{});
    try tester.expect("PURGE /get", 7, &.{});
    try tester.expect("WHATEVER /all", 3, &.{});
    try tester.expect("get /get", 8, &.{"get"});
    const every = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, PURGE";
    try tester.expectAllow("TRACE /get", not_allowed, every);
    try tester.expectAllow("CONNECT /all", not_allowed, every);
    try tester.expect("TRACE /no/route", Special.not_found, &.{});
    try tester.expect("WHATEVER /no/route", Special.not_found, &.{});

    var strict: Tester = try .init(.{}, &.{ "GET /a", "PURGE /b" });
    defer strict.deinit();
    try strict.expectAllow("POST /a", not_allowed, "GET, HEAD, OPTIONS");
    try strict.expectAllow("PURGE /a", not_allowed, "GET, HEAD, OPTIONS");
    try strict.expectAllow("PROPFIND /a", not_allowed, "GET, HEAD, OPTIONS");
    try strict.expectAllow("TRACE /a", not_allowed, "GET, HEAD, OPTIONS");
    try strict.expectAllow("OPTIONS /a", Special.options, "GET, HEAD, OPTIONS");
    try strict.expect("WHATEVER /a", Special.not_implemented, &.{});
    try strict.expect("get /a", Special.not_implemented, &.{});
    const server_wide = strict.router.resolveServerWide(abi.Method.options);
    try testing.expectEqual(Special.options, server_wide.handler);
    var room: [allow_bytes_max]u8 = undefined;
    const allow = strict.router.writeAllow(server_wide.allow, &room);
    try testing.expectEqualStrings("GET, HEAD, OPTIONS, PURGE", allow);
}

test "slashes at the end" {
    const routes = [_][]const u8{
        "GET /a", "GET /b/", "GET /f/*", "GET /u/:id", "GET /", "GET /d//",
    };
    var strict: Tester = try .init(.{}, &routes);
    defer strict.deinit();
    try strict.expect("GET /a", 0, &.{});
    try strict.expect("GET /a/", Special.not_found, &.{});
    try strict.expect("GET /b", Special.not_found, &.{});
    try strict.expect("GET /b/", 1, &.{});
    try strict.expect("GET /f", Special.not_found, &.{});
    try strict.expect("GET /f/", 2, &.{""});
    try strict.expect("GET /u/1/", Special.not_found, &.{});
    try strict.expect("GET /", 4, &.{});
    try strict.expect("GET //", Special.not_found, &.{});
    try strict.expect("GET /d//", 5, &.{});

    var ignoring: Tester = try .init(.{ .trailing_slash_ignored = true }, &routes);
    defer ignoring.deinit();
    try ignoring.expect("GET /a", 0, &.{});
    try ignoring.expect("GET /a/", 0, &.{});
    try ignoring.expect("GET /a//", Special.not_found, &.{});
    try ignoring.expect("GET /b", 1, &.{});
    try ignoring.expect("GET /b/", 1, &.{});
    try ignoring.expect("GET /f", 2, &.{""});
    try ignoring.expect("GET /f/", 2, &.{""});
    try ignoring.expect("GET /f/x/", 2, &.{"x/"});
    try ignoring.expect("GET /u/1/", 3, &.{"1"});
    try ignoring.expect("GET /", 4, &.{});
    try ignoring.expect("GET //", Special.not_found, &.{});
    try ignoring.expect("GET /d//", 5, &.{});
    try ignoring.expect("GET /d/", Special.not_found, &.{});

    const both = [_][]const u8{ "GET /a", "GET /a/" };
    var allowed: Tester = try .init(.{}, &both);
    allowed.deinit();
    const refused = Tester.init(.{ .trailing_slash_ignored = true }, &both);
    try testing.expectError(error.Conflicting, refused);
}

test "native answers and what switches them off" {
    const router: *Router = try .create(testing.allocator);
    var tester: Tester = .{ .router = router };
    defer tester.deinit();
    try tester.add("GET /constant", 0);
    try tester.add("GET /admin/constant", 1);
    try tester.add("GET /code", 2);
    for (0..2) |handler| {
        try router.addConstant(@intCast(handler), .{
            .status = 201,
            .kind = abi.Kind.json,
            .fields = "X-A: 1\r\n",
            .body = "{}",
        });
    }
    var fault: Fault = .{};
    _ = try router.addPrefix("/admin", &fault);
    try router.commit(.{});

    const constant = try tester.resolve("HEAD /constant");
    try testing.expect(constant.native);
    try testing.expectEqual(201, constant.constant.?.status);
    try testing.expectEqualStrings("{}", constant.constant.?.body);
    const guarded = try tester.resolve("GET /admin/constant");
    try testing.expect(!guarded.native and guarded.constant != null and guarded.coverage == 1);
    try testing.expect(!(try tester.resolve("GET /code")).native);
    try testing.expect((try tester.resolve("GET /nothing")).native);
    try testing.expect(!(try tester.resolve("GET /admin/nothing")).native);
    try testing.expect((try tester.resolve("POST /code")).native);
    try testing.expect(!(try tester.resolve("POST /admin/constant")).native);
    try testing.expect((try tester.resolve("OPTIONS /code")).native);
    router.options = .{ .custom_not_found = true };
    try testing.expect((try tester.resolve("GET /constant")).native);
    try testing.expect(!(try tester.resolve("POST /code")).native);
    try testing.expect(!(try tester.resolve("GET /nothing")).native);
    router.options = .{ .global_layer = true };
    try testing.expect(!(try tester.resolve("GET /constant")).native);
    try testing.expect(!(try tester.resolve("OPTIONS /code")).native);
}

test "prefixes cover whole segments and cannot be walked round" {
    const router: *Router = try .create(testing.allocator);
    var tester: Tester = .{ .router = router };
    defer tester.deinit();
    try tester.add("GET /*", 0);
    try tester.add("GET /admin/users", 1);
    try tester.add("GET /t/:tenant/*", 2);
    var fault: Fault = .{};
    try testing.expectEqual(0, try router.addPrefix("/admin", &fault));
    try testing.expectEqual(1, try router.addPrefix("/t/:tenant", &fault));
    try testing.expectEqual(2, try router.addPrefix("/t/:id(\\d+)/x", &fault));
    try testing.expectEqual(3, try router.addPrefix("/", &fault));
    try testing.expectEqual(0, try router.addPrefix("/%61dmin/", &fault));
    try testing.expectEqual(1, try router.addPrefix("/t/:other", &fault));
    try router.commit(.{ .trailing_slash_ignored = true });
    const cases = [_]struct { []const u8, u32 }{
        .{ "/admin", 0b1001 },        .{ "/admin/", 0b1001 },        .{ "/admin/users", 0b1001 },
        .{ "/admin/users/", 0b1001 }, .{ "/%61dmin/users", 0b1001 }, .{ "/admin//", 0b1001 },
        .{ "/adm%69n", 0b1001 },      .{ "/administrator", 0b1000 }, .{ "/Admin", 0b1000 },
        .{ "//admin", 0b1000 },       .{ "/admin%2Fusers", 0b1000 }, .{ "/t/1", 0b1010 },
        .{ "/t/", 0b1000 },           .{ "/t//", 0b1000 },           .{ "/t/1/x", 0b1110 },
        .{ "/t/1/x/y", 0b1110 },      .{ "/t/a/x", 0b1010 },         .{ "/t/%31/%78", 0b1110 },
        .{ "/t/1%2Fx", 0b1010 },      .{ "/", 0b1000 },
    };
    for (cases) |case| {
        var line: [64]u8 = undefined;
        errdefer std.debug.print("{s}\n", .{case[0]});
        const get = try std.fmt.bufPrint(&line, "GET {s}", .{case[0]});
        try testing.expectEqual(case[1], (try tester.resolve(get)).coverage);
    }
    // An escaped slash does not reach what the prefix guards either.
    try tester.expect("GET /admin%2Fusers", 0, &.{"admin\x00users"});
}

test "limits of methods, prefixes and captures" {
    const router: *Router = try .create(testing.allocator);
    var tester: Tester = .{ .router = router };
    defer tester.deinit();
    var fault: Fault = .{};
    for (0..limits.prefixes_max) |index| {
        var text: [16]u8 = undefined;
        const prefix = try std.fmt.bufPrint(&text, "/p{d}", .{index});
        try testing.expectEqual(index, try router.addPrefix(prefix, &fault));
    }
    try testing.expectError(error.InvalidPattern, router.addPrefix("/more", &fault));
    try testing.expectEqual(Reason.prefix_too_many, fault.reason);
    for ([_]struct { []const u8, Reason }{
        .{ "/a/:b?", .prefix_optional },
        .{ "/a/*", .prefix_wildcard },
        .{ "/a//b", .prefix_empty_segment },
        .{ "a", .no_leading_slash },
    }) |case| {
        try testing.expectError(error.InvalidPattern, router.addPrefix(case[0], &fault));
        try testing.expectEqual(case[1], fault.reason);
    }
    const most = "/:a/:b/:c/:d/:e/:f/:g/:h/:i/:j/:k?/:l?/:m?/:n?/:o?/*p";
    try tester.add("GET " ++ most, 0);
    try router.commit(.{});
    try tester.expect("GET /1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", 0, &.{
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "1", "2", "3", "4", "5", "6/7",
    });
    try tester.expect("GET /1/2/3/4/5/6/7/8/9/0/", 0, &.{
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", null, null, null, null, null, "",
    });
    for (0..limits.prefixes_max) |index| {
        var text: [16]u8 = undefined;
        const line = try std.fmt.bufPrint(&text, "GET /p{d}/x", .{index});
        const covered = @as(u32, 1) << @intCast(index);
        try testing.expectEqual(covered, (try tester.resolve(line)).coverage);
    }
}

test "a router without routes" {
    var tester: Tester = try .init(.{}, &.{});
    defer tester.deinit();
    try tester.expect("GET /", Special.not_found, &.{});
    try tester.expect("OPTIONS /a", Special.not_found, &.{});
    try testing.expect((try tester.resolve("GET /")).native);
}

test "every failed allocation is reported and nothing leaks" {
    try testing.checkAllAllocationFailures(testing.allocator, declareAndCommit, .{});
}

fn declareAndCommit(allocator: Allocator) !void {
    const router = try Router.create(allocator);
    defer router.destroy();
    var fault: Fault = .{};
    var conflict: Conflict = .{};
    const method = try router.addMethod("PURGE");
    const patterns = [_][]const u8{ "/a/b", "/a/:x(\\d+)?/c", "/a/:x/d", "/f/*", "/" };
    for (patterns, 0..) |pattern, handler| try router.add(.{
        .method = method,
        .pattern = pattern,
        .handler = @intCast(handler),
    }, &fault, &conflict);
    try router.addConstant(0, .{ .status = 200, .kind = 0, .fields = "", .body = "body" });
    _ = try router.addPrefix("/a", &fault);
    try router.commit(.{ .trailing_slash_ignored = true });
}
