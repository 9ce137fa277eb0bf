//! The server's part of the library's C interface: thin, and tested through the same functions that
//! JS calls. `src/native/symbols.ts` declares them once more; a test holds the two together.

const std = @import("std");
const builtin = @import("builtin");
const abi = @import("../abi.zig");
const acceptor = @import("../acceptor.zig");
const core_module = @import("../core.zig");
const late_module = @import("../late.zig");
const fields = @import("../http/fields.zig");
const limits = @import("../limits.zig");
const listener_module = @import("../listener.zig");
const reactor = @import("../reactor.zig");
const server_module = @import("../server.zig");
const sys = @import("../sys.zig");
const Chunk = @import("../output.zig").Chunk;
const Held = @import("../held.zig").Held;
const Plan = @import("../file.zig").Plan;
const Router = @import("../router.zig").Router;
const wakeup_module = @import("../wakeup.zig");
const Wakeup = wakeup_module.Wakeup;

const Code = abi.Code;
const Implementation = server_module.Server(reactor.Native);

/// Field names that JS has asked for, so that a look-up passes a number instead of text.
const names_max = 256;
const name_bytes_max = 64;

pub const Server = struct {
    implementation: Implementation,
    view: sys.Memory,
    wakeup: ?Wakeup = null,
    server_name: [name_bytes_max]u8 = undefined,
    names: [names_max][]const u8 = undefined,
    names_count: u32 = 0,
    unix_path: ?[:0]u8 = null,

    /// The request whose bytes are in the stage.
    staged_slot: u32 = std.math.maxInt(u32),
    staged_generation: u32 = 0,

    fn stagedRequest(self: *Server) ?*Held {
        return self.implementation.core.held.get(self.staged_slot, self.staged_generation);
    }

    fn replaceWakeup(self: *Server, created: Wakeup) i32 {
        if (self.wakeup) |*before| before.destroy();
        self.wakeup = created;
        return @intCast(@intFromEnum(created.kind()));
    }

    pub fn control(self: *Server) *[abi.view.control_bytes / 4]u32 {
        return self.implementation.core.batch.control();
    }
};

const allocator = std.heap.c_allocator;
const invalid = @intFromEnum(Code.invalid_argument);

/// Returns the handle, 0 when memory or descriptors ran out. The view starts at
/// `chopin_server_view`.
pub fn create(
    config: *const core_module.Config,
    router: *Router,
    dispatch: server_module.Dispatch,
) callconv(.c) ?*Server {
    return createOrError(config, router, dispatch) catch null;
}

fn createOrError(
    config: *const core_module.Config,
    router: *Router,
    dispatch: server_module.Dispatch,
) !*Server {
    const self = try allocator.create(Server);
    errdefer allocator.destroy(self);
    const view = try sys.mapMemory(abi.view.bytes);
    errdefer sys.unmapMemory(view);
    const choice = std.enums.fromInt(reactor.Choice, config.reactor) orelse .auto;
    var events: reactor.Native = try .open(choice);
    errdefer events.deinit();
    self.* = .{ .implementation = undefined, .view = view };
    try self.implementation.init(allocator, config.*, router, @alignCast(view), events, dispatch);
    return self;
}

/// The `reactor.Kind` that is used, whatever was asked for.
pub fn reactorOf(self: *Server) callconv(.c) u32 {
    return @intFromEnum(self.implementation.reactor.kind());
}

pub fn viewOf(self: *Server) callconv(.c) [*]u8 {
    return self.view.ptr;
}

/// Frees everything but the view's addresses: JS still has its typed arrays over them, so only the
/// pages are given back.
pub fn destroy(self: *Server) callconv(.c) i32 {
    if (self.implementation.in_turn) return @intFromEnum(Code.re_entered);
    if (self.wakeup) |*wakeup| wakeup.destroy();
    self.implementation.deinit();
    for (self.names[0..self.names_count]) |name| allocator.free(name);
    if (self.unix_path) |path| {
        sys.unlink(path);
        allocator.free(path);
    }
    sys.discardMemory(self.view);
    allocator.destroy(self);
    return 0;
}

