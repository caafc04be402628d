// SPDX-License-Identifier: Apache-2.0
// Names and inline chains as Rust makes them: iterators, closures, traits, generics, formatting, panics.
use std::collections::{BTreeMap, HashMap};
use std::fmt;

trait Shape {
    fn area(&self) -> f64;
    fn doubled(&self) -> f64 {
        self.area() * 2.0
    }
}

struct Square(f64);
struct Round<T> {
    radius: T,
}

impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }
}

impl<T: Copy + Into<f64>> Shape for Round<T> {
    fn area(&self) -> f64 {
        let r: f64 = self.radius.into();
        r * r * std::f64::consts::PI
    }
}

impl<T: fmt::Debug> fmt::Display for Round<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round({:?})", self.radius)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Token {
    Word(String),
    Number(i64),
    Other(char),
}

#[inline(never)]
fn tokens(text: &str) -> Result<Vec<Token>, std::num::ParseIntError> {
    text.split_whitespace()
        .map(|w| match w.chars().next() {
            Some(c) if c.is_ascii_digit() => w.parse().map(Token::Number),
            Some(c) if c.is_alphabetic() => Ok(Token::Word(w.to_lowercase())),
            c => Ok(Token::Other(c.unwrap_or(' '))),
        })
        .collect()
}

#[inline(never)]
fn counted<K: Ord + Clone, I: IntoIterator<Item = K>>(items: I) -> BTreeMap<K, usize> {
    let mut n = BTreeMap::new();
    for i in items {
        *n.entry(i).or_insert(0) += 1;
    }
    n
}

#[inline(never)]
fn sorted(mut v: Vec<(u64, String)>) -> Vec<String> {
    v.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    v.dedup_by_key(|p| p.0);
    v.into_iter().map(|p| p.1).collect()
}

fn composed(depth: u32) -> Box<dyn Fn(u64) -> u64> {
    if depth == 0 {
        return Box::new(|x| x.rotate_left(7) ^ 0x55);
    }
    let inner = composed(depth - 1);
    Box::new(move |x| (0..4).fold(x, |a, i| inner(a.wrapping_mul(31) + i)))
}

#[cold]
fn failed(what: &dyn fmt::Debug) -> ! {
    panic!("cannot go on with {:?}", what)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(2.0)), Box::new(Round { radius: 1.5f32 })];
    let area: f64 = shapes.iter().map(|s| s.area() + s.doubled()).sum();
    let t = match tokens(&args.join(" 12 ! ")) {
        Ok(t) => t,
        Err(e) => failed(&e),
    };
    let mut by_length: HashMap<usize, Vec<&Token>> = HashMap::new();
    for x in &t {
        by_length.entry(format!("{:?}", x).len()).or_default().push(x);
    }
    let lines = sorted(by_length.iter().map(|(k, v)| (*k as u64, format!("{:?}", v))).collect());
    println!("{} {:?} {:?} {}", area, counted(t.clone()), lines, Round { radius: 3u8 });
    println!("{}", composed(5)(args.len() as u64));
}
