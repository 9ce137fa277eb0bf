//! The C interface of metrics. `src/native/metrics-symbols.ts` declares it once more; the layout of
//! what is read is printed as JSON, so that no number of it is written down there.

const std = @import("std");
const abi = @import("../abi.zig");
const block_file = @import("../metrics/block.zig");
const closings = @import("../closings.zig");
const histogram_file = @import("../metrics/histogram.zig");
const manifest = @import("manifest.zig");
const metrics = @import("../metrics.zig");
const Rejection = @import("../http/rejection.zig").Rejection;
const Server = @import("server.zig").Server;

const Block = metrics.Block;
const Code = abi.Code;
const allocator = std.heap.c_allocator;
const invalid = @intFromEnum(Code.invalid_argument);

/// A block for so many workers and routes; 0 when there is no memory or descriptor. `shared` is not
/// 0: `fdOf` has a descriptor for other processes.
pub fn create(sections: u32, routes: u32, shared: u32) callconv(.c) ?*Block {
    if (sections == 0 or sections > block_file.sections_most) return null;
    const self = allocator.create(Block) catch return null;
    self.* = Block.create(sections, routes, shared != 0) catch {
        allocator.destroy(self);
        return null;
    };
    self.allocator = allocator;
    return self;
}

/// The block of another process by its descriptor, which stays open; 0 when it is no block, or one
/// of another version.
pub fn attach(fd: i32) callconv(.c) ?*Block {
    const self = allocator.create(Block) catch return null;
    self.* = Block.attach(fd) catch {
        allocator.destroy(self);
        return null;
    };
    self.allocator = allocator;
    return self;
}

/// Servers that count into it keep it until they end.
pub fn destroy(self: *Block) callconv(.c) i32 {
    self.release();
    return 0;
}

/// The descriptor of a shared block that was created here; it is closed with the block.
pub fn fdOf(self: *const Block) callconv(.c) i32 {
    return self.fd orelse invalid;
}

/// A section for a worker that is about to start, or `full`.
pub fn claim(self: *const Block) callconv(.c) i32 {
    return @intCast(self.claim() orelse return @intFromEnum(Code.full));
}

/// See `Block.fold`.
pub fn fold(self: *const Block, section: u32) callconv(.c) i32 {
    if (section >= self.header().sections_count) return invalid;
    self.fold(section);
    return 0;
}

/// The number of a route by its name, such as "GET /users/:id".
pub fn route(self: *const Block, text: [*]const u8, len: u32) callconv(.c) i32 {
    return @intCast(self.routeIndex(text[0..len]));
}

/// Copies the name of a route: its length, `full` when it does not fit, `stale_handle` behind the
/// last.
pub fn routeName(self: *const Block, index: u32, out: [*]u8, len: u32) callconv(.c) i32 {
    const name = self.routeName(index) orelse return @intFromEnum(Code.stale_handle);
    if (name.len > len) return @intFromEnum(Code.full);
    @memcpy(out[0..name.len], name);
    return @intCast(name.len);
}

/// Sums of all sections, as `layout` says; `len` is the number of words in `out`.
pub fn read(self: *const Block, out: [*]f64, len: u32) callconv(.c) i32 {
    if (len < block_file.section_words) return invalid;
    self.read(out[0..len]);
    return 0;
}

/// Lets a server count into a section from now on. `routes` has the number of each handler's route,
/// and is copied. Without a block the server counts no more.
pub fn serverRecord(
    server: *Server,
    block: ?*Block,
    section: u32,
    routes: ?[*]const u32,
    len: u32,
) callconv(.c) i32 {
    if (server.implementation.in_turn) return @intFromEnum(Code.re_entered);
    const core = &server.implementation.core;
    const into = block orelse {
        metrics.forget(core);
        return 0;
    };
    if (section >= into.header().sections_count) return invalid;
    const route_of = allocator.alloc(u16, len) catch return @intFromEnum(Code.out_of_memory);
    for (route_of, 0..) |*number, index| {
        const given = routes.?[index];
        const known = given < into.header().routes_max;
        number.* = if (known) @intCast(given) else block_file.route_other;
    }
    metrics.record(core, .init(into, section, route_of)) catch {
        allocator.free(route_of);
        return @intFromEnum(Code.out_of_memory);
    };
    return 0;
}

