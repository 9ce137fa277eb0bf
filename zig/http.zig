//! The files of `http/`: bytes in, values out, no allocation and no descriptor. Tests and
//! benchmarks come in here; the connection imports the files that it needs.

pub const authority = @import("http/authority.zig");
pub const chunked = @import("http/chunked.zig");
pub const date = @import("http/date.zig");
pub const digits = @import("http/digits.zig");
pub const encoder = @import("http/encoder.zig");
pub const fields = @import("http/fields.zig");
pub const framing = @import("http/framing.zig");
pub const parser = @import("http/parser.zig");
pub const problem = @import("http/problem.zig");
pub const proxy_protocol = @import("http/proxy_protocol.zig");
pub const rejection = @import("http/rejection.zig");
pub const scan = @import("http/scan.zig");
pub const status = @import("http/status.zig");
pub const target = @import("http/target.zig");

test {
    _ = @import("fuzz/parser.zig");
    _ = @import("http/corpora.zig");
    @import("std").testing.refAllDecls(@This());
}
