//! Programs: `PROG_LOAD` and `PROG_BIND_MAP`.

use std::sync::Arc;

use verdict::{Handed, unsure_fact, verify_handed};
use verdict_engine::Verdict;
use verdict_kernel::attr::ProgLoad;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Rule;
use verdict_syscall::prog::LoadError;
use verdict_syscall::{Prog, ProgBtf};

use crate::bpf::Asked;
use crate::btfs::LogBuffer;
use crate::objects::{Body, Handle, Kind, ProgBody};
use crate::passed::Passed;
use crate::play::{Answer, Done, Play};
use crate::records::{Loaded, What};

impl Play<'_> {
    pub(crate) fn prog_load(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let passed = self.passed(asked)?;
        let buffer = LogBuffer {
            level: attr.u32("log_level"),
            size: attr.u32("log_size"),
            at: attr.u64("log_buf"),
            true_size: "log_true_size",
        };
        let loaded = self.session.prog_load(&passed.load);
        // Memory is charged when all else is in order.
        let charged = loaded.and_then(|prog| match self.locks(asked.call.task) {
            Ok(()) => Ok(prog),
            Err(errno) => Err(LoadError::Refused(Rule::MemoryLock.with(errno))),
        });
        let prog = match charged {
            Ok(prog) => Arc::new(prog),
            Err(error) => {
                let error = self.bound(asked, error);
                return Err(self.not_loaded(passed.load, error));
            }
        };
        if !buffer.is_valid(self) {
            return Err(Errno::EINVAL);
        }
        let described = attr.u32("func_info_cnt") != 0 || attr.u32("line_info_cnt") != 0;
        if attr.u32("core_relo_cnt") != 0 && described && prog.misfit.is_none() {
            let what = "relocation by the kernel (core_relos)";
            return self.unmodelled(asked.name, what, Errno::EOPNOTSUPP);
        }
        self.prog_verify(asked, passed, &prog, &buffer)
    }

    /// Has a program that was admitted verified, and keeps it if it is accepted.
    fn prog_verify(
        &mut self,
        asked: &Asked<'_>,
        passed: Passed,
        prog: &Arc<Prog>,
        buffer: &LogBuffer,
    ) -> Answer {
        let handed = verify_handed(self.kernel, prog, buffer.level, buffer.room());
        let Handed {
            mut outcome,
            loaded,
            log,
            written,
        } = handed.map_err(|_| Errno::ENOMEM)?;
        if let Some(what) = unsure_fact(self.kernel, &passed.load) {
            outcome.verdict = Verdict::Unsupported(what);
        }
        let told = buffer.hand_over(asked, &log, written);
        if let Verdict::Rejected(rejected) = &outcome.verdict {
            self.refused_at(rejected.site);
        }
        let mut end = match &outcome.verdict {
            Verdict::Accepted => Ok(()),
            Verdict::Rejected(rejected) => Err(rejected.errno),
            Verdict::Unsupported(_) | Verdict::Bug(_) | Verdict::GaveUp(_) => Err(Errno::EOPNOTSUPP),
        };
        let beside = told.err();
        end = told.and(end);
        let id = self.objects.next_of(Kind::Prog);
        if end.is_ok()
            && let Err(error) = self.session.keep(&id.to_string(), prog)
        {
            return Err(self.not_loaded(passed.load, error));
        }
        let (verified_insns, functions) = (outcome.stats.insns, outcome.stats.stack_depth.len());
        let errno = end.err();
        self.note_prog(
            passed.load,
            Ok((Arc::clone(prog), outcome)),
            errno.unwrap_or(Errno(0)),
            beside,
        );
        end?;
        let loaded = loaded.map(Arc::new).ok_or(Errno::ENOMEM)?;
        let body = Body::Prog(ProgBody {
            loaded,
            place: None,
            maps: passed.maps,
            btf: passed.btf,
            target: passed.target,
            tag: passed.tag,
            verified_insns,
            functions,
            loaded_at: since_boot(),
            spent: false,
        });
        let handle = self.objects.add(body, false).map_err(|_| Errno::ENOMEM)?;
        self.give(handle, true, true)
    }

    /// Why a program for a device is refused, where that is certain (`bpf_prog_dev_bound_init`).
    fn bound(&self, asked: &Asked<'_>, error: LoadError) -> LoadError {
        let number = asked.attr.u32("prog_ifindex");
        if number == 0 || !matches!(error, LoadError::Unsupported(_)) {
            return error;
        }
        match self.device(asked.call.task, number) {
            Ok((_, Some(false))) => Rule::ProgramAttributes.with(Errno::EINVAL).into(),
            _ => error,
        }
    }

    /// Notes a program that did not come to be verified, and gives the errno.
    pub(crate) fn not_loaded(&mut self, load: ProgLoad, error: LoadError) -> Errno {
        let errno = match &error {
            LoadError::Refused(broken) => {
                self.refused_at(broken.site);
                broken.errno
            }
            LoadError::Unsupported(_) => Errno::EOPNOTSUPP,
        };
        self.note_prog(load, Err(error), errno, None);
        errno
    }

    fn note_prog(
        &mut self,
        load: ProgLoad,
        end: Result<(Arc<Prog>, verdict_engine::Outcome), LoadError>,
        errno: Errno,
        beside: Option<Errno>,
    ) {
        let what = What::Prog(Box::new(Loaded { load, end, beside }));
        self.note("PROG_LOAD", what, (errno.0 != 0).then_some(errno));
    }

    /// The types of a BTF that a program brought along.
    pub(crate) fn types_of(&self, handle: Handle) -> Option<&Arc<ProgBtf>> {
        match &self.objects.get(handle)?.body {
            Body::Btf(btf) => btf.btf.as_ref(),
            _ => None,
        }
    }

    /// `bpf_prog_bind_map`.
    pub(crate) fn prog_bind_map(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        if attr.u32("prog_bind_map.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let task = asked.call.task;
        let prog = self.object_of(task, attr.fd("prog_bind_map.prog_fd"), Kind::Prog, Errno::EINVAL)?;
        let map = self.object_of(task, attr.fd("prog_bind_map.map_fd"), Kind::Map, Errno::EINVAL)?;
        if let Some(Body::Prog(prog)) = self.objects.get_mut(prog.handle).map(|object| &mut object.body)
            && !prog.maps.contains(&map.handle)
        {
            prog.maps.push(map.handle);
        }
        Ok(Done::Value(0))
    }
}

/// Nanoseconds since the machine was booted; as exact as `/proc/uptime` is.
fn since_boot() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = uptime
        .split(' ')
        .next()
        .and_then(|seconds| seconds.parse::<f64>().ok());
    seconds.map_or(1, |seconds| (seconds * 1e9) as u64)
}
