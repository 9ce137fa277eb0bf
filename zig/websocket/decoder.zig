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

/// Memory for a message runs ahead of what has come of it by as much again, or by this. An
/// announced length alone costs nothing more.
pub const ahead_bytes = 16 * 1024;

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
    /// Of the message under way; `continuation` when there is none, and then `compressed` and `fin`
    /// say nothing.
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
        // Written once, where the caller wants it.
        var result: Result = .{ .consumed = 0, .event = .more };
        while (result.consumed < bytes.len and result.event == .more) {
            const rest = bytes[result.consumed..];
            result.consumed += switch (self.phase) {
                .header => self.feedHeader(allocator, rest, &result.event),
                .data => self.feedData(allocator, rest, &result.event),
                .control => self.feedControl(allocator, rest, &result.event),
                .ended => break,
            };
        }
        if (self.phase == .ended) result.consumed = bytes.len;
        return result;
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

    /// A message, or the head of a frame, has come in part.
    pub fn underWay(self: *const Decoder) bool {
        return self.opcode != .continuation or self.header_length > 0 or self.phase == .control;
    }

    /// Time has passed: control frames are counted anew. To be called each second.
    pub fn tick(self: *Decoder) void {
        self.controls = 0;
    }

    fn feedHeader(self: *Decoder, allocator: Allocator, bytes: []u8, event: *Event) usize {
        if (self.header_length > 0) return self.feedKeptHeader(allocator, bytes, event);
        switch (frame.parse(bytes)) {
            .complete => |header| {
                const payload = bytes[header.bytes..];
                return header.bytes + self.feedFrame(allocator, header, payload, event);
            },
            .failed => |failure| event.* = self.fail(allocator, failure),
            .incomplete => {
                @memcpy(self.header[0..bytes.len], bytes);
                self.header_length = @intCast(bytes.len);
            },
        }
        return bytes.len;
    }

    /// A header that comes in pieces: so rare that it is judged anew with each byte.
    fn feedKeptHeader(self: *Decoder, allocator: Allocator, bytes: []u8, event: *Event) usize {
        @branchHint(.unlikely);
        for (bytes, 1..) |byte, at| {
            self.header[self.header_length] = byte;
            self.header_length += 1;
            switch (frame.parse(self.header[0..self.header_length])) {
                .complete => |header| {
                    self.header_length = 0;
                    return at + self.feedFrame(allocator, header, bytes[at..], event);
                },
                .failed => |failure| {
                    event.* = self.fail(allocator, failure);
                    break;
                },
                .incomplete => {},
            }
        }
        return bytes.len;
    }

    /// `bytes` are what has come behind the header. Returns how many of them it took.
    inline fn feedFrame(
        self: *Decoder,
        allocator: Allocator,
        header: frame.ClientHeader,
        bytes: []u8,
        event: *Event,
    ) usize {
        if (self.refusal(header)) |failure| {
            event.* = self.fail(allocator, failure);
            return 0;
        }
        const alone = header.fin and header.opcode != .continuation;
        if (!alone or header.length > bytes.len) {
            event.* = self.begin(allocator, header);
            return 0;
        }
        const payload = bytes[0..@intCast(header.length)];
        frame.unmask(header.mask, payload, payload);
        event.* = if (header.opcode.isControl())
            self.controlEvent(allocator, header.opcode, payload)
        else
            self.wholeMessage(allocator, header, payload);
        return payload.len;
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

    fn feedData(self: *Decoder, allocator: Allocator, bytes: []const u8, event: *Event) usize {
        const count = @min(bytes.len, self.remaining);
        self.reserve(allocator, count) catch {
            event.* = self.outOfMemory(allocator);
            return 0;
        };
        frame.unmask(self.mask, bytes[0..count], self.gathered[self.length..][0..count]);
        event.* = self.advance(allocator, count);
        return count;
    }

    fn feedControl(self: *Decoder, allocator: Allocator, bytes: []const u8, event: *Event) usize {
        const count: u8 = @intCast(@min(bytes.len, self.control_remaining));
        const payload = self.control.?[0 .. self.control_length + count];
        frame.unmask(self.mask, bytes[0..count], payload[self.control_length..]);
        self.mask = frame.rotate(self.mask, count);
        self.control_length += count;
        self.control_remaining -= count;
        if (self.control_remaining == 0) {
            self.phase = .header;
            event.* = self.controlEvent(allocator, self.control_opcode, payload);
        }
        return count;
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
        return event;
    }

    /// Memory for `more` bytes behind those that came, and some ahead.
    fn reserve(self: *Decoder, allocator: Allocator, more: usize) error{OutOfMemory}!void {
        const wanted = self.length + more;
        if (wanted <= self.gathered.len) return;
        const most = if (self.fin) self.length + self.remaining else self.message_bytes_max;
        const size = @min(most, @max(2 * wanted, self.length + ahead_bytes));
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

const model = @import("model.zig");
const Driver = model.Driver;

test {
    _ = @import("../fuzz/websocket.zig");
}

/// A client's frame. `first` is its first byte: FIN and the reserved bits, then the opcode.
inline fn client(comptime first: u8, comptime payload: []const u8) []const u8 {
    const masked = comptime masked: {
        @setEvalBranchQuota(10_000);
        var masked: [payload.len]u8 = undefined;
        for (payload, &masked, 0..) |byte, *out, index| out.* = byte ^ "mask"[index % 4];
        break :masked masked;
    };
    const length = if (payload.len <= 125)
        [_]u8{0x80 | payload.len}
    else
        [_]u8{ 0xfe, payload.len >> 8, payload.len & 0xff };
    return [_]u8{first} ++ length ++ "mask" ++ masked;
}

const good = client(0x81, "good");
const generous: Options = .{ .message_bytes_max = 1 << 16 };

fn expectLine(options: Options, bytes: []const u8, cuts: []const usize, line: []const u8) !void {
    var driver: Driver = .init(options);
    defer driver.deinit();
    var at: usize = 0;
    for (cuts) |cut| {
        try driver.feed(bytes[at..cut]);
        at = cut;
    }
    try driver.feed(bytes[at..]);
    try std.testing.expectEqualStrings(line, driver.line.items);
}

/// Whole, split at every byte, each byte alone; by itself, and behind good messages. The naive
/// reader must agree.
fn expectEvents(options: Options, bytes: []const u8, line: []const u8) !void {
    const allocator = std.testing.allocator;
    errdefer std.debug.print("{f}\n", .{std.ascii.hexEscape(bytes, .lower)});
    const prefixes = [_][2][]const u8{
        .{ "", "" },
        .{ good, "text good|" },
        .{ client(0x02, "go") ++ client(0x89, "p") ++ client(0x80, "od"), "ping p|binary good|" },
    };
    for (prefixes) |prefix| {
        const whole = try std.mem.concat(allocator, u8, &.{ prefix[0], bytes });
        defer allocator.free(whole);
        const expected = try std.mem.concat(allocator, u8, &.{ prefix[1], line });
        defer allocator.free(expected);
        try expectLine(options, whole, &.{}, expected);
        for (0..whole.len) |cut| try expectLine(options, whole, &.{cut}, expected);
        const cuts = try allocator.alloc(usize, whole.len);
        defer allocator.free(cuts);
        for (cuts, 1..) |*cut, end| cut.* = end;
        try expectLine(options, whole, cuts, expected);
        var naive: std.ArrayList(u8) = .empty;
        defer naive.deinit(allocator);
        try model.readNaively(allocator, whole, options, &naive);
        try std.testing.expectEqualStrings(expected, naive.items);
    }
}

const Case = struct { []const u8, []const u8 };

const long: [125]u8 = @splat('l');
const longer: [126]u8 = @splat('m');

test "messages and control frames" {
    const cases = [_]Case{
        .{ "", "" },
        .{ client(0x81, ""), "text |" },
        .{ client(0x81, "hello"), "text hello|" },
        .{ client(0x82, "\x00\xff"), "binary \x00\xff|" },
        .{ client(0x82, &long), "binary " ++ long ++ "|" },
        .{ client(0x82, &longer), "binary " ++ longer ++ "|" },
        .{ client(0x81, "a") ++ client(0x82, "b"), "text a|binary b|" },
        // Fragments (RFC 6455 5.4).
        .{ client(0x01, "hel") ++ client(0x00, "l") ++ client(0x80, "o"), "text hello|" },
        .{ client(0x02, "") ++ client(0x00, "") ++ client(0x80, ""), "binary |" },
        .{ client(0x02, "") ++ client(0x00, "x") ++ client(0x80, ""), "binary x|" },
        .{ client(0x01, "caf\xc3") ++ client(0x80, "\xa9"), "text café|" },
        .{ client(0x01, "\xf0\x9f") ++ client(0x00, "\x8e") ++ client(0x80, "\xb9"), "text 🎹|" },
        .{ client(0x01, "a") ++ client(0x89, "p") ++ client(0x80, "b"), "ping p|text ab|" },
        .{
            client(0x01, "a") ++ client(0x8a, &long) ++ client(0x80, "b"),
            "pong " ++ long ++ "|text ab|",
        },
        // Control frames (RFC 6455 5.5).
        .{ client(0x89, ""), "ping |" },
        .{ client(0x89, &long), "ping " ++ long ++ "|" },
        .{ client(0x8a, "\xff"), "pong \xff|" },
        .{ client(0x88, ""), "close 1005 |" },
        .{ client(0x88, "\x03\xe8"), "close 1000 |" },
        .{ client(0x88, "\x13\x87bye \xc3\xa9"), "close 4999 bye é|" },
        .{ client(0x88, "\x0b\xb8" ++ long[0..123]), "close 3000 " ++ long[0..123] ++ "|" },
        // What comes after a close is no longer read (RFC 6455 5.5.1).
        .{ client(0x88, "\x03\xe8") ++ client(0x81, "late") ++ "\xff\xff", "close 1000 |" },
        .{ client(0x01, "a") ++ client(0x88, "\x03\xe9"), "close 1001 |" },
    };
    for (cases) |case| try expectEvents(generous, case[0], case[1]);
}

test "frames that are refused" {
    const cases = [_]Case{
        .{ "\x81\x05hello", "failed unmasked|" },
        .{ "\x88\x00", "failed unmasked|" },
        .{ client(0xc1, "a"), "failed reserved_bits|" },
        .{ client(0xa1, "a"), "failed reserved_bits|" },
        .{ client(0x91, "a"), "failed reserved_bits|" },
        .{ client(0xc9, "a"), "failed reserved_bits|" },
        .{ client(0x83, "a"), "failed reserved_opcode|" },
        .{ client(0x87, ""), "failed reserved_opcode|" },
        .{ client(0x8b, ""), "failed reserved_opcode|" },
        .{ client(0x8f, "a"), "failed reserved_opcode|" },
        .{ client(0x09, "a"), "failed control_fragmented|" },
        .{ client(0x08, ""), "failed control_fragmented|" },
        .{ client(0x89, &longer), "failed control_too_long|" },
        .{ client(0x88, "\x03\xe8" ++ longer[0..124]), "failed control_too_long|" },
        .{ "\x8a\xff", "failed control_too_long|" },
        .{ client(0x80, "a"), "failed continuation_without_message|" },
        .{ client(0x00, ""), "failed continuation_without_message|" },
        .{ client(0x01, "a") ++ client(0x81, "b"), "failed message_not_finished|" },
        .{ client(0x01, "a") ++ client(0x02, "b"), "failed message_not_finished|" },
        .{ client(0x01, "a") ++ client(0x00, "") ++ "\x80\x00", "failed unmasked|" },
        .{ "\x82\xfe\x00\x7d", "failed length_not_minimal|" },
        .{ "\x82\xfe\x00\x00", "failed length_not_minimal|" },
        .{ "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", "failed length_not_minimal|" },
        .{ "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00", "failed length_out_of_range|" },
        .{ "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", "failed length_out_of_range|" },
        .{ "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask", "failed message_too_big|" },
        .{ client(0x88, "\x03"), "failed close_payload|" },
        .{ client(0x88, "\x00\x00"), "failed close_code|" },
        .{ client(0x88, "\x03\xe7bye"), "failed close_code|" },
        .{ client(0x88, "\x03\xec"), "failed close_code|" },
        .{ client(0x88, "\x03\xed"), "failed close_code|" },
        .{ client(0x88, "\x03\xee"), "failed close_code|" },
        .{ client(0x88, "\x03\xf7"), "failed close_code|" },
        .{ client(0x88, "\x0b\xb7"), "failed close_code|" },
        .{ client(0x88, "\x13\x88"), "failed close_code|" },
        .{ client(0x88, "\x03\xe8\xff"), "failed close_reason|" },
        .{ client(0x88, "\x03\xe8\xc3"), "failed close_reason|" },
        .{ client(0x01, "a") ++ client(0x88, "\x03\xe8\xff"), "failed close_reason|" },
        .{ client(0x81, "caf\xe9"), "failed invalid_text|" },
        .{ client(0x81, "\xc3"), "failed invalid_text|" },
        .{ client(0x81, "\xed\xa0\x80"), "failed invalid_text|" },
        .{ client(0x81, "\xf4\x90\x80\x80"), "failed invalid_text|" },
        .{ client(0x81, "\xc0\xaf"), "failed invalid_text|" },
        .{ client(0x01, "a") ++ client(0x80, "\xff"), "failed invalid_text|" },
        .{ client(0x01, "\xc3") ++ client(0x80, ""), "failed invalid_text|" },
        // Refused before the rest has come.
        .{ client(0x01, "\xff"), "failed invalid_text|" },
        .{ client(0x01, "\xc3") ++ client(0x00, "a"), "failed invalid_text|" },
        .{ "\x81\xfe\x10\x00\x00\x00\x00\x00\xff", "failed invalid_text|" },
        // What comes after a failure is no longer read.
        .{ client(0x81, "\xff") ++ good ++ "\x00\x00", "failed invalid_text|" },
        .{ client(0x80, "") ++ good, "failed continuation_without_message|" },
    };
    for (cases) |case| try expectEvents(generous, case[0], case[1]);
}

test "compressed messages, when that was negotiated" {
    const deflate: Options = .{ .message_bytes_max = 1 << 16, .deflate = true };
    const cases = [_]Case{
        .{ client(0xc1, "\xff"), "text~ \xff|" },
        .{ client(0xc2, ""), "binary~ |" },
        .{
            client(0x41, "\xff") ++ client(0x89, "p") ++ client(0x80, "\xc3"),
            "ping p|text~ \xff\xc3|",
        },
        .{
            client(0x81, "a") ++ client(0xc1, "\xff") ++ client(0x81, "b"),
            "text a|text~ \xff|text b|",
        },
        .{
            client(0x41, "\xff") ++ client(0x80, "") ++ client(0x01, "b") ++ client(0x80, "c"),
            "text~ \xff|text bc|",
        },
        .{ client(0x81, "\xff"), "failed invalid_text|" },
        // RFC 7692 6.1: not on later fragments, and never on control frames.
        .{ client(0x41, "a") ++ client(0xc0, "b"), "failed reserved_bits|" },
        .{ client(0x01, "a") ++ client(0xc0, "b"), "failed reserved_bits|" },
        .{ client(0xc9, ""), "failed reserved_bits|" },
        .{ client(0xc8, ""), "failed reserved_bits|" },
        .{ client(0xe1, "a"), "failed reserved_bits|" },
        .{ client(0xd1, "a"), "failed reserved_bits|" },
    };
    for (cases) |case| try expectEvents(deflate, case[0], case[1]);
}

test "a message may have as many bytes as the limit says" {
    const options: Options = .{ .message_bytes_max = 8, .deflate = true };
    const cases = [_]Case{
        .{ client(0x82, "1234567"), "binary 1234567|" },
        .{ client(0x82, "12345678"), "binary 12345678|" },
        .{ client(0x82, "123456789"), "failed message_too_big|" },
        .{ client(0xc2, "123456789"), "failed message_too_big|" },
        .{ client(0x02, "1234567") ++ client(0x80, "8"), "binary 12345678|" },
        .{ client(0x02, "12345678") ++ client(0x80, ""), "binary 12345678|" },
        .{ client(0x02, "12345678") ++ client(0x80, "9"), "failed message_too_big|" },
        .{
            client(0x02, "1234") ++ client(0x00, "5678") ++ client(0x00, "9"),
            "failed message_too_big|",
        },
        // The header is enough.
        .{ "\x82\x89mask", "failed message_too_big|" },
        .{ client(0x02, "12345678") ++ "\x80\x81mask", "failed message_too_big|" },
        // Each message by itself; control frames do not count.
        .{
            client(0x82, "12345678") ++ client(0x82, "12345678"),
            "binary 12345678|binary 12345678|",
        },
        .{ client(0x89, "123456789"), "ping 123456789|" },
    };
    for (cases) |case| try expectEvents(options, case[0], case[1]);
}

fn feedTimes(driver: *Driver, count: usize, bytes: []const u8) !void {
    for (0..count) |_| try driver.feed(bytes);
}

fn expectEnd(driver: *Driver, end: []const u8) !void {
    try std.testing.expect(std.mem.endsWith(u8, driver.line.items, end));
}

test "a flood of control frames ends at the limit, unless there are messages or time passes" {
    const most = limits.websocket_controls_max;
    const ping = client(0x89, "");
    inline for (.{ ping, client(0x8a, "") }) |control| {
        var driver: Driver = .init(generous);
        defer driver.deinit();
        try feedTimes(&driver, most - 1, control);
        try feedTimes(&driver, 1, control[0..3]);
        try feedTimes(&driver, 1, control[3..]);
        try expectEnd(&driver, "g |");
        try driver.feed(ping);
        try expectEnd(&driver, "failed control_flood|");
        try driver.feed(good);
        try expectEnd(&driver, "failed control_flood|");
    }
    var driver: Driver = .init(generous);
    defer driver.deinit();
    try feedTimes(&driver, most, ping);
    driver.decoder.tick();
    try feedTimes(&driver, most, ping);
    try driver.feed(good);
    try feedTimes(&driver, most, ping);
    // A message under way is none yet.
    driver.decoder.tick();
    try driver.feed(client(0x01, "a"));
    try feedTimes(&driver, most, ping);
    try driver.feed(client(0x80, "b"));
    try feedTimes(&driver, most, ping);
    try expectEnd(&driver, "ping |");
    try driver.feed(client(0x88, "\x03\xe8"));
    try expectEnd(&driver, "close 1000 |");
}

test "a message has so many fragments without content, at most" {
    const most = limits.websocket_empty_fragments_max;
    var driver: Driver = .init(generous);
    defer driver.deinit();
    for (0..2) |_| {
        try driver.feed(client(0x01, "a"));
        try feedTimes(&driver, most - 1, client(0x00, ""));
        try feedTimes(&driver, 1000, client(0x00, "b"));
        try driver.feed(client(0x00, ""));
        try driver.feed(client(0x80, ""));
        try expectEnd(&driver, "b|");
    }
    try driver.feed(client(0x02, ""));
    try feedTimes(&driver, most - 1, client(0x00, ""));
    try expectEnd(&driver, "b|");
    driver.decoder.tick();
    try driver.feed(client(0x00, ""));
    try expectEnd(&driver, "b|failed empty_fragments|");
}

test "a message that came whole is neither copied nor allocated" {
    var bytes: [good.len * 2]u8 = (good ++ good).*;
    var decoder: Decoder = .init(generous);
    const first = decoder.feed(std.testing.failing_allocator, &bytes);
    try std.testing.expectEqual(good.len, first.consumed);
    try std.testing.expectEqual(bytes[6..good.len].ptr, first.event.message.payload.ptr);
    try std.testing.expect(!first.event.message.owned);
    const second = decoder.feed(std.testing.failing_allocator, bytes[first.consumed..]);
    try std.testing.expectEqualStrings("good", second.event.message.payload);
    const nothing = decoder.feed(std.testing.failing_allocator, &.{});
    try std.testing.expectEqual(Result{ .consumed = 0, .event = .more }, nothing);
}

test "an announced length costs no memory, and what comes costs at most twice as much" {
    const announced = "\x82\xff\x00\x00\x00\x00\x3f\xff\xff\xffmask";
    var driver: Driver = .init(.{ .message_bytes_max = 1 << 30 });
    defer driver.deinit();
    try driver.feed(announced);
    try std.testing.expectEqual(0, driver.decoder.gathered.len);
    const piece: [1500]u8 = @splat(0);
    var growths: usize = 0;
    for (0..1000) |_| {
        const before = driver.decoder.gathered.len;
        try driver.feed(&piece);
        growths += @intFromBool(driver.decoder.gathered.len > before);
    }
    try std.testing.expect(growths < 10);
}

test "large payloads are received where they stay" {
    errdefer std.debug.print("seed {d}\n", .{std.testing.random_seed});
    var prng: std.Random.DefaultPrng = .init(std.testing.random_seed);
    const random = prng.random();
    const allocator = std.testing.allocator;
    const payload = try allocator.alloc(u8, 1_000_003);
    defer allocator.free(payload);
    random.bytes(payload);
    var stream: std.ArrayList(u8) = .empty;
    defer stream.deinit(allocator);
    try model.writeFrame(allocator, &stream, 0x82, "\x37\xfa\x21\x3d".*, payload);

    var driver: Driver = .init(.{ .message_bytes_max = 1 << 20 });
    defer driver.deinit();
    try std.testing.expectEqual(null, driver.decoder.room(allocator));
    try driver.feed(stream.items[0..9]);
    try std.testing.expectEqual(null, driver.decoder.room(allocator));
    try driver.feed(stream.items[9..27]);
    var at: usize = 27;
    var growths: usize = 0;
    while (driver.line.items.len == 0) {
        const before = driver.decoder.gathered.len;
        const want = 1 + random.uintLessThan(usize, 100_000);
        const count = try driver.receive(stream.items[at..][0..@min(stream.items.len - at, want)]);
        growths += @intFromBool(driver.decoder.gathered.len > before);
        if (count == 0) try driver.feed(stream.items[at..]);
        at += count;
    }
    try std.testing.expectEqualStrings("binary ", driver.line.items[0..7]);
    try std.testing.expect(std.mem.eql(u8, payload, driver.line.items[7..][0..payload.len]));
    try std.testing.expect(growths < 8);
    // At most the frame: what follows it is not payload.
    const fragment: [5000]u8 = @splat('f');
    stream.clearRetainingCapacity();
    try model.writeFrame(allocator, &stream, 0x02, "mask".*, &fragment);
    try driver.feed(stream.items[0..18]);
    try std.testing.expectEqual(4990, driver.decoder.room(allocator).?.len);
    try driver.feed(stream.items[18..]);
    try driver.feed(client(0x80, ""));
    try expectEnd(&driver, "ff|");
    // A few bytes, control frames and what is not begun are for `feed`.
    try std.testing.expectEqual(null, driver.decoder.room(allocator));
    try driver.feed(client(0x82, &long)[0..20]);
    try std.testing.expectEqual(null, driver.decoder.room(allocator));
}

test "without memory it says so, keeps nothing and reads no further" {
    const cases = [_][]const u8{
        client(0x81, "hello") ++ client(0x02, "a") ++ client(0x80, "b"),
        client(0x81, "hello") ++ client(0x89, "abc"),
    };
    for (cases) |bytes| for (0..4) |index| {
        var failing: std.testing.FailingAllocator = .init(std.testing.allocator, .{
            .fail_index = index,
            .resize_fail_index = 0,
        });
        var driver: Driver = .init(generous);
        driver.allocator = failing.allocator();
        defer driver.deinit();
        for (bytes) |byte| try driver.feed(&.{byte});
        if (!failing.has_induced_failure) continue;
        try expectEnd(&driver, "out_of_memory|");
        try driver.feed(good);
        try expectEnd(&driver, "out_of_memory|");
        try std.testing.expectEqual(0, driver.decoder.gathered.len);
    };
}
