//! The kernel's own check of a BTF that is loaded (`BPF_BTF_LOAD`): header, strings, what each type says of
//! itself, what types refer to, and where type tags stand, with the kernel's messages.
//!
//! What the kernel goes on to look for, special fields in structs, is not checked here.

mod env;
mod member;
mod meta;
mod raw;
mod resolve;

use self::env::Env;
use crate::error::errno;

/// The largest BTF that is accepted, in bytes.
const MAX_SIZE: usize = 16 * 1024 * 1024;

/// Why the kernel refuses a BTF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// Positive errno value.
    pub errno: i32,
    /// What the log of `BPF_BTF_LOAD` holds at level 1: all types up to the one that is refused, then what
    /// is wrong with it.
    pub log: String,
}

/// What differs between kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Kinds from this number on are unknown.
    pub kinds: u32,
    /// Whether a data section may be called by any printable characters, rather than like a variable.
    pub printable_sections: bool,
    /// Whether a data section may have no variables.
    pub empty_sections: bool,
    /// Whether an enumeration's flag may be set, which says that its values are signed.
    pub flagged_enums: bool,
}

impl Default for Rules {
    /// All kinds and names that any kernel takes.
    fn default() -> Rules {
        Rules {
            kinds: u32::MAX,
            printable_sections: true,
            empty_sections: true,
            flagged_enums: true,
        }
    }
}

/// A positive errno value; what is wrong went into the log.
type Check<T = ()> = Result<T, i32>;

/// Checks the bytes of a BTF as the kernel does when a program's BTF is loaded.
///
/// # Errors
/// The errno and log of the first thing that is wrong.
pub fn validate(data: &[u8]) -> Result<(), Rejected> {
    validate_by(data, Rules::default())
}

/// As [`validate()`], by the rules of a certain kernel.
///
/// # Errors
/// The errno and log of the first thing that is wrong.
pub fn validate_by(data: &[u8], rules: Rules) -> Result<(), Rejected> {
    // The log has a line for every type and member, so it is made only when it is needed.
    if check(data, rules, false).0.is_ok() {
        return Ok(());
    }
    match check(data, rules, true) {
        (Ok(()), _) => Ok(()),
        (Err(errno), log) => Err(Rejected { errno, log }),
    }
}

/// The log of `BPF_BTF_LOAD` at level 1, whether the BTF is accepted or not.
pub fn log(data: &[u8], rules: Rules) -> String {
    check(data, rules, true).1
}

fn check(data: &[u8], rules: Rules, logging: bool) -> (Check, String) {
    if data.len() > MAX_SIZE {
        return (Err(errno::E2BIG), String::new());
    }
    let mut env = Env::new(data, rules, logging);
    let result = run(&mut env);
    (result, env.into_log())
}

fn run(env: &mut Env<'_>) -> Check {
    env.check_header()?;
    env.check_strings()?;
    meta::check_all(env)?;
    resolve::check_all(env)?;
    check_type_tags(env)
}

/// Type tags come before other modifiers in a chain, and chains end.
fn check_type_tags(env: &mut Env<'_>) -> Check {
    const MAX_CHAIN: u32 = 32;
    for start in 1..env.count() {
        let mut ty = env.ty(start).ok_or(errno::EINVAL)?;
        let mut id = start;
        let mut in_tags = ty.is_type_tag();
        let mut left = MAX_CHAIN;
        while ty.is_modifier() {
            let Some(fewer) = left.checked_sub(1) else {
                env.say(format_args!("Max chain length or cycle detected"));
                return Err(errno::ELOOP);
            };
            left = fewer;
            if ty.is_type_tag() && !in_tags {
                env.say(format_args!("Type tags don't precede modifiers"));
                return Err(errno::EINVAL);
            }
            in_tags &= ty.is_type_tag();
            // What comes before was found good, and so is all that it leads to.
            if id < start {
                break;
            }
            id = ty.aux;
            ty = env.ty(id).ok_or(errno::EINVAL)?;
        }
    }
    Ok(())
}