/// Value of the Server field; empty: none.
pub fn setName(self: *Server, name: ?[*]const u8, len: u32) callconv(.c) i32 {
    if (len > name_bytes_max) return invalid;
    if (len > 0) @memcpy(self.server_name[0..len], name.?[0..len]);
    self.implementation.core.server_name = self.server_name[0..len];
    return 0;
}

/// Other routes from now on (`bun --hot`); the old router may be destroyed after.
pub fn setRouter(self: *Server, router: *Router) callconv(.c) i32 {
    if (self.implementation.in_turn) return @intFromEnum(Code.re_entered);
    self.implementation.core.router = router;
    return 0;
}

/// Binds and listens. The port that was given is in `control.result[0]`, the length of the
/// numeric address in `result[1]`, its text at the start of the stage.
pub fn listenTcp(
    self: *Server,
    host: ?[*]const u8,
    host_len: u32,
    port: u32,
    backlog: u32,
) callconv(.c) i32 {
    const name = if (host) |text| text[0..host_len] else "";
    const bound = listener_module.bindTcp(name, @intCast(port), @intCast(backlog)) catch |reason|
        return codeOf(reason);
    acceptor.listen(&self.implementation, bound.fd) catch |reason| {
        sys.close(bound.fd);
        return codeOf(reason);
    };
    var text: [sys.Peer.text_max]u8 = undefined;
    const address = bound.address.writeText(&text);
    @memcpy(self.view[abi.view.stage..][0..address.len], address);
    self.control()[abi.control.result] = bound.address.port();
    self.control()[abi.control.result + 1] = @intCast(address.len);
    return 0;
}

/// Binds a socket in the file system, or an abstract one after a NUL. The file goes with the
/// server.
pub fn listenUnix(self: *Server, path: [*]const u8, len: u32, backlog: u32) callconv(.c) i32 {
    const fd = listener_module.bindUnix(path[0..len], @intCast(backlog)) catch |reason|
        return codeOf(reason);
    acceptor.listen(&self.implementation, fd) catch |reason| {
        sys.close(fd);
        return codeOf(reason);
    };
    if (path[0] != 0) self.unix_path = allocator.dupeZ(u8, path[0..len]) catch null;
    return 0;
}

pub fn codeOf(reason: anyerror) i32 {
    const code: Code = switch (reason) {
        error.AddressInUse => .address_in_use,
        error.PermissionDenied => .permission_denied,
        error.AddressUnavailable, error.AddressFamilyUnsupported => .address_unavailable,
        error.InvalidHost, error.InvalidPath, error.PathUnusable => .invalid_host,
        error.TooManyDescriptors => .too_many_descriptors,
        error.OutOfMemory => .out_of_memory,
        else => .system,
    };
    return @intFromEnum(code);
}

/// Stops accepting and closes connections that are idle for `idle_ms`; turns go on until
/// `connections_open` is 0. `ending` as in `acceptor.zig`.
pub fn drain(self: *Server, idle_ms: u32, ending: u32) callconv(.c) i32 {
    if (self.implementation.in_turn) return @intFromEnum(Code.re_entered);
    const wanted = std.enums.fromInt(acceptor.Ending, ending) orelse return invalid;
    self.implementation.drain(idle_ms, wanted);
    return 0;
}

/// Closes every connection now. Requests that handlers still work on stay readable until their late
/// answers come; then `destroy` may be called.
pub fn end(self: *Server) callconv(.c) i32 {
    if (self.implementation.in_turn) return @intFromEnum(Code.re_entered);
    self.implementation.end();
    return 0;
}

/// See `server.zig`. `may_wait` is 0 or 1. Negative: called while a turn runs.
pub fn turn(self: *Server, may_wait: u32) callconv(.c) i32 {
    const done = self.implementation.turn(may_wait != 0) catch return @intFromEnum(Code.re_entered);
    return @intCast(@min(done, std.math.maxInt(i32)));
}

