//! New connections, and the pause while there is no descriptor, slot or memory for one. A worker
//! has a listener of its own and may be told to accept on those of others. Called by `server.zig`;
//! `server` is always a pointer to its generic struct.

const std = @import("std");
const addresses = @import("addresses.zig");
const closings = @import("closings.zig");
const deadline_module = @import("deadline.zig");
const metrics = @import("metrics.zig");
const reactor_module = @import("reactor.zig");
const sys = @import("sys.zig");

const Connection = @import("connection.zig").Connection;

pub const Listener = struct {
    fd: sys.Descriptor,
    /// Its queue is ours at present.
    wanted: bool,
};

/// What becomes of the queues of a server that stops.
pub const Ending = enum(u32) {
    /// Another process holds the same sockets and takes what waits in them.
    leave,
    /// Nobody comes after us: what waits is accepted first.
    close,
};

/// No connection has it: indexes of slots end before. The upper half of the token is the listener's
/// place.
const listener_index = std.math.maxInt(u32);

pub fn isListener(token: reactor_module.Token) bool {
    return @as(u32, @truncate(token)) == listener_index;
}

fn tokenOf(place: usize) reactor_module.Token {
    return @as(u64, place) << 32 | listener_index;
}

/// Accepted in one round, so that a flood of connections leaves time for those that are open.
const accept_max = 64;
const pause_ms = 100;

/// Takes a bound, listening, non-blocking socket that no other process has.
pub fn listen(server: anytype, fd: sys.Descriptor) reactor_module.RegisterError!void {
    return listenOn(server, fd, .alone);
}

fn listenOn(
    server: anytype,
    fd: sys.Descriptor,
    sharing: reactor_module.Sharing,
) reactor_module.RegisterError!void {
    const place = server.listeners.items.len;
    try server.listeners.ensureUnusedCapacity(server.core.allocator, 1);
    try server.reactor.addListener(fd, tokenOf(place), sharing);
    server.listeners.appendAssumeCapacity(.{ .fd = fd, .wanted = true });
}

/// Takes connections from this listener, or leaves its queue to another process that holds the same
/// socket.
pub fn want(server: anytype, fd: sys.Descriptor, wanted: bool) reactor_module.RegisterError!void {
    for (server.listeners.items, 0..) |*listener, place| {
        if (listener.fd != fd) continue;
        listener.wanted = wanted;
        return watch(server, place, wanted and server.accept_again_ms == null);
    }
    if (wanted) return listenOn(server, fd, .shared);
}

/// After an event of a listener.
pub fn acceptReady(server: anytype, token: reactor_module.Token) void {
    const place: usize = @intCast(token >> 32);
    if (place < server.listeners.items.len) _ = acceptSome(server, place);
}

/// False: nobody waits any more, or there is no room for who does.
fn acceptSome(server: anytype, place: usize) bool {
    const listener = server.listeners.items[place];
    // The event may be older than the order to leave the queue alone.
    if (!listener.wanted or server.accept_again_ms != null) return false;
    for (0..accept_max) |_| {
        const connections = &server.core.connections;
        if (connections.count == connections.slots.len) {
            pause(server, .slots_full);
            return false;
        }
        var address: sys.Address = undefined;
        const fd = server.reactor.accept(listener.fd, &address) catch |reason| switch (reason) {
            error.WouldBlock => return false,
            error.ConnectionAborted => continue,
            error.TooManyDescriptors, error.OutOfMemory, error.Unexpected => {
                pause(server, .descriptors_out);
                return false;
            },
        };
        admit(server, fd, &address);
    }
    return server.accept_again_ms == null;
}

fn admit(server: anytype, fd: sys.Descriptor, address: *const sys.Address) void {
    const core = &server.core;
    const index = core.connections.acquire().?;
    const connection = core.connections.at(index);
    connection.* = .{ .fd = fd, .peer = address.peer(), .index = index };
    if (core.config.proxy_protocol != 0) {
        // Who it is for comes with the first bytes.
        connection.phase = .proxy;
    } else if (!addresses.admit(core, connection)) {
        // There is no request yet to answer, and an answer would cost what the limit is to save.
        closings.count(core.batch.control(), .address_full, &connection.peer);
        return dismiss(server, connection);
    }
    register(server, index) catch {
        dismiss(server, connection);
        return pause(server, .descriptors_out);
    };
    metrics.count(core, .connections_accepted, 1);
    deadline_module.choose(core, connection);
}

/// Of a connection that nobody has heard of.
fn dismiss(server: anytype, connection: *Connection) void {
    addresses.forget(&server.core, connection);
    server.reactor.close(connection.fd, .end);
    server.core.connections.release(connection.index);
}

fn register(server: anytype, index: u32) reactor_module.RegisterError!void {
    const core = &server.core;
    // `destroy` must not fail for want of memory.
    try server.dead.ensureTotalCapacity(core.allocator, core.connections.count);
    const interest: reactor_module.Interest = .{ .read = true, .write = false };
    return server.reactor.add(core.connections.at(index).fd, server.tokenOf(index), interest);
}

/// A level-triggered listener that cannot be served would spin.
fn pause(server: anytype, reason: closings.Reason) void {
    const now_ms = server.core.now_ms;
    // Tries that fail one after the other are one pause.
    const goes_on = if (server.paused_ms) |last_ms| now_ms - last_ms <= 2 * pause_ms else false;
    if (!goes_on) closings.count(server.core.batch.control(), reason, null);
    server.paused_ms = now_ms;
    server.accept_again_ms = now_ms + pause_ms;
    for (0..server.listeners.items.len) |place| watch(server, place, false) catch {};
}

fn watch(server: anytype, place: usize, on: bool) reactor_module.RegisterError!void {
    const interest: reactor_module.Interest = .{ .read = on, .write = false };
    try server.reactor.modify(server.listeners.items[place].fd, tokenOf(place), interest);
}

/// No more connections. What was connected before somebody closes the last descriptor of a listener
/// is reset by the kernel, so its queue is emptied just before.
pub fn stop(server: anytype, ending: Ending) void {
    for (server.listeners.items, 0..) |*listener, place| {
        // Closing alone would not end the events where another process holds the same socket.
        watch(server, place, false) catch {};
        if (ending == .close) while (acceptSome(server, place)) {};
        listener.wanted = false;
        if (ending == .close) server.reactor.close(listener.fd, .end);
    }
    if (ending == .close) server.listeners.clearRetainingCapacity();
    server.accept_again_ms = null;
}

/// Without a look at what waits: for the end of a server.
pub fn close(server: anytype) void {
    stop(server, .leave);
    for (server.listeners.items) |listener| server.reactor.close(listener.fd, .end);
    server.listeners.clearRetainingCapacity();
}

pub fn resumeAccepting(server: anytype) void {
    server.accept_again_ms = null;
    for (server.listeners.items, 0..) |listener, place| {
        // Without memory: once more after a while, or nobody would ever be accepted again.
        watch(server, place, listener.wanted) catch {
            server.accept_again_ms = server.core.now_ms + pause_ms;
        };
    }
}
