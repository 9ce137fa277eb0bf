//! Files as answers: what is sent for a path, conditions, ranges and encodings considered, and the
//! cache of open files behind it. `c/file.zig` offers it to TypeScript, `answer.zig` uses it for
//! routes that are answered without JavaScript.

test {
    _ = @import("sys/file.zig");
    _ = @import("file/conditional.zig");
    _ = @import("file/date.zig");
    _ = @import("file/mime.zig");
    _ = @import("file/negotiate.zig");
    _ = @import("file/cache.zig");
    _ = @import("file/open.zig");
    _ = @import("file/range.zig");
    _ = @import("file/multipart.zig");
    _ = @import("file/open_file.zig");
    _ = @import("file/plan.zig");
    _ = @import("file/root.zig");
}
