//! Where aya, the library of Rust programs, reads and loads objects otherwise than libbpf, whose way it follows in all else.

use std::sync::Arc;

use verdict_btf::{Btf, Kind};
use verdict_isa::Insn;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, Rule};

use crate::elf::{Elf, Symbol};
use crate::error::{PrepareError, strerror};
use crate::insn::{self, INSN_SIZE};
use crate::maps::Map;
use crate::program::{Program, RelocKind};

/// Section names: what stands before the first slash, and what may follow it; without anything listed, all may.
const SECTIONS: &[(&str, &[&str])] = &[
    ("kprobe", &[]),
    ("kretprobe", &[]),
    ("uprobe", &[]),
    ("uprobe.s", &[]),
    ("uretprobe", &[]),
    ("uretprobe.s", &[]),
    ("xdp", &["", "cpumap", "devmap"]),
    ("xdp.frags", &["", "cpumap", "devmap"]),
    ("tp_btf", &[]),
    ("tracepoint", &[]),
    ("tp", &[]),
    ("socket", &[]),
    ("sk_msg", &[]),
    ("sk_skb", &["stream_parser", "stream_verdict"]),
    ("sockops", &[]),
    ("classifier", &[]),
    ("cgroup_skb", &["ingress", "egress"]),
    (
        "cgroup",
        &[
            "skb",
            "sysctl",
            "dev",
            "getsockopt",
            "setsockopt",
            "sock",
            "post_bind4",
            "post_bind6",
            "sock_create",
            "sock_release",
            "bind4",
            "bind6",
            "connect4",
            "connect6",
            "getpeername4",
            "getpeername6",
            "getsockname4",
            "getsockname6",
            "sendmsg4",
            "sendmsg6",
            "recvmsg4",
            "recvmsg6",
        ],
    ),
    ("lirc_mode2", &[]),
    ("perf_event", &[]),
    ("raw_tp", &[]),
    ("raw_tracepoint", &[]),
    ("lsm", &[]),
    ("lsm.s", &[]),
    ("fentry", &[]),
    ("fentry.s", &[]),
    ("fexit", &[]),
    ("fexit.s", &[]),
    ("freplace", &[]),
    ("sk_lookup", &[]),
];

/// Types of maps that it has something for.
const MAPS: [MapType; 20] = [
    MapType::Array,
    MapType::PercpuArray,
    MapType::ProgArray,
    MapType::Hash,
    MapType::LruHash,
    MapType::PercpuHash,
    MapType::LruPercpuHash,
    MapType::PerfEventArray,
    MapType::Ringbuf,
    MapType::Sockhash,
    MapType::Sockmap,
    MapType::BloomFilter,
    MapType::LpmTrie,
    MapType::Stack,
    MapType::StackTrace,
    MapType::Queue,
    MapType::Cpumap,
    MapType::Devmap,
    MapType::DevmapHash,
    MapType::Xskmap,
];

/// Whether a section name is one of a program.
pub(crate) fn knows_section(name: &str) -> bool {
    let mut pieces = name.split('/');
    let kind = pieces.next().unwrap_or_default();
    let next = pieces.next().unwrap_or_default();
    let row = SECTIONS.iter().find(|(known, _)| *known == kind);
    row.is_some_and(|(_, rest)| rest.is_empty() || rest.contains(&next))
}

/// That a section name is none.
pub(crate) fn unknown_section(name: &str) -> String {
    format!("aya: error parsing BPF object: invalid program section `{name}`")
}

