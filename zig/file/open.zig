//! Finds a file below a root without ever leaving it, whatever links and races there are: the
//! kernel does it where it can, and where it cannot, the path is walked segment by segment. Called
//! by `cache.zig`.

const std = @import("std");
const limits = @import("../limits.zig");
const sys = @import("../sys.zig");
const sys_file = @import("../sys/file.zig");

const path_bytes_max = limits.file_path_bytes_max;

pub const Error = error{
    /// Nothing there, or neither a file nor a folder, or not below the root.
    NotFound,
    IsFolder,
    PermissionDenied,
    TooManyDescriptors,
    OutOfMemory,
    Unexpected,
};

pub const Opened = struct { fd: sys.Descriptor, about: sys_file.About };

/// Which files whose names begin with a dot are served.
pub const Dotfiles = enum { ignore, allow };

/// Whether a path below a root may be looked for at all: whole segments, each a name. A canonical
/// path cannot have `.` and `..`; that a link's target or a caller's mistake brings none is seen to
/// here and in the kernel. A slash that was escaped (byte 0) is part of no name.
pub fn isName(path: []const u8, dotfiles: Dotfiles) bool {
    if (path.len == 0 or path.len > path_bytes_max) return false;
    if (std.mem.findScalar(u8, path, 0) != null) return false;
    var segments = std.mem.splitScalar(u8, path, '/');
    var first = true;
    while (segments.next()) |segment| : (first = false) {
        if (segment.len == 0) return false;
        if (segment[0] != '.') continue;
        if (std.mem.eql(u8, segment, ".") or std.mem.eql(u8, segment, "..")) return false;
        // RFC 8615 reserves the name for what everybody may read.
        if (first and std.mem.eql(u8, segment, ".well-known")) continue;
        if (dotfiles == .ignore) return false;
    }
    return true;
}

/// Opens regular files. Remembers what the kernel cannot do.
pub const Opener = struct {
    kernel_resolves: bool = sys.is_linux,

    /// `path` is one that `isName` accepts.
    pub fn below(opener: *Opener, root: sys.Descriptor, path: [:0]const u8) Error!Opened {
        if (opener.kernel_resolves) {
            if (sys_file.openBeneath(root, path)) |fd| {
                return regular(fd);
            } else |err| switch (err) {
                error.Unsupported => opener.kernel_resolves = false,
                else => |other| return translate(other),
            }
        }
        var walk: Walk = .{ .root = root };
        return regular(walk.open(path) catch |err| return translate(err));
    }

    /// Any path that the program itself chose.
    pub fn anywhere(_: *Opener, path: [:0]const u8) Error!Opened {
        const fd = sys_file.openToRead(sys_file.working_folder, path) catch |err|
            return translate(err);
        return regular(fd);
    }
};

/// A file behind a link that leaves the root does not exist for clients.
fn translate(err: sys_file.OpenError) Error {
    return switch (err) {
        error.NotFound, error.Link, error.Escapes => error.NotFound,
        error.Unsupported => error.Unexpected,
        error.PermissionDenied => error.PermissionDenied,
        error.TooManyDescriptors => error.TooManyDescriptors,
        error.OutOfMemory => error.OutOfMemory,
        error.Unexpected => error.Unexpected,
    };
}

fn regular(fd: sys.Descriptor) Error!Opened {
    errdefer sys.close(fd);
    const about = try sys_file.aboutDescriptor(fd);
    return switch (about.kind) {
        .file => .{ .fd = fd, .about = about },
        .folder => error.IsFolder,
        // Pipes and devices have no length, and reading some of them has effects.
        .other => error.NotFound,
    };
}

