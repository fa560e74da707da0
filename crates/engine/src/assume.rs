//! What a verification may be asked to take for granted: changes to a program that are tried before they are advised.
//!
//! An assumption stands for instructions that the program does not have, and teaches what those would teach: a comparison
//! with a constant, a check for NULL, a comparison with the packet's end, a release. **Invariant:** no verification has any,
//! but for those that [`verify_assuming`](crate::verify_assuming) runs, and these are always listened to.

use verdict_domain::Bounds;
use verdict_isa::{Op, Width};
use verdict_kernel::types::{Flags, RegBase};

use crate::error::Res;
use crate::index::{InsnIdx, RegNo};
use crate::observer::Observer;
use crate::state::{ActiveLock, REGS, Ref, RefKind, Reg, State};
use crate::verifier::{ArgUse, Flow, Verifier};

/// What is taken for granted whenever the walk is about to execute an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assumption {
    /// The instruction.
    pub insn: u32,
    /// What holds there.
    pub what: Assumed,
}

/// What is taken for granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Assumed {
    /// The number in a register lies in this range; paths on which it cannot end.
    Range {
        /// The register.
        reg: u8,
        /// Least value, signed.
        min: i64,
        /// Greatest value, signed.
        max: i64,
        /// Which part of the register is compared. Of 32 bits, ends that are not negative are compared as unsigned ones.
        width: Width,
    },
    /// The pointer in a register is not NULL.
    NotNull {
        /// The register.
        reg: u8,
    },
    /// Bytes behind the packet pointer in a register are in the packet.
    Packet {
        /// The register.
        reg: u8,
        /// How many, from the pointer on.
        bytes: u32,
    },
    /// A register holds this number.
    Number {
        /// The register.
        reg: u8,
        /// The number.
        value: i64,
    },
    /// A pointer lies at this constant offset from where its object begins.
    Offset {
        /// The register.
        reg: u8,
        /// The offset in bytes.
        offset: i32,
    },
    /// A register points to this many bytes of initialised memory.
    Memory {
        /// The register.
        reg: u8,
        /// How many.
        bytes: u32,
    },
    /// While the instruction is executed, the lock is held that lies in what a register points to.
    Locked {
        /// The register.
        reg: u8,
    },
    /// While the instruction is executed, no lock is held, and no region entered.
    Unlocked,
    /// What was acquired at this instruction is released.
    Released {
        /// The instruction that acquired it.
        acquired: u32,
    },
    /// Locks are given back, and regions left.
    RegionsLeft,
    /// A load is made by a helper that reads any address: it gives a number, and is not checked.
    ReadByHelper,
    /// The path does not come here.
    Unreached,
}

