//! A body of several ranges (RFC 9110 14.6): heads of parts and ranges of a file in turn. Called by
//! `plan.zig`.

const std = @import("std");
const sys_file = @import("../sys/file.zig");
const OpenFile = @import("open_file.zig").OpenFile;
const Range = @import("range.zig").Range;
const Segment = @import("plan.zig").Segment;

/// Boundaries that a file's author cannot foresee, or its content could end a part.
pub const Boundary = struct {
    key: [16]u8,
    count: u64 = 0,

    pub const Text = [16]u8;

    pub fn init() Boundary {
        var key: [16]u8 = undefined;
        sys_file.randomBytes(&key);
        return .{ .key = key };
    }

    pub fn next(boundary: *Boundary) Text {
        boundary.count += 1;
        const count = std.mem.asBytes(&boundary.count);
        const hash = std.crypto.auth.siphash.SipHash64(2, 4).toInt(count, &boundary.key);
        return std.fmt.hex(hash);
    }
};

pub const Body = struct {
    /// Everything that is not in the file; the caller frees it, and `segments`.
    text: []const u8,
    /// Field lines of the answer.
    fields: []const u8,
    segments: []const Segment,
};

pub fn compose(
    allocator: std.mem.Allocator,
    boundary: Boundary.Text,
    file: *const OpenFile,
    ranges: []const Range,
) error{OutOfMemory}!Body {
    const segments = try allocator.alloc(Segment, 2 * ranges.len + 1);
    errdefer allocator.free(segments);
    const ends = try allocator.alloc(usize, ranges.len);
    defer allocator.free(ends);

    var writer: std.Io.Writer.Allocating = .init(allocator);
    errdefer writer.deinit();
    const fields_end = write(&writer.writer, boundary, file, ranges, ends) catch
        return error.OutOfMemory;
    const text = try writer.toOwnedSlice();

    var start = fields_end;
    for (ranges, ends, 0..) |range, end, index| {
        segments[2 * index] = .{ .bytes = text[start..end] };
        segments[2 * index + 1] = .{ .file = range };
        start = end;
    }
    segments[segments.len - 1] = .{ .bytes = text[start..] };
    return .{ .text = text, .fields = text[0..fields_end], .segments = segments };
}

/// Fills `ends` with where the head of each part ends. Returns the end of the field lines.
fn write(
    writer: *std.Io.Writer,
    boundary: Boundary.Text,
    file: *const OpenFile,
    ranges: []const Range,
    ends: []usize,
) std.Io.Writer.Error!usize {
    try writer.writeAll(file.untypedLines());
    try writer.print("content-type: multipart/byteranges; boundary={s}\r\n", .{boundary});
    const fields_end = writer.end;
    for (ranges, ends, 0..) |range, *end, index| {
        if (index > 0) try writer.writeAll("\r\n");
        try writer.print("--{s}\r\n{s}content-range: bytes {d}-{d}/{d}\r\n\r\n", .{
            boundary, file.typeLine(), range.start, range.last(), file.about.size,
        });
        end.* = writer.end;
    }
    try writer.print("\r\n--{s}--\r\n", .{boundary});
    return fields_end;
}
