//! What is passed to `PROG_LOAD`: read in the kernel's order, with descriptors replaced by what they are of.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use verdict_btf::TypeId;
use verdict_isa::{Insn, pseudo};
use verdict_kernel::attr::{FuncInfo, LineInfo, Misfit, MisfitOf, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_syscall::prog::{TargetFd, flags};

use crate::bpf::Asked;
use crate::maps::name;
use crate::objects::{Body, Handle, Kind, Open};
use crate::play::Play;
use crate::sha1;

/// The most bytes of a licence, its NUL among them.
const LICENSE: usize = 127;

/// The most bytes of a record.
const MOST_RECORD: u32 = 252;

/// A program as it is passed, with its maps and BTF found.
pub(crate) struct Passed {
    pub(crate) load: ProgLoad,
    pub(crate) maps: Vec<Handle>,
    pub(crate) btf: Option<Handle>,
    pub(crate) target: Option<Handle>,
    pub(crate) tag: [u8; 8],
}

/// The program that another one attaches to.
type Target = (Option<verdict_kernel::attr::ProgId>, Option<Handle>);

impl Play<'_> {
    /// What is passed, as far as it can be read.
    pub(crate) fn passed(&mut self, asked: &Asked<'_>) -> Result<Passed, Errno> {
        let attr = &asked.attr;
        let first = self.kernel.calls().license_first;
        if attr.u32("prog_flags") & flags::TOKEN_FD != 0 && attr.field("prog_token_fd").is_some() {
            return Err(self.no_token(asked, "prog_token_fd"));
        }
        if !self.kernel.knows_prog_flags(attr.u32("prog_flags")) {
            return Err(Errno::EINVAL);
        }
        let early = if first { license(asked)? } else { None };
        let (found, target) = self.attach_target(asked);
        // Before Linux 5.11 it is looked up once it is known that the program's type may have one.
        let (found, late) = match found {
            Err(errno) if attr.field("attach_btf_obj_fd").is_none() => (Ok(TargetFd::Program), Some(errno)),
            found => (found, None),
        };
        let (attach_prog, target) = target.unwrap_or_default();
        let btf = self.handle_of(
            self.objects.of(asked.call.task, attr.fd("prog_btf_fd")),
            Kind::Btf,
        );
        let attach_btf_id = attr.u32("attach_btf_id");
        let mut load = ProgLoad {
            name: name(attr.raw("prog_name")),
            prog_type: attr.u32("prog_type"),
            expected_attach_type: attr.u32("expected_attach_type"),
            insns: Vec::new(),
            license: String::new(),
            kern_version: attr.u32("kern_version"),
            prog_flags: attr.u32("prog_flags"),
            prog_ifindex: attr.u32("prog_ifindex"),
            attach_btf_id: (attach_btf_id != 0).then_some(TypeId(attach_btf_id)),
            attach_prog,
            btf: btf
                .and_then(|btf| self.types_of(btf))
                .map(|btf| Arc::clone(&btf.btf)),
            func_info: Vec::new(),
            line_info: Vec::new(),
            stray_fds: Vec::new(),
            odd_fds: Vec::new(),
            misfit: None,
        };
        let count = attr.u32("insn_cnt") as usize;
        if let Err(error) = self.session.prog_admit(&load, count, found) {
            return Err(self.not_loaded(load, error));
        }
        if let Some(errno) = late {
            return Err(errno);
        }
        let bytes = asked.read(attr.u64("insns"), count.saturating_mul(Insn::SIZE))?;
        let insns = bytes.as_chunks().0.iter();
        load.insns = insns.map(|insn| Insn::from_bytes(*insn)).collect();
        let license = if first { early } else { license(asked)? };
        load.license = license.map_or_else(String::new, |text| String::from_utf8_lossy(&text).into_owned());
        self.check_signature(asked)?;
        let tag = self.tag(&load.insns);
        let maps = self.resolve(asked, &mut load);
        let mut passed = Passed {
            load,
            maps,
            btf,
            target,
            tag,
        };
        passed.load.misfit = match self.maps_beside(asked, &mut passed) {
            Some(stray) => Some(stray),
            None => self.records(asked, &mut passed),
        };
        Ok(passed)
    }

    /// The signature of a program (`bpf_prog_verify_signature`, Linux 6.18): one that is none is refused, one that may be
    /// valid is not modelled.
    fn check_signature(&mut self, asked: &Asked<'_>) -> Result<(), Errno> {
        /// The most bytes (`KMALLOC_MAX_CACHE_SIZE`), the kernel's own keyrings, the tag that a message begins with.
        const MOST: u32 = 1 << 13;
        const KEYRINGS: u32 = 2;
        const SEQUENCE: u8 = 0x30;
        let (at, size) = (asked.attr.u64("signature"), asked.attr.u32("signature_size"));
        if at == 0 {
            return Ok(());
        }
        let keyring = asked.attr.u32("keyring_id");
        if size > MOST {
            return Err(Errno::EINVAL);
        }
        if keyring > KEYRINGS {
            return self.unmodelled(asked.name, "keyrings of users", Errno::EINVAL);
        }
        let read = asked.read(at, size as usize);
        match read.map_err(|_| Errno::ENOMEM)?.first() {
            Some(&SEQUENCE) => self.unmodelled(asked.name, "signatures of programs", Errno::EKEYREJECTED),
            _ => Err(Errno::EBADMSG),
        }
    }

    /// What this program attaches to (`attach_prog_fd`, which is `attach_btf_obj_fd`, too): what it is, or that it is nothing
    /// that will do, and the program.
    fn attach_target(&mut self, asked: &Asked<'_>) -> (Result<TargetFd, Errno>, Option<Target>) {
        let fd = asked.attr.fd("attach_prog_fd");
        if fd == 0 {
            return (Ok(TargetFd::Nothing), None);
        }
        let open = self.objects.of(asked.call.task, fd);
        if let Some(handle) = self.handle_of(open, Kind::Prog) {
            let found = match self.objects.get(handle).map(|object| &object.body) {
                Some(Body::Prog(prog)) => (Arc::clone(&prog.loaded), prog.place),
                _ => return (Err(Errno::EINVAL), None),
            };
            let place = found.1.unwrap_or_else(|| self.session.add_program(found.0));
            if let Some(Body::Prog(prog)) = self.objects.get_mut(handle).map(|object| &mut object.body) {
                prog.place = Some(place);
            }
            return (Ok(TargetFd::Program), Some((Some(place), Some(handle))));
        }
        // Before Linux 5.11 it is of programs alone.
        if asked.attr.field("attach_btf_obj_fd").is_none() {
            let closed = open == Open::Closed;
            return (Err(if closed { Errno::EBADF } else { Errno::EINVAL }), None);
        }
        let found = match self.handle_of(open, Kind::Btf) {
            Some(btf) if self.types_of(btf).is_some() => Err(Errno::ENOTSUPP),
            Some(_) => Ok(TargetFd::KernelTypes),
            None => Err(Errno::EINVAL),
        };
        (found, None)
    }

    /// The maps that are passed beside the program (`process_fd_array`), where the kernel takes any.
    fn maps_beside(&self, asked: &Asked<'_>, passed: &mut Passed) -> Option<Misfit> {
        let misfit = |errno, words| Misfit {
            of: MisfitOf::Maps,
            funcs: 0,
            errno,
            words,
        };
        let count = asked.attr.u32("fd_array_cnt");
        if count >= u32::MAX / 4 {
            let words = format!("fd_array_cnt is too big ({count})\n");
            return Some(misfit(Errno::EINVAL, words));
        }
        let mut maps = Vec::new();
        for index in 0..count {
            let place = asked.attr.u64("fd_array").wrapping_add(4 * u64::from(index));
            let Ok(bytes) = asked.read(place, 4) else {
                return Some(misfit(Errno::EFAULT, String::new()));
            };
            let fd = i32_of(&bytes);
            let open = self.objects.of(asked.call.task, fd);
            if let Some(map) = self.handle_of(open, Kind::Map) {
                if !maps.contains(&map) {
                    maps.push(map);
                }
                let most = self.kernel.limits.used_maps;
                if maps.len() > most as usize {
                    let words =
                        format!("The total number of maps per program has reached the limit of {most}\n");
                    return Some(misfit(Errno::E2BIG, words));
                }
            } else if self.handle_of(open, Kind::Btf).is_none() {
                let closed = open == Open::Closed;
                let words = format!("fd {fd} is not pointing to valid bpf_map or btf\n");
                return Some(misfit(if closed { Errno::EBADF } else { Errno::EINVAL }, words));
            }
        }
        let others = std::mem::take(&mut passed.maps);
        let more: Vec<Handle> = others.into_iter().filter(|map| !maps.contains(map)).collect();
        maps.extend(more);
        passed.maps = maps;
        None
    }

    /// Puts the maps' numbers in the place of descriptors, and notes instructions whose descriptors are of no map. Gives the
    /// maps.
    fn resolve(&self, asked: &Asked<'_>, load: &mut ProgLoad) -> Vec<Handle> {
        let mut maps = Vec::new();
        let insns = &mut load.insns;
        let fds = asked.attr.u64("fd_array");
        let mut at = 0;
        while let Some(insn) = insns.get(at).copied() {
            if !insn.is_ld_imm64() {
                at += 1;
                continue;
            }
            let indexed = matches!(insn.src, pseudo::MAP_IDX | pseudo::MAP_IDX_VALUE);
            let of_map = indexed && fds != 0 || matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE);
            if of_map {
                let src = match insn.src {
                    pseudo::MAP_IDX => pseudo::MAP_FD,
                    pseudo::MAP_IDX_VALUE => pseudo::MAP_VALUE,
                    other => other,
                };
                let place = fds.wrapping_add(4_u64.wrapping_mul(insn.imm as u64));
                let fd = match indexed {
                    true => asked.read(place, 4).map(|bytes| i32_of(&bytes)),
                    false => Ok(insn.imm),
                };
                let Ok(fd) = fd else {
                    load.stray_fds.push(at as u32);
                    load.odd_fds.push((at as u32, Errno::EFAULT));
                    if let Some(insn) = insns.get_mut(at) {
                        insn.src = src;
                    }
                    at += 2;
                    continue;
                };
                let open = self.objects.of(asked.call.task, fd);
                let map = self.handle_of(open, Kind::Map);
                let id = map.and_then(|map| self.map_id(map));
                match (map, id) {
                    (Some(map), Some(id)) => {
                        if !maps.contains(&map) {
                            maps.push(map);
                        }
                        if let Some(insn) = insns.get_mut(at) {
                            (insn.imm, insn.src) = (id.0 as i32, src);
                        }
                    }
                    _ => {
                        if let Some(insn) = insns.get_mut(at) {
                            (insn.imm, insn.src) = (fd, src);
                        }
                        load.stray_fds.push(at as u32);
                        if open != Open::Closed {
                            load.odd_fds.push((at as u32, Errno::EINVAL));
                        }
                    }
                }
            } else if insn.src == pseudo::BTF_ID {
                self.resolve_types(asked, insns.get_mut(at + 1));
            }
            at += 2;
        }
        maps
    }

    /// The kernel's own BTF is named by 0, too.
    fn resolve_types(&self, asked: &Asked<'_>, second: Option<&mut Insn>) {
        let Some(second) = second.filter(|second| second.imm != 0) else {
            return;
        };
        let btf = self.handle_of(self.objects.of(asked.call.task, second.imm), Kind::Btf);
        if btf.is_some_and(|btf| self.types_of(btf).is_none()) {
            second.imm = 0;
        }
    }

    /// The tag of a program (`bpf_prog_calc_tag`): of its instructions without descriptors of maps.
    fn tag(&self, insns: &[Insn]) -> [u8; 8] {
        let mut bytes = Vec::with_capacity(insns.len() * Insn::SIZE);
        let mut second = false;
        for insn in insns {
            let first = insn.is_ld_imm64() && matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE);
            let blank = first || (second && insn.code == 0);
            let imm = if blank { 0 } else { insn.imm };
            bytes.extend(Insn { imm, ..*insn }.to_bytes());
            second = first;
        }
        // Since Linux 6.18 by SHA-256, whose digest a program has room for.
        let digest = crate::layout::Layout::of(&self.kernel.btf, verdict_btf::Kind::Struct, "bpf_prog");
        if digest.field("digest").is_some_and(|(_, size)| size == 32) {
            let sum = Sha256::digest(&bytes);
            return sum.first_chunk::<8>().copied().unwrap_or_default();
        }
        sha1::tag(&bytes)
    }

    /// Reads function and line records, up to one whose form is wrong.
    fn records(&self, asked: &Asked<'_>, passed: &mut Passed) -> Option<Misfit> {
        let attr = &asked.attr;
        let (funcs, lines) = (attr.u32("func_info_cnt"), attr.u32("line_info_cnt"));
        if funcs == 0 && lines == 0 {
            return None;
        }
        let misfit = |of, (errno, words): (Errno, String)| Misfit {
            of,
            funcs: funcs as usize,
            errno,
            words,
        };
        let btf = match self.objects.of(asked.call.task, attr.fd("prog_btf_fd")) {
            Open::Closed => Err(Errno::EBADF),
            Open::Other => Err(Errno::EINVAL),
            Open::Object(..) => match passed.btf.map(|btf| self.types_of(btf).is_some()) {
                None => Err(Errno::EINVAL),
                Some(false) => Err(Errno::EACCES),
                Some(true) => Ok(()),
            },
        };
        if let Err(errno) = btf {
            return Some(misfit(MisfitOf::Btf, (errno, String::new())));
        }
        // More records than instructions are too many in any case.
        let most = passed.load.insns.len() + 1;
        let load = &mut passed.load;
        let read = each_record(
            asked,
            ["func_info", "func_info_rec_size"],
            funcs,
            most,
            FUNC,
            |record| {
                let [insn_off, type_id] = words(record);
                let type_id = TypeId(type_id);
                load.func_info.push(FuncInfo { insn_off, type_id });
            },
        );
        if let Err(wrong) = read {
            return Some(misfit(MisfitOf::Funcs, wrong));
        }
        let read = each_record(
            asked,
            ["line_info", "line_info_rec_size"],
            lines,
            most,
            LINE,
            |record| {
                let [insn_off, file_name_off, line_off, line_col] = words(record);
                load.line_info.push(LineInfo {
                    insn_off,
                    file_name_off,
                    line_off,
                    line_col,
                });
            },
        );
        read.err().map(|wrong| misfit(MisfitOf::Lines, wrong))
    }
}

