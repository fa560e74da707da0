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
        info.set("type", body.prog_type().raw().into());
        info.set_bytes("tag", &body.tag);
        let mut name = object_name_bytes(&prog.name);
        name.resize(crate::maps::NAME, 0);
        info.set_bytes("name", &name);
        info.set("created_by_uid", 0);
        // A bit of its own; it is the first of its four bytes.
        info.set_bytes("gpl_compatible", &[u8::from(prog.gpl_compatible), 0, 0, 0]);
        info.set("load_time", body.loaded_at);
        for name in ["run_time_ns", "run_cnt", "recursion_misses"] {
            info.set(name, 0);
        }
        self.tell_maps(asked, body, asks, info)?;
        for (name, size) in RECORDS {
            let (count, given) = (format!("nr_{name}"), format!("{name}_rec_size"));
            if (asks.u32(&count) != 0 || asks.u32(&given) != 0) && asks.u32(&given) != size {
                return Err(Errno::EINVAL);
            }
            info.set(&given, size.into());
        }
        info.set("verified_insns", body.verified_insns.into());
        let btf = body.btf.and_then(|btf| self.objects.get(btf));
        let btf = btf.filter(|_| prog.btf.is_some());
        if let Some(btf) = btf {
            info.set("btf_id", btf.id.into());
        }
        let insns = self.told_insns(body);
        tell(
            asked,
            asks,
            info,
            ("xlated_prog_len", "xlated_prog_insns"),
            &insns,
            1,
        )?;
        self.tell_machine_code(asked, body, asks, info)?;
        self.tell_target(body, info);
        let (funcs, lines) = (func_records(prog), line_records(prog));
        tell(asked, asks, info, ("nr_func_info", "func_info"), &funcs, 8)?;
        tell(asked, asks, info, ("nr_line_info", "line_info"), &lines, 16)?;
        let tag = if functions(body) == 1 { &body.tag[..] } else { &[] };
        tell(
            asked,
            asks,
            info,
            ("nr_prog_tags", "prog_tags"),
            tag,
            tag.len().max(1),
        )
    }

    fn tell_maps(
        &self,
        asked: &Asked<'_>,
        body: &ProgBody,
        asks: &Fields<'_>,
        info: &mut Fields<'_>,
    ) -> Result<(), Errno> {
        let maps = body.maps.iter().filter_map(|map| self.objects.get(*map));
        let ids: Vec<u8> = maps.flat_map(|map| map.id.to_le_bytes()).collect();
        tell(asked, asks, info, ("nr_map_ids", "map_ids"), &ids, 4)
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

    /// Machine code is not told, as by a kernel that hides addresses; but who asks for it must have room.
    fn tell_machine_code(
        &self,
        asked: &Asked<'_>,
        body: &ProgBody,
        asks: &Fields<'_>,
        info: &mut Fields<'_>,
    ) -> Result<(), Errno> {
        info.set("jited_prog_len", 0);
        if !self.kernel.machine.jit.enabled {
            return Ok(());
        }
        let funcs = functions(body) as u64;
        let lines = body.loaded.prog.line_info.len() as u64;
        let told = [
            ("jited_prog_len", "jited_prog_insns", 1, 1),
            ("nr_jited_ksyms", "jited_ksyms", funcs, 8),
            ("nr_jited_func_lens", "jited_func_lens", funcs, 4),
            ("nr_jited_line_info", "jited_line_info", lines, 8),
        ];
        for (count, at, all, size) in told {
            let wanted = u64::from(asks.u32(count)).min(all);
            asked.read(asks.u64(at), (wanted * size) as usize)?;
            if wanted != 0 {
                info.set(at, 0);
            }
            if count != "jited_prog_len" {
                info.set(count, all);
            }
        }
        Ok(())
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

/// How many functions a program has.
fn functions(body: &ProgBody) -> usize {
    body.loaded.funcs.len().max(1)
}

/// Copies as many of these as the caller has room for, each of so many bytes, and says how many there are.
fn tell(
    asked: &Asked<'_>,
    asks: &Fields<'_>,
    info: &mut Fields<'_>,
    (count, at): (&str, &str),
    bytes: &[u8],
    size: usize,
) -> Result<(), Errno> {
    let room = (asks.u32(count) as usize).saturating_mul(size).min(bytes.len());
    info.set(count, (bytes.len() / size) as u64);
    asked.write(asks.u64(at), bytes.get(..room).unwrap_or_default())
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
