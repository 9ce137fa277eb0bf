//! What all workers count, in one block of memory that any process can map: a header, the names of
//! the routes, and a section of 64-byte-aligned words for each worker process that may live at a
//! time. A section has one writer, who never waits; readers add up all sections. The last section
//! has no worker: it keeps what those counted that have ended, so that no counter goes back.
//!
//! Created by the first process, attached to by the others, read by any. Routes are found by name,
//! not by number: workers of a rolling replacement may have other routes than those before.

const std = @import("std");
const closings = @import("../closings.zig");
const histogram_file = @import("histogram.zig");
const limits = @import("../limits.zig");
const shared_memory = @import("../sys/shared_memory.zig");
const sys = @import("../sys.zig");
const Rejection = @import("../http/rejection.zig").Rejection;

pub const Histogram = histogram_file.Histogram;

/// "CHOPINME" as bytes.
pub const magic: u64 = 0x454d_4e49_504f_4843;
/// Raise it with every change of the layout.
pub const version: u32 = 2;

/// What is only counted.
pub const Counter = enum {
    connections_accepted,
    requests,
    /// Those and what was refused, by the batches in which they were answered.
    requests_batched,
    /// Their clients left before the answer.
    requests_abandoned,
    received_bytes,
    sent_bytes,
    idle_timeouts,
    turns,
    websocket_messages_received,
    websocket_messages_sent,
};

/// What a section says of now; it goes with its worker.
pub const Gauge = enum {
    /// 1 while a worker has the section, so that their sum is how many there are.
    workers,
    connections_open,
    requests_pending,
    websockets_open,
};

/// Classes of answers by the first digit of their status.
pub const Class = enum { informational, successful, redirection, client_error, server_error };

/// Batches of up to 1, 2, 4 … requests.
pub const batch_sizes_count = std.math.log2_int_ceil(u32, limits.batch_max) + 1;

pub const Route = extern struct {
    classes: [8]u64 = @splat(0),
    durations: Histogram = .{},
};

pub const Section = extern struct {
    gauges: [8]u64,
    counters: [padded(std.enums.values(Counter).len)]u64,
    rejections: [padded(std.enums.values(Rejection).len)]u64,
    closings: [padded(closings.reasons_count)]u64,
    batch_sizes: [padded(batch_sizes_count)]u64,
    lag: Histogram,

    pub fn count(section: *Section, counter: Counter, more: u64) void {
        section.counters[@intFromEnum(counter)] += more;
    }

    pub fn set(section: *Section, gauge: Gauge, value: u64) void {
        section.gauges[@intFromEnum(gauge)] = value;
    }
};

pub const section_words = @sizeOf(Section) / 8;
pub const route_words = @sizeOf(Route) / 8;

pub const Header = extern struct {
    magic: u64,
    version: u32,
    /// Where the names of the routes begin.
    header_bytes: u32,
    /// Of those with a worker; one more is behind them.
    sections_count: u32,
    routes_max: u32,
    route_name_bytes: u32,
    /// Odd while a section is added to the last one.
    folds: u32,
    /// Where the first section begins, and how far it is to the next.
    sections_start: u64,
    section_bytes: u64,
    created_seconds: i64,
    unused: u64,
};

pub const RouteName = extern struct {
    state: u32,
    len: u32,
    text: [text_max]u8,

    const text_max = 248;
    const free: u32 = 0;
    const taken: u32 = 1;
    const ready: u32 = 2;
};

/// Requests that no route has, and bytes that are no request.
pub const route_none = 0;
/// Routes beyond `routes_max`.
pub const route_other = 1;
pub const routes_fixed = [_][]const u8{ "(none)", "(other)" };

/// More routes than this share one histogram: each takes 8.6 KB for each worker once it is used.
pub const routes_most = 1024;

pub const AttachError = shared_memory.MapError || error{WrongLayout};

