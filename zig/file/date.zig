//! Reads the three forms of HTTP-date (RFC 9110 5.6.7) that a recipient has to know. The formatter
//! is `http/date.zig`. Called by `conditional.zig`.

const std = @import("std");

const month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
const seconds_per_day = 86_400;

/// A year of two digits is the one not more than 50 years ahead of this: the rule of RFC 9110 needs
/// the clock only to move this by a year a year, which no file's date notices.
const pivot_year = 2076;

/// Seconds since 1970; null for what is no date, and for dates before.
pub fn parse(text: []const u8) ?u64 {
    const comma = std.mem.findScalar(u8, text, ',') orelse return parseAsctime(text);
    if (!isDayName(text[0..comma])) return null;
    const rest = text[comma + 1 ..];
    return if (comma == 3) parseImf(rest) else parseRfc850(rest);
}

/// ` 06 Nov 1994 08:49:37 GMT`.
fn parseImf(rest: []const u8) ?u64 {
    if (rest.len != 25 or !std.mem.eql(u8, rest[21..], " GMT")) return null;
    if (rest[0] != ' ' or rest[3] != ' ' or rest[7] != ' ' or rest[12] != ' ') return null;
    return seconds(.{
        .year = number(rest[8..12]) orelse return null,
        .month = month(rest[4..7]) orelse return null,
        .day = number(rest[1..3]) orelse return null,
        .clock = clock(rest[13..21]) orelse return null,
    });
}

/// ` 06-Nov-94 08:49:37 GMT`.
fn parseRfc850(rest: []const u8) ?u64 {
    if (rest.len != 23 or !std.mem.eql(u8, rest[19..], " GMT")) return null;
    if (rest[0] != ' ' or rest[3] != '-' or rest[7] != '-' or rest[10] != ' ') return null;
    const short = number(rest[8..10]) orelse return null;
    const year = pivot_year - pivot_year % 100 + short;
    return seconds(.{
        .year = if (year > pivot_year) year - 100 else year,
        .month = month(rest[4..7]) orelse return null,
        .day = number(rest[1..3]) orelse return null,
        .clock = clock(rest[11..19]) orelse return null,
    });
}

/// `Sun Nov  6 08:49:37 1994`.
fn parseAsctime(text: []const u8) ?u64 {
    if (text.len != 24 or !isDayName(text[0..3])) return null;
    if (text[3] != ' ' or text[7] != ' ' or text[10] != ' ' or text[19] != ' ') return null;
    const day = if (text[8] == ' ') text[9..10] else text[8..10];
    return seconds(.{
        .year = number(text[20..24]) orelse return null,
        .month = month(text[4..7]) orelse return null,
        .day = number(day) orelse return null,
        .clock = clock(text[11..19]) orelse return null,
    });
}

/// The day of the week tells nothing that the date does not; whether it is the right one is not
/// looked at.
fn isDayName(text: []const u8) bool {
    const names = [_][]const u8{
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    };
    for (names) |name| {
        if (std.mem.eql(u8, text, name) or std.mem.eql(u8, text, name[0..3])) return true;
    }
    return false;
}

const Date = struct { year: u32, month: u32, day: u32, clock: u32 };

fn seconds(date: Date) ?u64 {
    const lengths = [_]u8{ 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const leap = std.time.epoch.isLeapYear(@intCast(date.year));
    const length = lengths[date.month - 1] + @intFromBool(leap and date.month == 2);
    if (date.year < 1970 or date.day == 0 or date.day > length) return null;
    return daysSince1970(date) * seconds_per_day + date.clock;
}

/// The inverse of `civil` in `http/date.zig`: years counted from March have the leap day last.
fn daysSince1970(date: Date) u64 {
    const year: u64 = date.year - @intFromBool(date.month <= 2);
    const month_from_march: u64 = if (date.month > 2) date.month - 3 else date.month + 9;
    const day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
}

/// `08:49:37`. A leap second counts as the second behind it.
fn clock(text: *const [8]u8) ?u32 {
    if (text[2] != ':' or text[5] != ':') return null;
    const hour = number(text[0..2]) orelse return null;
    const minute = number(text[3..5]) orelse return null;
    const second = number(text[6..8]) orelse return null;
    if (hour > 23 or minute > 59 or second > 60) return null;
    return hour * 3600 + minute * 60 + second;
}

fn month(name: *const [3]u8) ?u32 {
    var index: u32 = 0;
    while (index < 12) : (index += 1)
        if (std.mem.eql(u8, month_names[index * 3 ..][0..3], name)) return index + 1;
    return null;
}

fn number(text: []const u8) ?u32 {
    var value: u32 = 0;
    for (text) |byte| {
        if (!std.ascii.isDigit(byte)) return null;
        value = value * 10 + (byte - '0');
    }
    return value;
}

const testing = std.testing;
const formatter = @import("../http/date.zig");

test "the three forms of RFC 9110" {
    try testing.expectEqual(784_111_777, parse("Sun, 06 Nov 1994 08:49:37 GMT"));
    try testing.expectEqual(784_111_777, parse("Sunday, 06-Nov-94 08:49:37 GMT"));
    try testing.expectEqual(784_111_777, parse("Sun Nov  6 08:49:37 1994"));
    try testing.expectEqual(784_975_777, parse("Wed Nov 16 08:49:37 1994"));
    try testing.expectEqual(0, parse("Thu, 01 Jan 1970 00:00:00 GMT"));
    try testing.expectEqual(951_782_400, parse("Tuesday, 29-Feb-00 00:00:00 GMT"));
    try testing.expectEqual(3_345_062_400, parse("Wednesday, 01-Jan-76 00:00:00 GMT"));
    try testing.expectEqual(220_924_800, parse("Saturday, 01-Jan-77 00:00:00 GMT"));
    try testing.expectEqual(915_148_800, parse("Thu, 31 Dec 1998 23:59:60 GMT"));
}

test "what is no date" {
    for ([_][]const u8{
        "",
        ",",
        "0",
        "Sun",
        "Sun,",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 199x 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov    08:49:37 1994",
        "Xyz Nov  6 08:49:37 1994",
    }) |text| {
        errdefer std.debug.print("{s}\n", .{text});
        try testing.expectEqual(null, parse(text));
    }
}

test "what the formatter writes is read back, from 1970 to 9999" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    for (0..20_000) |_| {
        const moment = random.uintAtMost(u64, 253_402_300_799);
        var text: [formatter.bytes_len]u8 = undefined;
        formatter.format(&text, moment);
        errdefer std.debug.print("{s}\n", .{text});
        try testing.expectEqual(moment, parse(&text));
    }
}

test "random changes of a date are read or refused" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    const forms = [_][]const u8{
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (0..20_000) |_| {
        var text: [32]u8 = undefined;
        const form = forms[random.uintLessThan(usize, forms.len)];
        @memcpy(text[0..form.len], form);
        for (0..3) |_| text[random.uintLessThan(usize, form.len)] = random.int(u8);
        _ = parse(text[0..random.uintAtMost(usize, form.len)]);
    }
}
