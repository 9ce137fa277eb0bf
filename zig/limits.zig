//! Every limit: its name, its value, and the reason for that number. Options override the defaults
//! that a user may want to change; the rest are fixed because the layout at the border rests on
//! them.

/// A line of the PROXY protocol's version 1 (proxy-protocol.txt 2.1).
pub const proxy_line_bytes_max = 107;
/// A whole header of version 2. The text of the protocol keeps to what one segment carries; what
/// balancers add about a TLS client and its certificate has been seen to take up to two kilobytes.
pub const proxy_header_bytes_max = 4096;

/// Requests in one dispatch. 64 connections with 8 pipelined requests each fill it; the callback's
/// 80 ns are then shared by 512 requests.
pub const batch_max = 512;

/// Captures of one route. Sixteen is four times the deepest REST path seen in public OpenAPI files.
pub const params_max = 16;

/// Late answers that JS may leave before it must flush them itself.
pub const late_max = 512;

/// Bytes that JS views: batch records, the bytes of one batch, the answers to it. Memory that JS
/// views counts as JS heap and makes the collector lazy, so it stays small.
pub const request_arena_bytes = 1536 * 1024;
pub const answer_arena_bytes = 1536 * 1024;
/// Where a late request's bytes are staged for JS: the largest head plus its decoded path.
pub const stage_bytes = 512 * 1024;

/// Method token: the longest registered one has 17 bytes (UPDATEREDIRECTREF).
pub const method_bytes_max = 32;

/// The request target. RFC 9110 4.1 asks for at least 8,000 bytes.
pub const target_bytes_max = 16 * 1024;

/// The whole head, request line included; what Node, nginx (4 × 8 KiB) and Apache allow is 16–64
/// KiB.
pub const head_bytes_default = 32 * 1024;
pub const head_bytes_most = 128 * 1024;

/// Field lines in one head. nginx has no number, Apache and Node stop at 100 and 2,000.
pub const fields_default = 128;

/// Empty lines ignored before a request line (RFC 9112 2.2 asks for at least one).
pub const leading_empty_lines_max = 4;

/// Bytes of chunk extensions in one body; nobody uses them for more than a signature (AWS: 85 bytes
/// per chunk).
pub const chunk_extension_bytes_max = 16 * 1024;
/// One chunk-size line. Sixteen digits, extensions of a few hundred bytes.
pub const chunk_line_bytes_max = 4 * 1024;
/// The trailer section of one chunked body.
pub const trailer_bytes_max = 8 * 1024;

/// A whole request body, unless the route says otherwise.
pub const body_bytes_default = 1024 * 1024;

/// A streamed body's limit that stands for none.
pub const body_bytes_unlimited = 0xffff_ffff;

/// Pieces of streamed answers from this size on are sent at once and out of JS's own memory;
/// smaller ones are gathered until the turn ends, since a copy costs less than a call.
pub const piece_sent_least = 16 * 1024;

/// Bytes of a streamed answer that may wait for the client before its producer has to: what a
/// socket's buffer takes in one go.
pub const stream_backlog_bytes = 128 * 1024;

/// Files up to this size are read behind their head, which costs less than a second call for the
/// socket; from 16 KiB on sendfile is cheaper than copying twice.
pub const file_copied_max = 8 * 1024;

/// One call of sendfile: more would let one connection hold up the others.
pub const file_bytes_per_call = 2 * 1024 * 1024;

/// Unread body bytes that are drained so that the connection can be kept.
pub const drain_bytes_max = 256 * 1024;

/// Unanswered pipelined requests of one connection (RFC 9112 9.3.2 lets a server choose).
pub const pipeline_max = 64;

/// Requests of one worker that wait for an async handler. Each costs its head and a slot.
pub const pending_default = 16 * 1024;

/// Ready answers of one worker that wait behind unfinished ones; 160 MiB of addresses, no memory.
pub const queued_answers_most = 1024 * 1024;

/// Bytes of one worker's gathered bodies and waiting requests; what exceeds them is answered 503. A
/// quarter of the memory of a small machine, and 256 bodies at the default limit.
pub const pending_bytes_default = 256 * 1024 * 1024;

/// Connections of one worker (CHOPIN_SLAB_CAPACITY).
pub const slab_capacity_default = 16_000;
pub const slab_capacity_most = 1_048_576;

