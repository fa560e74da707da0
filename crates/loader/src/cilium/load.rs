//! Making one program of a collection ready, as cilium/ebpf does: its maps, its functions one behind the other, CO-RE,
//! references, and the attributes of `BPF_PROG_LOAD`.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::core::{POISON, RelocKind, Relocator};
use verdict_btf::ext::CoreRelo;
use verdict_btf::{Btf, IntEncoding, Kind, TypeId};
use verdict_isa::{Insn, table::pseudo};
use verdict_kernel::attr::{FuncInfo, LineInfo, MapCreate, MapId, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::Rule;

use super::create::Creator;
use super::{Refused, Spec, Target, ops, sanitized, strerror};
use crate::bpf::{Bpf, Made};
use crate::core_relos::MAX_INSNS;
use crate::create::kernel_name;
use crate::error::{ProgFacts, Warnings};
use crate::insn;
use crate::object::Object;
use crate::program::Program;
use crate::sections::SecFlags;
use crate::shared::ByNumber;

const BPF_F_SLEEPABLE: u32 = 1 << 4;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
/// The number of the helper that stands for a weak function of the kernel which is not there.
pub(crate) const POISON_KFUNC: i32 = 0x0ded_c0de;

/// A program made ready.
pub(crate) struct MadeProgram {
    pub(crate) load: ProgLoad,
    pub(crate) core: Vec<(usize, CoreRelo)>,
    pub(crate) maps: Vec<Option<MapId>>,
    pub(crate) facts: ProgFacts,
}

/// Creates each map of an object by itself.
pub(crate) fn maps(object: &Object, spec: &Spec, bpf: &mut dyn Bpf) -> Vec<Result<MapCreate, Refused>> {
    Creator::new(object, spec, bpf).each()
}

fn linking<'a>(object: &'a Object, spec: &'a Spec, main: usize) -> Result<Linking<'a>, (Refused, ProgFacts)> {
    let unknown = || Refused::by(Rule::ObjectFormat, "unknown program");
    Linking::of(object, spec, main).ok_or_else(|| (unknown(), ProgFacts::default()))
}

/// Makes a program ready, which is `main` of the object's functions.
pub(crate) fn make(
    object: &Object,
    spec: &Spec,
    main: usize,
    bpf: &mut dyn Bpf,
) -> Result<MadeProgram, (Refused, ProgFacts)> {
    let linked = linking(object, spec, main)?;
    let facts = linked.facts;
    let maps = create(object, spec, bpf).map_err(|refused| (refused, facts))?;
    let mut creator = Creator::new(object, spec, bpf);
    run(&mut creator, maps, linked).map_err(|refused| (refused, facts))
}

/// Creates the maps of a collection, unless it is known what that comes to.
pub(crate) fn create(object: &Object, spec: &Spec, bpf: &mut dyn Bpf) -> Result<Vec<Option<MapId>>, Refused> {
    if let Some(known) = bpf.recall(object.changes) {
        let refused = |broken| Refused {
            broken,
            words: known.said.clone().into_lines().concat(),
        };
        return known
            .btf
            .as_ref()
            .map(|_| known.maps.to_vec())
            .map_err(|broken| refused(*broken));
    }
    let created = Creator::new(object, spec, bpf).all();
    let mut said = Warnings::default();
    let (btf, maps) = match &created {
        Ok(maps) => (Ok(None), maps.as_slice().into()),
        Err(refused) => {
            said.say(refused.words.clone());
            (Err(refused.broken), Arc::default())
        }
    };
    bpf.keep(Made {
        changes: object.changes,
        btf,
        maps,
        said,
    });
    created
}

/// Makes a program ready with maps that are there.
pub(crate) fn make_with(
    object: &Object,
    spec: &Spec,
    main: usize,
    maps: Vec<Option<MapId>>,
    bpf: &mut dyn Bpf,
) -> Result<MadeProgram, (Refused, ProgFacts)> {
    let linked = linking(object, spec, main)?;
    let facts = linked.facts;
    let mut creator = Creator::new(object, spec, bpf);
    run(&mut creator, maps, linked).map_err(|refused| (refused, facts))
}

/// Fills the maps of a collection with its maps and, where all of them are loaded, its programs.
pub(crate) fn populate(
    object: &Object,
    spec: &Spec,
    (maps, programs): (&[Option<MapId>], bool),
    bpf: &mut dyn Bpf,
) -> Result<(), Refused> {
    Creator::new(object, spec, bpf).populate(maps, programs)
}

/// A program with its functions, before anything is done to it.
struct Linking<'a> {
    prog: &'a Program,
    main: usize,
    linked: Linked<'a>,
    facts: ProgFacts,
}

