//! Loading an object with one of its programs: the steps of `bpf_object__load`, in its order.

use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::ext::CoreRelo;
use verdict_btf::{Btf, TypeId};
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::{Broken, By, Rule};

use crate::attach::find_in_kernel;
use crate::bpf::{Bpf, Made};
use crate::cilium::MadeProgram;
use crate::create::{create_maps, kernel_name};
use crate::error::{PrepareError, ProgFacts, Warnings, strerror, warning};
use crate::link::{self, Linked};
use crate::object::Object;
use crate::program::Program;
use crate::resolve::Resolved;
use crate::sections::SecFlags;
use crate::shared::ByNumber;
use crate::spec::Spec;
use crate::target::AttachTarget;
use crate::{aya, cilium, core_relos, ctx_args, sanitize, tags};

const BPF_F_SLEEPABLE: u32 = 1 << 4;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
/// A program made ready, with those that libbpf loads beside it.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// The programs to hand to `BPF_PROG_LOAD`, in this order. More than one only where struct_ops maps
    /// need other programs; loading stops at the first that the kernel refuses.
    pub loads: Vec<ProgLoad>,
    /// Which of `loads` was asked for; `None` when libbpf leaves it out (a struct_ops program of maps that
    /// are not created) or fails before it gets there.
    pub target: Option<usize>,
    /// What libbpf tells of the program that was asked for.
    pub facts: ProgFacts,
    /// Warnings so far.
    warnings: Warnings,
    /// Why libbpf would go no further than `loads`.
    stopped: Option<PrepareError>,
    /// What is not modelled of how the programs are loaded.
    pub unsupported: Option<&'static str>,
    /// Of a whole object, the programs that are not handed to the kernel, as their places among those that are loaded, and why.
    pub failed: Vec<(usize, PrepareError)>,
    /// Of a whole object, the numbers of the programs that are loaded, those of `failed` among them.
    pub order: Vec<usize>,
    /// The programs of `loads` by their index in the object.
    programs: Vec<usize>,
    /// Created maps by their index in the object.
    maps: Arc<[Option<MapId>]>,
    /// CO-RE relocations of each of `loads`, by instruction.
    pub(crate) core: Vec<Vec<(usize, CoreRelo)>>,
}

impl Prepared {
    /// Whether libbpf would go no further than what is loaded.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }
}

impl Object {
    /// Makes program `index` ready: everything that libbpf does up to `BPF_PROG_LOAD` when no other program
    /// is asked for.
    ///
    /// # Errors
    /// What `bpf_object__load` refuses before the kernel gets a program.
    pub fn prepare(&self, index: usize, bpf: &mut dyn Bpf) -> Result<Prepared, PrepareError> {
        self.prepare_with(index, &[], bpf)
    }

    /// As [`Object::prepare`] when the programs `also` are asked for, too. All are loaded in the object's order.
    ///
    /// # Errors
    /// What `bpf_object__load` refuses before the kernel gets a program.
    pub fn prepare_with(
        &self,
        index: usize,
        also: &[usize],
        bpf: &mut dyn Bpf,
    ) -> Result<Prepared, PrepareError> {
        let entry = |index: usize| self.entries.get(index).copied();
        if let Some(spec) = &self.cilium {
            return self.prepare_go(spec, entry(index).unwrap_or(usize::MAX), bpf);
        }
        let also = also.iter().filter_map(|index| entry(*index)).collect();
        let mut load = Load::new(self, entry(index), also);
        match load.run(bpf) {
            Ok(prepared) => Ok(prepared),
            Err(broken) if self.is_aya => Err(aya::in_its_words(self.failure(broken, load.w, load.facts))),
            Err(broken) => Err(self.failure(broken, load.w, load.facts)),
        }
    }

    /// Makes all programs ready that libbpf loads of the object when nobody says otherwise.
    ///
    /// # Errors
    /// What `bpf_object__load` refuses before it looks at single programs.
    pub fn prepare_whole(&self, bpf: &mut dyn Bpf) -> Result<Prepared, PrepareError> {
        if let Some(spec) = &self.cilium {
            return self.prepare_collection(spec, bpf);
        }
        let wanted = |at: &usize| self.programs.get(*at).is_some_and(|prog| prog.autoload);
        let all = self.entries.iter().copied().filter(wanted).collect();
        let mut load = Load {
            whole: true,
            ..Load::new(self, None, all)
        };
        match load.run(bpf) {
            Ok(prepared) => Ok(prepared),
            Err(broken) if self.is_aya => Err(aya::in_its_words(self.failure(broken, load.w, load.facts))),
            Err(broken) => Err(self.failure(broken, load.w, load.facts)),
        }
    }

