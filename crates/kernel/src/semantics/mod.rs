//! Semantic switches: where the verifiers of different kernels decide differently.
//!
//! The engine never compares versions, because distributions backport: it asks a named field of
//! [`Semantics`], `kernel.semantics.stack.zero_spill`. Switches come in families, a file each, and a family's
//! `switches!` is the only place that knows a switch. Values are data: a profile's `semantics.toml` has one for
//! every switch, with its evidence. A switch is listed when the engine implements all its values; adding one
//! means a row in its family and a line in every profile.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::profile::{How, ProfileError, Row};

/// How a profile came to know the value of a switch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provenance {
    /// Read in that kernel's source.
    Source(Cow<'static, str>),
    /// Observed by running a discriminating program on that kernel.
    Probed(Cow<'static, str>),
    /// Neither: taken over from a neighbouring release.
    Assumed(Cow<'static, str>),
    /// The kernel was asked, and none of the switch's values gives what it answered; the value is the one that comes
    /// nearest. What depends on it is not known.
    Unknown(Cow<'static, str>),
    /// It is not the profile's own value but the user's.
    Chosen,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Provenance::Source(note) => write!(f, "read in source: {note}"),
            Provenance::Probed(note) => write!(f, "seen by probe: {note}"),
            Provenance::Assumed(note) => write!(f, "assumed: {note}"),
            Provenance::Unknown(note) => write!(f, "not known: {note}"),
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

impl Prerequisite {
    const fn new(value: &'static str, needs: &'static str, to_be: &'static str) -> Prerequisite {
        Prerequisite { value, needs, to_be }
    }
}

/// What is known of a switch, whatever the kernel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Switch {
    /// The table of `semantics.toml` that it stands in.
    pub family: &'static str,
    /// As given on the command line and in `semantics.toml`; no two families share a name.
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
#[non_exhaustive]
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

/// Declares a family: the enums of its switches, its struct, its list of switches, and access by name.
macro_rules! switches {
    ($(#[$meta:meta])* $family:ident = $family_name:literal { $(
        $field:ident: $ty:ident = $name:literal {
            doc: $doc:literal,
            upstream: $upstream:literal,
            corpus: $corpus:literal,
            values: { $first:ident = $first_value:literal: $first_doc:literal,
                $($variant:ident = $value:literal: $vdoc:literal,)* },
            needs: [$($prerequisite:expr),* $(,)?],
        }
    )* }) => {
        $(
            #[doc = $doc]
            #[doc = ""]
            #[doc = concat!("Upstream: ", $upstream, " Told apart by `", $corpus, "`.")]
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
            pub enum $ty { #[doc = $first_doc] $first, $(#[doc = $vdoc] $variant,)* }

            impl $ty {
                /// The value's name on the command line.
                pub const fn name(self) -> &'static str {
                    match self { $ty::$first => $first_value, $($ty::$variant => $value,)* }
                }
            }
        )*

        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub struct $family {
            $(#[doc = $doc] pub $field: $ty,)*
        }

        impl $family {
            /// The family's switches, in the order in which they are listed.
            pub(super) const SWITCHES: &'static [$crate::semantics::Switch] = &[$($crate::semantics::Switch {
                family: $family_name,
                name: $name,
                doc: $doc,
                upstream: $upstream,
                corpus: $corpus,
                values: &[
                    $crate::semantics::Value { name: $first_value, doc: $first_doc },
                    $($crate::semantics::Value { name: $value, doc: $vdoc },)*
                ],
                prerequisites: &[$($prerequisite),*],
            },)*];

            /// Every switch at the value that is listed first: what reading a profile starts from.
            pub(super) const FIRST: $family = $family { $($field: $ty::$first,)* };

            /// The value of a switch of this family.
            pub(super) fn get(&self, switch: &str) -> Option<&'static str> {
                match switch {
                    $($name => Some(self.$field.name()),)*
                    _ => None,
                }
            }

            /// Sets a switch of this family; false when it has no such value.
            #[allow(unused_variables, reason = "of a family without switches")]
            pub(super) fn set(&mut self, switch: &str, value: &str) -> bool {
                match switch {
                    $($name => self.$field = match value {
                        $first_value => $ty::$first,
                        $($value => $ty::$variant,)*
                        _ => return false,
                    },)*
                    _ => return false,
                }
                #[allow(unreachable_code, reason = "of a family without switches")]
                true
            }
        }
    };
}

