//! Constraints on a parameter, `(\d+)`: a closed subset of regular expressions, compiled at
//! registration to a Glushkov automaton whose states fit one word, so that matching is linear in
//! the segment whatever the expression is. `pattern.zig` compiles them, `tree.zig` and `prefix.zig`
//! ask `matches`.
//!
//! The subset: literals, `\d \w \s` and their negations, escaped punctuation, classes, `|`, groups,
//! and the quantifiers `? * + {n} {n,} {n,m}`. It is anchored on the whole decoded segment, and
//! shorthand classes are ASCII. A negated class takes a whole character beyond ASCII, never half of
//! one.

const std = @import("std");
const reason_file = @import("reason.zig");
const Fault = reason_file.Fault;

/// Positions of one automaton: the bits of a word. A UUID written out in full takes 36.
pub const positions_max = 64;
/// Nested groups; the parser recurses once for each.
const depth_max = 16;

const Set = u64;

pub const Constraint = struct {
    /// As written between the parentheses: equal text is the same constraint.
    text: []const u8,
    /// For each byte, the positions that take it.
    takes: [256]Set,
    /// For each position, those that may come next.
    follow: [positions_max]Set,
    first: Set,
    last: Set,
    /// Positions of negated classes: they stay through the continuation bytes of their character.
    wide: Set,
    /// `[class]+` needs no automaton; it is what nearly all constraints are.
    single: bool,

    /// Whether the whole of `segment`, which is not empty, belongs to the language.
    pub fn matches(self: *const Constraint, segment: []const u8) bool {
        if (self.single) {
            for (segment) |byte| if (self.takes[byte] == 0 and !self.continues(byte)) return false;
            return true;
        }
        var states = self.first & self.takes[segment[0]];
        for (segment[1..]) |byte| {
            if (states == 0) return false;
            var next: Set = 0;
            var rest = states;
            while (rest != 0) : (rest &= rest - 1) next |= self.follow[@ctz(rest)];
            next &= self.takes[byte];
            if (isContinuation(byte)) next |= states & self.wide;
            states = next;
        }
        return states & self.last != 0;
    }

    fn continues(self: *const Constraint, byte: u8) bool {
        return self.wide != 0 and isContinuation(byte);
    }
};

/// Segments are valid UTF-8, so a byte of this form is always inside a character.
fn isContinuation(byte: u8) bool {
    return byte & 0xc0 == 0x80;
}

/// `text[start..]` begins after the opening parenthesis; `Compiled.end` is where the closing one
/// stands.
pub const Compiled = struct { constraint: Constraint, end: usize };

pub fn compile(text: []const u8, start: usize, fault: *Fault) Fault.Error!Compiled {
    var compiler: Compiler = .{ .text = text, .at = start, .fault = fault };
    @memset(&compiler.takes, 0);
    @memset(&compiler.follow, 0);
    const whole = try compiler.alternatives(0);
    if (compiler.at == text.len) return fault.set(start - 1, .constraint_unclosed);
    std.debug.assert(text[compiler.at] == ')');
    const single = compiler.count == 1 and compiler.follow[0] == 1;
    return .{ .end = compiler.at, .constraint = .{
        .text = text[start..compiler.at],
        .takes = compiler.takes,
        .follow = compiler.follow,
        .first = whole.first,
        .last = whole.last,
        .wide = compiler.wide,
        .single = single,
    } };
}

/// What Glushkov's construction knows of a part of the expression.
const Part = struct {
    first: Set = 0,
    last: Set = 0,
    nullable: bool,
};

/// A bit for each ASCII byte, and whether all characters beyond ASCII belong.
const Class = struct {
    bits: u128 = 0,
    beyond: bool = false,

    fn add(class: *Class, byte: u7) void {
        class.bits |= @as(u128, 1) << byte;
    }

    fn addRange(class: *Class, low: u7, high: u7) void {
        var byte: u8 = low;
        while (byte <= high) : (byte += 1) class.add(@intCast(byte));
    }

    fn merge(class: *Class, other: Class) void {
        class.bits |= other.bits;
        class.beyond = class.beyond or other.beyond;
    }

    fn negate(class: Class) Class {
        return .{ .bits = ~class.bits, .beyond = !class.beyond };
    }
};

