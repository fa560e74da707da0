//! What verdict says of the corpus under given settings, to be held against what a kernel answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use verdict::{Bridge, unsure_fact, verify_handed};
use verdict_engine::Verdict;
use verdict_kernel::Kernel;
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::RefusedAt;
use verdict_loader::Object;
use verdict_syscall::Session;
use verdict_syscall::prog::LoadError;

use crate::answer::{Answer, Figures, LEVEL, settled};

/// What verdict says of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// As a kernel would.
    Answer {
        /// 0 when it is accepted.
        errno: i32,
        /// The log, as an [`Answer`] has it.
        log: String,
        /// Figures of its last lines.
        figures: Option<Figures>,
        /// Where it was refused, and what would have refused it and was passed over.
        sites: Vec<RefusedAt>,
    },
    /// Nothing, for this reason.
    Nothing(String),
    /// Nothing, as it uses a fact that no known table has as the kernel has it.
    Unsure(String),
}

impl Said {
    /// Whether verdict and figures are the same.
    pub(crate) fn counts_as(&self, other: &Said) -> bool {
        let counts = |said: &Said| match said {
            Said::Answer { errno, figures, .. } => Some((*errno, *figures)),
            Said::Nothing(_) | Said::Unsure(_) => None,
        };
        counts(self) == counts(other)
    }

    /// In words, as [`Answer::summary`].
    pub(crate) fn summary(&self) -> String {
        match self {
            Said::Nothing(why) | Said::Unsure(why) => format!("unsupported: {why}"),
            Said::Answer { errno, figures, .. } => {
                let verdict = match errno {
                    0 => "accepted".to_owned(),
                    errno => format!("refused ({})", Errno(*errno)),
                };
                figures.map_or(verdict.clone(), |figures| format!("{verdict}, {figures}"))
            }
        }
    }
}

/// How well what verdict says fits what a kernel answered; more is better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fit {
    /// Something else, and how much of it is the same, of a thousand.
    Otherwise(u32),
    /// Verdict and figures are the same, and so much of the log, of a thousand.
    Figures(u32),
    /// The log is the same, too, but for the marks of what was read and written, which show how that is tracked.
    Marks,
    /// All of it is the same.
    Exact,
}

impl Fit {
    /// Of what is said, to the answer.
    pub(crate) fn of(said: &Said, answer: &Answer) -> Fit {
        let Said::Answer {
            errno, log, figures, ..
        } = said
        else {
            return Fit::Otherwise(0);
        };
        let (same_errno, same_figures) = (*errno == answer.errno, *figures == answer.figures());
        if same_errno && *log == answer.log {
            return Fit::Exact;
        }
        if same_errno && same_figures && unmarked(log) == unmarked(&answer.log) {
            return Fit::Marks;
        }
        let lines = answer.log.lines().count().max(log.lines().count()).max(1);
        let same = answer
            .log
            .lines()
            .zip(log.lines())
            .take_while(|(a, b)| a == b)
            .count();
        let share = u32::try_from(same.saturating_mul(1000) / lines).unwrap_or(1000);
        if same_errno && same_figures {
            return Fit::Figures(share);
        }
        let verdict = u32::from((*errno == 0) == (answer.errno == 0));
        Fit::Otherwise(200 * verdict + 200 * u32::from(same_errno) + share * 6 / 10)
    }

    /// As a number that can be added up.
    pub(crate) fn points(self) -> i64 {
        match self {
            Fit::Otherwise(share) => i64::from(share),
            Fit::Figures(share) => 4000 + i64::from(share),
            Fit::Marks => 5500,
            Fit::Exact => 6000,
        }
    }

    /// Whether verdict and figures are the kernel's.
    pub(crate) fn counts(self) -> bool {
        !matches!(self, Fit::Otherwise(_))
    }
}

