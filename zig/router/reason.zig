//! Why a pattern is refused: the numbers that cross the border and the sentence for each.
//! `pattern.zig` and `constraint.zig` report them with the byte offset where they noticed.

pub const Reason = enum(u32) {
    none = 0,
    no_leading_slash,
    pattern_too_long,
    too_many_segments,
    too_many_params,
    too_many_optionals,
    empty_name,
    bad_name,
    repeated_name,
    param_not_whole_segment,
    wildcard_not_last,
    wildcard_modified,
    special_byte,
    bad_escape,
    bad_byte,
    dot_segment,
    constraint_unclosed,
    constraint_empty,
    constraint_too_long,
    constraint_too_deep,
    constraint_slash,
    constraint_anchor,
    constraint_dot,
    constraint_group_kind,
    constraint_escape,
    constraint_nothing_to_repeat,
    constraint_lazy,
    constraint_bad_count,
    constraint_class_unclosed,
    constraint_class_empty,
    constraint_class_range,
    constraint_class_byte,
    constraint_unbalanced,
    prefix_optional,
    prefix_wildcard,
    prefix_empty_segment,
    prefix_too_many,

    pub fn text(reason: Reason) [:0]const u8 {
        return switch (reason) {
            .none => "the pattern is valid",
            .no_leading_slash => "a pattern begins with '/'",
            .pattern_too_long => "a pattern has at most 4096 bytes",
            .too_many_segments => "a pattern has at most 64 segments",
            .too_many_params => "a pattern has at most 16 parameters",
            .too_many_optionals => "a pattern has at most 5 optional parameters",
            .empty_name => "a name is missing after ':'",
            .bad_name => "a name has letters, digits and '_', and no digit first",
            .repeated_name => "a name may stand only once in a pattern",
            .param_not_whole_segment => "a parameter takes a whole segment, from '/' to '/'",
            .wildcard_not_last => "a wildcard takes the whole rest, so it stands last",
            .wildcard_modified => "a wildcard has no constraint and is never optional",
            .special_byte => "this character has a meaning in patterns: write it percent-encoded",
            .bad_escape => "'%' is followed by two hexadecimal digits, and never by 00",
            .bad_byte => "a pattern is valid UTF-8 without control characters",
            .dot_segment => "the segments '.' and '..' never match: such paths are refused",
            .constraint_unclosed => "the constraint's ')' is missing",
            .constraint_empty => "a constraint, a group and an alternative have something to match",
            .constraint_too_long => "the constraint needs more than 64 positions",
            .constraint_too_deep => "groups are nested more than 16 deep",
            .constraint_slash => "a constraint sees one segment, so '/' cannot stand in it",
            .constraint_anchor => "a constraint takes the whole segment: leave '^' and '$' out",
            .constraint_dot => "'.' is not supported: write '\\.' for a dot, or a class",
            .constraint_group_kind => "groups are '(…)' and '(?:…)', without names or assertions",
            .constraint_escape => "supported escapes are \\d \\D \\w \\W \\s \\S and punctuation",
            .constraint_nothing_to_repeat => "there is nothing to repeat before this quantifier",
            .constraint_lazy => "a quantifier stands alone: there are no lazy or possessive ones",
            .constraint_bad_count => "a count is {n}, {n,} or {n,m}, at least 1 and at most 64",
            .constraint_class_unclosed => "the class's ']' is missing",
            .constraint_class_empty => "a class has at least one member",
            .constraint_class_range => "a range goes from a lower to a higher character",
            .constraint_class_byte => "only ASCII characters can stand in a class",
            .constraint_unbalanced => "']', '{' and '}' stand for themselves only after '\\'",
            .prefix_optional => "a prefix has no optional parameters",
            .prefix_wildcard => "a prefix covers the whole rest by itself: leave the wildcard out",
            .prefix_empty_segment => "a prefix has no empty segments",
            .prefix_too_many => "there are at most 32 prefixes",
        };
    }
};

/// Where a parser notes the first thing that is wrong with its pattern.
pub const Fault = struct {
    offset: u32 = 0,
    reason: Reason = .none,

    pub const Error = error{InvalidPattern};

    pub fn set(fault: *Fault, offset: usize, reason: Reason) Error {
        fault.* = .{ .offset = @intCast(offset), .reason = reason };
        return error.InvalidPattern;
    }
};
