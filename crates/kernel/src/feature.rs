//! Kernel configuration options that decide which helpers and hooks exist.

macro_rules! features {
    ($($variant:ident = $option:literal;)*) => {
        /// An option of the kernel's configuration.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Feature { $(#[doc = concat!("`", $option, "`")] $variant,)* }

        impl Feature {
            /// The option's name.
            pub const fn option(self) -> &'static str {
                match self { $(Feature::$variant => $option,)* }
            }
            const ALL: &'static [Feature] = &[$(Feature::$variant),*];
        }
    };
}

features! {
    ArchHasNonOverlappingAddressSpace = "CONFIG_ARCH_HAS_NON_OVERLAPPING_ADDRESS_SPACE";
    BpfEvents = "CONFIG_BPF_EVENTS";
    BpfJit = "CONFIG_BPF_JIT";
    BpfKprobeOverride = "CONFIG_BPF_KPROBE_OVERRIDE";
    BpfLsm = "CONFIG_BPF_LSM";
    CgroupBpf = "CONFIG_CGROUP_BPF";
    CgroupNetClassid = "CONFIG_CGROUP_NET_CLASSID";
    Cgroups = "CONFIG_CGROUPS";
    Inet = "CONFIG_INET";
    Ipv6Seg6Bpf = "CONFIG_IPV6_SEG6_BPF";
    Net = "CONFIG_NET";
    PerfEvents = "CONFIG_PERF_EVENTS";
    SockCgroupData = "CONFIG_SOCK_CGROUP_DATA";
    SynCookies = "CONFIG_SYN_COOKIES";
    UnwinderOrc = "CONFIG_UNWINDER_ORC";
    XdpSockets = "CONFIG_XDP_SOCKETS";
    Xfrm = "CONFIG_XFRM";
}

/// Which [`Feature`]s a kernel has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Features(u64);

impl Features {
    /// Asks `config` for each option; only what is built in counts.
    pub(crate) fn read<'c>(config: impl Fn(&str) -> Option<&'c str>) -> Features {
        let on = |f: &&Feature| config(f.option()) == Some("y");
        Features(
            Feature::ALL
                .iter()
                .filter(on)
                .fold(0, |bits, f| bits | 1 << *f as u8),
        )
    }

    /// Whether the option is set.
    pub(crate) fn has(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u8 != 0
    }
}
