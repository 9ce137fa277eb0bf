//! One worker's server: ties reactor, connections, batch, router and timers together, and moves the
//! bytes between them. One call, `turn`, does everything; JS is entered once per batch. Called
//! through `c/server.zig`; generic over the reactor, so that tests drive the same code with a
//! simulated one.
//!
//! Shutdown, in this order: 1 `drain` stops accepting and gives idle connections a last while;
//! 2 turns go on until the last answer is sent, each saying `Connection: close`, and no connection
//! is left; 3 `deinit` closes those that are, then frees the connections' memory, held requests,
//! the view, and last the reactor.

const std = @import("std");
const abi = @import("abi.zig");
const acceptor = @import("acceptor.zig");
const batch_module = @import("batch.zig");
const answer_stream = @import("answer_stream.zig");
const body_stream = @import("body_stream.zig");
const connection_module = @import("connection.zig");
const core_module = @import("core.zig");
const deadline_module = @import("deadline.zig");
const delivery = @import("delivery.zig");
const sending = @import("sending.zig");
const late_module = @import("late.zig");
const date_module = @import("http/date.zig");
const limits = @import("limits.zig");
const metrics = @import("metrics.zig");
const reactor_module = @import("reactor.zig");
const sys = @import("sys.zig");
const websocket = @import("websocket.zig");
const Router = @import("router.zig").Router;

const assert = std.debug.assert;
const Connection = connection_module.Connection;
const Core = core_module.Core;

/// Called once per batch with the number of records. JS answers them in the response records.
pub const Dispatch = *const fn (count: u32) callconv(.c) void;

