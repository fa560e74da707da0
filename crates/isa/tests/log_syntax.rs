//! The log syntax, there and back.
//!
//! `data/log-lines.txt` has instructions as real kernels' logs (6.12.117) printed them, up to three of each
//! shape. An assembled line must give the same text, opcode included, again.

use verdict_isa::{Disasm, Insn, Names, assemble_with};

const LINES: &str = include_str!("data/log-lines.txt");

/// The name that the line itself gives what it calls.
struct NameOf<'a>(&'a str);

impl Names for NameOf<'_> {
    fn helper(&self, _id: i32) -> Option<&str> {
        called(self.0)
    }

    fn kfunc(&self, _insn: &Insn) -> Option<&str> {
        called(self.0)
    }
}

fn called(line: &str) -> Option<&str> {
    line.split_once("call ")?.1.split('#').next()
}

/// Kernel functions have BTF ids in the ten thousands, helpers small numbers.
fn is_kfunc(_name: &str, id: i32) -> bool {
    id > 1000
}

fn check(line: &str) {
    let (insn, half) = assemble_with(line, is_kfunc).expect("a line of a log");
    let names = NameOf(line);
    assert_eq!(Disasm::new(&insn, half.as_ref(), &names).to_string(), line);
    assert_eq!(Insn::from_bytes(insn.to_bytes()), insn, "{line}");
}

#[test]
fn lines_of_real_logs() {
    assert!(LINES.lines().count() > 300);
    LINES.lines().for_each(check);
}
