//! Status codes registered at IANA with their reason phrases, and the status lines made of them
//! when compiling. Used by the encoder and by the error bodies, whose titles are the same phrases.

const std = @import("std");
const digits = @import("digits.zig");

const Entry = struct { u16, []const u8 };

/// The registry of RFC 9110 16.2.1; 306 and 418 are reserved there without a phrase.
const registered = [_]Entry{
    .{ 100, "Continue" },
    .{ 101, "Switching Protocols" },
    .{ 102, "Processing" },
    .{ 103, "Early Hints" },
    .{ 104, "Upload Resumption Supported" },
    .{ 200, "OK" },
    .{ 201, "Created" },
    .{ 202, "Accepted" },
    .{ 203, "Non-Authoritative Information" },
    .{ 204, "No Content" },
    .{ 205, "Reset Content" },
    .{ 206, "Partial Content" },
    .{ 207, "Multi-Status" },
    .{ 208, "Already Reported" },
    .{ 226, "IM Used" },
    .{ 300, "Multiple Choices" },
    .{ 301, "Moved Permanently" },
    .{ 302, "Found" },
    .{ 303, "See Other" },
    .{ 304, "Not Modified" },
    .{ 305, "Use Proxy" },
    .{ 307, "Temporary Redirect" },
    .{ 308, "Permanent Redirect" },
    .{ 400, "Bad Request" },
    .{ 401, "Unauthorized" },
    .{ 402, "Payment Required" },
    .{ 403, "Forbidden" },
    .{ 404, "Not Found" },
    .{ 405, "Method Not Allowed" },
    .{ 406, "Not Acceptable" },
    .{ 407, "Proxy Authentication Required" },
    .{ 408, "Request Timeout" },
    .{ 409, "Conflict" },
    .{ 410, "Gone" },
    .{ 411, "Length Required" },
    .{ 412, "Precondition Failed" },
    .{ 413, "Content Too Large" },
    .{ 414, "URI Too Long" },
    .{ 415, "Unsupported Media Type" },
    .{ 416, "Range Not Satisfiable" },
    .{ 417, "Expectation Failed" },
    .{ 421, "Misdirected Request" },
    .{ 422, "Unprocessable Content" },
    .{ 423, "Locked" },
    .{ 424, "Failed Dependency" },
    .{ 425, "Too Early" },
    .{ 426, "Upgrade Required" },
    .{ 428, "Precondition Required" },
    .{ 429, "Too Many Requests" },
    .{ 431, "Request Header Fields Too Large" },
    .{ 451, "Unavailable For Legal Reasons" },
    .{ 500, "Internal Server Error" },
    .{ 501, "Not Implemented" },
    .{ 502, "Bad Gateway" },
    .{ 503, "Service Unavailable" },
    .{ 504, "Gateway Timeout" },
    .{ 505, "HTTP Version Not Supported" },
    .{ 506, "Variant Also Negotiates" },
    .{ 507, "Insufficient Storage" },
    .{ 508, "Loop Detected" },
    .{ 510, "Not Extended" },
    .{ 511, "Network Authentication Required" },
};

const first = 100;
const last = 999;

const reasons: [last - first + 1][]const u8 = table: {
    var result: [last - first + 1][]const u8 = @splat("");
    for (registered) |entry| result[entry[0] - first] = entry[1];
    break :table result;
};

/// Whole status lines with their CRLF, also for the unregistered codes of three digits.
const lines: [last - first + 1][]const u8 = table: {
    @setEvalBranchQuota(50_000);
    var result: [last - first + 1][]const u8 = undefined;
    for (&result, reasons, first..) |*text, phrase, code| {
        const number = [_]u8{'0' + code / 100} ++ digits.pair(code % 100);
        text.* = "HTTP/1.1 " ++ number ++ " " ++ phrase ++ "\r\n";
    }
    break :table result;
};

/// Bytes of the longest status line.
pub const line_bytes_max = longest: {
    var length: usize = 0;
    for (lines) |text| length = @max(length, text.len);
    break :longest length;
};

/// The registered reason phrase, or "" (RFC 9112 4: a server may send none).
pub fn reason(code: u16) []const u8 {
    if (code < first or code > last) return "";
    return reasons[code - first];
}

/// The status line of any code, with CRLF. A code that has not three digits is the caller's mistake
/// and goes out as 500 (RFC 9110 15).
pub fn line(code: u16) []const u8 {
    if (code < first or code > last) return lines[500 - first];
    return lines[code - first];
}

test "registered codes have their phrase, others an empty one" {
    try std.testing.expectEqualStrings("HTTP/1.1 200 OK\r\n", line(200));
    try std.testing.expectEqualStrings("HTTP/1.1 422 Unprocessable Content\r\n", line(422));
    try std.testing.expectEqualStrings("HTTP/1.1 299 \r\n", line(299));
    try std.testing.expectEqualStrings("HTTP/1.1 418 \r\n", line(418));
    try std.testing.expectEqualStrings("HTTP/1.1 599 \r\n", line(599));
    try std.testing.expectEqualStrings("HTTP/1.1 999 \r\n", line(999));
    try std.testing.expectEqualStrings(line(500), line(1000));
    try std.testing.expectEqualStrings("HTTP/1.1 500 Internal Server Error\r\n", line(99));
    try std.testing.expectEqualStrings("Not Found", reason(404));
    try std.testing.expectEqualStrings("", reason(0));
    try std.testing.expectEqualStrings("", reason(1000));
}

test "the table is in order and complete" {
    try std.testing.expectEqual(62, registered.len);
    for (registered[0 .. registered.len - 1], registered[1..]) |before, after| {
        try std.testing.expect(before[0] < after[0]);
    }
    for (registered) |entry| try std.testing.expectEqualStrings(entry[1], reason(entry[0]));
}
