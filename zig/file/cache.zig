//! Open files, kept for the next requests: a file that many ask for is opened once and looked at
//! once a second. Used by `plan.zig`; one for each thread.

const std = @import("std");
const limits = @import("../limits.zig");
const sys = @import("../sys.zig");
const sys_file = @import("../sys/file.zig");
const negotiate = @import("negotiate.zig");
const open = @import("open.zig");
const open_file = @import("open_file.zig");
const Root = @import("root.zig").Root;

pub const OpenFile = open_file.OpenFile;
const Key = open_file.Key;

pub const Error = open.Error;

const KeyContext = struct {
    pub fn hash(_: KeyContext, key: Key) u64 {
        const seed = @as(u64, key.root) << 2 | @intFromEnum(key.coding);
        return std.hash.Wyhash.hash(seed, key.path);
    }

    pub fn eql(_: KeyContext, a: Key, b: Key) bool {
        return a.root == b.root and a.coding == b.coding and std.mem.eql(u8, a.path, b.path);
    }
};

const Table = std.HashMapUnmanaged(Key, *OpenFile, KeyContext, 80);

pub const Cache = struct {
    allocator: std.mem.Allocator,
    table: Table = .empty,
    /// Files of folders, used last first. Embedded ones are not among them: they stay.
    order: std.DoublyLinkedList = .{},
    ordered: u32 = 0,
    files_max: u32,
    opener: open.Opener = .{},

    pub fn init(allocator: std.mem.Allocator) Cache {
        const fair_share = sys_file.descriptorsMax() / 4;
        return .{
            .allocator = allocator,
            .files_max = @intCast(@min(limits.open_files_max, fair_share)),
        };
    }

    pub fn deinit(cache: *Cache) void {
        var files = cache.table.valueIterator();
        while (files.next()) |file| file.*.release();
        cache.table.deinit(cache.allocator);
        cache.* = undefined;
    }

    /// The file that a path of a root names, or a sibling of it; the reference is the caller's.
    /// `path` is one that the root accepts.
    pub fn acquire(
        cache: *Cache,
        root: *const Root,
        path: []const u8,
        coding: negotiate.Coding,
        now_ms: u64,
    ) Error!*OpenFile {
        const key: Key = .{ .root = root.id, .coding = coding, .path = path };
        if (cache.table.get(key)) |file| {
            if (cache.isCurrent(root, file, now_ms)) {
                if (root.source != .embedded) {
                    cache.order.remove(&file.node);
                    cache.order.prepend(&file.node);
                }
                file.retain();
                return file;
            }
            cache.drop(file);
        }
        return cache.add(root, key, now_ms);
    }

    /// Whether an open file is still what its path names. A file that was replaced, changed or
    /// taken away is not; answers that are being sent keep theirs.
    fn isCurrent(cache: *Cache, root: *const Root, file: *OpenFile, now_ms: u64) bool {
        if (root.source == .embedded) return true;
        if (now_ms -| file.checked_ms < root.options.check_ms) return true;
        const about = sys_file.aboutPath(root.folder(), file.openedPath()) catch return false;
        if (!std.meta.eql(about, file.about)) return false;
        file.checked_ms = now_ms;
        cache.findSiblings(root, file);
        return true;
    }

    fn add(cache: *Cache, root: *const Root, key: Key, now_ms: u64) Error!*OpenFile {
        const opened = cache.openPath(root, key) catch |err| switch (err) {
            // Files that nobody is being sent are the first to go: connections need descriptors.
            error.TooManyDescriptors => retry: {
                cache.dropAll();
                break :retry try cache.openPath(root, key);
            },
            else => |other| return other,
        };
        const file = try OpenFile.create(cache.allocator, root, .{
            .fd = opened.fd,
            .about = opened.about,
            .key = key,
            .now_ms = now_ms,
        });
        cache.findSiblings(root, file);
        // Without room it is sent all the same, once.
        cache.keep(file) catch return file;
        cache.order.prepend(&file.node);
        cache.ordered += 1;
        if (cache.ordered > cache.files_max) cache.drop(fileOf(cache.order.last.?));
        return file;
    }

    fn keep(cache: *Cache, file: *OpenFile) error{OutOfMemory}!void {
        try cache.table.putNoClobber(cache.allocator, file.key, file);
        file.retain();
    }

    fn openPath(cache: *Cache, root: *const Root, key: Key) Error!open.Opened {
        var buffer: [limits.file_path_bytes_max + 5]u8 = undefined;
        const path = std.fmt.bufPrintSentinel(
            &buffer,
            "{s}{s}",
            .{ key.path, key.coding.suffix() },
            0,
        ) catch return error.NotFound;
        return switch (root.source) {
            .folder => |fd| cache.opener.below(fd, path),
            .anywhere => cache.opener.anywhere(path),
            .embedded => error.NotFound,
        };
    }

    /// Which siblings a file has. One that is older than the file was made from another: it is as
    /// if it were not there. Whole seconds, since archives and copies lose the rest.
    fn findSiblings(cache: *Cache, root: *const Root, file: *OpenFile) void {
        if (!root.options.precompressed or file.key.coding != .identity) return;
        file.siblings = .initEmpty();
        for ([_]negotiate.Coding{ .br, .zstd, .gzip }) |coding| {
            var buffer: [limits.file_path_bytes_max + 5]u8 = undefined;
            const path = std.fmt.bufPrintSentinel(
                &buffer,
                "{s}{s}",
                .{ file.key.path, coding.suffix() },
                0,
            ) catch continue;
            const about = if (root.source == .embedded) embedded: {
                const key: Key = .{ .root = root.id, .coding = .identity, .path = path };
                break :embedded (cache.table.get(key) orelse continue).about;
            } else sys_file.aboutPath(root.folder(), path) catch continue;
            const second = std.time.ns_per_s;
            if (about.modified_ns / second < file.about.modified_ns / second) continue;
            if (about.kind == .file) file.siblings.insert(coding);
        }
    }

    /// Makes a file of the bytes of one that is embedded in the executable. Names are those that
    /// requests have below the root.
    pub fn embed(
        cache: *Cache,
        root: *const Root,
        name: []const u8,
        bytes: []const u8,
        modified_seconds: u64,
    ) (sys_file.MemoryFileError || error{ Duplicate, NotFound })!void {
        const key: Key = .{ .root = root.id, .coding = .identity, .path = name };
        try cache.embedAs(root, key, bytes, modified_seconds);
        for ([_]negotiate.Coding{ .br, .zstd, .gzip }) |coding| {
            const path = std.mem.cutSuffix(u8, name, coding.suffix()) orelse continue;
            if (path.len == 0) continue;
            const sibling: Key = .{ .root = root.id, .coding = coding, .path = path };
            try cache.embedAs(root, sibling, bytes, modified_seconds);
        }
        // Order is the caller's: a file and its siblings may come in any.
        var files = cache.table.valueIterator();
        while (files.next()) |file| {
            if (file.*.key.root == root.id) cache.findSiblings(root, file.*);
        }
    }

    fn embedAs(
        cache: *Cache,
        root: *const Root,
        key: Key,
        bytes: []const u8,
        modified_seconds: u64,
    ) (sys_file.MemoryFileError || error{ Duplicate, NotFound })!void {
        if (cache.table.contains(key)) return error.Duplicate;
        const fd = try sys_file.memoryFile(bytes);
        var about = sys_file.aboutDescriptor(fd) catch |err| {
            sys.close(fd);
            return err;
        };
        about.modified_ns = modified_seconds *| std.time.ns_per_s;
        const file = try OpenFile.create(cache.allocator, root, .{
            .fd = fd,
            .about = about,
            .key = key,
            .now_ms = 0,
            .content_hash = std.hash.Wyhash.hash(bytes.len, bytes),
        });
        defer file.release();
        try cache.keep(file);
    }

    /// Gives back every descriptor that no answer needs, as when there are none left.
    pub fn dropAll(cache: *Cache) void {
        while (cache.order.last) |node| cache.drop(fileOf(node));
    }

    fn drop(cache: *Cache, file: *OpenFile) void {
        std.debug.assert(cache.table.remove(file.key));
        cache.order.remove(&file.node);
        cache.ordered -= 1;
        file.release();
    }

    fn fileOf(node: *std.DoublyLinkedList.Node) *OpenFile {
        return @alignCast(@fieldParentPtr("node", node));
    }
};