/// The walk for kernels without `openat2`. No segment is ever opened through a link: the target of
/// one is put in its place, and a `..` in it takes back a segment of those that were walked, which
/// are known to be folders, and begins again at the root.
const Walk = struct {
    root: sys.Descriptor,
    /// Folders walked so far, each followed by a slash.
    walked: [path_bytes_max + 1]u8 = undefined,
    walked_len: usize = 0,
    /// What is left to walk.
    pending: [path_bytes_max + 1]u8 = undefined,
    pending_len: usize = 0,
    links: u32 = 0,

    fn open(walk: *Walk, path: []const u8) sys_file.OpenError!sys.Descriptor {
        @memcpy(walk.pending[0..path.len], path);
        walk.pending_len = path.len;
        while (true) {
            if (try walk.openOnce()) |fd| return fd;
        }
    }

    /// Walks from the root to the end. Null: a link was replaced, so the walk begins again.
    fn openOnce(walk: *Walk) sys_file.OpenError!?sys.Descriptor {
        walk.walked_len = 0;
        var folder = walk.root;
        defer if (folder != walk.root) sys.close(folder);
        var at: usize = 0;
        while (true) {
            const rest = walk.pending[at..walk.pending_len];
            const slash = std.mem.findScalar(u8, rest, '/');
            const segment = rest[0 .. slash orelse rest.len];
            if (segment.len == 0 or std.mem.eql(u8, segment, ".")) {
                if (slash == null) return error.NotFound;
                at += segment.len + 1;
                continue;
            }
            if (std.mem.eql(u8, segment, "..")) {
                try walk.goUp(at + segment.len);
                return null;
            }
            var name_buffer: [path_bytes_max + 1]u8 = undefined;
            const name = std.fmt.bufPrintSentinel(&name_buffer, "{s}", .{segment}, 0) catch
                return error.NotFound;
            const next = openSegment(folder, name, slash == null) catch |err| switch (err) {
                error.NotFound, error.Link => {
                    try walk.replaceLink(folder, name, at);
                    return null;
                },
                else => |other| return other,
            };
            if (slash == null) return next;
            if (folder != walk.root) sys.close(folder);
            folder = next;
            try walk.push(segment);
            at += segment.len + 1;
        }
    }

    fn openSegment(
        folder: sys.Descriptor,
        name: [:0]const u8,
        last: bool,
    ) sys_file.OpenError!sys.Descriptor {
        if (last) return sys_file.openNoFollow(folder, name);
        return sys_file.openFolder(folder, name, false);
    }

    fn push(walk: *Walk, segment: []const u8) error{NotFound}!void {
        if (walk.walked_len + segment.len + 1 > walk.walked.len) return error.NotFound;
        @memcpy(walk.walked[walk.walked_len..][0..segment.len], segment);
        walk.walked[walk.walked_len + segment.len] = '/';
        walk.walked_len += segment.len + 1;
    }

    /// Begins again without the last folder walked; `after` is where the `..` in `pending` ends.
    fn goUp(walk: *Walk, after: usize) sys_file.OpenError!void {
        if (walk.walked_len == 0) return error.Escapes;
        const walked = walk.walked[0 .. walk.walked_len - 1];
        const parent = if (std.mem.findScalarLast(u8, walked, '/')) |slash| slash + 1 else 0;
        const rest_start = @min(after + 1, walk.pending_len);
        try walk.splice(walked[0..parent], "", rest_start);
    }

    /// Puts a link's target in the place of its name, which begins at `at` in `pending`. What is no
    /// link was simply not found.
    fn replaceLink(
        walk: *Walk,
        folder: sys.Descriptor,
        name: [:0]const u8,
        at: usize,
    ) sys_file.OpenError!void {
        var buffer: [path_bytes_max + 1]u8 = undefined;
        const target = sys_file.readLink(folder, name, &buffer) orelse return error.NotFound;
        walk.links += 1;
        if (walk.links > limits.links_max) return error.Link;
        // An absolute target leaves the root even where it comes back, as with the kernel's own
        // RESOLVE_BENEATH.
        if (target.len == 0 or target[0] == '/') return error.Escapes;
        try walk.splice(
            walk.walked[0..walk.walked_len],
            target,
            @min(at + name.len + 1, walk.pending_len),
        );
    }

    /// What is to be walked becomes `front`, `middle`, and the rest of what is pending.
    fn splice(
        walk: *Walk,
        front: []const u8,
        middle: []const u8,
        rest_start: usize,
    ) error{NotFound}!void {
        var buffer: [path_bytes_max + 1]u8 = undefined;
        const rest = walk.pending[rest_start..walk.pending_len];
        const slash = if (middle.len > 0 and rest.len > 0) "/" else "";
        const parts = .{ front, middle, slash, rest };
        const joined = std.fmt.bufPrint(&buffer, "{s}{s}{s}{s}", parts) catch
            return error.NotFound;
        @memcpy(walk.pending[0..joined.len], joined);
        walk.pending_len = joined.len;
    }
};

const testing = std.testing;
const test_folder = @import("test_folder.zig");

fn expectContent(
    opener: *Opener,
    root: sys.Descriptor,
    path: [:0]const u8,
    text: []const u8,
) !void {
    errdefer std.debug.print("{s}\n", .{path});
    const file = try opener.below(root, path);
    defer sys.close(file.fd);
    var buffer: [64]u8 = undefined;
    try testing.expectEqualStrings(text, buffer[0..try sys_file.readAt(file.fd, &buffer, 0)]);
    try testing.expectEqual(text.len, file.about.size);
}