    /// Whether program `index` is loaded with others whenever one of them is asked for: those of struct_ops maps.
    pub fn has_companions(&self, index: usize) -> bool {
        let (Some(entry), Ok(resolved)) = (self.entries.get(index), &self.resolved) else {
            return false;
        };
        self.cilium.is_none() && resolved.struct_ops.autoload.contains_key(entry)
    }

    /// What `prepared` would be like had program `index` been asked for, with which the same ones are loaded
    /// ([`Object::has_companions`]): its place among those that are loaded, and what is told of it.
    pub fn among(&self, prepared: &Prepared, index: usize) -> (Option<usize>, ProgFacts) {
        let entry = self.entries.get(index).copied().unwrap_or(usize::MAX);
        let place = prepared.programs.binary_search(&entry).ok();
        let loaded = place.and_then(|place| prepared.loads.get(place));
        let mut facts = self
            .programs
            .get(entry)
            .map_or_else(ProgFacts::default, |prog| ProgFacts {
                prog_type: prog.prog_type,
                attach_type: prog.attach_type,
                insn_cnt: loaded.map_or(prog.len(), |load| load.insns.len()),
            });
        if let Ok(resolved) = &self.resolved {
            facts.note_member(resolved.struct_ops.members.get(&entry));
        }
        (place, facts)
    }

    /// Creates the maps of a collection of cilium/ebpf. Its programs are made ready one by one ([`Object::prepare_member`]), those
    /// without a type left out.
    fn prepare_collection(&self, spec: &Spec, bpf: &mut dyn Bpf) -> Result<Prepared, PrepareError> {
        let made = cilium::create(self, spec, bpf);
        let typed = (0..self.program_count()).filter(|index| !self.is_untyped(*index));
        Ok(Prepared {
            maps: made
                .map_err(|refused| refused.into_error(ProgFacts::default()))?
                .into(),
            order: typed.collect(),
            ..Prepared::default()
        })
    }

    /// Makes a program of a collection ready, with the maps of all; `None` where the programs of an object are made ready together.
    pub fn prepare_member(
        &self,
        whole: &Prepared,
        index: usize,
        bpf: &mut dyn Bpf,
    ) -> Option<Result<Prepared, PrepareError>> {
        let spec = self.cilium.as_ref()?;
        let main = self.entries.get(index).copied().unwrap_or(usize::MAX);
        let made = cilium::make_with(self, spec, main, whole.maps.to_vec(), bpf);
        let made = made.map_err(|(refused, facts)| refused.into_error(facts));
        Some(made.map(|made| made.into_prepared(main)))
    }

    /// Creates each map by itself, without contents, where the object is loaded by cilium/ebpf: its name, and what it was
    /// created with or why it cannot be.
    pub fn create_each(&self, bpf: &mut dyn Bpf) -> Vec<(&str, Result<MapCreate, PrepareError>)> {
        let Some(spec) = &self.cilium else {
            return Vec::new();
        };
        let names = self.maps.iter().map(|map| map.name.as_str());
        let made = cilium::maps(self, spec, bpf).into_iter();
        let made = made.map(|made| made.map_err(|refused| refused.into_error(ProgFacts::default())));
        names.zip(made).collect()
    }

    /// Makes a program ready as cilium/ebpf does.
    fn prepare_go(&self, spec: &Spec, main: usize, bpf: &mut dyn Bpf) -> Result<Prepared, PrepareError> {
        let made =
            cilium::make(self, spec, main, bpf).map_err(|(refused, facts)| refused.into_error(facts))?;
        Ok(made.into_prepared(main))
    }

