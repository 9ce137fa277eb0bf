//! Where files come from: a folder, any path that the program names, or files that are embedded in
//! the executable; and how they are answered. Made by `c/file.zig`, read by `cache.zig` and
//! `plan.zig`.

const std = @import("std");
const limits = @import("../limits.zig");
const sys = @import("../sys.zig");
const sys_file = @import("../sys/file.zig");
const open = @import("open.zig");

pub const Etag = enum(u2) { none, weak, strong };

pub const Source = union(enum) {
    /// Only what is below this folder.
    folder: sys.Descriptor,
    /// Paths that the program itself chose.
    anywhere,
    embedded,
};

/// Texts are borrowed: `create` copies them.
pub const Options = struct {
    etag: Etag = .strong,
    dotfiles: open.Dotfiles = .ignore,
    /// Siblings with `.br`, `.zst` and `.gz` are sent to who accepts them.
    precompressed: bool = true,
    /// After so long a file is looked at again before it is sent.
    check_ms: u32 = limits.file_check_ms_default,
    /// The value of Cache-Control; empty for none.
    cache_control: []const u8 = "",
    /// Sent for paths where nothing is, below the root; empty for none.
    fallback: []const u8 = "",
    /// Names of what is sent for a folder, each ended by a slash, which no name has.
    indexes: []const u8 = "",
};

pub const Root = struct {
    id: u32,
    source: Source,
    options: Options,
    text: []u8,

    /// Takes over the descriptor of a folder, whatever comes.
    pub fn create(
        allocator: std.mem.Allocator,
        id: u32,
        source: Source,
        options: Options,
    ) error{OutOfMemory}!*Root {
        errdefer closeSource(source);
        const root = try allocator.create(Root);
        errdefer allocator.destroy(root);
        const parts = [_][]const u8{ options.cache_control, options.fallback, options.indexes };
        const text = try std.mem.concat(allocator, u8, &parts);
        root.* = .{ .id = id, .source = source, .options = options, .text = text };
        var rest: []const u8 = text;
        inline for (.{ "cache_control", "fallback", "indexes" }) |name| {
            const len = @field(options, name).len;
            @field(root.options, name) = rest[0..len];
            rest = rest[len..];
        }
        return root;
    }

    pub fn destroy(root: *Root, allocator: std.mem.Allocator) void {
        closeSource(root.source);
        allocator.free(root.text);
        allocator.destroy(root);
    }

    pub fn indexNames(root: *const Root) std.mem.TokenIterator(u8, .scalar) {
        return std.mem.tokenizeScalar(u8, root.options.indexes, '/');
    }

    /// The descriptor that paths of this root are relative to.
    pub fn folder(root: *const Root) sys.Descriptor {
        return switch (root.source) {
            .folder => |fd| fd,
            .anywhere, .embedded => sys_file.working_folder,
        };
    }

    /// Whether a path may be looked for here.
    pub fn accepts(root: *const Root, path: []const u8) bool {
        return switch (root.source) {
            .folder, .embedded => open.isName(path, root.options.dotfiles),
            .anywhere => path.len > 0 and path.len <= limits.file_path_bytes_max and
                std.mem.findScalar(u8, path, 0) == null,
        };
    }

    fn closeSource(source: Source) void {
        switch (source) {
            .folder => |fd| sys.close(fd),
            .anywhere, .embedded => {},
        }
    }
};
