// SPDX-License-Identifier: Apache-2.0
// blaze-addr2line [-s] [-r] ELF <ADDRESSES: the addresses, hexadecimal, one a line, are answered as
// `addr2line -a -f -i` does. -s: symbol tables only; -r: names as they are, not demangled.
use blazesym::symbolize::{source, CodeInfo, Input, Symbolized, Symbolizer};
use std::io::{self, Read, Write};

fn place(out: &mut impl Write, name: &str, code: Option<&CodeInfo>) -> io::Result<()> {
    writeln!(out, "{name}")?;
    match code {
        Some(c) => writeln!(out, "{}:{}", c.to_path().display(), c.line.unwrap_or(0)),
        None => writeln!(out, "??:0"),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut symbols_only, mut raw, mut path) = (false, false, None);
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "-s" => symbols_only = true,
            "-r" => raw = true,
            _ => path = Some(arg),
        }
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let addrs = text
        .split_whitespace()
        .map(|a| u64::from_str_radix(a.trim_start_matches("0x"), 16))
        .collect::<Result<Vec<_>, _>>()?;

    let mut elf = source::Elf::new(path.ok_or("usage: blaze-addr2line [-s] [-r] ELF <ADDRESSES")?);
    elf.debug_syms = !symbols_only;
    let symbolizer = Symbolizer::builder()
        .enable_code_info(!symbols_only)
        .enable_inlined_fns(!symbols_only)
        .enable_demangling(!raw)
        .build();
    let answers = symbolizer.symbolize(&source::Source::Elf(elf), Input::VirtOffset(&addrs))?;

    let mut out = io::BufWriter::new(io::stdout().lock());
    for (addr, answer) in addrs.iter().zip(&answers) {
        writeln!(out, "{addr:#018x}")?;
        match answer {
            Symbolized::Sym(sym) => {
                for f in sym.inlined.iter().rev() {
                    place(&mut out, &f.name, f.code_info.as_ref())?;
                }
                place(&mut out, &sym.name, sym.code_info.as_deref())?;
            }
            Symbolized::Unknown(_) => place(&mut out, "??", None)?,
        }
    }
    Ok(out.flush()?)
}
