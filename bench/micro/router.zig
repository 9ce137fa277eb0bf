//! Nanoseconds for one request's routing, canonical path included, in APIs of 10, 100 and 1,000
//! routes: what is measured must not depend on the number. Each case goes over many paths in a
//! shuffled order, so that neither branch predictor nor cache knows the next one. Run:
//! `zig run -O ReleaseFast --dep router -Mroot=bench/micro/router.zig -Mrouter=zig/router.zig`.

const std = @import("std");
const router_module = @import("router");
const Router = router_module.Router;

/// Rounds of each case; the median is reported.
const rounds = 21;
const repetitions = 400;
const paths_max = 1024;

const get = 0;
const post = 2;
const put = 3;
const delete = 4;

/// The ten routes of a resource, as REST APIs have them.
const shapes = .{
    .{ get, "/api/v1/{s}" },
    .{ post, "/api/v1/{s}" },
    .{ get, "/api/v1/{s}/search" },
    .{ get, "/api/v1/{s}/export/monthly" },
    .{ get, "/api/v1/{s}/:id" },
    .{ put, "/api/v1/{s}/:id" },
    .{ delete, "/api/v1/{s}/:id" },
    .{ get, "/api/v1/{s}/:id/comments" },
    .{ get, "/api/v1/{s}/:id/comments/:commentId" },
    .{ get, "/api/v1/{s}/by-number/:number(\\d+)" },
};

const words = [_][]const u8{
    "users",    "orders",   "products", "invoices", "payments", "accounts", "teams",
    "projects", "tasks",    "files",    "messages", "webhooks", "sessions", "reports",
    "events",   "licenses", "devices",  "regions",  "tickets",  "comments",
};

const Case = struct { name: []const u8, method: u8, format: []const u8 };

pub fn main(init: std.process.Init) !void {
    for ([_]usize{ 1, 10, 100 }) |resources| try measureApplication(init, resources);
}

fn measureApplication(init: std.process.Init, resources: usize) !void {
    const arena = init.arena.allocator();
    const router = try Router.create(init.gpa);
    defer router.destroy();
    var handler: u32 = 0;
    for (0..resources) |resource| inline for (shapes) |shape| {
        const pattern = try std.fmt.allocPrint(arena, shape[1], .{try nameOf(arena, resource)});
        var fault: router_module.Fault = .{};
        var conflict: router_module.Conflict = .{};
        try router.add(.{
            .method = shape[0],
            .pattern = pattern,
            .handler = handler,
        }, &fault, &conflict);
        handler += 1;
    };
    try router.commit(.{});
    std.debug.print("{d} routes\n", .{handler});

    inline for (.{
        .{ "static", get, "/api/v1/{s}/search", .{} },
        .{ "static, long", get, "/api/v1/{s}/export/monthly", .{} },
        .{ "1 parameter", get, "/api/v1/{s}/{d}", .{42} },
        .{ "2 parameters", get, "/api/v1/{s}/{d}/comments/{d}", .{ 1042, 77 } },
        .{ "constraint", get, "/api/v1/{s}/by-number/{d}", .{123456} },
        .{ "parameter, escaped", get, "/api/v1/{s}/%61bc", .{} },
        .{ "404", get, "/api/v2/{s}/nothing", .{} },
        .{ "405", post, "/api/v1/{s}/{d}", .{42} },
    }) |case| {
        const paths = try arena.alloc([]const u8, paths_max);
        for (paths, 0..) |*text, index| {
            const name = try nameOf(arena, index % resources);
            text.* = try std.fmt.allocPrint(arena, case[2], .{name} ++ case[3]);
        }
        var prng: std.Random.DefaultPrng = .init(1);
        prng.random().shuffle([]const u8, paths);
        report(init.io, case[0], router, case[1], paths);
        if (std.mem.startsWith(u8, case[0], "static")) {
            const table = router.statics;
            router.statics = .empty;
            report(init.io, case[0] ++ ", tree alone", router, case[1], paths);
            router.statics = table;
        }
    }
}

fn nameOf(arena: std.mem.Allocator, resource: usize) ![]const u8 {
    const word = words[resource % words.len];
    if (resource < words.len) return word;
    return std.fmt.allocPrint(arena, "{s}-{s}", .{ word, words[resource / words.len] });
}

fn report(
    io: std.Io,
    name: []const u8,
    router: *const Router,
    method: u8,
    paths: []const []const u8,
) void {
    var samples: [rounds]f64 = undefined;
    var matched: [rounds]f64 = undefined;
    for (&samples, &matched) |*sample, *alone| {
        sample.* = measure(io, router, method, paths, true);
        alone.* = sample.* - measure(io, router, method, paths, false);
    }
    std.mem.sort(f64, &samples, {}, std.sort.asc(f64));
    std.mem.sort(f64, &matched, {}, std.sort.asc(f64));
    std.debug.print("  {s: <28} {d: >7.1} ns (best {d:.1}), of it matching {d:.1} ns\n", .{
        name, samples[rounds / 2], samples[0], matched[rounds / 2],
    });
}

/// Nanoseconds for each path: made canonical, and with `resolving` also matched.
fn measure(
    io: std.Io,
    router: *const Router,
    method: u8,
    paths: []const []const u8,
    comptime resolving: bool,
) f64 {
    var captures: [16]router_module.Capture = undefined;
    var room: [256]u8 = undefined;
    const begin = std.Io.Clock.awake.now(io);
    for (0..repetitions) |_| for (paths) |raw| {
        const canonical = router_module.path.canonicalise(raw, &room) catch unreachable;
        if (resolving) {
            const outcome = router.resolve(method, "", canonical, &captures);
            std.mem.doNotOptimizeAway(&outcome);
        } else {
            std.mem.doNotOptimizeAway(&canonical);
        }
    };
    const spent = begin.durationTo(std.Io.Clock.awake.now(io));
    const calls: f64 = @floatFromInt(repetitions * paths.len);
    return @as(f64, @floatFromInt(spent.toNanoseconds())) / calls;
}
