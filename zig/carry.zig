//! What came of a request that is not complete, between two reads: bytes of a head, or of what may
//! not be dispatched yet. `connection.zig` owns it.

const std = @import("std");
const Core = @import("core.zig").Core;
const Parser = @import("http/parser.zig").Parser;

/// Received bytes of an unfinished head, with the parser's place in them.
pub const Carry = struct {
    parser: Parser,
    block_len: u32,
    len: u32,

    const header_bytes = std.mem.alignForward(usize, @sizeOf(Carry), 16);

    pub fn bytes(carry: *Carry) []u8 {
        const base: [*]u8 = @ptrCast(carry);
        return base[header_bytes..][0..carry.len];
    }

    pub fn create(
        core: *Core,
        content: []const u8,
        parser: Parser,
    ) error{OutOfMemory}!*Carry {
        const block = core.pool.acquire(@intCast(header_bytes + content.len)) orelse
            return error.OutOfMemory;
        const carry: *Carry = @ptrCast(@alignCast(block.ptr));
        carry.* = .{
            .parser = parser,
            .block_len = @intCast(block.len),
            .len = @intCast(content.len),
        };
        @memcpy(carry.bytes(), content);
        return carry;
    }

    pub fn destroy(carry: *Carry, core: *Core) void {
        const base: [*]align(16) u8 = @ptrCast(@alignCast(carry));
        core.pool.release(base[0..carry.block_len]);
    }
};
