//! Nanoseconds for making the canonical path natively, once for each request. Run:
//! `zig run -O ReleaseFast --dep path -Mroot=bench/micro/canonical.zig -Mpath=zig/path.zig`.

const std = @import("std");
const path = @import("path");

const rounds = 21;
const repetitions = 200_000;

pub fn main(init: std.process.Init) !void {
    report(init.io, "canonical path of 5 bytes", "/json");
    report(init.io, "canonical path of 36 bytes", "/api/v1/resource42/42/comments/17/ab");
    report(init.io, "canonical path with escapes", "/files/%C3%A9t%C3%A9/a%2Fb/na%20me.txt");
}

fn report(io: std.Io, name: []const u8, raw: []const u8) void {
    var out: [256]u8 = undefined;
    var samples: [rounds]f64 = undefined;
    for (&samples) |*sample| {
        const begin = std.Io.Clock.awake.now(io);
        for (0..repetitions) |_| {
            var copy = raw;
            std.mem.doNotOptimizeAway(&copy);
            const made = path.canonicalise(copy, &out) catch unreachable;
            std.mem.doNotOptimizeAway(made.bytes.len);
        }
        const spent = begin.durationTo(std.Io.Clock.awake.now(io));
        sample.* = @as(f64, @floatFromInt(spent.toNanoseconds())) / repetitions;
    }
    std.mem.sort(f64, &samples, {}, std.sort.asc(f64));
    std.debug.print("{s: <30} {d: >5} bytes {d: >8.1} ns (best {d:.1})\n", .{
        name, raw.len, samples[rounds / 2], samples[0],
    });
}
