//! Time from starting a server's process to its first answer. Run as
//! `first_answer <port> <core> <program> <arguments…>`: forks, pins the child to the core, connects
//! until it is accepted, asks `GET /json`, prints the nanoseconds and ends the child. Started by
//! `bench/start.ts`.

const std = @import("std");
const linux = std.os.linux;

const arguments_max = 32;
const give_up_ns = 10 * std.time.ns_per_s;
/// Between two attempts to connect. Both this and an attempt are far below what is measured.
const pause_ns = 20 * std.time.ns_per_us;
const request = "GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

const Failure = error{ Usage, Fork, Socket, Silent, WrongAnswer };

fn nowNs() u64 {
    var now: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &now);
    return @as(u64, @intCast(now.sec)) * std.time.ns_per_s + @as(u64, @intCast(now.nsec));
}

/// In the child: never returns.
fn become(core: u6, arguments: [*:null]const ?[*:0]const u8, environ: anytype) noreturn {
    var cores: linux.cpu_set_t = @splat(0);
    cores[0] = @as(usize, 1) << core;
    linux.sched_setaffinity(0, &cores) catch linux.exit(126);
    // What the server prints must not mix with the figure.
    _ = linux.dup2(2, 1);
    _ = linux.execve(arguments[0].?, arguments, environ);
    linux.exit(127);
}

/// Whether the server accepted and answered; an attempt that is refused returns at once.
fn ask(port: u16) Failure!bool {
    const made = linux.socket(linux.AF.INET, linux.SOCK.STREAM | linux.SOCK.CLOEXEC, 0);
    if (linux.errno(made) != .SUCCESS) return error.Socket;
    const fd: i32 = @intCast(made);
    defer _ = linux.close(fd);
    const address: linux.sockaddr.in = .{
        .port = std.mem.nativeToBig(u16, port),
        .addr = std.mem.nativeToBig(u32, 0x7f00_0001),
    };
    const size = @sizeOf(linux.sockaddr.in);
    if (linux.errno(linux.connect(fd, &address, size)) != .SUCCESS) return false;
    const limit: linux.timeval = .{ .sec = 10, .usec = 0 };
    const level = linux.SOL.SOCKET;
    _ = linux.setsockopt(fd, level, linux.SO.RCVTIMEO, @ptrCast(&limit), @sizeOf(linux.timeval));
    const sent = linux.sendto(fd, request, request.len, linux.MSG.NOSIGNAL, null, 0);
    if (sent != request.len) return error.Silent;
    var buffer: [1024]u8 = undefined;
    const received = linux.recvfrom(fd, &buffer, buffer.len, 0, null, null);
    if (linux.errno(received) != .SUCCESS or received == 0) return error.Silent;
    if (!std.mem.startsWith(u8, buffer[0..received], "HTTP/1.1 200")) return error.WrongAnswer;
    return true;
}

fn waitForAnswer(port: u16, start_ns: u64) Failure!u64 {
    while (nowNs() - start_ns < give_up_ns) {
        if (try ask(port)) return nowNs() - start_ns;
        const pause: linux.timespec = .{ .sec = 0, .nsec = pause_ns };
        _ = linux.nanosleep(&pause, null);
    }
    return error.Silent;
}

pub fn main(init: std.process.Init.Minimal) Failure!void {
    var given = init.args.iterate();
    _ = given.skip();
    const port_text = given.next() orelse return error.Usage;
    const core_text = given.next() orelse return error.Usage;
    const port = std.fmt.parseInt(u16, port_text, 10) catch return error.Usage;
    const core = std.fmt.parseInt(u6, core_text, 10) catch return error.Usage;
    var arguments: [arguments_max + 1]?[*:0]const u8 = @splat(null);
    for (arguments[0..arguments_max]) |*argument| {
        argument.* = if (given.next()) |text| text.ptr else break;
    }
    if (arguments[0] == null) return error.Usage;

    const start_ns = nowNs();
    const forked: isize = @bitCast(linux.fork());
    if (forked < 0) return error.Fork;
    if (forked == 0) become(core, arguments[0..arguments_max :null], init.environ.block.slice.ptr);
    const pid: linux.pid_t = @intCast(forked);
    defer {
        _ = linux.kill(pid, .TERM);
        var status: u32 = 0;
        _ = linux.waitpid(pid, &status, 0);
    }
    const elapsed_ns = try waitForAnswer(port, start_ns);
    var text: [32]u8 = undefined;
    const line = std.fmt.bufPrint(&text, "{d}\n", .{elapsed_ns}) catch unreachable;
    _ = linux.write(1, line.ptr, line.len);
}