/// A log without the marks of what was read and written (`R1_rw`, `fp-8_w`), and without the lines and columns that follow them.
fn unmarked(log: &str) -> String {
    let mut out = String::with_capacity(log.len());
    for line in log.lines() {
        let mut parts = line.split('_');
        out.push_str(parts.next().unwrap_or_default().trim_end());
        for part in parts {
            let marks = part.len() - part.trim_start_matches(['r', 'w', 'D']).len();
            let rest = part.get(marks..).unwrap_or_default();
            let is_mark = marks > 0 && rest.starts_with('=') && is_place(&out);
            if !is_mark {
                out.push('_');
            }
            out.push_str(if is_mark { rest } else { part });
        }
        out.push('\n');
    }
    // States stand behind their instructions, in a column.
    let mut narrow = String::with_capacity(out.len());
    for part in out.split_inclusive(' ') {
        if part != " " || !narrow.ends_with(' ') {
            narrow.push_str(part);
        }
    }
    narrow
}

/// Whether a text ends with the name of a register or of a slot of the stack.
fn is_place(text: &str) -> bool {
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    name.len() < text.len() && (name.ends_with('R') || name.ends_with("fp-"))
}

/// A program that a kernel answered about.
struct Asked {
    object: usize,
    index: usize,
    answer: Answer,
}

/// The programs of the corpus, opened for a kernel, with what a kernel answered about them.
pub(crate) struct Model {
    pub(crate) kernel: Kernel,
    objects: Vec<Object>,
    asked: Vec<Asked>,
    by_object: BTreeMap<String, Vec<usize>>,
    /// Flags that all programs are loaded with, beside their own.
    flags: u32,
}

/// A program of a [`Model`], by its number.
pub(crate) type Program = usize;

impl Model {
    /// The programs of these objects about which there are answers.
    pub(crate) fn new(kernel: Kernel, corpus: &[(&str, &[u8])], answers: &[Answer], flags: u32) -> Model {
        let mut model = Model {
            kernel,
            objects: Vec::new(),
            asked: Vec::new(),
            by_object: BTreeMap::new(),
            flags,
        };
        let mut known: BTreeMap<(&str, &str), &Answer> = BTreeMap::new();
        for answer in answers.iter().filter(|answer| answer.unasked.is_none()) {
            known.insert((&answer.object, &answer.program), answer);
        }
        for (name, bytes) in corpus {
            let Ok(object) = Object::open(name, bytes, &model.kernel) else {
                continue;
            };
            for index in 0..object.program_count() {
                let Some(answer) = known.get(&(*name, object.program_name(index))) else {
                    continue;
                };
                let programs = model.by_object.entry((*name).to_owned()).or_default();
                programs.push(model.asked.len());
                model.asked.push(Asked {
                    object: model.objects.len(),
                    index,
                    answer: (*answer).clone(),
                });
            }
            model.objects.push(object);
        }
        model
    }

    /// All programs.
    pub(crate) fn programs(&self) -> Vec<Program> {
        (0..self.asked.len()).collect()
    }

    /// The programs of an object.
    pub(crate) fn of_object(&self, object: &str) -> Vec<Program> {
        self.by_object.get(object).cloned().unwrap_or_default()
    }

    /// What the kernel answered about a program.
    pub(crate) fn answer(&self, program: Program) -> &Answer {
        &self.asked[program].answer
    }

    /// Object and program by name.
    pub(crate) fn name(&self, program: Program) -> String {
        let answer = self.answer(program);
        format!("{}:{}", answer.object, answer.program)
    }

