//! Regular files: opening them below a folder, what they are, reading, and files that exist in
//! memory alone. Used by `file/`.

const std = @import("std");
const sys = @import("../sys.zig");
const linux = std.os.linux;
const Descriptor = sys.Descriptor;
const system = sys.system;
const errno = sys.errno;

/// For paths that are absolute, or relative to the folder the process runs in.
pub const working_folder: Descriptor = if (sys.is_linux) linux.AT.FDCWD else std.c.AT.FDCWD;

pub const OpenError = error{
    /// Nothing there, or nothing that can be opened to be read, such as a socket.
    NotFound,
    PermissionDenied,
    /// A symbolic link where none is followed, or too many of them.
    Link,
    /// The path leads out of the folder.
    Escapes,
    TooManyDescriptors,
    OutOfMemory,
    /// This kernel, or a filter around this process, has no `openat2`.
    Unsupported,
    Unexpected,
};

const Flags = if (sys.is_linux) linux.O else std.c.O;

/// NONBLOCK: opening a pipe must not wait for its writer. NOCTTY: opening a terminal must not make
/// it ours.
const reading: Flags = .{ .NONBLOCK = true, .CLOEXEC = true, .NOCTTY = true };

pub fn openToRead(folder: Descriptor, path: [*:0]const u8) OpenError!Descriptor {
    return open(folder, path, reading);
}

/// Fails with `Link` when the last segment is a symbolic link.
pub fn openNoFollow(folder: Descriptor, path: [*:0]const u8) OpenError!Descriptor {
    var flags = reading;
    flags.NOFOLLOW = true;
    return open(folder, path, flags);
}

/// A folder to open others below, for which nobody needs the right to list it.
pub fn openFolder(folder: Descriptor, path: [*:0]const u8, follow: bool) OpenError!Descriptor {
    var flags: Flags = .{ .CLOEXEC = true, .DIRECTORY = true, .NOFOLLOW = !follow };
    if (sys.is_linux) flags.PATH = true;
    return open(folder, path, flags);
}

fn open(folder: Descriptor, path: [*:0]const u8, flags: Flags) OpenError!Descriptor {
    while (true) {
        const result = if (sys.is_linux)
            linux.openat(folder, path, flags, 0)
        else
            std.c.openat(folder, path, flags, @as(c_uint, 0));
        if (try opened("openat", result)) |fd| return fd;
    }
}

/// The kernel's `open_how`; RESOLVE_NO_MAGICLINKS and RESOLVE_BENEATH.
const OpenHow = extern struct { flags: u64, mode: u64 = 0, resolve: u64 };
const resolve_beneath = 0x02 | 0x08;

/// Opens for reading what the kernel finds without ever leaving `folder`: symbolic links count,
/// `..` counts, /proc's magic links do not work. Linux 5.6 or newer.
pub fn openBeneath(folder: Descriptor, path: [*:0]const u8) OpenError!Descriptor {
    if (!sys.is_linux) return error.Unsupported;
    const how: OpenHow = .{ .flags = @as(u32, @bitCast(reading)), .resolve = resolve_beneath };
    var races: u32 = 0;
    while (true) {
        const result = linux.syscall4(
            .openat2,
            @as(usize, @bitCast(@as(isize, folder))),
            @intFromPtr(path),
            @intFromPtr(&how),
            @sizeOf(OpenHow),
        );
        switch (linux.errno(result)) {
            // EPERM: seccomp filters older than the call answer so.
            .NOSYS, .PERM => return error.Unsupported,
            // A folder was moved while `..` was resolved. Somebody who moves folders all the time
            // gets no file.
            .AGAIN => {
                races += 1;
                if (races == 8) return error.NotFound;
            },
            else => if (try opened("openat2", result)) |fd| return fd,
        }
    }
}

/// Null: interrupted, to be repeated.
fn opened(comptime call: []const u8, result: anytype) OpenError!?Descriptor {
    return switch (errno(result)) {
        .SUCCESS => @intCast(result),
        .INTR => null,
        .NOENT, .NOTDIR, .NAMETOOLONG => error.NotFound,
        // A socket, a device without driver, or a name that the file system cannot have.
        .NXIO, .NODEV, .OPNOTSUPP, .INVAL, .ILSEQ => error.NotFound,
        // Deleted on the server of a network file system.
        .STALE => error.NotFound,
        .ACCES, .PERM => error.PermissionDenied,
        .LOOP => error.Link,
        .XDEV => error.Escapes,
        .MFILE, .NFILE => error.TooManyDescriptors,
        .NOMEM => error.OutOfMemory,
        else => |code| sys.unexpected(call, code),
    };
}

