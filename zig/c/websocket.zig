//! The C interface of WebSockets. `src/native/symbols.ts` declares it once more; a test holds the
//! two together.

const std = @import("std");
const abi = @import("../abi.zig");
const frame = @import("../websocket/frame.zig");
const limits = @import("../limits.zig");
const websocket = @import("../websocket.zig");
const Server = @import("server.zig").Server;

const Code = abi.Code;
const invalid = @intFromEnum(Code.invalid_argument);
const stale = @intFromEnum(Code.stale_handle);

/// Reserves a WebSocket for a request that is held, of which `abi.AnswerFlag.upgrade` answers.
/// Returns its slot; its generation is in `control.result[0]`. `stale_handle`: the client has left;
/// `invalid_argument`: the request asks for none; `full`: no room, or the server stops.
pub fn create(
    self: *Server,
    held_slot: u32,
    held_generation: u32,
    settings: *const [abi.settings.words]u32,
) callconv(.c) i32 {
    const core = &self.implementation.core;
    const held = core.held.get(held_slot, held_generation) orelse return stale;
    const flags = settings[abi.settings.flags];
    const slot = websocket.create(core, held, .{
        .message_bytes_max = settings[abi.settings.message_bytes_max],
        .backlog_bytes_max = settings[abi.settings.backlog_bytes_max],
        .idle_ms = settings[abi.settings.idle_ms],
        .deflate = flags & abi.SettingsFlag.deflate != 0,
        .control_frames = flags & abi.SettingsFlag.control_frames != 0,
    }) catch |reason| return switch (reason) {
        error.Gone => stale,
        error.InvalidArgument => invalid,
        error.Full => @intFromEnum(Code.full),
    };
    self.control()[abi.control.result] = core.websockets.generationOf(slot);
    return @intCast(slot);
}

/// Sends a message or a control frame; `kind` is its opcode and `abi.Frame`. 0: go on; 1: wait for
/// `Notice.websocket_drained`; `stale_handle`: it is over, or closing; `full`: the peer takes too
/// little, so the connection was ended.
pub fn send(
    self: *Server,
    slot: u32,
    generation: u32,
    kind: u32,
    bytes: ?[*]const u8,
    len: u32,
) callconv(.c) i32 {
    const header = headerOf(kind, len) orelse return invalid;
    return sendOne(self, slot, generation, header, if (bytes) |from| from[0..len] else "");
}

/// The same for bytes that lie in the view.
pub fn sendView(
    self: *Server,
    slot: u32,
    generation: u32,
    kind: u32,
    offset: u32,
    len: u32,
) callconv(.c) i32 {
    const header = headerOf(kind, len) orelse return invalid;
    if (@as(u64, offset) + len > abi.view.bytes) return invalid;
    return sendOne(self, slot, generation, header, self.view[offset..][0..len]);
}

fn headerOf(kind: u32, len: u32) ?frame.Header {
    if (len > limits.answer_bytes_max) return null;
    const opcode: frame.Opcode = switch (kind & 0xff) {
        @intFromEnum(frame.Opcode.text) => .text,
        @intFromEnum(frame.Opcode.binary) => .binary,
        @intFromEnum(frame.Opcode.ping) => .ping,
        @intFromEnum(frame.Opcode.pong) => .pong,
        else => return null,
    };
    const control = opcode == .ping or opcode == .pong;
    const compressed = kind & abi.Frame.compressed != 0;
    if (control and (compressed or len > frame.control_bytes_max)) return null;
    return .{ .opcode = opcode, .compressed = compressed };
}

fn sendOne(
    self: *Server,
    slot: u32,
    generation: u32,
    header: frame.Header,
    payload: []const u8,
) i32 {
    const server = &self.implementation;
    const behind = websocket.send(server, slot, generation, header, payload) catch |reason| {
        return switch (reason) {
            error.Gone => stale,
            error.Full => @intFromEnum(Code.full),
        };
    };
    return @intFromBool(behind);
}

/// Sends one message to many: `pairs` are a slot and a generation each. Returns how many took it.
pub fn publish(
    self: *Server,
    pairs: [*]const [2]u32,
    count: u32,
    kind: u32,
    bytes: ?[*]const u8,
    len: u32,
) callconv(.c) i32 {
    const header = headerOf(kind, len) orelse return invalid;
    const payload = if (bytes) |from| from[0..len] else "";
    var taken: i32 = 0;
    for (pairs[0..count]) |pair| {
        if (sendOne(self, pair[0], pair[1], header, payload) >= 0) taken += 1;
    }
    return taken;
}

/// Says close with a code and a reason; code 0 stands for none, 1006 ends the connection at once.
/// `waits` is 0 where the peer has done wrong: then its answer is not awaited.
pub fn close(
    self: *Server,
    slot: u32,
    generation: u32,
    code: u32,
    reason: ?[*]const u8,
    len: u32,
    waits: u32,
) callconv(.c) i32 {
    const server = &self.implementation;
    if (server.core.websockets.get(slot, generation) == null) return stale;
    const said = closeCode(code) orelse return invalid;
    if (len > frame.reason_bytes_max) return invalid;
    const text = if (reason) |from| from[0..len] else "";
    if (waits == 0) {
        websocket.refuse(server, slot, said, text);
    } else {
        websocket.close(server, slot, said, text);
    }
    return 0;
}

fn closeCode(code: u32) ?u16 {
    if (code == 0) return frame.Close.no_status;
    const known = std.math.cast(u16, code) orelse return null;
    return if (known == frame.Close.abnormal or frame.isCloseCodeOfServer(known)) known else null;
}

/// Lets go of a WebSocket that is over: its code is in `control.result[0]`, where its reason lies
/// in the view and how long it is in `result[1..3]`.
pub fn closed(self: *Server, slot: u32, generation: u32) callconv(.c) i32 {
    const core = &self.implementation.core;
    const socket = core.websockets.get(slot, generation) orelse return stale;
    if (socket.state != .over) return invalid;
    const at = abi.view.bytes - frame.reason_bytes_max;
    @memcpy(self.view[at..][0..socket.reason_len], socket.reason[0..socket.reason_len]);
    const result = self.control()[abi.control.result..];
    result[0] = socket.code;
    result[1] = @intCast(at);
    result[2] = socket.reason_len;
    websocket.release(core, slot);
    self.control()[abi.control.websockets_open] = core.websockets.count;
    return 0;
}

/// Bytes that the peer has not taken.
pub fn backlog(self: *Server, slot: u32, generation: u32) callconv(.c) i32 {
    const core = &self.implementation.core;
    const socket = core.websockets.get(slot, generation) orelse return stale;
    if (socket.connection == std.math.maxInt(u32)) return stale;
    return std.math.lossyCast(i32, core.connections.at(socket.connection).output.bytes);
}