const Compiler = struct {
    text: []const u8,
    at: usize,
    fault: *Fault,
    count: u7 = 0,
    takes: [256]Set = undefined,
    follow: [positions_max]Set = undefined,
    wide: Set = 0,

    fn peek(self: *const Compiler) ?u8 {
        return if (self.at < self.text.len) self.text[self.at] else null;
    }

    fn alternatives(self: *Compiler, depth: u8) Fault.Error!Part {
        var whole = try self.sequence(depth);
        while (self.peek() == '|') {
            self.at += 1;
            const other = try self.sequence(depth);
            whole.first |= other.first;
            whole.last |= other.last;
            whole.nullable = whole.nullable or other.nullable;
        }
        return whole;
    }

    fn sequence(self: *Compiler, depth: u8) Fault.Error!Part {
        const start = self.at;
        var whole: Part = .{ .nullable = true };
        while (self.peek()) |byte| {
            if (byte == '|' or byte == ')') break;
            whole = self.concatenate(whole, try self.repeated(depth));
        }
        if (self.at == start and self.at < self.text.len)
            return self.fault.set(start, .constraint_empty);
        return whole;
    }

    fn concatenate(self: *Compiler, left: Part, right: Part) Part {
        self.link(left.last, right.first);
        return .{
            .first = left.first | if (left.nullable) right.first else 0,
            .last = right.last | if (right.nullable) left.last else 0,
            .nullable = left.nullable and right.nullable,
        };
    }

    fn link(self: *Compiler, from: Set, to: Set) void {
        var rest = from;
        while (rest != 0) : (rest &= rest - 1) self.follow[@ctz(rest)] |= to;
    }

    /// An atom with its quantifier. Counts are written out: the atom is compiled again for each
    /// copy, and as every copy takes a position, the limit on positions bounds the work.
    fn repeated(self: *Compiler, depth: u8) Fault.Error!Part {
        const start = self.at;
        var whole = try self.atom(depth);
        const after_atom = self.at;
        const count = try self.quantifier() orelse return whole;
        const after = self.at;
        if (self.peek()) |byte| switch (byte) {
            '?', '*', '+', '{' => return self.fault.set(after, .constraint_lazy),
            else => {},
        };
        if (count.most == null and count.least <= 1) {
            self.link(whole.last, whole.first);
            whole.nullable = whole.nullable or count.least == 0;
            return whole;
        }
        if (count.least == 0) whole.nullable = true;
        var done: usize = 1;
        while (done < count.most orelse count.least) : (done += 1) {
            self.at = start;
            var copy = try self.atom(depth);
            std.debug.assert(self.at == after_atom);
            if (count.most == null and done + 1 == count.least) self.link(copy.last, copy.first);
            if (done >= count.least) copy.nullable = true;
            whole = self.concatenate(whole, copy);
        }
        self.at = after;
        return whole;
    }

    const Count = struct { least: usize, most: ?usize };

    fn quantifier(self: *Compiler) Fault.Error!?Count {
        const byte = self.peek() orelse return null;
        const start = self.at;
        switch (byte) {
            '?' => {
                self.at += 1;
                return .{ .least = 0, .most = 1 };
            },
            '*' => {
                self.at += 1;
                return .{ .least = 0, .most = null };
            },
            '+' => {
                self.at += 1;
                return .{ .least = 1, .most = null };
            },
            '{' => {},
            else => return null,
        }
        self.at += 1;
        const least = self.number() orelse return self.fault.set(start, .constraint_bad_count);
        var most: ?usize = least;
        if (self.peek() == ',') {
            self.at += 1;
            most = self.number();
        }
        if (self.peek() != '}') return self.fault.set(start, .constraint_bad_count);
        self.at += 1;
        const high = most orelse @max(least, 1);
        if (high == 0 or high < least or high > positions_max)
            return self.fault.set(start, .constraint_bad_count);
        return .{ .least = least, .most = most };
    }

    fn number(self: *Compiler) ?usize {
        const start = self.at;
        var value: usize = 0;
        while (self.peek()) |byte| : (self.at += 1) {
            if (!std.ascii.isDigit(byte)) break;
            // Saturating: only whether it is above the limit matters.
            value = value *| 10 +| (byte - '0');
        }
        return if (self.at == start) null else value;
    }

    fn atom(self: *Compiler, depth: u8) Fault.Error!Part {
        const start = self.at;
        const byte = self.text[start];
        self.at += 1;
        switch (byte) {
            '(' => return self.group(depth),
            '[' => return self.position(try self.class(), start),
            '\\' => return self.position(try self.escape(start), start),
            '?', '*', '+' => return self.fault.set(start, .constraint_nothing_to_repeat),
            '^', '$' => return self.fault.set(start, .constraint_anchor),
            '.' => return self.fault.set(start, .constraint_dot),
            '/' => return self.fault.set(start, .constraint_slash),
            ']', '{', '}' => return self.fault.set(start, .constraint_unbalanced),
            0x80...0xff => return self.character(start),
            else => {
                if (std.ascii.isControl(byte)) return self.fault.set(start, .bad_byte);
                var class_of_one: Class = .{};
                class_of_one.add(@intCast(byte));
                return self.position(class_of_one, start);
            },
        }
    }

    fn group(self: *Compiler, depth: u8) Fault.Error!Part {
        const opening = self.at - 1;
        if (depth == depth_max) return self.fault.set(opening, .constraint_too_deep);
        if (self.peek() == '?') {
            if (!std.mem.startsWith(u8, self.text[self.at..], "?:"))
                return self.fault.set(opening, .constraint_group_kind);
            self.at += 2;
        }
        const inner = try self.alternatives(depth + 1);
        if (self.peek() != ')') return self.fault.set(opening, .constraint_unclosed);
        self.at += 1;
        return inner;
    }

    /// A character beyond ASCII is the sequence of its bytes; a quantifier takes all of them.
    fn character(self: *Compiler, start: usize) Fault.Error!Part {
        const len = std.unicode.utf8ByteSequenceLength(self.text[start]) catch
            return self.fault.set(start, .bad_byte);
        if (self.text.len - start < len) return self.fault.set(start, .bad_byte);
        const bytes = self.text[start..][0..len];
        if (!std.unicode.utf8ValidateSlice(bytes)) return self.fault.set(start, .bad_byte);
        self.at = start + len;
        var whole: Part = .{ .nullable = true };
        for (bytes) |byte| {
            const bit = try self.newPosition(start);
            self.takes[byte] |= bit;
            whole = self.concatenate(whole, .{ .first = bit, .last = bit, .nullable = false });
        }
        return whole;
    }

    fn position(self: *Compiler, members: Class, start: usize) Fault.Error!Part {
        const bit = try self.newPosition(start);
        for (0..0x80) |byte| {
            if (members.bits >> @intCast(byte) & 1 != 0) self.takes[byte] |= bit;
        }
        // An escaped slash is byte 0 in a canonical path.
        self.takes[0] = self.takes[0] & ~bit | self.takes['/'] & bit;
        if (members.beyond) {
            for (0xc0..0x100) |byte| self.takes[byte] |= bit;
            self.wide |= bit;
        }
        return .{ .first = bit, .last = bit, .nullable = false };
    }

    fn newPosition(self: *Compiler, start: usize) Fault.Error!Set {
        if (self.count == positions_max) return self.fault.set(start, .constraint_too_long);
        defer self.count += 1;
        return @as(Set, 1) << @intCast(self.count);
    }

    /// After the backslash at `start`.
    fn escape(self: *Compiler, start: usize) Fault.Error!Class {
        const byte = self.peek() orelse return self.fault.set(start, .constraint_escape);
        self.at += 1;
        var members: Class = .{};
        switch (byte) {
            'd', 'D' => members.addRange('0', '9'),
            'w', 'W' => {
                members.addRange('0', '9');
                members.addRange('A', 'Z');
                members.addRange('a', 'z');
                members.add('_');
            },
            's', 'S' => {
                members.addRange('\t', '\r');
                members.add(' ');
            },
            '/' => return self.fault.set(start, .constraint_slash),
            else => {
                if (!std.ascii.isPrint(byte) or std.ascii.isAlphanumeric(byte))
                    return self.fault.set(start, .constraint_escape);
                members.add(@intCast(byte));
            },
        }
        return if (std.ascii.isUpper(byte)) members.negate() else members;
    }

    /// After the bracket.
    fn class(self: *Compiler) Fault.Error!Class {
        const opening = self.at - 1;
        const negated = self.peek() == '^';
        if (negated) self.at += 1;
        var members: Class = .{};
        const first = self.at;
        while (true) {
            const start = self.at;
            const byte = self.peek() orelse
                return self.fault.set(opening, .constraint_class_unclosed);
            if (byte == ']') break;
            const low = try self.classMember();
            const hyphen = self.peek() == '-' and self.at + 1 < self.text.len and
                self.text[self.at + 1] != ']';
            if (!hyphen) {
                members.merge(low);
                continue;
            }
            self.at += 1;
            const high = try self.classMember();
            // A shorthand such as \d is no end of a range.
            if (@popCount(low.bits) != 1 or @popCount(high.bits) != 1)
                return self.fault.set(start, .constraint_class_range);
            const from: u7 = @intCast(@ctz(low.bits));
            const to: u7 = @intCast(@ctz(high.bits));
            if (from > to) return self.fault.set(start, .constraint_class_range);
            members.addRange(from, to);
        }
        if (self.at == first) return self.fault.set(opening, .constraint_class_empty);
        self.at += 1;
        return if (negated) members.negate() else members;
    }

    fn classMember(self: *Compiler) Fault.Error!Class {
        const start = self.at;
        const byte = self.peek() orelse return self.fault.set(start, .constraint_class_unclosed);
        self.at += 1;
        switch (byte) {
            '\\' => return self.escape(start),
            '/' => return self.fault.set(start, .constraint_slash),
            else => {
                if (!std.ascii.isPrint(byte)) return self.fault.set(start, .constraint_class_byte);
                var members: Class = .{};
                members.add(@intCast(byte));
                return members;
            },
        }
    }
};

