//! What JS is told of the requests that it holds, and of its WebSockets, at the end of each turn:
//! see `abi.Notice`. Slots with something to tell form a list, so nothing is allocated and nothing
//! is told twice.

const std = @import("std");
const abi = @import("abi.zig");
const batch_module = @import("batch.zig");
const Slab = @import("slab.zig").Slab;

const none = batch_module.none;

/// A slot's part of the list.
pub const Link = struct {
    bits: u32 = 0,
    next: u32 = none,
    previous: u32 = none,
};

/// `Item` has a `notice: Link`.
pub fn Notices(comptime Item: type) type {
    return struct {
        const Self = @This();

        first: u32 = none,
        last: u32 = none,

        pub fn add(notices: *Self, slots: *Slab(Item), slot: u32, bit: u32) void {
            const link = &slots.at(slot).notice;
            const listed = link.bits != 0;
            link.bits |= bit;
            if (listed) return;
            link.previous = notices.last;
            link.next = none;
            if (notices.last == none) {
                notices.first = slot;
            } else {
                slots.at(notices.last).notice.next = slot;
            }
            notices.last = slot;
        }

        /// The slot is freed, or has been told.
        pub fn remove(notices: *Self, slots: *Slab(Item), slot: u32) void {
            const link = &slots.at(slot).notice;
            if (link.bits == 0) return;
            if (link.previous == none) {
                notices.first = link.next;
            } else {
                slots.at(link.previous).notice.next = link.next;
            }
            if (link.next == none) {
                notices.last = link.previous;
            } else {
                slots.at(link.next).notice.previous = link.previous;
            }
            link.* = .{};
        }

        /// Writes as many as there is room for where JS reads them, behind those that it has not
        /// read; the next turn has the others.
        pub fn publish(notices: *Self, slots: *Slab(Item), batch: *const batch_module.Batch) void {
            const control = batch.control();
            var count = control[abi.control.notices_count];
            while (notices.first != none and count < abi.control.notices_max) : (count += 1) {
                const slot = notices.first;
                const at = abi.control.notices + count * abi.control.notice_words;
                control[at] = slot;
                control[at + 1] = slots.generationOf(slot);
                control[at + 2] = slots.at(slot).notice.bits;
                notices.remove(slots, slot);
            }
            control[abi.control.notices_count] = count;
        }
    };
}

const Held = @import("held.zig").Held;

test "each slot is told once, in order, and one that is freed not at all" {
    var slots: Slab(Held) = try .init(8);
    defer slots.deinit();
    const memory = try @import("sys.zig").mapMemory(abi.view.bytes);
    defer @import("sys.zig").unmapMemory(memory);
    const batch: batch_module.Batch = .{ .view = @alignCast(memory) };
    for (0..4) |_| slots.at(slots.acquire().?).notice = .{};
    var notices: Notices(Held) = .{};
    notices.add(&slots, 2, abi.Notice.drained);
    notices.add(&slots, 0, abi.Notice.readable);
    notices.add(&slots, 3, abi.Notice.gone);
    notices.add(&slots, 2, abi.Notice.gone);
    notices.remove(&slots, 0);
    notices.publish(&slots, &batch);
    const control = batch.control();
    try std.testing.expectEqual(2, control[abi.control.notices_count]);
    const words = control[abi.control.notices..];
    try std.testing.expectEqual(2, words[0]);
    try std.testing.expectEqual(abi.Notice.drained | abi.Notice.gone, words[2]);
    try std.testing.expectEqual(3, words[3]);
    // Not read yet, as when the server ends between two turns.
    notices.add(&slots, 1, abi.Notice.gone);
    notices.publish(&slots, &batch);
    try std.testing.expectEqual(3, control[abi.control.notices_count]);
    try std.testing.expectEqual(1, words[6]);
}
