//! Kernels between two kernels.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use verdict_kernel::{Kernel, Semantics, SwitchError};
use verdict_report::why::Element;

use super::differing;
use crate::Verifier;

/// Some of the elements in which two kernels differ, by their numbers.
pub(super) type Set = BTreeSet<usize>;

/// The kernels that have some elements of one kernel and the rest of another.
#[derive(Debug)]
pub(super) struct Mixtures<'v> {
    a: &'v Verifier,
    b: &'v Verifier,
    /// What the second kernel has that the first has not; the parts come first, as an object is opened for them.
    elements: Vec<Element>,
    /// How many of the elements are parts.
    parts: usize,
    /// The first kernel with parts of the second, by combination.
    mixed: Vec<OnceLock<Verifier>>,
}

/// What kernels have beside switches, in the order of bits of a combination.
const PARTS: [Element; 4] = [Element::Limits, Element::Machine, Element::Tables, Element::Types];

impl<'v> Mixtures<'v> {
    /// Combinations of parts.
    pub(super) const COMBINATIONS: usize = 1 << PARTS.len();

    pub(super) fn new(a: &'v Verifier, b: &'v Verifier) -> Mixtures<'v> {
        let (from, to) = (a.kernel(), b.kernel());
        let differs = |part: &Element| match part {
            Element::Limits => from.limits != to.limits,
            Element::Machine => from.machine != to.machine,
            Element::Tables => from.tables != to.tables || from.prototypes != to.prototypes,
            Element::Types => !from.has_types_of(to),
            Element::Switch(..) => false,
        };
        let mut elements: Vec<_> = PARTS.into_iter().filter(differs).collect();
        let parts = elements.len();
        elements.extend(differing(from, to));
        Mixtures {
            a,
            b,
            elements,
            parts,
            mixed: (0..Self::COMBINATIONS).map(|_| OnceLock::new()).collect(),
        }
    }

    pub(super) fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// All elements: the second kernel.
    pub(super) fn all(&self) -> Set {
        (0..self.elements.len()).collect()
    }

    /// Whether the element is no switch.
    pub(super) fn is_part(&self, element: usize) -> bool {
        element < self.parts
    }

    /// The parts of the set, a bit for each: sets with the same have the same types and tables.
    pub(super) fn combination(&self, set: &Set) -> usize {
        set.range(..self.parts).fold(0, |bits, part| bits | 1 << part)
    }

    /// The verifier for which objects are opened under this combination.
    pub(super) fn verifier(&self, combination: usize) -> &Verifier {
        if combination == 0 {
            return self.a;
        }
        if combination == (1 << self.parts) - 1 {
            return self.b;
        }
        // There is a place for each combination.
        self.mixed[combination].get_or_init(|| {
            let mut kernel = self.a.kernel().clone();
            let to = self.b.kernel();
            for (at, part) in self.elements.iter().take(self.parts).enumerate() {
                if combination & 1 << at == 0 {
                    continue;
                }
                match part {
                    Element::Limits => kernel.limits = to.limits,
                    Element::Machine => kernel.machine = to.machine,
                    Element::Tables => {
                        kernel.tables = to.tables;
                        kernel.prototypes = to.prototypes.clone();
                    }
                    Element::Types => kernel = kernel.with_types_of(to),
                    Element::Switch(..) => {}
                }
            }
            self.a.of(kernel)
        })
    }

    /// The kernel that is the set's mixture; `None` when its switches do not go together.
    pub(super) fn kernel(&self, set: &Set) -> Option<Kernel> {
        let mut kernel = self.verifier(self.combination(set)).kernel().clone();
        kernel.semantics = self.semantics(set).ok()?;
        Some(kernel)
    }

    fn semantics(&self, set: &Set) -> Result<Semantics, SwitchError> {
        let settings = set.iter().filter_map(|index| match self.elements.get(*index)? {
            Element::Switch(switch, _, to) => Some((switch.name, *to)),
            _ => None,
        });
        self.a.kernel().semantics.with_all(settings)
    }

    /// The set, and those switches without which its mixture would not be one; `None` when there is no such set.
    pub(super) fn completed(&self, set: &Set) -> Option<Set> {
        let mut set = set.clone();
        loop {
            let (switch, unmet) = match self.semantics(&set) {
                Ok(_) => return Some(set),
                Err(SwitchError::Excluded { switch, unmet, .. }) => (switch, unmet),
                Err(_) => return None,
            };
            let number = |name: &str| {
                let is_it = |element: &Element| matches!(element, Element::Switch(s, ..) if s.name == name);
                self.elements.iter().position(is_it)
            };
            // Either the second kernel's value presupposes another of that kernel, or the first one's does so that was
            // given up.
            let missing = [unmet.needs, switch].into_iter().filter_map(number);
            let mut missing = missing.filter(|index| !set.contains(index));
            let next = missing.next()?;
            set.insert(next);
        }
    }
}