const testing = std.testing;
const test_folder = @import("test_folder.zig");
const root_file = @import("root.zig");

const Fixture = struct {
    folder: test_folder.TestFolder,
    cache: Cache,
    root: *Root,

    fn init(files_max: u32) !Fixture {
        var folder: test_folder.TestFolder = try .init();
        errdefer folder.deinit();
        const source: root_file.Source = .{ .folder = try folder.open(".") };
        var cache: Cache = .init(testing.allocator);
        cache.files_max = files_max;
        return .{
            .folder = folder,
            .cache = cache,
            .root = try .create(testing.allocator, 1, source, .{ .precompressed = false }),
        };
    }

    fn deinit(self: *Fixture) void {
        self.cache.deinit();
        self.root.destroy(testing.allocator);
        self.folder.deinit();
    }

    fn acquire(self: *Fixture, path: []const u8, now_ms: u64) !*OpenFile {
        return self.cache.acquire(self.root, path, .identity, now_ms);
    }
};

fn expectContent(expected: []const u8, file: *const OpenFile) !void {
    var buffer: [64]u8 = undefined;
    const len = try sys_file.readAt(file.fd, &buffer, 0);
    try testing.expectEqualStrings(expected, buffer[0..len]);
}

test "a file is opened once, and again when it was replaced, changed or taken away" {
    var fixture: Fixture = try .init(8);
    defer fixture.deinit();
    try fixture.folder.write("a", "one");
    const first = try fixture.acquire("a", 0);
    defer first.release();
    try fixture.folder.write("b", "two!");
    try fixture.folder.rename("b", "a");
    const second = try fixture.acquire("a", 999);
    defer second.release();
    try testing.expectEqual(first, second);
    const third = try fixture.acquire("a", 1000);
    defer third.release();
    try expectContent("two!", third);
    // Who is still being sent the old one gets all of it.
    try expectContent("one", first);

    try fixture.folder.write("a", "longer");
    const fourth = try fixture.acquire("a", 2000);
    defer fourth.release();
    try testing.expect(third != fourth);
    try testing.expectEqual(6, fourth.about.size);
    const again = try fixture.acquire("a", 3000);
    defer again.release();
    try testing.expectEqual(fourth, again);

    try fixture.folder.remove("a");
    try testing.expectError(error.NotFound, fixture.acquire("a", 4000));
    try testing.expectError(error.NotFound, fixture.acquire("a", 4000));
    try testing.expectEqual(0, fixture.cache.ordered);
    try fixture.folder.write("a", "back");
    const back = try fixture.acquire("a", 4000);
    defer back.release();
    try expectContent("back", back);
}