/// The licence of a program; nothing where it does not end.
fn license(asked: &Asked<'_>) -> Result<Option<Vec<u8>>, Errno> {
    let text = asked.call.task.read_string(asked.attr.u64("license"), LICENSE);
    text.map_err(Errno)
}

/// A kind of records.
#[derive(Clone, Copy)]
struct Records {
    /// Bytes of what is known of one.
    known: u32,
    /// The words for a size that none has.
    size: fn(u32) -> String,
    /// The words for something behind what is known.
    tail: &'static str,
}

const FUNC: Records = Records {
    known: 8,
    size: |size| format!("invalid func info rec size {size}"),
    tail: "nonzero tailing record in func info",
};
const LINE: Records = Records {
    known: 16,
    size: |_| String::new(),
    tail: "nonzero tailing record in line_info",
};

/// Reads so many records, but not more than `most`, up to one that is wrong: with what errno and words it is refused.
fn each_record(
    asked: &Asked<'_>,
    [at, size]: [&str; 2],
    count: u32,
    most: usize,
    records: Records,
    mut take: impl FnMut(&[u8]),
) -> Result<(), (Errno, String)> {
    if count == 0 {
        return Ok(());
    }
    let (at, size) = (asked.attr.u64(at), asked.attr.u32(size));
    if !(records.known..=MOST_RECORD).contains(&size) || !size.is_multiple_of(4) {
        return Err((Errno::EINVAL, (records.size)(size)));
    }
    for index in 0..u64::from(count).min(most as u64) {
        let place = at.wrapping_add(index * u64::from(size));
        let record = asked
            .read(place, size as usize)
            .map_err(|errno| (errno, String::new()))?;
        if record.iter().skip(records.known as usize).any(|byte| *byte != 0) {
            return Err((Errno::E2BIG, records.tail.to_owned()));
        }
        take(&record);
    }
    Ok(())
}

/// The number at the beginning of some bytes.
fn i32_of(bytes: &[u8]) -> i32 {
    bytes
        .first_chunk::<4>()
        .map_or(-1, |word| i32::from_le_bytes(*word))
}

fn words<const N: usize>(record: &[u8]) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(record.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}
