//! Builds the shared library that `src/native/library.ts` loads. `scripts/` calls it; by hand:
//!   zig build                              the library of this machine, into native/<target>/
//!   zig build all                          the libraries of all six targets
//!   zig build test -Dtest-filter=router    the unit tests

const std = @import("std");

const library_name = "chopin";

/// One library per operating system, processor and libc, named as `src/native/library.ts` looks for
/// them. Process names follow Node's `process.platform` and `process.arch`.
const Shipped = struct {
    folder: []const u8,
    triple: []const u8,
    cpu: []const u8,
};

/// glibc 2.17 and macOS 13 are what Bun itself asks for. x86_64_v2 (SSE4.2) is the oldest processor
/// on which Bun starts, so nothing is lost, and vectors of 16 bytes get their shuffles; v3 (AVX2)
/// would shut out machines that Bun serves. arm64 has its vectors in the baseline.
const shipped = [_]Shipped{
    .{ .folder = "linux-x64-gnu", .triple = "x86_64-linux-gnu.2.17", .cpu = "x86_64_v2" },
    .{ .folder = "linux-x64-musl", .triple = "x86_64-linux-musl", .cpu = "x86_64_v2" },
    .{ .folder = "linux-arm64-gnu", .triple = "aarch64-linux-gnu.2.17", .cpu = "baseline" },
    .{ .folder = "linux-arm64-musl", .triple = "aarch64-linux-musl", .cpu = "baseline" },
    .{ .folder = "darwin-x64", .triple = "x86_64-macos.13.0", .cpu = "x86_64_v2" },
    .{ .folder = "darwin-arm64", .triple = "aarch64-macos.13.0", .cpu = "baseline" },
};

pub fn build(b: *std.Build) void {
    const cpu = b.option([]const u8, "cpu", "Processor features, in place of the shipped ones");
    const optimize = b.option(
        std.builtin.OptimizeMode,
        "optimize",
        "ReleaseFast for the libraries and Debug for the tests, unless given",
    );

    const all = b.step("all", "Build the libraries of all targets into native/");
    for (shipped) |target| {
        const install = addLibrary(b, target, cpu, optimize orelse .ReleaseFast);
        all.dependOn(install);
        if (isHost(b, target)) b.getInstallStep().dependOn(install);
    }
    addTests(b, optimize orelse .Debug);
}

/// Compiles one library and copies it to `native/<folder>/`. Returns the copying step.
fn addLibrary(
    b: *std.Build,
    target: Shipped,
    cpu: ?[]const u8,
    optimize: std.builtin.OptimizeMode,
) *std.Build.Step {
    const query = std.Target.Query.parse(.{
        .arch_os_abi = target.triple,
        .cpu_features = cpu orelse target.cpu,
    }) catch |err| std.debug.panic("target {s}: {t}", .{ target.triple, err });
    const library = b.addLibrary(.{
        .name = library_name,
        .linkage = .dynamic,
        .root_module = b.createModule(.{
            .root_source_file = b.path("zig/lib.zig"),
            .target = b.resolveTargetQuery(query),
            .optimize = optimize,
            .strip = optimize != .Debug,
            .omit_frame_pointer = optimize != .Debug,
            .link_libc = true,
        }),
    });
    const copy = b.addUpdateSourceFiles();
    copy.addCopyFileToSource(
        library.getEmittedBin(),
        b.fmt("native/{s}/{s}", .{ target.folder, library.out_filename }),
    );
    return &copy.step;
}

fn isHost(b: *std.Build, target: Shipped) bool {
    const host = b.graph.host.result;
    const query = std.Target.Query.parse(.{ .arch_os_abi = target.triple }) catch return false;
    if (query.cpu_arch != host.cpu.arch or query.os_tag != host.os.tag) return false;
    return host.os.tag != .linux or (query.abi.? == .musl) == host.abi.isMusl();
}

fn addTests(b: *std.Build, optimize: std.builtin.OptimizeMode) void {
    const filters = b.option([]const []const u8, "test-filter", "Only tests of this name");
    const report = b.option([]const u8, "test-report", "Write the results here, one JSON per line");
    const seed = b.option(u32, "test-seed", "Repeat a run of the random tests");

    const tests = b.addTest(.{
        .root_module = b.createModule(.{
            .root_source_file = b.path("zig/lib.zig"),
            .target = b.graph.host,
            .optimize = optimize,
            .link_libc = true,
        }),
        .filters = filters orelse &.{},
        .test_runner = .{ .path = b.path("zig/test_runner.zig"), .mode = .simple },
    });
    const run = b.addRunArtifact(tests);
    run.setCwd(b.path("."));
    run.stdio = .inherit;
    run.has_side_effects = true;
    if (report) |path| run.addArg(b.fmt("--report={s}", .{path}));
    if (seed) |value| run.addArg(b.fmt("--seed={d}", .{value}));
    b.step("test", "Run the unit tests").dependOn(&run.step);
}