test "files used longest ago are closed first, but not while they are sent" {
    var fixture: Fixture = try .init(2);
    defer fixture.deinit();
    for ([_][]const u8{ "a", "b", "c" }) |name| try fixture.folder.write(name, name);
    const a = try fixture.acquire("a", 0);
    defer a.release();
    (try fixture.acquire("b", 0)).release();
    (try fixture.acquire("a", 0)).release();
    (try fixture.acquire("c", 0)).release();
    const key: Key = .{ .root = 1, .coding = .identity, .path = "b" };
    try testing.expect(!fixture.cache.table.contains(key));
    (try fixture.acquire("b", 0)).release();
    try testing.expectEqual(1, a.references);
    try expectContent("a", a);
    fixture.cache.dropAll();
    try testing.expectEqual(0, fixture.cache.table.count());
}

test "without descriptors the files that nobody is sent are closed" {
    var fixture: Fixture = try .init(8);
    defer fixture.deinit();
    for ([_][]const u8{ "a", "b", "c" }) |name| try fixture.folder.write(name, name);
    const held = try fixture.acquire("a", 0);
    defer held.release();
    (try fixture.acquire("b", 0)).release();

    const next = try sys_file.memoryFile("");
    sys.close(next);
    var before: std.c.rlimit = undefined;
    try testing.expectEqual(0, std.c.getrlimit(.NOFILE, &before));
    defer std.debug.assert(std.c.setrlimit(.NOFILE, &before) == 0);
    const none_left: std.c.rlimit = .{ .cur = @intCast(next), .max = before.max };
    try testing.expectEqual(0, std.c.setrlimit(.NOFILE, &none_left));

    const opened = try fixture.acquire("c", 0);
    defer opened.release();
    try expectContent("c", opened);
    try expectContent("a", held);
    try testing.expectEqual(1, fixture.cache.ordered);
    fixture.cache.dropAll();
    // Both are being sent: there is nothing left to close.
    try testing.expectError(error.TooManyDescriptors, fixture.acquire("b", 0));
}

