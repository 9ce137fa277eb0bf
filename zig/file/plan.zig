//! What is sent for one request of a file: status, field lines, and the parts of the body in order.
//! Made by `c/file.zig` for TypeScript and by routes that are answered without it; sent by whoever
//! asked for it.

const std = @import("std");
const limits = @import("../limits.zig");
const fields_file = @import("../http/fields.zig");
const sys_file = @import("../sys/file.zig");
const cache_file = @import("cache.zig");
const conditional = @import("conditional.zig");
const multipart = @import("multipart.zig");
const negotiate = @import("negotiate.zig");
const range = @import("range.zig");
const Root = @import("root.zig").Root;

pub const OpenFile = cache_file.OpenFile;
const Cache = cache_file.Cache;

/// A part of a body: bytes that live as long as the plan, or a part of its file.
pub const Segment = union(enum) {
    bytes: []const u8,
    file: range.Range,

    pub fn len(segment: Segment) u64 {
        return switch (segment) {
            .bytes => |bytes| bytes.len,
            .file => |part| part.len,
        };
    }
};

pub const Plan = struct {
    allocator: std.mem.Allocator,
    status: u16,
    /// The stable code of an answer that is a problem; empty otherwise.
    code: []const u8 = "",
    /// Whole lines, without Content-Length. They live as long as the plan.
    fields: []const u8 = "",
    /// What Content-Length says: for HEAD that of GET, though there are no segments.
    length: u64 = 0,
    segments: []const Segment = &.{},
    /// Kept open for the segments.
    file: ?*OpenFile = null,
    /// The body of most answers.
    single: [1]Segment = undefined,
    /// Field lines that no file has, and the heads of multipart parts.
    text: []const u8 = "",
    /// More than one segment.
    list: []const Segment = &.{},

    pub fn destroy(plan: *Plan) void {
        if (plan.file) |file| file.release();
        plan.allocator.free(plan.text);
        plan.allocator.free(plan.list);
        plan.allocator.destroy(plan);
    }

    pub const ReadError = error{
        /// The file became shorter than the head said.
        Truncated,
        ReadFailed,
        Unexpected,
    };

    /// Copies bytes of the body from `offset` on; 0 at its end. For answers without a socket.
    pub fn read(plan: *const Plan, offset: u64, buffer: []u8) ReadError!usize {
        var before: u64 = 0;
        for (plan.segments) |segment| {
            const end = before + segment.len();
            if (offset >= end) {
                before = end;
                continue;
            }
            const inside = offset - before;
            const count: usize = @intCast(@min(segment.len() - inside, buffer.len));
            switch (segment) {
                .bytes => |bytes| @memcpy(buffer[0..count], bytes[@intCast(inside)..][0..count]),
                .file => |part| {
                    const at = part.start + inside;
                    const got = try sys_file.readAt(plan.file.?.fd, buffer[0..count], at);
                    if (got == 0 and count > 0) return error.Truncated;
                    return got;
                },
            }
            return count;
        }
        return 0;
    }
};

pub const Method = enum(u2) { get, head, other };

pub const Request = struct {
    /// Field lines of the request, without the request line.
    fields: []const u8,
    method: Method,
    now_ms: u64,
};

