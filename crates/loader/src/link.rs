//! Linking: a program together with the subprograms it calls, its references resolved.

use std::collections::HashSet;
use std::sync::OnceLock;

use verdict_btf::ext::CoreRelo;
use verdict_isa::{Insn, table::pseudo};
use verdict_kernel::attr::{FuncInfo, LineInfo};
use verdict_kernel::errno::Errno;

use crate::core_relos::{MAX_INSNS, Patched};
use crate::error::{Warnings, libbpf, warning};
use crate::ext::{BySection, Record};
use crate::externs::ExternKind;
use crate::insn::{self, INSN_SIZE, poison};
use crate::object::Object;
use crate::program::{self, Program, Reloc, RelocKind};
use crate::resolve::{Resolved, Value};
use crate::shared::{ByNumber, Callees};

/// The immediate of a call that stands for a map that was not created; the map's index is added.
pub(crate) const POISON_MAP: i32 = 2_001_000_000;
/// The immediate of a call that stands for a kfunc that does not exist; the extern's index is added.
pub(crate) const POISON_KFUNC: i32 = 2_002_000_000;

/// A linked program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linked {
    pub(crate) insns: Vec<Insn>,
    pub(crate) funcs: Option<Vec<FuncInfo>>,
    pub(crate) lines: Option<Vec<LineInfo>>,
    /// CO-RE relocations by instruction.
    pub(crate) core: Vec<(usize, CoreRelo)>,
    /// Instructions that load a map, or an address in one, by the map's index in the object.
    pub(crate) map_refs: Vec<(usize, usize)>,
    /// Instructions that name a map by a number of their own.
    pub(crate) stray_fds: Vec<u32>,
    relocs: Vec<Reloc>,
}

/// Links program `main`, whatever becomes of it being left in `out`.
pub(crate) fn link(
    object: &Object,
    patched: &Patched<'_>,
    main: usize,
    out: &mut Linked,
    w: &mut Warnings,
) -> Result<(), Errno> {
    let Some(prog) = object.programs.get(main) else {
        return Err(Errno::EINVAL);
    };
    let mut linker = Linker {
        object,
        patched,
        main,
        starts: ByNumber::default(),
        out,
        w,
    };
    linker.append(main, prog)?;
    if let Err(e) = linker.run(main, prog) {
        warning!(
            linker.w,
            "prog '{}': failed to relocate calls: -{}",
            prog.name,
            e.0
        );
        return Err(e);
    }
    if let Some(callback) = linker.exception_callback(prog)?
        && !linker.starts.contains_key(&callback)
        && let Some(prog) = object.programs.get(callback)
    {
        linker.append(callback, prog)?;
        linker.run(callback, prog)?;
    }
    Ok(())
}

struct Linker<'a> {
    object: &'a Object,
    patched: &'a Patched<'a>,
    main: usize,
    /// Where each function begins that has been appended.
    starts: ByNumber<usize>,
    out: &'a mut Linked,
    w: &'a mut Warnings,
}

impl<'a> Linker<'a> {
    /// Appends a function's instructions and relocations.
    fn append(&mut self, index: usize, prog: &Program) -> Result<(), Errno> {
        let start = self.out.insns.len();
        let code = match self.patched.get(index) {
            Some(insns) => insns,
            None => self.object.own_insns(prog),
        };
        if start + code.len() > MAX_INSNS {
            warning!(self.w, "prog '{}': failed to realloc prog code", self.main_name());
            return Err(Errno::ENOMEM);
        }
        self.starts.insert(index, start);
        self.out.insns.extend_from_slice(code);
        for reloc in &prog.relocs {
            let at = start + reloc.insn;
            // Marked so that the search for calls finds it.
            if let (RelocKind::SubprogAddr(_), Some(insn)) = (reloc.kind, self.out.insns.get_mut(at)) {
                insn.src = pseudo::FUNC;
            }
            self.out.relocs.push(Reloc {
                insn: at,
                kind: reloc.kind,
            });
        }
        self.out
            .core
            .extend(prog.core.iter().map(|c| (start + c.insn, c.relo)));
        Ok(())
    }