    /// What is said of programs by these rules.
    pub(crate) fn say(&self, rules: &Kernel, programs: &[Program]) -> Vec<Said> {
        let next = AtomicUsize::new(0);
        let workers = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(programs.len());
        let work = || {
            let mut said = Vec::new();
            while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                said.push((*program, self.say_of(rules, *program, LEVEL)));
            }
            said
        };
        let mut said: BTreeMap<Program, Said> = BTreeMap::new();
        thread::scope(|scope| {
            let others: Vec<_> = (1..workers.max(1)).map(|_| scope.spawn(work)).collect();
            said.extend(work());
            for other in others {
                said.extend(other.join().unwrap_or_default());
            }
        });
        let nothing = || Said::Nothing("the verifier ended in a panic".to_owned());
        programs
            .iter()
            .map(|program| said.remove(program).unwrap_or_else(nothing))
            .collect()
    }

    /// How what is said fits.
    pub(crate) fn fit(&self, program: Program, said: &Said) -> Fit {
        Fit::of(said, self.answer(program))
    }

    /// What is said of a program by these rules, with a log of this level.
    pub(crate) fn say_of(&self, rules: &Kernel, program: Program, level: u32) -> Said {
        let asked = &self.asked[program];
        let mut bpf = Bridge::new(Session::new(rules));
        let prepared = match self.objects[asked.object].prepare(asked.index, &mut bpf) {
            Ok(prepared) => prepared,
            Err(error) => return Said::Nothing(error.to_string()),
        };
        if let Some(what) = prepared.unsupported {
            return Said::Nothing(what.to_owned());
        }
        let Some(load) = prepared.target.and_then(|target| prepared.loads.get(target)) else {
            return Said::Nothing("libbpf does not load it".to_owned());
        };
        let load = ProgLoad {
            prog_flags: load.prog_flags | self.flags,
            ..load.clone()
        };
        if let Some(what) = unsure_fact(rules, &load) {
            return Said::Unsure(what);
        }
        let prog = match bpf.session().prog_load(&load) {
            Ok(prog) => prog,
            Err(LoadError::Refused(broken)) => {
                return Said::Answer {
                    errno: broken.errno.0,
                    log: String::new(),
                    figures: None,
                    sites: vec![broken.site],
                };
            }
            Err(LoadError::Unsupported(what)) => return Said::Nothing(what.to_owned()),
        };
        let handed = match verify_handed(rules, &prog, level, None) {
            Ok(handed) => handed,
            Err(error) => return Said::Nothing(error.to_string()),
        };
        let mut sites = handed.outcome.stats.passed_over;
        let errno = match handed.outcome.verdict {
            Verdict::Accepted => 0,
            Verdict::Rejected(rejected) => {
                sites.push(rejected.site);
                rejected.errno.0
            }
            Verdict::Unsupported(what) | Verdict::Bug(what) => return Said::Nothing(what),
            Verdict::GaveUp(what) => return Said::Nothing(what.to_string()),
        };
        let log = settled(handed.log);
        let figures = Figures::of(&log);
        Said::Answer {
            errno,
            log,
            figures,
            sites,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errno: i32, log: &str) -> Said {
        Said::Answer {
            errno,
            log: log.to_owned(),
            figures: Figures::of(log),
            sites: Vec::new(),
        }
    }

    #[test]
    fn a_fit_says_what_is_the_same() {
        let end = "processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0\n";
        let other = end.replace("processed 3", "processed 4");
        let answer = Answer {
            log: format!("0: (b7) r1 = 1    ; R1_w=1 fp-8_rw=2\n{end}"),
            ..Answer::default()
        };
        let of = |errno, log: String| Fit::of(&said(errno, &log), &answer);
        let marks = of(0, format!("0: (b7) r1 = 1     ; R1=1 fp-8=2\n{end}"));
        assert_eq!(of(0, answer.log.clone()), Fit::Exact);
        assert_eq!(marks, Fit::Marks);
        let figures = of(0, format!("0: (b7) r1 = 2\n{end}"));
        assert_eq!(figures, Fit::Figures(0));
        let otherwise = of(0, format!("0: (b7) r1 = 1    ; R1_w=1 fp-8_rw=2\n{other}"));
        let refused = of(13, answer.log.clone());
        assert!(!otherwise.counts() && !refused.counts() && marks.counts());
        let mut all = [
            Fit::of(&Said::Nothing(String::new()), &answer),
            refused,
            otherwise,
            figures,
            marks,
        ];
        all.sort_by_key(|fit| fit.points());
        assert_eq!(all[0], Fit::Otherwise(0));
        assert_eq!(all[3..], [figures, marks]);
    }

    #[test]
    fn marks_are_taken_off_registers_and_slots_alone() {
        assert_eq!(
            unmarked("R0_w=map_value(ks=4) R10=fp0 fp-8_rD=3"),
            "R0=map_value(ks=4) R10=fp0 fp-8=3\n"
        );
        assert_eq!(unmarked("call bpf_r=1 x_w R1_w"), "call bpf_r=1 x_w R1_w\n");
    }
}
