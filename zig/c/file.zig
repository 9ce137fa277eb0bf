//! The files' part of the library's C interface: independent of servers, so that sockets and
//! `app.fetch` answer by the same code. `lib.zig` exports each as `chopin_<name>`;
//! `src/native/file-symbols.ts` declares them once more. Results are codes of `abi.Code`; a null
//! pointer with length 0 is an empty text.

const std = @import("std");
const builtin = @import("builtin");
const abi = @import("../abi.zig");
const limits = @import("../limits.zig");
const file = @import("../file.zig");
const Code = abi.Code;
const Files = file.Files;
const Plan = file.Plan;

// Tests of this file alone link no libc.
const allocator = if (builtin.link_libc) std.heap.c_allocator else std.heap.smp_allocator;

/// How a root answers, in one word.
const Flags = packed struct(u32) {
    etag: file.Etag,
    dotfiles_allowed: bool,
    precompressed: bool,
    unused: u28 = 0,
};

/// Where the words of an answer stand.
const Word = struct {
    const status = 0;
    const length_low = 1;
    const length_high = 2;
    const fields_len = 3;
    const count = 4;
};

/// The handle, 0 when memory ran out.
pub fn filesCreate() callconv(.c) usize {
    const files = Files.create(allocator) catch return 0;
    return @intFromPtr(files);
}

/// No plan of these files may be in use any more.
pub fn filesDestroy(files: *Files) callconv(.c) i32 {
    files.destroy();
    return code(.ok);
}

/// The id of a root: a folder, or with an empty one paths that the program chooses. `texts` are the
/// value of Cache-Control, the fallback, and names of index files with a slash behind each, parted
/// by line feeds. invalid_argument: there is no such folder.
pub fn filesRoot(
    files: *Files,
    folder: ?[*]const u8,
    folder_len: u32,
    flags: u32,
    check_ms: u32,
    texts: ?[*]const u8,
    texts_len: u32,
) callconv(.c) i32 {
    const options = readOptions(flags, check_ms, span(texts, texts_len)) orelse
        return code(.invalid_argument);
    if (folder_len == 0) return idOf(files.addAnywhere(options));
    var buffer: [limits.file_path_bytes_max + 1]u8 = undefined;
    const path = std.fmt.bufPrintSentinel(&buffer, "{s}", .{span(folder, folder_len)}, 0) catch
        return code(.invalid_argument);
    return idOf(files.addFolder(path, options));
}

/// The id of a root for files that are embedded in the executable; arguments as for `filesRoot`.
pub fn filesEmbedded(
    files: *Files,
    flags: u32,
    texts: ?[*]const u8,
    texts_len: u32,
) callconv(.c) i32 {
    const options = readOptions(flags, 0, span(texts, texts_len)) orelse
        return code(.invalid_argument);
    return idOf(files.addEmbedded(options));
}

fn idOf(result: file.RootError!u32) i32 {
    const id = result catch |err| return code(switch (err) {
        error.NotFound => .invalid_argument,
        error.PermissionDenied => .permission_denied,
        error.TooManyDescriptors => .too_many_descriptors,
        error.OutOfMemory => .out_of_memory,
        error.Unexpected => .system,
    });
    return @intCast(id);
}

/// Null when the words and texts are none.
fn readOptions(flags: u32, check_ms: u32, texts: []const u8) ?file.Options {
    if (flags & 0b11 == 0b11) return null;
    const set: Flags = @bitCast(flags);
    var parts = std.mem.splitScalar(u8, texts, '\n');
    const cache_control = parts.first();
    const fallback = parts.next() orelse return null;
    const indexes = parts.next() orelse return null;
    return .{
        .etag = set.etag,
        .dotfiles = if (set.dotfiles_allowed) .allow else .ignore,
        .precompressed = set.precompressed,
        .check_ms = check_ms,
        .cache_control = cache_control,
        .fallback = fallback,
        .indexes = indexes,
    };
}

/// Puts a copy of `bytes` below a root that `filesEmbedded` made.
pub fn filesEmbed(
    files: *Files,
    root: u32,
    name: ?[*]const u8,
    name_len: u32,
    bytes: ?[*]const u8,
    bytes_len: u32,
    modified_seconds: u32,
) callconv(.c) i32 {
    if (root >= files.roots.items.len) return code(.invalid_argument);
    files.embed(root, span(name, name_len), span(bytes, bytes_len), modified_seconds) catch |err|
        return code(switch (err) {
            error.NotFound, error.Duplicate => .invalid_argument,
            error.TooManyDescriptors => .too_many_descriptors,
            error.OutOfMemory => .out_of_memory,
            error.Unexpected => .system,
        });
    return code(.ok);
}