pub fn Server(comptime Reactor: type) type {
    reactor_module.check(Reactor);
    return struct {
        const Self = @This();

        core: Core,
        reactor: Reactor,
        dispatch: Dispatch,
        listeners: std.ArrayList(acceptor.Listener) = .empty,
        /// Accepting is off until this time, for want of descriptors or slots.
        accept_again_ms: ?u64 = null,
        /// When it was turned off last.
        paused_ms: ?u64 = null,
        in_turn: bool = false,
        date_second: i64 = 0,
        /// Connections that died in this turn: their slots are freed at its end, since events of
        /// the same batch may still name them.
        dead: std.ArrayList(u32) = .empty,
        /// Connections with late answers to be sent.
        dirty: std.ArrayList(u32) = .empty,
        /// What was received in this round and is not parsed yet. The kernel's code and ours evict
        /// each other from the cache, so a round first receives everything, then parses everything,
        /// and a batch is encoded whole before it is sent: a fifth less user time for each request.
        received: [reactor_module.events_max]Received = undefined,
        received_count: u32 = 0,
        /// Their bytes, and what may be allocated beside them.
        received_bytes: u32 = 0,
        /// Encoded answers: a segment for each connection, the last one still growing.
        out: [out_bytes]u8 = undefined,
        out_len: usize = 0,
        out_start: usize = 0,
        segments: [limits.batch_max]Segment = undefined,
        segments_count: u32 = 0,

        const Received = struct { connection: u32, start: u32, len: u32 };
        pub const Segment = struct { connection: u32, start: u32, end: u32 };

        const out_bytes = 128 * 1024;

        pub fn init(
            self: *Self,
            allocator: std.mem.Allocator,
            config: core_module.Config,
            router: *Router,
            view: []align(4096) u8,
            reactor: Reactor,
            dispatch: Dispatch,
        ) sys.MapError!void {
            self.* = .{
                .core = .{
                    .allocator = allocator,
                    .request_memory = .init(allocator, config.pending_bytes_max),
                    .config = config,
                    .parser_limits = .{
                        .head_bytes_max = config.head_bytes_max,
                        .target_bytes_max = @min(limits.target_bytes_max, config.head_bytes_max),
                        .fields_max = config.fields_max,
                    },
                    .router = router,
                    .batch = .{ .view = view },
                    .pool = .init(limits.pool_free_bytes_max),
                    .connections = try .init(config.slab_capacity),
                    .held = try .init(config.heldSlots()),
                    .websockets = try .init(config.websocketSlots()),
                    .timers = try .init(config.slab_capacity, reactor.nowMs()),
                    .addresses = if (config.connections_per_address > 0)
                        try .init(config.slab_capacity, sys.monotonicNs() ^ @intFromPtr(self))
                    else
                        null,
                },
                .reactor = reactor,
                .dispatch = dispatch,
            };
            self.refreshClock();
        }

        pub fn deinit(self: *Self) void {
            const core = &self.core;
            acceptor.close(self);
            self.listeners.deinit(core.allocator);
            var connections = core.connections.iterate();
            while (connections.next()) |index| {
                const connection = core.connections.at(index);
                if (!connection.dead) self.reactor.close(connection.fd, .end);
                connection_module.release(core, connection);
            }
            var held = core.held.iterate();
            while (held.next()) |slot| core.held.at(slot).destroy(core);
            metrics.forget(core);
            core.connections.deinit();
            core.held.deinit();
            core.websockets.deinit();
            core.resumable.deinit(core.allocator);
            self.dead.deinit(core.allocator);
            self.dirty.deinit(core.allocator);
            core.timers.deinit();
            if (core.addresses) |*table| table.deinit();
            core.pool.deinit();
            self.reactor.deinit();
        }

        /// Everything that can be done now. `may_wait`: for a millisecond at most when nothing can.
        /// Returns how much was done: 0 means quiet.
        pub fn turn(self: *Self, may_wait: bool) error{ReEntered}!u32 {
            if (self.in_turn) return error.ReEntered;
            self.in_turn = true;
            defer self.in_turn = false;
            metrics.turnBegan(&self.core);
            defer metrics.turnEnded(&self.core);
            var done = late_module.flushLate(self);
            var wait = may_wait and done == 0;
            for (0..limits.rounds_max) |_| {
                const count = self.round(wait);
                done += count;
                wait = false;
                // After a single event another poll would find nothing; and handlers that wait need
                // the script's microtasks.
                if (count <= 1 or self.core.held.count > 0) break;
            }
            self.publish();
            // Notices that found no room come with the next turn, which must not wait, and so do
            // bytes that became free to be looked at when answers were sent.
            const left = self.core.notices.first != batch_module.none or
                self.core.websocket_notices.first != batch_module.none or
                self.core.resumable.items.len > 0;
            return if (left) done + 1 else done;
        }

        fn round(self: *Self, wait: bool) u32 {
            var storage: [reactor_module.events_max]reactor_module.Event = undefined;
            const events = self.reactor.poll(&storage, wait) catch storage[0..0];
            self.refreshClock();
            metrics.roundBegan(&self.core);
            // Connections come in any order and from cold memory: fetched ahead, they arrive
            // together.
            for (events) |event| self.core.connections.prefetch(@truncate(event.token));
            var accepting = false;
            for (events) |event| {
                if (acceptor.isListener(event.token)) accepting = true else self.handle(event);
            }
            self.parseReceived();
            if (accepting) for (events) |event| {
                if (acceptor.isListener(event.token)) acceptor.acceptReady(self, event.token);
            };
            const expired_count = self.expire();
            self.settle();
            sending.flushDirty(self);
            self.freeDead();
            return @as(u32, @intCast(events.len)) + expired_count;
        }

        /// What JS wants to know without asking.
        pub fn publish(self: *Self) void {
            self.publishCounts();
            const core = &self.core;
            core.notices.publish(&core.held, &core.batch);
            core.websocket_notices.publish(&core.websockets, &core.batch);
        }

        pub fn publishCounts(self: *Self) void {
            const control = self.core.batch.control();
            control[abi.control.connections_open] = self.core.connections.count;
            control[abi.control.requests_pending] = self.core.held.count;
            control[abi.control.websockets_open] = self.core.websockets.count;
        }

        fn refreshClock(self: *Self) void {
            self.core.now_ms = self.reactor.nowMs();
            const seconds = self.reactor.seconds();
            if (seconds == self.date_second) return;
            self.date_second = seconds;
            date_module.format(&self.core.date, @intCast(@max(seconds, 0)));
        }

        /// Before sleep: the next deadline becomes readiness of the reactor's descriptor.
        pub fn setAlarm(self: *Self) void {
            metrics.rested(&self.core);
            const timer = self.core.timers.nextDeadline();
            const again = self.accept_again_ms orelse return self.reactor.setAlarm(timer);
            self.reactor.setAlarm(@min(again, timer orelse again));
        }

        // Shutdown.

        /// See the shutdown order above. A connection between two requests is closed when it was
        /// idle for `idle_ms` more, so that a request that is on its way is still answered. The
        /// next turn frees the slots: a connection that it has to take up may be among them.
        /// WebSockets are told that we go.
        pub fn drain(self: *Self, idle_ms: u32, ending: acceptor.Ending) void {
            const core = &self.core;
            self.refreshClock();
            acceptor.stop(self, ending);
            core.draining = true;
            core.config.idle_timeout_ms = @min(core.config.idle_timeout_ms, idle_ms);
            var connections = core.connections.iterate();
            while (connections.next()) |index| {
                const connection = core.connections.at(index);
                if (connection.dead) continue;
                if (connection.phase == .websocket) {
                    websocket.close(self, connection.websocket, websocket.going_away, "");
                }
                if (!connection.isIdle()) continue;
                deadline_module.choose(core, connection);
                self.afterStep(connection);
            }
        }

        /// Closes every connection, answered or not.
        pub fn end(self: *Self) void {
            acceptor.close(self);
            var connections = self.core.connections.iterate();
            while (connections.next()) |index| self.destroy(self.core.connections.at(index));
            // Late answers that were taken between turns may have left some.
            self.core.resumable.clearRetainingCapacity();
            self.dirty.clearRetainingCapacity();
            self.freeDead();
            self.publish();
        }

        // Events.

        pub fn tokenOf(self: *Self, index: u32) reactor_module.Token {
            return @as(u64, self.core.connections.generationOf(index)) << 32 | index;
        }

        fn handle(self: *Self, event: reactor_module.Event) void {
            const index: u32 = @truncate(event.token);
            const generation: u32 = @intCast(event.token >> 32);
            const connection = self.core.connections.get(index, generation) orelse return;
            if (connection.dead) return;
            // A reset takes answers with it; a peer that only closed may still read them.
            if (event.failed and !event.readable) return self.destroy(connection);
            if (event.writable) {
                sending.flush(self, connection);
                if (connection.dead) return;
            }
            if (event.readable) self.read(connection);
        }

        fn read(self: *Self, connection: *Connection) void {
            if (connection.phase == .lingering) return self.discard(connection);
            if (connection.phase == .streaming) return body_stream.readable(self, connection);
            // Whoever gets a stream may leave at any time, also where nothing more is read.
            if (connection.phase == .closing and answer_stream.active(self, connection)) {
                return self.discard(connection);
            }
            if (!connection.wantsRead() or
                connection.backlog() >= self.core.config.output_backlog_max)
            {
                // It is turned on again when what it waits for has come.
                return self.watch(connection, false, connection.watched.write);
            }
            const more = switch (connection.phase) {
                .body => self.readBody(connection),
                .websocket => websocket.readMessage(self, connection),
                else => null,
            };
            if (more orelse self.readBytes(connection)) self.afterStep(connection);
        }

        /// Parses what this round has received.
        fn parseReceived(self: *Self) void {
            const core = &self.core;
            for (self.received[0..self.received_count]) |received| {
                const connection = core.connections.at(received.connection);
                if (connection.dead) continue;
                const bytes = core.batch.view[received.start..][0..received.len];
                connection_module.process(core, connection, bytes);
                self.afterStep(connection);
            }
            self.received_count = 0;
            self.received_bytes = 0;
        }

        /// Into the body's own memory. Null: the bytes have to be looked at first. False: nothing
        /// more to do for this connection.
        fn readBody(self: *Self, connection: *Connection) ?bool {
            const room = connection.body.?.writable() catch {
                const problem = connection_module.out_of_memory;
                connection_module.lastProblem(&self.core, connection, problem);
                return true;
            } orelse return null;
            const count = self.receive(connection, room) orelse return false;
            connection_module.receivedBody(&self.core, connection, count);
            return true;
        }

        /// Into the request arena, behind what was carried over, to be parsed when all connections
        /// were read. False: nothing follows for this connection now.
        fn readBytes(self: *Self, connection: *Connection) bool {
            const core = &self.core;
            const carried = if (connection.carry) |carry| carry.len else 0;
            const read_bytes = connection_module.readBytes(core, connection);
            // Decoded paths, bodies and Allow values of these bytes must fit too.
            const wanted = 3 * (carried + read_bytes) + 4096;
            if (core.batch.remaining() < wanted + 2 * self.received_bytes) {
                self.parseReceived();
                self.settle();
            }
            if (connection.dead or connection.gated) return false;
            const size = carried + read_bytes;
            const room = core.batch.view[core.batch.top..][0..size];
            if (connection.carry) |carry| @memcpy(room[0..carried], carry.bytes());
            const count = self.receive(connection, room[carried..]) orelse return false;
            const bytes = core.batch.allocate(@intCast(carried + count)).?;
            self.received[self.received_count] = .{
                .connection = connection.index,
                .start = core.batch.offsetOf(bytes.ptr),
                .len = @intCast(bytes.len),
            };
            self.received_count += 1;
            self.received_bytes += @intCast(bytes.len + 4096);
            return false;
        }

        pub fn receive(self: *Self, connection: *Connection, room: []u8) ?usize {
            const count = self.reactor.receive(connection.fd, room) catch |reason| {
                switch (reason) {
                    error.WouldBlock, error.OutOfMemory => {},
                    error.ConnectionReset, error.Unexpected => self.destroy(connection),
                }
                return null;
            };
            metrics.count(&self.core, .received_bytes, count);
            if (count > 0) return count;
            self.endOfStream(connection);
            return null;
        }

        /// The peer sends nothing more; what it asked for is still answered.
        fn endOfStream(self: *Self, connection: *Connection) void {
            connection.read_closed = true;
            const answered = connection.unanswered == 0 and connection.output.bytes == 0;
            // A stream may have no end: it ends with its reader.
            if (answered or answer_stream.active(self, connection)) {
                return self.destroy(connection);
            }
            connection.phase = .closing;
            self.watch(connection, false, connection.watched.write);
        }

        /// Reads what the peer still sends after our end, so that the kernel has no reason for a
        /// reset that could overtake the last answer (RFC 9112 9.6).
        fn discard(self: *Self, connection: *Connection) void {
            _ = self.receive(connection, &self.out);
        }

        /// What follows from the connection's state after bytes or answers moved.
        pub fn afterStep(self: *Self, connection: *Connection) void {
            if (connection.dead) return;
            if (connection.output.bytes > 0 and !connection.watched.write) {
                sending.flush(self, connection);
            }
            if (connection.dead or connection.unanswered > 0 or connection.output.bytes > 0) return;
            // Idle connections are given no time.
            const at_once = self.core.draining and self.core.config.idle_timeout_ms == 0;
            if (at_once and connection.isIdle()) connection.phase = .closing;
            if (connection.phase == .closing) self.linger(connection);
        }

        fn linger(self: *Self, connection: *Connection) void {
            if (connection.read_closed or connection.end_kind == .reset) {
                return self.destroy(connection);
            }
            self.reactor.shutdownWrite(connection.fd) catch return self.destroy(connection);
            connection.phase = .lingering;
            deadline_module.choose(&self.core, connection);
            self.watch(connection, true, false);
        }

        pub fn watch(
            self: *Self,
            connection: *Connection,
            read_wanted: bool,
            write_wanted: bool,
        ) void {
            const interest: reactor_module.Interest = .{
                .read = read_wanted,
                .write = write_wanted,
            };
            if (std.meta.eql(connection.watched, interest)) return;
            connection.watched = interest;
            self.reactor.modify(connection.fd, self.tokenOf(connection.index), interest) catch {
                self.destroy(connection);
            };
        }

        /// The descriptor goes at once, the slot at the end of the turn. Requests that a handler
        /// still works on keep their copies until it settles.
        pub fn destroy(self: *Self, connection: *Connection) void {
            if (connection.dead) return;
            connection.dead = true;
            self.reactor.close(connection.fd, connection.end_kind);
            late_module.detachHeld(self, connection);
            connection_module.release(&self.core, connection);
            self.dead.appendAssumeCapacity(connection.index);
        }

        fn freeDead(self: *Self) void {
            if (self.dead.items.len == 0) return;
            for (self.dead.items) |index| self.core.connections.release(index);
            self.dead.clearRetainingCapacity();
            if (self.accept_again_ms != null) acceptor.resumeAccepting(self);
        }

        // Deadlines.

        fn expire(self: *Self) u32 {
            const core = &self.core;
            const before = core.timers.count;
            if (self.accept_again_ms) |at| if (at <= core.now_ms) acceptor.resumeAccepting(self);
            core.timers.advance(core.now_ms, self, expired);
            return before -| core.timers.count;
        }

        fn expired(self: *Self, index: u32) void {
            deadline_module.fired(self, index);
        }

        // Dispatch.

        /// Dispatches what the batch holds, and what became possible by that, until nothing is
        /// left.
        fn settle(self: *Self) void {
            const core = &self.core;
            while (true) {
                // Reads that complete no request use up the arena too.
                if (core.batch.entries_count > 0) self.dispatchBatch() else core.batch.reset();
                if (core.resumable.items.len == 0) return;
                var list = core.resumable;
                core.resumable = .empty;
                defer list.deinit(core.allocator);
                for (list.items) |index| {
                    const connection = core.connections.at(index);
                    connection.queued = false;
                    if (!connection.dead) self.takeUp(connection);
                }
            }
        }

        /// Goes on with the bytes that a gated connection carries.
        fn takeUp(self: *Self, connection: *Connection) void {
            const core = &self.core;
            if (!connection.gated or !connection_module.mayDispatch(core, connection)) {
                // `flushLate` or `flush` tries again when an answer or room has come; a batch that
                // is full is emptied by the loop in `settle`.
                if (core.batch.full()) connection_module.resumeLater(core, connection);
                return;
            }
            const carried = if (connection.carry) |carry| carry.len else 0;
            if (core.batch.remaining() < 3 * carried + 2 * core.config.head_bytes_max + 4096) {
                return connection_module.resumeLater(core, connection);
            }
            const bytes = core.batch.allocate(carried).?;
            if (connection.carry) |carry| @memcpy(bytes, carry.bytes());
            const before = core.batch.entries_count;
            connection_module.process(core, connection, bytes);
            // Held answers are awaited: trying at once would not end.
            if (connection.gated and core.batch.entries_count == before and !core.batch.full()) {
                connection.queued = false;
                _ = core.resumable.pop();
            }
            if (!connection.gated and connection.wantsRead()) {
                self.watch(connection, true, connection.watched.write);
            }
            self.afterStep(connection);
        }

        fn dispatchBatch(self: *Self) void {
            const core = &self.core;
            const batch = &core.batch;
            for (0..batch.records_count) |index| {
                batch.response(@intCast(index))[abi.response.state] = abi.State.unanswered;
            }
            metrics.batchBegan(core);
            if (batch.records_count > 0) self.dispatch(batch.records_count);
            var at: u32 = 0;
            while (at < batch.entries_count) {
                const connection = core.connections.at(batch.entries[at].connection);
                while (at < batch.entries_count) : (at += 1) {
                    const entry = &batch.entries[at];
                    if (entry.connection != connection.index) break;
                    delivery.finishEntry(self, connection, entry);
                }
                sending.endSegment(self, connection);
            }
            sending.sendSegments(self);
            metrics.sent(core);
            batch.reset();
        }
    };
}
