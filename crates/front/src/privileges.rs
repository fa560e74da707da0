//! What tasks may do: everything, as root, until they give up capabilities (capset(2)).

use std::collections::HashMap;
use std::fs;

use verdict_kernel::errno::Errno;
use verdict_kernel::limits::Capabilities;
use verdict_kernel::semantics::control::BpfMemory;
use verdict_notify::Task;

use crate::bpf::PAGE;
use crate::play::{Answer, Call, Done, Play};

/// Numbers of capabilities.
const NET_ADMIN: u32 = 12;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// All that there are.
const ALL: u64 = (1 << 41) - 1;

/// How many tasks are known to have given up something: more than that are forgotten.
const MOST: usize = 1 << 12;

/// The sets of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sets {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

impl Sets {
    /// Root's, whose bounding set has no others.
    fn of_root(may: Capabilities) -> Sets {
        let bits = [
            (may.bpf, BPF),
            (may.perfmon, PERFMON),
            (may.net_admin, NET_ADMIN),
            (may.sys_admin, SYS_ADMIN),
        ];
        let own = bits.iter().filter(|(has, _)| *has);
        let set = match may == Capabilities::ALL {
            true => ALL,
            false => own.fold(0, |set, (_, number)| set | 1 << number),
        };
        Sets {
            effective: set,
            permitted: set,
            inheritable: 0,
        }
    }
}

/// What tells a task from another one of the same number, and from what it is once it executes another program, which gives
/// all of root's capabilities back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Who {
    started: String,
    program: std::path::PathBuf,
}

impl Who {
    fn of(task: Task) -> Option<Who> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", task.id())).ok()?;
        // Behind the name, which may hold anything, it is the 20th word.
        let started = stat.rsplit(") ").next()?.split(' ').nth(19)?.to_owned();
        let program = fs::read_link(format!("/proc/{}/exe", task.id())).ok()?;
        Some(Who { started, program })
    }
}

/// The tasks that gave up something.
#[derive(Debug)]
pub(crate) struct Privileges {
    /// What all others have.
    own: Sets,
    given_up: HashMap<i32, (Who, Sets)>,
    /// Those that may not lock a page of memory (`RLIMIT_MEMLOCK`).
    lock_nothing: HashMap<i32, Who>,
}

/// How many words of 32 bits the sets of a version of capget(2) have.
fn words(call: &Call) -> Result<Option<usize>, Errno> {
    let mut head = [0; 4];
    call.task.read(call.arg(0), &mut head).map_err(Errno)?;
    Ok(match u32::from_le_bytes(head) {
        0x1998_0330 => Some(1),
        0x2007_1026 | 0x2008_0522 => Some(2),
        _ => None,
    })
}

impl Privileges {
    /// Those of tasks that begin with these.
    pub(crate) fn new(may: Capabilities) -> Privileges {
        Privileges {
            own: Sets::of_root(may),
            given_up: HashMap::new(),
            lock_nothing: HashMap::new(),
        }
    }

    fn sets(&self, task: Task) -> Sets {
        match self.given_up.get(&task.id()) {
            Some((known, sets)) if Who::of(task).as_ref() == Some(known) => *sets,
            _ => self.own,
        }
    }

    /// What a task may do of what BPF asks about.
    pub(crate) fn of(&self, task: Task) -> Capabilities {
        let sets = match self.given_up.is_empty() {
            true => self.own,
            false => self.sets(task),
        };
        let may = |number: u32| sets.effective & 1 << number != 0;
        let sys_admin = may(SYS_ADMIN);
        Capabilities {
            bpf: may(BPF) || sys_admin,
            perfmon: may(PERFMON) || sys_admin,
            net_admin: may(NET_ADMIN) || sys_admin,
            sys_admin,
        }
    }

    /// capget(2).
    pub(crate) fn get(&self, call: &Call) -> Answer {
        let Some(words) = words(call)? else {
            return Ok(Done::Machine);
        };
        if call.arg(1) == 0 {
            return Ok(Done::Value(0));
        }
        let sets = self.sets(call.task);
        let mut bytes = Vec::new();
        for shift in [0, 32].into_iter().take(words) {
            for set in [sets.effective, sets.permitted, sets.inheritable] {
                bytes.extend(((set >> shift) as u32).to_le_bytes());
            }
        }
        call.task.write(call.arg(1), &bytes).map_err(Errno)?;
        Ok(Done::Value(0))
    }

