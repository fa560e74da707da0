//! Callbacks: functions of the program that a helper or kernel function runs.
//!
//! A synchronous callback is walked from the call, in a frame above it, and returns to the call, which is
//! then executed again, until a state is met that was there before. An asynchronous one (timers, work
//! queues) is walked as a program of its own.

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::semantics::control::{CallbackMap, Callbacks};
use verdict_kernel::types::RegBase;

use crate::error::{Res, reject};
use crate::index::{FrameNo, InsnIdx, R1, R3, R4, RegNo, SubprogIdx};
use crate::observer::{CallKind, Event, Observer};
use crate::state::{BtfHandle, DynptrKind, Frame, FrameSlot, Marks, Reg, RetRange, State};
use crate::verifier::{Flow, Verifier};

/// What a callback's registers are at its entry (the kernel's `set_*_callback_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallbackFrame {
    /// `bpf_for_each_map_elem`.
    MapElem,
    /// `bpf_loop`.
    Loop,
    /// `bpf_timer_set_callback`, `bpf_wq_set_callback`.
    Timer,
    /// `bpf_find_vma`.
    FindVma,
    /// `bpf_user_ringbuf_drain`.
    UserRingbuf,
    /// `bpf_rbtree_add`.
    RbtreeAdd,
    /// `bpf_task_work_schedule_signal`, `bpf_task_work_schedule_resume`.
    TaskWork,
}

/// Where an argument of a callback comes from.
enum Source {
    /// A plain copy of a register of the caller.
    Caller(RegNo),
    /// A new value.
    New(Reg),
    /// Not initialised.
    Nothing,
}

