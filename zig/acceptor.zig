//! New connections, and the pause while there is no descriptor, slot or memory for one. Called by
//! `server.zig`; `server` is always a pointer to its generic struct.

const std = @import("std");
const addresses = @import("addresses.zig");
const closings = @import("closings.zig");
const deadline_module = @import("deadline.zig");
const reactor_module = @import("reactor.zig");
const sys = @import("sys.zig");

const assert = std.debug.assert;
const Connection = @import("connection.zig").Connection;

/// No connection has it: indexes of slots end before.
pub const listener_token: reactor_module.Token = std.math.maxInt(u32);

/// Accepted in one round, so that a flood of connections leaves time for those that are open.
const accept_max = 64;
const pause_ms = 100;

/// Takes a bound, listening, non-blocking socket.
pub fn listen(server: anytype, listener: sys.Descriptor) reactor_module.RegisterError!void {
    assert(server.listener == null);
    try server.reactor.add(listener, listener_token, .{ .read = true, .write = false });
    server.listener = listener;
}

pub fn acceptAll(server: anytype) void {
    const listener = server.listener orelse return;
    for (0..accept_max) |_| {
        const connections = &server.core.connections;
        if (connections.count == connections.slots.len) return pause(server, .slots_full);
        var address: sys.Address = undefined;
        const fd = server.reactor.accept(listener, &address) catch |reason| switch (reason) {
            error.WouldBlock => return,
            error.ConnectionAborted => continue,
            error.TooManyDescriptors, error.OutOfMemory, error.Unexpected => {
                return pause(server, .descriptors_out);
            },
        };
        admit(server, fd, &address);
    }
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
    watch(server, false);
}

fn watch(server: anytype, on: bool) void {
    const listener = server.listener orelse return;
    const interest: reactor_module.Interest = .{ .read = on, .write = false };
    server.reactor.modify(listener, listener_token, interest) catch {};
}

pub fn stop(server: anytype) void {
    if (server.listener) |listener| server.reactor.close(listener, .end);
    server.listener = null;
    server.accept_again_ms = null;
}

pub fn resumeAccepting(server: anytype) void {
    server.accept_again_ms = null;
    watch(server, true);
}
