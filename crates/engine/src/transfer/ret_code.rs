//! What a program, or one of its functions that is verified by itself, may return.

use verdict_kernel::ctx::{ReturnRange, ReturnRule};
use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::rule::{Fact, Rule};

use verdict_domain::Tnum;
use verdict_kernel::semantics::control::ReturnRange as ReturnRangeBy;
use verdict_kernel::semantics::log::CallWords;
use verdict_kernel::semantics::precision::ExitValue;

use crate::error::{About, Failure, Res, reject};
use crate::index::{FrameNo, RegNo, SubprogIdx};
use crate::observer::Observer;
use crate::state::{Reg, RetRange};
use crate::verifier::{ArgUse, Verifier};

impl<O: Observer> Verifier<'_, O> {
    /// Checks the value that ends the path (`check_return_code`): in `regno`, which the log calls `name`.
    pub(crate) fn check_return_code(&mut self, regno: RegNo, name: &str) -> Res<()> {
        let outermost = &self.walk.cur.frames[FrameNo::OUTERMOST].body;
        let is_subprog = outermost.subprogno != SubprogIdx::MAIN;
        let (in_async, range) = (outermost.in_async_callback_fn, outermost.callback_ret_range);
        let in_program = !is_subprog || outermost.in_exception_callback_fn;
        if in_program && self.returns_nothing() {
            return Ok(());
        }
        self.check_reg_arg(regno, ArgUse::Src)?;
        let (range, context) = if in_async {
            (ReturnRange::new(range.min, range.max), self.async_return_words())
        } else if !in_program {
            return self.check_scalar_returned(regno);
        } else {
            match self.demanded_range()? {
                Some(range) => (range, "At program exit"),
                None => return Ok(()),
            }
        };
        self.check_in_range(regno, name, range, context, !is_subprog)
    }

    /// What is said of the place where an asynchronous callback returns.
    fn async_return_words(&self) -> &'static str {
        match self.env.kernel.semantics.log.call_words {
            CallWords::Old | CallWords::First => "At async callback",
            CallWords::Later => "At async callback return",
        }
    }

    /// Whether the program stands for a function without return value.
    fn returns_nothing(&self) -> bool {
        let by_function = match self.program.prog.prog_type {
            // Programs of control groups decide also about hooks that return nothing.
            ProgType::Lsm => !self.program.prog.expects(AttachType::LsmCgroup),
            ProgType::StructOps => true,
            _ => false,
        };
        by_function && self.program.attach.returns_void(self.env.kernel)
    }

    /// A global function may return any number.
    fn check_scalar_returned(&self, regno: RegNo) -> Res<()> {
        let reg = self.reg(regno);
        if !reg.is_scalar() {
            reject!(
                SubprogReturn,
                EINVAL,
                "At subprogram exit the register R{regno} is not a scalar value ({})\n",
                self.type_str(reg.ty)
            );
        }
        Ok(())
    }

    /// The values that the program's type and attach type allow; `None` is any.
    fn demanded_range(&self) -> Res<Option<ReturnRange>> {
        let attach_type = self
            .env
            .kernel
            .attach_type(self.program.prog.expected_attach_type);
        let attach_type = attach_type.unwrap_or(AttachType::StructOps);
        let has_target = self.program.prog.attach_btf_id.is_some();
        let void = self.program.attach.returns_void(self.env.kernel);
        let kernel = self.env.kernel;
        match kernel.return_rule(self.program.prog.prog_type, attach_type, has_target, void) {
            ReturnRule::Any => Ok(None),
            ReturnRule::Range(range) => Ok(Some(range)),
            ReturnRule::LsmHook => Ok(self.hook_return_range().map(|(min, max)| ReturnRange {
                is_32bit: true,
                ..ReturnRange::new(min, max)
            })),
            ReturnRule::Unsupported => reject!(ProgramAttributes, ENOTSUPP),
        }
    }

    fn check_in_range(
        &mut self,
        regno: RegNo,
        name: &str,
        range: ReturnRange,
        context: &str,
        in_main: bool,
    ) -> Res<()> {
        let reg = *self.reg(regno);
        let rule = if self.walk.cur.frames[FrameNo::OUTERMOST].body.in_async_callback_fn {
            Rule::CallbackReturn
        } else {
            Rule::ReturnValue
        };
        if !reg.is_scalar() {
            reject!(
                (rule),
                EINVAL,
                "{context} the register R{regno} is not a known value ({})\n",
                self.type_str(reg.ty)
            );
        }
        if self.env.kernel.semantics.precision.exit_value == ExitValue::Precise {
            self.mark_chain_precision(regno)?;
        }
        let (min, max) = (i64::from(range.min), i64::from(range.max));
        let within = if self.env.kernel.semantics.control.return_range == ReturnRangeBy::Bits {
            self.is_returned_in(
                &reg,
                RetRange {
                    min: range.min,
                    max: range.max,
                },
            )
        } else if range.is_32bit {
            range.min <= reg.b.s32_min() && reg.b.s32_max() <= range.max
        } else {
            min <= reg.b.smin() && reg.b.smax() <= max
        };
        if within {
            return Ok(());
        }
        let is = match range.is_32bit {
            true => (i64::from(reg.b.s32_min()), i64::from(reg.b.s32_max())),
            false => (reg.b.smin(), reg.b.smax()),
        };
        let range = RetRange {
            min: range.min,
            max: range.max,
        };
        let mut text = self.invalid_scalar_text(&reg, range, context, name);
        let cgroup_hook =
            self.program.prog.prog_type == ProgType::Lsm && self.program.prog.expects(AttachType::LsmCgroup);
        if in_main && cgroup_hook && self.program.attach.returns_void(self.env.kernel) {
            text.push_str("Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!\n");
        }
        Err(
            Failure::rejected(rule, Errno::EINVAL, text).about(|| Fact::Number {
                reg: regno.0,
                is,
                allowed: (min, max),
            }),
        )
    }

    /// Whether a returned number lies in a range, or its known bits fit those of the range.
    pub(crate) fn is_returned_in(&self, reg: &Reg, range: RetRange) -> bool {
        match self.env.kernel.semantics.control.return_range {
            ReturnRangeBy::Bits => bits_of(range).contains(reg.b.var_off()),
            ReturnRangeBy::Range => {
                i64::from(range.min) <= reg.b.smin() && reg.b.smax() <= i64::from(range.max)
            }
        }
    }

    /// The words about a number that is out of range (`verbose_invalid_scalar`).
    pub(crate) fn invalid_scalar_text(
        &self,
        reg: &Reg,
        range: RetRange,
        context: &str,
        name: &str,
    ) -> String {
        if self.env.kernel.semantics.control.return_range == ReturnRangeBy::Bits {
            let is = match reg.b.var_off().is_unknown() {
                true => "has unknown scalar value".to_owned(),
                false => format!("has value {}", self.bits_str(reg.b.var_off())),
            };
            let allowed = self.bits_str(bits_of(range));
            return format!("{context} the register {name} {is} should have been in {allowed}\n");
        }
        let mut text = format!("{context} the register {name} has");
        let (low, high) = (reg.b.smin() > i64::MIN, reg.b.smax() < i64::MAX);
        if low {
            text.push_str(&format!(" smin={}", reg.b.smin()));
        }
        if high {
            text.push_str(&format!(" smax={}", reg.b.smax()));
        }
        if !low && !high {
            text.push_str(" unknown scalar value");
        }
        text.push_str(&format!(" should have been in [{}, {}]\n", range.min, range.max));
        text
    }
}

/// The bits that the numbers of a range have in common (`tnum_range`).
fn bits_of(range: RetRange) -> Tnum {
    Tnum::range(i64::from(range.min) as u64, i64::from(range.max) as u64)
}
