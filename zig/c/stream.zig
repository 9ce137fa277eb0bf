//! The C interface of bodies that come in pieces, both ways. `src/native/symbols.ts` declares it
//! once more; a test holds the two together.

const std = @import("std");
const abi = @import("../abi.zig");
const answer_stream = @import("../answer_stream.zig");
const body_stream = @import("../body_stream.zig");
const limits = @import("../limits.zig");
const Server = @import("server.zig").Server;

const Code = abi.Code;

/// Takes a piece of a streamed answer. 0: go on; 1: wait for `Notice.drained`; `stale_handle`: the
/// client has left; `full`: more bytes than were promised.
pub fn write(
    self: *Server,
    slot: u32,
    generation: u32,
    bytes: ?[*]const u8,
    len: u32,
) callconv(.c) i32 {
    if (len > limits.answer_bytes_max) return @intFromEnum(Code.invalid_argument);
    const piece = if (bytes) |from| from[0..len] else "";
    const behind = answer_stream.write(&self.implementation, slot, generation, piece) catch |reason|
        return switch (reason) {
            error.Gone => @intFromEnum(Code.stale_handle),
            error.TooLong => @intFromEnum(Code.full),
        };
    return @intFromBool(behind);
}

/// The last piece was written, or the producer failed (`failed` is not 0). 1: fewer bytes came than
/// were promised, so the connection breaks off.
pub fn end(self: *Server, slot: u32, generation: u32, failed: u32) callconv(.c) i32 {
    return @intFromBool(
        answer_stream.end(&self.implementation, slot, generation, failed != 0),
    );
}

/// Fills `out` with what has come of a streamed request body. Positive: so many bytes; 0: nothing
/// yet, `Notice.readable` tells when; `end_of_body`; `stale_handle`: the client has left;
/// `body_failed`: status, offset and length of the error's code are in `control.result[0..3]`.
pub fn read(self: *Server, slot: u32, generation: u32, out: [*]u8, len: u32) callconv(.c) i32 {
    const room = out[0..@min(len, std.math.maxInt(i32))];
    const result = body_stream.read(&self.implementation, slot, generation, room) catch
        return @intFromEnum(Code.stale_handle);
    switch (result) {
        .bytes => |count| return @intCast(count),
        .waiting => return 0,
        .end => return @intFromEnum(Code.end_of_body),
        .failed => |problem| {
            const words = self.control()[abi.control.result..];
            const at = abi.view.bytes - problem.code.len;
            @memcpy(self.view[at..][0..problem.code.len], problem.code);
            words[0] = problem.status;
            words[1] = @intCast(at);
            words[2] = @intCast(problem.code.len);
            return @intFromEnum(Code.body_failed);
        },
    }
}
