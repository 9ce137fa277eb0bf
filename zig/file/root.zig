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
    /// Where the folder was opened; empty when it is to stay the one that was.
    folder_path: []const u8 = "",
};

pub const Root = struct {
    id: u32,
    source: Source,
    options: Options,
    text: []u8,
    /// When the folder was last known to be what its path names.
    checked_ms: u64 = 0,

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
        const text = try std.mem.concat(allocator, u8, &.{
            options.cache_control, options.fallback, options.indexes, options.folder_path,
        });
        root.* = .{ .id = id, .source = source, .options = options, .text = text };
        var rest: []const u8 = text;
        inline for (.{ "cache_control", "fallback", "indexes", "folder_path" }) |name| {
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

    /// Opens the folder again when its path names another one, as after a deployment that builds a
    /// new folder and renames it, or moves a link. While the path names none, the old one is
    /// served.
    pub fn refresh(root: *Root, now_ms: u64) void {
        const path = root.options.folder_path;
        if (path.len == 0 or now_ms -| root.checked_ms < root.options.check_ms) return;
        root.checked_ms = now_ms;
        const fd = switch (root.source) {
            .folder => |fd| fd,
            .anywhere, .embedded => return,
        };
        var buffer: [limits.file_path_bytes_max + 1]u8 = undefined;
        const name = std.fmt.bufPrintSentinel(&buffer, "{s}", .{path}, 0) catch return;
        const named = sys_file.aboutPath(sys_file.working_folder, name) catch return;
        const own = sys_file.aboutDescriptor(fd) catch return;
        if (named.device == own.device and named.inode == own.inode) return;
        const other = sys_file.openFolder(sys_file.working_folder, name, true) catch return;
        sys.close(fd);
        root.source = .{ .folder = other };
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
