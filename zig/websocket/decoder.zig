//! The incoming bytes of one WebSocket, from frames to messages (RFC 6455 5 and 6.2). Its owner
//! calls `feed` until everything is consumed. It reads no clock and owns no descriptor; memory it
//! owns only for what came in pieces.

const std = @import("std");
const frame = @import("frame.zig");
const limits = @import("../limits.zig");
const utf8 = @import("utf8.zig");

const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
pub const Failure = frame.Failure;

pub const Options = struct {
    /// A whole message, over all its fragments and before it is inflated.
    message_bytes_max: u32,
    /// Compression was negotiated: messages may have RSV1 (RFC 7692 6).
    deflate: bool = false,
};

pub const Result = struct {
    /// Bytes that are dealt with. What follows is to be fed again, once the event is.
    consumed: usize,
    event: Event,
};

pub const Event = union(enum) {
    /// Everything was consumed and nothing has become complete.
    more,
    message: Message,
    /// Payloads of control frames lie in the bytes that were fed, or in the decoder, until `feed`
    /// is called again.
    ping: []u8,
    pong: []u8,
    close: Close,
    failed: Failure,
    out_of_memory,
};

pub const Message = struct {
    opcode: enum(u4) { text = 1, binary = 2 },
    compressed: bool,
    /// Unmasked; valid UTF-8 if it is text and not compressed.
    payload: []u8,
    /// `payload` is an allocation of exactly this length, now the caller's. Otherwise it lies in
    /// the bytes that were fed.
    owned: bool,
};

pub const Close = struct { code: u16, reason: []const u8 };

/// Memory for a message runs ahead of what has come of it by as much again, or by this. An announced
/// length alone costs nothing more.
const ahead_bytes = 16 * 1024;

/// Below it a payload is not worth a read of its own.
const room_bytes_least = 4 * 1024;

const Phase = enum(u8) { header, data, control, ended };