/// Joins the families to [`Semantics`].
macro_rules! families {
    ($($(#[$meta:meta])* $module:ident: $family:ident,)*) => {
        $($(#[$meta])* pub mod $module;)*

        /// How one kernel's verifier decides: a value for every switch.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub struct Semantics {
            $($(#[$meta])* pub $module: $module::$family,)*
        }

        const COUNT: usize = 0 $(+ $module::$family::SWITCHES.len())*;

        /// All switches, in the order in which they are listed.
        pub static SWITCHES: &[Switch] = &{
            const FAMILIES: &[&[Switch]] = &[$($module::$family::SWITCHES),*];
            joined::<COUNT>(FAMILIES)
        };

        impl Semantics {
            const FIRST: Semantics = Semantics { $($module: $module::$family::FIRST,)* };

            /// The value of the switch called `switch`.
            pub fn get(&self, switch: &str) -> Option<&'static str> {
                None$(.or_else(|| self.$module.get(switch)))*
            }

            fn set(&mut self, switch: &'static Switch, value: &str) -> Result<(), SwitchError> {
                let set = false $(|| self.$module.set(switch.name, value))*;
                if set {
                    return Ok(());
                }
                Err(SwitchError::IllegalValue {
                    switch: switch.name,
                    value: value.to_owned(),
                    legal: switch.values.iter().map(|v| v.name).collect(),
                })
            }
        }
    };
}

/// The families' switches one after the other.
const fn joined<const N: usize>(families: &[&[Switch]]) -> [Switch; N] {
    const NONE: Switch = Switch {
        family: "",
        name: "",
        doc: "",
        upstream: "",
        corpus: "",
        values: &[],
        prerequisites: &[],
    };
    let mut all = [NONE; N];
    let (mut family, mut at) = (0, 0);
    while family < families.len() {
        let mut i = 0;
        while i < families[family].len() {
            all[at] = families[family][i];
            at += 1;
            i += 1;
        }
        family += 1;
    }
    all
}

families! {
    /// The graph of states: checkpoints, pruning, liveness, loops.
    graph: Graph,
    /// Which scalars must be known precisely.
    precision: Precision,
    /// The stack: spills, fills, zeroes, depth.
    stack: Stack,
    /// Scalars that share an id.
    linked: Linked,
    /// Ranges of numbers, and what branches and arithmetic make of them.
    bounds: Bounds,
    /// Instructions, calls, resources, and what is checked around the walk.
    control: Control,
    /// The log's wording and form.
    log: Log,
}

/// How the values of a [`Semantics`] are known: one for each of [`SWITCHES`], in that order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence(Vec<Provenance>);

impl Evidence {
    /// How the value of the switch called `switch` is known.
    pub fn get(&self, switch: &str) -> Option<&Provenance> {
        self.0.get(find(switch)?.0)
    }

    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Switch, &Provenance)> {
        SWITCHES.iter().zip(&self.0)
    }

    /// The switches whose value is not known.
    pub fn unknown(&self) -> impl Iterator<Item = &'static Switch> {
        let unknown = |how: &Provenance| matches!(how, Provenance::Unknown(_));
        self.iter()
            .filter(move |(_, how)| unknown(how))
            .map(|(switch, _)| switch)
    }

    /// The same with other evidence for one switch.
    #[must_use]
    pub fn with(mut self, switch: &str, how: Provenance) -> Evidence {
        if let Some(place) = find(switch).and_then(|(i, _)| self.0.get_mut(i)) {
            *place = how;
        }
        self
    }

    /// Notes that the value of the switch called `switch` is the user's.
    pub(crate) fn choose(&mut self, switch: &str) {
        if let Some(how) = find(switch).and_then(|(i, _)| self.0.get_mut(i)) {
            *how = Provenance::Chosen;
        }
    }
}

/// A switch and its place in [`SWITCHES`].
fn find(name: &str) -> Option<(usize, &'static Switch)> {
    SWITCHES.iter().enumerate().find(|(_, s)| s.name == name)
}

/// The places of a family's switches; none of an unknown one's.
fn places_of(family: &str) -> Range<usize> {
    let Some(first) = SWITCHES.iter().position(|s| s.family == family) else {
        return 0..0;
    };
    let others = SWITCHES.iter().skip(first).take_while(|s| s.family == family);
    first..first + others.count()
}

fn known(name: &str) -> Result<&'static Switch, SwitchError> {
    find(name)
        .map(|(_, switch)| switch)
        .ok_or_else(|| SwitchError::UnknownSwitch {
            name: name.to_owned(),
        })
}

impl Semantics {
    /// The values that a profile states, with their evidence.
    ///
    /// # Errors
    /// When a switch is missing, stands in another family's table, is unknown, has an illegal value, or when the
    /// values do not fit together.
    pub(crate) fn read<'r>(
        rows: impl IntoIterator<Item = &'r Row<'static>>,
    ) -> Result<(Semantics, Evidence), ProfileError> {
        let mut semantics = Semantics::FIRST;
        let mut evidence = vec![None; SWITCHES.len()];
        // Rows of a family stand together.
        let (mut family, mut places) = ("", 0..0);
        for row in rows {
            let unknown = || ProfileError::UnknownSwitch(format!("{}.{}", row.family, row.switch));
            if row.family != family {
                (family, places) = (&row.family, places_of(&row.family));
            }
            let mut own = places.clone().zip(&SWITCHES[places.clone()]);
            let (at, switch) = own.find(|(_, s)| s.name == row.switch).ok_or_else(unknown)?;
            semantics.set(switch, &row.is)?;
            let note = row.note.clone();
            evidence[at] = Some(match row.how {
                How::Source => Provenance::Source(note),
                How::Probed => Provenance::Probed(note),
                How::Assumed => Provenance::Assumed(note),
                How::Unknown => Provenance::Unknown(note),
            });
        }
        let missing = |(how, switch): (Option<Provenance>, &Switch)| {
            how.ok_or_else(|| ProfileError::MissingSwitch(format!("{}.{}", switch.family, switch.name)))
        };
        let evidence = evidence
            .into_iter()
            .zip(SWITCHES)
            .map(missing)
            .collect::<Result<_, _>>()?;
        check(SWITCHES, |s| semantics.get(s))?;
        Ok((semantics, Evidence(evidence)))
    }

    /// These values with one changed.
    ///
    /// # Errors
    /// When there is no such switch or value, or when the values would not fit together.
    pub fn with(self, name: &str, value: &str) -> Result<Semantics, SwitchError> {
        self.with_all([(name, value)])
    }

    /// These values with several changed at once, so that some may presuppose others in any order.
    ///
    /// # Errors
    /// As [`Semantics::with`].
    pub fn with_all<'s>(
        mut self,
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Semantics, SwitchError> {
        for (name, value) in settings {
            self.set(known(name)?, value)?;
        }
        check(SWITCHES, |s| self.get(s))?;
        Ok(self)
    }
}

