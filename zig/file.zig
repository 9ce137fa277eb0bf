//! Files as answers: what is sent for a path, conditions, ranges and encodings considered, and the
//! cache of open files behind it. `c/file.zig` offers it to TypeScript, the server uses it for
//! routes that are answered without JavaScript. One for each thread.

const std = @import("std");
const sys = @import("sys.zig");
const sys_file = @import("sys/file.zig");
const cache_file = @import("file/cache.zig");
const plan_file = @import("file/plan.zig");
const root_file = @import("file/root.zig");

pub const OpenFile = cache_file.OpenFile;
pub const Plan = plan_file.Plan;
pub const Segment = plan_file.Segment;
pub const Method = plan_file.Method;
pub const Options = root_file.Options;
pub const Etag = root_file.Etag;

pub const RootError = error{
    /// There is no such folder.
    NotFound,
    PermissionDenied,
    TooManyDescriptors,
    OutOfMemory,
    Unexpected,
};

pub const EmbedError = sys_file.MemoryFileError || error{ Duplicate, NotFound };

pub const Files = struct {
    allocator: std.mem.Allocator,
    planner: plan_file.Planner,
    roots: std.ArrayList(*root_file.Root) = .empty,

    pub fn create(allocator: std.mem.Allocator) error{OutOfMemory}!*Files {
        const files = try allocator.create(Files);
        files.* = .{ .allocator = allocator, .planner = .init(allocator) };
        return files;
    }

    /// No plan of these files may be in use any more.
    pub fn destroy(files: *Files) void {
        files.planner.deinit();
        for (files.roots.items) |root| root.destroy(files.allocator);
        files.roots.deinit(files.allocator);
        files.allocator.destroy(files);
    }

    /// The id of a folder to serve.
    pub fn addFolder(files: *Files, path: [*:0]const u8, options: Options) RootError!u32 {
        const fd = sys_file.openFolder(sys_file.working_folder, path, true) catch |err|
            return switch (err) {
                error.NotFound, error.Link, error.Escapes, error.Unsupported => error.NotFound,
                error.PermissionDenied => error.PermissionDenied,
                error.TooManyDescriptors => error.TooManyDescriptors,
                error.OutOfMemory => error.OutOfMemory,
                error.Unexpected => error.Unexpected,
            };
        var named = options;
        named.folder_path = std.mem.span(path);
        return files.add(.{ .folder = fd }, named);
    }

    /// The id of a root for paths that the program itself chooses.
    pub fn addAnywhere(files: *Files, options: Options) error{OutOfMemory}!u32 {
        return files.add(.anywhere, options);
    }

    /// The id of a root that `embed` fills.
    pub fn addEmbedded(files: *Files, options: Options) error{OutOfMemory}!u32 {
        return files.add(.embedded, options);
    }

    fn add(files: *Files, source: root_file.Source, options: Options) error{OutOfMemory}!u32 {
        const id: u32 = @intCast(files.roots.items.len);
        const root: *root_file.Root = try .create(files.allocator, id, source, options);
        errdefer root.destroy(files.allocator);
        try files.roots.append(files.allocator, root);
        return id;
    }

    /// Puts a file of the executable below a root that `addEmbedded` made.
    pub fn embed(
        files: *Files,
        id: u32,
        name: []const u8,
        bytes: []const u8,
        modified_seconds: u64,
    ) EmbedError!void {
        const root = files.roots.items[id];
        if (root.source != .embedded or !root.accepts(name)) return error.NotFound;
        return files.planner.cache.embed(root, name, bytes, modified_seconds);
    }

    /// The answer to a request. `path` is what the canonical path has behind the route's own, or
    /// any path for a root of `addAnywhere`; `fields` are the request's field lines.
    pub fn plan(
        files: *Files,
        id: u32,
        path: []const u8,
        method: Method,
        fields: []const u8,
    ) error{OutOfMemory}!*Plan {
        const now_ms = sys.monotonicNs() / std.time.ns_per_ms;
        return files.planAt(id, path, method, fields, now_ms);
    }

    /// For whoever has read the clock.
    pub fn planAt(
        files: *Files,
        id: u32,
        path: []const u8,
        method: Method,
        fields: []const u8,
        now_ms: u64,
    ) error{OutOfMemory}!*Plan {
        return files.planner.plan(files.roots.items[id], path, .{
            .fields = fields,
            .method = method,
            .now_ms = now_ms,
        });
    }
};

test {
    _ = @import("sys/file.zig");
    _ = @import("file/conditional.zig");
    _ = @import("file/date.zig");
    _ = @import("file/mime.zig");
    _ = @import("file/negotiate.zig");
    _ = @import("file/cache.zig");
    _ = @import("file/open.zig");
    _ = @import("file/plan.zig");
    _ = @import("file/range.zig");
    _ = @import("file/multipart.zig");
    _ = @import("file/open_file.zig");
    _ = @import("file/root.zig");
}