/// Makes plans; one for each thread.
pub const Planner = struct {
    cache: Cache,
    boundary: multipart.Boundary,

    pub fn init(allocator: std.mem.Allocator) Planner {
        return .{ .cache = .init(allocator), .boundary = .init() };
    }

    pub fn deinit(planner: *Planner) void {
        planner.cache.deinit();
    }

    /// The answer for `path` below a root: what a canonical path has behind the root's own, without
    /// the slash between them. Fails only for lack of memory; whatever is wrong with the file is a
    /// plan with an error's status.
    pub fn plan(
        planner: *Planner,
        root: *Root,
        path: []const u8,
        request: Request,
    ) error{OutOfMemory}!*Plan {
        root.refresh(request.now_ms);
        const found = planner.find(root, path, request) catch |err|
            return planner.problem(err);
        return switch (found) {
            .redirect => planner.redirect(path),
            .file => |file| {
                errdefer file.release();
                return planner.planFile(file, request);
            },
        };
    }

    const Found = union(enum) { file: *OpenFile, redirect };

    fn find(
        planner: *Planner,
        root: *const Root,
        path: []const u8,
        request: Request,
    ) cache_file.Error!Found {
        return planner.findExact(root, path, request) catch |err| {
            const fallback = root.options.fallback;
            // A name with an extension is that of a file, not of a page that a script makes.
            if (err != error.NotFound or fallback.len == 0 or hasExtension(path)) return err;
            return .{ .file = try planner.acquire(root, fallback, request) };
        };
    }

    fn findExact(
        planner: *Planner,
        root: *const Root,
        path: []const u8,
        request: Request,
    ) cache_file.Error!Found {
        const is_folder = path.len == 0 or path[path.len - 1] == '/';
        if (is_folder and root.source != .anywhere)
            return .{ .file = try planner.acquireIndex(root, path, request) };
        const file = planner.acquire(root, path, request) catch |err| {
            // Embedded folders exist in the names of files alone.
            const may_be_folder = switch (root.source) {
                .folder => err == error.IsFolder,
                .embedded => err == error.NotFound,
                .anywhere => false,
            };
            if (!may_be_folder) return err;
            var buffer: [limits.file_path_bytes_max]u8 = undefined;
            const folder = std.fmt.bufPrint(&buffer, "{s}/", .{path}) catch return error.NotFound;
            const index = try planner.acquireIndex(root, folder, request);
            index.release();
            return .redirect;
        };
        return .{ .file = file };
    }

    /// The first index file of a folder, whose path ends in a slash or is that of the root.
    fn acquireIndex(
        planner: *Planner,
        root: *const Root,
        folder: []const u8,
        request: Request,
    ) cache_file.Error!*OpenFile {
        var names = root.indexNames();
        while (names.next()) |name| {
            var buffer: [limits.file_path_bytes_max]u8 = undefined;
            const path = std.fmt.bufPrint(&buffer, "{s}{s}", .{ folder, name }) catch continue;
            return planner.acquire(root, path, request) catch |err| switch (err) {
                error.NotFound, error.IsFolder => continue,
                else => |other| return other,
            };
        }
        return error.NotFound;
    }

    /// The file, or the sibling of it that the client likes best.
    fn acquire(
        planner: *Planner,
        root: *const Root,
        path: []const u8,
        request: Request,
    ) cache_file.Error!*OpenFile {
        if (!root.accepts(path)) return error.NotFound;
        const file = try planner.cache.acquire(root, path, .identity, request.now_ms);
        if (file.siblings.count() == 0) return file;
        const coding = negotiate.choose(request.fields, file.siblings);
        if (coding == .identity) return file;
        // One that was taken away meanwhile, or leads out of the root, is not sent.
        const sibling = planner.cache.acquire(root, path, coding, request.now_ms) catch return file;
        file.release();
        return sibling;
    }

    /// Takes over the file's reference unless it fails.
    fn planFile(planner: *Planner, file: *OpenFile, request: Request) error{OutOfMemory}!*Plan {
        if (request.method == .other) return planner.whole(file, true);
        switch (conditional.evaluate(request.fields, file.validators())) {
            .proceed => {},
            .not_modified => {
                const made = try planner.create(304);
                made.file = file;
                made.fields = file.keptLines();
                return made;
            },
            .precondition_failed => {
                const made = try planner.create(412);
                made.code = "precondition_failed";
                file.release();
                return made;
            },
        }
        // RFC 9110 14.2: ranges are defined for GET alone.
        if (request.method == .head) return planner.whole(file, false);
        const span = fields_file.findField(request.fields, "range", 0) orelse
            return planner.whole(file, true);
        // Several lines of a field that has one are as good as none.
        if (fields_file.findField(request.fields, "range", 1) != null or
            !conditional.rangeApplies(request.fields, file.validators()))
            return planner.whole(file, true);
        var buffer: range.Buffer = undefined;
        return switch (range.parse(span.slice(request.fields), file.about.size, &buffer)) {
            .all => planner.whole(file, true),
            .unsatisfiable => planner.unsatisfiable(file),
            .ranges => |ranges| if (ranges.len == 1)
                planner.part(file, ranges[0])
            else
                planner.parts(file, ranges),
        };
    }

    fn create(planner: *Planner, status: u16) error{OutOfMemory}!*Plan {
        const allocator = planner.cache.allocator;
        const made = try allocator.create(Plan);
        made.* = .{ .allocator = allocator, .status = status };
        return made;
    }

    fn whole(planner: *Planner, file: *OpenFile, with_body: bool) error{OutOfMemory}!*Plan {
        const made = try planner.create(200);
        made.file = file;
        made.fields = file.fullLines();
        made.length = file.about.size;
        if (with_body and made.length > 0) setSingle(made, .{ .start = 0, .len = made.length });
        return made;
    }

    fn setSingle(made: *Plan, part_of_file: range.Range) void {
        made.single = .{.{ .file = part_of_file }};
        made.segments = &made.single;
    }

    fn part(planner: *Planner, file: *OpenFile, wanted: range.Range) error{OutOfMemory}!*Plan {
        const text = try std.fmt.allocPrint(
            planner.cache.allocator,
            "{s}content-range: bytes {d}-{d}/{d}\r\n",
            .{ file.fullLines(), wanted.start, wanted.last(), file.about.size },
        );
        errdefer planner.cache.allocator.free(text);
        const made = try planner.create(206);
        made.file = file;
        made.text = text;
        made.fields = text;
        made.length = wanted.len;
        setSingle(made, wanted);
        return made;
    }

    fn parts(
        planner: *Planner,
        file: *OpenFile,
        ranges: []const range.Range,
    ) error{OutOfMemory}!*Plan {
        const allocator = planner.cache.allocator;
        const made = try planner.create(206);
        errdefer allocator.destroy(made);
        const body = try multipart.compose(allocator, planner.boundary.next(), file, ranges);
        made.file = file;
        made.text = body.text;
        made.fields = body.fields;
        made.list = body.segments;
        made.segments = body.segments;
        for (body.segments) |segment| made.length += segment.len();
        return made;
    }

    fn unsatisfiable(planner: *Planner, file: *OpenFile) error{OutOfMemory}!*Plan {
        const text = try std.fmt.allocPrint(
            planner.cache.allocator,
            "content-range: bytes */{d}\r\naccept-ranges: bytes\r\n",
            .{file.about.size},
        );
        errdefer planner.cache.allocator.free(text);
        const made = try planner.create(416);
        made.code = "range_not_satisfiable";
        made.text = text;
        made.fields = text;
        file.release();
        return made;
    }

    /// Relative, so that nothing has to be known about prefixes and proxies; `./` keeps a colon in
    /// the name from being read as a scheme (RFC 3986 4.2).
    fn redirect(planner: *Planner, path: []const u8) error{OutOfMemory}!*Plan {
        const start = if (std.mem.findScalarLast(u8, path, '/')) |slash| slash + 1 else 0;
        const text = try std.fmt.allocPrint(
            planner.cache.allocator,
            "location: ./{f}/\r\n",
            .{std.fmt.alt(std.Uri.Component{ .raw = path[start..] }, .formatEscaped)},
        );
        errdefer planner.cache.allocator.free(text);
        const made = try planner.create(301);
        made.text = text;
        made.fields = text;
        return made;
    }

    fn problem(planner: *Planner, reason: cache_file.Error) error{OutOfMemory}!*Plan {
        const status: u16, const code: []const u8 = switch (reason) {
            error.NotFound, error.IsFolder => .{ 404, "not_found" },
            error.PermissionDenied => .{ 403, "forbidden" },
            error.TooManyDescriptors => .{ 503, "overloaded" },
            error.Unexpected => .{ 500, "internal_error" },
            error.OutOfMemory => return error.OutOfMemory,
        };
        const made = try planner.create(status);
        made.code = code;
        return made;
    }
};

