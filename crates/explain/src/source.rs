//! Instructions in terms of the source: lines, expressions, names of values.

use verdict_btf::TypeId;
use verdict_isa::{Disasm, Insn, Names, Op, decode, pseudo};
use verdict_kernel::Kernel;
use verdict_kernel::attr::LineInfo;
use verdict_kernel::helper::helper_name;
use verdict_report::explanation::{Site, Source};
use verdict_syscall::Prog;

use crate::expr;
use crate::locals::Locals;

/// A program, seen through its line records.
pub(crate) struct Code<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) prog: &'a Prog,
    /// What DWARF says of its variables.
    pub(crate) locals: Option<&'a Locals>,
}

/// The source of an instruction, and the expression that it is part of.
pub(crate) struct Spot<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) text: &'a str,
    pub(crate) span: Option<expr::Span>,
}

impl<'a> Spot<'a> {
    /// The expression.
    pub(crate) fn expression(&self) -> Option<&'a str> {
        expr::name(self.text, self.span.as_ref()?)
    }

    /// The variable that the expression's value is assigned to.
    pub(crate) fn assigned(&self) -> Option<&'a str> {
        let span = self.span.as_ref()?;
        let to = expr::assigned_to(self.text, span).or_else(|| expr::changed(self.text, span))?;
        expr::name(self.text, &to)
    }
}

impl<'a> Spot<'a> {
    /// The variable that the whole statement of the line changes, where it is one: `pos` of `pos += n;`.
    pub(crate) fn changed(&self) -> Option<&'a str> {
        let start = self.text.len() - self.text.trim_start().len();
        let end = self.text.find(';').filter(|end| *end > start)?;
        let statement = start..end;
        if self.text.get(statement.clone())?.contains(['(', '{']) && self.span.is_none() {
            return None;
        }
        expr::name(self.text, &expr::changed(self.text, &statement)?)
    }

    /// The subscripts of the expression, the first one first: what stands before each, and the subscript.
    pub(crate) fn subscripts(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let text = self
            .span
            .clone()
            .and_then(|span| self.text.get(span))
            .unwrap_or_default();
        expr::subscripts(text)
    }

    /// What the expression compares with a constant, where it is such a comparison.
    pub(crate) fn compared(&self) -> Option<&'a str> {
        expr::name(self.text, &expr::compared(self.text, self.span.as_ref()?)?)
    }
}

impl<'a> Code<'a> {
    /// The instruction, decoded.
    pub(crate) fn op(&self, insn: u32) -> Option<Op> {
        let at = insn as usize;
        decode(self.prog.insns.get(at)?, self.prog.insns.get(at + 1)).ok()
    }

    /// The function that an instruction is part of: where it begins, its name, and how many instructions it has.
    fn whole_function(&self, insn: u32) -> Option<(u32, &'a str, u32)> {
        let funcs = &self.prog.func_info;
        let at = funcs.partition_point(|func| func.insn_off <= insn);
        let start = funcs.get(at.checked_sub(1)?)?.insn_off;
        let end = funcs
            .get(at)
            .map_or(self.prog.insns.len() as u32, |func| func.insn_off);
        Some((start, self.function_at(insn)?, end.checked_sub(start)?))
    }

