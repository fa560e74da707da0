//! What is asked of a kernel: the value of a switch, or whose prototypes of a helper it has.

use std::collections::BTreeSet;

use verdict_kernel::helper::{HelperId, helper_name, origin};
use verdict_kernel::semantics::Switch;
use verdict_kernel::{Kernel, SWITCHES, Tables};

use crate::corpus::object_of;
use crate::model::{Model, Program};

/// Something that kernels answer differently.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    /// Which value a switch has.
    Switch(&'static Switch),
    /// The tables of which release have a helper's prototypes.
    Prototypes(HelperId),
}

/// All questions: switches first.
pub(crate) fn questions() -> impl Iterator<Item = Question> {
    let helpers: BTreeSet<HelperId> = origin::varied();
    let switches = SWITCHES.iter().map(Question::Switch);
    switches.chain(helpers.into_iter().map(Question::Prototypes))
}

impl PartialEq for Question {
    fn eq(&self, other: &Question) -> bool {
        match (self, other) {
            (Question::Switch(one), Question::Switch(other)) => one.name == other.name,
            (Question::Prototypes(one), Question::Prototypes(other)) => one == other,
            _ => false,
        }
    }
}

impl Question {
    /// The rules with another answer, and what that presupposes; `None` when they do not go together.
    pub(crate) fn with(self, rules: &Kernel, answer: &str) -> Option<Kernel> {
        let mut rules = rules.clone();
        match self {
            Question::Switch(switch) => {
                rules.semantics = rules.semantics.with_needed(switch.name, answer)?;
            }
            Question::Prototypes(helper) => {
                let mut prototypes = (*rules.prototypes).clone();
                let tables = Tables::named(answer)?;
                match *tables == *rules.tables {
                    true => prototypes.remove(&helper),
                    false => prototypes.insert(helper, tables),
                };
                rules.prototypes = prototypes.into();
            }
        }
        Some(rules)
    }

    /// The other answers that can be given, and the rules with each.
    pub(crate) fn others(self, rules: &Kernel) -> impl Iterator<Item = (&'static str, Kernel)> {
        let answers: Vec<&'static str> = match self {
            Question::Switch(switch) => {
                let is = rules.semantics.get(switch.name);
                let names = switch.values.iter().map(|value| value.name);
                names.filter(|name| Some(*name) != is).collect()
            }
            Question::Prototypes(helper) => origin::others(rules, helper)
                .iter()
                .map(|tables| tables.name)
                .collect(),
        };
        answers
            .into_iter()
            .filter_map(move |answer| Some((answer, self.with(rules, answer)?)))
    }

    /// The programs by which the kernel was asked: those of a switch's object, and those that call a helper.
    pub(crate) fn own_programs(self, model: &Model) -> Vec<Program> {
        match self {
            Question::Switch(switch) => model.of_object(&object_of(switch.corpus)),
            Question::Prototypes(helper) => {
                let call = format!("call {}#{helper}", helper_name(helper).unwrap_or_default());
                let programs = model.programs().into_iter();
                programs
                    .filter(|program| model.answer(*program).log.contains(&call))
                    .collect()
            }
        }
    }
}