const testing = std.testing;

fn compileForTest(text: []const u8) !Constraint {
    var fault: Fault = .{};
    const compiled = try compile(text, 1, &fault);
    try testing.expectEqual(text.len - 1, compiled.end);
    return compiled.constraint;
}

fn expectMatches(text: []const u8, yes: []const []const u8, no: []const []const u8) !void {
    const constraint = try compileForTest(text);
    for (yes) |segment| if (!constraint.matches(segment)) {
        std.debug.print("{s} refuses {s}\n", .{ text, segment });
        return error.Refused;
    };
    for (no) |segment| if (constraint.matches(segment)) {
        std.debug.print("{s} takes {s}\n", .{ text, segment });
        return error.Taken;
    };
}

fn expectRefused(text: []const u8, offset: u32, reason: reason_file.Reason) !void {
    var fault: Fault = .{};
    try testing.expectError(error.InvalidPattern, compile(text, 1, &fault));
    try testing.expectEqual(Fault{ .offset = offset, .reason = reason }, fault);
}

test "literals, classes, alternatives, groups" {
    try expectMatches("(\\d+)", &.{ "0", "0123456789" }, &.{ "a", "1a", "a1", "1 ", "é" });
    try expectMatches("(abc)", &.{"abc"}, &.{ "ab", "abcd", "xabc", "ABC" });
    try expectMatches("(png|jpe?g)", &.{ "png", "jpg", "jpeg" }, &.{ "pn", "jpeeg", "pngjpg" });
    try expectMatches("([a-f0-9_]+)", &.{ "a", "f9_" }, &.{ "g", "A", "-" });
    try expectMatches("([^a-c])", &.{ "d", "é", "🎹" }, &.{ "a", "dd", "éé" });
    try expectMatches("([^a-c]+)", &.{ "dé🎹", "é" }, &.{ "déa", "a" });
    try expectMatches("(\\w+\\.\\w+)", &.{"file.png"}, &.{ "file", "file.", ".png", "a.b.c" });
    try expectMatches("((?:ab)+)", &.{ "ab", "abab" }, &.{ "a", "aba" });
    try expectMatches("([a-z-]+)", &.{ "a-b", "-" }, &.{"A"});
    try expectMatches("([-a]+)", &.{ "a", "-" }, &.{"b"});
    try expectMatches("([\\d.]+)", &.{"1.2"}, &.{"1,2"});
    try expectMatches("(caf(é)+)", &.{ "café", "caféé" }, &.{ "caf", "cafe" });
    try expectMatches("(é{2})", &.{"éé"}, &.{ "é", "ééé" });
    try expectMatches("(\\D\\W\\S)", &.{ "a-b", "é€🎹" }, &.{ "1-b", "aab", "a- " });
}

