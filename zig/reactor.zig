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

pub const RegisterError = error{ OutOfMemory, Unexpected };

pub const Native = switch (builtin.os.tag) {
    .linux => @import("reactor/epoll.zig").Epoll,
    else => @import("reactor/kqueue.zig").Kqueue,
};

const contract = .{
    "init",    "deinit",   "descriptor", "observe",       "rest",
    "poll",    "setAlarm", "add",        "modify",        "accept",
    "receive", "send",     "sendFile",   "shutdownWrite", "close",
    "nowMs",   "seconds",
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
