//! A program's instructions, as `bpftool prog dump xlated` lists those of a loaded one.

use std::fmt;
use std::io::{self, Write};

use verdict_isa::{Disasm, Insn, Names, pseudo};
use verdict_kernel::Kernel;
use verdict_kernel::attr::MapId;
use verdict_syscall::Prog;

use crate::names::{kernel_helper, kernel_kfunc};

/// Lists the instructions that the kernel is handed, with functions and source lines. The kernel rewrites a
/// program that it has verified; this is the program before that, and maps have names in place of numbers.
///
/// # Errors
/// Those of the writer.
pub fn write_listing(kernel: &Kernel, prog: &Prog, out: &mut dyn Write) -> io::Result<()> {
    let names = ListedNames { kernel, prog };
    // Without BTF there are neither functions nor lines.
    let btf = prog.btf.as_ref().map(|loaded| &loaded.btf);
    let mut funcs = prog.func_info.iter().peekable();
    let mut lines = prog.line_info.iter().peekable();
    let mut insns = prog.insns.iter().enumerate();
    while let Some((at, insn)) = insns.next() {
        while let Some(func) = funcs.next_if(|func| func.insn_off as usize <= at) {
            if let Some(declaration) = btf.and_then(|btf| btf.declaration(func.type_id)) {
                writeln!(out, "{declaration}:")?;
            }
        }
        while let Some(line) = lines.next_if(|line| line.insn_off as usize <= at) {
            let text = btf.map_or("", |btf| btf.name(line.line_off));
            writeln!(out, "; {}", text.trim_ascii_start())?;
        }
        let next = prog.insns.get(at + 1);
        writeln!(out, "{at:4}: {}", Disasm::new(insn, next, &names))?;
        if insn.is_ld_imm64() {
            insns.next();
        }
    }
    Ok(())
}

/// The text of an instruction as it is listed; nothing for the second half of one that has two, which is none.
pub fn insn_text(kernel: &Kernel, prog: &Prog, at: usize) -> Option<String> {
    let insn = prog.insns.get(at)?;
    let names = ListedNames { kernel, prog };
    Some(Disasm::new(insn, prog.insns.get(at + 1), &names).to_string())
}

/// What bpftool writes in instructions.
struct ListedNames<'a> {
    kernel: &'a Kernel,
    prog: &'a Prog,
}

impl ListedNames<'_> {
    fn map(&self, insn: &Insn) -> &str {
        let id = MapId(insn.imm as u32);
        self.prog.map(id).map_or("?", |map| map.name.as_str())
    }
}

impl Names for ListedNames<'_> {
    fn helper(&self, id: i32) -> Option<&str> {
        kernel_helper(self.kernel, id)
    }

    fn kfunc(&self, insn: &Insn) -> Option<&str> {
        kernel_kfunc(self.kernel, insn)
    }

    fn imm64(&self, insn: &Insn, imm: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match insn.src {
            pseudo::MAP_FD => write!(f, "map[name:{}]", self.map(insn)),
            pseudo::MAP_VALUE => write!(f, "map[name:{}][0]+{}", self.map(insn), (imm >> 32) as i32),
            pseudo::FUNC => write!(f, "subprog[{:+}]", insn.imm),
            _ => write!(f, "{imm:#x}"),
        }
    }
}
