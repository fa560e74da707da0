//! `OBJ_GET_INFO_BY_FD` of programs.

use verdict_isa::{Insn, pseudo};
use verdict_kernel::attr::object_name_bytes;
use verdict_kernel::errno::Errno;
use verdict_syscall::Prog;

use crate::bpf::Asked;
use crate::layout::Fields;
use crate::objects::{Body, ProgBody};
use crate::play::Play;

/// The records that are told, and how large one is: of functions, lines, and lines of machine code.
const RECORDS: [(&str, u32); 3] = [("func_info", 8), ("line_info", 16), ("jited_line_info", 8)];

/// A caller that is told of a program.
struct Telling<'t, 'l> {
    asked: &'t Asked<'t>,
    body: &'t ProgBody,
    /// What it passed.
    asks: &'t Fields<'t>,
    /// What it is told.
    info: &'t mut Fields<'l>,
}

impl Telling<'_, '_> {
    /// Copies as many of these as there is room for, each of so many bytes, and says how many there are.
    fn tell(&mut self, (count, at): (&str, &str), bytes: &[u8], size: usize) -> Result<(), Errno> {
        let wanted = (self.asks.u32(count) as usize).saturating_mul(size);
        let room = wanted.min(bytes.len());
        self.info.set(count, (bytes.len() / size) as u64);
        self.asked
            .write(self.asks.u64(at), bytes.get(..room).unwrap_or_default())
    }

    /// Sizes of records are told, and must be these where they are given.
    fn tell_sizes(&mut self) -> Result<(), Errno> {
        for (name, size) in RECORDS {
            let (count, given) = (format!("nr_{name}"), format!("{name}_rec_size"));
            if (self.asks.u32(&count) != 0 || self.asks.u32(&given) != 0) && self.asks.u32(&given) != size {
                return Err(Errno::EINVAL);
            }
            self.info.set(&given, size.into());
        }
        Ok(())
    }

    /// Says how many there are of what is not told, and looks whether there is room for as many as are wanted.
    fn keep_back(&mut self, (count, at): (&str, &str), all: u64, size: u64) -> Result<(), Errno> {
        let wanted = u64::from(self.asks.u32(count)).min(all);
        self.asked
            .read(self.asks.u64(at), wanted.saturating_mul(size) as usize)?;
        if wanted != 0 {
            self.info.set(at, 0);
        }
        self.info.set(count, all);
        Ok(())
    }

    /// Machine code is not told, as by a kernel that hides addresses; but who asks for it must have room.
    fn tell_machine_code(&mut self, jit: bool) -> Result<(), Errno> {
        self.info.set("jited_prog_len", 0);
        if !jit {
            return Ok(());
        }
        let functions = self.body.functions.max(1) as u64;
        let lines = self.body.loaded.prog.line_info.len() as u64;
        self.keep_back(("jited_prog_len", "jited_prog_insns"), 1, 1)?;
        // How many bytes is not known.
        self.info.set("jited_prog_len", 0);
        self.keep_back(("nr_jited_ksyms", "jited_ksyms"), functions, 8)?;
        self.keep_back(("nr_jited_func_lens", "jited_func_lens"), functions, 4)?;
        self.keep_back(("nr_jited_line_info", "jited_line_info"), lines, 8)
    }

    /// What it is, and what it has done, which is nothing.
    fn tell_itself(&mut self) {
        let (body, info) = (self.body, &mut *self.info);
        let prog = &body.loaded.prog;
        info.set("type", body.prog_type().raw().into());
        info.set_bytes("tag", &body.tag);
        let mut name = object_name_bytes(&prog.name);
        name.resize(crate::maps::NAME, 0);
        info.set_bytes("name", &name);
        info.set("created_by_uid", 0);
        // A bit of its own; it is the first of its four bytes.
        info.set_bytes("gpl_compatible", &[u8::from(prog.gpl_compatible), 0, 0, 0]);
        info.set("load_time", body.loaded_at);
        info.set("verified_insns", body.verified_insns.into());
        for name in ["run_time_ns", "run_cnt", "recursion_misses"] {
            info.set(name, 0);
        }
    }
}

