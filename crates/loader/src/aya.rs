//! Where aya, the library of Rust programs, reads and loads objects otherwise than libbpf, whose way it follows in all else.

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::{Broken, Rule};

use crate::error::{PrepareError, strerror};
use crate::maps::Map;

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
    let own = |line: &String| {
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
        Some(line) => vec![line],
        None => {
            let own = error
                .messages
                .iter()
                .filter(|line| !line.starts_with("libbpf: failed to load object "));
            own.map(|line| line.replacen("libbpf: ", "aya: ", 1)).collect()
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
