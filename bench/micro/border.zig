//! Functions that do nothing, to measure what a call across the border costs. Built and called by
//! `border.ts`.

var memory: [4096]u8 align(64) = @splat('a');

export fn border_nothing() void {}

export fn border_one(a: u32) u32 {
    return a +% 1;
}

export fn border_ten(
    a: u32,
    b: u32,
    c: u32,
    d: u32,
    e: u32,
    f: u32,
    g: u32,
    h: u32,
    i: u32,
    j: u32,
) u32 {
    return a +% b +% c +% d +% e +% f +% g +% h +% i +% j;
}

export fn border_wide(a: u64) u64 {
    return a +% 1;
}

export fn border_memory() [*]u8 {
    return &memory;
}

/// Calls back once, as a turn does for a batch.
export fn border_dispatch(callback: *const fn (u32) callconv(.c) u32, count: u32) u32 {
    return callback(count);
}
