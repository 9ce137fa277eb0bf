//! The border: what the library and `src/native/` agree on. Record layouts are in 32-bit words,
//! offsets in bytes from the start of the view. `layout()` prints all of it as JSON and a test
//! holds the TypeScript mirror against it; raise `version` with every change.

const limits = @import("limits.zig");

pub const version: u32 = 4;

/// Result codes: zero or more is success.
pub const Code = enum(i32) {
    ok = 0,
    out_of_memory = -1,
    invalid_argument = -2,
    address_in_use = -3,
    permission_denied = -4,
    address_unavailable = -5,
    invalid_host = -6,
    too_many_descriptors = -7,
    stale_handle = -8,
    re_entered = -9,
    full = -10,
    duplicate_route = -11,
    conflicting_route = -12,
    invalid_pattern = -13,
    unsupported = -14,
    system = -15,
    bad_target = -16,
    end_of_body = -17,
    body_failed = -18,
};

/// One request of a batch, written natively before dispatch. `view.requests + index * words * 4`.
pub const request = struct {
    pub const words = 16 + 2 * limits.params_max;
    /// Route's handler id as given to `chopin_router_add`, or one of `Special`.
    pub const handler = 0;
    /// Method id in bits 0–7 (`Method`), flags above (`Flag`).
    pub const method_flags = 1;
    /// Start of the head's bytes (request line included) and its length.
    pub const head = 2;
    pub const head_len = 3;
    /// Path in canonical form: segments decoded once, raw '/' between them, and a byte 0 for a
    /// slash that was escaped inside a segment. Equal to the raw path when Flag.escaped is not set.
    pub const path = 4;
    pub const path_len = 5;
    /// The request target as sent.
    pub const target = 6;
    pub const target_len = 7;
    /// After '?', without it; offset 0 when there is no '?'.
    pub const query = 8;
    pub const query_len = 9;
    /// Whole body: in the view unless Flag.body_outside (then `chopin_request_body` copies it).
    pub const body = 10;
    pub const body_len = 11;
    /// Effective authority: Host, or that of an absolute-form target.
    pub const authority = 12;
    pub const authority_len = 13;
    /// One bit for each middleware prefix that covers the path.
    pub const coverage = 14;
    /// Number of captures; with Special.method_not_allowed and options: none, and `params[0]` is
    /// the span of the Allow value.
    pub const params_count = 15;
    /// `params_max` pairs of offset and length, in the order of the captures in the pattern. An
    /// optional capture that is absent has offset 0.
    pub const params = 16;
};

/// One message of a WebSocket: a record of the batch too, with `Special.websocket` in the place of
/// a handler. Nothing is answered.
pub const message = struct {
    pub const handler = request.handler;
    /// Opcode (RFC 6455 5.2) in bits 0–7, `Flag.compressed` and `Flag.body_outside` above.
    pub const kind = request.method_flags;
    /// The WebSocket's slot and generation.
    pub const slot = request.head;
    pub const generation = request.head_len;
    /// The whole payload: in the view unless Flag.body_outside (then `chopin_request_body`).
    pub const payload = request.body;
    pub const payload_len = request.body_len;
};

pub const Flag = struct {
    pub const escaped: u32 = 1 << 8;
    pub const http_1_0: u32 = 1 << 9;
    pub const keep_alive: u32 = 1 << 10;
    pub const has_body: u32 = 1 << 11;
    pub const body_outside: u32 = 1 << 12;
    /// `ctx.secure`: the transport was TLS.
    pub const secure: u32 = 1 << 13;
    /// The body is not gathered: `chopin_body_read` gives it as it comes.
    pub const body_streamed: u32 = 1 << 14;
    /// The payload of a message is compressed (RFC 7692), without its last four bytes.
    pub const compressed: u32 = 1 << 15;
};

/// Handler ids that name no route: the native answer with middleware before it.
pub const Special = struct {
    pub const not_found: u32 = 0xffff_ffff;
    pub const method_not_allowed: u32 = 0xffff_fffe;
    pub const options: u32 = 0xffff_fffd;
    pub const not_implemented: u32 = 0xffff_fffc;
    /// No request at all: a `message`.
    pub const websocket: u32 = 0xffff_fff8;
    pub const first: u32 = 0xffff_fff0;
};

/// Method ids; 9 to 30 are tokens that the application registered, `other` any other token.
pub const Method = struct {
    pub const get: u8 = 0;
    pub const head: u8 = 1;
    pub const post: u8 = 2;
    pub const put: u8 = 3;
    pub const delete: u8 = 4;
    pub const connect: u8 = 5;
    pub const options: u8 = 6;
    pub const trace: u8 = 7;
    pub const patch: u8 = 8;
    pub const first_custom: u8 = 9;
    /// A handler for every method that has none of its own, but TRACE and CONNECT.
    pub const all: u8 = 31;
    pub const other: u8 = 255;
};

/// One answer, written by JS: `view.responses + index * words * 4` for the batch,
/// `view.late + n * words * 4` for late ones.
pub const response = struct {
    pub const words = 10;
    /// `State`. Native code writes `unanswered` before each dispatch.
    pub const state = 0;
    /// Status in bits 0–15, content kind (`Kind`) in 16–23, answer flags (`AnswerFlag`) above.
    pub const status_kind_flags = 1;
    /// Field lines as `name: value\r\n`, checked again natively.
    pub const fields = 2;
    pub const fields_len = 3;
    /// Body bytes in the answer arena, unless AnswerFlag.attached.
    pub const body = 4;
    pub const body_len = 5;
    /// Late answers only.
    pub const slot = 6;
    pub const generation = 7;
    /// With AnswerFlag.sized: how many bytes the stream will have, low half first.
    pub const length = 8;
};