pub const Decoder = struct {
    /// What has come of the message under way: the first `length` bytes.
    gathered: []u8 = &.{},
    /// A control frame's payload that comes in pieces.
    control: ?*[frame.control_bytes_max]u8 = null,
    length: u32 = 0,
    /// Payload bytes that the frame under way still lacks.
    remaining: u32 = 0,
    message_bytes_max: u32,
    mask: frame.Mask = undefined,
    header: [frame.client_header_bytes_max]u8 = undefined,
    header_length: u8 = 0,
    control_length: u8 = 0,
    control_remaining: u8 = 0,
    /// Bytes at the end of `gathered` that begin a character.
    unfinished: u8 = 0,
    /// Pings and pongs since the last message or tick.
    controls: u8 = 0,
    empty_fragments: u8 = 0,
    /// Of the message under way; `continuation` when there is none.
    opcode: frame.Opcode = .continuation,
    control_opcode: frame.Opcode = .ping,
    phase: Phase = .header,
    deflate: bool,
    compressed: bool = false,
    fin: bool = false,

    pub fn init(options: Options) Decoder {
        return .{ .message_bytes_max = options.message_bytes_max, .deflate = options.deflate };
    }

    pub fn deinit(self: *Decoder, allocator: Allocator) void {
        self.end(allocator);
        self.dropControl(allocator);
    }

    /// Takes bytes that came, and unmasks them where they lie. After a close or a failure it takes
    /// everything and says nothing more.
    pub fn feed(self: *Decoder, allocator: Allocator, bytes: []u8) Result {
        if (self.phase != .control) self.dropControl(allocator);
        var at: usize = 0;
        while (at < bytes.len) {
            const rest = bytes[at..];
            const step: Result = switch (self.phase) {
                .header => self.feedHeader(allocator, rest),
                .data => self.feedData(allocator, rest),
                .control => self.feedControl(allocator, rest),
                .ended => break,
            };
            at += step.consumed;
            if (step.event == .more) continue;
            return .{
                .consumed = if (self.phase == .ended) bytes.len else at,
                .event = step.event,
            };
        }
        return .{ .consumed = bytes.len, .event = .more };
    }

    /// Where the next payload bytes may be received without a copy: null unless a data frame is
    /// under way that lacks some kilobytes. Valid until the next call of anything but `wrote`.
    pub fn room(self: *Decoder, allocator: Allocator) ?[]u8 {
        if (self.phase != .data or self.remaining < room_bytes_least) return null;
        // Without memory `feed` will say so.
        self.reserve(allocator, room_bytes_least) catch return null;
        const free = self.gathered[self.length..];
        return free[0..@min(free.len, self.remaining)];
    }

    /// Bytes were received into `room`.
    pub fn wrote(self: *Decoder, allocator: Allocator, count: usize) Event {
        assert(self.phase == .data and count <= self.remaining);
        const payload = self.gathered[self.length..][0..count];
        frame.unmask(self.mask, payload, payload);
        return self.advance(allocator, count);
    }

    /// Time has passed: control frames are counted anew. To be called each second.
    pub fn tick(self: *Decoder) void {
        self.controls = 0;
    }

    fn feedHeader(self: *Decoder, allocator: Allocator, bytes: []u8) Result {
        var at: usize = 0;
        const header = switch (self.readHeader(bytes, &at)) {
            .complete => |header| header,
            .incomplete => return .{ .consumed = bytes.len, .event = .more },
            .failed => |failure| return .{ .consumed = at, .event = self.fail(allocator, failure) },
        };
        if (self.refusal(header)) |failure| {
            return .{ .consumed = at, .event = self.fail(allocator, failure) };
        }
        const rest = bytes[at..];
        if (header.length <= rest.len) {
            const payload = rest[0..@intCast(header.length)];
            if (header.opcode.isControl()) {
                frame.unmask(header.mask, payload, payload);
                return .{
                    .consumed = at + payload.len,
                    .event = self.controlEvent(allocator, header.opcode, payload),
                };
            }
            if (header.fin and header.opcode != .continuation) {
                frame.unmask(header.mask, payload, payload);
                return .{
                    .consumed = at + payload.len,
                    .event = self.wholeMessage(allocator, header, payload),
                };
            }
        }
        return .{ .consumed = at, .event = self.begin(allocator, header) };
    }

    /// The header at the start of `bytes`, or the one that came in pieces and ends there.
    fn readHeader(self: *Decoder, bytes: []const u8, at: *usize) frame.Parsed {
        if (self.header_length == 0) {
            const parsed = frame.parse(bytes);
            switch (parsed) {
                .complete => |header| at.* = header.bytes,
                .failed => at.* = bytes.len,
                .incomplete => {
                    @memcpy(self.header[0..bytes.len], bytes);
                    self.header_length = @intCast(bytes.len);
                },
            }
            return parsed;
        }
        while (at.* < bytes.len) {
            self.header[self.header_length] = bytes[at.*];
            self.header_length += 1;
            at.* += 1;
            const parsed = frame.parse(self.header[0..self.header_length]);
            if (parsed == .incomplete) continue;
            self.header_length = 0;
            return parsed;
        }
        return .incomplete;
    }

    /// Why a frame with this header may not stand here. Counts it.
    fn refusal(self: *Decoder, header: frame.ClientHeader) ?Failure {
        // RFC 6455 5.2, RFC 7692 6: only the first frame of a message says that it is compressed.
        const starts = header.opcode == .text or header.opcode == .binary;
        if (header.rsv_other) return .reserved_bits;
        if (header.rsv1 and !(self.deflate and starts)) return .reserved_bits;
        if (header.opcode.isControl()) {
            if (header.opcode == .close) return null;
            if (self.controls == limits.websocket_controls_max) return .control_flood;
            self.controls += 1;
            return null;
        }
        // RFC 6455 5.4.
        if (starts and self.opcode != .continuation) return .message_not_finished;
        if (!starts and self.opcode == .continuation) return .continuation_without_message;
        if (header.length > self.message_bytes_max - self.length) return .message_too_big;
        if (header.length == 0 and !header.fin) {
            if (self.empty_fragments == limits.websocket_empty_fragments_max) {
                return .empty_fragments;
            }
            self.empty_fragments += 1;
        }
        return null;
    }

    /// A message of one frame that came whole: the usual case, and the only one without a copy.
    fn wholeMessage(
        self: *Decoder,
        allocator: Allocator,
        header: frame.ClientHeader,
        payload: []u8,
    ) Event {
        if (header.opcode == .text and !header.rsv1 and utf8.unfinished(payload) != 0) {
            return self.fail(allocator, .invalid_text);
        }
        self.controls = 0;
        return .{ .message = .{
            .opcode = if (header.opcode == .text) .text else .binary,
            .compressed = header.rsv1,
            .payload = payload,
            .owned = false,
        } };
    }

    /// A frame whose payload has not come whole, or belongs to a message of several.
    fn begin(self: *Decoder, allocator: Allocator, header: frame.ClientHeader) Event {
        self.mask = header.mask;
        if (header.opcode.isControl()) {
            self.control = allocator.create([frame.control_bytes_max]u8) catch
                return self.outOfMemory(allocator);
            self.control_length = 0;
            self.control_opcode = header.opcode;
            self.control_remaining = @intCast(header.length);
            self.phase = .control;
            return .more;
        }
        if (header.opcode != .continuation) {
            self.opcode = header.opcode;
            self.compressed = header.rsv1;
        }
        self.fin = header.fin;
        self.remaining = @intCast(header.length);
        self.phase = .data;
        return if (self.remaining == 0) self.advance(allocator, 0) else .more;
    }

    fn feedData(self: *Decoder, allocator: Allocator, bytes: []const u8) Result {
        const count = @min(bytes.len, self.remaining);
        self.reserve(allocator, count) catch
            return .{ .consumed = 0, .event = self.outOfMemory(allocator) };
        frame.unmask(self.mask, bytes[0..count], self.gathered[self.length..][0..count]);
        return .{ .consumed = count, .event = self.advance(allocator, count) };
    }

    fn feedControl(self: *Decoder, allocator: Allocator, bytes: []const u8) Result {
        const count: u8 = @intCast(@min(bytes.len, self.control_remaining));
        const payload = self.control.?[0 .. self.control_length + count];
        frame.unmask(self.mask, bytes[0..count], payload[self.control_length..]);
        self.mask = frame.rotate(self.mask, count);
        self.control_length += count;
        self.control_remaining -= count;
        if (self.control_remaining > 0) return .{ .consumed = count, .event = .more };
        self.phase = .header;
        return .{
            .consumed = count,
            .event = self.controlEvent(allocator, self.control_opcode, payload),
        };
    }

    fn controlEvent(
        self: *Decoder,
        allocator: Allocator,
        opcode: frame.Opcode,
        payload: []u8,
    ) Event {
        switch (opcode) {
            .ping => return .{ .ping = payload },
            .pong => return .{ .pong = payload },
            else => assert(opcode == .close),
        }
        // RFC 6455 5.5.1 and 7.4.
        if (payload.len == 1) return self.fail(allocator, .close_payload);
        const code = if (payload.len == 0)
            frame.Close.no_status
        else
            std.mem.readInt(u16, payload[0..2], .big);
        if (payload.len > 0 and !frame.isCloseCode(code)) return self.fail(allocator, .close_code);
        const reason = payload[@min(payload.len, 2)..];
        if (utf8.unfinished(reason) != 0) return self.fail(allocator, .close_reason);
        self.end(allocator);
        return .{ .close = .{ .code = code, .reason = reason } };
    }

    /// Bytes of the payload lie unmasked behind the others.
    fn advance(self: *Decoder, allocator: Allocator, count: usize) Event {
        self.mask = frame.rotate(self.mask, count);
        self.length += @intCast(count);
        self.remaining -= @intCast(count);
        if (self.opcode == .text and !self.compressed) {
            const unchecked = self.gathered[self.length - count - self.unfinished .. self.length];
            self.unfinished = utf8.unfinished(unchecked) orelse
                return self.fail(allocator, .invalid_text);
        }
        if (self.remaining > 0) return .more;
        self.phase = .header;
        return if (self.fin) self.finish(allocator) else .more;
    }

    fn finish(self: *Decoder, allocator: Allocator) Event {
        if (self.unfinished > 0) return self.fail(allocator, .invalid_text);
        const payload = allocator.realloc(self.gathered, self.length) catch
            return self.outOfMemory(allocator);
        const event: Event = .{ .message = .{
            .opcode = if (self.opcode == .text) .text else .binary,
            .compressed = self.compressed,
            .payload = payload,
            .owned = true,
        } };
        self.gathered = &.{};
        self.length = 0;
        self.controls = 0;
        self.empty_fragments = 0;
        self.opcode = .continuation;
        self.compressed = false;
        return event;
    }

    /// Memory for `more` bytes behind those that came, and some ahead.
    fn reserve(self: *Decoder, allocator: Allocator, more: usize) error{OutOfMemory}!void {
        const wanted = self.length + more;
        if (wanted <= self.gathered.len) return;
        const most = if (self.fin) self.length + self.remaining else self.message_bytes_max;
        const size = @min(most, wanted + @max(wanted, ahead_bytes));
        self.gathered = try allocator.realloc(self.gathered, size);
    }

    fn fail(self: *Decoder, allocator: Allocator, failure: Failure) Event {
        self.end(allocator);
        return .{ .failed = failure };
    }

    fn outOfMemory(self: *Decoder, allocator: Allocator) Event {
        self.end(allocator);
        return .out_of_memory;
    }

    fn end(self: *Decoder, allocator: Allocator) void {
        allocator.free(self.gathered);
        self.gathered = &.{};
        self.phase = .ended;
    }

    fn dropControl(self: *Decoder, allocator: Allocator) void {
        if (self.control) |control| allocator.destroy(control);
        self.control = null;
    }
};