/// A section that it cannot read: one with plain definitions of maps of which one has no name, or one that has no size.
pub(crate) fn refused_section(
    elf: &Elf<'_>,
    of_structs: &[usize],
    btf: Option<&Btf>,
) -> Option<(Rule, String)> {
    let is_in = |symbol: &&Symbol| of_structs.contains(&usize::from(symbol.shndx));
    if elf.symbols.iter().filter(is_in).any(Symbol::is_section) {
        let words = "aya: error parsing BPF object: error parsing map ``";
        return Some((Rule::MapDefinition, words.to_owned()));
    }
    let mut sections = btf?
        .types()
        .filter(|ty| ty.kind() == Kind::DataSec && ty.size() == 0);
    let lost = sections.find(|ty| elf.section_by_name(ty.name()).is_none())?;
    let words = format!(
        "aya: BTF error: Unable to determine the size of section `{}`",
        lost.name()
    );
    Some((Rule::ObjectBtf, words))
}

/// The first call of a program that leads to no function of the object.
pub(crate) fn lost_call(prog: &Program, insns: &[Insn]) -> Option<usize> {
    let leads = |at: usize| {
        let reloc = prog.relocs.iter().find(|reloc| reloc.insn == at);
        reloc.is_none_or(|reloc| matches!(reloc.kind, RelocKind::Call(_) | RelocKind::SubprogAddr(_)))
    };
    let mut calls = insns
        .iter()
        .enumerate()
        .filter(|(_, insn)| insn::is_pseudo_call(insn));
    // At its own beginning a program finds itself.
    calls.find(|(at, _)| *at != 0 && !leads(*at)).map(|(at, _)| at)
}

/// What it says of such a call, at an instruction of its section.
pub(crate) fn no_function(name: &str, insn: usize) -> String {
    let at = insn as u64 * INSN_SIZE;
    format!(
        "aya: error relocating function: error relocating `{name}`: function {at:#x} not found while relocating `{name}`"
    )
}

/// Changes maps before they are created.
pub(crate) fn adjust(maps: &mut [Map], cpus: u32) {
    for map in maps {
        let def = &mut map.def;
        if def.is(MapType::PerfEventArray) && (def.max_entries == 0 || def.max_entries > cpus) {
            def.max_entries = cpus;
        }
        if def.is(MapType::Ringbuf) {
            // Such a map is created without types, so that it gets them nowhere.
            (def.key_type, def.value_type) = (None, None);
        }
    }
}

/// The first map of a type that it refuses once the map is created.
pub(crate) fn refused_map(maps: &[Map]) -> Option<(Broken, String)> {
    let is_known = |map: &Map| MAPS.iter().any(|ty| map.def.is(*ty));
    let map = maps.iter().find(|map| !is_known(map))?;
    let words = format!("aya: map error: Unsupported map type found {}", map.def.map_type);
    Some((Rule::MapDefinition.with(Errno(0)), words))
}

/// An error of loading in its words, as far as it says something else than libbpf.
pub(crate) fn in_its_words(error: PrepareError) -> PrepareError {
    let own = |line: &Arc<str>| {
        let name = line
            .strip_prefix("libbpf: map '")?
            .split_once("': failed to create: ")?
            .0;
        let (said, errno) = (strerror(error.errno), error.errno.0);
        Some(format!(
            "aya: map error: failed to create map `{name}` with code -1: {said} (os error {errno})"
        ))
    };
    let found = error.messages.iter().find_map(own);
    let messages = match found {
        Some(line) => vec![line.into()],
        None => {
            let own = error
                .messages
                .iter()
                .filter(|line| !line.starts_with("libbpf: failed to load object "));
            own.map(|line| line.replacen("libbpf: ", "aya: ", 1).into())
                .collect()
        }
    };
    PrepareError { messages, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_names() {
        for known in [
            "xdp",
            "xdp/devmap",
            "classifier/x",
            "kprobe",
            "cgroup/skb/x",
            "sk_skb/stream_parser",
        ] {
            assert!(knows_section(known), "{known}");
        }
        for unknown in [
            "tc",
            "xdp/other",
            "cgroup",
            "cgroup/skb2",
            "sk_skb",
            "iter/task",
            "?xdp",
        ] {
            assert!(!knows_section(unknown), "{unknown}");
        }
    }
}