test "quantifiers" {
    try expectMatches("(a{3})", &.{"aaa"}, &.{ "aa", "aaaa" });
    try expectMatches("(a{2,})", &.{ "aa", "aaaaaa" }, &.{"a"});
    try expectMatches("(a{0,}b)", &.{ "b", "aaab" }, &.{"a"});
    try expectMatches("(a{1,3}b?)", &.{ "a", "aaab" }, &.{ "aaaa", "b" });
    try expectMatches("(a{0,2}b)", &.{ "b", "ab", "aab" }, &.{"aaab"});
    try expectMatches("((a|bc){2})", &.{ "aa", "abc", "bcbc" }, &.{ "a", "bca1" });
    try expectMatches("((a*)*b)", &.{ "b", "aaab" }, &.{"aaa"});
    try expectMatches(
        "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
        &.{"123e4567-e89b-12d3-a456-426614174000"},
        &.{ "123e4567-e89b-12d3-a456-42661417400", "123e4567xe89b-12d3-a456-426614174000" },
    );
}

test "an escaped slash is a slash to a constraint" {
    try expectMatches("(\\w+)", &.{"ab"}, &.{"a\x00b"});
    try expectMatches("([^a]+)", &.{"\x00"}, &.{});
    try expectMatches("([ -~]+)", &.{"a\x00b"}, &.{});
}

