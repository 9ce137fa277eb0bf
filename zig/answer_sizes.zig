//! How large the answers of each route are, by experience: a client that asks for many at once and
//! reads none would otherwise have all of them made. `delivery.zig` tells, `connection.zig` asks.

const std = @import("std");
const limits = @import("limits.zig");
const Outcome = @import("router.zig").Outcome;

pub const AnswerSizes = struct {
    /// By the last bits of the handler's number: routes that share a place are taken for the larger
    /// of them, which costs their clients a batch more.
    bytes: [places]u32 = @splat(0),

    const places = 1024;

    /// What an answer to this request will have to hold in memory.
    pub fn of(sizes: *const AnswerSizes, outcome: *const Outcome) u64 {
        if (outcome.constant) |constant| return constant.body.len;
        return sizes.bytes[outcome.handler % places];
    }

    /// Up at once and down slowly, a thousandth with each: small answers in between do not hide the
    /// large ones.
    pub fn learn(sizes: *AnswerSizes, handler: u32, bytes: usize) void {
        const size = &sizes.bytes[handler % places];
        const seen: u32 = @intCast(@min(bytes, limits.answer_bytes_max));
        if (size.* == seen) return;
        size.* = @max(seen, size.* - size.* / 1024);
    }
};

test "sizes go up at once and down slowly" {
    var sizes: AnswerSizes = .{};
    sizes.learn(7, 1_000_000);
    for (0..100) |_| sizes.learn(7, 10);
    try std.testing.expect(sizes.bytes[7] > 900_000);
    for (0..100_000) |_| sizes.learn(7, 10);
    try std.testing.expect(sizes.bytes[7] < 1100);
}