/// First read of a connection (CHOPIN_READ_BUF_SIZE): never caps the head.
pub const read_buffer_bytes_default = 8 * 1024;
/// Copied answers up to this size are joined with their head; larger bodies go out by their own
/// iovec (CHOPIN_WRITE_BUF_SIZE).
pub const write_buffer_bytes_default = 32 * 1024;
pub const buffer_bytes_least = 512;
pub const buffer_bytes_most = 65_535;

/// Free blocks that a worker keeps for the next connections: some hundred heads or answers.
pub const pool_free_bytes_max = 4 * 1024 * 1024;

/// Polls in one turn while there is something to do. The script's loop comes round after each turn;
/// its part of a turn costs as much as serving ten requests, so under load it is shared by several
/// polls.
pub const rounds_max = 8;

/// How long the library may wait for the network while the event loop has nothing to do
/// (CHOPIN_EPOLL_TIMEOUT_MS is in milliseconds: 0 forbids it).
pub const quiet_wait_ns = 1_000_000;

/// What the kernel takes of an answer beyond what is on its way. Without a bound a slow reader has
/// megabytes copied for it, and a fast one is sent what has left the cache before it is read:
/// answers of 1 MiB to 64 connections go out at one and a half times the rate, and a thousand slow
/// readers leave others alone (`scripts/attack.ts`).
pub const unsent_bytes_max = 128 * 1024;

/// Answers of one connection that the peer has not taken; beyond it reading stops.
pub const output_backlog_default = 256 * 1024;

/// The body of one answer in one piece: what a chunk counts in 32 bits, with its header. What no
/// memory should hold twice is for files and streams.
pub const answer_bytes_max = 2 * 1024 * 1024 * 1024;

/// Deadlines in milliseconds: a whole head, a whole body, a quiet keep-alive connection, and how
/// long a closing connection is drained so that its last answer is not lost to a reset.
pub const head_timeout_ms_default = 10_000;
pub const body_timeout_ms_default = 30_000;
/// Twice what a modem of 1998 sent; each second's worth of a body extends its deadline by a
/// second.
pub const body_bytes_per_second_least = 16 * 1024;
pub const idle_timeout_ms_default = 60_000;
/// No memory grows with a connection's requests. Now and then clients shall connect anew, to reach
/// the processes and machines that were added meanwhile: at a hundred a second after three hours.
pub const requests_per_connection_default = 1_000_000;
/// The peer takes no byte of an answer for so long.
pub const write_timeout_ms_default = 30_000;
/// A seventh of what a modem of 1998 took. A reader slower than that on the whole is cut off, since
/// one byte now and then would keep a whole backlog for days.
pub const write_bytes_per_second_least = 1024;
pub const linger_ms = 1_000;
/// One read of a WebSocket: what most messages fit into, so that they are taken where they lie. The
/// place is the batch's, and costs a connection nothing.
pub const websocket_read_bytes = 64 * 1024;
/// How long a WebSocket that was closed from here may take to say close too: a round trip to
/// anywhere, and what was on its way.
pub const websocket_close_ms = 5_000;

/// Prefixes of middleware in one application: one bit each in a request's coverage.
pub const prefixes_max = 32;

/// Methods that an application may name beside the nine of RFC 9110 and 5789: bits in a route's
/// set.
pub const methods_max = 31;

/// Ranges in one Range field; more are ignored. PDF readers ask for a dozen, and the work for each
/// pair of them stays below that of opening a file.
pub const ranges_max = 32;

/// Open files that one worker keeps for the next requests, unless that exceeds a quarter of its
/// descriptors: connections need the rest. Pages beyond a thousand files are rarely hot.
pub const open_files_max = 1024;

/// How long an open file is taken to be what its path names. One stat a second costs nothing, and
/// nobody sees a page that is older.
pub const file_check_ms_default = 1_000;

/// Bytes of a path below a root: PATH_MAX of Linux, longer ones cannot be opened.
pub const file_path_bytes_max = 4095;

/// Symbolic links on the way to one file, as Linux counts them.
pub const links_max = 40;

/// Pings and pongs of one WebSocket without a message between them, in one second. Clients that
/// measure their latency send ten; each ping costs an answer, and nobody would see a flood.
pub const websocket_controls_max = 100;

/// Fragments without content in one message, its last one aside. A writer that flushes too early
/// sends one or two; without a bound a message of nothing would never end, while fragments with
/// content are bounded by the message's size.
pub const websocket_empty_fragments_max = 100;
