//! Semantic switches: where the verifiers of different kernels decide differently.
//!
//! The engine never compares versions, because distributions backport: it asks a named field of
//! [`Semantics`]. `switches!` is the only place that knows a switch, and `profiles!` gives each kernel
//! an explicit value for every one of them. A switch is listed here when the engine implements all its
//! values; adding one means a row in each table.

use std::fmt;

/// How a profile came to know the value of a switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provenance {
    /// Read in that kernel's source.
    Source(&'static str),
    /// Observed by running a discriminating program on that kernel.
    Probed(&'static str),
    /// Neither: taken over from a neighbouring release.
    Assumed(&'static str),
    /// It is not the profile's own value but the user's.
    Chosen,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provenance::Source(note) => write!(f, "read in source: {note}"),
            Provenance::Probed(note) => write!(f, "seen by probe: {note}"),
            Provenance::Assumed(note) => write!(f, "assumed: {note}"),
            Provenance::Chosen => f.write_str("chosen by the user"),
        }
    }
}

/// A legal value of a switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    /// As given on the command line.
    pub name: &'static str,
    /// What the verifier does under it.
    pub doc: &'static str,
}

/// A setting that another one presupposes: with `value`, the switch `needs` must have the value `to_be`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prerequisite {
    /// The value that has the requirement.
    pub value: &'static str,
    /// Name of the other switch.
    pub needs: &'static str,
    /// The value that it must have.
    pub to_be: &'static str,
}

/// What is known of a switch, whatever the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// As given on the command line.
    pub name: &'static str,
    /// What it decides.
    pub doc: &'static str,
    /// The upstream change between its values.
    pub upstream: &'static str,
    /// The corpus program that tells its values apart.
    pub corpus: &'static str,
    /// Its legal values.
    pub values: &'static [Value],
    /// What its values presuppose.
    pub prerequisites: &'static [Prerequisite],
}

/// Why a switch could not be set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SwitchError {
    /// No switch has this name.
    UnknownSwitch {
        /// The name given.
        name: String,
    },
    /// The switch has no such value.
    IllegalValue {
        /// The switch.
        switch: &'static str,
        /// The value given.
        value: String,
        /// The legal ones.
        legal: Vec<&'static str>,
    },
    /// Another switch has a value that excludes this one.
    Excluded {
        /// The switch.
        switch: &'static str,
        /// The requirement that is not met.
        unmet: Prerequisite,
        /// The value that the other switch has.
        is: &'static str,
    },
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SwitchError::UnknownSwitch { name } => {
                let known: Vec<_> = SWITCHES.iter().map(|s| s.name).collect();
                write!(f, "no switch is called '{name}'; there are: {}", known.join(", "))
            }
            SwitchError::IllegalValue { switch, value, legal } => {
                write!(
                    f,
                    "switch '{switch}' cannot be '{value}'; it can be: {}",
                    legal.join(", ")
                )
            }
            SwitchError::Excluded { switch, unmet, is } => write!(
                f,
                "switch '{switch}' can only be '{}' when '{}' is '{}', and it is '{is}'",
                unmet.value, unmet.needs, unmet.to_be
            ),
        }
    }
}

impl std::error::Error for SwitchError {}

/// Declares the switches: their enums, [`Semantics`], [`SWITCHES`] and the access by name.
macro_rules! switches {
    ($(
        $field:ident: $ty:ident = $name:literal {
            doc: $doc:literal,
            upstream: $upstream:literal,
            corpus: $corpus:literal,
            values: { $($variant:ident = $value:literal: $vdoc:literal,)+ },
            needs: [$($prerequisite:expr),*],
        }
    )*) => {
        $(
            #[doc = $doc]
            #[doc = ""]
            #[doc = concat!("Upstream: ", $upstream, " Told apart by `", $corpus, "`.")]
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
            pub enum $ty { $(#[doc = $vdoc] $variant,)+ }

            impl $ty {
                /// The value's name on the command line.
                pub const fn name(self) -> &'static str {
                    match self { $($ty::$variant => $value,)+ }
                }
            }
        )*

        /// How one kernel's verifier decides: a value for every switch.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct Semantics {
            $(#[doc = $doc] pub $field: $ty,)*
        }

        /// How the values of a [`Semantics`] are known.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct Evidence {
            $(#[doc = concat!("Of [`Semantics::", stringify!($field), "`].")] pub $field: Provenance,)*
        }

        /// All switches, in the order in which they are listed.
        pub const SWITCHES: &[Switch] = &[$(Switch {
            name: $name,
            doc: $doc,
            upstream: $upstream,
            corpus: $corpus,
            values: &[$(Value { name: $value, doc: $vdoc },)+],
            prerequisites: &[$($prerequisite),*],
        },)*];

        impl Semantics {
            /// The value of the switch called `switch`.
            pub fn get(&self, switch: &str) -> Option<&'static str> {
                match switch {
                    $($name => Some(self.$field.name()),)*
                    _ => None,
                }
            }

            fn set(&mut self, switch: &'static Switch, value: &str) -> Result<(), SwitchError> {
                match (switch.name, value) {
                    $($(($name, $value) => self.$field = $ty::$variant,)+)*
                    _ => return Err(SwitchError::IllegalValue {
                        switch: switch.name,
                        value: value.to_owned(),
                        legal: switch.values.iter().map(|v| v.name).collect(),
                    }),
                }
                Ok(())
            }
        }

        impl Evidence {
            /// How the value of the switch called `switch` is known.
            pub fn get(&self, switch: &str) -> Option<Provenance> {
                match switch {
                    $($name => Some(self.$field),)*
                    _ => None,
                }
            }

            /// Notes that the value of the switch called `switch` is the user's.
            pub(crate) fn choose(&mut self, switch: &str) {
                match switch {
                    $($name => self.$field = Provenance::Chosen,)*
                    _ => {}
                }
            }
        }
    };
}

