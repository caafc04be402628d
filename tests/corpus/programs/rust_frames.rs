// SPDX-License-Identifier: Apache-2.0
// Rust's frames: generic functions, closures behind a pointer, a sort that calls back.
//
// root rust: _start;__libc_start_*|[libc*+*]{1,2};main;*std::*|*core::*|*lang_start*|*FnOnce*{1,8};rust_frames::main
// chain: @rust;rust_frames::trunk;rust_frames::branch*;rust_frames::leaf;*core::*|*std::*{0,12}
// chain: @rust;rust_frames::trunk;rust_frames::apply;*closure*;rust_frames::leaf;*core::*|*std::*{0,12}
// chain: @rust;rust_frames::sorted;*core::*|*std::*{0,12};rust_frames::compare;*core::*|*std::*{0,12}
// may: @rust;rust_frames::trunk;rust_frames::branch*;*core::*|*std::*|*mem*|[libc*+*]|*@plt{0,12}
// may: @rust;rust_frames::trunk;rust_frames::apply;*closure*;*core::*|*std::*|*mem*|[libc*+*]|*@plt{0,12}
// may: @rust;rust_frames::trunk;rust_frames::apply;*core::*|*std::*{0,12}
// may: @rust;rust_frames::trunk;*core::*|*std::*{0,12}
// may: @rust;rust_frames::sorted;*core::*|*std::*|*mem*|[libc*+*]|*@plt{0,20}
// may: @rust;*core::*|*std::*{0,12}
// outside: *{0,};*lang_start_internal;*thread*|*sig*|*poll*|*sysconf*|*alloc*|[libc*+*];*{0,}
// outside: *{0,};rust_frames::begin;*{0,}
// outside: *{0,};rust_frames::finish;*{0,}
// own: *rust_frames::*
use std::hint::black_box;

#[repr(C)]
struct Timeval {
    sec: i64,
    usec: i64,
}

extern "C" {
    fn signal(sig: i32, f: extern "C" fn(i32)) -> usize;
    fn setitimer(which: i32, new: *const [Timeval; 2], old: *mut [Timeval; 2]) -> i32;
    fn _exit(status: i32) -> !;
}

extern "C" fn finish(_: i32) {
    unsafe { _exit(0) }
}

#[inline(never)]
fn begin() {
    let s: f64 = std::env::args().nth(1).map_or(2.0, |a| a.parse().unwrap());
    let at = [
        Timeval { sec: 0, usec: 0 },
        Timeval { sec: s as i64, usec: 1 + (s.fract() * 1e6) as i64 },
    ];
    unsafe {
        signal(27, finish);
        setitimer(2, &at, std::ptr::null_mut());
    }
}

#[inline(never)]
fn leaf(n: u64) -> u64 {
    let mut x = n;
    for i in 0..60 {
        x = black_box(x.wrapping_mul(31) ^ i);
    }
    x
}

#[inline(never)]
fn branch<T: Into<u64> + Copy>(t: T) -> u64 {
    let room = black_box([1u64; 40]);
    leaf(t.into()).wrapping_add(room[3])
}

#[inline(never)]
fn apply(f: &dyn Fn(u64) -> u64, n: u64) -> u64 {
    black_box(f)(n).wrapping_add(black_box(1))
}

#[inline(never)]
fn trunk(n: u64) -> u64 {
    let k = black_box(n);
    let x = apply(&|a| leaf(a.wrapping_add(k)).wrapping_add(1), n);
    x.wrapping_add(branch(7u32)).wrapping_add(branch(n))
}

#[inline(never)]
fn compare(a: &u64, b: &u64) -> std::cmp::Ordering {
    (black_box(*a) % 97).cmp(&(black_box(*b) % 97))
}

#[inline(never)]
fn sorted(v: &mut [u64]) -> u64 {
    for (i, x) in v.iter_mut().enumerate() {
        *x = (i as u64).wrapping_mul(7919) % 1009;
    }
    v.sort_unstable_by(compare);
    black_box(v[0])
}

fn main() {
    let mut v = vec![0u64; 100];
    begin();
    let mut n = 0;
    loop {
        n = black_box(trunk(n).wrapping_add(sorted(&mut v)));
    }
}
