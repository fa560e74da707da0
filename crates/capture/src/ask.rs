//! Asking the machine's own kernel about the programs of an object, by bpf(2).
//!
//! What is handed over is what verdict makes of the object for this kernel: the loader prepares it, every BTF object and map
//! is created here and in a session of verdict's, side by side, and instructions get the descriptors of the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::{io, mem};

use verdict_btf::Btf;
use verdict_isa::{Insn, pseudo};
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, Rule};
use verdict_loader::{Bpf, Object};
use verdict_notify::{MapAttr, Mapped, ProgAttr};
use verdict_syscall::Session;

use crate::answer::{Answer, FIGURES, LEVEL, settled};
use crate::facts::Loads;
use crate::model::{Model, Said};

/// Room for a log: more than any program of the corpus needs.
const LOG: usize = 64 << 20;

/// Room for that of a fact.
const SMALL: usize = 64 << 10;

/// Asks a kernel, with one buffer for all logs.
#[derive(Debug)]
pub struct Asker<'k> {
    kernel: &'k Kernel,
    log: Vec<u8>,
    /// Flags that all programs of objects are loaded with, beside their own.
    flags: u32,
}

impl<'k> Asker<'k> {
    /// Asks the kernel of this machine, which `kernel` describes as far as it is known.
    pub fn new(kernel: &'k Kernel) -> Asker<'k> {
        Asker {
            kernel,
            log: vec![0; LOG],
            flags: 0,
        }
    }

    /// The same for programs that are loaded with flags beside their own (`BPF_F_TEST_STATE_FREQ` and its like).
    pub fn with_flags(kernel: &'k Kernel, flags: u32) -> Asker<'k> {
        Asker {
            flags,
            ..Asker::new(kernel)
        }
    }

    /// What the kernel answers about each program of an object, and what verdict says of it: figures and words of refusals. With
    /// logs, of programs for which no more than `most` instructions are processed it is the whole logs.
    pub fn compare(&mut self, name: &str, bytes: &[u8], logs: bool, most: u32) -> Vec<Compared> {
        let mut answers = self.at_level(name, bytes, FIGURES, |_| true);
        if !logs {
            return self.beside(name, bytes, FIGURES, answers);
        }
        let is_small = |answer: &Answer| answer.figures().is_some_and(|figures| figures.insns <= most);
        let (small, large): (Vec<_>, Vec<_>) = answers.drain(..).partition(is_small);
        let small: BTreeSet<String> = small.into_iter().map(|answer| answer.program).collect();
        let answers = self.at_level(name, bytes, LEVEL, |program| small.contains(program));
        let mut all = self.beside(name, bytes, LEVEL, answers);
        all.iter_mut().for_each(|compared| compared.logged = true);
        all.extend(self.beside(name, bytes, FIGURES, large));
        all
    }

    /// What verdict says beside these answers.
    fn beside(&self, name: &str, bytes: &[u8], level: u32, answers: Vec<Answer>) -> Vec<Compared> {
        let model = Model::new(self.kernel.clone(), &[(name, bytes)], &answers, self.flags);
        let mut said: BTreeMap<String, Said> = BTreeMap::new();
        for program in model.programs() {
            let name = model.answer(program).program.clone();
            said.insert(name, model.say_of(self.kernel, program, level));
        }
        let compared = |answer: Answer| {
            let unasked = || Said::Nothing(answer.unasked.clone().unwrap_or_default());
            let said = said.remove(&answer.program).unwrap_or_else(unasked);
            Compared {
                answer,
                said,
                logged: false,
            }
        };
        answers.into_iter().map(compared).collect()
    }

    /// What the kernel answers about each program of an object.
    pub fn object(&mut self, name: &str, bytes: &[u8]) -> Vec<Answer> {
        self.at_level(name, bytes, LEVEL, |_| true)
    }

    /// The same with logs of a level, of those programs that are `wanted` by name.
    fn at_level(
        &mut self,
        name: &str,
        bytes: &[u8],
        level: u32,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Answer> {
        let object = match Object::open(name, bytes, self.kernel) {
            Ok(object) => object,
            Err(error) => {
                return vec![Answer {
                    object: name.to_owned(),
                    unasked: Some(error.to_string()),
                    ..Answer::default()
                }];
            }
        };
        let programs = 0..object.program_count();
        programs
            .filter(|index| wanted(object.program_name(*index)))
            .map(|index| Answer {
                object: name.to_owned(),
                program: object.program_name(index).to_owned(),
                ..self.program(&object, index, level)
            })
            .collect()
    }

    fn program(&mut self, object: &Object, index: usize, level: u32) -> Answer {
        let unasked = |why: String| Answer {
            unasked: Some(why),
            ..Answer::default()
        };
        let mut machine = Machine {
            session: Session::new(self.kernel),
            btfs: Vec::new(),
            maps: BTreeMap::new(),
            differs: None,
        };
        let prepared = object.prepare(index, &mut machine);
        if let Some(differs) = machine.differs.take() {
            return unasked(differs);
        }
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return unasked(error.to_string()),
        };
        let Some(target) = prepared.target else {
            return unasked("libbpf leaves it out".to_owned());
        };
        let mut loaded = Vec::new();
        for (at, load) in prepared.loads.iter().enumerate() {
            match machine.load(load, (self.flags, level), &mut self.log) {
                Err(why) => return unasked(why),
                Ok(answer) if at == target => return answer.0,
                Ok((answer, None)) => {
                    return unasked(format!("{} before it: {}", load.name, answer.summary()));
                }
                Ok((_, Some(program))) => loaded.push(program),
            }
        }
        unasked("libbpf does not load it".to_owned())
    }
}

impl Loads for Asker<'_> {
    fn load(&mut self, load: &ProgLoad, says: bool) -> (i32, String) {
        let insns: Vec<u8> = load.insns.iter().flat_map(|insn| insn.to_bytes()).collect();
        let attr = ProgAttr {
            prog_type: load.prog_type,
            expected_attach_type: load.expected_attach_type,
            insns: &insns,
            license: c"GPL",
            kern_version: load.kern_version,
            prog_flags: load.prog_flags,
            name: &load.name,
            attach_btf_id: load.attach_btf_id.map_or(0, |id| id.0),
            log_level: u32::from(says),
            ..ProgAttr::default()
        };
        let room = self.log.get_mut(..SMALL).unwrap_or_default();
        if let Some(first) = room.first_mut() {
            *first = 0;
        }
        let loaded = verdict_notify::prog_load(&attr, room);
        (loaded.err().map_or(0, |error| errno(&error).0), text(room))
    }
}

/// A kernel's answer about a program beside verdict's.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The kernel's.
    pub answer: Answer,
    /// verdict's.
    pub said: Said,
    /// Whether logs of every state were asked for.
    pub logged: bool,
}

