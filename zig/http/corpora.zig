//! Runs request corpora written by others through parser and chunked decoder. They lie outside the
//! repository; where they are absent the tests are skipped.
//!
//! The corpora disagree with each other and are laxer than this server in places. Each case that is
//! judged differently here is listed with the reason; any other difference fails.

const std = @import("std");
const chunked = @import("chunked.zig");
const parser = @import("parser.zig");

const folder = "../shared/corpora/";
const limits: parser.Limits = .{
    .head_bytes_max = 32 * 1024,
    .target_bytes_max = 16 * 1024,
    .fields_max = 128,
};

/// How a connection would fare that sends these bytes and nothing more.
const Outcome = struct {
    /// Whole messages before the end.
    messages: u32 = 0,
    end: union(enum) {
        /// Behind a whole message, or behind one that ends the connection or changes its protocol.
        clean,
        incomplete,
        rejected: parser.Rejection,
    },
};

fn judge(arena: std.mem.Allocator, given: []const u8) !Outcome {
    var bytes = given;
    var messages: u32 = 0;
    while (std.mem.trim(u8, bytes, "\r\n").len > 0) {
        var head_parser = parser.Parser.init();
        switch (head_parser.feed(bytes, limits)) {
            .incomplete => return .{ .messages = messages, .end = .incomplete },
            .rejected => |rejection| {
                if (rejection != .missing_host) {
                    return .{ .messages = messages, .end = .{ .rejected = rejection } };
                }
                // Many cases leave Host out because they are about something else.
                const at = head_parser.head.fields.start;
                bytes = try std.mem.concat(
                    arena,
                    u8,
                    &.{ bytes[0..at], "Host: a\r\n", bytes[at..] },
                );
            },
            .complete => |head_len| {
                const head = head_parser.head;
                bytes = bytes[head_len..];
                switch (try skipBody(arena, head, bytes)) {
                    .incomplete => return .{ .messages = messages, .end = .incomplete },
                    .rejected => |rejection| {
                        return .{ .messages = messages, .end = .{ .rejected = rejection } };
                    },
                    .length => |length| bytes = bytes[length..],
                }
                messages += 1;
                if (!head.keep_alive or head.upgrade or head.form == .authority) break;
            },
        }
    }
    return .{ .messages = messages, .end = .clean };
}

const Body = union(enum) { length: usize, incomplete, rejected: parser.Rejection };

fn skipBody(arena: std.mem.Allocator, head: parser.Head, bytes: []const u8) !Body {
    if (head.chunked) {
        var decoder = chunked.Decoder.init();
        return switch (decoder.decode(bytes, try arena.alloc(u8, bytes.len))) {
            .rejected => |rejection| .{ .rejected = rejection },
            .decoded => |decoded| if (decoded.done)
                .{ .length = decoded.consumed }
            else
                .incomplete,
        };
    }
    const length = head.content_length orelse 0;
    return if (length > bytes.len) .incomplete else .{ .length = @intCast(length) };
}

const Corpus = struct {
    arena: std.heap.ArenaAllocator,
    cases: []const std.json.Value,

    fn open(name: []const u8) !Corpus {
        var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
        errdefer arena.deinit();
        const path = try std.mem.concat(arena.allocator(), u8, &.{ folder, name });
        const text = std.Io.Dir.cwd().readFileAlloc(
            std.testing.io,
            path,
            arena.allocator(),
            .limited(16 * 1024 * 1024),
        ) catch |err| switch (err) {
            error.FileNotFound => {
                std.debug.print("skipped: {s} is absent\n", .{path});
                return error.SkipZigTest;
            },
            else => return err,
        };
        const root = try std.json.parseFromSliceLeaky(std.json.Value, arena.allocator(), text, .{});
        return .{ .arena = arena, .cases = root.object.get("cases").?.array.items };
    }

    fn bytesOf(corpus: *Corpus, case: std.json.Value) ![]const u8 {
        const encoded = case.object.get("bytes_b64").?.string;
        const decoder = std.base64.standard.Decoder;
        const bytes = try corpus.arena.allocator().alloc(u8, try decoder.calcSizeForSlice(encoded));
        try decoder.decode(bytes, encoded);
        return bytes;
    }
};

/// What a case should come to: all of its messages taken, cut short, or refused.
const Expected = enum { taken, cut, refused };