/// Declares, for each profile, the complete set of values with their evidence.
macro_rules! profiles {
    ($($(#[$meta:meta])* $profile:ident { $($field:ident = $ty:ident::$variant:ident ($how:ident: $note:literal),)* })*) => {
        $(
            $(#[$meta])*
            pub(crate) const $profile: (Semantics, Evidence) = (
                Semantics { $($field: $ty::$variant,)* },
                Evidence { $($field: Provenance::$how($note),)* },
            );
        )*
    };
}

switches! {
    zero_spill: ZeroSpill = "zero-spill" {
        doc: "What a register known to be zero leaves in an aligned stack slot.",
        upstream: "\"bpf: track aligned STACK_ZERO cases as imprecise spilled registers\" (Linux 6.8).",
        corpus: "zero_spill",
        values: {
            StackZero = "stack-zero": "Zero bytes, which forces the register to be precise.",
            ImpreciseScalar = "imprecise-scalar": "A spilled scalar, which stays imprecise until needed.",
        },
        needs: [],
    }
}

profiles! {
    /// Debian's 6.12.117-1 for amd64.
    DEB12_6_12_117 {
        zero_spill = ZeroSpill::ImpreciseScalar (Probed: "minimal join, 26 insns and 3 states"),
    }
}

impl Semantics {
    /// These values with one changed.
    ///
    /// # Errors
    /// When there is no such switch or value, or when the values would not fit together.
    pub fn with(mut self, name: &str, value: &str) -> Result<Semantics, SwitchError> {
        let switch = SWITCHES
            .iter()
            .find(|s| s.name == name)
            .ok_or_else(|| SwitchError::UnknownSwitch {
                name: name.to_owned(),
            })?;
        self.set(switch, value)?;
        check(SWITCHES, |s| self.get(s))?;
        Ok(self)
    }
}

/// Whether the values given by `get` meet every prerequisite.
fn check(switches: &[Switch], get: impl Fn(&str) -> Option<&'static str>) -> Result<(), SwitchError> {
    for switch in switches {
        for unmet in switch.prerequisites {
            let is = get(unmet.needs).unwrap_or("unknown");
            if get(switch.name) == Some(unmet.value) && is != unmet.to_be {
                return Err(SwitchError::Excluded {
                    switch: switch.name,
                    unmet: *unmet,
                    is,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_can_be_set_and_read_back() {
        let (start, evidence) = DEB12_6_12_117;
        for switch in SWITCHES {
            assert!(evidence.get(switch.name).is_some());
            for value in switch.values {
                let set = start.with(switch.name, value.name).unwrap();
                assert_eq!(set.get(switch.name), Some(value.name));
            }
        }
    }

    #[test]
    fn errors_name_what_is_legal() {
        let (start, _) = DEB12_6_12_117;
        assert_eq!(
            start.with("zero-spil", "stack-zero").unwrap_err().to_string(),
            "no switch is called 'zero-spil'; there are: zero-spill"
        );
        assert_eq!(
            start.with("zero-spill", "maybe").unwrap_err().to_string(),
            "switch 'zero-spill' cannot be 'maybe'; it can be: stack-zero, imprecise-scalar"
        );
    }

    #[test]
    fn unmet_prerequisites_are_refused_by_name() {
        const NEEDS: &[Prerequisite] = &[Prerequisite {
            value: "on",
            needs: "b",
            to_be: "new",
        }];
        let switch = Switch {
            name: "a",
            doc: "",
            upstream: "",
            corpus: "",
            values: &[],
            prerequisites: NEEDS,
        };
        let settings = |b: &'static str| move |s: &str| Some(if s == "a" { "on" } else { b });
        assert_eq!(check(&[switch], settings("new")), Ok(()));
        assert_eq!(
            check(&[switch], settings("old")).unwrap_err().to_string(),
            "switch 'a' can only be 'on' when 'b' is 'new', and it is 'old'"
        );
    }
}