/// A tree with every kind of thing, by the kernel and by the walk.
fn withTree(comptime check: fn (*Opener, sys.Descriptor) anyerror!void) !void {
    var outer: test_folder.TestFolder = try .init();
    defer outer.deinit();
    try outer.write("secret", "secret");
    try outer.folder("root");
    try outer.folder("root/a");
    try outer.folder("root/a/b");
    try outer.write("root/top", "top");
    try outer.write("root/a/b/deep", "deep");
    try outer.link("a/b/deep", "root/inside");
    try outer.link("../../top", "root/a/b/up");
    try outer.link("../a/../top", "root/a/zigzag");
    try outer.link("b", "root/a/folder-link");
    try outer.link("inside", "root/link-to-link");
    try outer.link("../secret", "root/out");
    try outer.link("..", "root/parent");
    try outer.link("a/../../secret", "root/sneaky");
    try outer.link("/etc/passwd", "root/absolute");
    try outer.link("loop-b", "root/loop-a");
    try outer.link("loop-a", "root/loop-b");
    try outer.link("nothing", "root/dangling");
    try outer.link("/proc/self/exe", "root/magic");
    try outer.pipe("root/pipe");
    const root = try outer.open("root");
    defer sys.close(root);
    for ([_]bool{ true, false }) |kernel| {
        if (kernel and !sys.is_linux) continue;
        var opener: Opener = .{ .kernel_resolves = kernel };
        try check(&opener, root);
    }
}

test "files below a root are found, also through links that stay inside" {
    try withTree(struct {
        fn check(opener: *Opener, root: sys.Descriptor) !void {
            try expectContent(opener, root, "top", "top");
            try expectContent(opener, root, "a/b/deep", "deep");
            try expectContent(opener, root, "inside", "deep");
            try expectContent(opener, root, "a/b/up", "top");
            try expectContent(opener, root, "a/zigzag", "top");
            try expectContent(opener, root, "a/folder-link/deep", "deep");
            try expectContent(opener, root, "a/folder-link/up", "top");
            try expectContent(opener, root, "link-to-link", "deep");
        }
    }.check);
}

test "what leaves the root, loops, is no file or not there is not found" {
    try withTree(struct {
        fn check(opener: *Opener, root: sys.Descriptor) !void {
            for ([_][:0]const u8{
                "out",      "parent/secret",   "sneaky",         "absolute",    "loop-a",
                "dangling", "magic",           "pipe",           "nothing",     "top/x",
                "a/x/deep", "../secret",       "a/../../secret", "/etc/passwd", "parent",
                "..",       "parent/root/top",
            }) |path| {
                errdefer std.debug.print("{s}\n", .{path});
                try testing.expectError(error.NotFound, opener.below(root, path));
            }
            for ([_][:0]const u8{ "a", "a/b", "a/folder-link" }) |path| {
                errdefer std.debug.print("{s}\n", .{path});
                try testing.expectError(error.IsFolder, opener.below(root, path));
            }
        }
    }.check);
}

test "names that are looked for" {
    for ([_][]const u8{
        "a",             "a/b", "a.b", "a..b", "...", "a\\..\\b", "a b", "\r\n",
        "é",
        ".well-known/x", "a:b",
    }) |path| try testing.expect(isName(path, .allow));
    for ([_][]const u8{
        "",     "/",     "/a",     "a/",     "a//b",   ".",   "..", "a/..",
        "../a", "a/./b", "a\x00b", "a/\x00", "a/../b", "./a", "//", "a/.",
    }) |path| try testing.expect(!isName(path, .allow));
    for ([_][]const u8{
        ".git", ".git/config", "a/.env", "a/.git/b", "a/.well-known/x", ".well-known/.git", "...",
    }) |path| try testing.expect(!isName(path, .ignore));
    try testing.expect(isName(".well-known/acme-challenge/x", .ignore));
    try testing.expect(isName("a.b/c.", .ignore));
    const long: [path_bytes_max + 1]u8 = @splat('a');
    try testing.expect(isName(long[1..], .ignore));
    try testing.expect(!isName(&long, .ignore));
}

test "very long paths and names are not found" {
    try withTree(struct {
        fn check(opener: *Opener, root: sys.Descriptor) !void {
            const name: [path_bytes_max:0]u8 = @splat('a');
            try testing.expectError(error.NotFound, opener.below(root, &name));
            var path: [path_bytes_max:0]u8 = @splat('a');
            var at: usize = 1;
            while (at < path.len) : (at += 2) path[at] = '/';
            try testing.expectError(error.NotFound, opener.below(root, &path));
        }
    }.check);
}