/// The plan of an answer, 0 when memory ran out. `words` gets status, content length and the length
/// of the field lines, which are copied to `room`. `method` is 0 for GET, 1 for HEAD, 2 for others.
pub fn filePlan(
    files: *Files,
    root: u32,
    method: u32,
    path: ?[*]const u8,
    path_len: u32,
    fields: ?[*]const u8,
    fields_len: u32,
    words: *[Word.count]u32,
    room: [*]u8,
    room_len: u32,
) callconv(.c) usize {
    if (root >= files.roots.items.len) return 0;
    const made = files.plan(
        root,
        span(path, path_len),
        std.enums.fromInt(file.Method, method) orelse .other,
        span(fields, fields_len),
    ) catch return 0;
    if (made.fields.len > room_len) {
        made.destroy();
        return 0;
    }
    @memcpy(room[0..made.fields.len], made.fields);
    words[Word.status] = made.status;
    words[Word.length_low] = @truncate(made.length);
    words[Word.length_high] = @intCast(made.length >> 32);
    words[Word.fields_len] = @intCast(made.fields.len);
    return @intFromPtr(made);
}

/// Copies the body from `offset` on: how many bytes, 0 at the end. body_failed: the file became
/// shorter or cannot be read.
pub fn filePlanRead(plan: *const Plan, offset: f64, bytes: [*]u8, len: u32) callconv(.c) i32 {
    const at = std.math.lossyCast(u64, offset);
    const room = @min(len, std.math.maxInt(i32));
    const count = plan.read(at, bytes[0..room]) catch return code(.body_failed);
    return @intCast(count);
}

pub fn filePlanDestroy(plan: *Plan) callconv(.c) i32 {
    plan.destroy();
    return code(.ok);
}

fn span(ptr: ?[*]const u8, len: u32) []const u8 {
    return if (ptr) |start| start[0..len] else "";
}

fn code(value: Code) i32 {
    return @intFromEnum(value);
}

const testing = std.testing;

/// ETag strong, siblings used.
const usual_flags: u32 = 0b1010;

const Tester = struct {
    files: *Files,
    words: [Word.count]u32 = undefined,
    room: [1024]u8 = undefined,

    fn ask(self: *Tester, root: i32, path: []const u8, fields: []const u8) ?*Plan {
        const handle = filePlan(
            self.files,
            @bitCast(root),
            0,
            path.ptr,
            @intCast(path.len),
            fields.ptr,
            @intCast(fields.len),
            &self.words,
            &self.room,
            self.room.len,
        );
        return @ptrFromInt(handle);
    }
};

test "embedded files through the C functions" {
    var tester: Tester = .{ .files = @ptrFromInt(filesCreate()) };
    const files = tester.files;
    defer _ = filesDestroy(files);
    const texts = "max-age=60\n\nindex.html/";
    const root = filesEmbedded(files, usual_flags, texts, texts.len);
    try testing.expectEqual(0, root);
    try testing.expectEqual(code(.ok), filesEmbed(files, 0, "index.html", 10, "<p>hi", 5, 1000));
    try testing.expectEqual(
        code(.invalid_argument),
        filesEmbed(files, 0, "index.html", 10, "x", 1, 1000),
    );
    try testing.expectEqual(code(.invalid_argument), filesEmbed(files, 0, "../x", 4, "x", 1, 0));
    try testing.expectEqual(code(.invalid_argument), filesEmbed(files, 1, "x", 1, "x", 1, 0));

    const plan = tester.ask(root, "", "range: bytes=1-3\r\n").?;
    try testing.expectEqual(206, tester.words[Word.status]);
    try testing.expectEqual(3, tester.words[Word.length_low]);
    const fields = tester.room[0..tester.words[Word.fields_len]];
    try testing.expect(std.mem.startsWith(u8, fields, "cache-control: max-age=60\r\netag: \""));
    try testing.expect(std.mem.endsWith(u8, fields, "content-range: bytes 1-3/5\r\n"));
    var bytes: [16]u8 = undefined;
    try testing.expectEqual(2, filePlanRead(plan, 0, &bytes, 2));
    try testing.expectEqualStrings("p>", bytes[0..2]);
    try testing.expectEqual(1, filePlanRead(plan, 2, &bytes, bytes.len));
    try testing.expectEqual(0, filePlanRead(plan, 3, &bytes, bytes.len));
    try testing.expectEqual(0, filePlanRead(plan, 1e300, &bytes, bytes.len));
    try testing.expectEqual(code(.ok), filePlanDestroy(plan));

    const missing = tester.ask(root, "nothing", "").?;
    try testing.expectEqual(404, tester.words[Word.status]);
    _ = filePlanDestroy(missing);
    try testing.expectEqual(null, tester.ask(7, "", ""));
    try testing.expectEqual(null, tester.ask(-1, "", ""));
}

test "roots that cannot be" {
    const files: *Files = @ptrFromInt(filesCreate());
    defer _ = filesDestroy(files);
    const folder = "/no/such/folder";
    try testing.expectEqual(
        code(.invalid_argument),
        filesRoot(files, folder, folder.len, usual_flags, 0, "\n\n", 2),
    );
    try testing.expectEqual(code(.invalid_argument), filesRoot(files, null, 0, 0b11, 0, "\n\n", 2));
    try testing.expectEqual(code(.invalid_argument), filesRoot(files, null, 0, 0, 0, "", 0));
    try testing.expectEqual(0, filesRoot(files, null, 0, 0, 0, "\n\n", 2));
    try testing.expectEqual(1, filesRoot(files, "/", 1, 0, 0, "\n\n", 2));
}