pub const Block = struct {
    memory: sys.Memory,
    fd: ?sys.Descriptor,
    /// Who made it, and servers that count into it: of this process, on its one thread.
    references: u32 = 1,
    /// Of the block itself, where nobody else frees it.
    allocator: ?std.mem.Allocator = null,

    pub const CreateError = shared_memory.CreateError || shared_memory.MapError;

    /// `shared`: other processes can attach by the descriptor.
    pub fn create(sections: u32, routes: u32, shared: bool) CreateError!Block {
        const routes_max: u32 = @intCast(std.math.clamp(routes, routes_fixed.len, routes_most));
        const form = formOf(sections, routes_max);
        const fd = if (shared) try shared_memory.create(form.bytes) else null;
        errdefer if (fd) |open| sys.close(open);
        const memory = if (fd) |open|
            try shared_memory.map(open)
        else
            try sys.mapMemory(form.bytes);
        const block: Block = .{ .memory = memory, .fd = fd };
        block.header().* = form.header;
        for (routes_fixed) |name| _ = block.routeIndex(name);
        return block;
    }

    /// The descriptor stays the caller's.
    pub fn attach(fd: sys.Descriptor) AttachError!Block {
        const memory = try shared_memory.map(fd);
        errdefer sys.unmapMemory(memory);
        if (memory.len < @sizeOf(Header)) return error.WrongLayout;
        const block: Block = .{ .memory = memory, .fd = null };
        const found = block.header();
        if (found.magic != magic or found.version != version) return error.WrongLayout;
        if (found.sections_count == 0 or found.sections_count > sections_most or
            found.routes_max < routes_fixed.len or found.routes_max > routes_most)
            return error.WrongLayout;
        const form = formOf(found.sections_count, found.routes_max);
        const same = found.header_bytes == form.header.header_bytes and
            found.route_name_bytes == form.header.route_name_bytes and
            found.sections_start == form.header.sections_start and
            found.section_bytes == form.header.section_bytes and memory.len >= form.bytes;
        return if (same) block else error.WrongLayout;
    }

    pub fn retain(block: *Block) void {
        block.references += 1;
    }

    /// The last one unmaps it.
    pub fn release(block: *Block) void {
        block.references -= 1;
        if (block.references > 0) return;
        sys.unmapMemory(block.memory);
        if (block.fd) |fd| sys.close(fd);
        if (block.allocator) |allocator| allocator.destroy(block);
    }

    pub fn header(block: *const Block) *Header {
        return @ptrCast(block.memory.ptr);
    }

    pub fn section(block: *const Block, index: u32) *Section {
        const head = block.header();
        std.debug.assert(index <= head.sections_count);
        const start = head.sections_start + index * head.section_bytes;
        return @ptrCast(@alignCast(block.memory[start..].ptr));
    }

    /// The routes' part of a section.
    pub fn routesOf(block: *const Block, index: u32) []Route {
        const after: [*]u8 = @as([*]u8, @ptrCast(block.section(index))) + @sizeOf(Section);
        const routes: [*]Route = @ptrCast(@alignCast(after));
        return routes[0..block.header().routes_max];
    }

    fn names(block: *const Block) []RouteName {
        const start: [*]RouteName = @ptrCast(@alignCast(block.memory[@sizeOf(Header)..].ptr));
        return start[0..block.header().routes_max];
    }

    /// Name of a route, null behind the last.
    pub fn routeName(block: *const Block, index: u32) ?[]const u8 {
        if (index >= block.header().routes_max) return null;
        const name = &block.names()[index];
        if (@atomicLoad(u32, &name.state, .acquire) == RouteName.free) return null;
        return name.text[0..@min(name.len, RouteName.text_max)];
    }

    /// The number of a name in this block. It is registered now unless it is known; without room
    /// for it, `route_other`.
    pub fn routeIndex(block: *const Block, text: []const u8) u32 {
        if (text.len > RouteName.text_max) return route_other;
        for (block.names(), 0..) |*name, index| {
            const state = @cmpxchgStrong(
                u32,
                &name.state,
                RouteName.free,
                RouteName.taken,
                .acquire,
                .acquire,
            ) orelse {
                name.len = @intCast(text.len);
                @memcpy(name.text[0..text.len], text);
                @atomicStore(u32, &name.state, RouteName.ready, .release);
                return @intCast(index);
            };
            if (state == RouteName.taken) awaitName(name);
            // One whose process died while it wrote stays taken; its text matches nobody's.
            if (std.mem.eql(u8, name.text[0..@min(name.len, RouteName.text_max)], text))
                return @intCast(index);
        }
        return route_other;
    }

    /// A section for a worker that is about to start; null when there is none left.
    pub fn claim(block: *const Block) ?u32 {
        for (0..block.header().sections_count) |index| {
            const state = &block.section(@intCast(index)).gauges[@intFromEnum(Gauge.workers)];
            if (@cmpxchgStrong(u64, state, 0, 1, .acq_rel, .monotonic) == null)
                return @intCast(index);
        }
        return null;
    }

    /// The section's worker has ended: what it counted is kept, and the section is free. Only by
    /// the process that claimed it.
    pub fn fold(block: *const Block, index: u32) void {
        const head = block.header();
        const ended = block.section(index);
        const kept = head.sections_count;
        _ = @atomicRmw(u32, &head.folds, .Add, 1, .acq_rel);
        ended.gauges = @splat(0);
        move(std.mem.asBytes(block.section(kept)), std.mem.asBytes(ended));
        for (block.routesOf(kept), block.routesOf(index)) |*to, *from| {
            if (used(from)) move(std.mem.asBytes(to), std.mem.asBytes(from));
        }
        _ = @atomicRmw(u32, &head.folds, .Add, 1, .acq_rel);
    }

    /// Adds up all sections into `out`: words of a section, then those of each route, as far as
    /// there is room. Numbers, since no counter comes near 2^53.
    pub fn read(block: *const Block, out: []f64) void {
        const folds = &block.header().folds;
        for (0..reads_max) |_| {
            const before = @atomicLoad(u32, folds, .acquire);
            if (before % 2 == 0) {
                block.sum(out);
                if (@atomicRmw(u32, folds, .Add, 0, .acq_rel) == before) return;
            }
            std.atomic.spinLoopHint();
        }
        // Whoever folded has died meanwhile, and with it the service.
        block.sum(out);
    }

    fn sum(block: *const Block, out: []f64) void {
        @memset(out, 0);
        for (0..block.header().sections_count + 1) |at| {
            const index: u32 = @intCast(at);
            addWords(out[0..section_words], std.mem.asBytes(block.section(index)));
            for (block.routesOf(index), 0..) |*route, number| {
                const start = section_words + number * route_words;
                if (start + route_words > out.len) break;
                if (used(route)) addWords(out[start..][0..route_words], std.mem.asBytes(route));
            }
        }
    }
};

