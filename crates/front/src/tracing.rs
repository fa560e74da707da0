//! The file system of traces: which events there are, their numbers and fields.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;

use crate::play::{Answer, Done, Play};
use crate::records::What;

/// The events of the known kernels without modules, as `/sys/kernel/tracing/events` has them there. The first line has the
/// kernels; then for each event a line `=GROUP EVENT` with its number on each of them, `-` where it is not, and behind it each
/// of its formats: a line `@` with a number in which each kernel that has it has a bit, and what it says behind the fields
/// that all events have.
const LISTED: &[u8] = include_bytes!("events.txt.gz");

/// The number of the first event of a kernel that is not known; those before it are of the kernel's own kinds of entries.
const FIRST: u32 = 20;

/// The group of those kinds: no program is run for them.
const ENTRIES: &str = "ftrace";

/// The fields that all events have.
const COMMON: &str = concat!(
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n",
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n",
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n",
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n",
);

/// What else is in the directory of an event.
const SETTINGS: &[(&str, &str)] = &[
    ("enable", "0\n"),
    ("filter", "none\n"),
    ("hist", ""),
    (
        "trigger",
        "# Available triggers:\n# traceon traceoff snapshot stacktrace enable_event disable_event enable_hist disable_hist hist\n",
    ),
];

/// Files by which events are made, of which there are none.
const MADE: &[&str] = &["kprobe_events", "uprobe_events"];

/// The file that has what programs print, and nothing was printed.
const PRINTED: &str = "trace_pipe";

/// What else is in the directory of the file system.
const OTHERS: &[&str] = &[
    "README",
    "available_filter_functions_addrs",
    "available_tracers",
    "current_tracer",
    "dynamic_events",
    "enabled_functions",
    "instances",
    "kprobe_profile",
    "options",
    "per_cpu",
    "printk_formats",
    "set_event",
    "set_ftrace_filter",
    "synthetic_events",
    "trace",
    "trace_marker",
    "trace_options",
    "tracing_on",
    "uprobe_profile",
];

/// An event of a kernel.
#[derive(Debug)]
struct Event {
    number: u32,
    /// What its format says behind the fields that all events have, where that is known.
    format: Option<String>,
}

/// The events of a kernel, by group and name. The group of those that no known kernel has is empty.
type All = BTreeMap<(String, String), Event>;

/// The events of a kernel: as they were recorded there or, where they were not, as its symbols show them.
#[derive(Debug, Default)]
pub(crate) struct Events(OnceLock<All>);

impl Events {
    fn all(&self, kernel: &Kernel) -> &All {
        // A directory's kernel has events of its own, whatever kernel's rules it follows.
        let known = || kernel.directory.is_none().then(|| recorded(&kernel.release));
        self.0
            .get_or_init(|| known().flatten().unwrap_or_else(|| shown(kernel)))
    }

    fn of(&self, kernel: &Kernel, group: &str, event: &str) -> Option<&Event> {
        let all = self.all(kernel);
        let of = |group: &str| all.get(&(group.to_owned(), event.to_owned()));
        // One of which no group is known is in any.
        of(group).or_else(|| of(""))
    }

    /// Whether there is an event of this number.
    pub(crate) fn has(&self, kernel: &Kernel, number: u64) -> bool {
        let mut all = self.all(kernel).iter();
        all.any(|((group, _), event)| group != ENTRIES && u64::from(event.number) == number)
    }

    /// `available_events`.
    fn listed(&self, kernel: &Kernel) -> String {
        let known = self.all(kernel).iter();
        let known = known.filter(|((group, _), _)| !matches!(group.as_str(), ENTRIES | ""));
        let numbered: BTreeMap<u32, _> = known.map(|(name, event)| (event.number, name)).collect();
        let lines = numbered
            .values()
            .map(|(group, event)| format!("{group}:{event}\n"));
        lines.collect()
    }

