//! Nanoseconds for parsing a request head, finding a field, decoding a chunked body and writing an
//! answer head. Run:
//! `zig run -O ReleaseFast --dep http -Mroot=bench/micro/parser.zig -Mhttp=zig/http.zig`.

const std = @import("std");
const http = @import("http");

const limits: http.parser.Limits = .{
    .head_bytes_max = 32 * 1024,
    .target_bytes_max = 16 * 1024,
    .fields_max = 128,
};

const shortest = "GET /json HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
const usual = "GET /users/42 HTTP/1.1\r\nHost: localhost:8080\r\n" ++
    "Accept: application/json\r\nConnection: keep-alive\r\n\r\n";
const browser = "GET /assets/app.js?v=123 HTTP/1.1\r\nHost: www.example.com\r\n" ++
    "Connection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n" ++
    "sec-ch-ua-mobile: ?0\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " ++
    "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nsec-ch-ua-platform: \"Linux\"\r\n" ++
    "Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n" ++
    "Sec-Fetch-Dest: script\r\nReferer: https://www.example.com/\r\n" ++
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" ++
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1\r\n\r\n";
const upload = "POST /users HTTP/1.1\r\nHost: localhost:8080\r\n" ++
    "Content-Type: application/json\r\nContent-Length: 57\r\nExpect: 100-continue\r\n\r\n";

/// Rounds of each case; the median is reported.
const rounds = 21;
const repetitions = 200_000;

pub fn main(init: std.process.Init) !void {
    inline for (.{
        .{ "parse shortest GET", shortest },
        .{ "parse usual GET", usual },
        .{ "parse POST with length", upload },
        .{ "parse browser GET", browser },
    }) |case| report(init.io, case[0], case[1].len, parse, case[1]);
    report(
        init.io,
        "find the last of 15 fields",
        fieldsOf(browser).len,
        findCookie,
        fieldsOf(browser),
    );
    report(init.io, "write a 200 json head", 0, writeHead, "");
    report(init.io, "write a 404 head with fields", 0, writeHead, "X-A: 1\r\nX-B: 2\r\n");
    report(init.io, "format a date", 0, formatDate, "");
    const body = "10\r\n0123456789abcdef\r\n" ** 16 ++ "0\r\n\r\n";
    report(init.io, "decode 16 chunks of 16 bytes", body.len, decode, body);
    const large = "4000\r\n" ++ "x" ** 0x4000 ++ "\r\n0\r\n\r\n";
    report(init.io, "decode 1 chunk of 16 KiB", large.len, decode, large);
}

fn report(
    io: std.Io,
    name: []const u8,
    bytes: usize,
    comptime work: fn ([]const u8) usize,
    input: []const u8,
) void {
    var samples: [rounds]f64 = undefined;
    for (&samples) |*sample| {
        const begin = std.Io.Clock.awake.now(io);
        for (0..repetitions) |_| {
            var copy = input;
            std.mem.doNotOptimizeAway(&copy);
            std.mem.doNotOptimizeAway(work(copy));
        }
        const spent = begin.durationTo(std.Io.Clock.awake.now(io));
        sample.* = @as(f64, @floatFromInt(spent.toNanoseconds())) / repetitions;
    }
    std.mem.sort(f64, &samples, {}, std.sort.asc(f64));
    std.debug.print("{s: <30} {d: >5} bytes {d: >8.1} ns (best {d:.1})\n", .{
        name, bytes, samples[rounds / 2], samples[0],
    });
}

fn parse(input: []const u8) usize {
    var parser = http.parser.Parser.init();
    const length = parser.feed(input, limits).complete;
    std.mem.doNotOptimizeAway(&parser);
    return length;
}

fn fieldsOf(comptime input: []const u8) []const u8 {
    const start = comptime std.mem.indexOf(u8, input, "\r\n").? + 2;
    return input[start .. input.len - 2];
}

fn findCookie(input: []const u8) usize {
    return http.parser.findField(input, "cookie", 0).?.len;
}

fn writeHead(input: []const u8) usize {
    var out: [1024]u8 = undefined;
    const length = http.encoder.writeHead(&out, .{
        .status = if (input.len == 0) 200 else 404,
        .kind = 1,
        .content_length = 27,
        .date = "Sun, 06 Nov 1994 08:49:37 GMT",
        .server = "",
        .connection = .default,
        .fields = input,
    });
    std.mem.doNotOptimizeAway(&out);
    return length;
}

var second: u64 = 1_700_000_000;

fn formatDate(_: []const u8) usize {
    var out: [29]u8 = undefined;
    second += 1;
    http.date.format(&out, second);
    std.mem.doNotOptimizeAway(&out);
    return out[0];
}

fn decode(input: []const u8) usize {
    var out: [0x4000]u8 = undefined;
    var decoder = http.chunked.Decoder.init();
    const decoded = decoder.decode(input, &out).decoded;
    std.mem.doNotOptimizeAway(&out);
    return decoded.produced;
}
