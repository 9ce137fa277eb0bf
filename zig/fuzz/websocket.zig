//! Fuzzes the decoder of WebSockets with frames that are good and some that are not, from one seed.
//! Held are: nothing crashes or leaks; however the bytes are split, and wherever they are received,
//! the decoder sees what a naive reader sees in the whole.

const std = @import("std");
const limits = @import("../limits.zig");
const model = @import("../websocket/model.zig");
const Options = @import("../websocket/decoder.zig").Options;

const Bytes = std.ArrayList(u8);

/// Small, so that mutations reach it, but for the rounds with large payloads.
const message_bytes_max = 700;
const large_bytes_max = 200 * 1024;

const texts = [_][]const u8{
    "",         "a",            "hello",    "caf\xc3\xa9",       "\xe2\x82\xac",
    "\xf0\x9f", "\x8e\xb9",     "\xed\xa0", "\xc3",              "\xa9",
    "\xff",     "\xf4\x90\x80", "\x00",     "0123456789abcdef0", "\xf4\x8f\xbf\xbf",
};

const closes = [_][]const u8{
    "",                 "\x03",         "\x03\xe8",     "\x03\xe9bye", "\x03\xec", "\x03\xed",
    "\x03\xf7\xc3\xa9", "\x03\xe8\xc3", "\x0b\xb8\xff", "\x13\x87x",   "\x13\x88", "\x00\x00",
};

/// Bytes that headers are made of.
const headers = "\x00\x01\x02\x03\x08\x09\x0a\x0b\x80\x81\x82\x88\x89\x8a\xc1\xc2\x41\xa1\x91" ++
    "\x7d\x7e\x7f\xfd\xfe\xff";

/// Runs `rounds` streams. On a failure the caller prints the seed.
pub fn fuzz(seed: u64, rounds: u32) !void {
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    for (0..rounds) |round| {
        var stream: Bytes = .empty;
        defer stream.deinit(std.testing.allocator);
        const large = round % 200 == 0;
        const options: Options = .{
            .message_bytes_max = if (large) large_bytes_max else message_bytes_max,
            .deflate = random.boolean(),
        };
        try compose(random, &stream, large);
        const bytes = stream.items;
        compare(random, bytes, options) catch |err| {
            const shown = bytes[0..@min(bytes.len, 2000)];
            std.debug.print("{any}\n{f}\n", .{ options, std.ascii.hexEscape(shown, .lower) });
            return err;
        };
    }
}

fn compare(random: std.Random, bytes: []const u8, options: Options) !void {
    const allocator = std.testing.allocator;
    var expected: Bytes = .empty;
    defer expected.deinit(allocator);
    try model.readNaively(allocator, bytes, options, &expected);
    for (0..3) |_| {
        var driver: model.Driver = .init(options);
        defer driver.deinit();
        const small: usize = if (bytes.len < 10_000) 3 else 1_000;
        const sizes = [_]usize{ small, 10 * small, bytes.len + 1 };
        const piece_max = sizes[random.uintLessThan(usize, sizes.len)];
        var at: usize = 0;
        while (at < bytes.len) {
            const count = @min(bytes.len - at, 1 + random.uintLessThan(usize, piece_max));
            if (random.boolean()) at += try driver.receive(bytes[at..][0..count]);
            const end = @min(bytes.len, at + count);
            try driver.feed(bytes[at..end]);
            at = end;
        }
        try std.testing.expect(std.mem.eql(u8, expected.items, driver.line.items));
    }
}

/// Messages in fragments with control frames between them, and with changes.
fn compose(random: std.Random, out: *Bytes, large: bool) !void {
    const wrong = random.uintLessThan(u32, 4) == 0;
    for (0..1 + random.uintLessThan(usize, 6)) |_| {
        const text = random.boolean();
        const rsv1: u8 = if (random.uintLessThan(u32, 8) == 0) 0x40 else 0;
        const fragments = if (random.boolean()) 1 else 1 + random.uintLessThan(usize, 4);
        for (0..fragments) |index| {
            const opcode: u8 = if (index > 0) 0 else if (text) 0x01 | rsv1 else 0x02 | rsv1;
            const fin: u8 = if (index + 1 == fragments) 0x80 else 0;
            try composeData(random, out, opcode | fin, text, large);
            if (random.uintLessThan(u32, 3) == 0) try composeControl(random, out);
        }
    }
    if (random.uintLessThan(u32, 20) == 0) try flood(random, out);
    if (!wrong) return;
    for (0..1 + random.uintLessThan(usize, 3)) |_| {
        const at = random.uintLessThan(usize, out.items.len);
        switch (random.uintLessThan(u32, 4)) {
            0 => out.items[at] ^= @as(u8, 1) << random.int(u3),
            1 => out.items[at] = headers[random.uintLessThan(usize, headers.len)],
            2 => {
                const byte = headers[random.uintLessThan(usize, headers.len)];
                try out.insert(std.testing.allocator, at, byte);
            },
            else => if (out.items.len > 1) {
                _ = out.orderedRemove(at);
            },
        }
    }
}

fn composeData(random: std.Random, out: *Bytes, first: u8, text: bool, large: bool) !void {
    const allocator = std.testing.allocator;
    var payload: Bytes = .empty;
    defer payload.deinit(allocator);
    if (text and random.uintLessThan(u32, 4) > 0) {
        // Mostly those that are whole characters.
        const few = if (random.uintLessThan(u32, 10) == 0) texts.len else 5;
        for (0..random.uintLessThan(usize, 8)) |_| {
            try payload.appendSlice(allocator, texts[random.uintLessThan(usize, few)]);
        }
    } else {
        const edges = [_]usize{ 0, 1, 125, 126, 127, 128, 300, 700 };
        const length = if (large)
            random.uintLessThan(usize, large_bytes_max / 2)
        else if (random.boolean())
            edges[random.uintLessThan(usize, edges.len)]
        else
            random.uintLessThan(usize, 200);
        random.bytes(try payload.addManyAsSlice(allocator, length));
        if (text) for (payload.items) |*byte| {
            byte.* &= 0x7f;
        };
    }
    try writeFrame(random, out, first, payload.items);
}

fn composeControl(random: std.Random, out: *Bytes) !void {
    if (random.uintLessThan(u32, 10) == 0) {
        return writeFrame(random, out, 0x88, closes[random.uintLessThan(usize, closes.len)]);
    }
    var payload: [125]u8 = undefined;
    random.bytes(&payload);
    const length = if (random.boolean()) 125 else random.uintLessThan(usize, 20);
    try writeFrame(random, out, if (random.boolean()) 0x89 else 0x8a, payload[0..length]);
}

/// More of what is counted than there may be, or just not.
fn flood(random: std.Random, out: *Bytes) !void {
    const most = @max(limits.websocket_controls_max, limits.websocket_empty_fragments_max);
    const count = most - 5 + random.uintLessThan(usize, 10);
    if (random.boolean()) {
        for (0..count) |_| try writeFrame(random, out, 0x89, "");
    } else {
        try writeFrame(random, out, 0x01, "a");
        for (0..count) |_| try writeFrame(random, out, 0x00, "");
        try writeFrame(random, out, 0x80, "b");
    }
    try writeFrame(random, out, 0x81, "end");
}

fn writeFrame(random: std.Random, out: *Bytes, first: u8, payload: []const u8) !void {
    var mask: [4]u8 = undefined;
    random.bytes(&mask);
    try model.writeFrame(std.testing.allocator, out, first, mask, payload);
}

test "mutated frames become the messages that a naive reader sees" {
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    try fuzz(std.testing.random_seed, 1_000);
}
