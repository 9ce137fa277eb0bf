//! Fuzzes paths, patterns and whole applications from one seed. Held are: nothing crashes; a
//! canonical path is what a naive decoder makes of the raw one; a refused pattern is refused with a
//! place and a reason; an accepted one is found by a path made from it; and router and naive model
//! agree.

const std = @import("std");
const limits = @import("../limits.zig");
const model = @import("../router/model.zig");
const path = @import("../path.zig");
const router_module = @import("../router.zig");
const Router = router_module.Router;

/// Longest input that mutations may grow to.
const input_bytes_max = 256;

const good_paths = [_][]const u8{
    "/",                       "/a/b/c",
    "/caf%C3%A9/%F0%9F%8E%B9", "/a%2Fb/%2e%2e%2e/c",
    "/.well-known/x..y",       "/a//b/",
    "/%E2%82%AC/%25/%20",      "/0123456789abcdef/0123456789abcdef",
    "/..%2f..%2fetc",          "/a/.../..b/c.",
    "/%7Euser/!$&'()*+,;=:@",
};

const path_dictionary = [_][]const u8{
    "/",    "//",  ".",   "..",  "/.",        "/..",  "/./", "/../",
    "%",    "%2",  "%2e", "%2E", "%2f",       "%00",  "%c",  "%C3",
    "%A9",  "%ff", "%c0", "%af", "%ed%a0%80", "\x00", " ",   "\x7f",
    "\x80",
    "é",
};

const good_patterns = [_][]const u8{
    "/",                      "/a/b",
    "/users/:id/posts/:post", "/files/*rest",
    "/:a?/b/:c?",             "/o/:id(\\d+)/:k([^a-c]{2,5}|x+)?",
    "/caf%C3%A9/é/:x(é|[\\w.-]+)",
    "/a//b/",                 "/u/:id([0-9a-f]{8}-[0-9a-f]{4})",
    "/x/:y((a|b){1,3}c?)/*",
};

const pattern_dictionary = [_][]const u8{
    "/",    ":",   "*",     "?",   "(",   ")",             "[",   "]",
    "{",    "}",   "|",     "+",   "^",   "$",             ".",   "\\",
    "\\d",  "\\W", "{2,3}", "{0}", "{9}", "{99999999999}", "a-z", "%",
    "%2F",  "%00", "..",
    "é",
    "\xff", "\n",  "(?:",   "(?=", ":x",  "/:y(",          "/*",
};

pub fn fuzz(seed: u64, rounds: u32) !void {
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    for (0..rounds) |round| {
        try fuzzPath(random);
        try fuzzPattern(random);
        // An application costs as much as a hundred of the others.
        if (round % 100 == 0) try model.compareRandom(std.heap.smp_allocator, random);
    }
}

fn fuzzPath(random: std.Random) !void {
    var input: [input_bytes_max]u8 = undefined;
    const raw = mutate(random, &input, &good_paths, &path_dictionary);
    errdefer std.debug.print("path {f}\n", .{std.ascii.hexEscape(raw, .lower)});
    var out: [input_bytes_max]u8 = undefined;
    var expected: [input_bytes_max]u8 = undefined;
    try path.checkAgainstNaive(raw, &out, &expected);
}

fn fuzzPattern(random: std.Random) !void {
    var input: [input_bytes_max]u8 = undefined;
    const pattern = mutate(random, &input, &good_patterns, &pattern_dictionary);
    errdefer std.debug.print("pattern {f}\n", .{std.ascii.hexEscape(pattern, .lower)});
    const router = try Router.create(std.heap.smp_allocator);
    defer router.destroy();
    var fault: router_module.Fault = .{};
    var conflict: router_module.Conflict = .{};
    router.add(.{ .method = 0, .pattern = pattern, .handler = 7 }, &fault, &conflict) catch |err| {
        try std.testing.expectEqual(error.InvalidPattern, err);
        try std.testing.expect(fault.reason != .none and fault.offset <= pattern.len);
        return;
    };
    try router.commit(.{ .trailing_slash_ignored = random.boolean() });
    var made: [input_bytes_max]u8 = undefined;
    const bytes = pathOf(router, random, &made) orelse return;
    var captures: [limits.params_max]router_module.Capture = undefined;
    const canonical: path.Canonical = .{ .bytes = bytes, .escaped = true };
    const outcome = router.resolve(0, "GET", canonical, &captures);
    try std.testing.expectEqual(7, outcome.handler);
    for (captures[0..outcome.captures_count]) |capture| {
        if (capture.start != router_module.Capture.absent.start)
            try std.testing.expect(capture.start + capture.len <= bytes.len);
    }
}

/// A path that the only pattern of `router` matches, or null when a constraint refuses the guesses.
fn pathOf(router: *const Router, random: std.Random, out: *[input_bytes_max]u8) ?[]const u8 {
    var len: usize = 0;
    const guesses = [_][]const u8{ "1", "a", "xx", "dd", "abc", "12345678-abcd", "é" };
    for (router.declarations.items[0].pattern.segments) |segment| {
        const text = switch (segment.kind) {
            .literal => segment.text,
            .wildcard => "r/s",
            .param => guess: {
                const constraint = segment.constraint orelse break :guess "p";
                const first = random.uintLessThan(usize, guesses.len);
                for (0..guesses.len) |index| {
                    const guess = guesses[(first + index) % guesses.len];
                    if (constraint.matches(guess)) break :guess guess;
                }
                return null;
            },
        };
        if (len + 1 + text.len > out.len) return null;
        out[len] = '/';
        @memcpy(out[len + 1 ..][0..text.len], text);
        len += 1 + text.len;
    }
    return out[0..len];
}

/// A good input with a few insertions, deletions, changes and repetitions.
fn mutate(
    random: std.Random,
    out: *[input_bytes_max]u8,
    good: []const []const u8,
    dictionary: []const []const u8,
) []u8 {
    const start = good[random.uintLessThan(usize, good.len)];
    @memcpy(out[0..start.len], start);
    var len = start.len;
    for (0..random.uintLessThan(usize, 5)) |_| {
        const at = random.uintAtMost(usize, len);
        switch (random.uintLessThan(u8, 4)) {
            0, 1 => insert(out, &len, at, dictionary[random.uintLessThan(usize, dictionary.len)]),
            2 => {
                const end = @min(len, at + random.uintLessThan(usize, 4));
                @memmove(out[at .. at + len - end], out[end..len]);
                len -= end - at;
            },
            else => {
                var copy: [input_bytes_max]u8 = undefined;
                const end = random.intRangeAtMost(usize, at, len);
                @memcpy(copy[0 .. end - at], out[at..end]);
                insert(out, &len, random.uintAtMost(usize, len), copy[0 .. end - at]);
            },
        }
    }
    return out[0..len];
}

fn insert(out: *[input_bytes_max]u8, len: *usize, at: usize, text: []const u8) void {
    if (len.* + text.len > out.len) return;
    @memmove(out[at + text.len .. len.* + text.len], out[at..len.*]);
    @memcpy(out[at..][0..text.len], text);
    len.* += text.len;
}

test "mutated paths, patterns and applications" {
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    try fuzz(std.testing.random_seed, 3_000);
}