    /// capset(2) (`cap_capset`).
    pub(crate) fn set(&mut self, call: &Call) -> Answer {
        let Some(words) = words(call)? else {
            return Ok(Done::Machine);
        };
        let mut bytes = vec![0; 12 * words];
        call.task.read(call.arg(1), &mut bytes).map_err(Errno)?;
        let set = |at: usize| {
            let halves = bytes.as_chunks::<4>().0.iter().skip(at).step_by(3).rev();
            halves.fold(0, |set, half| set << 32 | u64::from(u32::from_le_bytes(*half))) & ALL
        };
        let new = Sets {
            effective: set(0),
            permitted: set(1),
            inheritable: set(2),
        };
        let old = self.sets(call.task);
        if new.permitted & !old.permitted != 0 || new.effective & !new.permitted != 0 {
            return Err(Errno::EPERM);
        }
        if self.given_up.len() >= MOST {
            self.given_up.clear();
        }
        if let Some(who) = Who::of(call.task) {
            self.given_up.insert(call.task.id(), (who, new));
        }
        Ok(Done::Value(0))
    }
}

impl Privileges {
    /// setrlimit(2) and prlimit(2) of locked memory: the limit can be raised.
    pub(crate) fn limit(&mut self, call: &Call) -> Answer {
        let both = i64::from(call.number) == libc::SYS_prlimit64;
        let new = call.arg(if both { 2 } else { 1 });
        if new == 0 {
            return Ok(Done::Machine);
        }
        let mut soft = [0; 8];
        call.task.read(new, &mut soft).map_err(Errno)?;
        if both && call.arg(3) != 0 {
            let none = [u64::MAX.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
            call.task.write(call.arg(3), &none).map_err(Errno)?;
        }
        let own = !both || matches!(call.int(0), 0) || call.int(0) == call.task.id();
        if own && u64::from_le_bytes(soft) < PAGE {
            if let Some(who) = Who::of(call.task).filter(|_| self.lock_nothing.len() < MOST) {
                self.lock_nothing.insert(call.task.id(), who);
            }
        } else if own {
            self.lock_nothing.remove(&call.task.id());
        }
        Ok(Done::Value(0))
    }
}

impl Play<'_> {
    /// Whether a task may lock a page of memory, where the kernel charges maps and programs: others than those that may lock
    /// none have plenty.
    pub(crate) fn locks(&self, task: Task) -> Result<(), Errno> {
        let charges = self.kernel.semantics.control.bpf_memory != BpfMemory::Memcg;
        let limited = self.privileges.lock_nothing.get(&task.id());
        match limited.filter(|_| charges) {
            Some(known) if Who::of(task).as_ref() == Some(known) => Err(Errno::EPERM),
            _ => Ok(()),
        }
    }
}

/// The commands that are for `CAP_SYS_ADMIN`: ids and the objects of ids, what a task's descriptor is of, statistics.
const OF_ADMINISTRATORS: &[u32] = &[11, 12, 13, 14, 19, 20, 23, 30, 31, 32];

/// A BTF is for `CAP_BPF`.
const BTF_LOAD: u32 = 18;

impl Play<'_> {
    /// Whether a task may give a command at all, and what it may make is for whom it makes it.
    pub(crate) fn admitted(&mut self, task: Task, number: u32, name: &'static str) -> Result<(), Errno> {
        let may = self.privileges.of(task);
        self.session.act_with(may);
        if may.bpf {
            return Ok(());
        }
        let makes = matches!(number, 0 | 5);
        let closed = self.kernel.config("CONFIG_BPF_UNPRIV_DEFAULT_OFF") == Some("y");
        if closed && (makes || self.kernel.calls().closes_all_commands) {
            return Err(Errno::EPERM);
        }
        match makes {
            true => self.unmodelled(name, "loading without CAP_BPF", Errno::EPERM),
            false => Ok(()),
        }
    }

    /// Whether a task may give a command whose attributes are in order.
    pub(crate) fn permitted(&self, task: Task, number: u32) -> Result<(), Errno> {
        let may = self.privileges.of(task);
        let refused =
            (OF_ADMINISTRATORS.contains(&number) && !may.sys_admin) || (number == BTF_LOAD && !may.bpf);
        if refused { Err(Errno::EPERM) } else { Ok(()) }
    }
}