/// Folds take microseconds, and one follows another never at once.
const reads_max = 10_000;
/// Two for each of 1,024 workers.
pub const sections_most = 2048;
const name_spins_max = 100_000;

const Form = struct { header: Header, bytes: usize };

fn formOf(sections: u32, routes: u32) Form {
    const names_end = @sizeOf(Header) + @as(u64, routes) * @sizeOf(RouteName);
    const start = std.mem.alignForward(u64, names_end, std.heap.page_size_max);
    const section_bytes = @sizeOf(Section) + @as(u64, routes) * @sizeOf(Route);
    return .{
        .header = .{
            .magic = magic,
            .version = version,
            .header_bytes = @sizeOf(Header),
            .sections_count = sections,
            .routes_max = routes,
            .route_name_bytes = @sizeOf(RouteName),
            .folds = 0,
            .sections_start = start,
            .section_bytes = section_bytes,
            .created_seconds = sys.realtimeSeconds(),
            .unused = 0,
        },
        .bytes = start + (@as(u64, sections) + 1) * section_bytes,
    };
}

/// Another process writes this name.
fn awaitName(name: *const RouteName) void {
    for (0..name_spins_max) |_| {
        if (@atomicLoad(u32, &name.state, .acquire) == RouteName.ready) return;
        std.atomic.spinLoopHint();
    }
}

fn used(route: *const Route) bool {
    for (&route.classes) |*count| {
        if (@atomicLoad(u64, count, .monotonic) != 0) return true;
    }
    return false;
}

fn wordsOf(bytes: []u8) []u64 {
    const aligned: []align(8) u8 = @alignCast(bytes);
    return std.mem.bytesAsSlice(u64, aligned);
}

fn move(to: []u8, from: []u8) void {
    for (wordsOf(to), wordsOf(from)) |*total, *word| {
        total.* += word.*;
        word.* = 0;
    }
}

fn addWords(out: []f64, bytes: []u8) void {
    for (out, wordsOf(bytes)) |*total, *word| {
        const value = @atomicLoad(u64, word, .monotonic);
        if (value != 0) total.* += @floatFromInt(value);
    }
}

/// Whole cache lines.
fn padded(comptime count: usize) usize {
    return std.mem.alignForward(usize, count, 8);
}

comptime {
    for (.{ Header, RouteName, Section, Route }) |Part| std.debug.assert(@sizeOf(Part) % 64 == 0);
    std.debug.assert(std.enums.values(Gauge).len <= 8);
    std.debug.assert(std.enums.values(Class).len <= 8);
}

const testing = std.testing;

/// Sums of a block, and how to find one.
const Sums = struct {
    words: []f64,

    fn of(block: *const Block) !Sums {
        const routes: usize = block.header().routes_max;
        const words = try testing.allocator.alloc(f64, section_words + routes * route_words);
        block.read(words);
        return .{ .words = words };
    }

    fn deinit(sums: Sums) void {
        testing.allocator.free(sums.words);
    }

    fn counter(sums: Sums, which: Counter) f64 {
        const index: usize = @intFromEnum(which);
        return sums.words[@offsetOf(Section, "counters") / 8 + index];
    }

    fn gauge(sums: Sums, which: Gauge) f64 {
        return sums.words[@intFromEnum(which)];
    }

    fn answers(sums: Sums, route: u32, class: Class) f64 {
        return sums.words[section_words + route * route_words + @intFromEnum(class)];
    }
};

