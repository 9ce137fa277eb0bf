//! The media type of a file by the extension of its name. Called by `cache.zig` when it opens a
//! file.

const std = @import("std");
const table = @import("mime_table.zig");

/// For names that say nothing: browsers offer such bytes for download.
pub const unknown = "application/octet-stream";

const extension_bytes_max = 16;
const Packed = u128;

/// The value of Content-Type; text says that it is UTF-8, since the default differs per browser.
pub fn typeOf(name: []const u8) []const u8 {
    const start = if (std.mem.findScalarLast(u8, name, '/')) |slash| slash + 1 else 0;
    const dot = std.mem.findScalarLast(u8, name[start..], '.') orelse return unknown;
    // ".profile" is a name without an extension.
    if (dot == 0) return unknown;
    const key = pack(name[start + dot + 1 ..]) orelse return unknown;
    const at = std.sort.lowerBound(Packed, &sorted.keys, key, order);
    if (at == sorted.keys.len or sorted.keys[at] != key) return unknown;
    return sorted.types[sorted.indexes[at]];
}

fn order(key: Packed, item: Packed) std.math.Order {
    return std.math.order(key, item);
}

/// Letters count without case: cameras write IMG_1.JPG.
fn pack(extension: []const u8) ?Packed {
    if (extension.len == 0 or extension.len > extension_bytes_max) return null;
    var key: Packed = 0;
    for (extension) |byte| key = key << 8 | std.ascii.toLower(byte);
    return key;
}

const Row = struct { key: Packed, type_index: u16 };

const counts = count();

const Table = struct {
    keys: [counts.extensions]Packed,
    /// Into `types`, one for each key.
    indexes: [counts.extensions]u16,
    types: [counts.types][]const u8,
};

const sorted: Table = compile: {
    @setEvalBranchQuota(4_000_000);
    var types: [counts.types][]const u8 = undefined;
    var rows: [counts.extensions]Row = undefined;
    var type_count: u16 = 0;
    var row_count: usize = 0;
    var entries = std.mem.tokenizeAny(u8, table.text, " \n");
    while (entries.next()) |entry| {
        const equals = std.mem.indexOfScalar(u8, entry, '=').?;
        const name = entry[0..equals];
        types[type_count] = if (std.mem.startsWith(u8, name, "text/"))
            name ++ "; charset=utf-8"
        else
            name;
        var extensions = std.mem.splitScalar(u8, entry[equals + 1 ..], ',');
        while (extensions.next()) |extension| : (row_count += 1)
            rows[row_count] = .{ .key = pack(extension).?, .type_index = type_count };
        type_count += 1;
    }
    std.mem.sortUnstable(Row, &rows, {}, lessThan);
    var keys: [rows.len]Packed = undefined;
    var indexes: [rows.len]u16 = undefined;
    for (rows, 0..) |row, at| {
        keys[at] = row.key;
        indexes[at] = row.type_index;
    }
    break :compile .{ .keys = keys, .indexes = indexes, .types = types };
};

fn lessThan(_: void, a: Row, b: Row) bool {
    return a.key < b.key;
}

fn count() struct { types: usize, extensions: usize } {
    @setEvalBranchQuota(200_000);
    var types: usize = 0;
    var extensions: usize = 0;
    for (table.text) |byte| switch (byte) {
        '=' => {
            types += 1;
            extensions += 1;
        },
        ',' => extensions += 1,
        else => {},
    };
    return .{ .types = types, .extensions = extensions };
}

const testing = std.testing;

test "types of names" {
    for ([_][2][]const u8{
        .{ "index.html", "text/html; charset=utf-8" },
        .{ "a/b.c/app.JS", "text/javascript; charset=utf-8" },
        .{ "style.css", "text/css; charset=utf-8" },
        .{ "x.json", "application/json" },
        .{ "x.svg", "image/svg+xml" },
        .{ "x.tar.gz", "application/gzip" },
        .{ "x.woff2", "font/woff2" },
        .{ "x.wasm", "application/wasm" },
        .{ "x.mp4", "video/mp4" },
        .{ "x.webmanifest", "application/manifest+json" },
        .{ "x.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
        .{ "x.3g2", "video/3gpp2" },
        .{ "x.zmm", "application/vnd.handheld-entertainment+xml" },
        .{ "x.unknown", unknown },
        .{ "html", unknown },
        .{ ".html", unknown },
        .{ "a.html/.html", unknown },
        .{ "a.html/b", unknown },
        .{ "x.", unknown },
        .{ "", unknown },
        .{ "x.averyveryverylongextension", unknown },
        .{ "x.ht\x00ml", unknown },
    }) |pair| {
        errdefer std.debug.print("{s}\n", .{pair[0]});
        try testing.expectEqualStrings(pair[1], typeOf(pair[0]));
    }
}

test "no extension has two types" {
    for (sorted.keys[1..], sorted.keys[0 .. sorted.keys.len - 1]) |key, before|
        try testing.expect(before < key);
}