    fn main_name(&self) -> &'a str {
        self.object
            .programs
            .get(self.main)
            .map_or("", |p| p.name.as_str())
    }

    /// Resolves the calls of a function that was appended last, and of those it calls, each appended where
    /// the first call of it is come to.
    fn run(&mut self, index: usize, prog: &'a Program) -> Result<(), Errno> {
        self.add_info(index, prog)?;
        let mut stack = vec![self.visit(index, prog)];
        while let Some(visit) = stack.last_mut() {
            let Some((at, callee)) = self.next_call(visit)? else {
                stack.pop();
                continue;
            };
            let place = visit.start + at;
            match self.starts.get(&callee) {
                Some(target) => {
                    let imm = (*target as i32).wrapping_sub(place as i32).wrapping_sub(1);
                    if let Some(insn) = self.out.insns.get_mut(place) {
                        insn.imm = imm;
                    }
                    visit.next += 1;
                }
                None => {
                    let Some(prog) = self.object.programs.get(callee) else {
                        return Err(Errno::EINVAL);
                    };
                    self.append(callee, prog)?;
                    self.add_info(callee, prog)?;
                    stack.push(self.visit(callee, prog));
                }
            }
        }
        Ok(())
    }

    /// Begins to look through a function that was appended.
    fn visit(&self, index: usize, prog: &'a Program) -> Visit<'a> {
        let known = match self.patched.get(index) {
            Some(_) => None,
            None => callees(self.object, index, prog),
        };
        Visit {
            prog,
            start: self.starts.get(&index).copied().unwrap_or_default(),
            known,
            next: 0,
        }
    }

    /// The next instruction that refers to a function, and which.
    fn next_call(&mut self, visit: &mut Visit<'_>) -> Result<Option<(usize, usize)>, Errno> {
        if let Some(known) = visit.known {
            return Ok(known.get(visit.next).copied());
        }
        while visit.next < visit.prog.len() {
            let at = visit.next;
            let insn = self.out.insns.get(visit.start + at).copied().unwrap_or_default();
            match callee(self.object, visit.prog, insn, at) {
                Ok(Some(callee)) => return Ok(Some((at, callee))),
                Ok(None) => visit.next += 1,
                Err(lost) => {
                    let (name, lost) = (&visit.prog.name, lost.text(at));
                    warning!(self.w, "prog '{name}': {lost}");
                    return Err(libbpf::RELOC);
                }
            }
        }
        Ok(None)
    }

    /// Carries function and line records along.
    fn add_info(&mut self, index: usize, prog: &Program) -> Result<(), Errno> {
        let info = &self.object.info;
        if !info.present {
            return Ok(());
        }
        let start = self.starts.get(&index).copied().unwrap_or_default();
        let is_main = index == self.main;
        carry(
            &info.funcs,
            "func",
            prog,
            start,
            is_main,
            &mut self.out.funcs,
            self.w,
        )?;
        carry(
            &info.lines,
            "line",
            prog,
            start,
            is_main,
            &mut self.out.lines,
            self.w,
        )
    }

    /// The callback that a declaration tag names for this program. Of two nothing is taken: the verifier
    /// refuses them.
    fn exception_callback(&mut self, prog: &Program) -> Result<Option<usize>, Errno> {
        let name = &prog.name;
        let all = &self.object.exceptions;
        let mut found = None;
        let mut tags = all.of(name).iter();
        loop {
            let tag = tags.next();
            // What comes first decides.
            let stray = all
                .stray
                .filter(|stray| tag.is_none_or(|(place, _)| stray < place));
            if stray.is_some() {
                warning!(
                    self.w,
                    "prog '{name}': exception_callback:<value> decl tag not applied to the main program"
                );
                return Err(Errno::EINVAL);
            }
            match (tag, found) {
                (None, found) => return Ok(found),
                (Some(_), Some(_)) => return Ok(None),
                (Some((_, callback)), None) => found = Some(self.callback_of(name, callback)?),
            }
        }
    }

    fn callback_of(&mut self, name: &str, callback: &str) -> Result<usize, Errno> {
        if callback.is_empty() {
            warning!(
                self.w,
                "prog '{name}': exception_callback:<value> decl tag contains empty value"
            );
            return Err(Errno::EINVAL);
        }
        let object = self.object;
        let found = object.function(callback);
        let Some((index, prog)) = found.and_then(|at| Some((at, object.programs.get(at)?))) else {
            warning!(
                self.w,
                "prog '{name}': cannot find exception callback '{callback}'"
            );
            return Err(Errno::ENOENT);
        };
        if !prog.is_global || prog.is_hidden {
            warning!(
                self.w,
                "prog '{name}': exception callback {callback} must be a global non-hidden function"
            );
            return Err(Errno::EINVAL);
        }
        Ok(index)
    }
}