fn hasExtension(path: []const u8) bool {
    const start = if (std.mem.findScalarLast(u8, path, '/')) |slash| slash + 1 else 0;
    return std.mem.findScalar(u8, path[start..], '.') != null;
}

const testing = std.testing;
const sys = @import("../sys.zig");
const test_folder = @import("test_folder.zig");
const root_file = @import("root.zig");

const Fixture = struct {
    folder: test_folder.TestFolder,
    planner: Planner,
    root: *Root,
    now_ms: u64 = 0,

    fn init(options: root_file.Options) !Fixture {
        var folder: test_folder.TestFolder = try .init();
        errdefer folder.deinit();
        const source: root_file.Source = .{ .folder = try folder.open(".") };
        return .{
            .folder = folder,
            .planner = .init(testing.allocator),
            .root = try .create(testing.allocator, 1, source, options),
        };
    }

    fn deinit(self: *Fixture) void {
        self.planner.deinit();
        self.root.destroy(testing.allocator);
        self.folder.deinit();
    }

    fn ask(self: *Fixture, path: []const u8, method: Method, fields: []const u8) !*Plan {
        return self.planner.plan(self.root, path, .{
            .fields = fields,
            .method = method,
            .now_ms = self.now_ms,
        });
    }

    fn get(self: *Fixture, path: []const u8, fields: []const u8) !*Plan {
        return self.ask(path, .get, fields);
    }

    fn expectStatus(self: *Fixture, expected: u16, path: []const u8, fields: []const u8) !void {
        errdefer std.debug.print("{s} {s}\n", .{ path, fields });
        const made = try self.get(path, fields);
        defer made.destroy();
        try testing.expectEqual(expected, made.status);
        try testing.expectEqual(expected >= 400, made.code.len > 0);
    }

    fn expectBody(self: *Fixture, path: []const u8, fields: []const u8, body: []const u8) !void {
        errdefer std.debug.print("{s} {s}\n", .{ path, fields });
        const made = try self.get(path, fields);
        defer made.destroy();
        try expectContent(made, body);
    }
};

