//! Error bodies of RFC 9457, byte for byte what the TypeScript side writes for the same status,
//! code and detail: `{"type":"about:blank","title":"Not Found","status":404,"code":"not_found"}`.

const std = @import("std");
const digits = @import("digits.zig");
const status_codes = @import("status.zig");

const before_title = "{\"type\":\"about:blank\",\"title\":\"";
const before_status = "\",\"status\":";
const before_code = ",\"code\":\"";
const before_detail = "\",\"detail\":\"";
const end = "\"}";

/// Room that `write` may need; an escaped byte takes six.
pub fn bytesMax(code: []const u8, detail: ?[]const u8) usize {
    const text = if (detail) |bytes| before_detail.len + 6 * bytes.len else 0;
    return before_title.len + status_codes.line_bytes_max + before_status.len + 5 +
        before_code.len + code.len + text + end.len;
}

/// Writes the body and returns its length. `code` is one of the stable snake_case codes, `detail`
/// is UTF-8 and is left out when null.
pub fn write(out: []u8, status: u16, code: []const u8, detail: ?[]const u8) u32 {
    var at: usize = 0;
    append(out, &at, before_title);
    append(out, &at, status_codes.reason(status));
    append(out, &at, before_status);
    at += digits.write(out[at..], status);
    append(out, &at, before_code);
    append(out, &at, code);
    if (detail) |text| {
        append(out, &at, before_detail);
        for (text) |byte| appendEscaped(out, &at, byte);
    }
    append(out, &at, end);
    return @intCast(at);
}

fn append(out: []u8, at: *usize, text: []const u8) void {
    @memcpy(out[at.*..][0..text.len], text);
    at.* += text.len;
}

/// The escapes that JSON.stringify makes (ECMA-262 25.5.2.3).
fn appendEscaped(out: []u8, at: *usize, byte: u8) void {
    switch (byte) {
        '"' => append(out, at, "\\\""),
        '\\' => append(out, at, "\\\\"),
        0x08 => append(out, at, "\\b"),
        '\t' => append(out, at, "\\t"),
        '\n' => append(out, at, "\\n"),
        0x0c => append(out, at, "\\f"),
        '\r' => append(out, at, "\\r"),
        0x00...0x07, 0x0b, 0x0e...0x1f => {
            const hex = "0123456789abcdef";
            append(out, at, &.{ '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] });
        },
        else => append(out, at, &.{byte}),
    }
}

test "bodies with and without a detail" {
    var out: [512]u8 = undefined;
    try std.testing.expectEqualStrings(
        "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"code\":\"not_found\"}",
        out[0..write(&out, 404, "not_found", null)],
    );
    try std.testing.expectEqualStrings(
        "{\"type\":\"about:blank\",\"title\":\"\",\"status\":499,\"code\":\"x\"," ++
            "\"detail\":\"a\\\"b\\\\c\\n\\u0001\\u001f\\b\x7f\xc3\xa4\"}",
        out[0..write(&out, 499, "x", "a\"b\\c\n\x01\x1f\x08\x7f\xc3\xa4")],
    );
}

test "the worst case is enough" {
    var out: [1024]u8 = undefined;
    const detail: [64]u8 = @splat(1);
    for (100..1000) |status| {
        const length = write(&out, @intCast(status), "code", &detail);
        try std.testing.expect(length <= bytesMax("code", &detail));
    }
}
