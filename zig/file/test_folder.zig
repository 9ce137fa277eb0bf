//! A folder of its own for one test, with what files can be confused with. Used by the tests of
//! `file/` alone.

const std = @import("std");
const sys = @import("../sys.zig");
const sys_file = @import("../sys/file.zig");
const testing = std.testing;

pub const TestFolder = struct {
    tmp: testing.TmpDir,
    fd: sys.Descriptor,

    pub fn init() !TestFolder {
        const tmp = testing.tmpDir(.{});
        return .{ .tmp = tmp, .fd = tmp.dir.handle };
    }

    pub fn deinit(self: *TestFolder) void {
        self.tmp.cleanup();
    }

    pub fn write(self: *const TestFolder, path: []const u8, content: []const u8) !void {
        try self.tmp.dir.writeFile(testing.io, .{ .sub_path = path, .data = content });
    }

    pub fn folder(self: *const TestFolder, path: []const u8) !void {
        try self.tmp.dir.createDir(testing.io, path, .default_dir);
    }

    pub fn link(self: *const TestFolder, target: [*:0]const u8, path: [*:0]const u8) !void {
        try expectSuccess(sys.system.symlinkat(target, self.fd, path));
    }

    pub fn pipe(self: *const TestFolder, path: [*:0]const u8) !void {
        const mode = 0o600;
        if (sys.is_linux) {
            const linux = std.os.linux;
            try expectSuccess(linux.mknodat(self.fd, path, linux.S.IFIFO | mode, 0));
        } else try expectSuccess(std.c.symlinkat("nothing", self.fd, path));
    }

    pub fn rename(self: *const TestFolder, from: [*:0]const u8, to: [*:0]const u8) !void {
        try expectSuccess(sys.system.renameat(self.fd, from, self.fd, to));
    }

    pub fn remove(self: *const TestFolder, path: [*:0]const u8) !void {
        try expectSuccess(sys.system.unlinkat(self.fd, path, 0));
    }

    pub fn open(self: *const TestFolder, path: [*:0]const u8) !sys.Descriptor {
        return sys_file.openFolder(self.fd, path, true);
    }

    fn expectSuccess(result: anytype) !void {
        try testing.expectEqual(.SUCCESS, sys.errno(result));
    }
};