/// The target of a symbolic link; null when it is none, is gone, or has a target that does not fit.
pub fn readLink(folder: Descriptor, path: [*:0]const u8, buffer: []u8) ?[]const u8 {
    const result = system.readlinkat(folder, path, buffer.ptr, buffer.len);
    if (errno(result) != .SUCCESS) return null;
    const len: usize = @intCast(result);
    return if (len < buffer.len) buffer[0..len] else null;
}

pub const About = struct {
    kind: enum { file, folder, other },
    device: u64,
    inode: u64,
    size: u64,
    /// Since 1970; what is older counts as 1970.
    modified_ns: u64,
    /// When content, name or rights changed last: no program can set it back.
    changed_ns: u64,
};

pub const StatError = error{ NotFound, Unexpected };

pub fn aboutDescriptor(fd: Descriptor) StatError!About {
    if (sys.is_linux) return statx(fd, "", linux.AT.EMPTY_PATH);
    var about: std.c.Stat = undefined;
    return fromStat(&about, std.c.fstat(fd, &about));
}

/// Follows symbolic links, also out of `folder`.
pub fn aboutPath(folder: Descriptor, path: [*:0]const u8) StatError!About {
    if (sys.is_linux) return statx(folder, path, 0);
    var about: std.c.Stat = undefined;
    return fromStat(&about, std.c.fstatat(folder, path, &about, 0));
}

fn statx(folder: Descriptor, path: [*:0]const u8, flags: u32) StatError!About {
    var about: linux.Statx = undefined;
    const result = linux.statx(folder, path, flags, linux.STATX.BASIC_STATS, &about);
    switch (linux.errno(result)) {
        .SUCCESS => {},
        .NOENT, .NOTDIR, .NAMETOOLONG, .ACCES, .LOOP, .STALE => return error.NotFound,
        else => |code| return sys.unexpected("statx", code),
    }
    return .{
        .kind = switch (about.mode & linux.S.IFMT) {
            linux.S.IFREG => .file,
            linux.S.IFDIR => .folder,
            else => .other,
        },
        .device = @as(u64, about.dev_major) << 32 | about.dev_minor,
        .inode = about.ino,
        .size = about.size,
        .modified_ns = nanoseconds(about.mtime.sec, about.mtime.nsec),
        .changed_ns = nanoseconds(about.ctime.sec, about.ctime.nsec),
    };
}

fn fromStat(about: *const std.c.Stat, result: c_int) StatError!About {
    switch (std.c.errno(result)) {
        .SUCCESS => {},
        .NOENT, .NOTDIR, .NAMETOOLONG, .ACCES, .LOOP, .STALE => return error.NotFound,
        else => |code| return sys.unexpected("fstatat", code),
    }
    const modified = about.mtime();
    const changed = about.ctime();
    return .{
        .kind = switch (about.mode & std.c.S.IFMT) {
            std.c.S.IFREG => .file,
            std.c.S.IFDIR => .folder,
            else => .other,
        },
        .device = @bitCast(@as(i64, about.dev)),
        .inode = about.ino,
        .size = @intCast(@max(about.size, 0)),
        .modified_ns = nanoseconds(modified.sec, modified.nsec),
        .changed_ns = nanoseconds(changed.sec, changed.nsec),
    };
}

fn nanoseconds(seconds: i64, rest: anytype) u64 {
    if (seconds < 0) return 0;
    return @as(u64, @intCast(seconds)) *| std.time.ns_per_s +| @as(u64, @intCast(rest));
}

/// Bytes read, 0 at the end of the file.
pub fn readAt(fd: Descriptor, buffer: []u8, offset: u64) error{ ReadFailed, Unexpected }!usize {
    const at = std.math.cast(i64, offset) orelse return 0;
    while (true) {
        const result = system.pread(fd, buffer.ptr, buffer.len, at);
        switch (errno(result)) {
            .SUCCESS => return @intCast(result),
            .INTR => continue,
            // The disk, or the network that a file system is on.
            .IO, .STALE, .TIMEDOUT, .ISDIR => return error.ReadFailed,
            else => |code| return sys.unexpected("pread", code),
        }
    }
}

