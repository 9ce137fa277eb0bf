//! Bodies that nobody wants: dropped up to a cap, so that the connection can be kept and they are
//! never taken for a request. Called by `connection.zig`.

const chunked = @import("http/chunked.zig");
const connection_module = @import("connection.zig");
const deadline_module = @import("deadline.zig");
const limits = @import("limits.zig");
const Connection = connection_module.Connection;
const Core = @import("core.zig").Core;
const Request = @import("request.zig").Request;

/// What is left of one.
pub const Drain = union(enum) {
    length: u32,
    chunked: *chunked.Decoder,
};

/// A body follows a request that is answered without it.
pub fn begin(core: *Core, connection: *Connection, request: Request, after: []u8) ?usize {
    const head = request.head;
    // The client waits for a 100 that it will not get, so where its next request begins is not
    // known.
    const length = head.content_length orelse 0;
    if (head.expect_continue or length > limits.drain_bytes_max) {
        var closing = head.*;
        closing.keep_alive = false;
        var last = request;
        last.head = &closing;
        if (!connection_module.emit(core, connection, last, null)) return null;
        return request.bytes.len + after.len;
    }
    if (!connection_module.emit(core, connection, request, null)) return null;
    if (connection.phase == .closing) return request.bytes.len + after.len;
    if (head.chunked) {
        const decoder = core.allocator.create(chunked.Decoder) catch {
            connection.phase = .closing;
            return request.bytes.len + after.len;
        };
        decoder.* = .init();
        connection.drain = .{ .chunked = decoder };
    } else {
        connection.drain = .{ .length = @intCast(length) };
    }
    connection.phase = .drain;
    // Another body than that of the request before it.
    connection.deadline = .none;
    connection.drain_left = limits.drain_bytes_max;
    return request.bytes.len;
}

/// Drops bytes of the body. Returns how many were taken.
pub fn take(core: *Core, connection: *Connection, rest: []u8) usize {
    deadline_module.moved(core, connection, rest.len);
    switch (connection.drain) {
        .length => |*length| {
            const count = @min(rest.len, length.*);
            length.* -= @intCast(count);
            if (length.* == 0) connection.phase = .head;
            return count;
        },
        .chunked => |decoder| switch (decoder.decode(rest, rest)) {
            // The answer is on its way already; what follows cannot be told from a body.
            .rejected => {
                end(core, connection);
                connection.phase = .closing;
                return rest.len;
            },
            .decoded => |progress| {
                connection.drain_left -|= @intCast(progress.consumed);
                if (!progress.done and connection.drain_left > 0) return rest.len;
                end(core, connection);
                connection.phase = if (progress.done) .head else .closing;
                return progress.consumed;
            },
        },
    }
}

pub fn end(core: *Core, connection: *Connection) void {
    switch (connection.drain) {
        .length => {},
        .chunked => |decoder| core.allocator.destroy(decoder),
    }
    connection.drain = .{ .length = 0 };
}
