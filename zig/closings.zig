//! Connections that were closed because of a limit, counted by reason, for the one line in a second
//! that TypeScript writes about them: a flood of bad clients must not become a flood of lines. Each
//! reason has a record in the control block of the view; `src/native/closings.ts` reads it.
//!
//! Not counted is what belongs to every day: quiet connections, the last request of a connection,
//! clients that leave.

const std = @import("std");
const abi = @import("abi.zig");
const sys = @import("sys.zig");

/// Why a connection was closed; the order is that of the records.
pub const Reason = enum(u32) {
    /// The head was not complete in time.
    head_timeout,
    /// The body was not complete in time, or came too slowly.
    body_timeout,
    /// The client took nothing, or too little, of its answers.
    write_timeout,
    /// The client has as many connections as one address may have.
    address_full,
    /// No PROXY header where each connection begins with one, or none in time.
    proxy_header,
    /// The peer of a WebSocket took too little of what was sent.
    websocket_backlog,
    /// Nothing was closed, but for want of a slot new connections were left waiting.
    slots_full,
    /// The same for want of a descriptor or of memory.
    descriptors_out,
};

pub const reasons_count = std.enums.values(Reason).len;

/// Words of a record: how many, and the address of the last one as IPv6, all zeros over a unix
/// socket and where nobody was accepted.
pub const record_words = 5;

/// `words` is the control block.
pub fn count(words: []u32, reason: Reason, peer: ?*const sys.Peer) void {
    words[abi.control.closings] +%= 1;
    const start = abi.control.closing_records + @intFromEnum(reason) * record_words;
    words[start] +%= 1;
    const bytes: [16]u8 = if (peer) |known| addressOf(known) else @splat(0);
    for (0..4) |index| {
        words[start + 1 + index] = std.mem.readInt(u32, bytes[index * 4 ..][0..4], .big);
    }
}

fn addressOf(peer: *const sys.Peer) [16]u8 {
    switch (peer.any.family) {
        std.posix.AF.INET6 => return peer.in6.addr,
        std.posix.AF.INET => {
            const in: [4]u8 = @bitCast(peer.in.addr);
            return [_]u8{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } ++ in;
        },
        else => return @splat(0),
    }
}

test "reasons are counted, and who was last" {
    var words: [abi.view.control_bytes / 4]u32 = @splat(0);
    const first = sys.parseAddress("192.0.2.7", 1).?.peer();
    const second = sys.parseAddress("2001:db8::8", 1).?.peer();
    count(&words, .body_timeout, &first);
    count(&words, .body_timeout, &second);
    count(&words, .head_timeout, &first);
    try std.testing.expectEqual(3, words[abi.control.closings]);
    const start = abi.control.closing_records;
    const head = words[start..][0..record_words];
    try std.testing.expectEqualSlices(u32, &.{ 1, 0, 0, 0xffff, 0xc000_0207 }, head);
    const body = words[start + record_words ..][0..record_words];
    try std.testing.expectEqualSlices(u32, &.{ 2, 0x2001_0db8, 0, 0, 8 }, body);
}