impl<'a> Linking<'a> {
    fn of(object: &'a Object, spec: &'a Spec, main: usize) -> Option<Linking<'a>> {
        let prog = object.programs.get(main)?;
        let linked = link(object, spec, main);
        let facts = ProgFacts {
            prog_type: prog.prog_type,
            attach_type: prog.attach_type,
            insn_cnt: linked.insns.len(),
        };
        Some(Linking {
            prog,
            main,
            linked,
            facts,
        })
    }
}

fn run(
    creator: &mut Creator<'_>,
    mut maps: Vec<Option<MapId>>,
    linking: Linking<'_>,
) -> Result<MadeProgram, Refused> {
    let Linking {
        prog,
        main,
        linked,
        mut facts,
    } = linking;
    let (object, spec) = (creator.object, creator.spec);
    let name = &prog.name;
    let within = |refused: Refused| Refused {
        words: format!("program {name}: {}", refused.words),
        ..refused
    };
    if prog.prog_type == ProgType::Unspec.raw() {
        let words = format!("cannot load program {name}: program type is unspecified");
        return Err(Refused::by(Rule::SectionName, words));
    }
    if linked.insns.len() > MAX_INSNS {
        return Err(within(Refused::by(Rule::ProgramSize, "argument list too long")));
    }
    let mut program = Ready {
        object,
        spec,
        prog,
        main,
        linked,
        btf: None,
        poisoned: Vec::new(),
        stray_fds: Vec::new(),
        kconfig: None,
    };
    program.relocate_core().map_err(within)?;
    if let Some(btf) = program.own_btf()
        && let Err((broken, _)) = creator.bpf.btf_load(&btf)
    {
        let words = format!("load BTF: load btf: {}", strerror(broken.errno));
        return Err(within(Refused { broken, words }));
    }
    if program.wants_kconfig() {
        let values = match &spec.kconfig {
            Some(Ok(values)) => values.clone(),
            Some(Err(words)) => {
                let words = format!("resolve .kconfig: {words}");
                return Err(within(Refused::by(Rule::UnresolvedExtern, words)));
            }
            None => Vec::new(),
        };
        let id = creator.configuration(&values).map_err(within)?;
        program.kconfig = Some(id);
        maps.push(Some(id));
    }
    program.resolve(&maps).map_err(within)?;
    let load = program.attributes().map_err(within)?;
    facts.attach_type = load.expected_attach_type;
    let core = std::mem::take(&mut program.linked.core);
    Ok(MadeProgram {
        load,
        core,
        maps,
        facts,
    })
}

/// A program with the functions that it calls behind it.
#[derive(Default)]
struct Linked<'a> {
    insns: Vec<Insn>,
    references: Vec<(usize, &'a Target)>,
    /// Where functions begin, by number.
    starts: ByNumber<usize>,
    /// Names of functions, where they begin.
    order: Vec<(usize, &'a str)>,
    core: Vec<(usize, CoreRelo)>,
    funcs: Vec<FuncInfo>,
    lines: Vec<LineInfo>,
}

impl Linked<'_> {
    fn has_info(&self) -> bool {
        !self.funcs.is_empty() || !self.lines.is_empty()
    }
}