fn expectContent(made: *const Plan, body: []const u8) !void {
    var buffer: [4096]u8 = undefined;
    var len: usize = 0;
    while (true) {
        // Odd pieces, so that they end within segments.
        const got = try made.read(len, buffer[len..@min(len + 7, buffer.len)]);
        if (got == 0) break;
        len += got;
    }
    try testing.expectEqualStrings(body, buffer[0..len]);
    try testing.expectEqual(len, made.length);
}

fn field(made: *const Plan, name: []const u8) ?[]const u8 {
    const span = fields_file.findField(made.fields, name, 0) orelse return null;
    return span.slice(made.fields);
}

fn expectField(made: *const Plan, name: []const u8, value: ?[]const u8) !void {
    errdefer std.debug.print("{s}\n{s}", .{ name, made.fields });
    if (value) |text| {
        try testing.expectEqualStrings(text, field(made, name) orelse return error.FieldMissing);
    } else try testing.expectEqual(null, field(made, name));
}

test "a whole file, its fields, HEAD and 304" {
    var fixture: Fixture = try .init(.{ .cache_control = "max-age=60", .indexes = "index.html" });
    defer fixture.deinit();
    try fixture.folder.write("a.txt", "content");
    const made = try fixture.get("a.txt", "");
    defer made.destroy();
    try testing.expectEqual(200, made.status);
    try expectContent(made, "content");
    try expectField(made, "cache-control", "max-age=60");
    try expectField(made, "content-type", "text/plain; charset=utf-8");
    try expectField(made, "accept-ranges", "bytes");
    try expectField(made, "vary", null);
    try testing.expect(fields_file.checkFields(made.fields));
    const etag = field(made, "etag").?;
    const modified = field(made, "last-modified").?;

    const head = try fixture.ask("a.txt", .head, "range: bytes=0-1\r\n");
    defer head.destroy();
    try testing.expectEqual(200, head.status);
    try testing.expectEqual(7, head.length);
    try testing.expectEqual(0, head.segments.len);
    try testing.expectEqualStrings(made.fields, head.fields);

    var buffer: [256]u8 = undefined;
    for ([_][2][]const u8{
        .{ "if-none-match", etag },
        .{ "if-modified-since", modified },
    }) |pair| {
        const line = try std.fmt.bufPrint(&buffer, "{s}: {s}\r\n", .{ pair[0], pair[1] });
        const unchanged = try fixture.get("a.txt", line);
        defer unchanged.destroy();
        try testing.expectEqual(304, unchanged.status);
        try testing.expectEqual(0, unchanged.segments.len);
        try expectField(unchanged, "etag", etag);
        try expectField(unchanged, "cache-control", "max-age=60");
        try expectField(unchanged, "content-type", null);
        const posted = try fixture.ask("a.txt", .other, line);
        defer posted.destroy();
        try testing.expectEqual(200, posted.status);
    }
    try fixture.expectStatus(412, "a.txt", "if-match: \"x\"\r\n");
    try fixture.folder.write("empty", "");
    try fixture.expectBody("empty", "range: bytes=-1\r\n", "");
}

