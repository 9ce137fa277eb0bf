//! The contract of a reactor, and the choice. A backend moves bytes and tells readiness; it knows
//! nothing of HTTP. `server.zig` is written against these declarations only, and the tests drive it
//! with `reactor/simulated.zig`.

const std = @import("std");
const builtin = @import("builtin");
const sys = @import("sys.zig");

/// What a descriptor was registered with; comes back in its events.
pub const Token = u64;

pub const Interest = struct { read: bool, write: bool };

pub const Event = struct {
    token: Token,
    /// Once in a poll, for one token.
    readable: bool,
    writable: bool,
    /// Reset or hung up on both sides: nothing can be read or sent any more.
    failed: bool,
};

/// How a connection ends for its peer.
pub const Ending = enum {
    /// After what was sent.
    end,
    /// Broken: what came before is not the whole.
    reset,
};

/// Events taken in one turn: more wait for the next one, which comes at once.
pub const events_max = 256;

/// Who takes connections from a listening socket.
pub const Sharing = enum {
    /// This reactor, and nobody else.
    alone,
    /// Other processes too, now or later: what is not asked for stays in its queue.
    shared,
};

pub const RegisterError = error{ OutOfMemory, Unexpected };

/// One connection's bytes of a batch that is sent together.
pub const Outgoing = struct {
    fd: sys.Descriptor,
    /// Without any, nothing is sent and `fd` may be closed.
    bytes: []const u8,
    /// Bytes that the socket took.
    result: sys.SendError!usize = 0,

    /// By a call of its own.
    pub fn send(outgoing: *Outgoing) void {
        outgoing.result = if (outgoing.bytes.len == 0) 0 else sys.send(outgoing.fd, outgoing.bytes);
    }
};

/// What an operator asks for; the numbers are those of `src/native/server.ts`.
pub const Choice = enum(u32) { auto, epoll, io_uring, kqueue };

/// What is used.
pub const Kind = enum(u32) { epoll = 1, io_uring, kqueue };

/// The system's own, one of them chosen when a server is created.
pub const Native = switch (builtin.os.tag) {
    .linux => @import("reactor/linux.zig").Linux,
    else => @import("reactor/kqueue.zig").Kqueue(@import("reactor/kqueue.zig").System),
};

const contract = .{
    "deinit",  "descriptor", "observe",  "rest",        "poll",     "setAlarm",      "add",
    "modify",  "accept",     "receive",  "send",        "sendMany", "shutdownWrite", "close",
    "seconds", "nowMs",      "sendFile", "addListener",
};

/// A compile-time check that a backend has every declaration of the contract.
pub fn check(comptime Backend: type) void {
    for (contract) |name| {
        if (!@hasDecl(Backend, name)) @compileError(@typeName(Backend) ++ " lacks " ++ name);
    }
}

comptime {
    check(Native);
}

test {
    _ = @import("reactor_suite.zig");
    _ = @import("fuzz/reactor.zig");
}