test "everything else is refused with its place" {
    try expectRefused("(\\d+", 0, .constraint_unclosed);
    try expectRefused("((a)", 0, .constraint_unclosed);
    try expectRefused("()", 1, .constraint_empty);
    try expectRefused("(a|)", 3, .constraint_empty);
    try expectRefused("(|a)", 1, .constraint_empty);
    try expectRefused("(a())", 3, .constraint_empty);
    try expectRefused("(^a)", 1, .constraint_anchor);
    try expectRefused("(a$)", 2, .constraint_anchor);
    try expectRefused("(.*)", 1, .constraint_dot);
    try expectRefused("(a/b)", 2, .constraint_slash);
    try expectRefused("([^/]+)", 3, .constraint_slash);
    try expectRefused("(\\/)", 1, .constraint_slash);
    try expectRefused("(a+?)", 3, .constraint_lazy);
    try expectRefused("(a++)", 3, .constraint_lazy);
    try expectRefused("(a{2}{3})", 5, .constraint_lazy);
    try expectRefused("(*a)", 1, .constraint_nothing_to_repeat);
    try expectRefused("((?=a))", 1, .constraint_group_kind);
    try expectRefused("((?<n>a))", 1, .constraint_group_kind);
    try expectRefused("(\\1)", 1, .constraint_escape);
    try expectRefused("(\\b)", 1, .constraint_escape);
    try expectRefused("(\\n)", 1, .constraint_escape);
    try expectRefused("(a{})", 2, .constraint_bad_count);
    try expectRefused("(a{0})", 2, .constraint_bad_count);
    try expectRefused("(a{3,2})", 2, .constraint_bad_count);
    try expectRefused("(a{2)", 2, .constraint_bad_count);
    try expectRefused("(a{99999999999999999999999})", 2, .constraint_bad_count);
    try expectRefused("(a{65})", 2, .constraint_bad_count);
    try expectRefused("([a-z]{40}\\d{25})", 10, .constraint_too_long);
    try expectRefused("((((a{9}){9}){9}){9})", 4, .constraint_too_long);
    try expectRefused("([])", 1, .constraint_class_empty);
    try expectRefused("([^])", 1, .constraint_class_empty);
    try expectRefused("([a)", 1, .constraint_class_unclosed);
    try expectRefused("([z-a])", 2, .constraint_class_range);
    try expectRefused("([\\d-a])", 2, .constraint_class_range);
    try expectRefused("([é])", 2, .constraint_class_byte);
    try expectRefused("(a])", 2, .constraint_unbalanced);
    try expectRefused("(a}", 2, .constraint_unbalanced);
    try expectRefused("(\xff)", 1, .bad_byte);
    try expectRefused("((((((((((((((((((a))))))))))))))))))", 17, .constraint_too_deep);
}