test "ranges" {
    var fixture: Fixture = try .init(.{});
    defer fixture.deinit();
    var content: [1000]u8 = undefined;
    for (&content, 0..) |*byte, at| byte.* = 'a' + @as(u8, @intCast(at % 26));
    try fixture.folder.write("a.bin", &content);
    const one = try fixture.get("a.bin", "range: bytes=10-19\r\n");
    defer one.destroy();
    try testing.expectEqual(206, one.status);
    try expectField(one, "content-range", "bytes 10-19/1000");
    try expectContent(one, content[10..20]);

    const several = try fixture.get("a.bin", "range: bytes=-2, 0-1\r\n");
    defer several.destroy();
    try testing.expectEqual(206, several.status);
    try expectField(several, "content-range", null);
    const prefix = "multipart/byteranges; boundary=";
    const boundary = field(several, "content-type").?[prefix.len..];
    var buffer: [1024]u8 = undefined;
    const type_line = "content-type: application/octet-stream\r\n";
    const body = try std.fmt.bufPrint(
        &buffer,
        "--{0s}\r\n" ++ type_line ++ "content-range: bytes 998-999/1000\r\n\r\n{1s}\r\n" ++
            "--{0s}\r\n" ++ type_line ++ "content-range: bytes 0-1/1000\r\n\r\nab\r\n--{0s}--\r\n",
        .{ boundary, content[998..] },
    );
    try expectContent(several, body);

    const beyond = try fixture.get("a.bin", "range: bytes=1000-\r\n");
    defer beyond.destroy();
    try testing.expectEqual(416, beyond.status);
    try expectField(beyond, "content-range", "bytes */1000");
    try fixture.expectBody("a.bin", "range: bytes=5-4\r\n", &content);
    try fixture.expectBody("a.bin", "range: bytes=0-0\r\nrange: bytes=0-0\r\n", &content);
    try fixture.expectBody("a.bin", "range: bytes=0-0\r\nif-range: \"x\"\r\n", &content);
    try fixture.expectBody("a.bin", "range: bytes=0-\r\n", &content);
}

test "folders, names and links" {
    var fixture: Fixture = try .init(.{ .indexes = "index.html/index.htm" });
    defer fixture.deinit();
    try fixture.folder.write("index.html", "home");
    try fixture.folder.folder("docs: ü");
    try fixture.folder.write("docs: ü/index.htm", "docs");
    try fixture.folder.folder("empty");
    try fixture.folder.write(".env", "secret");
    try fixture.folder.link("../../../etc/passwd", "out");
    try fixture.folder.pipe("pipe");
    try fixture.expectBody("", "", "home");
    try fixture.expectBody("docs: ü/", "", "docs");
    const moved = try fixture.get("docs: ü", "");
    defer moved.destroy();
    try testing.expectEqual(301, moved.status);
    try expectField(moved, "location", "./docs%3A%20%C3%BC/");
    for ([_][]const u8{
        "empty",          "empty/",       "nothing",         "index.html/", "/index.html",
        "/etc/passwd",    "/",            "//",              ".env",        "out",
        "pipe",           "..",           "../x",            "a\x00b",
        "docs: ü//index.htm",
        "index.html\x00", "index.html\\", "\r\nlocation: x", "\\..\\..\\x", "index.html/x",
    }) |path| try fixture.expectStatus(404, path, "");
    const long: [5000]u8 = @splat('a');
    try fixture.expectStatus(404, &long, "");
    try fixture.expectStatus(404, long[0..4095], "");
    try fixture.expectStatus(404, long[0..4094] ++ "/", "");
}

test "a folder that was replaced, by renaming or by its link" {
    var fixture: Fixture = try .init(.{});
    defer fixture.deinit();
    const folder = &fixture.folder;
    try folder.folder("one");
    try folder.write("one/a", "first");
    try folder.folder("two");
    try folder.write("two/a", "second");
    try folder.link("one", "current");
    var buffer: [4096]u8 = undefined;
    const len = try folder.tmp.dir.realPathFile(testing.io, ".", &buffer);
    const path = try std.fmt.bufPrint(buffer[len..], "{s}/current", .{buffer[0..len]});
    const source: root_file.Source = .{ .folder = try folder.open("current") };
    const root: *Root = try .create(testing.allocator, 2, source, .{ .folder_path = path });
    fixture.root.destroy(testing.allocator);
    fixture.root = root;
    try fixture.expectBody("a", "", "first");
    try folder.remove("current");
    try folder.link("two", "current");
    fixture.now_ms = 999;
    try fixture.expectBody("a", "", "first");
    fixture.now_ms = 1000;
    try fixture.expectBody("a", "", "second");
    try folder.remove("current");
    fixture.now_ms = 2000;
    try fixture.expectBody("a", "", "second");
    try folder.rename("one", "current");
    fixture.now_ms = 3000;
    try fixture.expectBody("a", "", "first");
}