test "embedded files stay, and have tags of their content" {
    var cache: Cache = .init(testing.allocator);
    defer cache.deinit();
    const root: *Root = try .create(testing.allocator, 5, .embedded, .{});
    defer root.destroy(testing.allocator);
    try cache.embed(root, "a.css.gz", "zipped", 784_111_777);
    try cache.embed(root, "a.css", "body{}", 784_111_777);
    try testing.expectError(error.Duplicate, cache.embed(root, "a.css", "x", 0));
    cache.dropAll();
    const file = try cache.acquire(root, "a.css", .identity, 1 << 40);
    defer file.release();
    try expectContent("body{}", file);
    try testing.expect(file.siblings.contains(.gzip));
    try testing.expect(std.mem.find(u8, file.fullLines(), "Sun, 06 Nov 1994 08:49:37 GMT") != null);
    const sibling = try cache.acquire(root, "a.css", .gzip, 0);
    defer sibling.release();
    try expectContent("zipped", sibling);
    try testing.expectError(error.NotFound, cache.acquire(root, "b.css", .identity, 0));
}

test "a sibling that is older than its file does not count" {
    var fixture: Fixture = try .init(8);
    defer fixture.deinit();
    fixture.root.options.precompressed = true;
    try fixture.folder.write("a.js.gz", "gzip");
    try fixture.folder.write("a.js", "new");
    const file = try fixture.acquire("a.js", 0);
    defer file.release();
    try testing.expect(file.siblings.contains(.gzip));
    file.about.modified_ns += 2 * std.time.ns_per_s;
    fixture.cache.findSiblings(fixture.root, file);
    try testing.expect(!file.siblings.contains(.gzip));
}

test "random requests, changes and a small cache: content is never older than a second" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var fixture: Fixture = try .init(3);
    defer fixture.deinit();
    const names = [_][:0]const u8{ "a", "b", "c", "d", "e", "f" };
    // Versions of each file, and since when there is each.
    var versions: [names.len]u32 = @splat(0);
    var changed: [names.len]u64 = @splat(0);
    var held: std.ArrayList(*OpenFile) = .empty;
    defer held.deinit(testing.allocator);
    defer for (held.items) |file| file.release();
    var now_ms: u64 = 0;
    for (0..2000) |_| {
        now_ms += random.uintLessThan(u64, 300);
        const pick = random.uintLessThan(usize, names.len);
        if (random.uintLessThan(u32, 10) == 0) {
            versions[pick] += 1;
            changed[pick] = now_ms;
            var text: [16]u8 = undefined;
            // Sizes differ, since the clock of the file system may not between two steps.
            const len = versions[pick] % 16;
            @memset(text[0..len], 'x');
            try fixture.folder.write("new", text[0..len]);
            try fixture.folder.rename("new", names[pick]);
            continue;
        }
        const file = fixture.acquire(names[pick], now_ms) catch |err| {
            try testing.expectEqual(error.NotFound, err);
            try testing.expectEqual(0, versions[pick]);
            continue;
        };
        if (now_ms - changed[pick] >= 1000)
            try testing.expectEqual(versions[pick] % 16, file.about.size);
        try testing.expect(fixture.cache.ordered <= 3);
        if (held.items.len < 8 and random.boolean()) {
            try held.append(testing.allocator, file);
        } else file.release();
        if (held.items.len == 8) held.orderedRemove(0).release();
    }
}
