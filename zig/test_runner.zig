//! Runs the unit tests in place of Zig's own runner, so that `scripts/test.ts` counts results and
//! never reads prose. `build.zig` compiles it into the test binary.
//!
//! The report has one JSON object per line, written as each test ends: first `{"tests": n, "seed":
//! n}`, then a line per test, last the totals. A run that crashes leaves no totals, and the first
//! test without a line is the one that crashed.

const builtin = @import("builtin");
const std = @import("std");
const testing = std.testing;

pub const std_options: std.Options = .{ .logFn = log };

var logged_errors: u32 = 0;
/// Alive for the whole run: it serves the runner itself, while `testing.io` is new for each test.
const io = std.Io.Threaded.global_single_threaded.io();

const Totals = struct { passed: u32 = 0, failed: u32 = 0, skipped: u32 = 0 };

const Outcome = struct {
    result: enum { passed, failed, skipped },
    /// Why it failed.
    reason: []const u8 = "",
};

pub fn main(init: std.process.Init.Minimal) !void {
    var arguments_buffer: [16 * 1024]u8 = undefined;
    var arguments_allocator: std.heap.FixedBufferAllocator = .init(&arguments_buffer);
    const arguments = try init.args.toSlice(arguments_allocator.allocator());

    var report_path: ?[]const u8 = null;
    var seed: u32 = undefined;
    io.random(std.mem.asBytes(&seed));
    for (arguments[1..]) |argument| {
        if (std.mem.cutPrefix(u8, argument, "--report=")) |path| {
            report_path = path;
        } else if (std.mem.cutPrefix(u8, argument, "--seed=")) |digits| {
            seed = try std.fmt.parseUnsigned(u32, digits, 10);
        } else return error.UnknownArgument;
    }
    testing.random_seed = seed;

    var report: Report = if (report_path) |path| try .open(path) else .{};
    report.line(.{ .tests = builtin.test_functions.len, .seed = seed });

    var totals: Totals = .{};
    for (builtin.test_functions) |test_function| {
        const start = std.Io.Timestamp.now(io, .awake);
        const outcome = runOne(test_function, init);
        const duration_ns: i64 = @intCast(start.untilNow(io, .awake).nanoseconds);
        switch (outcome.result) {
            .passed => totals.passed += 1,
            .failed => {
                totals.failed += 1;
                std.debug.print("failed: {s}: {s}\n", .{ test_function.name, outcome.reason });
            },
            .skipped => totals.skipped += 1,
        }
        report.line(.{
            .name = test_function.name,
            .result = @tagName(outcome.result),
            .reason = outcome.reason,
            .duration_ns = duration_ns,
        });
    }
    report.line(totals);
    if (totals.failed != 0) std.debug.print("repeat with -Dtest-seed={d}\n", .{seed});
    std.debug.print("zig: {d} passed, {d} failed, {d} skipped\n", .{
        totals.passed, totals.failed, totals.skipped,
    });
    if (totals.failed != 0) std.process.exit(1);
}

/// A test fails by its error, by memory that it leaves allocated, and by an error that it logs.
fn runOne(test_function: std.builtin.TestFn, init: std.process.Init.Minimal) Outcome {
    testing.allocator_instance = .{};
    testing.io_instance = .init(testing.allocator, .{
        .argv0 = .init(init.args),
        .environ = init.environ,
    });
    testing.environ = init.environ;
    testing.log_level = .warn;
    logged_errors = 0;

    var outcome: Outcome = .{ .result = .passed };
    test_function.func() catch |err| {
        if (err == error.SkipZigTest) {
            outcome.result = .skipped;
        } else {
            outcome = .{ .result = .failed, .reason = @errorName(err) };
            if (@errorReturnTrace()) |trace| std.debug.dumpErrorReturnTrace(trace);
        }
    };
    testing.io_instance.deinit();
    if (testing.allocator_instance.deinit() == .leak) {
        return .{ .result = .failed, .reason = "memory left allocated" };
    }
    if (logged_errors != 0) return .{ .result = .failed, .reason = "an error was logged" };
    return outcome;
}

const Report = struct {
    file: ?std.Io.File = null,

    fn open(path: []const u8) !Report {
        return .{ .file = try std.Io.Dir.cwd().createFile(io, path, .{}) };
    }

    /// Unbuffered on purpose: what was written survives a crash of the next test.
    fn line(report: *Report, value: anytype) void {
        const file = report.file orelse return;
        var buffer: [4096]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&buffer);
        std.json.Stringify.value(value, .{}, &writer) catch @panic("a report line above 4 KiB");
        writer.writeByte('\n') catch @panic("a report line above 4 KiB");
        file.writeStreamingAll(io, writer.buffered()) catch |err|
            std.debug.panic("cannot write the report: {t}", .{err});
    }
};

fn log(
    comptime level: std.log.Level,
    comptime scope: @EnumLiteral(),
    comptime format: []const u8,
    arguments: anytype,
) void {
    if (level == .err) logged_errors +|= 1;
    if (@intFromEnum(level) > @intFromEnum(testing.log_level)) return;
    std.debug.print(@tagName(scope) ++ " " ++ @tagName(level) ++ ": " ++ format ++ "\n", arguments);
}

/// What `std.testing.fuzz` calls: here it only runs the corpus, and once nothing at all. Fuzzing
/// itself has its own programs in `zig/fuzz/`.
pub fn fuzz(
    context: anytype,
    comptime testOne: fn (context: @TypeOf(context), *testing.Smith) anyerror!void,
    options: testing.FuzzInputOptions,
) anyerror!void {
    for (options.corpus) |input| {
        var smith: testing.Smith = .{ .in = input };
        try testOne(context, &smith);
    }
    var smith: testing.Smith = .{ .in = "" };
    try testOne(context, &smith);
}