const Policy = struct { []const u8, []const u8 };

/// Compares and counts; a difference must be listed, and a listed case must differ.
const Comparison = struct {
    policies: []const Policy,
    differences: u32 = 0,
    failures: u32 = 0,

    fn add(comparison: *Comparison, id: []const u8, agrees: bool, outcome: Outcome) void {
        var listed = false;
        for (comparison.policies) |policy| {
            if (std.mem.eql(u8, policy[0], id)) listed = true;
        }
        if (!agrees) comparison.differences += 1;
        if (agrees != listed) return;
        comparison.failures += 1;
        const hint = if (listed) "agrees but is listed" else "differs";
        std.debug.print("{s} {s}: {any}\n", .{ id, hint, outcome });
    }

    fn finish(comparison: Comparison) !void {
        try std.testing.expectEqual(0, comparison.failures);
        try std.testing.expectEqual(comparison.policies.len, comparison.differences);
    }
};

fn comesTo(expected: Expected, outcome: Outcome) bool {
    return switch (expected) {
        .taken => outcome.end == .clean,
        .cut => outcome.end == .incomplete,
        .refused => outcome.end == .rejected,
    };
}

const picohttpparser_policy = [_]Policy{
    .{ "parse multiline", "obs-fold is refused (RFC 9112 5.2)" },
    .{ "accept MSB chars", "a raw byte above 0x7f is no part of a target (RFC 3986 2)" },
    .{ "accept multiple spaces between tokens", "a request line has single spaces (RFC 9112 3)" },
};

test "picohttpparser's cases" {
    var corpus = try Corpus.open("picohttpparser.json");
    defer corpus.arena.deinit();
    var comparison: Comparison = .{ .policies = &picohttpparser_policy };
    for (corpus.cases) |case| {
        const expect = case.object.get("expect").?.string;
        const expected: Expected = if (std.mem.eql(u8, expect, "accept"))
            .taken
        else if (std.mem.eql(u8, expect, "incomplete"))
            .cut
        else
            .refused;
        const outcome = try judge(corpus.arena.allocator(), try corpus.bytesOf(case));
        comparison.add(case.object.get("name").?.string, comesTo(expected, outcome), outcome);
    }
    try comparison.finish();
}

const gunicorn_policy = [_]Policy{
    .{ "invalid/003c", "'-' is a token byte and any token may be a method" },
    .{ "invalid/006", "its limit for a request line is smaller than ours" },
    .{ "invalid/007", "its limit for a field is smaller than ours" },
    .{ "invalid/008", "its limit for a field is smaller than ours" },
    .{ "invalid/009", "its limit is 100 fields, ours 128" },
    .{ "invalid/010", "a setting of gunicorn limits the field" },
    .{ "invalid/011", "a setting of gunicorn limits the number of fields" },
    .{ "invalid/012", "a setting of gunicorn limits the field" },
    .{ "invalid/017", "its limit for a field is smaller than ours" },
    .{ "invalid/limit_header_default_01", "a setting of gunicorn limits the field" },
    .{ "invalid/019", "X-Forwarded-* is a matter of the application" },
    .{ "invalid/040", "a name with '_' is another field; nothing maps it to '-' here" },
    .{ "invalid/chunked_07", "a name with '_' is another field; nothing maps it to '-' here" },
    .{ "invalid/041", "two Content-Type do not concern framing" },
    .{ "invalid/rfc9110_trailer_forbidden_cl_01", "the trailer is dropped" },
    .{ "invalid/rfc9110_trailer_forbidden_host_01", "the trailer is dropped" },
    .{ "invalid/rfc9110_trailer_forbidden_te_01", "the trailer is dropped" },
    .{ "valid/005", "a fragment is no part of a target" },
    .{ "valid/009", "a fragment, and Transfer-Encoding beside Content-Length" },
    .{ "valid/025", "Transfer-Encoding on two lines" },
    .{ "valid/025_line", "gzip as transfer coding is answered 501" },
    .{ "valid/027", "a raw byte above 0x7f is no part of a target" },
    .{ "valid/028", "a setting of gunicorn allows space before the colon" },
    .{ "valid/029", "Transfer-Encoding on two lines" },
    .{ "valid/030", "Transfer-Encoding on two lines" },
    .{ "valid/099", "its body is shorter than its Content-Length" },
    .{ "valid/compat_obs_fold", "a setting of gunicorn allows obs-fold" },
    .{ "valid/compat_obs_fold_huge", "a setting of gunicorn allows obs-fold" },
    .{ "valid/pp_01", "the PROXY protocol is not spoken" },
    .{ "valid/pp_02", "the PROXY protocol is not spoken" },
    .{ "valid/pp_04", "the PROXY protocol is not spoken" },
    .{ "valid/pp_05", "the PROXY protocol is not spoken" },
    .{ "valid/rfc9112_smuggle_gzip_chunked_01", "gzip as transfer coding is answered 501" },
    .{ "valid/rfc9112_smuggle_te_identity_chunked_01", "identity was removed from HTTP: 501" },
    .{ "valid/rfc9112_target_absolute_userinfo_01", "userinfo is an error (RFC 9110 4.2.4)" },
};

