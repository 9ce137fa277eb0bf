//! What the library says of itself: the version of the border, its layout as JSON, and what a crash
//! prints.

const std = @import("std");
const abi = @import("../abi.zig");
const core = @import("../core.zig");
const limits = @import("../limits.zig");

pub const library_version = "0.1.0";

pub fn abiVersion() callconv(.c) u32 {
    return abi.version;
}

/// NUL-terminated JSON: every constant of `abi.zig` by its path, the limits, and the order of the
/// configuration's words.
pub fn abiLayout() callconv(.c) [*:0]const u8 {
    return layout;
}

const layout: [:0]const u8 = text: {
    @setEvalBranchQuota(100_000);
    var out: []const u8 = "{\"version\":" ++ number(abi.version);
    for (.{ "request", "message", "response", "settings", "view", "control" }) |name| {
        out = out ++ ",\"" ++ name ++ "\":" ++ numbersOf(@field(abi, name));
    }
    const namespaces = .{
        "Flag",       "Special", "Method",       "State", "Kind",
        "AnswerFlag", "Notice",  "SettingsFlag", "Frame",
    };
    for (namespaces) |name| {
        out = out ++ ",\"" ++ name ++ "\":" ++ numbersOf(@field(abi, name));
    }
    out = out ++ ",\"limits\":" ++ numbersOf(limits) ++ ",\"Code\":{";
    for (@typeInfo(abi.Code).@"enum".fields, 0..) |field, index| {
        if (index > 0) out = out ++ ",";
        out = out ++ "\"" ++ field.name ++ "\":" ++ number(field.value);
    }
    out = out ++ "},\"config\":[";
    for (@typeInfo(core.Config).@"struct".fields, 0..) |field, index| {
        out = out ++ (if (index > 0) "," else "") ++ "\"" ++ field.name ++ "\"";
    }
    break :text out ++ "]}" ++ "";
};

fn numbersOf(comptime Namespace: type) []const u8 {
    var out: []const u8 = "{";
    var first = true;
    for (@typeInfo(Namespace).@"struct".decls) |declaration| {
        const value = @field(Namespace, declaration.name);
        switch (@typeInfo(@TypeOf(value))) {
            .int, .comptime_int => {},
            else => continue,
        }
        out = out ++ (if (first) "" else ",") ++ "\"" ++ declaration.name ++ "\":" ++ number(value);
        first = false;
    }
    return out ++ "}";
}

fn number(comptime value: comptime_int) []const u8 {
    return std.fmt.comptimePrint("{d}", .{value});
}

pub const panic = std.debug.FullPanic(crash);

fn crash(message: []const u8, address: ?usize) noreturn {
    var line: [512]u8 = undefined;
    const place = address orelse @returnAddress();
    const text = std.fmt.bufPrint(
        &line,
        "chopin " ++ library_version ++ ": bug in the native library at 0x{x}: {s}\n",
        .{ place, message },
    ) catch "chopin " ++ library_version ++ ": bug in the native library\n";
    _ = std.c.write(2, text.ptr, text.len);
    std.process.abort();
}

test "the layout is JSON and names the version" {
    const parsed = try std.json.parseFromSlice(std.json.Value, std.testing.allocator, layout, .{});
    defer parsed.deinit();
    try std.testing.expectEqual(abi.version, parsed.value.object.get("version").?.integer);
}
