//! What bpf(2) itself does differently from release to release, where neither types nor symbols show it.

use crate::Kernel;

/// How a release answers commands of bpf(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Whether a map is frozen by those who may write it, so that a frozen one is not frozen again for want of rights
    /// (Linux 6.5); else by the privileged.
    pub freezes_by_rights: bool,
    /// Whether fdinfo says of which inode a descriptor is (Linux 5.14).
    pub fdinfo_has_inodes: bool,
    /// Whether fdinfo says of a link which function it is at (Linux 6.2).
    pub fdinfo_has_targets: bool,
    /// Whether other maps than arrays and plain hash tables have commands that work on many elements at once (arrays with a
    /// value for each processor Linux 5.13, maps of maps 5.15, tries 5.16).
    pub more_batches: bool,
    /// Whether a tracing program can be attached again to what it was loaded for (Linux 5.13).
    pub reattaches: bool,
    /// Whether all commands are refused to the unprivileged where BPF is closed to them; else those that make something
    /// (Linux 6.0).
    pub closes_all_commands: bool,
    /// Whether programs that decode infrared are for those who administer networks (up to 6.1).
    pub infrared_of_networks: bool,
    /// Whether a hash of maps has an element more for each CPU, as other hashes do (up to 6.12).
    pub spares_for_maps: bool,
    /// Whether a program's licence is read before anything else is looked at (up to 6.1); else after its instructions.
    pub license_first: bool,
    /// Whether a full map that forgets what is least used frees up to 128 keys at once, however small it is (up to 6.1).
    pub lru_frees_many: bool,
    /// Whether all of a caller's info about a program may be set, not only what has a name (6.18).
    pub prog_info_whole: bool,
    /// Whether programs at functions and of security have attach types of their own for `PROG_ATTACH` and its like, which
    /// takes none of them (Linux 5.19); else no program has them.
    pub attaches_tracing: bool,
    /// How many functions a link of probes may be at (`MAX_KPROBE_MULTI_CNT`, Linux 6.8); without it, as many as there is room
    /// for.
    pub most_functions: Option<u32>,
    /// Whether a program may be a callback of its own, which no loader makes: a fix that 6.1.192 and 6.12.117 have, and
    /// neither 6.12.43 nor 6.18.15, forbids it.
    pub own_callback: bool,
}

impl Calls {
    /// Linux 6.5 and later, as 6.12.117 has it.
    pub(super) const BASE: Calls = Calls {
        freezes_by_rights: true,
        fdinfo_has_inodes: true,
        fdinfo_has_targets: true,
        more_batches: true,
        reattaches: true,
        closes_all_commands: false,
        infrared_of_networks: false,
        spares_for_maps: true,
        license_first: false,
        prog_info_whole: false,
        attaches_tracing: true,
        lru_frees_many: false,
        most_functions: Some(1 << 20),
        own_callback: false,
    };
    /// 6.12.43.
    pub(super) const OF_6_12_43: Calls = Calls {
        own_callback: true,
        ..Calls::BASE
    };
    /// 6.18.15.
    pub(super) const OF_6_18: Calls = Calls {
        spares_for_maps: false,
        prog_info_whole: true,
        ..Calls::OF_6_12_43
    };
    /// 6.1.192.
    pub(super) const OF_6_1: Calls = Calls {
        freezes_by_rights: false,
        fdinfo_has_targets: false,
        infrared_of_networks: true,
        license_first: true,
        lru_frees_many: true,
        most_functions: None,
        ..Calls::BASE
    };
    /// 5.10.262.
    pub(super) const OF_5_10: Calls = Calls {
        fdinfo_has_inodes: false,
        more_batches: false,
        reattaches: false,
        attaches_tracing: false,
        closes_all_commands: true,
        ..Calls::OF_6_1
    };
}

impl Kernel {
    /// How this kernel answers commands of bpf(2).
    pub fn calls(&self) -> Calls {
        self.tables.changes.calls
    }
}