pub const MemoryFileError = error{ TooManyDescriptors, OutOfMemory, Unexpected };

/// A file without a name that holds a copy of `bytes`: in memory on Linux, unlinked on a disk
/// elsewhere.
pub fn memoryFile(bytes: []const u8) MemoryFileError!Descriptor {
    const fd = try if (sys.is_linux) createInMemory() else createUnlinked();
    errdefer sys.close(fd);
    var written: usize = 0;
    while (written < bytes.len) {
        const rest = bytes[written..];
        const result = system.pwrite(fd, rest.ptr, rest.len, @intCast(written));
        switch (errno(result)) {
            .SUCCESS => written += @intCast(result),
            .INTR => {},
            .NOSPC, .DQUOT, .FBIG, .NOMEM => return error.OutOfMemory,
            else => |code| return sys.unexpected("pwrite", code),
        }
    }
    return fd;
}

fn createInMemory() MemoryFileError!Descriptor {
    const result = linux.memfd_create("chopin", linux.MFD.CLOEXEC);
    return switch (linux.errno(result)) {
        .SUCCESS => @intCast(result),
        .MFILE, .NFILE => error.TooManyDescriptors,
        .NOMEM => error.OutOfMemory,
        else => |code| sys.unexpected("memfd_create", code),
    };
}

fn createUnlinked() MemoryFileError!Descriptor {
    const folder: []const u8 = if (std.c.getenv("TMPDIR")) |text| std.mem.span(text) else "/tmp";
    var number: [8]u8 = undefined;
    randomBytes(&number);
    var buffer: [1024]u8 = undefined;
    const path = std.fmt.bufPrintSentinel(&buffer, "{s}/chopin-{x}", .{ folder, number }, 0) catch
        return error.Unexpected;
    const flags: Flags = .{ .ACCMODE = .RDWR, .CREAT = true, .EXCL = true, .CLOEXEC = true };
    const result = system.openat(working_folder, path, flags, @as(c_uint, 0o600));
    switch (errno(result)) {
        .SUCCESS => {
            sys.unlink(path);
            return @intCast(result);
        },
        .MFILE, .NFILE => return error.TooManyDescriptors,
        .NOSPC, .DQUOT, .NOMEM => return error.OutOfMemory,
        else => |code| return sys.unexpected("openat", code),
    }
}

/// The system's randomness; there is none that fails for so few bytes.
pub fn randomBytes(buffer: []u8) void {
    if (sys.is_linux) {
        var filled: usize = 0;
        while (filled < buffer.len) {
            const rest = buffer[filled..];
            const result = linux.getrandom(rest.ptr, rest.len, 0);
            if (linux.errno(result) == .SUCCESS) filled += result;
        }
    } else std.c.arc4random_buf(buffer.ptr, buffer.len);
}

/// How many descriptors this process may have open.
pub fn descriptorsMax() u64 {
    var limit: std.c.rlimit = undefined;
    if (std.c.getrlimit(.NOFILE, &limit) != 0) return 256;
    return limit.cur;
}

const testing = std.testing;

test "a file in memory is read back" {
    const fd = try memoryFile("content");
    defer sys.close(fd);
    var buffer: [16]u8 = undefined;
    try testing.expectEqualStrings("content", buffer[0..try readAt(fd, &buffer, 0)]);
    try testing.expectEqualStrings("tent", buffer[0..try readAt(fd, &buffer, 3)]);
    try testing.expectEqual(0, try readAt(fd, &buffer, 7));
    try testing.expectEqual(0, try readAt(fd, &buffer, std.math.maxInt(u64)));
    const about = try aboutDescriptor(fd);
    try testing.expectEqual(.file, about.kind);
    try testing.expectEqual(7, about.size);
    try testing.expect(about.modified_ns > 0);
}

test "what cannot be opened says why" {
    try testing.expectError(error.NotFound, openToRead(working_folder, "/no/such/file"));
    try testing.expectError(error.NotFound, openToRead(working_folder, "/dev/null/x"));
    try testing.expectError(error.NotFound, aboutPath(working_folder, "/no/such/file"));
    try testing.expect(descriptorsMax() > 0);
}