/// The same language by backtracking over the text itself: which ends a match from `at` may have.
const Naive = struct {
    text: []const u8,
    segment: []const u8,

    const Ends = std.StaticBitSet(128);

    /// Splits at the top level and returns the ends of any alternative.
    fn alternatives(self: Naive, from: usize, to: usize, at: usize) Ends {
        var ends: Ends = .initEmpty();
        var start = from;
        var depth: usize = 0;
        var index = from;
        while (index <= to) : (index += 1) {
            const done = index == to;
            if (!done and self.text[index] == '\\') {
                index += 1;
                continue;
            }
            if (!done and self.text[index] == '(') depth += 1;
            if (!done and self.text[index] == ')') depth -= 1;
            if (done or (depth == 0 and self.text[index] == '|')) {
                ends.setUnion(self.sequence(start, index, at));
                start = index + 1;
            }
        }
        return ends;
    }

    fn sequence(self: Naive, from: usize, to: usize, at: usize) Ends {
        var ends: Ends = .initEmpty();
        if (from == to) {
            ends.set(at);
            return ends;
        }
        const atom_end = self.atomEnd(from);
        var least: usize = 1;
        var most: usize = 1;
        var next = atom_end;
        if (next < to) switch (self.text[next]) {
            '?' => {
                least = 0;
                next += 1;
            },
            '*', '+' => {
                least = if (self.text[next] == '*') 0 else 1;
                most = 100;
                next += 1;
            },
            '{' => {
                least = self.text[next + 1] - '0';
                most = self.text[next + 3] - '0';
                next += 5;
            },
            else => {},
        };
        // Passes that reach nothing new end the loop, or nested stars would never return.
        var accepted: Ends = .initEmpty();
        var reached: Ends = .initEmpty();
        reached.set(at);
        for (0..most + 1) |times| {
            if (times >= least) {
                if (times > least and reached.subsetOf(accepted)) break;
                accepted.setUnion(reached);
            }
            var further: Ends = .initEmpty();
            var each = reached.iterator(.{});
            while (each.next()) |end| further.setUnion(self.atom(from, atom_end, end));
            reached = further;
        }
        var each = accepted.iterator(.{});
        while (each.next()) |end| ends.setUnion(self.sequence(next, to, end));
        return ends;
    }

    fn atomEnd(self: Naive, from: usize) usize {
        if (self.text[from] == '\\') return from + 2;
        if (self.text[from] == '[') return std.mem.indexOfScalarPos(u8, self.text, from, ']').? + 1;
        if (self.text[from] != '(') return from + 1;
        var depth: usize = 0;
        for (self.text[from..], from..) |byte, index| {
            if (byte == '(') depth += 1;
            if (byte == ')') depth -= 1;
            if (depth == 0) return index + 1;
        }
        unreachable;
    }

    fn atom(self: Naive, from: usize, to: usize, at: usize) Ends {
        if (self.text[from] == '(') return self.alternatives(from + 1, to - 1, at);
        var ends: Ends = .initEmpty();
        if (at == self.segment.len) return ends;
        const byte = self.segment[at];
        const taken = switch (self.text[from]) {
            '\\' => std.ascii.isDigit(byte),
            '[' => if (self.text[from + 1] == '^')
                std.mem.indexOfScalar(u8, self.text[from + 2 .. to - 1], byte) == null
            else
                std.mem.indexOfScalar(u8, self.text[from + 1 .. to - 1], byte) != null,
            else => |literal| literal == byte,
        };
        if (taken) ends.set(at + 1);
        return ends;
    }
};

