//! The bytes of requests, rendered once before the load starts. Used by the load generators.

const std = @import("std");

/// What is the same in every request of one run.
pub const Shape = struct {
    port: u16,
    method: []const u8 = "GET",
    /// Value of Accept-Encoding; empty: the field is left out.
    accept: []const u8 = "",
    /// A small JSON body; empty: none.
    body: []const u8 = "",
    /// Bytes of a body that is sent behind the request's head, block by block.
    upload: u64 = 0,
};

/// As many paths as a run may take turns with.
pub const paths_max = 32;

pub const Error = error{ RequestTooLong, TooManyPaths };

pub const Requests = struct {
    buffer: [16 * 1024]u8 = undefined,
    parts: [paths_max][]const u8 = undefined,
    count: usize = 0,

    /// `paths` are separated by commas. The slices point into the buffer: do not move it.
    pub fn render(requests: *Requests, shape: Shape, paths: []const u8) Error!void {
        var out: std.Io.Writer = .fixed(&requests.buffer);
        var rest = std.mem.splitScalar(u8, paths, ',');
        while (rest.next()) |path| {
            if (requests.count == paths_max) return error.TooManyPaths;
            const from = out.end;
            write(&out, shape, path) catch return error.RequestTooLong;
            requests.parts[requests.count] = out.buffered()[from..];
            requests.count += 1;
        }
    }

    /// The request that the connection sends as its `index`th of all connections.
    pub fn at(requests: *const Requests, index: u64) []const u8 {
        return requests.parts[@intCast(index % requests.count)];
    }
};

fn write(out: *std.Io.Writer, shape: Shape, path: []const u8) std.Io.Writer.Error!void {
    try out.print("{s} {s} HTTP/1.1\r\nHost: 127.0.0.1:{d}\r\n", .{
        shape.method,
        path,
        shape.port,
    });
    if (shape.accept.len > 0) try out.print("Accept-Encoding: {s}\r\n", .{shape.accept});
    if (shape.body.len > 0) {
        const head = "Content-Type: application/json\r\nContent-Length: {d}\r\n";
        try out.print(head, .{shape.body.len});
    }
    if (shape.upload > 0) {
        const head = "Content-Type: application/octet-stream\r\nContent-Length: {d}\r\n";
        try out.print(head, .{shape.upload});
    }
    try out.print("\r\n{s}", .{shape.body});
}

test "paths take turns" {
    var requests: Requests = .{};
    try requests.render(.{ .port = 80, .accept = "gzip" }, "/a,/b?c=d");
    const second = "GET /b?c=d HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept-Encoding: gzip\r\n\r\n";
    try std.testing.expectEqualStrings(second, requests.at(3));
    try std.testing.expect(std.mem.startsWith(u8, requests.at(4), "GET /a HTTP/1.1\r\n"));
}

test "an upload announces its length" {
    var requests: Requests = .{};
    try requests.render(.{ .port = 80, .method = "POST", .upload = 20 << 20 }, "/upload");
    const wanted = "\r\nContent-Length: 20971520\r\n\r\n";
    try std.testing.expect(std.mem.endsWith(u8, requests.at(0), wanted));
}
