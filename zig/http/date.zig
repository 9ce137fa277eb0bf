//! IMF-fixdate (RFC 9110 5.6.7) from Unix seconds. The reactor formats it once per second; the
//! clock is read elsewhere.

const std = @import("std");
const digits = @import("digits.zig");

pub const bytes_len = 29;

const week_days = "ThuFriSatSunMonTueWed"; // 1 January 1970 was a Thursday.
const month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
const seconds_per_day = 86_400;
/// 31 December 9999, 23:59:59: the format has four digits for the year.
const seconds_max = 253_402_300_799;

/// Writes `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn format(out: *[bytes_len]u8, unix_seconds: u64) void {
    const seconds = @min(unix_seconds, seconds_max);
    const days: u32 = @intCast(seconds / seconds_per_day);
    const rest: u32 = @intCast(seconds % seconds_per_day);
    const date = civil(days);

    out.* = "Thu, 01 Jan 1970 00:00:00 GMT".*;
    const week_day = days % 7;
    out[0..3].* = week_days[week_day * 3 ..][0..3].*;
    out[5..7].* = digits.pair(date.day);
    out[8..11].* = month_names[(date.month - 1) * 3 ..][0..3].*;
    out[12..14].* = digits.pair(date.year / 100);
    out[14..16].* = digits.pair(date.year % 100);
    out[17..19].* = digits.pair(rest / 3600);
    out[20..22].* = digits.pair(rest / 60 % 60);
    out[23..25].* = digits.pair(rest % 60);
}

const Date = struct { year: u32, month: u32, day: u32 };

/// Gregorian date of a day since 1970. Counting years from March puts the leap day last, so that
/// month lengths follow one linear rule, and 400 years are always 146,097 days.
fn civil(days_since_1970: u32) Date {
    const days = days_since_1970 + 719_468; // since 1 March of year 0
    const era = days / 146_097;
    const day_of_era = days % 146_097;
    const year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    const day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const month_from_march = (5 * day_of_year + 2) / 153;
    const month = if (month_from_march < 10) month_from_march + 3 else month_from_march - 9;
    return .{
        .year = year_of_era + era * 400 + @intFromBool(month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

fn expectDate(expected: []const u8, unix_seconds: u64) !void {
    var out: [bytes_len]u8 = undefined;
    format(&out, unix_seconds);
    try std.testing.expectEqualStrings(expected, &out);
}

test "dates known from elsewhere" {
    try expectDate("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    try expectDate("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777);
    try expectDate("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799);
    try expectDate("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800);
    try expectDate("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799);
    try expectDate("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648);
    try expectDate("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400);
    try expectDate("Fri, 31 Dec 9999 23:59:59 GMT", seconds_max);
    try expectDate("Fri, 31 Dec 9999 23:59:59 GMT", std.math.maxInt(u64));
}

test "every day agrees with std's calendar until 2400" {
    var day: u32 = 0;
    while (day < 157_000) : (day += 1) {
        const seconds: std.time.epoch.EpochSeconds = .{ .secs = @as(u64, day) * seconds_per_day };
        const year_day = seconds.getEpochDay().calculateYearDay();
        const month_day = year_day.calculateMonthDay();
        const date = civil(day);
        try std.testing.expectEqual(year_day.year, date.year);
        try std.testing.expectEqual(month_day.month.numeric(), date.month);
        try std.testing.expectEqual(month_day.day_index + 1, date.day);
    }
}