impl Compared {
    /// Whether they are the same: errno, figures, and the log, as far as it was asked for. `None` where one of the two answers nothing.
    pub fn same(&self) -> Option<bool> {
        match (&self.answer.unasked, &self.said) {
            (None, Said::Answer { errno, log, .. }) => {
                Some(*errno == self.answer.errno && *log == self.answer.log)
            }
            _ => None,
        }
    }
}

/// What stands in a buffer before the first zero.
fn text(log: &[u8]) -> String {
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(log.get(..end).unwrap_or_default()).into_owned()
}

/// A map of the machine's kernel.
struct RealMap {
    fd: OwnedFd,
    sizes: (u32, u32),
    /// An arena's memory, which has a place as long as it is mapped.
    _memory: Option<Mapped>,
}

/// The machine's kernel beside a session of verdict's.
struct Machine<'k> {
    session: Session<'k>,
    btfs: Vec<(Arc<Btf>, OwnedFd)>,
    maps: BTreeMap<u32, RealMap>,
    /// What the machine's kernel refused, or took, otherwise than verdict.
    differs: Option<String>,
}

/// errno of an error of the machine's kernel.
fn errno(error: &io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(Errno::EINVAL.0))
}

impl Machine<'_> {
    fn btf(&self, btf: Option<&Arc<Btf>>) -> Option<BorrowedFd<'_>> {
        let wanted = btf?;
        let (_, fd) = self.btfs.iter().find(|(btf, _)| Arc::ptr_eq(btf, wanted))?;
        Some(fd.as_fd())
    }

    fn note(&mut self, what: &str, real: Result<(), Errno>, modelled: Result<(), Errno>) {
        if real != modelled && self.differs.is_none() {
            let said = |result: Result<(), Errno>| match result {
                Ok(()) => "takes it".to_owned(),
                Err(errno) => format!("says {errno}"),
            };
            self.differs = Some(format!(
                "{what}: the kernel {}, verdict {}",
                said(real),
                said(modelled)
            ));
        }
    }

    /// Instructions with descriptors of maps in them.
    fn insns(&self, load: &ProgLoad) -> Result<Vec<u8>, String> {
        let mut out = Vec::with_capacity(load.insns.len() * Insn::SIZE);
        let stray = |at: usize| u32::try_from(at).is_ok_and(|at| load.stray_fds.contains(&at));
        let mut second = false;
        for (at, insn) in load.insns.iter().enumerate() {
            let mut insn = *insn;
            let is_map = matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE);
            if !mem::take(&mut second) && insn.is_ld_imm64() {
                second = true;
                if is_map && !stray(at) {
                    let map = u32::try_from(insn.imm).ok().and_then(|id| self.maps.get(&id));
                    let map = map.ok_or_else(|| format!("instruction {at} names a map that is not there"))?;
                    insn.imm = map.fd.as_raw_fd();
                }
            }
            out.extend(insn.to_bytes());
        }
        Ok(out)
    }

    fn load(
        &mut self,
        load: &ProgLoad,
        (flags, level): (u32, u32),
        log: &mut [u8],
    ) -> Result<(Answer, Option<OwnedFd>), String> {
        if load.attach_prog.is_some() {
            return Err("it attaches to another program".to_owned());
        }
        let license = CString::new(load.license.as_str()).map_err(|_| "its licence has a NUL".to_owned())?;
        let mut func_info = Vec::new();
        for info in &load.func_info {
            func_info.extend(info.insn_off.to_ne_bytes());
            func_info.extend(info.type_id.0.to_ne_bytes());
        }
        let mut line_info = Vec::new();
        for info in &load.line_info {
            let numbers = [info.insn_off, info.file_name_off, info.line_off, info.line_col];
            line_info.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
        }
        let insns = self.insns(load)?;
        let attr = ProgAttr {
            prog_type: load.prog_type,
            expected_attach_type: load.expected_attach_type,
            insns: &insns,
            license: &license,
            kern_version: load.kern_version,
            prog_flags: load.prog_flags | flags,
            name: &load.name,
            btf: self.btf(load.btf.as_ref()),
            func_info: &func_info,
            line_info: &line_info,
            attach_btf_id: load.attach_btf_id.map_or(0, |id| id.0),
            log_level: level,
        };
        if let Some(first) = log.first_mut() {
            *first = 0;
        }
        let loaded = verdict_notify::prog_load(&attr, log);
        let answer = Answer {
            errno: loaded.as_ref().err().map_or(0, |error| errno(error).0),
            log: settled(text(log).into_bytes()),
            ..Answer::default()
        };
        // The verifier itself says so only of what it has walked.
        let walked = answer.figures().is_some_and(|figures| figures.insns > 0);
        if answer.errno == Errno::EPERM.0 && !walked {
            return Err("programs of this kind may not be loaded here (EPERM)".to_owned());
        }
        Ok((answer, loaded.ok()))
    }
}