    /// The variable that a register holds before an instruction, if DWARF says so.
    pub(crate) fn local(&self, insn: u32, reg: u8) -> Option<&'a str> {
        let (start, name, insns) = self.whole_function(insn)?;
        self.locals?.variable((name, insns), insn - start, reg)
    }

    /// The functions that an instruction was inlined from, the innermost first, with the lines of their calls.
    pub(crate) fn inlined(&self, insn: u32) -> Vec<(&'a str, u32)> {
        let found = self
            .whole_function(insn)
            .and_then(|(start, name, insns)| Some(self.locals?.inlined((name, insns), insn - start)));
        found.unwrap_or_default()
    }

    /// The line record of an instruction.
    fn record(&self, insn: u32) -> Option<&'a LineInfo> {
        let lines = &self.prog.line_info;
        let at = lines.partition_point(|line| line.insn_off <= insn);
        lines.get(at.checked_sub(1)?)
    }

    /// Where an instruction stands in the source.
    pub(crate) fn spot(&self, insn: u32) -> Option<Spot<'a>> {
        let record = self.record(insn)?;
        let btf = &self.prog.btf.as_ref()?.btf;
        let (text, column) = (btf.name(record.line_off), record.line_col & 0x3ff);
        Some(Spot {
            file: btf.name(record.file_name_off),
            line: record.line(),
            column,
            text,
            span: Some(text)
                .filter(|text| !is_assembly(text))
                .and_then(|text| expr::at_column(text, column)),
        })
    }

    /// An instruction, to be shown.
    pub(crate) fn site(&self, insn: u32) -> Site {
        let at = insn as usize;
        let text = self
            .prog
            .insns
            .get(at)
            .map(|this| Disasm::new(this, self.prog.insns.get(at + 1), &Known(self.kernel)).to_string());
        let source = self.spot(insn).filter(|spot| !spot.text.is_empty());
        Site {
            insn,
            text: text.unwrap_or_default(),
            source: source.map(|spot| {
                let span = spot.span.unwrap_or(0..0);
                let (column, length) = if span.is_empty() {
                    (spot.column, 0)
                } else {
                    (span.start as u32 + 1, span.len() as u32)
                };
                Source {
                    file: spot.file.to_owned(),
                    line: spot.line,
                    column,
                    length,
                    text: spot.text.to_owned(),
                }
            }),
        }
    }

    /// Whether the arguments of the function that an instruction is part of are user space's, by the macro that declares it
    /// or the type of its context.
    pub(crate) fn is_of_user(&self, insn: u32) -> bool {
        let texts = || {
            let btf = &self.prog.btf.as_ref()?.btf;
            let at = self.prog.line_info.partition_point(|line| line.insn_off <= insn);
            let lines = self.prog.line_info.get(..at)?;
            Some(lines.iter().rev().map(|line| btf.name(line.line_off)).take(256))
        };
        const MACROS: [&str; 5] = [
            "BPF_KSYSCALL",
            "BPF_UPROBE",
            "BPF_URETPROBE",
            "BPF_USDT",
            "BPF_KPROBE_SYSCALL",
        ];
        let by_macro =
            texts().is_some_and(|mut texts| texts.any(|text| MACROS.iter().any(|name| text.contains(name))));
        let btf = self.prog.btf.as_ref().map(|btf| &btf.btf);
        let context = btf.and_then(|btf| {
            let param = btf.ty(self.function(insn)?)?.proto()?.params().get(0)?;
            Some(btf.resolve_ptr(param.ty)?.name().contains("sys_enter"))
        });
        by_macro || context == Some(true)
    }

    /// The address that an instruction computes, where the expression of its line is what lies there.
    pub(crate) fn address(&self, insn: u32) -> Option<String> {
        let spot = self.spot(insn)?;
        let whole = spot.expression()?;
        let expression = whole.split_once(" = ").map_or(whole, |(left, _)| left.trim_end());
        if let Some(address) = expression.strip_prefix('*') {
            let inner = address
                .strip_prefix('(')
                .and_then(|inner| inner.strip_suffix(')'));
            let balanced = inner.filter(|inner| !inner.contains(['(', ')']));
            return Some(balanced.unwrap_or(address).to_owned());
        }
        (expression.ends_with(']')).then(|| format!("&{expression}"))
    }

    /// The pointer through which an instruction accesses memory, where the expression of its line says so.
    pub(crate) fn object(&self, insn: u32) -> Option<&'a str> {
        let spot = self.spot(insn)?;
        if matches!(self.op(insn), Some(Op::Atomic(_))) {
            let (function, _) = spot.expression()?.split_once('(')?;
            let spans = expr::arguments(spot.text, function)?;
            return expr::name(spot.text, spans.first()?);
        }
        expr::object(spot.expression()?)
    }

    /// The subscript that an instruction computes, where the expression of its line has one.
    pub(crate) fn subscript(&self, insn: u32) -> Option<String> {
        let expression = self.spot(insn)?.expression()?;
        expr::subscript(expression).map(ToOwned::to_owned)
    }

    /// What stands in the source as an argument of a call, counted from 0.
    pub(crate) fn argument(&self, insn: u32, argument: usize) -> Option<&'a str> {
        let spot = self.spot(insn)?;
        let function = self.callee(insn)?;
        let spans = expr::arguments(spot.text, &function)?;
        expr::name(spot.text, spans.get(argument)?)
    }

    /// The name of the function that an instruction calls.
    pub(crate) fn callee(&self, insn: u32) -> Option<String> {
        let this = self.prog.insns.get(insn as usize)?;
        match this.src {
            pseudo::CALL => {
                let start = u32::try_from(i64::from(insn) + 1 + i64::from(this.imm)).ok()?;
                self.function_at(start).map(ToOwned::to_owned)
            }
            pseudo::KFUNC_CALL => Known(self.kernel).kfunc(this).map(ToOwned::to_owned),
            _ => Known(self.kernel).helper(this.imm).map(ToOwned::to_owned),
        }
    }

    /// The type of the function that begins at an instruction, or before it.
    pub(crate) fn function(&self, insn: u32) -> Option<TypeId> {
        let at = self.prog.func_info.partition_point(|f| f.insn_off <= insn);
        Some(self.prog.func_info.get(at.checked_sub(1)?)?.type_id)
    }

    /// The name of the function that an instruction is part of.
    pub(crate) fn function_at(&self, insn: u32) -> Option<&'a str> {
        let btf = &self.prog.btf.as_ref()?.btf;
        Some(btf.ty(self.function(insn)?)?.name()).filter(|name| !name.is_empty())
    }

    /// The name of a parameter of the function that an instruction is part of, counted from 0.
    pub(crate) fn parameter(&self, insn: u32, parameter: usize) -> Option<&'a str> {
        let btf = &self.prog.btf.as_ref()?.btf;
        let proto = btf.ty(self.function(insn)?)?.proto()?;
        let name = proto.params().get(parameter)?.name();
        (!name.is_empty()).then_some(name)
    }

    /// The name of what is loaded from the context in the expansion of `BPF_PROG`, `BPF_KPROBE` and the like, where the
    /// line of the function has the parameters' names.
    pub(crate) fn macro_parameter(&self, insn: u32, offset: i16) -> Option<String> {
        /// Where `struct pt_regs` of x86-64 has the arguments.
        const REGS: [i16; 5] = [112, 104, 96, 88, 72];
        /// Where it has the result.
        const RESULT: i16 = 80;
        let text = self.spot(insn)?.text;
        let returns = ["BPF_KRETPROBE", "BPF_URETPROBE", "BPF_KRETSYSCALL"];
        if let Some(name) = returns.iter().find(|name| text.contains(**name)) {
            let spans = expr::arguments(text, name)?;
            let declared = expr::name(text, spans.get(1)?).filter(|_| offset == RESULT)?;
            return expr::declared(declared).map(ToOwned::to_owned);
        }
        let (name, traced) = ["BPF_PROG", "BPF_KPROBE", "BPF_KSYSCALL", "BPF_UPROBE"]
            .iter()
            .find(|name| text.contains(**name))
            .map(|name| (*name, *name == "BPF_PROG"))?;
        let position = if traced {
            usize::try_from(offset / 8).ok()?
        } else {
            REGS.iter().position(|at| *at == offset)?
        };
        let spans = expr::arguments(text, name)?;
        let declared = expr::name(text, spans.get(position + 1)?)?;
        expr::declared(declared).map(ToOwned::to_owned)
    }
}

/// Whether a line is inline assembly: its instructions have no expressions.
fn is_assembly(text: &str) -> bool {
    let text = text.trim_start();
    ["asm", "__asm__"].iter().any(|word| text.starts_with(word))
}

/// Names of helpers and kernel functions.
pub(crate) struct Known<'a>(pub(crate) &'a Kernel);

impl Names for Known<'_> {
    fn helper(&self, id: i32) -> Option<&str> {
        helper_name(u32::try_from(id).ok()?)
    }

    fn kfunc(&self, insn: &Insn) -> Option<&str> {
        if insn.off != 0 {
            return None;
        }
        let id = u32::try_from(insn.imm).ok()?;
        Some(self.0.btf.ty(TypeId(id))?.name()).filter(|name| !name.is_empty())
    }
}