/// A function that is looked through for others that it refers to.
struct Visit<'a> {
    prog: &'a Program,
    /// Where it begins in the program.
    start: usize,
    /// What it refers to, where that is known.
    known: Option<&'a Callees>,
    /// Number of the reference that comes next; of the instruction, if they are not known.
    next: usize,
}

/// What a function of the file refers to; `None` where that cannot be known once for all programs.
fn callees<'a>(object: &'a Object, index: usize, prog: &Program) -> Option<&'a Callees> {
    let functions = object.functions();
    let at = index.checked_sub(functions.start)?;
    let all = object.shared.callees.get_or_init(|| {
        let mut all = Vec::new();
        all.resize_with(functions.len(), OnceLock::new);
        all
    });
    let known = all.get(at)?.get_or_init(|| {
        let mut found = Vec::new();
        for (at, insn) in object.own_insns(prog).iter().enumerate() {
            let is_address = |r: &Reloc| matches!(r.kind, RelocKind::SubprogAddr(_));
            let is_marked = relocs_at(&prog.relocs, at).any(is_address);
            let src = if is_marked { pseudo::FUNC } else { insn.src };
            found.extend(
                callee(object, prog, Insn { src, ..*insn }, at)
                    .ok()?
                    .map(|to| (at, to)),
            );
        }
        Some(found.into())
    });
    known.as_ref()
}

/// Why it is not known what an instruction refers to.
enum Lost {
    Unexpected(RelocKind),
    Address,
    Text,
}

impl Lost {
    fn text(&self, at: usize) -> String {
        match self {
            Lost::Unexpected(kind) => format!("unexpected relo for insn #{at}, type {}", kind.rank()),
            Lost::Address => format!("missing subprog addr relo for insn #{at}"),
            Lost::Text => "no .text section found yet sub-program call exists".to_owned(),
        }
    }
}

/// The function that an instruction calls or takes the address of.
fn callee(object: &Object, prog: &Program, insn: Insn, at: usize) -> Result<Option<usize>, Lost> {
    if !insn::is_subprog_call(&insn) && !insn::is_pseudo_func(&insn) {
        return Ok(None);
    }
    let imm = i64::from(insn.imm) as u64;
    let target = match find_reloc(&prog.relocs, at).map(|r| r.kind) {
        Some(RelocKind::ExternCall(_)) => return Ok(None),
        Some(RelocKind::Call(offset)) => (i64::from(offset) as u64 / INSN_SIZE)
            .wrapping_add(imm)
            .wrapping_add(1),
        Some(RelocKind::SubprogAddr(offset)) => i64::from(offset.wrapping_add(insn.imm)) as u64 / INSN_SIZE,
        Some(other) => return Err(Lost::Unexpected(other)),
        None if insn::is_pseudo_func(&insn) => return Err(Lost::Address),
        // A call within the section, whose distance the compiler knew.
        None => ((prog.range.start + at) as u64).wrapping_add(imm).wrapping_add(1),
    };
    let found = object
        .text
        .and_then(|text| program::find(&object.programs, text, target));
    found.map(Some).ok_or(Lost::Text)
}

/// Adds a function's records to those of the program; either all functions have some, or the program does
/// without.
fn carry<R: Record>(
    records: &BySection<R>,
    short: &str,
    prog: &Program,
    start: usize,
    is_main: bool,
    out: &mut Option<Vec<R>>,
    w: &mut Warnings,
) -> Result<(), Errno> {
    if !is_main && out.is_none() {
        return Ok(());
    }
    let (name, what) = (&prog.name, R::WHAT);
    match (records.of(prog, start), out.as_mut()) {
        (Some(found), Some(out)) => out.extend(found),
        (Some(found), None) => *out = Some(found.collect()),
        (None, Some(_)) => {
            warning!(w, "prog '{name}': missing .BTF.ext {what} info.");
            return Err(Errno::ENOENT);
        }
        (None, None) => warning!(
            w,
            "prog '{name}': missing .BTF.ext {what} info for the main program, skipping all of .BTF.ext {short} info."
        ),
    }
    Ok(())
}

/// The relocations of an instruction.
fn relocs_at(relocs: &[Reloc], insn: usize) -> impl Iterator<Item = &Reloc> {
    let start = relocs.partition_point(|r| r.insn < insn);
    let rest = relocs.get(start..).unwrap_or_default();
    rest.iter().take_while(move |r| r.insn == insn)
}

