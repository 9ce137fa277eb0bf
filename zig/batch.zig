//! The requests of one dispatch: their bytes and records in the view, and what native code
//! remembers of each until its answer is encoded. Filled by `connection.zig`, emptied by
//! `server.zig`.

const std = @import("std");
const abi = @import("abi.zig");
const limits = @import("limits.zig");
const body = @import("body.zig");
const metrics = @import("metrics.zig");
const router = @import("router.zig");
const Chunk = @import("output.zig").Chunk;
const Plan = @import("file.zig").Plan;

const assert = std.debug.assert;

/// An error in the words of RFC 9457.
pub const Problem = struct {
    status: u16,
    code: []const u8,
    /// Methods for the Allow field of a 405, a bit for each id; 0 writes none.
    allow: u32 = 0,
    /// Send Allow even when it is empty (RFC 9110 15.5.6: a 405 has the field always).
    with_allow: bool = false,
};

/// An answer that needs no JS.
pub const Native = union(enum) {
    constant: *const router.Constant,
    problem: Problem,
    /// Automatic OPTIONS: 204 with these methods.
    options: u32,
    /// Lies in the arena.
    file: *const FileRequest,
};

/// A request that a file answers: what its answer depends on.
pub const FileRequest = struct {
    route: *const router.FileRoute,
    /// Below the root.
    path: []const u8,
    /// Field lines.
    fields: []const u8,
};

pub const Answer = union(enum) {
    /// Record index: JS answers.
    handler: u32,
    native: Native,
    /// Of a WebSocket: nobody does.
    message,
};

pub const Entry = struct {
    connection: u32,
    answer: Answer,
    head_method: bool = false,
    keep_alive: bool = true,
    minor: u1 = 1,
    /// For metrics.
    started: metrics.Started = .{},
    /// What `State.native` means for a request that JS answers.
    native: ?Native = null,
    /// The slot that `hold` gave this request, or none.
    slot: u32 = none,
    /// The head asks for another protocol, and nothing is in the way of it.
    upgrade: bool = false,
    /// A body that did not fit into the view; the entry owns it.
    body: ?*body.Body = null,
    /// A large answer that JS handed over; the entry owns it.
    attached: ?*Chunk = null,
    /// A file that JS answers with; the entry owns the plan.
    plan: ?*Plan = null,
    /// A message that did not fit into the view, memory of `core.request_memory`; the entry owns
    /// it.
    message: []u8 = &.{},
};

pub const none = std.math.maxInt(u32);

/// Words of one request record.
pub const Record = *[abi.request.words]u32;

pub const Batch = struct {
    view: []align(4096) u8,
    entries: [limits.batch_max]Entry = undefined,
    entries_count: u32 = 0,
    records_count: u32 = 0,
    /// Entries that are no requests.
    messages_count: u32 = 0,
    /// Entry of each record.
    record_entries: [limits.batch_max]u16 = undefined,
    /// Next free byte of the request arena, from the start of the view.
    top: u32 = abi.view.request_arena,

    const arena_end = abi.view.request_arena + limits.request_arena_bytes;

    pub fn full(batch: *const Batch) bool {
        return batch.entries_count == limits.batch_max;
    }

    pub fn remaining(batch: *const Batch) u32 {
        return arena_end - batch.top;
    }

    /// Bytes from the arena, or null when it is exhausted until the next dispatch.
    pub fn allocate(batch: *Batch, len: u32) ?[]u8 {
        const rounded = std.mem.alignForward(u32, len, 16);
        if (rounded > batch.remaining()) return null;
        const start = batch.top;
        batch.top += rounded;
        return batch.view[start..][0..len];
    }

    /// Offset in the view of bytes that lie in it.
    pub fn offsetOf(batch: *const Batch, bytes: [*]const u8) u32 {
        const offset = @intFromPtr(bytes) - @intFromPtr(batch.view.ptr);
        assert(offset <= batch.view.len);
        return @intCast(offset);
    }

    pub fn contains(batch: *const Batch, bytes: []const u8) bool {
        const start = @intFromPtr(batch.view.ptr);
        const at = @intFromPtr(bytes.ptr);
        return at >= start and at + bytes.len <= start + batch.view.len;
    }

    pub fn append(batch: *Batch, entry: Entry) *Entry {
        assert(!batch.full());
        const slot = &batch.entries[batch.entries_count];
        slot.* = entry;
        batch.entries_count += 1;
        return slot;
    }

    /// A record for the entry that is appended next.
    pub fn nextRecord(batch: *Batch) struct { index: u32, words: Record } {
        const index = batch.records_count;
        batch.record_entries[index] = @intCast(batch.entries_count);
        batch.records_count += 1;
        return .{ .index = index, .words = batch.record(index) };
    }

    pub fn record(batch: *const Batch, index: u32) Record {
        assert(index <= limits.batch_max);
        const at = abi.view.requests + index * abi.request.words * 4;
        return @ptrCast(@alignCast(batch.view[at..].ptr));
    }

    pub fn response(batch: *const Batch, index: u32) *[abi.response.words]u32 {
        const at = abi.view.responses + index * abi.response.words * 4;
        return @ptrCast(@alignCast(batch.view[at..].ptr));
    }

    pub fn late(batch: *const Batch, index: u32) *[abi.response.words]u32 {
        const at = abi.view.late + index * abi.response.words * 4;
        return @ptrCast(@alignCast(batch.view[at..].ptr));
    }

    pub fn control(batch: *const Batch) *[abi.view.control_bytes / 4]u32 {
        return @ptrCast(@alignCast(batch.view[abi.view.control..].ptr));
    }

    pub fn entryOfRecord(batch: *Batch, index: u32) ?*Entry {
        if (index >= batch.records_count) return null;
        return &batch.entries[batch.record_entries[index]];
    }

    /// Forget everything; the entries' blocks were taken or freed before.
    pub fn reset(batch: *Batch) void {
        batch.entries_count = 0;
        batch.records_count = 0;
        batch.messages_count = 0;
        batch.top = abi.view.request_arena;
    }
};