impl Bpf for Machine<'_> {
    fn btf_load(&mut self, btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        let modelled = self.session.btf_load(btf);
        let real = verdict_notify::btf_load(btf.bytes());
        let of = |error: &io::Error| errno(error);
        let (said, says) = (
            real.as_ref().map(|_| ()).map_err(of),
            modelled.as_ref().map(|_| ()),
        );
        self.note(
            "BTF of the object",
            said,
            says.map_err(|rejection| rejection.errno),
        );
        if let Ok(fd) = real {
            self.btfs.push((Arc::clone(btf), fd));
        }
        modelled.map_err(|rejection| (rejection.rule.with(rejection.errno), rejection.text))
    }

    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken> {
        let modelled = self.session.map_create(attr);
        let inner = attr.inner_map.and_then(|id| self.maps.get(&id.0));
        let type_id = |id: Option<verdict_btf::TypeId>| id.map_or(0, |id| id.0);
        let real = verdict_notify::map_create(&MapAttr {
            map_type: attr.map_type,
            key_size: attr.key_size,
            value_size: attr.value_size,
            max_entries: attr.max_entries,
            map_flags: attr.map_flags,
            inner_map: inner.map(|map| map.fd.as_fd()),
            numa_node: attr.numa_node,
            name: &attr.name,
            btf: self.btf(attr.btf.as_ref()),
            btf_key_type_id: type_id(attr.btf_key_type_id),
            btf_value_type_id: type_id(attr.btf_value_type_id),
            btf_vmlinux_value_type_id: type_id(attr.btf_vmlinux_value_type_id),
            map_extra: attr.map_extra,
        });
        let said = real.as_ref().map(|_| ()).map_err(errno);
        let says = modelled.as_ref().map(|_| ()).map_err(|broken| broken.errno);
        self.note(&format!("map '{}'", attr.name), said, says);
        let (Ok(id), Ok(fd)) = (&modelled, real) else {
            return modelled.and(Err(Rule::MapAttributes.with(said.err().unwrap_or(Errno::EINVAL))));
        };
        let is_arena = MapType::from_raw(attr.map_type) == Some(MapType::Arena);
        let page = self.session.kernel().machine.page_size as usize;
        let memory =
            is_arena.then(|| verdict_notify::map_memory(fd.as_fd(), page * attr.max_entries as usize));
        let map = RealMap {
            fd,
            sizes: (attr.key_size, attr.value_size),
            _memory: memory.and_then(Result::ok),
        };
        self.maps.insert(id.0, map);
        modelled
    }

    fn map_close(&mut self, map: MapId) {
        self.session.map_close(map);
    }

    fn map_update(&mut self, map: MapId, key: &[u8], value: MapValue) -> Result<(), Errno> {
        let modelled = self.session.map_update(map, key, &value);
        let of = |id: MapId| self.maps.get(&id.0);
        let real = match (of(map), &value) {
            (Some(to), MapValue::Bytes(bytes)) => {
                verdict_notify::map_update(to.fd.as_fd(), to.sizes, key, bytes)
            }
            (Some(to), MapValue::Map(inner)) => {
                let fd = of(*inner).map_or(-1, |map| map.fd.as_raw_fd());
                verdict_notify::map_update(to.fd.as_fd(), to.sizes, key, &fd.to_ne_bytes())
            }
            // Programs come when they are loaded, which is not waited for.
            _ => return modelled,
        };
        self.note("an element of a map", real.map_err(|e| errno(&e)), modelled);
        modelled
    }

    fn map_freeze(&mut self, map: MapId) -> Result<(), Errno> {
        let modelled = self.session.map_freeze(map);
        if let Some(map) = self.maps.get(&map.0) {
            let real = verdict_notify::map_freeze(map.fd.as_fd()).map_err(|e| errno(&e));
            self.note("freezing a map", real, modelled);
        }
        modelled
    }
}