impl Play<'_> {
    /// `bpf_prog_get_info_by_fd`. Instructions and records are those that were loaded, not yet rewritten; of machine code only
    /// whether the caller has room for it is looked at.
    pub(crate) fn prog_info(
        &self,
        asked: &Asked<'_>,
        body: &ProgBody,
        asks: &Fields<'_>,
        info: &mut Fields<'_>,
    ) -> Result<(), Errno> {
        let prog = &body.loaded.prog;
        let mut telling = Telling {
            asked,
            body,
            asks,
            info,
        };
        telling.tell_itself();
        let maps = body.maps.iter().filter_map(|map| self.objects.get(*map));
        let ids: Vec<u8> = maps.flat_map(|map| map.id.to_le_bytes()).collect();
        telling.tell(("nr_map_ids", "map_ids"), &ids, 4)?;
        telling.tell_sizes()?;
        let btf = body.btf.and_then(|btf| self.objects.get(btf));
        if let Some(btf) = btf.filter(|_| prog.btf.is_some()) {
            telling.info.set("btf_id", btf.id.into());
        }
        let insns = self.told_insns(body);
        telling.tell(("xlated_prog_len", "xlated_prog_insns"), &insns, 1)?;
        telling.tell_machine_code(self.kernel.machine.jit.enabled)?;
        self.tell_target(body, telling.info);
        telling.tell(("nr_func_info", "func_info"), &func_records(prog), 8)?;
        telling.tell(("nr_line_info", "line_info"), &line_records(prog), 16)?;
        let tags = ("nr_prog_tags", "prog_tags");
        match body.functions {
            0 | 1 => telling.tell(tags, &body.tag, body.tag.len()),
            // They are of rewritten instructions.
            functions => telling.keep_back(tags, functions as u64, body.tag.len() as u64),
        }
    }

    /// The instructions as they were loaded, with maps by their ids (`bpf_insn_prepare_dump`).
    fn told_insns(&self, body: &ProgBody) -> Vec<u8> {
        let id_of = |number: i32| {
            let mut maps = body.maps.iter();
            let map = maps.find(|map| self.map_id(**map).is_some_and(|id| id.0 as i32 == number));
            map.and_then(|map| self.objects.get(*map)).map_or(0, |map| map.id)
        };
        let told = body.loaded.prog.insns.iter().map(|insn| {
            let of_map = insn.is_ld_imm64() && matches!(insn.src, pseudo::MAP_FD | pseudo::MAP_VALUE);
            let imm = if of_map { id_of(insn.imm) as i32 } else { insn.imm };
            Insn { imm, ..*insn }.to_bytes()
        });
        told.flatten().collect()
    }

    fn tell_target(&self, body: &ProgBody, info: &mut Fields<'_>) {
        let prog = &body.loaded.prog;
        info.set("attach_btf_id", prog.attach_btf_id.map_or(0, |id| id.0).into());
        if prog.attach_btf_id.is_some() {
            let target = body
                .target
                .and_then(|target| match &self.objects.get(target)?.body {
                    Body::Prog(target) => self.objects.get(target.btf?).map(|btf| btf.id),
                    _ => None,
                });
            info.set("attach_btf_obj_id", target.unwrap_or(1).into());
        }
    }
}

fn func_records(prog: &Prog) -> Vec<u8> {
    let records = prog.func_info.iter();
    let words = records.flat_map(|record| [record.insn_off, record.type_id.0]);
    words.flat_map(u32::to_le_bytes).collect()
}

fn line_records(prog: &Prog) -> Vec<u8> {
    let records = prog.line_info.iter();
    let words = records.flat_map(|line| [line.insn_off, line.file_name_off, line.line_off, line.line_col]);
    words.flat_map(u32::to_le_bytes).collect()
}