test "siblings by what the client accepts" {
    var fixture: Fixture = try .init(.{});
    defer fixture.deinit();
    try fixture.folder.write("a.js", "identity");
    try fixture.folder.write("a.js.br", "brotli");
    try fixture.folder.write("a.js.gz", "gzip");
    try fixture.folder.write("b.js", "alone");
    const plain = try fixture.get("a.js", "");
    defer plain.destroy();
    try expectContent(plain, "identity");
    try expectField(plain, "vary", "accept-encoding");
    const best = try fixture.get("a.js", "accept-encoding: gzip, br\r\n");
    defer best.destroy();
    try expectContent(best, "brotli");
    try expectField(best, "vary", "accept-encoding");
    try expectField(best, "content-encoding", "br");
    try expectField(best, "content-type", "text/javascript; charset=utf-8");
    try testing.expect(!std.mem.eql(u8, field(best, "etag").?, field(plain, "etag").?));
    try testing.expect(std.mem.endsWith(u8, field(best, "etag").?, "-br\""));
    try fixture.expectBody("a.js", "accept-encoding: gzip\r\nrange: bytes=1-2\r\n", "zi");
    try fixture.expectBody("a.js", "accept-encoding: br;q=0.1, identity\r\n", "identity");
    try fixture.expectBody("b.js", "accept-encoding: br\r\n", "alone");
    const direct = try fixture.get("a.js.br", "accept-encoding: br\r\n");
    defer direct.destroy();
    try expectField(direct, "content-encoding", null);
    // Taken away since it was seen: the file itself is sent.
    try fixture.folder.remove("a.js.gz");
    fixture.now_ms = 10;
    try fixture.expectBody("a.js", "accept-encoding: gzip\r\n", "gzip");
    fixture.now_ms = 5000;
    try fixture.expectBody("a.js", "accept-encoding: gzip\r\n", "identity");
}

test "a fallback for pages that a script makes" {
    var fixture: Fixture = try .init(.{ .fallback = "app.html", .etag = .weak });
    defer fixture.deinit();
    try fixture.expectStatus(404, "users/7", "");
    try fixture.folder.write("app.html", "app");
    try fixture.folder.write("real", "real");
    try fixture.expectBody("users/7", "", "app");
    try fixture.expectBody("", "", "app");
    try fixture.expectBody("real", "", "real");
    try fixture.expectStatus(404, "missing.js", "");
    const made = try fixture.get("x", "");
    defer made.destroy();
    try testing.expect(std.mem.startsWith(u8, field(made, "etag").?, "W/\""));
}

test "a file that becomes shorter while it is read is noticed" {
    var fixture: Fixture = try .init(.{ .etag = .none });
    defer fixture.deinit();
    try fixture.folder.write("a", "content");
    const made = try fixture.get("a", "");
    defer made.destroy();
    try expectField(made, "etag", null);
    try fixture.folder.write("a", "con");
    var buffer: [16]u8 = undefined;
    try testing.expectEqual(3, try made.read(0, &buffer));
    try testing.expectError(error.Truncated, made.read(3, &buffer));
}

fn askWithLittleMemory(allocator: std.mem.Allocator, folder: sys.Descriptor) !void {
    const path = "a";
    const source: root_file.Source = .{ .folder = try sys_file.openFolder(folder, ".", true) };
    const root: *Root = try .create(allocator, 1, source, .{ .indexes = "index.html" });
    defer root.destroy(allocator);
    var planner: Planner = .init(allocator);
    defer planner.deinit();
    for ([_][]const u8{
        "",
        "range: bytes=0-0\r\n",
        "range: bytes=0-0,500-\r\n",
        "range: bytes=5000-\r\n",
        "if-none-match: *\r\n",
        "if-match: \"x\"\r\n",
    }) |fields| {
        const request: Request = .{ .fields = fields, .method = .get, .now_ms = 0 };
        const made = try planner.plan(root, path, request);
        made.destroy();
    }
    for ([_][]const u8{ "folder", "nothing" }) |other| {
        const request: Request = .{ .fields = "", .method = .get, .now_ms = 0 };
        const made = try planner.plan(root, other, request);
        made.destroy();
    }
}