/// Creates the wake-up, in the place of the one before. Returns its kind; its descriptor, which JS
/// gives to its event loop, is in `control.result[0]`. `preference` as in `wakeup.zig`.
pub fn wakeupCreate(self: *Server, preference: u32) callconv(.c) i32 {
    const wanted = std.enums.fromInt(wakeup_module.Preference, preference) orelse
        return invalid;
    const created = Wakeup.create(self.implementation.reactor.descriptor(), wanted) catch |reason|
        return codeOf(reason);
    self.control()[abi.control.result] = @intCast(created.descriptor().?);
    return self.replaceWakeup(created);
}

/// From now on the wake-up connects, once, to a listener that JS has opened under this abstract
/// name; another connection comes and goes at once. Returns its kind. After an error the wake-up
/// is the one before, armed as it was.
pub fn wakeupListener(
    self: *Server,
    preference: u32,
    name: [*]const u8,
    len: u32,
) callconv(.c) i32 {
    const wanted = std.enums.fromInt(wakeup_module.Preference, preference) orelse
        return invalid;
    const watched = self.implementation.reactor.descriptor();
    const created = Wakeup.toListener(watched, wanted, name[0..len]) catch |reason|
        return codeOf(reason);
    return self.replaceWakeup(created);
}

/// Call once the event loop watches the wake-up's descriptor: short waits then end for its events
/// too. 1: its own epoll descriptor was found; 0: not, so there is no native waiting.
pub fn observeLoop(self: *Server) callconv(.c) i32 {
    const wakeup = if (self.wakeup) |*created| created else return invalid;
    const fd = wakeup.descriptor() orelse return invalid;
    const loop = wakeup_module.findBunEpoll(fd) orelse return 0;
    self.implementation.reactor.observe(loop) catch return 0;
    return 1;
}

/// Before JS sleeps: the next event or deadline rings.
pub fn arm(self: *Server) callconv(.c) i32 {
    self.implementation.setAlarm();
    self.implementation.reactor.rest();
    const wakeup = if (self.wakeup) |*created| created else return invalid;
    wakeup.arm() catch |reason| return codeOf(reason);
    return 0;
}

// Requests.

/// Copies request `index` of the running dispatch for a late answer. Returns the slot; its
/// generation is in `control.result[0]`.
pub fn requestHold(self: *Server, index: u32) callconv(.c) i32 {
    const held = late_module.hold(&self.implementation, index);
    const slot = held catch |reason| return switch (reason) {
        error.InvalidArgument => @intFromEnum(Code.invalid_argument),
        error.Full => @intFromEnum(Code.full),
        error.OutOfMemory => @intFromEnum(Code.out_of_memory),
    };
    self.control()[abi.control.result] = self.implementation.core.held.generationOf(slot);
    return @intCast(slot);
}

/// Puts a held request's record at index `batch_max` and its bytes into the stage.
pub fn requestStage(self: *Server, slot: u32, generation: u32) callconv(.c) i32 {
    const core = &self.implementation.core;
    const held = core.held.get(slot, generation) orelse return @intFromEnum(Code.stale_handle);
    held.stage(&core.batch);
    self.staged_slot = slot;
    self.staged_generation = generation;
    return 0;
}

/// Looks for a field. 1: its value's offset and length are in `control.result[0..2]`; 0: there is
/// none.
pub fn requestHeader(self: *Server, record: u32, name: u32, nth: u32) callconv(.c) i32 {
    if (record > limits.batch_max or name >= self.names_count) return invalid;
    const words = self.implementation.core.batch.record(record);
    const start = words[abi.request.head];
    const head = self.view[start..][0..words[abi.request.head_len]];
    const line_end = (std.mem.findScalar(u8, head, '\n') orelse return 0) + 1;
    const lines = head[line_end .. head.len - 2];
    const value = fields.findField(lines, self.names[name], nth) orelse return 0;
    const result = self.control()[abi.control.result..];
    result[0] = start + @as(u32, @intCast(line_end)) + value.start;
    result[1] = value.len;
    return 1;
}

/// A number for a field name in lower case; -10 when there are too many.
pub fn nameIntern(self: *Server, name: [*]const u8, len: u32) callconv(.c) i32 {
    const text = name[0..len];
    for (self.names[0..self.names_count], 0..) |known, index| {
        if (std.mem.eql(u8, known, text)) return @intCast(index);
    }
    if (self.names_count == names_max) return @intFromEnum(Code.full);
    self.names[self.names_count] = allocator.dupe(u8, text) catch
        return @intFromEnum(Code.out_of_memory);
    self.names_count += 1;
    return @intCast(self.names_count - 1);
}