    /// What libbpf does once all of `prepared.loads` are loaded: it goes on to the error that stopped it, or
    /// fills program arrays.
    ///
    /// # Errors
    /// When that fails, as it does where a program array names a program that is not loaded.
    pub fn finish(&self, prepared: &Prepared, bpf: &mut dyn Bpf) -> Result<(), PrepareError> {
        if let Some(error) = &prepared.stopped {
            return Err(error.clone());
        }
        if self.is_aya {
            return Ok(());
        }
        if let Some(spec) = &self.cilium {
            // Of a collection of one program, what holds programs stays empty.
            let filled = (&*prepared.maps, prepared.target.is_none());
            return cilium::populate(self, spec, filled, bpf)
                .map_err(|refused| refused.into_error(prepared.facts));
        }
        let mut w = prepared.warnings.clone();
        self.fill_program_arrays(prepared, bpf, &mut w)
            .by(Rule::MapContents)
            .map_err(|broken| self.failure(broken, w, prepared.facts))
    }

    fn failure(&self, broken: Broken, mut w: Warnings, facts: ProgFacts) -> PrepareError {
        warning!(w, "failed to load object '{}'", self.path);
        PrepareError {
            errno: broken.errno,
            rule: broken.rule,
            messages: w.into_lines(),
            facts,
            site: broken.site,
        }
    }

    fn fill_program_arrays(&self, p: &Prepared, bpf: &mut dyn Bpf, w: &mut Warnings) -> Result<(), Errno> {
        let places: ByNumber<i32> = p.programs.iter().copied().zip(0..).collect();
        for (i, map) in self.program_arrays() {
            let Some(id) = p.maps.get(i).copied().flatten() else {
                continue;
            };
            for (slot, target) in &map.slots {
                let prog = self.programs.get(*target).map_or("", |p| p.name.as_str());
                let loaded = places.get(target);
                let filled = match loaded {
                    Some(_) => bpf.map_update(id, &slot.to_le_bytes(), MapValue::Program(prog.to_owned())),
                    None if *slot >= map.def.max_entries => Err(Errno::E2BIG),
                    None => Err(Errno::EBADF),
                };
                filled.inspect_err(|e| {
                    // A program that is not loaded has -ENOENT for a file descriptor.
                    let fd = loaded.map_or(-Errno::ENOENT.0, |at| *at);
                    let (name, n) = (&map.name, e.0);
                    warning!(
                        w,
                        "map '{name}': failed to initialize slot [{slot}] to prog '{prog}' fd={fd}: -{n}"
                    );
                })?;
            }
        }
        Ok(())
    }
}

impl MadeProgram {
    fn into_prepared(self, main: usize) -> Prepared {
        Prepared {
            loads: vec![self.load],
            target: Some(0),
            facts: self.facts,
            programs: vec![main],
            maps: self.maps.into(),
            core: vec![self.core],
            ..Prepared::default()
        }
    }
}

/// The state of one load.
struct Load<'a> {
    object: &'a Object,
    /// The program asked for.
    target: usize,
    /// Others that are loaded with it.
    also: Vec<usize>,
    /// Whether it is the whole object that is asked for.
    whole: bool,
    facts: ProgFacts,
    w: Warnings,
    /// Created maps by their index in the object.
    maps: Arc<[Option<MapId>]>,
    /// The object's BTF as this load has it, if it is not as for all.
    btf: Option<Arc<Btf>>,
}