impl<O: Observer> Verifier<'_, O> {
    /// Takes for granted what is assumed at an instruction. Gives where the walk goes, if that is not by the instruction.
    #[cold]
    pub(crate) fn assume(&mut self, idx: InsnIdx) -> Res<Option<Flow>> {
        let assumed: Vec<Assumed> = self
            .env
            .assumed
            .iter()
            .filter(|assumption| assumption.insn == idx.0)
            .map(|assumption| assumption.what)
            .collect();
        for what in assumed {
            if let Some(flow) = self.assume_one(idx, what)? {
                return Ok(Some(flow));
            }
        }
        Ok(None)
    }

    fn assume_one(&mut self, idx: InsnIdx, what: Assumed) -> Res<Option<Flow>> {
        let exists = |reg: u8| usize::from(reg) < REGS;
        match what {
            Assumed::Range { reg, min, max, width } if exists(reg) => {
                return Ok((!self.assume_range(RegNo(reg), (min, max), width)).then_some(Flow::End));
            }
            Assumed::NotNull { reg } if exists(reg) => self.assume_not_null(RegNo(reg)),
            Assumed::Packet { reg, bytes } if exists(reg) => self.assume_packet(RegNo(reg), bytes),
            Assumed::Number { reg, value } if exists(reg) => {
                self.check_reg_arg(RegNo(reg), ArgUse::Dst)?;
                self.set_reg(RegNo(reg), Reg::constant(value as u64));
            }
            Assumed::Offset { reg, offset } if exists(reg) => {
                if !self.reg(RegNo(reg)).is_scalar() {
                    let moved = self.walk.cur.reg_mut(RegNo(reg));
                    (moved.off, moved.b) = (offset, Bounds::constant(0));
                }
            }
            Assumed::Memory { reg, bytes } if exists(reg) => {
                let mut memory = Reg::pointer(RegBase::Mem);
                memory.set_mem_size(bytes);
                self.check_reg_arg(RegNo(reg), ArgUse::Dst)?;
                self.set_reg(RegNo(reg), memory);
            }
            Assumed::Locked { reg } if exists(reg) => return self.execute_locked(idx, RegNo(reg)).map(Some),
            Assumed::Unlocked => return self.execute_unlocked(idx).map(Some),
            Assumed::Released { acquired } => {
                let ids: Vec<u32> = self
                    .walk
                    .cur
                    .held()
                    .filter(|held| held.kind == RefKind::Object && held.insn_idx.0 == acquired)
                    .map(|held| held.id)
                    .collect();
                for id in ids {
                    self.release_reference(id);
                }
            }
            Assumed::RegionsLeft => leave_regions(&mut self.walk.cur),
            Assumed::ReadByHelper => {
                if let Ok(Op::Load(load)) = self.program.ops[idx] {
                    self.check_reg_arg(RegNo(load.dst), ArgUse::Dst)?;
                    return Ok(Some(Flow::Next));
                }
            }
            Assumed::Unreached => return Ok(Some(Flow::End)),
            Assumed::Range { .. }
            | Assumed::NotNull { .. }
            | Assumed::Packet { .. }
            | Assumed::Number { .. }
            | Assumed::Offset { .. }
            | Assumed::Memory { .. }
            | Assumed::Locked { .. } => {}
        }
        Ok(None)
    }

    /// Executes an instruction while a lock is held, and no other.
    fn execute_locked(&mut self, idx: InsnIdx, reg: RegNo) -> Res<Flow> {
        let lock = ActiveLock::of(self.reg(reg));
        // A callback that the instruction runs comes back to it with the lock held.
        self.walk
            .cur
            .refs
            .retain(|held| !held.kind.is_lock() || held.insn_idx != idx);
        self.walk.cur.active_lock.take_if(|held| *held == lock);
        let before = (self.walk.cur.active_lock, self.walk.cur.refs.clone());
        self.acquire_lock(RefKind::Lock, lock);
        let flow = self.execute(idx)?;
        self.walk.cur.active_lock = before.0;
        // What the instruction itself has acquired or released stays so.
        let kept = |held: &Ref| held.kind.is_lock();
        self.walk.cur.refs.retain(|held| !kept(held));
        let locks = before.1.iter().copied().filter(kept);
        self.walk.cur.refs.extend(locks);
        Ok(flow)
    }

    /// Executes an instruction outside of all regions, which are entered again behind it.
    fn execute_unlocked(&mut self, idx: InsnIdx) -> Res<Flow> {
        let cur = &self.walk.cur;
        let (lock, rcu) = (cur.active_lock, cur.active_rcu_locks);
        let (preempt, irq) = (cur.active_preempt_lock, cur.active_irq);
        let regions: Vec<Ref> = cur
            .refs
            .iter()
            .filter(|held| held.kind != RefKind::Object)
            .copied()
            .collect();
        leave_regions(&mut self.walk.cur);
        let flow = self.execute(idx)?;
        let cur = &mut self.walk.cur;
        (cur.active_lock, cur.active_rcu_locks) = (lock, rcu);
        (cur.active_preempt_lock, cur.active_irq) = (preempt, irq);
        cur.refs.extend(regions);
        Ok(flow)
    }

    fn assume_not_null(&mut self, reg: RegNo) {
        if self.reg(reg).ty.has(Flags::MAYBE_NULL) {
            self.mark_not_null(reg);
        }
    }
}

/// No lock is held, and no region entered.
fn leave_regions(state: &mut State) {
    state.active_rcu_locks = 0;
    state.active_preempt_lock = 0;
    state.active_lock = None;
    state.active_irq = 0;
    state.refs.retain(|held| held.kind == RefKind::Object);
}
