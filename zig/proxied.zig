//! The first bytes of a connection that a load balancer opened for somebody: with the option
//! `proxyProtocol` every connection begins with them. Called by `connection.zig` before the first
//! head; what they say becomes the connection's peer, so that everything else sees the client.

const std = @import("std");
const addresses = @import("addresses.zig");
const closings = @import("closings.zig");
const connection_module = @import("connection.zig");
const proxy_protocol = @import("http/proxy_protocol.zig");
const Core = @import("core.zig").Core;

const Connection = connection_module.Connection;

/// Bytes that were taken; null while more are needed.
pub fn take(core: *Core, connection: *Connection, bytes: []const u8) ?usize {
    switch (proxy_protocol.parse(bytes)) {
        .incomplete => return null,
        .rejected => {
            refuse(core, connection, .proxy_header);
            return bytes.len;
        },
        .complete => |header| {
            connection.phase = .head;
            // The balancer's own connections are not counted: its health checks must go on.
            const source = header.source orelse return header.len;
            connection.peer = source;
            if (addresses.admit(core, connection)) return header.len;
            refuse(core, connection, .address_full);
            return bytes.len;
        },
    }
}

/// Closes without an answer: who sent this does not speak HTTP, or speaks it for somebody who has
/// enough connections.
fn refuse(core: *Core, connection: *Connection, reason: closings.Reason) void {
    closings.count(core.batch.control(), reason, &connection.peer);
    connection.phase = .closing;
}