/// The peer's address as text: its length; `control.result[0]` says where in the view. `record` as
/// for all of these: one of the running dispatch, or `batch_max` for the request staged last.
pub fn requestAddress(self: *Server, record: u32) callconv(.c) i32 {
    const core = &self.implementation.core;
    const peer: *const sys.Peer = if (record == limits.batch_max)
        &(self.stagedRequest() orelse return @intFromEnum(Code.stale_handle)).peer
    else in_batch: {
        const entry = core.batch.entryOfRecord(record) orelse return invalid;
        break :in_batch &core.connections.at(entry.connection).peer;
    };
    const at = abi.view.bytes - sys.Peer.text_max;
    const text = peer.writeText(self.view[at..][0..sys.Peer.text_max]);
    self.control()[abi.control.result] = core.batch.offsetOf(text.ptr);
    return @intCast(text.len);
}

/// Copies a body, or a message, that lies outside of the view into JS memory of exactly its length.
pub fn requestBody(self: *Server, record: u32, out: [*]u8, len: u32) callconv(.c) i32 {
    const core = &self.implementation.core;
    const bytes = if (record == limits.batch_max) held: {
        const held = self.stagedRequest() orelse return @intFromEnum(Code.stale_handle);
        break :held (held.body orelse return invalid).whole();
    } else in_batch: {
        const entry = core.batch.entryOfRecord(record) orelse return invalid;
        break :in_batch if (entry.body) |body| body.whole() else entry.message;
    };
    if (bytes.len != len) return invalid;
    @memcpy(out[0..len], bytes);
    return 0;
}

// Answers.

/// Takes a copy of a body that is too large for the arena. `target`: a record of the running
/// dispatch, or a slot with the highest bit set.
pub fn answerAttach(
    self: *Server,
    target: u32,
    generation: u32,
    bytes: ?[*]const u8,
    len: u32,
) callconv(.c) i32 {
    if (len > limits.answer_bytes_max) return invalid;
    const core = &self.implementation.core;
    const place: *?*Chunk = if (target & slot_bit != 0) late: {
        const held = core.held.get(target & ~slot_bit, generation) orelse
            return @intFromEnum(Code.stale_handle);
        break :late &held.attached;
    } else &(core.batch.entryOfRecord(target) orelse return invalid).attached;
    const chunk = Chunk.create(&core.pool, len) catch return @intFromEnum(Code.out_of_memory);
    if (len > 0) @memcpy(chunk.free()[0..len], bytes.?[0..len]);
    chunk.end = len;
    if (place.*) |old| old.destroy(&core.pool);
    place.* = chunk;
    return 0;
}

/// Takes over the plan of a file's answer; `target` and `generation` as for `answerAttach`. When it
/// fails the plan stays the caller's.
pub fn answerFile(self: *Server, target: u32, generation: u32, plan: *Plan) callconv(.c) i32 {
    const core = &self.implementation.core;
    const place: *?*Plan = if (target & slot_bit != 0) late: {
        const held = core.held.get(target & ~slot_bit, generation) orelse
            return @intFromEnum(Code.stale_handle);
        break :late &held.plan;
    } else &(core.batch.entryOfRecord(target) orelse return invalid).plan;
    if (place.*) |old| old.destroy();
    place.* = plan;
    return 0;
}

const slot_bit: u32 = 1 << 31;

/// Takes the late answers and sends pieces of streams now, because their ring or the arena is full,
/// or microtasks are done.
pub fn answersFlush(self: *Server) callconv(.c) i32 {
    const count = late_module.flushLate(&self.implementation);
    self.implementation.publishCounts();
    return @intCast(count);
}

/// Where descriptors and blocks stand: for tests of leaks. Bytes of pooled blocks in use.
pub fn bytesInUse(self: *Server) callconv(.c) u32 {
    return std.math.lossyCast(u32, self.implementation.core.pool.used_bytes);
}
