//! A program's function and line records against its BTF and its layout: `check_btf_info_early`,
//! `check_btf_func` and `check_btf_line` of `kernel/bpf/verifier.c`.
//!
//! The verifier calls [`check_early`] before it looks for subprograms and [`check`] after it has found them.
//! The size and padding of records are the loader's to get right: here they are typed.

use verdict_btf::{Btf, Type};
use verdict_kernel::attr::{FuncInfo, MisfitOf};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;

use crate::notes::{Rejection, reject};
use crate::prog::Prog;

/// What the checks need to know of a subprogram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subprog {
    /// Its first instruction.
    pub start: u32,
    /// It has an `LD_ABS` or `LD_IND`.
    pub has_ld_abs: bool,
    /// It has a tail call.
    pub has_tail_call: bool,
}

/// What a function's BTF says of a subprogram (`struct bpf_func_info_aux`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FuncAux {
    /// Static (0), global (1) or extern (2).
    pub linkage: u32,
}

impl FuncAux {
    /// Whether it is verified by itself, for any arguments of its types.
    pub fn is_global(self) -> bool {
        self.linkage == 1
    }
}

/// Outcome of [`check`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct BtfInfo {
    /// One for each subprogram; empty when the program has no function records.
    pub funcs: Vec<FuncAux>,
    /// For each subprogram the record of its first line; empty when the program has no line records.
    pub first_line: Vec<u32>,
}

/// `LD_ABS` and tail calls leave a subprogram early, which takes a known return type.
fn check_abnormal_return(subprogs: &[Subprog]) -> Result<(), Rejection> {
    for subprog in subprogs.iter().skip(1) {
        if subprog.has_ld_abs {
            reject!(
                LdAbsPlacement,
                Errno::EINVAL,
                "LD_ABS is not allowed in subprogs without BTF\n"
            );
        }
        if subprog.has_tail_call {
            reject!(
                TailCallPlacement,
                Errno::EINVAL,
                "tail_call is not allowed in subprogs without BTF\n"
            );
        }
    }
    Ok(())
}

/// Checks the function records by themselves. `subprogs` are those known so far (the main program).
///
/// # Errors
/// With the words of the log.
pub fn check_early(prog: &Prog, subprogs: &[Subprog]) -> Result<(), Rejection> {
    check_form(prog, &[MisfitOf::Maps])?;
    if prog.func_info.is_empty() {
        check_abnormal_return(subprogs)?;
        check_form(prog, &[MisfitOf::Btf, MisfitOf::Funcs])?;
        if prog.line_info.is_empty() {
            return Ok(());
        }
    }
    // Without a BTF the descriptor is 0, which is open but no BTF.
    let btf = &prog.btf.as_ref().ok_or(Rule::FuncInfo.with(Errno::EINVAL))?.btf;
    let mut last: Option<u32> = None;
    for record in &prog.func_info {
        check_place(record, last)?;
        check_type(record, btf)?;
        last = Some(record.insn_off);
    }
    check_form(prog, &[MisfitOf::Funcs])
}

/// Whether something of these is wrong with the form of the records.
fn check_form(prog: &Prog, of: &[MisfitOf]) -> Result<(), Rejection> {
    let Some(misfit) = prog.misfit.as_ref().filter(|misfit| of.contains(&misfit.of)) else {
        return Ok(());
    };
    let rule = match misfit.of {
        MisfitOf::Maps => Rule::MapReference,
        MisfitOf::Lines => Rule::LineInfo,
        MisfitOf::Btf | MisfitOf::Funcs => Rule::FuncInfo,
    };
    Err(Rejection::new(rule, misfit.errno, misfit.words.clone()))
}

/// Whether a record is behind the one before it, or at the program's start.
fn check_place(record: &FuncInfo, last: Option<u32>) -> Result<(), Rejection> {
    let off = record.insn_off;
    match last {
        None if off != 0 => reject!(
            FuncInfo,
            Errno::EINVAL,
            "nonzero insn_off {off} for the first func info record"
        ),
        Some(last) if off <= last => reject!(
            FuncInfo,
            Errno::EINVAL,
            "same or smaller insn offset ({off}) than previous func info record ({last})"
        ),
        _ => Ok(()),
    }
}

/// The function that a record names.
fn check_type<'b>(record: &FuncInfo, btf: &'b Btf) -> Result<Type<'b>, Rejection> {
    let Some(func) = btf.ty(record.type_id).filter(|ty| ty.is_func()) else {
        reject!(
            FuncInfo,
            Errno::EINVAL,
            "invalid type id {} in func info",
            record.type_id.0 as i32
        );
    };
    if func.proto().is_none() {
        return Err(Rule::FuncInfo.with(Errno::EINVAL).into());
    }
    Ok(func)
}

