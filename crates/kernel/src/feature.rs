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
    Net = "CONFIG_NET";
    Inet = "CONFIG_INET";
    Cgroups = "CONFIG_CGROUPS";
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