/// Puts the functions that a program calls behind it: first those that it calls itself, by name, then those that they call.
fn link<'a>(object: &'a Object, spec: &'a Spec, main: usize) -> Linked<'a> {
    let mut linked = Linked::default();
    let mut pending = VecDeque::from([main]);
    let mut done: ByNumber<()> = ByNumber::default();
    while let Some(index) = pending.pop_front() {
        // The program itself is put behind itself, too, if something calls it.
        let is_main = linked.insns.is_empty();
        if !is_main && done.insert(index, ()).is_some() {
            continue;
        }
        let Some(prog) = object.programs.get(index) else {
            continue;
        };
        append(object, spec, index, prog, &mut linked);
        if linked.insns.len() > MAX_INSNS {
            break;
        }
        pending.extend(spec.callees(index));
    }
    linked
}

impl Spec {
    /// The functions that a function refers to, in the order of their names; found once for all programs.
    fn callees(&self, index: usize) -> &[usize] {
        let all = self.callees.get_or_init(|| {
            let of = |index| {
                let mut calls: Vec<_> = self.calls(index).collect();
                calls.sort_unstable();
                calls.dedup();
                let numbers = calls.into_iter().filter_map(|name| self.functions.get(name));
                numbers.copied().collect()
            };
            (0..self.references.len()).map(of).collect()
        });
        all.get(index).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names of the functions that a function refers to.
    fn calls(&self, index: usize) -> impl Iterator<Item = &str> {
        let references = self.references.get(index).map(Vec::as_slice).unwrap_or_default();
        references.iter().filter_map(|reference| match &reference.to {
            Target::Function(name) | Target::Symbol(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

fn append<'a>(object: &'a Object, spec: &'a Spec, index: usize, prog: &'a Program, linked: &mut Linked<'a>) {
    let start = linked.insns.len();
    linked.order.push((start, &prog.name));
    linked.starts.entry(index).or_insert(start);
    linked.insns.extend_from_slice(object.own_insns(prog));
    let references = spec.references.get(index).map(Vec::as_slice).unwrap_or_default();
    linked
        .references
        .extend(references.iter().map(|r| (start + r.insn, &r.to)));
    linked
        .core
        .extend(prog.core.iter().map(|record| (start + record.insn, record.relo)));
    linked
        .funcs
        .extend(object.info.funcs.of(prog, start).into_iter().flatten());
    linked
        .lines
        .extend(object.info.lines.of(prog, start).into_iter().flatten());
}

/// The instructions that load a map by a file descriptor which stands in the object itself.
fn stray_fds(insns: &[Insn], references: &[(usize, &Target)]) -> Vec<u32> {
    let loads = insns
        .iter()
        .enumerate()
        .filter(|(_, insn)| insn.is_ld_imm64() && matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE));
    let mut loads = loads.map(|(at, _)| at).peekable();
    if loads.peek().is_none() {
        return Vec::new();
    }
    let known: HashSet<_> = references.iter().map(|(at, _)| *at).collect();
    let strays = loads.filter(|at| !known.contains(at));
    strays.map(|at| at as u32).collect()
}

/// A program on its way to the kernel.
struct Ready<'a> {
    object: &'a Object,
    spec: &'a Spec,
    prog: &'a Program,
    /// Its number.
    main: usize,
    linked: Linked<'a>,
    /// What the kernel is given of the object's BTF.
    btf: Option<Arc<Btf>>,
    /// Instructions whose relocations have no target.
    poisoned: Vec<usize>,
    /// Instructions that name a map by a number of their own.
    stray_fds: Vec<u32>,
    kconfig: Option<MapId>,
}

impl Ready<'_> {
    /// Applies CO-RE relocations. An instruction whose relocation has no target is poisoned.
    fn relocate_core(&mut self) -> Result<(), Refused> {
        let Some(btf) = &self.object.btf else {
            return Ok(());
        };
        let mut relocator = Relocator::new(btf, &self.object.core_btf).without_libbpf();
        for (at, relo) in &self.linked.core {
            let done = relocator.relocate(&mut self.linked.insns, *at, relo, 0, &self.prog.name);
            match done {
                Ok(done) if done.poisoned => self.poisoned.push(*at),
                Ok(_) => {}
                Err(e) => {
                    let local = btf.ty(relo.type_id).map_or("", |t| t.name());
                    let last = e
                        .messages
                        .last()
                        .map_or_else(|| strerror(Errno(e.errno)), Clone::clone);
                    let words = format!("apply CO-RE relocations: relocate {local}: {last}");
                    return Err(Refused::by(Rule::CoreRelocation, words));
                }
            }
        }
        self.forget_poisoned();
        Ok(())
    }

    /// The library forgets everything that it knew of an instruction that it poisons, even that a function begins there.
    fn forget_poisoned(&mut self) {
        let poisoned: HashSet<_> = self.poisoned.iter().copied().collect();
        if poisoned.is_empty() {
            return;
        }
        let is_sound = |at: usize| !poisoned.contains(&at);
        self.linked.funcs.retain(|func| is_sound(func.insn_off as usize));
        self.linked.starts.retain(|_, start| is_sound(*start));
        self.linked.order.retain(|(start, _)| is_sound(*start));
    }

    /// Makes the BTF of the program alone: the types whose numbers its instructions hold, in their order, and then those of
    /// its functions. Numbers in instructions and records become the new ones.
    fn own_btf(&mut self) -> Option<Arc<Btf>> {
        let parts = self.spec.parts.as_ref()?;
        let is_number = |relo: &CoreRelo| RelocKind::from_raw(relo.kind) == RelocKind::TypeIdLocal;
        let local: Vec<_> = self
            .linked
            .core
            .iter()
            .filter(|(_, relo)| is_number(relo))
            .copied()
            .collect();
        if local.is_empty() && !self.linked.has_info() && self.poisoned.is_empty() {
            return None;
        }
        let mut roots: Vec<_> = local.iter().map(|(_, relo)| relo.type_id).collect();
        roots.extend(self.linked.funcs.iter().map(|func| func.type_id));
        let (mut part, numbers) = parts.part(&roots);
        let new = |id: TypeId| numbers.get(&id).copied().unwrap_or(TypeId::VOID);
        for (at, relo) in local {
            let number = new(relo.type_id).0 as i32;
            let wide = self.linked.insns.get(at).is_some_and(|insn| insn.is_ld_imm64());
            if wide {
                self.wide(at, number, 0);
            } else if let Some(insn) = self.linked.insns.get_mut(at) {
                insn.imm = number;
            }
        }
        for func in &mut self.linked.funcs {
            func.type_id = new(func.type_id);
        }
        self.explain(&mut part);
        if part.count() == 1 {
            // The kernel takes no BTF without types.
            part.add_int("int", 4, IntEncoding::SIGNED);
        }
        self.btf = Some(Arc::new(part.build().ok()?));
        self.btf.clone()
    }

    /// Has the lines of poisoned instructions say what they are.
    fn explain(&mut self, part: &mut Builder) {
        let file_name_off = part.add_string("");
        if self.poisoned.is_empty() {
            return;
        }
        let line_off = part.add_string("instruction poisoned by CO-RE");
        let line = |at: usize| LineInfo {
            insn_off: at as u32,
            file_name_off,
            line_off,
            line_col: 0,
        };
        let poisoned: BTreeSet<_> = self.poisoned.iter().copied().collect();
        let mut poisoned = poisoned.into_iter().peekable();
        let mut lines = Vec::with_capacity(self.linked.lines.len() + poisoned.len());
        for own in std::mem::take(&mut self.linked.lines) {
            let here = own.insn_off as usize;
            while let Some(at) = poisoned.next_if(|at| *at < here) {
                lines.push(line(at));
            }
            lines.push(poisoned.next_if_eq(&here).map_or(own, line));
        }
        lines.extend(poisoned.map(line));
        self.linked.lines = lines;
    }

    fn wants_kconfig(&self) -> bool {
        self.linked
            .references
            .iter()
            .any(|(_, to)| matches!(to, Target::Kconfig(_)))
    }

    /// Puts into instructions what they refer to, in the library's order: symbols, functions of the kernel, functions of the object.
    fn resolve(&mut self, maps: &[Option<MapId>]) -> Result<(), Refused> {
        let references = std::mem::take(&mut self.linked.references);
        self.stray_fds = stray_fds(&self.linked.insns, &references);
        self.ksyms(&references)?;
        for (at, to) in &references {
            let id = |map: &usize| maps.get(*map).copied().flatten();
            match to {
                Target::Map(map) => self.put(*at, id(map), None),
                Target::Value(map, offset) => self.put(*at, id(map), Some(*offset)),
                Target::Kconfig(offset) => self.put(*at, self.kconfig, Some(*offset)),
                Target::Symbol(name) => self.constant(*at, name),
                Target::Function(_) | Target::Kfunc { .. } | Target::Ksym { .. } => {}
            }
        }
        for (at, to) in &references {
            if let Target::Kfunc { name, proto, is_weak } = to {
                self.kfunc(*at, name, *proto, *is_weak)
                    .map_err(|e| Refused::by(Rule::UnresolvedExtern, format!("fixing up kfuncs: {e}")))?;
            }
        }
        let mut seen = HashSet::new();
        let order = &self.linked.order;
        // Of each name one start is known.
        let is_clear = order.len() == self.linked.starts.len();
        let mut twice = order.iter().filter(|(_, name)| !is_clear && !seen.insert(*name));
        if let Some((_, twice)) = twice.next() {
            return Err(Refused::by(Rule::Relocation, format!("duplicate symbol {twice}")));
        }
        for (at, to) in &references {
            if let Target::Function(name) | Target::Symbol(name) = to {
                self.function(*at, name)
                    .map_err(|e| Refused::by(Rule::Relocation, e))?;
            }
        }
        Ok(())
    }

    /// Writes a map, and a place in its value.
    fn put(&mut self, at: usize, map: Option<MapId>, offset: Option<u32>) {
        let Some(map) = map else { return };
        self.wide(at, map.0 as i32, offset.unwrap_or(0) as i32);
    }

    fn wide(&mut self, at: usize, low: i32, high: i32) {
        if let Some(insn) = self.linked.insns.get_mut(at) {
            insn.imm = low;
        }
        if let Some(insn) = self.linked.insns.get_mut(at + 1) {
            insn.imm = high;
        }
    }

    /// A constant that user space gives in the place of a symbol.
    fn constant(&mut self, at: usize, name: &str) {
        let is_load = self
            .linked
            .insns
            .get(at)
            .is_some_and(|i| i.is_ld_imm64() && i.src == 0);
        if let (true, Some(value)) = (is_load, self.spec.constants.get(name)) {
            self.wide(at, *value as i32, (*value >> 32) as i32);
        }
    }

    fn ksyms(&mut self, references: &[(usize, &Target)]) -> Result<(), Refused> {
        let (mut missing, mut seen) = (Vec::new(), HashSet::new());
        for (at, to) in references {
            let Target::Ksym {
                name,
                address,
                is_weak,
            } = *to
            else {
                continue;
            };
            match address {
                Some(address) => self.wide(*at, *address as i32, (*address >> 32) as i32),
                None if *is_weak => self.wide(*at, 0, 0),
                None if seen.insert(name.as_str()) => missing.push(name.as_str()),
                None => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let words = format!("resolve .ksyms: kernel is missing symbol: {}", missing.join(","));
        Err(Refused::by(Rule::UnresolvedExtern, words))
    }

    /// Calls a function of the kernel, or loads its address.
    fn kfunc(&mut self, at: usize, name: &str, proto: TypeId, is_weak: bool) -> Result<(), String> {
        let object = self.object;
        let is_call = self.linked.insns.get(at).is_some_and(insn::is_call);
        let Some(func) = object.kernel_btf.find(name, Kind::Func) else {
            if !is_weak {
                return Err(format!("kfunc {name:?}: not supported"));
            }
            if !is_call {
                self.wide(at, 0, 0);
            } else if let Some(insn) = self.linked.insns.get_mut(at) {
                *insn = insn::poison(POISON_KFUNC);
            }
            return Ok(());
        };
        let target = object.kernel_btf.ty(func).map_or(TypeId::VOID, |t| t.target());
        let fits = object.btf.as_ref().is_some_and(|btf| {
            verdict_btf::core::types_are_compatible(btf, proto, &object.kernel_btf, target) == Some(true)
        });
        if !fits {
            return Err(format!("kfunc {name:?}: incompatible types"));
        }
        if let Some(insn) = self.linked.insns.get_mut(at) {
            insn.imm = func.0 as i32;
            insn.off = 0;
        }
        Ok(())
    }

    /// The distance to a function that is called or whose address is taken.
    fn function(&mut self, at: usize, name: &str) -> Result<(), String> {
        let Some(insn) = self.linked.insns.get(at) else {
            return Ok(());
        };
        let is_call = insn::is_pseudo_call(insn);
        if insn.imm != -1 || !(is_call || insn::is_pseudo_func(insn)) {
            return Ok(());
        }
        let number = self.spec.functions.get(name);
        let Some(start) = number.and_then(|number| self.linked.starts.get(number)) else {
            let what = if is_call { "Call" } else { "LdImmDW" };
            let number = self.number(at);
            return Err(format!(
                "{what} at insn {number}: symbol {name:?}: unsatisfied program reference"
            ));
        };
        let distance = (*start as i64 - at as i64 - 1) as i32;
        if is_call {
            if let Some(insn) = self.linked.insns.get_mut(at) {
                insn.imm = distance;
            }
        } else {
            self.wide(at, distance, distance >> 31);
        }
        Ok(())
    }

    /// Number of an instruction where wide ones count once.
    fn number(&self, at: usize) -> usize {
        let mut number = 0;
        let mut from = 0;
        while from < at {
            let wide = self.linked.insns.get(from).is_some_and(|insn| insn.is_ld_imm64());
            from += if wide { 2 } else { 1 };
            number += 1;
        }
        number
    }

    /// The attributes of `BPF_PROG_LOAD`.
    fn attributes(&mut self) -> Result<ProgLoad, Refused> {
        let (object, prog) = (self.object, self.prog);
        let mut load = ProgLoad {
            name: kernel_name(&sanitized(&prog.name)),
            prog_type: prog.prog_type,
            expected_attach_type: prog.attach_type,
            insns: std::mem::take(&mut self.linked.insns),
            license: object.license.clone(),
            kern_version: object.version,
            ..ProgLoad::default()
        };
        object.probes.rename_reads(&mut load.insns);
        load.stray_fds = std::mem::take(&mut self.stray_fds);
        if let (true, Some(btf)) = (self.linked.has_info(), &self.btf) {
            load.btf = Some(btf.clone());
            load.func_info = std::mem::take(&mut self.linked.funcs);
            load.line_info = std::mem::take(&mut self.linked.lines);
        }
        let flags = prog.def.map(|def| def.flags);
        let has = |flag: SecFlags| flags.is_some_and(|flags| flags.has(flag));
        if has(SecFlags::SLEEPABLE) {
            load.prog_flags |= BPF_F_SLEEPABLE;
        }
        if has(SecFlags::XDP_FRAGS) {
            load.prog_flags |= BPF_F_XDP_HAS_FRAGS;
        }
        self.attach(&mut load)?;
        Ok(load)
    }

    /// What the program attaches to.
    fn attach(&self, load: &mut ProgLoad) -> Result<(), Refused> {
        let prog = self.prog;
        let named = prog.section_name.split_once('/').map_or("", |(_, name)| name);
        if let Some(attachment) = &prog.attach_to {
            load.attach_prog = Some(attachment.target.prog);
            load.attach_btf_id = attachment.func;
            if attachment.func.is_none() {
                let found = attachment.target.find(named, &mut Warnings::default());
                let found = found.map_err(|_| {
                    let words = format!("attach target {named}: not found");
                    Refused::by(Rule::AttachTarget, words)
                })?;
                load.attach_btf_id = Some(found);
            }
            return Ok(());
        }
        if let Some(implemented) = self.spec.implements.get(&self.main) {
            let of = ops::member(&self.object.kernel_btf, implemented);
            let (ty, index) = of.map_err(|e| Refused::by(Rule::StructOpsMember, e))?;
            (load.attach_btf_id, load.expected_attach_type) = (Some(ty), index);
            return Ok(());
        }
        if named.is_empty() {
            return Ok(());
        }
        let Some((how, prefix, feature)) = hook(prog, named) else {
            return Ok(());
        };
        let kind = if prefix == "btf_trace_" {
            Kind::Typedef
        } else {
            Kind::Func
        };
        let kernel = &self.object.kernel_btf;
        let wanted = format!("{prefix}{named}");
        let found = kernel
            .find_all(&wanted)
            .into_iter()
            .filter(|id| kernel.ty(*id).is_some_and(|t| t.kind() == kind));
        let found: Vec<_> = found.take(2).collect();
        match found.as_slice() {
            [] => Err(Refused::by(
                Rule::AttachTarget,
                format!("attach {how}: {feature} not supported"),
            )),
            [id] => {
                load.attach_btf_id = Some(*id);
                Ok(())
            }
            _ => {
                let words = format!(
                    "attach {how}: attaching to ambiguous kernel symbol is not supported: multiple matching types"
                );
                Err(Refused::by(Rule::AttachTarget, words))
            }
        }
    }
}

/// The library's names of a program's type and attach type, what stands before the name of its hook in BTF, and what the
/// library calls the hook; `None` for types that attach to nothing in BTF.
fn hook(prog: &Program, name: &str) -> Option<(&'static str, &'static str, String)> {
    let prog_type = ProgType::from_raw(prog.prog_type)?;
    let attach_type = AttachType::from_raw(prog.attach_type)?;
    Some(match (prog_type, attach_type) {
        (ProgType::Lsm, AttachType::LsmMac) => ("LSM/LSMMac", "bpf_lsm_", format!("{name} LSM hook")),
        (ProgType::Tracing, AttachType::TraceIter) => {
            ("Tracing/TraceIter", "bpf_iter_", format!("{name} iterator"))
        }
        (ProgType::Tracing, AttachType::TraceFentry) => ("Tracing/TraceFEntry", "", format!("fentry {name}")),
        (ProgType::Tracing, AttachType::TraceFexit) => ("Tracing/TraceFExit", "", format!("fexit {name}")),
        (ProgType::Tracing, AttachType::ModifyReturn) => {
            ("Tracing/ModifyReturn", "", format!("fmod_ret {name}"))
        }
        (ProgType::Tracing, AttachType::TraceRawTp) => {
            ("Tracing/TraceRawTp", "btf_trace_", format!("raw_tp {name}"))
        }
        _ => return None,
    })
}

/// Whether an instruction was poisoned by the library, and the rule that was broken in truth.
pub(crate) fn poison_rule(insn: &Insn) -> Option<Rule> {
    if insn.is_ld_imm64() && insn.dst == 10 && insn.imm == POISON {
        return Some(Rule::CoreRelocation);
    }
    (insn::is_call(insn) && insn.src == 0 && insn.imm == POISON_KFUNC).then_some(Rule::UnresolvedExtern)
}