impl<O: Observer> Verifier<'_, O> {
    /// Splits off the callback's walk; the call itself goes on as if it had returned (`push_callback_call`).
    pub(crate) fn push_callback_call(&mut self, subprog: SubprogIdx, kind: CallbackFrame) -> Res<()> {
        let idx = self.walk.insn_idx;
        if let Err(failure) = self.check_subprog_args(subprog) {
            if failure.errno().is_none_or(|e| e == Errno::EFAULT) {
                return Err(failure);
            }
            self.say_failure(&failure);
        }
        self.program.subprogs[subprog].is_cb = true;
        let start = self.program.subprogs[subprog].start;
        if self.calls_async_callback(idx) {
            return self.push_async_callback(subprog, start, kind);
        }
        if self.walks_callbacks_once() {
            return self.call_callback(subprog, idx, kind);
        }
        let fork = self.fork(start)?;
        let entered: Option<Res<()>> = self.both(fork, |this, other| {
            this.enter_callback(other, subprog, idx, kind)?;
            this.show_callback(other, subprog, CallKind::Callback);
            Ok(())
        });
        entered.unwrap_or(Ok(()))?;
        self.walk.cur.frame_mut().callback_depth = 0;
        Ok(())
    }

    fn enter_callback(
        &mut self,
        state: &mut State,
        subprog: SubprogIdx,
        idx: InsnIdx,
        kind: CallbackFrame,
    ) -> Res<()> {
        let caller = self.enter_frame(state, subprog, idx)?;
        let caller_marks = state.frames[caller].marks;
        let sources = self.callback_arguments(kind)?;
        let regs = state.frames[caller].body.regs;
        let top = state.curframe();
        for (r, source) in RegNo::args().zip(sources) {
            let value = match source {
                Source::Caller(from) => {
                    state.frames[top].marks.copy_struct(r, &caller_marks, from);
                    regs[from]
                }
                Source::New(reg) => reg,
                Source::Nothing => Reg::NOT_INIT,
            };
            state.frame_at_mut(top).regs[r] = value;
        }
        let callee = state.frame_at_mut(top);
        callee.in_callback_fn = true;
        callee.callback_ret_range = RetRange { min: 0, max: 1 };
        // Rounds are counted where there may be many.
        if !self.walks_callbacks_once() {
            state.callback_unroll_depth += 1;
            state.frame_at_mut(caller).callback_depth += 1;
        }
        Ok(())
    }

    /// Whether a callback is walked once, in the path of the call that runs it.
    pub(crate) fn walks_callbacks_once(&self) -> bool {
        self.env.kernel.semantics.control.callbacks == Callbacks::Once
    }

    /// Goes on in the callback; what the call itself does to its caller is still to be done.
    fn call_callback(&mut self, subprog: SubprogIdx, idx: InsnIdx, kind: CallbackFrame) -> Res<()> {
        let caller = self.walk.cur.curframe();
        let mut state = self.walk.cur.clone();
        self.enter_callback(&mut state, subprog, idx, kind)?;
        self.walk.cur = state;
        self.clear_caller_saved(caller);
        self.show_entered(idx, subprog, caller);
        Ok(())
    }

    /// Puts the frame of a callback that was entered from `caller` aside.
    pub(super) fn leave_callback(&mut self, caller: FrameNo) -> Option<FrameSlot> {
        if self.walk.cur.curframe() <= caller {
            return None;
        }
        let callback = self.walk.cur.frames.top().clone();
        self.walk.cur.frames.pop();
        Some(callback)
    }

    /// The call has its result: its callback is executed. A quirk: the registers that the call does not preserve
    /// count as written in the callback's frame.
    pub(super) fn resume_callback(&mut self, mut callback: FrameSlot) -> Flow {
        callback.marks.written |= 0x3f;
        let start = self.program.subprogs[callback.body.subprogno].start;
        self.walk.cur.frames.push(callback);
        Flow::Goto(start)
    }

    fn show_callback(&mut self, state: &State, subprog: SubprogIdx, how: CallKind) {
        if O::LISTENING {
            let (idx, subprog) = (self.walk.insn_idx, subprog.0);
            self.env.obs.event(Event::Call {
                state,
                idx: idx.0,
                subprog,
                how,
            });
        }
    }

    fn push_async_callback(&mut self, subprog: SubprogIdx, start: InsnIdx, kind: CallbackFrame) -> Res<()> {
        self.program.subprogs[subprog].is_async_cb = true;
        let sleepable = self.insn().is_kfunc_call() && self.is_wq_callback_kfunc(self.insn().imm);
        let mut frame = Frame::new(None, FrameNo::OUTERMOST, subprog);
        frame.async_entry_cnt = self.walk.cur.frame().async_entry_cnt + 1;
        let sources = self.callback_arguments(kind)?;
        let regs = self.walk.cur.frame().regs;
        for (r, source) in RegNo::args().zip(sources) {
            frame.regs[r] = match source {
                Source::Caller(from) => regs[from],
                Source::New(reg) => reg,
                Source::Nothing => Reg::NOT_INIT,
            };
        }
        frame.in_async_callback_fn = true;
        frame.callback_ret_range = match kind {
            CallbackFrame::TaskWork => RetRange {
                min: i32::MIN,
                max: i32::MAX,
            },
            _ => RetRange { min: 0, max: 0 },
        };
        let fork = self.fork_async(start, frame, sleepable)?;
        self.both(fork, |this, other| {
            other.frames[FrameNo::OUTERMOST].marks = Marks::NONE;
            this.show_callback(other, subprog, CallKind::AsyncCallback);
        });
        if O::LISTENING {
            self.env.obs.event(Event::All);
        }
        Ok(())
    }

    /// What R1 to R5 of the callback are, from the registers of the call.
    fn callback_arguments(&mut self, kind: CallbackFrame) -> Res<[Source; 5]> {
        use Source::{Caller, New, Nothing};
        let same_inner = self.env.kernel.semantics.control.callback_map == CallbackMap::SameInner;
        let map_reg = |base: RegBase, from: &Reg| {
            let mut reg = Reg::pointer(base);
            reg.set_map(from.map());
            if same_inner {
                reg.set_map_uid(from.map_uid());
            }
            New(reg)
        };
        let r1 = *self.reg(R1);
        Ok(match kind {
            CallbackFrame::MapElem => {
                if self.walks_callbacks_once() && self.aux_mut().maps_differ {
                    reject!(CallbackFunction, EINVAL, "tail_call abusing map_ptr\n");
                }
                let map = self.program.aux[self.walk.insn_idx].map;
                let map = map.and_then(|map| self.program.maps.get(map));
                let iterable = map.is_some_and(|m| has_for_each(m.map_type));
                if !iterable {
                    reject!(
                        CallbackFunction,
                        ENOTSUPP,
                        "callback function not allowed for map\n"
                    );
                }
                [
                    Caller(R1),
                    map_reg(RegBase::MapKey, &r1),
                    map_reg(RegBase::MapValue, &r1),
                    Caller(R3),
                    Nothing,
                ]
            }
            CallbackFrame::Loop => [New(Reg::UNKNOWN), Caller(R3), Nothing, Nothing, Nothing],
            CallbackFrame::Timer | CallbackFrame::TaskWork => {
                let map = match kind {
                    CallbackFrame::TaskWork => *self.reg(R3),
                    _ => r1,
                };
                [
                    map_reg(RegBase::ConstMapPtr, &map),
                    map_reg(RegBase::MapKey, &map),
                    map_reg(RegBase::MapValue, &map),
                    Nothing,
                    Nothing,
                ]
            }
            CallbackFrame::FindVma => {
                let mut vma = Reg::pointer(RegBase::BtfId);
                vma.set_btf(BtfHandle::VMLINUX, self.vmlinux_struct("vm_area_struct"));
                [Caller(R1), New(vma), Caller(R4), Nothing, Nothing]
            }
            CallbackFrame::UserRingbuf => {
                let mut dynptr = Reg::pointer(RegBase::ConstDynptr);
                dynptr.set_dynptr(DynptrKind::Local, true);
                if !self.has_plain_dynptrs() {
                    dynptr.id = self.next_id();
                }
                [New(dynptr), Caller(R3), Nothing, Nothing, Nothing]
            }
            CallbackFrame::RbtreeAdd => {
                let node = self.node_of_tree(&r1)?;
                [New(node), New(node), Nothing, Nothing, Nothing]
            }
        })
    }

    /// The id of a struct of the kernel; 0 if it has none of that name.
    pub(crate) fn vmlinux_struct(&self, name: &str) -> u32 {
        self.env
            .kernel
            .btf
            .find(name, verdict_btf::Kind::Struct)
            .map_or(0, |id| id.0)
    }
}

/// Whether `bpf_for_each_map_elem` works on maps of this type (`map_set_for_each_callback_args`).
fn has_for_each(ty: MapType) -> bool {
    matches!(
        ty,
        MapType::Array
            | MapType::PercpuArray
            | MapType::Hash
            | MapType::PercpuHash
            | MapType::LruHash
            | MapType::LruPercpuHash
    )
}
