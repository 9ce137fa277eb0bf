//! How many connections each client has: an open-addressing table whose memory is bounded by the
//! number of connections. `acceptor.zig` counts where the option `connectionsPerAddress` is set.
//!
//! A client of IPv6 has a whole network of 64 bits (RFC 6177, 4291 2.5.1), so that is what counts.

const std = @import("std");
const sys = @import("sys.zig");
const Connection = @import("connection.zig").Connection;
const Core = @import("core.zig").Core;

const assert = std.debug.assert;

/// Counts a connection, unless its client has as many as it may have: then false.
pub fn admit(core: *Core, connection: *Connection) bool {
    const table = if (core.addresses) |*table| table else return true;
    const key = keyOf(&connection.peer) orelse return true;
    connection.counted = table.add(key, core.config.connections_per_address);
    return connection.counted;
}

/// The connection is gone.
pub fn forget(core: *Core, connection: *Connection) void {
    if (!connection.counted) return;
    connection.counted = false;
    core.addresses.?.remove(keyOf(&connection.peer).?);
}

/// One client: the first half of an IPv6 address, or an IPv4 address behind 32 ones, which as IPv6
/// is multicast and no peer's (RFC 4291 2.7).
pub const Key = u64;

/// Null for a unix socket, whose clients have no address.
pub fn keyOf(peer: *const sys.Peer) ?Key {
    switch (peer.any.family) {
        std.posix.AF.INET => return keyOfIpv4(@bitCast(peer.in.addr)),
        std.posix.AF.INET6 => {
            const bytes = &peer.in6.addr;
            // An IPv4 client on a socket of both families, and one behind a translator of a
            // network that speaks IPv6 alone (RFC 6052 2.1), would all be one network.
            const mapped: [12]u8 = .{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
            const translated: [12]u8 = .{ 0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0 };
            for ([_]*const [12]u8{ &mapped, &translated }) |prefix| {
                if (std.mem.eql(u8, bytes[0..12], prefix)) return keyOfIpv4(bytes[12..16].*);
            }
            return std.mem.readInt(u64, bytes[0..8], .big);
        },
        else => return null,
    }
}

fn keyOfIpv4(bytes: [4]u8) Key {
    return 0xffff_ffff_0000_0000 | @as(Key, std.mem.readInt(u32, &bytes, .big));
}

pub const Addresses = struct {
    const Entry = struct {
        key: Key,
        /// 0: the entry is free.
        count: u32,
    };

    memory: sys.Memory,
    entries: []Entry,
    /// Clients choose their addresses: with a seed they do not know which ones collide.
    seed: u64,

    /// Room for `connections_max` clients with a connection each; pages are touched as they come.
    pub fn init(connections_max: u32, seed: u64) sys.MapError!Addresses {
        // Half empty, so that a search is short.
        const capacity = std.math.ceilPowerOfTwoAssert(usize, @as(usize, connections_max) * 2);
        const memory = try sys.mapMemory(capacity * @sizeOf(Entry));
        return .{
            .memory = memory,
            .entries = @as([*]Entry, @ptrCast(@alignCast(memory.ptr)))[0..capacity],
            .seed = seed,
        };
    }

    pub fn deinit(self: *Addresses) void {
        sys.unmapMemory(self.memory);
        self.* = undefined;
    }

    /// Counts one more connection, unless the client has `most` of them.
    pub fn add(self: *Addresses, key: Key, most: u32) bool {
        const entry = &self.entries[self.find(key)];
        if (entry.count >= most) return false;
        entry.key = key;
        entry.count += 1;
        return true;
    }

    /// One less, of a connection that was counted.
    pub fn remove(self: *Addresses, key: Key) void {
        const index = self.find(key);
        const entry = &self.entries[index];
        assert(entry.count > 0);
        entry.count -= 1;
        if (entry.count == 0) self.close(index);
    }

    pub fn countOf(self: *const Addresses, key: Key) u32 {
        return self.entries[self.find(key)].count;
    }

    /// Where the client's entry is, or the free one where it would be.
    fn find(self: *const Addresses, key: Key) usize {
        var index = self.home(key);
        while (true) : (index = (index + 1) & (self.entries.len - 1)) {
            const entry = &self.entries[index];
            if (entry.count == 0 or entry.key == key) return index;
        }
    }

    fn home(self: *const Addresses, key: Key) usize {
        return @truncate(std.hash.Wyhash.hash(self.seed, std.mem.asBytes(&key)) &
            (self.entries.len - 1));
    }

    /// Moves entries that were pushed past the freed one back, so that no search ends too early.
    fn close(self: *Addresses, freed: usize) void {
        const mask = self.entries.len - 1;
        var hole = freed;
        var index = (freed + 1) & mask;
        while (self.entries[index].count > 0) : (index = (index + 1) & mask) {
            const from_home = (index -% self.home(self.entries[index].key)) & mask;
            const from_hole = (index -% hole) & mask;
            if (from_home < from_hole) continue;
            self.entries[hole] = self.entries[index];
            self.entries[index].count = 0;
            hole = index;
        }
    }
};

const testing = std.testing;

fn keyOfText(text: []const u8) Key {
    return keyOf(&sys.parseAddress(text, 1).?.peer()).?;
}

test "clients by address: all of IPv4, the first half of IPv6" {
    try testing.expectEqual(0xffff_ffff_c000_0207, keyOfText("192.0.2.7"));
    try testing.expectEqual(keyOfText("192.0.2.7"), keyOfText("::ffff:192.0.2.7"));
    try testing.expectEqual(keyOfText("192.0.2.7"), keyOfText("64:ff9b::192.0.2.7"));
    try testing.expect(keyOfText("192.0.2.7") != keyOfText("192.0.2.8"));
    try testing.expectEqual(keyOfText("2001:db8:1:2::7"), keyOfText("2001:db8:1:2:ffff::"));
    try testing.expect(keyOfText("2001:db8:1:2::7") != keyOfText("2001:db8:1:3::7"));
    try testing.expect(keyOfText("::1") != keyOfText("0.0.0.1"));
    const unnamed = (try sys.Address.unix("/tmp/socket")).peer();
    try testing.expectEqual(null, keyOf(&unnamed));
}

test "random connections agree with a naive model" {
    const seed = testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    const connections_max = 64;
    const most = 5;
    var addresses: Addresses = try .init(connections_max, random.int(u64));
    defer addresses.deinit();
    var model: std.AutoArrayHashMapUnmanaged(Key, u32) = .empty;
    defer model.deinit(testing.allocator);
    var open: std.ArrayList(Key) = .empty;
    defer open.deinit(testing.allocator);
    for (0..100_000) |_| {
        // Many at times, and now and then none.
        const wanted = random.boolean();
        if (wanted and open.items.len < connections_max) {
            const key: Key = random.uintLessThan(Key, 100) * 0x1_0000;
            const slot = try model.getOrPutValue(testing.allocator, key, 0);
            const free = slot.value_ptr.* < most;
            try testing.expectEqual(free, addresses.add(key, most));
            if (!free) continue;
            slot.value_ptr.* += 1;
            try open.append(testing.allocator, key);
        } else if (open.items.len > 0) {
            const key = open.swapRemove(random.uintLessThan(usize, open.items.len));
            model.getPtr(key).?.* -= 1;
            addresses.remove(key);
        }
        for (model.keys(), model.values()) |key, count| {
            try testing.expectEqual(count, addresses.countOf(key));
        }
    }
    while (open.pop()) |key| addresses.remove(key);
    for (addresses.entries) |entry| try testing.expectEqual(0, entry.count);
}