impl Semantics {
    /// These values with one changed, and with it what the new value presupposes; `None` when no such values fit together.
    pub fn with_needed(self, name: &str, value: &str) -> Option<Semantics> {
        let mut settings = vec![(name.to_owned(), value.to_owned())];
        loop {
            let given = settings
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            match self.with_all(given) {
                Ok(semantics) => return Some(semantics),
                Err(SwitchError::Excluded { unmet, .. }) => {
                    if settings.iter().any(|(name, _)| name == unmet.needs) {
                        return None;
                    }
                    settings.push((unmet.needs.to_owned(), unmet.to_be.to_owned()));
                }
                Err(_) => return None,
            }
        }
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
    use crate::profile::{KNOWN, Kernel};

    #[test]
    fn every_value_can_be_set_and_read_back() {
        for known in KNOWN {
            let kernel = Kernel::open(known.name).unwrap();
            for switch in SWITCHES {
                assert!(kernel.evidence.get(switch.name).is_some());
                for value in switch.values {
                    match kernel.semantics.with(switch.name, value.name) {
                        Ok(set) => assert_eq!(set.get(switch.name), Some(value.name)),
                        Err(e) => assert!(matches!(e, SwitchError::Excluded { .. }), "{e}"),
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = SWITCHES.iter().map(|s| s.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SWITCHES.len());
        for switch in SWITCHES {
            assert!(switch.values.len() > 1, "{} decides nothing", switch.name);
            for needed in switch.prerequisites {
                let other = known(needed.needs).unwrap();
                for (of, value) in [(switch, needed.value), (other, needed.to_be)] {
                    assert!(of.values.iter().any(|v| v.name == value), "{}: {value}", of.name);
                }
            }
        }
    }

    #[test]
    fn errors_name_what_is_legal() {
        let start = Kernel::open("6.12").unwrap().semantics;
        let e = start.with("zero-spil", "stack-zero").unwrap_err().to_string();
        assert!(
            e.starts_with("no switch is called 'zero-spil'; there are: "),
            "{e}"
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
            family: "",
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
