//! Loading all programs of an object together, as `bpf_object__load` and `LoadCollection` do.

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, Stats, verify};
use verdict_kernel::attr::ProgLoad;
use verdict_loader::{PrepareError, Prepared, ProgFacts};
use verdict_log::{Level, Log};
use verdict_report::{Record, Refusal};
use verdict_syscall::prog::LoadError;

use crate::answer::End;
use crate::bridge::Bridge;
use crate::last_words::last_words;
use crate::{Answer, OpenObject};

/// What becomes of an object that is loaded whole.
#[derive(Clone, Debug)]
pub struct Whole {
    /// What becomes of each program that is loaded, those behind the first refusal included.
    pub programs: Vec<Answer>,
    /// The first refusal, by which loading the object ends: of a program, or of the object; `None` if it loads.
    pub refusal: Option<Answer>,
}

impl OpenObject<'_> {
    /// Loads the whole object: its maps once, its programs in order, and then what is filled with them. What its library
    /// does not load unless it is told to (sections whose names begin with `?`) is left out.
    pub fn check_whole(&self) -> Whole {
        if self.object.is_cilium() {
            return self.check_collection();
        }
        let mut bpf = self.bridge(self.kernel());
        let prepared = match self.object.prepare_whole(&mut bpf) {
            Ok(prepared) => prepared,
            Err(error) => {
                return Whole {
                    programs: Vec::new(),
                    refusal: Some(self.of_object(error)),
                };
            }
        };
        let mut loads = prepared.loads.iter().enumerate();
        let mut programs = Vec::new();
        for (place, number) in prepared.order.iter().enumerate() {
            let name = self.object.program_name(*number);
            let failed = prepared.failed.iter().find(|(at, _)| *at == place);
            programs.push(match failed {
                Some((_, error)) => self.unprepared(name, error.clone()),
                None => match loads.next() {
                    Some((at, load)) => self.loaded(&mut bpf, &prepared, (at, load), name),
                    None => break,
                },
            });
        }
        let mut refusal = programs
            .iter()
            .find(|answer| !is_accepted(&answer.record))
            .cloned();
        if refusal.is_none()
            && let Err(error) = self.object.finish(&prepared, &mut bpf)
        {
            refusal = Some(self.of_object(error));
        }
        Whole { programs, refusal }
    }

    /// A collection of cilium/ebpf: each program is prepared by itself, and program arrays name programs of the collection.
    fn check_collection(&self) -> Whole {
        let typed = (0..self.object.program_count()).filter(|index| !self.object.is_untyped(*index));
        let programs: Vec<_> = typed.map(|index| self.check(index)).collect();
        let refusal = programs
            .iter()
            .find(|answer| !is_accepted(&answer.record))
            .cloned();
        Whole { programs, refusal }
    }

    fn of_object(&self, error: PrepareError) -> Answer {
        let mut answer = self.unprepared("", error);
        answer.record.program = None;
        answer
    }

    fn unprepared(&self, name: &str, error: PrepareError) -> Answer {
        let broken = error.rule.with(error.errno);
        let refusal = Some(Refusal::by(error.rule));
        let end = End::Libbpf(broken, error.messages);
        let record = end.record(self.name(), name, &error.facts, &Stats::default(), 0);
        Answer {
            refusal,
            ..Answer::from(record)
        }
    }

    /// `BPF_PROG_LOAD` of one of the programs.
    fn loaded(
        &self,
        bpf: &mut Bridge<'_>,
        prepared: &Prepared,
        (at, load): (usize, &ProgLoad),
        name: &str,
    ) -> Answer {
        let kernel = self.kernel();
        let facts = ProgFacts {
            prog_type: load.prog_type,
            attach_type: load.expected_attach_type,
            insn_cnt: load.insns.len(),
        };
        let mut outcome: Option<Outcome> = None;
        let mut words = None;
        let end = match bpf.0.prog_load(load) {
            Ok(prog) => {
                let silent = outcome.insert(verify(kernel, &prog, &mut Silent));
                let end = End::from(silent.verdict.clone());
                if matches!(end, End::Kernel(_)) {
                    let mut text = Vec::new();
                    let mut log = Log::sized(kernel, &prog, Level(1), None, &mut text);
                    verify(kernel, &prog, &mut log);
                    let _ = log.finish(); // a vector takes all
                    self.object.fixup_log(prepared, at, &mut text);
                    words = last_words(&text);
                }
                end
            }
            Err(LoadError::Refused(broken)) => End::Kernel(broken),
            Err(LoadError::Unsupported(what)) => End::Unsupported(what.to_owned()),
        };
        let refusal = end.rule().map(Refusal::by);
        let stats = outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let mut record = end.record(self.name(), name, &facts, &stats, 0);
        record.tail = words;
        Answer {
            refusal,
            ..Answer::from(record)
        }
    }
}

fn is_accepted(record: &Record) -> bool {
    record.verdict == verdict_report::Verdict::Success
}