test "gunicorn's cases" {
    var corpus = try Corpus.open("gunicorn-requests.json");
    defer corpus.arena.deinit();
    var comparison: Comparison = .{ .policies = &gunicorn_policy };
    for (corpus.cases) |case| {
        const file = case.object.get("file").?.string;
        const id = file["tests/requests/".len .. file.len - ".http".len];
        const outcome = try judge(corpus.arena.allocator(), try corpus.bytesOf(case));
        const valid = std.mem.eql(u8, case.object.get("kind").?.string, "valid");
        // Some of the invalid ones are only cut short.
        comparison.add(id, (outcome.end == .clean) == valid, outcome);
    }
    try comparison.finish();
}

const llhttp_policy = [_]Policy{
    .{ "connection.md:84", "bytes behind the last request are ignored, not an error" },
    .{ "connection.md:113", "bytes behind the last request are ignored, not parsed" },
    .{ "connection.md:297", "bytes behind the last request are ignored, not an error" },
    .{ "connection.md:347", "bytes behind the last request are ignored, not an error" },
    .{ "connection.md:397", "bytes behind the last request are ignored, not an error" },
    .{ "content-length.md:447", "the test tells the parser to skip a body that was promised" },
    .{ "invalid.md:69", "any token may be a method" },
    .{ "invalid.md:359", "any token may be a method" },
    .{ "method.md:138", "'*' belongs to OPTIONS alone (RFC 9112 3.2.4)" },
    .{ "method.md:375", "ICE is not HTTP" },
    .{ "method.md:405", "RTSP is not HTTP" },
    .{ "method.md:433", "RTSP is not HTTP" },
    .{ "sample.md:317", "HTTP/0.9" },
    .{ "transfer-encoding.md:754", "a fragment, and deflate as transfer coding" },
    .{ "transfer-encoding.md:796", "a fragment, and Transfer-Encoding on two lines" },
    .{ "uri.md:168", "a fragment is no part of a target" },
    .{ "uri.md:225", "userinfo is an error (RFC 9110 4.2.4)" },
};

/// Variants with leniency flags show what a strict parser must refuse.
fn llhttpExpected(case: std.json.Value) Expected {
    const lenient = std.mem.startsWith(u8, case.object.get("type").?.string, "request-lenient");
    const verdict = case.object.get("verdict").?.string;
    if (lenient or std.mem.eql(u8, verdict, "reject")) return .refused;
    return if (std.mem.eql(u8, verdict, "accept")) .taken else .cut;
}

test "llhttp's cases" {
    var corpus = try Corpus.open("llhttp-requests.json");
    defer corpus.arena.deinit();
    var comparison: Comparison = .{ .policies = &llhttp_policy };
    for (corpus.cases) |case| {
        const file = case.object.get("file").?.string["test/request/".len..];
        var buffer: [100]u8 = undefined;
        const line = case.object.get("line").?.integer;
        const id = try std.fmt.bufPrint(&buffer, "{s}:{d}", .{ file, line });
        const outcome = try judge(corpus.arena.allocator(), try corpus.bytesOf(case));
        const expected = llhttpExpected(case);
        const same_count = outcome.messages == case.object.get("messages").?.integer;
        comparison.add(id, switch (expected) {
            // What follows the counted messages may be the start of another.
            .taken => outcome.end != .rejected and same_count,
            .cut => outcome.end == .incomplete and same_count,
            .refused => outcome.end == .rejected,
        }, outcome);
    }
    try comparison.finish();
}