test "sections are added up, and what ended workers counted is kept" {
    var block: Block = try .create(2, 8, false);
    defer block.release();
    const first = block.claim().?;
    const second = block.claim().?;
    try testing.expect(first != second);
    try testing.expectEqual(null, block.claim());
    for ([_]u32{ first, second }) |index| {
        block.section(index).count(.requests, 5);
        block.section(index).set(.connections_open, 3);
        block.routesOf(index)[2].classes[@intFromEnum(Class.successful)] += 5;
        block.routesOf(index)[2].durations.record(1_000_000);
    }
    for (0..3) |round| {
        const sums: Sums = try .of(&block);
        defer sums.deinit();
        try testing.expectEqual(10, sums.counter(.requests));
        try testing.expectEqual(10, sums.answers(2, .successful));
        // Connections go with their worker.
        const workers: f64 = @floatFromInt(2 - round);
        try testing.expectEqual(workers, sums.gauge(.workers));
        try testing.expectEqual(3 * workers, sums.gauge(.connections_open));
        if (round < 2) block.fold(if (round == 0) first else second);
    }
    try testing.expectEqual(first, block.claim().?);
    try testing.expectEqual(0, block.section(first).counters[@intFromEnum(Counter.requests)]);
}

test "any process that has the descriptor counts into the same block" {
    var block: Block = try .create(2, 8, true);
    defer block.release();
    var other: Block = try .attach(block.fd.?);
    defer other.release();
    const section = block.claim().?;
    other.section(section).count(.sent_bytes, 7);
    try testing.expectEqual(2, other.routeIndex("GET /"));
    try testing.expectEqualStrings("GET /", block.routeName(2).?);
    const sums: Sums = try .of(&block);
    defer sums.deinit();
    try testing.expectEqual(7, sums.counter(.sent_bytes));
}

test "routes have one number for each name, and the others share one" {
    var block: Block = try .create(1, 4, false);
    defer block.release();
    try testing.expectEqualStrings("(none)", block.routeName(route_none).?);
    try testing.expectEqualStrings("(other)", block.routeName(route_other).?);
    try testing.expectEqual(2, block.routeIndex("GET /a"));
    try testing.expectEqual(3, block.routeIndex("GET /b"));
    try testing.expectEqual(2, block.routeIndex("GET /a"));
    try testing.expectEqual(route_other, block.routeIndex("GET /c"));
    try testing.expectEqual(route_other, block.routeIndex("GET /" ++ "x" ** 300));
    try testing.expectEqual(null, block.routeName(4));
}

test "a block of another layout is refused" {
    var block: Block = try .create(1, 8, true);
    defer block.release();
    const head = block.header();
    const right = head.*;
    inline for (.{ "magic", "version", "header_bytes", "sections_count", "routes_max" }) |name| {
        @field(head, name) +%= 1;
        try testing.expectError(error.WrongLayout, Block.attach(block.fd.?));
        head.* = right;
    }
    inline for (.{ "section_bytes", "sections_start", "route_name_bytes" }) |name| {
        @field(head, name) += 64;
        try testing.expectError(error.WrongLayout, Block.attach(block.fd.?));
        head.* = right;
    }
    head.sections_count = 0;
    try testing.expectError(error.WrongLayout, Block.attach(block.fd.?));
    head.* = right;
    var again: Block = try .attach(block.fd.?);
    again.release();
}

test "no sum goes back while sections are folded" {
    var block: Block = try .create(2, 4, false);
    defer block.release();
    const Writer = struct {
        fn run(shared: *const Block, stop: *std.atomic.Value(bool)) void {
            while (!stop.load(.acquire)) {
                const index = shared.claim().?;
                shared.section(index).count(.requests, 3);
                shared.routesOf(index)[2].classes[1] += 3;
                shared.fold(index);
            }
        }
    };
    var stop: std.atomic.Value(bool) = .init(false);
    const writer = try std.Thread.spawn(.{}, Writer.run, .{ &block, &stop });
    defer writer.join();
    defer stop.store(true, .release);
    var last: f64 = 0;
    while (last < 300) {
        const sums: Sums = try .of(&block);
        defer sums.deinit();
        const requests = sums.counter(.requests);
        try testing.expect(requests >= last);
        last = requests;
    }
}