pub const State = struct {
    pub const unanswered: u32 = 0;
    pub const answered: u32 = 1;
    /// `chopin_request_hold` was called: the answer comes late.
    pub const held: u32 = 2;
    /// The native answer of the route (a constant, 404, 405, 501, OPTIONS), as it is without
    /// middleware.
    pub const native: u32 = 3;
};

/// Content-Type written natively; `none` writes no such field (JS may have put one in `fields`).
pub const Kind = struct {
    pub const none: u32 = 0;
    pub const json: u32 = 1;
    pub const text: u32 = 2;
    pub const html: u32 = 3;
    pub const bytes: u32 = 4;
    pub const problem: u32 = 5;
};

pub const AnswerFlag = struct {
    /// The body was handed over by `chopin_answer_attach`.
    pub const attached: u32 = 1 << 24;
    /// Close the connection after this answer.
    pub const close: u32 = 1 << 25;
    /// The body comes in pieces by `chopin_stream_write`. Late answers only.
    pub const stream: u32 = 1 << 26;
    /// The stream's length is known.
    pub const sized: u32 = 1 << 27;
    /// The body is what `chopin_answer_file` took.
    pub const file: u32 = 1 << 28;
    /// With status 101: the connection becomes the WebSocket that `chopin_websocket_create` made.
    pub const upgrade: u32 = 1 << 29;
};

/// What JS is told of a request that it holds, or of a WebSocket, as bits.
pub const Notice = struct {
    /// The client has left: nobody waits for the answer.
    pub const gone: u32 = 1;
    /// The client took so much of a stream that more may be written.
    pub const drained: u32 = 2;
    /// `chopin_body_read` has something to say.
    pub const readable: u32 = 4;
    /// The slot is a WebSocket's: its 101 is on its way.
    pub const websocket_opened: u32 = 8;
    /// It is over: `chopin_websocket_closed` says how, and frees the slot.
    pub const websocket_closed: u32 = 16;
    /// The peer took so much that more may be sent.
    pub const websocket_drained: u32 = 32;
};

/// Words of the settings of `chopin_websocket_create`.
pub const settings = struct {
    /// Of one message, as it comes over the wire.
    pub const message_bytes_max = 0;
    /// What the peer has not taken may not be more.
    pub const backlog_bytes_max = 1;
    /// Silence that ends it; after half of it the peer is asked. 0: none does.
    pub const idle_ms = 2;
    /// Bits of `SettingsFlag`.
    pub const flags = 3;
    pub const words = 4;
};

pub const SettingsFlag = struct {
    /// permessage-deflate was agreed on.
    pub const deflate: u32 = 1;
    /// Pings and pongs are messages too.
    pub const control_frames: u32 = 2;
};

/// Beside the opcode of a frame that is sent.
pub const Frame = struct {
    /// The payload is compressed (RFC 7692).
    pub const compressed: u32 = 1 << 8;
};

/// Byte layout of the view.
pub const view = struct {
    pub const control = 0;
    pub const control_bytes = 4096;
    pub const requests = control_bytes;
    /// One record more than a batch: the staged late request.
    pub const requests_bytes = (limits.batch_max + 1) * request.words * 4;
    pub const responses = requests + requests_bytes;
    pub const responses_bytes = limits.batch_max * response.words * 4;
    pub const late = responses + responses_bytes;
    pub const late_bytes = limits.late_max * response.words * 4;
    pub const request_arena = alignForward(late + late_bytes, 4096);
    pub const answer_arena = request_arena + limits.request_arena_bytes;
    pub const stage = answer_arena + limits.answer_arena_bytes;
    pub const bytes = stage + limits.stage_bytes;
};

/// Words of the control block.
pub const control = struct {
    /// Late answers that JS has left since the last turn.
    pub const late_count = 0;
    /// Results of calls that return more than a number.
    pub const result = 1;
    pub const result_words = 8;
    /// Open connections, pending requests: for `stop()` and tests.
    pub const connections_open = 16;
    pub const requests_pending = 17;
    /// JS's own: the next free byte of the answer arena. Here, because after `bun --hot` two
    /// generations of the same module write into one arena.
    pub const answer_top = 18;
    /// JS's own for the same reason: how often a request was staged.
    pub const staged = 19;
    /// Not 0: pieces of streams were queued since the last turn.
    pub const pieces_queued = 20;
    /// Notices of the turn that ended: slot, generation and bits (`Notice`) of each.
    pub const notices_count = 21;
    /// JS's own: how many streams wait for a notice and for nothing else.
    pub const streams_waiting = 22;
    /// WebSockets that JS has not let go of.
    pub const websockets_open = 23;
    /// What limits did, counted; then a record for each reason: see `closings.zig`.
    pub const closings = 24;
    pub const closing_records = 25;
    pub const notices = 72;
    pub const notice_words = 3;
    pub const notices_max = (control_words - notices) / notice_words;
    const control_words = view.control_bytes / 4;
};

fn alignForward(value: comptime_int, to: comptime_int) comptime_int {
    return (value + to - 1) / to * to;
}

comptime {
    if (view.bytes > 16 * 1024 * 1024) @compileError("JS may view 16 MiB at most");
    if (view.requests % 4 != 0 or view.responses % 4 != 0 or view.late % 4 != 0)
        @compileError("records are read as 32-bit words");
}
