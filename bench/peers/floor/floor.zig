//! The floor: a bare epoll loop that answers one constant. It reads no request beyond counting
//! where heads end, so nothing that makes the same socket calls can cost less. Started by the
//! harness as `floor <port> json|text`; one process, one thread, level-triggered, one receive and
//! one send for each readiness.

const std = @import("std");
const linux = std.os.linux;

const events_max = 256;
const receive_bytes = 64 * 1024;
/// A receive buffer holds no more heads than this: the shortest that a client sends is over 32
/// bytes.
const answers_max = receive_bytes / 32;
const descriptors_max = 65_536;
/// Bytes kept from the previous read of a connection: a head's end may be split after three of
/// four.
const carry_bytes = 3;

const Answer = struct {
    content_type: []const u8,
    body: []const u8,
};

const json: Answer = .{
    .content_type = "application/json",
    .body = "{\"message\":\"Hello, World!\"}",
};
const text: Answer = .{ .content_type = "text/plain;charset=utf-8", .body = "Hello, World!" };

/// The answer, repeated, so that a pipelined batch goes out in one send without a copy.
const Batch = struct {
    answer: Answer,
    second: isize = -1,
    answer_len: usize = 0,
    bytes: [answers_max * 192]u8 = undefined,

    fn refresh(batch: *Batch) void {
        var now: linux.timespec = undefined;
        _ = linux.clock_gettime(.REALTIME_COARSE, &now);
        if (now.sec == batch.second) return;
        batch.second = now.sec;
        var date: [29]u8 = undefined;
        writeDate(&date, @intCast(now.sec));
        const head = "HTTP/1.1 200 OK\r\nContent-Type: {s}\r\nDate: {s}\r\n" ++
            "Content-Length: {d}\r\n\r\n{s}";
        const first = std.fmt.bufPrint(&batch.bytes, head, .{
            batch.answer.content_type,
            &date,
            batch.answer.body.len,
            batch.answer.body,
        }) catch unreachable;
        batch.answer_len = first.len;
        for (1..answers_max) |index| {
            @memcpy(batch.bytes[index * first.len ..][0..first.len], batch.bytes[0..first.len]);
        }
    }
};

