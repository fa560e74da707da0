//! The file system of traces: which events there are, and their numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use verdict_kernel::Kernel;

use crate::play::Play;

/// The groups of events of the known kernels without modules, as `/sys/kernel/tracing/events` has them there: a line for each,
/// with its events.
const GROUPS: &str = include_str!("tracepoints.txt");

/// The number of the first event; those before it are of the kernel's own kinds of entries.
const FIRST: u32 = 20;

/// The fields that all events have.
const COMMON: &str = concat!(
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n",
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n",
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n",
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n",
);

/// The group of an event that is known to be in one.
fn group(event: &str) -> Option<&'static str> {
    static ALL: OnceLock<BTreeMap<&str, &str>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all = BTreeMap::new();
        for line in GROUPS.lines() {
            let mut words = line.split_ascii_whitespace();
            let group = words.next().unwrap_or_default();
            all.extend(words.map(|event| (event, group)));
        }
        all
    });
    all.get(event).copied()
}

/// The events of a kernel, as its symbols show them, with their numbers.
#[derive(Debug, Default)]
pub(crate) struct Events(OnceLock<BTreeMap<String, u32>>);

impl Events {
    fn all(&self, kernel: &Kernel) -> &BTreeMap<String, u32> {
        self.0.get_or_init(|| {
            // Kernels whose symbols are those of functions only do not show what describes events.
            let shown = kernel.ksym("event_sched_switch").is_some();
            let mut names = BTreeSet::new();
            for (name, symbol) in kernel.symbols() {
                if shown {
                    // In some kernels they lie where functions do, of which others are called so, too.
                    let is_data = matches!(symbol.kind, 'd' | 'D');
                    let is_call = |event: &str| event.starts_with("enter__") || event.starts_with("exit__");
                    let described = |event: &&str| is_data || is_call(event) || group(event).is_some();
                    let event = name.strip_prefix("event_").filter(described);
                    names.extend(event.map(ToOwned::to_owned));
                } else if let Some(call) = name.strip_prefix("__x64_sys_") {
                    names.extend([format!("enter__{call}"), format!("exit__{call}")]);
                } else {
                    // By their names, these are for programs alone, and have no events.
                    let point = name
                        .strip_prefix("__traceiter_")
                        .filter(|point| !point.ends_with("_tp"));
                    names.extend(point.map(ToOwned::to_owned));
                }
            }
            (FIRST..)
                .zip(names)
                .map(|(number, name)| (name, number))
                .collect()
        })
    }

    /// Whether there is an event of this number.
    pub(crate) fn has(&self, kernel: &Kernel, number: u64) -> bool {
        let count = self.all(kernel).len() as u64;
        number >= FIRST.into() && number - u64::from(FIRST) < count
    }
}

impl Play<'_> {
    /// A file of an event's directory. Of its format, which many look for to find out whether there is such an event, there is
    /// no more than what all events have: types do not tell which fields are whose.
    pub(crate) fn event_file(&self, of_group: &str, event: &str, file: &str) -> Option<Vec<u8>> {
        let number = self.event_number(of_group, event)?;
        let text = match file {
            "id" => format!("{number}\n"),
            "enable" => "0\n".to_owned(),
            "format" => format!("name: {event}\nID: {number}\nformat:\n{COMMON}\n"),
            _ => return None,
        };
        Some(text.into_bytes())
    }

    /// The number of an event of a group.
    pub(crate) fn event_number(&self, of_group: &str, event: &str) -> Option<u32> {
        let all = self.events.all(self.kernel);
        if of_group == "syscalls" {
            let entered = event
                .strip_prefix("sys_enter_")
                .map(|call| format!("enter__{call}"));
            let left = event
                .strip_prefix("sys_exit_")
                .map(|call| format!("exit__{call}"));
            return all.get(&entered.or(left)?).copied();
        }
        if group(event).is_some_and(|group| group != of_group) {
            return None;
        }
        all.get(event).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_groups_and_numbers() {
        assert_eq!(group("sched_switch"), Some("sched"));
        assert_eq!(group("no_such_event"), None);
        for name in ["5.10", "6.1", "6.12", "6.18"] {
            let kernel = Kernel::open(name).unwrap();
            let events = Events::default();
            let numbers: BTreeSet<u32> = events.all(&kernel).values().copied().collect();
            assert!(numbers.len() > 1000, "{name}: {}", numbers.len());
            assert!(events.all(&kernel).contains_key("sched_switch"));
            assert!(
                events.has(&kernel, FIRST.into()) && !events.has(&kernel, 0) && !events.has(&kernel, 1 << 20)
            );
        }
    }
}