    /// The names in the directory of all events, of a group, or of an event.
    fn directory(&self, kernel: &Kernel, path: &[&str]) -> Option<BTreeSet<String>> {
        let all = self.all(kernel);
        let names: BTreeSet<String> = match path {
            [] => all.keys().map(|(group, _)| group.clone()).collect(),
            [group] => {
                let of_group = all.keys().filter(|(of, _)| of == group);
                of_group.map(|(_, event)| event.clone()).collect()
            }
            [group, event] => {
                self.of(kernel, group, event)?;
                let files = SETTINGS.iter().map(|(file, _)| *file).chain(["format", "id"]);
                files.map(ToOwned::to_owned).collect()
            }
            _ => return None,
        };
        (!names.is_empty()).then_some(names)
    }
}

/// What was recorded.
fn listed() -> Option<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(LISTED)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// The events that were recorded of a kernel.
fn recorded(release: &str) -> Option<All> {
    let text = listed()?;
    let (kernels, events) = text.split_once('\n')?;
    let at = kernels.split(' ').position(|kernel| kernel == release)?;
    let of_kernel = |entry: &str| {
        let (head, formats) = entry.split_once('\n')?;
        let mut words = head.split(' ');
        let name = (words.next()?.to_owned(), words.next()?.to_owned());
        let number = words.nth(at)?.parse().ok()?;
        let mut formats = formats.split("\n@").map(|format| format.trim_start_matches('@'));
        let format = formats.find_map(|format| {
            let (kernels, format) = format.split_once('\n')?;
            let kernels: u32 = kernels.parse().ok()?;
            (kernels >> at & 1 == 1).then(|| format.trim_end_matches('\n').to_owned())
        });
        Some((name, Event { number, format }))
    };
    let entries = events.strip_prefix('=')?.split("\n=");
    Some(entries.filter_map(of_kernel).collect())
}

/// The group of an event that some known kernel has.
fn group(event: &str) -> Option<&'static str> {
    static ALL: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let text = listed().unwrap_or_default();
        let heads = text.lines().filter_map(|line| line.strip_prefix('='));
        let names = heads.filter_map(|head| {
            let mut words = head.split(' ');
            let group = words.next()?;
            Some((words.next()?.to_owned(), group.to_owned()))
        });
        names.filter(|(_, group)| group != ENTRIES).collect()
    });
    all.get(event).map(String::as_str)
}