const Generator = struct {
    random: std.Random,
    text: std.ArrayList(u8) = .empty,

    fn expression(self: *Generator, depth: usize) !void {
        const alternatives = if (self.random.uintLessThan(u8, 4) == 0) @as(usize, 2) else 1;
        for (0..alternatives) |index| {
            if (index > 0) try self.text.append(testing.allocator, '|');
            for (0..self.random.intRangeAtMost(usize, 1, 3)) |_| try self.piece(depth);
        }
    }

    fn piece(self: *Generator, depth: usize) error{OutOfMemory}!void {
        const atoms = [_][]const u8{ "a", "b", "1", "\\d", "[ab]", "[^a]", "[1b]" };
        if (depth > 0 and self.random.uintLessThan(u8, 3) == 0) {
            try self.text.append(testing.allocator, '(');
            try self.expression(depth - 1);
            try self.text.append(testing.allocator, ')');
        } else {
            const atom = atoms[self.random.uintLessThan(usize, atoms.len)];
            try self.text.appendSlice(testing.allocator, atom);
        }
        const quantifiers = [_][]const u8{ "", "", "", "?", "*", "+", "{0,2}", "{1,2}", "{2,2}" };
        const quantifier = quantifiers[self.random.uintLessThan(usize, quantifiers.len)];
        try self.text.appendSlice(testing.allocator, quantifier);
    }
};

test "random constraints against a backtracking matcher" {
    const seed = testing.random_seed;
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var generator: Generator = .{ .random = random };
    defer generator.text.deinit(testing.allocator);
    var compared: usize = 0;
    for (0..3000) |_| {
        generator.text.clearRetainingCapacity();
        try generator.text.append(testing.allocator, '(');
        try generator.expression(2);
        try generator.text.append(testing.allocator, ')');
        const text = generator.text.items;
        var fault: Fault = .{};
        const compiled = compile(text, 1, &fault) catch {
            try testing.expectEqual(reason_file.Reason.constraint_too_long, fault.reason);
            continue;
        };
        for (0..20) |_| {
            var bytes: [8]u8 = undefined;
            const segment = bytes[0..random.intRangeAtMost(usize, 1, bytes.len)];
            for (segment) |*byte| byte.* = "ab1"[random.uintLessThan(usize, 3)];
            const naive: Naive = .{ .text = text, .segment = segment };
            const expected = naive.alternatives(1, text.len - 1, 0).isSet(segment.len);
            if (compiled.constraint.matches(segment) != expected) {
                std.debug.print("seed {d}: {s} on {s}\n", .{ seed, text, segment });
                return error.Different;
            }
            compared += 1;
        }
    }
    try testing.expect(compared > 10_000);
}