test "every lack of memory is survived, and nothing leaks" {
    var folder: test_folder.TestFolder = try .init();
    defer folder.deinit();
    const content: [1000]u8 = @splat('a');
    try folder.write("a", &content);
    try folder.folder("folder");
    try folder.write("folder/index.html", "x");
    const descriptor_before = try sys_file.memoryFile("");
    sys.close(descriptor_before);
    // One allocation fails, another one each time: every call has to fail or succeed as a whole.
    var failing_index: usize = 0;
    while (true) : (failing_index += 1) {
        var failing: testing.FailingAllocator = .init(testing.allocator, .{
            .fail_index = failing_index,
        });
        const result = askWithLittleMemory(failing.allocator(), folder.fd);
        if (!failing.has_induced_failure) {
            try result;
            break;
        }
        if (result) |_| {} else |err| try testing.expectEqual(error.OutOfMemory, err);
    }
    try testing.expect(failing_index > 10);
    const descriptor_after = try sys_file.memoryFile("");
    sys.close(descriptor_after);
    try testing.expectEqual(descriptor_before, descriptor_after);
}

test "random paths and fields: sound answers, and never what is outside" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var outer: test_folder.TestFolder = try .init();
    defer outer.deinit();
    try outer.folder("root");
    try outer.folder("root/a");
    try outer.write("root/a/b", "inside");
    try outer.write("root/a/index.html", "inside");
    try outer.write("root/b", "inside inside inside");
    try outer.write("root/b.gz", "inside");
    try outer.write("root/.x", "hidden");
    try outer.write("x", "outside");
    try outer.link("..", "root/up");
    try outer.link("a", "root/c");
    const source: root_file.Source = .{ .folder = try outer.open("root") };
    const root: *Root = try .create(testing.allocator, 1, source, .{ .indexes = "index.html" });
    defer root.destroy(testing.allocator);
    var planner: Planner = .init(testing.allocator);
    defer planner.deinit();
    const names = [_][]const u8{
        "a", "b", "c", "x", "/", "/", "..", ".", "\x00", "up", ".x", "index.html", "b.gz", "\r\n",
    };
    const lines = [_][]const u8{
        "range: bytes=",        "0-1",  "-1",                    "2-",   ",", "\r\n",
        "if-none-match: *\r\n", "9-3",  "accept-encoding: gzip", "\r\n", "7", "bytes",
        "if-range: x\r\n",      "100-", "range:",                "0-",
    };
    for (0..20_000) |_| {
        var path_text: [256]u8 = undefined;
        var path: std.Io.Writer = .fixed(&path_text);
        for (0..random.uintLessThan(usize, 6)) |_|
            try path.writeAll(names[random.uintLessThan(usize, names.len)]);
        var field_text: [512]u8 = undefined;
        var fields: std.Io.Writer = .fixed(&field_text);
        for (0..random.uintLessThan(usize, 8)) |_|
            try fields.writeAll(lines[random.uintLessThan(usize, lines.len)]);
        try fields.writeAll("\r\n");
        const made = try planner.plan(root, path.buffered(), .{
            .fields = fields.buffered(),
            .method = random.enumValue(Method),
            .now_ms = random.uintLessThan(u64, 5000),
        });
        defer made.destroy();
        try testing.expect(fields_file.checkFields(made.fields));
        switch (made.status) {
            200, 206 => {},
            301, 304, 404, 416 => try testing.expectEqual(0, made.segments.len),
            else => return error.UnexpectedStatus,
        }
        var body: [4096]u8 = undefined;
        var len: usize = 0;
        while (len < made.length and made.segments.len > 0) {
            const got = try made.read(len, body[len..]);
            try testing.expect(got > 0);
            len += got;
        }
        try testing.expectEqual(0, try made.read(len, body[len..]));
        for ([_][]const u8{ "outside", "hidden" }) |secret|
            try testing.expectEqual(null, std.mem.find(u8, body[0..len], secret));
    }
}
