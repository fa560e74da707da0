//! Loading all programs of an object together, as `bpf_object__load` and `LoadCollection` do.

use verdict_engine::observer::Silent;
use verdict_engine::{Outcome, Stats, verify};
use verdict_kernel::attr::ProgLoad;
use verdict_loader::{PrepareError, Prepared, ProgFacts};
use verdict_log::{Level, Log};
use verdict_report::{Record, Refusal};

use crate::answer::End;
use crate::bridge::Bridge;
use crate::last_words::last_words;
use crate::unsure::{is_sure, unsure_fact, unsure_handed};
use crate::{Answer, OpenObject};

/// What becomes of an object that is loaded whole.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
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
        let mut whole = match self.kernel().unknown_rules() {
            Some(unknown) => self.unknown_whole(&unknown),
            None => self.load_whole(),
        };
        let assumptions = self.assumptions();
        for answer in whole.programs.iter_mut().chain(&mut whole.refusal) {
            answer.record.assumed.clone_from(&assumptions);
        }
        whole
    }

    /// Nothing can be said of any program.
    fn unknown_whole(&self, unknown: &str) -> Whole {
        let programs: Vec<_> = self
            .programs()
            .map(|program| self.unsupported(program.name(), unknown))
            .collect();
        let refusal = programs.first().cloned();
        Whole {
            refusal: refusal.or_else(|| Some(self.unsupported("", unknown))),
            programs,
        }
    }

    fn load_whole(&self) -> Whole {
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
            let name = self.program_name(*number);
            let own = bpf.0.btf_count();
            if let Some(made) = self.object.prepare_member(&prepared, *number, &mut bpf) {
                programs.push(match made.as_ref().map(|one| (one, one.loads.first())) {
                    Ok((one, Some(load))) => self.loaded(&mut bpf, one, (0, load), name),
                    Ok((_, None)) => continue,
                    Err(error) => self.unprepared(name, error.clone()),
                });
                bpf.0.close_btfs(own);
                continue;
            }
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
        if refusal.is_none() {
            let filled = self.object.finish(&prepared, &mut bpf);
            refusal = filled.err().map(|error| self.of_object(error));
            let unmodelled = bpf.0.unmodelled().filter(|_| refusal.is_none());
            refusal = refusal.or_else(|| Some(self.unsupported("", unmodelled?)));
        }
        Whole { programs, refusal }
    }

    fn of_object(&self, error: PrepareError) -> Answer {
        let end = End::Libbpf(
            error.rule.with_at(error.errno, error.site),
            error.messages.clone(),
        );
        if let Some(what) = self.asked_for(&end) {
            return self.unsupported("", &what);
        }
        let mut answer = self.unprepared("", error);
        answer.record.program = None;
        answer
    }

    fn unsupported(&self, name: &str, what: &str) -> Answer {
        let end = End::Unsupported(what.to_owned());
        let mut record = end.record(
            self.name(),
            name,
            &ProgFacts::default(),
            &Stats::default(),
            Some(0),
        );
        record.program = record.program.filter(|name| !name.is_empty());
        Answer::from(record)
    }

    fn unprepared(&self, name: &str, error: PrepareError) -> Answer {
        let broken = error.rule.with_at(error.errno, error.site);
        let refusal = Some(Refusal::by(error.rule));
        let end = End::Libbpf(broken, error.messages);
        let record = end.record(self.name(), name, &error.facts, &Stats::default(), Some(0));
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
        let unsure = || unsure_fact(kernel, load);
        let unsupported = prepared.unsupported.map(ToOwned::to_owned).or_else(unsure);
        let end = match bpf.0.prog_load(load) {
            _ if unsupported.is_some() => End::Unsupported(unsupported.unwrap_or_default()),
            Ok(prog) => {
                let silent = outcome.insert(verify(kernel, &prog, &mut Silent));
                let mut end = End::from(silent.verdict.clone());
                if !is_sure(kernel)
                    && let Some(what) = unsure_handed(kernel, &prog, silent)
                {
                    end = End::Unsupported(what);
                }
                if matches!(end, End::Accepted)
                    && let Err(error) = bpf.0.keep(name, &prog)
                {
                    end = error.into();
                }
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
            Err(error) => error.into(),
        };
        let refusal = end.rule().map(Refusal::by);
        let stats = outcome.map(|outcome| outcome.stats).unwrap_or_default();
        let mut record = end.record(self.name(), name, &facts, &stats, Some(0));
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