/// The events that a kernel's symbols show, in some order.
fn shown(kernel: &Kernel) -> All {
    // Kernels whose symbols are those of functions only do not show what describes events.
    let described = kernel.ksym("event_sched_switch").is_some();
    let mut names = BTreeSet::new();
    for (name, symbol) in kernel.symbols() {
        if described {
            // In some kernels they lie where functions do, of which others are called so, too.
            let is_data = matches!(symbol.kind, 'd' | 'D');
            let is_call = |event: &str| event.starts_with("enter__") || event.starts_with("exit__");
            let is_event = |event: &&str| is_data || is_call(event) || group(event).is_some();
            let event = name.strip_prefix("event_").filter(is_event);
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
    let named = |name: String| match name.strip_prefix("enter__").or(name.strip_prefix("exit__")) {
        Some(_) => (
            "syscalls".to_owned(),
            format!("sys_{}", name.replacen("__", "_", 1)),
        ),
        None => (group(&name).unwrap_or_default().to_owned(), name),
    };
    let numbered = (FIRST..).zip(names);
    numbered
        .map(|(number, name)| {
            let format = None;
            (named(name), Event { number, format })
        })
        .collect()
}

/// What is at a path of the file system of traces.
pub(crate) enum Traced {
    File(Vec<u8>),
    /// A directory, with the names in it.
    Directory(BTreeSet<String>),
}

impl Play<'_> {
    /// What is at a path of the file system of traces, below its directory.
    pub(crate) fn traced(&mut self, path: &str) -> Option<Traced> {
        if MADE.contains(&path) || path == PRINTED {
            return Some(Traced::File(Vec::new()));
        }
        if OTHERS.contains(&path) {
            let what = What::Unmodelled(format!("the file {path} of tracefs"));
            self.note("open", what, Some(Errno::ENOENT));
            return None;
        }
        let kernel = self.kernel;
        match path {
            "available_events" => return Some(Traced::File(self.events.listed(kernel).into_bytes())),
            "available_filter_functions" => {
                let functions = kernel
                    .symbols()
                    .filter(|(_, symbol)| matches!(symbol.kind, 't' | 'T' | 'w' | 'W'))
                    .filter(|(name, _)| !self.untraced.has(kernel, name));
                let lines = functions.flat_map(|(name, _)| [name.as_bytes(), b"\n"].concat());
                return Some(Traced::File(lines.collect()));
            }
            _ => {}
        }
        let words: Vec<_> = path.split('/').collect();
        match words.as_slice() {
            ["events", group, event, file] => self.event_file(group, event, file).map(Traced::File),
            ["events", path @ ..] => self.events.directory(kernel, path).map(Traced::Directory),
            _ => None,
        }
    }

    /// A file by which events are made or set up, opened to be written: what is written there is refused.
    pub(crate) fn changed_events(&mut self, path: &Path) -> Option<Answer> {
        let name = path.file_name()?.to_str()?;
        let what = if MADE.contains(&name) {
            format!("events made by writing to {name}")
        } else if SETTINGS.iter().any(|(setting, _)| *setting == name) {
            format!("what is written to an event's {name}")
        } else {
            return None;
        };
        let what = What::Unmodelled(what);
        self.note("open", what, Some(Errno::EINVAL));
        let file = verdict_notify::unwritable_file();
        Some(
            file.map(|file| Done::Descriptor(file, true))
                .map_err(|_| Errno::EMFILE),
        )
    }

    /// A file of an event's directory. Where it is not known which fields an event has, its format, which many look for to find
    /// out whether there is such an event, has no more than those that all events have: types do not tell which fields are
    /// whose.
    fn event_file(&mut self, group: &str, event: &str, file: &str) -> Option<Vec<u8>> {
        let found = self.events.of(self.kernel, group, event)?;
        let number = found.number;
        let text = match (file, &found.format) {
            ("id", _) => format!("{number}\n"),
            ("format", format) => {
                let own = format.clone();
                if own.is_none() {
                    let what = format!("fields of the event {group}:{event}");
                    self.note("open", What::Unmodelled(what), None);
                }
                let own = own.unwrap_or_default();
                format!("name: {event}\nID: {number}\nformat:\n{COMMON}\n{own}\n")
            }
            _ => {
                let setting = SETTINGS.iter().find(|(setting, _)| *setting == file)?;
                setting.1.to_owned()
            }
        };
        Some(text.into_bytes())
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
            let (recorded, shown) = (recorded(&kernel.release), shown(&kernel));
            let recorded = recorded.unwrap();
            let numbers: BTreeSet<u32> = recorded.values().map(|event| event.number).collect();
            assert!(numbers.len() > 1000, "{name}: {}", numbers.len());
            assert_eq!(numbers.len(), recorded.len(), "{name}");
            let switch = &recorded[&("sched".to_owned(), "sched_switch".to_owned())];
            let format = switch.format.as_ref().unwrap();
            assert!(
                format.starts_with("\tfield:char prev_comm[16];\toffset:8;"),
                "{format}"
            );
            assert!(format.ends_with("REC->next_prio"), "{format}");
            // Nearly all of what is there is shown, too.
            let missing = recorded.keys().filter(|(group, _)| group != ENTRIES);
            let missing: Vec<_> = missing.filter(|name| !shown.contains_key(name)).collect();
            assert!(10 * missing.len() < recorded.len(), "{name}: {missing:?}");
            let events = Events::default();
            assert!(events.has(&kernel, switch.number.into()) && !events.has(&kernel, 0));
            assert!(!events.has(&kernel, 1) && !events.has(&kernel, 1 << 20));
        }
    }

    #[test]
    fn directories_have_what_is_in_them() {
        let kernel = Kernel::open("6.12").unwrap();
        let events = Events::default();
        let names = |path: &[&str]| events.directory(&kernel, path).unwrap_or_default();
        assert!(names(&[]).contains("sched"));
        assert!(names(&["sched"]).contains("sched_switch"));
        assert!(names(&["sched", "sched_switch"]).contains("format"));
        assert!(names(&["sched", "no_such_event"]).is_empty() && names(&["no_such_group"]).is_empty());
        let listed = events.listed(&kernel);
        assert!(listed.starts_with("initcall:initcall_finish\n"), "{listed}");
    }
}
