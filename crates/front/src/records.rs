//! What happened in a run: what was made of maps, BTF and programs, and what was refused because it is not modelled.

use std::sync::Arc;

use verdict::kernel::attr::{LineInfo, ProgLoad};
use verdict_engine::Outcome;
use verdict_kernel::errno::Errno;
use verdict_syscall::Prog;
use verdict_syscall::prog::LoadError;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// The command of bpf(2), without `BPF_`, or another system call.
    pub call: &'static str,
    /// To what.
    pub what: What,
    /// How it ended; `None`: well.
    pub errno: Option<Errno>,
}

/// To what something happened.
#[derive(Clone, Debug)]
pub enum What {
    /// A map: name, type, sizes of keys and values, number of elements.
    Map {
        /// Name.
        name: String,
        /// Type, as libbpf calls it; its number, if there is no such type.
        map_type: String,
        /// Bytes of a key, bytes of a value, number of elements.
        sizes: [u32; 3],
    },
    /// A BTF of so many bytes; what the kernel says last if it refuses it.
    Btf(usize, String),
    /// A program.
    Prog(Box<Loaded>),
    /// Something that is not modelled.
    Unmodelled(String),
}

impl What {
    /// Bytes that it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let words = match self {
            What::Map { name, map_type, .. } => name.len() + map_type.len(),
            What::Btf(_, words) | What::Unmodelled(words) => words.len(),
            // As it was passed, and as it was admitted.
            What::Prog(loaded) => {
                let load = &loaded.load;
                let records = load.func_info.len() + load.line_info.len();
                2 * (size_of_val(load.insns.as_slice()) + records * size_of::<LineInfo>())
            }
        };
        words + size_of::<Happened>()
    }
}

/// A program that was handed to the kernel.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// With what.
    pub load: ProgLoad,
    /// How far it came.
    pub end: Result<(Arc<Prog>, Outcome), LoadError>,
    /// What `BPF_PROG_LOAD` returned is no verdict on the program: its log was too long, say.
    pub beside: Option<Errno>,
}

/// Names that libraries give to programs by which they find out what a kernel can do.
const PROBES: &[&str] = &[
    "libbpf_nametest",
    "libbpf_det_bind",
    "det_arg_ctx",
    "feature_test",
    "aya_name_check",
    "test",
];

/// How long such programs are at most.
const PROBE_INSNS: usize = 16;

impl Loaded {
    /// Whether it looks like one that a library loads to find out what a kernel can do: short, and without a name or with one
    /// that libraries use for that.
    pub fn is_probe(&self) -> bool {
        let name = self.load.name.as_str();
        self.load.insns.len() <= PROBE_INSNS && (name.is_empty() || PROBES.contains(&name))
    }

    /// Whether it was loaded.
    pub fn is_accepted(&self) -> bool {
        let accepted = |outcome: &Outcome| outcome.verdict == verdict_engine::Verdict::Accepted;
        matches!(&self.end, Ok((_, outcome)) if accepted(outcome))
    }
}
