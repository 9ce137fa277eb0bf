//! Why a message was refused, and what its sender is told. The tag name is the stable `code` of the
//! error body; every rejection closes the connection, because after it nobody can tell where the
//! next message would begin.

const std = @import("std");

pub const Rejection = enum(u8) {
    // The start line.
    tls_client_hello,
    too_many_empty_lines,
    bad_method,
    method_too_long,
    extra_space,
    bad_target,
    fragment_in_target,
    target_too_long,
    missing_version,
    bad_version,
    version_not_supported,
    // Lines and fields.
    bare_lf,
    bare_cr,
    head_too_large,
    too_many_fields,
    space_before_field,
    folded_field,
    space_before_colon,
    missing_colon,
    bad_field_name,
    bad_field_value,
    // Fields that the server itself understands.
    missing_host,
    duplicate_host,
    bad_host,
    bad_content_length,
    duplicate_content_length,
    length_with_transfer_encoding,
    bad_transfer_encoding,
    duplicate_transfer_encoding,
    transfer_encoding_in_http_1_0,
    transfer_coding_not_supported,
    expectation_failed,
    // A chunked body.
    bad_chunk_size,
    bad_chunk_extension,
    chunk_line_too_long,
    chunk_extensions_too_large,
    bad_chunk_end,
    bad_trailer,
    trailers_too_large,

    /// The status of the answer.
    pub fn status(rejection: Rejection) u16 {
        return switch (rejection) {
            .target_too_long => 414,
            .expectation_failed => 417,
            .head_too_large, .too_many_fields, .trailers_too_large => 431,
            .transfer_coding_not_supported => 501,
            .version_not_supported => 505,
            .tls_client_hello,
            .too_many_empty_lines,
            .bad_method,
            .method_too_long,
            .extra_space,
            .bad_target,
            .fragment_in_target,
            .missing_version,
            .bad_version,
            .bare_lf,
            .bare_cr,
            .space_before_field,
            .folded_field,
            .space_before_colon,
            .missing_colon,
            .bad_field_name,
            .bad_field_value,
            .missing_host,
            .duplicate_host,
            .bad_host,
            .bad_content_length,
            .duplicate_content_length,
            .length_with_transfer_encoding,
            .bad_transfer_encoding,
            .duplicate_transfer_encoding,
            .transfer_encoding_in_http_1_0,
            .bad_chunk_size,
            .bad_chunk_extension,
            .chunk_line_too_long,
            .chunk_extensions_too_large,
            .bad_chunk_end,
            .bad_trailer,
            => 400,
        };
    }

    /// The stable snake_case code of the error body.
    pub fn code(rejection: Rejection) []const u8 {
        return @tagName(rejection);
    }
};

test "every code is snake_case and every status one that closes" {
    for (std.enums.values(Rejection)) |rejection| {
        for (rejection.code()) |byte| {
            try std.testing.expect(
                std.ascii.isLower(byte) or std.ascii.isDigit(byte) or byte == '_',
            );
        }
        try std.testing.expect(rejection.status() >= 400);
    }
}