impl<'a> Load<'a> {
    /// Of a program, with others.
    fn new(object: &'a Object, target: Option<usize>, also: Vec<usize>) -> Load<'a> {
        Load {
            object,
            // What is no program is refused by name.
            target: target.unwrap_or(usize::MAX),
            also,
            whole: false,
            facts: ProgFacts::default(),
            w: Warnings::default(),
            maps: Arc::default(),
            btf: None,
        }
    }

    fn run(&mut self, bpf: &mut dyn Bpf) -> Result<Prepared, Broken> {
        let object = self.object;
        match object.programs.get(self.target) {
            Some(target) => {
                self.facts = ProgFacts {
                    prog_type: target.prog_type,
                    attach_type: target.attach_type,
                    insn_cnt: target.len(),
                };
            }
            None if self.whole => {}
            None => return Err(Rule::ObjectFormat.with(Errno::EINVAL)),
        }
        self.probe_loading()?;
        let resolved = match &object.resolved {
            Ok(resolved) => resolved,
            Err(unresolved) => {
                self.w.extend(&unresolved.warnings);
                self.facts.note_member(unresolved.members.get(&self.target));
                return Err(unresolved.broken);
            }
        };
        self.w.extend(&resolved.warnings);
        self.facts
            .note_member(resolved.struct_ops.members.get(&self.target));
        let linked = self.relocate(resolved)?;
        let btf = self.make_maps(resolved, bpf)?;
        if object.is_aya
            && let Some((broken, words)) = aya::refused_map(&object.maps)
        {
            self.w.say(words);
            return Err(broken);
        }
        self.load_programs(resolved, btf, linked)
    }

    /// Where there is a limit to locked memory that counts, libbpf failed to raise it; and then tries whether a program
    /// of two instructions can be loaded, which takes a page (`bpf_object__probe_loading`).
    fn probe_loading(&mut self) -> Result<(), Broken> {
        let Some(limit) = self.object.memlock else {
            return Ok(());
        };
        let errno = Errno::EPERM;
        warning!(
            self.w,
            "Failed to bump RLIMIT_MEMLOCK (err = -{}), you might need to do it explicitly!",
            errno.0
        );
        if limit >= self.object.page_size.into() {
            return Ok(());
        }
        warning!(
            self.w,
            "Error in bpf_object__probe_loading():{}({}). Couldn't load trivial BPF program. Make sure your kernel \
             supports BPF (CONFIG_BPF_SYSCALL=y) and/or that RLIMIT_MEMLOCK is set to big enough value.",
            strerror(errno),
            errno.0
        );
        Err(Rule::MemoryLock.with(errno))
    }

    /// The programs that libbpf loads, in their order.
    fn loaded(&self, resolved: &Resolved) -> Vec<usize> {
        let set = &resolved.struct_ops.autoload;
        let asked = self.also.iter().copied().chain([self.target]);
        let asked = asked.filter(|index| !set.contains_key(index));
        let needed = set.iter().filter(|(_, loaded)| **loaded).map(|(index, _)| *index);
        let mut all: Vec<_> = asked.chain(needed).collect();
        all.retain(|index| self.object.entries.binary_search(index).is_ok());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Links the programs that are loaded, by their index in the object.
    fn relocate(&mut self, resolved: &Resolved) -> Result<Vec<(usize, Linked)>, Broken> {
        let object = self.object;
        let loaded = self.loaded(resolved);
        let patched = core_relos::relocate(object, &loaded, &mut self.w).inspect_err(|e| {
            warning!(self.w, "failed to perform CO-RE relocations: -{}", e.0);
        });
        let patched = patched.by(Rule::CoreRelocation)?;
        let mut all = Vec::new();
        for index in loaded {
            let mut linked = Linked::default();
            let done = link::link(object, &patched, index, &mut linked, &mut self.w);
            if index == self.target {
                self.facts.insn_cnt = linked.insns.len();
            }
            done.by(Rule::Relocation)?;
            all.push((index, linked));
        }
        let mut edit = None;
        for (index, linked) in &mut all {
            link::relocate_data(object, resolved, linked);
            self.fix_contexts(*index, linked, &mut edit);
            object.probes.rename_reads(&mut linked.insns);
        }
        let fixed = edit.map(|edit| edit.build().map(Arc::new));
        let fixed = fixed
            .transpose()
            .map_err(|e| Errno(e.errno))
            .by(Rule::ObjectBtf)?;
        self.btf = fixed.map(|btf| {
            let hidden = tags::hide_functions(&btf, &object.programs, object.text);
            sanitize::sanitize(hidden, &object.probes)
        });
        Ok(all)
    }

    /// Has functions take contexts as the kernel knows them.
    fn fix_contexts(&mut self, index: usize, linked: &mut Linked, edit: &mut Option<Builder>) {
        let object = self.object;
        let (Some(btf), Some(prog), Some(funcs)) =
            (&object.btf, object.programs.get(index), &mut linked.funcs)
        else {
            return;
        };
        if !object.probes.arg_ctx_tag {
            let of = ctx_args::Of {
                btf,
                tags: object.shared.ctx_tags.get_or_init(|| ctx_args::tags(btf)),
                name: &prog.name,
                prog_type: prog.prog_type,
            };
            ctx_args::fix(&of, funcs, edit, &mut self.w);
        }
    }

    /// Loads the object's BTF and creates its maps, unless it is known what that comes to. Gives the BTF.
    fn make_maps(&mut self, resolved: &Resolved, bpf: &mut dyn Bpf) -> Result<Option<Arc<Btf>>, Broken> {
        let object = self.object;
        let changes = object.changes;
        // With a BTF of its own it may come to something else.
        let as_for_all = self.btf.is_none();
        let known = as_for_all.then(|| bpf.recall(changes)).flatten();
        if let Some(made) = known {
            self.w.extend(&made.said);
            self.maps = Arc::clone(&made.maps);
            return made.btf.clone();
        }
        let before = std::mem::take(&mut self.w);
        let made = self.load_btf(bpf).and_then(|btf| {
            self.maps = create_maps(object, resolved, btf.as_ref(), bpf, &mut self.w)?;
            Ok(btf)
        });
        let said = std::mem::replace(&mut self.w, before);
        self.w.extend(&said);
        if as_for_all {
            bpf.keep(Made {
                changes,
                btf: made.clone(),
                maps: Arc::clone(&self.maps),
                said,
            });
        }
        made
    }

    /// Loads the object's BTF; without it, if it is of no use, unless struct_ops need it.
    fn load_btf(&mut self, bpf: &mut dyn Bpf) -> Result<Option<Arc<Btf>>, Broken> {
        let Some(btf) = self.btf.as_ref().or(self.object.load_btf.as_ref()) else {
            return Ok(None);
        };
        let Err((e, log)) = bpf.btf_load(btf) else {
            return Ok(Some(btf.clone()));
        };
        warning!(self.w, "BTF loading error: -{}", e.errno.0);
        if !log.is_empty() {
            warning!(self.w, "-- BEGIN BTF LOAD LOG ---\n{log}\n-- END BTF LOAD LOG --");
        }
        let mandatory = self.object.has_struct_ops;
        let verdict = if mandatory {
            "BTF is mandatory, can't proceed."
        } else {
            "BTF is optional, ignoring."
        };
        warning!(
            self.w,
            "Error loading .BTF into kernel: -{}. {verdict}",
            e.errno.0
        );
        if mandatory { Err(e) } else { Ok(None) }
    }

    /// Makes the attributes of the programs, up to the first that libbpf does not hand to the kernel.
    fn load_programs(
        &mut self,
        resolved: &Resolved,
        btf: Option<Arc<Btf>>,
        linked: Vec<(usize, Linked)>,
    ) -> Result<Prepared, Broken> {
        let mut prepared = Prepared::default();
        for (index, mut linked) in linked {
            let Some(prog) = self.object.programs.get(index) else {
                continue;
            };
            let core = std::mem::take(&mut linked.core);
            if self.whole {
                let number = self.object.entries.binary_search(&index);
                prepared.order.extend(number);
            }
            match self.attributes(resolved, index, prog, btf.as_ref(), linked) {
                Ok(attr) => {
                    if index == self.target {
                        prepared.target = Some(prepared.loads.len());
                    }
                    prepared.core.push(core);
                    prepared.programs.push(index);
                    prepared.loads.push(attr);
                }
                Err(e) => {
                    warning!(self.w, "prog '{}': failed to load: -{}", prog.name, e.errno.0);
                    if self.whole {
                        let failure = self.object.failure(e, self.w.clone(), self.facts);
                        prepared
                            .failed
                            .push((prepared.order.len().saturating_sub(1), failure));
                        continue;
                    }
                    if prepared.loads.is_empty() {
                        return Err(e);
                    }
                    // The kernel may refuse an earlier one first.
                    prepared.stopped = Some(self.object.failure(e, self.w.clone(), self.facts));
                    break;
                }
            }
        }
        prepared.facts = self.facts;
        prepared.maps = Arc::clone(&self.maps);
        prepared.warnings = std::mem::take(&mut self.w);
        Ok(prepared)
    }

    /// The attributes of a program.
    fn attributes(
        &mut self,
        resolved: &Resolved,
        index: usize,
        prog: &Program,
        btf: Option<&Arc<Btf>>,
        linked: Linked,
    ) -> Result<ProgLoad, Broken> {
        let name = &prog.name;
        let member = resolved.struct_ops.members.get(&index).copied();
        if prog.prog_type == ProgType::Unspec.raw() {
            let section = &prog.section_name;
            warning!(
                self.w,
                "prog '{name}': missing BPF prog type, check ELF section name '{section}'"
            );
            return Err(Rule::SectionName.with(Errno::EINVAL));
        }
        if prog.prog_type == ProgType::StructOps.raw() && member.is_none() {
            warning!(
                self.w,
                "prog '{name}': SEC(\"struct_ops\") program isn't referenced anywhere, did you forget to use it?"
            );
            return Err(Rule::SectionName.with(Errno::EINVAL));
        }
        let attachment = prog.attach_to.as_ref();
        let own_func = attachment.and_then(|attachment| attachment.func);
        let mut attr = ProgLoad {
            name: kernel_name(name),
            prog_type: prog.prog_type,
            expected_attach_type: member.map_or(prog.attach_type, |m| m.1),
            insns: linked.insns,
            stray_fds: linked.stray_fds,
            odd_fds: Vec::new(),
            misfit: None,
            license: self.object.license.clone(),
            kern_version: self.object.version,
            attach_btf_id: member.map(|m| m.0).or(own_func),
            attach_prog: attachment.map(|attachment| attachment.target.prog),
            ..ProgLoad::default()
        };
        for (at, map) in &linked.map_refs {
            let id = self.maps.get(*map).copied().flatten();
            if let (Some(insn), Some(id)) = (attr.insns.get_mut(*at), id) {
                insn.imm = id.0 as i32;
            }
        }
        if let Some(btf) = btf {
            attr.btf = Some(btf.clone());
            attr.func_info = linked.funcs.unwrap_or_default();
            attr.line_info = linked.lines.unwrap_or_default();
        }
        self.by_section(prog, &mut attr)
            .inspect_err(|e| {
                warning!(
                    self.w,
                    "prog '{name}': failed to prepare load attributes: -{}",
                    e.0
                );
            })
            .by(Rule::AttachTarget)?;
        if index == self.target {
            self.facts.attach_type = attr.expected_attach_type;
        }
        Ok(attr)
    }

    /// What the section name demands.
    fn by_section(&mut self, prog: &Program, attr: &mut ProgLoad) -> Result<(), Errno> {
        let Some(def) = prog.def else { return Ok(()) };
        if def.flags.has(SecFlags::SLEEPABLE) {
            attr.prog_flags |= BPF_F_SLEEPABLE;
        }
        if def.flags.has(SecFlags::XDP_FRAGS) && prog.prog_type == ProgType::Xdp.raw() {
            attr.prog_flags |= BPF_F_XDP_HAS_FRAGS;
        }
        if def.flags.has(SecFlags::USDT) && self.object.probes.uprobe_multi {
            attr.expected_attach_type = AttachType::TraceUprobeMulti.raw();
        }
        if def.flags.has(SecFlags::ATTACH_BTF) && attr.attach_btf_id.is_none() {
            attr.attach_btf_id = match &prog.attach_to {
                Some(attachment) => Some(self.in_program(prog, &attachment.target)?),
                None => self.in_kernel(prog, attr.expected_attach_type)?,
            };
        }
        Ok(())
    }

    /// The function of another program that a program's section names (`libbpf_find_attach_btf_id`).
    fn in_program(&mut self, prog: &Program, target: &AttachTarget) -> Result<TypeId, Errno> {
        let name = prog.named_target(&mut self.w)?;
        target.find(name, &mut self.w).inspect_err(|e| {
            let (prog, fd) = (&prog.name, target.prog.0);
            warning!(
                self.w,
                "prog '{prog}': failed to find BPF program (FD {fd}) BTF ID for '{name}': -{}",
                e.0
            );
        })
    }

    /// The type of vmlinux that a program attaches to.
    fn in_kernel(&mut self, prog: &Program, attach_type: u32) -> Result<Option<TypeId>, Errno> {
        let name = &prog.name;
        let wanted = prog.named_target(&mut self.w)?;
        if prog.prog_type == ProgType::Ext.raw() {
            warning!(self.w, "prog '{name}': attach program FD is not set");
            return Err(Errno::EINVAL);
        }
        find_in_kernel(&self.object.kernel_btf, wanted, attach_type).inspect_err(|e| {
            warning!(
                self.w,
                "prog '{name}': failed to find kernel BTF type ID of '{wanted}': -{}",
                e.0
            );
        })
    }
}