/// A relocation of the instruction: of several, the one that the C library's binary search comes to.
fn find_reloc(relocs: &[Reloc], insn: usize) -> Option<&Reloc> {
    let (mut low, mut high) = (0, relocs.len());
    while low < high {
        let mid = (low + high) / 2;
        let reloc = relocs.get(mid)?;
        match insn.cmp(&reloc.insn) {
            std::cmp::Ordering::Less => high = mid,
            std::cmp::Ordering::Greater => low = mid + 1,
            std::cmp::Ordering::Equal => return Some(reloc),
        }
    }
    None
}

/// Puts references to maps and externs into the instructions of a linked program.
pub(crate) fn relocate_data(object: &Object, resolved: &Resolved, linked: &mut Linked) {
    linked.stray_fds = stray_fds(linked);
    for reloc in std::mem::take(&mut linked.relocs) {
        let at = reloc.insn;
        match reloc.kind {
            RelocKind::Map(map) => load_map(object, linked, at, map, None),
            RelocKind::Data(map, offset) => {
                let imm = linked.insns.get(at).map_or(0, |i| i.imm);
                load_map(object, linked, at, map, Some(imm.wrapping_add(offset)));
            }
            RelocKind::ExternLoad(index) => load_extern(object, resolved, linked, at, index),
            RelocKind::ExternCall(index) => {
                let Some(insn) = linked.insns.get_mut(at) else {
                    continue;
                };
                match resolved.externs.get(index) {
                    Some(Value::Btf(id)) => {
                        *insn = Insn {
                            src: pseudo::KFUNC_CALL,
                            imm: id.0 as i32,
                            off: 0,
                            ..*insn
                        };
                    }
                    _ => *insn = poison(POISON_KFUNC.wrapping_add(index as i32)),
                }
            }
            RelocKind::SubprogAddr(_) | RelocKind::Call(_) | RelocKind::Core => {}
        }
    }
}

/// The instructions that load a map by a file descriptor which stands in the file itself.
fn stray_fds(linked: &Linked) -> Vec<u32> {
    let mut relocated: Option<HashSet<usize>> = None;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(insn) = linked.insns.get(at) {
        if !insn.is_ld_imm64() {
            at += 1;
            continue;
        }
        if matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE) {
            let all = || linked.relocs.iter().map(|r| r.insn).collect();
            if !relocated.get_or_insert_with(all).contains(&at) {
                found.push(at as u32);
            }
        }
        at += 2;
    }
    found
}

/// Writes both halves of an `ld_imm64`.
fn write_load(linked: &mut Linked, at: usize, src: Option<u8>, imm: (i32, Option<i32>)) {
    if let Some(insn) = linked.insns.get_mut(at) {
        insn.src = src.unwrap_or(insn.src);
        insn.imm = imm.0;
    }
    if let (Some(insn), Some(high)) = (linked.insns.get_mut(at + 1), imm.1) {
        insn.imm = high;
    }
}

/// Loads a map, or an offset in its value.
fn load_map(object: &Object, linked: &mut Linked, at: usize, map: usize, offset: Option<i32>) {
    if object.maps.get(map).is_some_and(|m| m.autocreate) {
        let src = if offset.is_some() {
            pseudo::MAP_VALUE
        } else {
            pseudo::MAP_FD
        };
        write_load(linked, at, Some(src), (map as i32, offset));
        linked.map_refs.push((at, map));
    } else {
        for insn in linked.insns.iter_mut().skip(at).take(2) {
            *insn = poison(POISON_MAP.wrapping_add(map as i32));
        }
    }
}

fn load_extern(object: &Object, resolved: &Resolved, linked: &mut Linked, at: usize, index: usize) {
    let kind = object.externs.get(index).map(|e| e.kind);
    if let (Some(ExternKind::Kconfig(k)), Some(map)) = (kind, object.kconfig_map) {
        write_load(
            linked,
            at,
            Some(pseudo::MAP_VALUE),
            (map as i32, Some(k.offset as i32)),
        );
        linked.map_refs.push((at, map));
        return;
    }
    match resolved.externs.get(index) {
        Some(Value::Btf(id)) => {
            write_load(linked, at, Some(pseudo::BTF_ID), (id.0 as i32, Some(0)));
        }
        Some(Value::Address(a)) => {
            write_load(
                linked,
                at,
                None,
                (*a as u32 as i32, Some((*a >> 32) as u32 as i32)),
            );
        }
        Some(Value::Missing | Value::Kconfig) | None => write_load(linked, at, None, (0, Some(0))),
    }
}
