//! Requests whose handler did not answer at once. Each has a slot with a copy of its bytes, so that
//! the handler may read a header after an `await` while the connection's buffers went back, and
//! even when the client has left. Answers that are ready behind a slow one wait here too.

const std = @import("std");
const abi = @import("abi.zig");
const limits = @import("limits.zig");
const batch_module = @import("batch.zig");
const body_module = @import("body.zig");
const metrics = @import("metrics.zig");
const notices = @import("notices.zig");
const sys = @import("sys.zig");
const websocket = @import("websocket.zig");
const Chunk = @import("output.zig").Chunk;
const Core = @import("core.zig").Core;
const Output = @import("output.zig").Output;
const Plan = @import("file.zig").Plan;

const assert = std.debug.assert;
const none = batch_module.none;
const Batch = batch_module.Batch;

/// An answer whose pieces come from JS one after the other.
pub const Stream = struct {
    framing: union(enum) {
        chunked,
        /// Bytes that are still owed of the promised length.
        length: u64,
        /// HTTP/1.0: the connection's end is the stream's.
        close,
    },
    /// JS waits until the client has taken what there is.
    drain_wanted: bool = false,
};

pub const Held = struct {
    /// Slab index; none while the dispatch runs that brought it, and once the client has left.
    connection: u32,
    /// The next request of the same connection.
    next: u32 = none,
    head_method: bool,
    keep_alive: bool,
    minor: u1,
    /// Its head asks for another protocol, and nothing is in the way of it.
    upgrade: bool = false,
    /// The WebSocket that its connection may become.
    websocket: u32 = none,
    /// The answer is the 101 of that.
    opens: bool = false,
    /// For metrics.
    started: metrics.Started = .{},
    /// What is encoded of the answer and waits for those before it.
    output: Output = .{},
    answer: union(enum) {
        /// None yet.
        awaited,
        /// Its head is encoded, and more comes.
        stream: Stream,
        whole,
        /// A stream that failed: what comes behind it cannot be told from its rest.
        broken,
    } = .awaited,
    /// The connection closes after this answer.
    close: bool = false,
    notice: notices.Link = .{},
    /// Record, head, decoded path and small body, in one block of exact size; null for an entry
    /// that was answered already and only waits for its turn.
    block: ?[]u8 = null,
    body: ?*body_module.Body = null,
    /// What `State.native` means for it.
    native: ?batch_module.Native = null,
    attached: ?*Chunk = null,
    plan: ?*Plan = null,
    peer: sys.Peer,

    const record_bytes = abi.request.words * 4;

    /// Copies what a record shows into a block.
    pub fn keep(held: *Held, core: *Core, index: u32) error{OutOfMemory}!void {
        const batch = &core.batch;
        const record = batch.record(index);
        const spans = ranges(record);
        var total: usize = record_bytes;
        for (spans) |span| total += span.len;
        const block = try core.request_memory.allocator().alloc(u8, total);
        @memcpy(block[0..record_bytes], std.mem.sliceAsBytes(record[0..]));
        var at: usize = record_bytes;
        for (spans) |span| {
            @memcpy(block[at..][0..span.len], batch.view[span.start..][0..span.len]);
            at += span.len;
        }
        held.block = block;
    }

    /// Of a request that awaits its answer.
    pub fn handler(held: *const Held) u32 {
        const word = held.block.?[abi.request.handler * 4 ..][0..4];
        return std.mem.bytesToValue(u32, word);
    }

    /// Puts the record and its bytes where JS can see them: record `batch_max`, bytes in the stage.
    pub fn stage(held: *const Held, batch: *const Batch) void {
        const block = held.block.?;
        const record = batch.record(limits.batch_max);
        @memcpy(std.mem.sliceAsBytes(record[0..]), block[0..record_bytes]);
        const spans = ranges(record);
        var moved: [ranges_count]u32 = undefined;
        var at: u32 = abi.view.stage;
        var from: usize = record_bytes;
        for (spans, &moved) |span, *to| {
            to.* = at;
            @memcpy(batch.view[at..][0..span.len], block[from..][0..span.len]);
            at += span.len;
            from += span.len;
        }
        rebase(record, spans, moved);
    }

    pub fn destroy(held: *Held, core: *Core) void {
        if (held.block) |block| core.request_memory.allocator().free(block);
        if (held.body) |body| body.destroy();
        if (held.attached) |attached| attached.destroy(&core.pool);
        if (held.plan) |plan| plan.destroy();
        if (held.websocket != none) websocket.end(core, held.websocket);
        held.output.clear(&core.pool);
        held.* = undefined;
    }

    const Range = struct { start: u32, len: u32 };
    const ranges_count = 4;

    /// The disjoint places in the view that a record points into: the head, a decoded path, the
    /// Allow value of a 405 or OPTIONS, the body.
    fn ranges(record: batch_module.Record) [ranges_count]Range {
        const r = abi.request;
        const escaped = record[r.method_flags] & abi.Flag.escaped != 0;
        const special = record[r.handler] >= abi.Special.first;
        const outside = record[r.method_flags] & abi.Flag.body_outside != 0;
        return .{
            .{ .start = record[r.head], .len = record[r.head_len] },
            if (escaped)
                .{ .start = record[r.path], .len = record[r.path_len] }
            else
                .{ .start = 0, .len = 0 },
            if (special)
                .{ .start = record[r.params], .len = record[r.params + 1] }
            else
                .{ .start = 0, .len = 0 },
            if (outside)
                .{ .start = 0, .len = 0 }
            else
                .{ .start = record[r.body], .len = record[r.body_len] },
        };
    }

    /// Points every span of the record at the place its bytes moved to.
    fn rebase(record: batch_module.Record, from: [ranges_count]Range, to: [ranges_count]u32) void {
        const r = abi.request;
        inline for (.{ r.head, r.path, r.target, r.query, r.authority, r.body }) |word| {
            record[word] = moveOne(record[word], from, to);
        }
        const pairs = if (record[r.handler] >= abi.Special.first) 1 else record[r.params_count];
        for (0..pairs) |index| {
            const word = r.params + 2 * index;
            record[word] = moveOne(record[word], from, to);
        }
    }

    fn moveOne(offset: u32, from: [ranges_count]Range, to: [ranges_count]u32) u32 {
        if (offset == 0) return 0;
        for (from, to) |range, moved| {
            if (range.len > 0 and offset >= range.start and offset <= range.start + range.len) {
                // A span that ends one range may begin at the start of the next: the one it lies in
                // wins.
                if (offset < range.start + range.len) return moved + (offset - range.start);
            }
        }
        // An empty span at the end of the head, such as an empty query.
        return to[0];
    }
};
