// SPDX-License-Identifier: Apache-2.0
//! rustnames TURNS: Rust whose names are mangled: modules, traits, generics.
mod shop {
    pub trait Fill {
        fn fill(&mut self, turns: u64) -> u64;
    }

    pub struct Shelf<T> {
        pub sum: T,
    }

    impl Fill for Shelf<u64> {
        #[inline(never)]
        fn fill(&mut self, turns: u64) -> u64 {
            for i in 0..turns {
                // A read that cannot be folded; black_box is younger than Debian 12's compiler.
                let sum = unsafe { std::ptr::read_volatile(&self.sum) };
                self.sum = sum.wrapping_mul(6364136223846793005).wrapping_add(i);
            }
            self.sum
        }
    }
}

use shop::Fill;

fn main() {
    let turns = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(500_000_000);
    let mut shelf = shop::Shelf { sum: 1u64 };
    println!("sum {}", shelf.fill(turns));
}
