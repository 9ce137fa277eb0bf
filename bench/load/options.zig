//! What a load generator is started with: `--name value`, for each field of a struct.

const std = @import("std");

/// Fields that are not named keep their defaults.
pub fn read(comptime Options: type, arguments: *std.process.Args.Iterator) error{Usage}!Options {
    var options: Options = .{};
    _ = arguments.skip();
    while (arguments.next()) |name| {
        const value = arguments.next() orelse return error.Usage;
        inline for (@typeInfo(Options).@"struct".fields) |field| {
            if (std.mem.eql(u8, name, "--" ++ field.name)) {
                @field(options, field.name) = if (field.type == []const u8)
                    value
                else
                    std.fmt.parseInt(field.type, value, 10) catch return error.Usage;
                break;
            }
        } else return error.Usage;
    }
    return options;
}