/// IMF-fixdate (RFC 9110 5.6.7).
fn writeDate(out: *[29]u8, seconds: u64) void {
    const days = [_][]const u8{ "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    const months = [_][]const u8{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    };
    const epoch: std.time.epoch.EpochSeconds = .{ .secs = seconds };
    const day = epoch.getEpochDay();
    const year_day = day.calculateYearDay();
    const month_day = year_day.calculateMonthDay();
    const time = epoch.getDaySeconds();
    _ = std.fmt.bufPrint(out, "{s}, {d:0>2} {s} {d} {d:0>2}:{d:0>2}:{d:0>2} GMT", .{
        days[day.day % 7],
        month_day.day_index + 1,
        months[month_day.month.numeric() - 1],
        year_day.year,
        time.getHoursIntoDay(),
        time.getMinutesIntoHour(),
        time.getSecondsIntoMinute(),
    }) catch unreachable;
}

/// Counts the ends of heads among the bytes behind `carry_bytes` of an earlier read.
fn countHeads(bytes: []const u8) usize {
    var count: usize = 0;
    var from: usize = carry_bytes;
    while (std.mem.findScalarPos(u8, bytes, from, '\n')) |index| {
        if (std.mem.eql(u8, bytes[index - carry_bytes ..][0..4], "\r\n\r\n")) count += 1;
        from = index + 1;
    }
    return count;
}

const Server = struct {
    epoll_fd: i32,
    listen_fd: i32,
    batch: Batch,
    carries: [descriptors_max][carry_bytes]u8 = undefined,
    buffer: [carry_bytes + receive_bytes]u8 = undefined,

    fn accept(server: *Server) void {
        while (true) {
            const flags = linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
            const accepted = linux.accept4(server.listen_fd, null, null, flags);
            if (linux.errno(accepted) != .SUCCESS) return;
            const fd: i32 = @intCast(accepted);
            if (accepted >= descriptors_max) {
                _ = linux.close(fd);
                continue;
            }
            const one: u32 = 1;
            _ = linux.setsockopt(fd, linux.IPPROTO.TCP, linux.TCP.NODELAY, @ptrCast(&one), 4);
            server.carries[accepted] = @splat(0);
            server.watch(fd);
        }
    }

    fn watch(server: *Server, fd: i32) void {
        var event: linux.epoll_event = .{ .events = linux.EPOLL.IN, .data = .{ .fd = fd } };
        _ = linux.epoll_ctl(server.epoll_fd, linux.EPOLL.CTL_ADD, fd, &event);
    }

    fn serve(server: *Server, fd: i32) void {
        const into = server.buffer[carry_bytes..];
        const received = linux.recvfrom(fd, into.ptr, into.len, 0, null, null);
        switch (linux.errno(received)) {
            .SUCCESS => {},
            .AGAIN => return,
            else => {
                _ = linux.close(fd);
                return;
            },
        }
        if (received == 0) {
            _ = linux.close(fd);
            return;
        }
        const carry = &server.carries[@intCast(fd)];
        server.buffer[0..carry_bytes].* = carry.*;
        const answers = @min(countHeads(server.buffer[0 .. carry_bytes + received]), answers_max);
        carry.* = server.buffer[received..][0..carry_bytes].*;
        if (answers == 0) return;
        const len = answers * server.batch.answer_len;
        const sent = linux.sendto(fd, &server.batch.bytes, len, linux.MSG.NOSIGNAL, null, 0);
        // A client that does not read its answers is of no use to a measurement.
        if (sent != len) _ = linux.close(fd);
    }

    fn run(server: *Server) noreturn {
        var events: [events_max]linux.epoll_event = undefined;
        while (true) {
            const ready = linux.epoll_wait(server.epoll_fd, &events, events_max, -1);
            if (linux.errno(ready) != .SUCCESS) continue;
            server.batch.refresh();
            for (events[0..ready]) |event| {
                const fd = event.data.fd;
                if (fd == server.listen_fd) server.accept() else server.serve(fd);
            }
        }
    }
};

const StartError = error{ Usage, Socket, Bind, Listen, Epoll };

fn listenOn(port: u16) StartError!i32 {
    const flags = linux.SOCK.STREAM | linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
    const made = linux.socket(linux.AF.INET, flags, 0);
    if (linux.errno(made) != .SUCCESS) return error.Socket;
    const fd: i32 = @intCast(made);
    const one: u32 = 1;
    _ = linux.setsockopt(fd, linux.SOL.SOCKET, linux.SO.REUSEADDR, @ptrCast(&one), 4);
    const address: linux.sockaddr.in = .{
        .port = std.mem.nativeToBig(u16, port),
        .addr = std.mem.nativeToBig(u32, 0x7f00_0001),
    };
    if (linux.errno(linux.bind(fd, @ptrCast(&address), @sizeOf(linux.sockaddr.in))) != .SUCCESS)
        return error.Bind;
    if (linux.errno(linux.listen(fd, 4096)) != .SUCCESS) return error.Listen;
    return fd;
}

/// Static, because the repeated answer is too large for a stack.
var floor: Server = undefined;

pub fn main(init: std.process.Init.Minimal) StartError!void {
    var arguments = init.args.iterate();
    _ = arguments.skip();
    const port_text = arguments.next() orelse return error.Usage;
    const kind = arguments.next() orelse "json";
    const port = std.fmt.parseInt(u16, port_text, 10) catch return error.Usage;
    const epoll_fd = linux.epoll_create1(linux.EPOLL.CLOEXEC);
    if (linux.errno(epoll_fd) != .SUCCESS) return error.Epoll;
    floor = .{
        .epoll_fd = @intCast(epoll_fd),
        .listen_fd = try listenOn(port),
        .batch = .{ .answer = if (std.mem.eql(u8, kind, "text")) text else json },
    };
    floor.batch.refresh();
    floor.watch(floor.listen_fd);
    floor.run();
}
