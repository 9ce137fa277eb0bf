//! One open file and what every answer with it says: made once by `cache.zig`, shared by all
//! answers that are being sent, and closed when the last of them has gone.

const std = @import("std");
const sys = @import("../sys.zig");
const sys_file = @import("../sys/file.zig");
const date = @import("../http/date.zig");
const conditional = @import("conditional.zig");
const mime = @import("mime.zig");
const negotiate = @import("negotiate.zig");
const Root = @import("root.zig").Root;

const assert = std.debug.assert;

/// What an open file is kept under. Two roots may answer for the same file differently.
pub const Key = struct {
    root: u32,
    coding: negotiate.Coding,
    /// Of the file itself, without the suffix of a sibling.
    path: []const u8,
};

pub const OpenFile = struct {
    allocator: std.mem.Allocator,
    fd: sys.Descriptor,
    about: sys_file.About,
    /// What Last-Modified says.
    modified_seconds: u64,
    /// The cache's own reference is one of them.
    references: u32,
    key: Key,
    /// When it was last known to be what its path names.
    checked_ms: u64,
    /// Siblings that can be sent in place of it; always empty for a sibling.
    siblings: negotiate.Available = .initEmpty(),
    /// Links it into the cache's order of use.
    node: std.DoublyLinkedList.Node = .{},
    /// The path of the file that is open, ended by 0, then the field lines.
    text: []u8,
    path_len: u32,
    lines: Lines,

    /// Where parts of the field lines end, counted from the first of them. In order: Vary;
    /// Cache-Control, ETag and Last-Modified; Accept-Ranges and Content-Encoding; Content-Type.
    const Lines = struct {
        vary_end: u32 = 0,
        /// What 304 repeats (RFC 9110 15.4.5) ends here.
        kept_end: u32 = 0,
        type_start: u32 = 0,
        etag_start: u32 = 0,
        etag_end: u32 = 0,
    };

    pub const Seed = struct {
        fd: sys.Descriptor,
        about: sys_file.About,
        key: Key,
        now_ms: u64,
        /// In place of size and date, for what has no date of its own.
        content_hash: ?u64 = null,
    };

    /// Takes over the descriptor, whatever comes. The reference is the caller's.
    pub fn create(
        allocator: std.mem.Allocator,
        root: *const Root,
        seed: Seed,
    ) error{OutOfMemory}!*OpenFile {
        errdefer sys.close(seed.fd);
        const file = try allocator.create(OpenFile);
        errdefer allocator.destroy(file);
        const path = seed.key.path;
        const suffix = seed.key.coding.suffix();
        var writer: std.Io.Writer.Allocating = .init(allocator);
        errdefer writer.deinit();
        writer.writer.print("{s}{s}\x00", .{ path, suffix }) catch return error.OutOfMemory;
        const path_len = path.len + suffix.len;
        const modified_seconds = modifiedSeconds(seed.about);
        const lines = writeLines(&writer.writer, root, seed, modified_seconds) catch
            return error.OutOfMemory;
        const text = try writer.toOwnedSlice();
        file.* = .{
            .allocator = allocator,
            .fd = seed.fd,
            .about = seed.about,
            .modified_seconds = modified_seconds,
            .references = 1,
            .key = .{
                .root = seed.key.root,
                .coding = seed.key.coding,
                .path = text[0..path.len],
            },
            .checked_ms = seed.now_ms,
            .text = text,
            .path_len = @intCast(path_len),
            .lines = lines,
        };
        return file;
    }

    /// RFC 9110 8.8.2.1: a server never says that a file was changed after its answer.
    fn modifiedSeconds(about: sys_file.About) u64 {
        const now: u64 = @intCast(@max(sys.realtimeSeconds(), 0));
        return @min(about.modified_ns / std.time.ns_per_s, now);
    }

    fn writeLines(
        writer: *std.Io.Writer,
        root: *const Root,
        seed: Seed,
        modified_seconds: u64,
    ) std.Io.Writer.Error!Lines {
        var lines: Lines = .{};
        const start = writer.end;
        try writer.writeAll("vary: accept-encoding\r\n");
        lines.vary_end = @intCast(writer.end - start);
        const cache_control = root.options.cache_control;
        if (cache_control.len > 0) try writer.print("cache-control: {s}\r\n", .{cache_control});
        if (root.options.etag != .none) {
            try writer.writeAll("etag: ");
            lines.etag_start = @intCast(writer.end - start);
            try writeEtag(writer, root, seed);
            lines.etag_end = @intCast(writer.end - start);
            try writer.writeAll("\r\n");
        }
        var modified: [date.bytes_len]u8 = undefined;
        date.format(&modified, modified_seconds);
        try writer.print("last-modified: {s}\r\n", .{modified});
        lines.kept_end = @intCast(writer.end - start);
        try writer.writeAll("accept-ranges: bytes\r\n");
        const coding = seed.key.coding;
        if (coding != .identity) try writer.print("content-encoding: {s}\r\n", .{coding.name()});
        lines.type_start = @intCast(writer.end - start);
        try writer.print("content-type: {s}\r\n", .{mime.typeOf(seed.key.path)});
        return lines;
    }

    /// Size and date of change to the nanosecond. Not the inode: copies of one file on several
    /// machines are to have the same tag. Strong unless told otherwise, because resumed downloads
    /// need that (RFC 9110 13.1.5); two changes within the grain of the file system's clock that
    /// keep the size would have one tag.
    fn writeEtag(
        writer: *std.Io.Writer,
        root: *const Root,
        seed: Seed,
    ) std.Io.Writer.Error!void {
        if (root.options.etag == .weak) try writer.writeAll("W/");
        if (seed.content_hash) |hash| {
            try writer.print("\"{x}", .{hash});
        } else {
            try writer.print("\"{x}-{x}", .{ seed.about.modified_ns, seed.about.size });
        }
        const coding = seed.key.coding;
        if (coding != .identity) try writer.print("-{s}", .{coding.name()});
        try writer.writeByte('"');
    }

    pub fn retain(file: *OpenFile) void {
        file.references += 1;
    }

    pub fn release(file: *OpenFile) void {
        assert(file.references > 0);
        file.references -= 1;
        if (file.references > 0) return;
        sys.close(file.fd);
        const allocator = file.allocator;
        allocator.free(file.text);
        allocator.destroy(file);
    }

    /// `release` for a queue of bytes to send, which knows no files.
    pub fn releaseOwner(owner: *anyopaque) void {
        const file: *OpenFile = @ptrCast(@alignCast(owner));
        file.release();
    }

    /// Of the file that is open: that of the sibling, when it is one.
    pub fn openedPath(file: *const OpenFile) [:0]const u8 {
        return file.text[0..file.path_len :0];
    }

    pub fn validators(file: *const OpenFile) conditional.Validators {
        return .{
            .etag = file.allLines()[file.lines.etag_start..file.lines.etag_end],
            .modified_seconds = file.modified_seconds,
        };
    }

    /// Field lines of an answer with the whole file.
    pub fn fullLines(file: *const OpenFile) []const u8 {
        return file.allLines()[file.linesStart()..];
    }

    /// Field lines of 304.
    pub fn keptLines(file: *const OpenFile) []const u8 {
        return file.allLines()[file.linesStart()..file.lines.kept_end];
    }

    /// `fullLines` without Content-Type.
    pub fn untypedLines(file: *const OpenFile) []const u8 {
        return file.allLines()[file.linesStart()..file.lines.type_start];
    }

    /// The line of Content-Type alone.
    pub fn typeLine(file: *const OpenFile) []const u8 {
        return file.allLines()[file.lines.type_start..];
    }

    /// Vary goes with every answer that would have been another for other clients.
    fn linesStart(file: *const OpenFile) u32 {
        const varies = file.key.coding != .identity or file.siblings.count() > 0;
        return if (varies) 0 else file.lines.vary_end;
    }

    fn allLines(file: *const OpenFile) []const u8 {
        return file.text[file.path_len + 1 ..];
    }
};