/// NUL-terminated JSON: where each number is among those that `read` gives, in words.
pub fn layout() callconv(.c) [*:0]const u8 {
    return layout_text;
}

const layout_text: [:0]const u8 = text: {
    @setEvalBranchQuota(100_000);
    const Section = block_file.Section;
    var out: []const u8 = std.fmt.comptimePrint(
        "{{\"library\":\"{s}\",\"version\":{d},\"sectionWords\":{d},\"routeWords\":{d}," ++
            "\"routesMost\":{d}",
        .{
            manifest.library_version,
            block_file.version,
            block_file.section_words,
            block_file.route_words,
            block_file.routes_most,
        },
    );
    for (.{
        .{ "gauges", block_file.Gauge },
        .{ "counters", block_file.Counter },
        .{ "rejections", Rejection },
        .{ "closings", closings.Reason },
        .{ "classes", block_file.Class },
    }) |row| {
        const Names = row[1];
        const start = if (Names == block_file.Class) 0 else @offsetOf(Section, row[0]) / 8;
        const format = ",\"{s}\":{{\"start\":{d},\"names\":[";
        out = out ++ std.fmt.comptimePrint(format, .{ row[0], start });
        for (@typeInfo(Names).@"enum".fields, 0..) |field, index| {
            out = out ++ (if (index > 0) "," else "") ++ "\"" ++ field.name ++ "\"";
        }
        out = out ++ "]}";
    }
    const Histogram = block_file.Histogram;
    break :text out ++ std.fmt.comptimePrint(
        ",\"batchSizes\":{{\"start\":{d},\"count\":{d}}},\"lag\":{d},\"durations\":{d}," ++
            "\"histogram\":{{\"sum\":{d},\"buckets\":{d},\"count\":{d}}}}}",
        .{
            @offsetOf(Section, "batch_sizes") / 8,
            block_file.batch_sizes_count,
            @offsetOf(Section, "lag") / 8,
            @offsetOf(block_file.Route, "durations") / 8,
            @offsetOf(Histogram, "sum_ns") / 8,
            @offsetOf(Histogram, "buckets") / 8,
            histogram_file.buckets_count,
        },
    );
};

/// The first duration in nanoseconds that each bucket counts, and the end of the last: one number
/// more than there are buckets.
pub fn bucketStarts(out: [*]f64, len: u32) callconv(.c) i32 {
    if (len != histogram_file.buckets_count + 1) return invalid;
    for (0..len) |index| out[index] = @floatFromInt(histogram_file.startOf(@intCast(index)));
    return 0;
}

const testing = std.testing;

test "the layout is JSON" {
    const parsed = try std.json.parseFromSlice(std.json.Value, testing.allocator, layout_text, .{});
    defer parsed.deinit();
    try testing.expectEqual(block_file.version, parsed.value.object.get("version").?.integer);
}

test "a block is created, named, claimed, read and folded through the interface" {
    const self = create(2, 8, 1).?;
    defer _ = destroy(self);
    const other = attach(fdOf(self)).?;
    defer _ = destroy(other);
    try testing.expectEqual(2, route(other, "GET /", 5));
    var text: [8]u8 = undefined;
    try testing.expectEqual(5, routeName(self, 2, &text, text.len));
    try testing.expectEqual(@intFromEnum(Code.full), routeName(self, 2, &text, 4));
    try testing.expectEqual(@intFromEnum(Code.stale_handle), routeName(self, 3, &text, 8));
    try testing.expectEqual(0, claim(self));
    try testing.expectEqual(1, claim(self));
    try testing.expectEqual(@intFromEnum(Code.full), claim(self));
    other.section(0).count(.requests, 4);
    try testing.expectEqual(0, fold(self, 0));
    try testing.expectEqual(invalid, fold(self, 2));
    var sums: [block_file.section_words]f64 = undefined;
    try testing.expectEqual(0, read(self, &sums, sums.len));
    const counters = @offsetOf(block_file.Section, "counters") / 8;
    const requests: usize = @intFromEnum(block_file.Counter.requests);
    try testing.expectEqual(4, sums[counters + requests]);
    try testing.expectEqual(invalid, read(self, &sums, 10));
    try testing.expectEqual(null, attach(-1));
    try testing.expectEqual(null, create(0, 8, 0));
}