/// Checks the records against the program's layout.
///
/// # Errors
/// With the words of the log.
pub fn check(prog: &Prog, subprogs: &[Subprog]) -> Result<BtfInfo, Rejection> {
    check_form(prog, &[MisfitOf::Btf])?;
    let Some(loaded) = &prog.btf else {
        check_abnormal_return(subprogs)?;
        return Ok(BtfInfo::default());
    };
    let funcs = check_funcs(prog, &loaded.btf, subprogs)?;
    let first_line = check_lines(prog, &loaded.btf, subprogs)?;
    Ok(BtfInfo { funcs, first_line })
}

fn check_funcs(prog: &Prog, btf: &Btf, subprogs: &[Subprog]) -> Result<Vec<FuncAux>, Rejection> {
    let misfit = prog.misfit.as_ref().filter(|misfit| misfit.of == MisfitOf::Funcs);
    let count = misfit.map_or(prog.func_info.len(), |misfit| misfit.funcs);
    if count == 0 {
        check_abnormal_return(subprogs)?;
        return Ok(Vec::new());
    }
    if count != subprogs.len() {
        reject!(
            FuncInfo,
            Errno::EINVAL,
            "number of funcs in func_info doesn't match number of subprogs\n"
        );
    }
    let mut funcs = Vec::with_capacity(subprogs.len());
    let mut last = None;
    for (i, (record, subprog)) in prog.func_info.iter().zip(subprogs).enumerate() {
        // Where records were looked at before, this finds nothing.
        check_place(record, last)?;
        last = Some(record.insn_off);
        if subprog.start != record.insn_off {
            reject!(
                FuncInfo,
                Errno::EINVAL,
                "func_info BTF section doesn't match subprog layout in BPF program\n"
            );
        }
        let func = check_type(record, btf)?;
        let scalar = returns_scalar(btf, func);
        if i != 0 && !scalar && subprog.has_ld_abs {
            reject!(
                LdAbsPlacement,
                Errno::EINVAL,
                "LD_ABS is only allowed in functions that return 'int'.\n"
            );
        }
        if i != 0 && !scalar && subprog.has_tail_call {
            reject!(
                TailCallPlacement,
                Errno::EINVAL,
                "tail_call is only allowed in functions that return 'int'.\n"
            );
        }
        funcs.push(FuncAux {
            linkage: func.linkage(),
        });
    }
    check_form(prog, &[MisfitOf::Funcs])?;
    Ok(funcs)
}

fn returns_scalar(btf: &Btf, func: Type<'_>) -> bool {
    let ret = func
        .proto()
        .and_then(|proto| btf.skip_mods_and_typedefs(proto.target()));
    ret.is_some_and(|ty| (ty.is_int() && ty.size() <= 8) || ty.is_any_enum())
}

fn check_lines(prog: &Prog, btf: &Btf, subprogs: &[Subprog]) -> Result<Vec<u32>, Rejection> {
    if prog.line_info.is_empty() {
        check_form(prog, &[MisfitOf::Lines])?;
        return Ok(Vec::new());
    }
    let len = prog.insns.len();
    let mut prev = 0u32;
    let mut first_line: Vec<u32> = Vec::with_capacity(subprogs.len());
    for (i, line) in prog.line_info.iter().enumerate() {
        let off = line.insn_off;
        let insn = prog.insns.get(off as usize);
        let (Some(insn), true) = (insn, i == 0 || off > prev) else {
            reject!(
                LineInfo,
                Errno::EINVAL,
                "Invalid line_info[{i}].insn_off:{off} (prev_offset:{prev} prog->len:{len})\n"
            );
        };
        if insn.code == 0 {
            reject!(
                LineInfo,
                Errno::EINVAL,
                "Invalid insn code at line_info[{i}].insn_off\n"
            );
        }
        if !btf.has_string(line.line_off) || !btf.has_string(line.file_name_off) {
            reject!(
                LineInfo,
                Errno::EINVAL,
                "Invalid line_info[{i}].line_off or .file_name_off\n"
            );
        }
        if let Some(subprog) = subprogs.get(first_line.len()) {
            if off == subprog.start {
                first_line.push(i as u32);
            } else if subprog.start < off {
                let s = first_line.len();
                reject!(LineInfo, Errno::EINVAL, "missing bpf_line_info for func#{s}\n");
            }
        }
        prev = off;
    }
    check_form(prog, &[MisfitOf::Lines])?;
    let (s, count) = (first_line.len(), subprogs.len());
    if s != count {
        reject!(
            LineInfo,
            Errno::EINVAL,
            "missing bpf_line_info for {} funcs starting from func#{s}\n",
            count - s
        );
    }
    Ok(first_line)
}
