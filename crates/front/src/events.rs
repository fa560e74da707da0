//! Perf events, to which programs are attached, and what is polled: nothing ever happens.

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::ProgType;

use crate::attach::Attached;
use crate::files::{KPROBE, UPROBE};
use crate::objects::{Body, EventBody, Handle, Kind, Open};
use crate::play::{Answer, Call, Done, Play};

/// `PERF_EVENT_IOC_*` that are answered: enable, disable, reset, id, set a program, query programs, modify.
pub(crate) const REQUESTS: &[u32] = &[ENABLE, 0x2401, 0x2403, ID, SET_BPF, 0xc008_240a, 0x4008_240b];
const ENABLE: u32 = 0x2400;
const ID: u32 = 0x8008_2407;
const SET_BPF: u32 = 0x4004_2408;

/// `PERF_FLAG_FD_CLOEXEC`.
const FD_CLOEXEC: u64 = 8;

/// Bytes of the memory that events can be mapped as.
const RING: u64 = 1 << 26;

/// `PERF_TYPE_TRACEPOINT`.
const TRACEPOINT: u32 = 2;

/// The first type that is a device's.
const DEVICES: u32 = 6;

impl Play<'_> {
    pub(crate) fn event_open(&mut self, call: &Call) -> Answer {
        let mut head = [0; 8];
        call.task.read(call.arg(0), &mut head).map_err(Errno)?;
        let [a, b, c, d, e, f, g, h] = head;
        let (kind, size) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let known = kind < DEVICES || matches!(kind, KPROBE | UPROBE);
        if !known {
            return Err(Errno::ENOENT);
        }
        if size != 0 && !(64..=4096).contains(&size) {
            return Err(Errno::E2BIG);
        }
        if kind == KPROBE {
            self.check_function(call)?;
        }
        if kind == TRACEPOINT {
            // `config` of `struct perf_event_attr`.
            let mut number = [0; 8];
            let at = call.arg(0).wrapping_add(8);
            call.task.read(at, &mut number).map_err(Errno)?;
            if !self.events.has(self.kernel, u64::from_le_bytes(number)) {
                return Err(Errno::EINVAL);
            }
        }
        let file = verdict_notify::memory_file(c"[perf_event]").map_err(|_| Errno::ENOMEM)?;
        file.set_len(RING).map_err(|_| Errno::ENOMEM)?;
        let runs = match kind {
            KPROBE | UPROBE => ProgType::Kprobe,
            TRACEPOINT => ProgType::Tracepoint,
            _ => ProgType::PerfEvent,
        };
        let body = Body::Event(EventBody { runs, prog: None });
        let added = self.objects.add_with(body, file, false);
        let handle = added.map_err(|_| Errno::ENOMEM)?;
        let file = self.objects.open(handle, true, true).map_err(|_| Errno::EMFILE)?;
        self.given = Some(handle);
        let closes = call.arg(4) & FD_CLOEXEC != 0;
        Ok(Done::Descriptor(file, closes))
    }

    /// The function that a probe is put on is there.
    fn check_function(&mut self, call: &Call) -> Result<(), Errno> {
        // config1 of `struct perf_event_attr`.
        let mut at = [0; 8];
        call.task
            .read(call.arg(0).wrapping_add(56), &mut at)
            .map_err(Errno)?;
        let at = u64::from_le_bytes(at);
        if at == 0 {
            return Ok(());
        }
        let name = call
            .task
            .read_string(at, 128)
            .map_err(Errno)?
            .ok_or(Errno::EINVAL)?;
        let name = String::from_utf8_lossy(&name);
        match self.kernel.ksym(&name) {
            // `within_notrace_func`.
            Some(_) if self.has_no_probes("perf_event_open", &name) => Err(Errno::EINVAL),
            Some(_) => Ok(()),
            None => Err(Errno::ENOENT),
        }
    }

    pub(crate) fn event_control(&mut self, call: &Call) -> Answer {
        let Open::Object(handle, _) = self.objects.of(call.task, call.int(0)) else {
            return Ok(Done::Machine);
        };
        let is_event = matches!(self.objects.get(handle).map(|o| &o.body), Some(Body::Event(_)));
        if !is_event {
            return Err(Errno::ENOTTY);
        }
        match call.arg(1) as u32 {
            SET_BPF => {
                let prog = self.object_of(call.task, call.int(2), Kind::Prog, Errno::EINVAL)?;
                let prog = self.attached_of(prog.handle).ok_or(Errno::EINVAL)?;
                self.run_at(handle, prog)?;
                Ok(Done::Value(0))
            }
            ID => {
                let id = self.objects.get(handle).map_or(0, |object| u64::from(object.id));
                call.task.write(call.arg(2), &id.to_le_bytes()).map_err(Errno)?;
                Ok(Done::Value(0))
            }
            _ => Ok(Done::Value(0)),
        }
    }

    /// Has a perf event run a program (`__perf_event_set_bpf_prog`).
    pub(crate) fn run_at(&mut self, event: Handle, prog: Attached) -> Result<(), Errno> {
        let of = |play: &Self| match play.objects.get(event).map(|object| &object.body) {
            Some(Body::Event(event)) => Ok(*event),
            _ => Err(Errno::EINVAL),
        };
        if of(self)?.runs != prog.prog_type {
            return Err(Errno::EINVAL);
        }
        if of(self)?.prog.is_some() {
            // A link that nobody keeps has let it go.
            self.sweep();
        }
        if of(self)?.prog.is_some() {
            return Err(Errno::EEXIST);
        }
        self.set_program(event, Some(prog.handle));
        Ok(())
    }

    /// Says which program an event runs.
    pub(crate) fn set_program(&mut self, event: Handle, prog: Option<Handle>) {
        if let Some(Body::Event(event)) = self.objects.get_mut(event).map(|object| &mut object.body) {
            event.prog = prog;
        }
    }

    /// Files in memory cannot be polled; what they stand for can, and never has anything to say.
    pub(crate) fn epoll(&mut self, call: &Call) -> Answer {
        match self.objects.of(call.task, call.int(2)) {
            Open::Object(..) => Ok(Done::Value(0)),
            _ => Ok(Done::Machine),
        }
    }
}
