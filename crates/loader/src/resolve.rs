//! What the kernel gives to an object's externs and struct_ops maps.

use std::collections::BTreeMap;

use verdict_btf::core::types_are_compatible;
use verdict_btf::{Btf, Kind, TypeId};
use verdict_kernel::Kernel;
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::{Broken, By, Rule};

use crate::error::{Warnings, warning};
use crate::externs::{Extern, ExternKind, Kconfig, KconfigType};
use crate::opening::Opening;
use crate::probes::Probes;
use crate::struct_ops;

/// What an unknown address of the kernel looks like: profiles have no addresses, and the logs to be
/// compared with have them zeroed like this.
const UNKNOWN_ADDRESS: u64 = 0xffff_ffff_8000_0000;
/// Bytes between the made-up addresses of two externs: they must differ.
const SYMBOL_SIZE: u64 = 16;
/// The data section of per-CPU variables. They are linked at 0, so that an offset in it is an address.
const PERCPU_SEC: &str = ".data..percpu";

/// What an extern has become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// Weak, and not there.
    Missing,
    /// In the map of configuration values.
    Kconfig,
    /// An address.
    Address(u64),
    /// A variable or function of vmlinux.
    Btf(TypeId),
}

/// What was found for an object, whatever program of it is loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    /// By extern.
    pub(crate) externs: Vec<Value>,
    /// Contents of the configuration map.
    pub(crate) kconfig: Vec<u8>,
    pub(crate) struct_ops: struct_ops::Resolved,
    /// Warnings on the way.
    pub(crate) warnings: Warnings,
}

/// An object that the kernel does not have everything for: any of its programs fails to load.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved {
    pub(crate) broken: Broken,
    /// What programs were found to be members of before that, as in [`struct_ops::Resolved`].
    pub(crate) members: BTreeMap<usize, (TypeId, u32)>,
    pub(crate) warnings: Warnings,
}

/// Resolves what an object wants of a kernel.
pub(crate) fn resolve(kernel: &Kernel, o: &Opening<'_>) -> Result<Resolved, Unresolved> {
    let mut warnings = Warnings::default();
    let mut struct_ops = struct_ops::Resolved::default();
    match run(kernel, o, &mut struct_ops, &mut warnings) {
        Ok((externs, kconfig)) => Ok(Resolved {
            externs,
            kconfig,
            struct_ops,
            warnings,
        }),
        Err(broken) => Err(Unresolved {
            broken,
            members: struct_ops.members,
            warnings,
        }),
    }
}

fn run(
    kernel: &Kernel,
    o: &Opening<'_>,
    struct_ops: &mut struct_ops::Resolved,
    w: &mut Warnings,
) -> Result<(Vec<Value>, Vec<u8>), Broken> {
    let mut r = Resolver {
        kernel,
        values: vec![Value::Missing; o.externs.list.len()],
        kconfig: vec![0; o.externs.kconfig_size as usize],
        w,
    };
    let list = &o.externs.list;
    r.all(list, o.btf.as_deref()).by(Rule::UnresolvedExtern)?;
    let (values, kconfig) = (r.values, r.kconfig);
    if let Some(btf) = o.btf.as_deref() {
        struct_ops::resolve(btf, &kernel.btf, &o.maps, &o.programs, struct_ops, w).by(Rule::StructOpsMap)?;
    }
    Ok((values, kconfig))
}

struct Resolver<'a> {
    kernel: &'a Kernel,
    values: Vec<Value>,
    kconfig: Vec<u8>,
    w: &'a mut Warnings,
}

impl Resolver<'_> {
    fn all(&mut self, list: &[Extern], btf: Option<&Btf>) -> Result<(), Errno> {
        self.virtual_values(list)?;
        // Whatever goes wrong from here on is one error to libbpf.
        self.configured(list).map_err(|_| Errno::EINVAL)?;
        self.addresses(list).map_err(|_| Errno::EINVAL)?;
        if let Some(btf) = btf {
            self.typed(list, btf).map_err(|_| Errno::EINVAL)?;
        }
        self.check(list)
    }

    fn set(&mut self, index: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(index) {
            *slot = value;
        }
    }

    fn is_set(&self, index: usize) -> bool {
        self.values.get(index).is_some_and(|v| *v != Value::Missing)
    }

    /// Values that libbpf itself makes up.
    fn virtual_values(&mut self, list: &[Extern]) -> Result<(), Errno> {
        for (i, e) in list.iter().enumerate() {
            let ExternKind::Kconfig(k) = e.kind else { continue };
            if e.name.starts_with("CONFIG_") {
                continue;
            }
            let value = match e.name.as_str() {
                "LINUX_KERNEL_VERSION" => u64::from(self.kernel.version_code()),
                "LINUX_HAS_BPF_COOKIE" => u64::from(Probes::of(self.kernel).cookie),
                "LINUX_HAS_SYSCALL_WRAPPER" => u64::from(Probes::of(self.kernel).syscall_wrapper),
                name if name.starts_with("LINUX_") && e.is_weak => 0,
                name => {
                    warning!(self.w, "extern (kcfg) '{name}': unrecognized virtual extern");
                    return Err(Errno::EINVAL);
                }
            };
            self.number(&e.name, k, value)?;
            self.set(i, Value::Kconfig);
        }
        Ok(())
    }

    /// Values of the kernel's configuration.
    fn configured(&mut self, list: &[Extern]) -> Result<(), Errno> {
        for (i, e) in list.iter().enumerate() {
            let ExternKind::Kconfig(k) = e.kind else { continue };
            if self.is_set(i) || !e.name.starts_with("CONFIG_") {
                continue;
            }
            let kernel = self.kernel;
            let Some(value) = kernel.config(&e.name) else {
                continue;
            };
            self.option(&e.name, k, value).inspect_err(|errno| {
                warning!(
                    self.w,
                    "error parsing system Kconfig line '{}': -{}",
                    e.name,
                    errno.0
                );
            })?;
            self.set(i, Value::Kconfig);
        }
        Ok(())
    }

    fn option(&mut self, name: &str, k: Kconfig, value: &str) -> Result<(), Errno> {
        match value.bytes().next() {
            Some(c @ (b'y' | b'n' | b'm')) => self.tristate(name, k, c),
            Some(b'"') => self.string(name, k, value),
            _ => {
                let number = parse_number(value).ok_or_else(|| {
                    warning!(self.w, "failed to parse '{value}' as integer completely");
                    warning!(
                        self.w,
                        "extern (kcfg) '{name}': value '{value}' isn't a valid integer"
                    );
                    Errno::EINVAL
                })?;
                if !matches!(k.ty, KconfigType::Int | KconfigType::Char) {
                    warning!(
                        self.w,
                        "extern (kcfg) '{name}': value '{value}' implies integer type"
                    );
                    return Err(Errno::EINVAL);
                }
                self.number(name, k, number)
            }
        }
    }

    fn tristate(&mut self, name: &str, k: Kconfig, c: u8) -> Result<(), Errno> {
        let shown = char::from(c);
        match k.ty {
            KconfigType::Bool if c == b'm' => {
                warning!(
                    self.w,
                    "extern (kcfg) '{name}': value '{shown}' implies tristate or char type"
                );
                Err(Errno::EINVAL)
            }
            KconfigType::Bool => self.store(k, u64::from(c == b'y'), 1),
            KconfigType::Tristate => {
                let value = match c {
                    b'y' => 1,
                    b'm' => 2,
                    _ => 0,
                };
                self.store(k, value, 4)
            }
            KconfigType::Char => self.store(k, u64::from(c), 1),
            KconfigType::Int | KconfigType::CharArray => {
                let value = shown;
                warning!(
                    self.w,
                    "extern (kcfg) '{name}': value '{value}' implies bool, tristate, or char type"
                );
                Err(Errno::EINVAL)
            }
        }
    }

    fn string(&mut self, name: &str, k: Kconfig, value: &str) -> Result<(), Errno> {
        if k.ty != KconfigType::CharArray {
            warning!(
                self.w,
                "extern (kcfg) '{name}': value '{value}' implies char array type"
            );
            return Err(Errno::EINVAL);
        }
        let Some(text) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
            warning!(self.w, "extern (kcfg) '{name}': invalid string config '{value}'");
            return Err(Errno::EINVAL);
        };
        let room = (k.size as usize).saturating_sub(1);
        if text.len() > room {
            let len = text.len();
            warning!(
                self.w,
                "extern (kcfg) '{name}': long string '{value}' of ({len} bytes) truncated to {room} bytes"
            );
        }
        let start = k.offset as usize;
        for (slot, byte) in self.kconfig.iter_mut().skip(start).zip(text.bytes().take(room)) {
            *slot = byte;
        }
        Ok(())
    }

    fn number(&mut self, name: &str, k: Kconfig, value: u64) -> Result<(), Errno> {
        if !matches!(k.ty, KconfigType::Int | KconfigType::Char | KconfigType::Bool) {
            warning!(
                self.w,
                "extern (kcfg) '{name}': value '{value}' implies integer, char, or boolean type"
            );
            return Err(Errno::EINVAL);
        }
        if k.ty == KconfigType::Bool && value > 1 {
            warning!(
                self.w,
                "extern (kcfg) '{name}': value '{value}' isn't boolean compatible"
            );
            return Err(Errno::EINVAL);
        }
        if !fits(k, value) {
            warning!(
                self.w,
                "extern (kcfg) '{name}': value '{value}' doesn't fit in {} bytes",
                k.size
            );
            return Err(Errno::ERANGE);
        }
        self.store(k, value, k.size as usize)
    }

    fn store(&mut self, k: Kconfig, value: u64, size: usize) -> Result<(), Errno> {
        let bytes = value.to_le_bytes();
        let (start, bytes) = (k.offset as usize, bytes.get(..size).ok_or(Errno::EINVAL)?);
        let slot = self.kconfig.get_mut(start..start + size).ok_or(Errno::EINVAL)?;
        slot.copy_from_slice(bytes);
        Ok(())
    }

    /// Symbols without a type. When there is one, variables with a type are looked up, too, and count as found even if
    /// the kernel's BTF does not have them: they become the type 0 (a quirk of libbpf's `kallsyms_cb`).
    fn addresses(&mut self, list: &[Extern]) -> Result<(), Errno> {
        if !list.iter().any(|e| e.kind == ExternKind::Ksym(None)) {
            return Ok(());
        }
        for (i, e) in list.iter().enumerate() {
            let ExternKind::Ksym(ty) = e.kind else { continue };
            if e.is_func {
                continue;
            }
            let mut symbols = self.kernel.ksyms(&e.name);
            let Some(symbol) = symbols.next() else {
                continue;
            };
            if symbols.next().is_some() {
                let (name, a) = (&e.name, UNKNOWN_ADDRESS);
                warning!(
                    self.w,
                    "extern (ksym) '{name}': resolution is ambiguous: 0x{a:x} or 0x{a:x}"
                );
                return Err(Errno::EINVAL);
            }
            if ty.is_some() {
                self.set(i, Value::Btf(TypeId(0)));
                continue;
            }
            let percpu = if symbol.kind == 'A' {
                percpu_offset(&self.kernel.btf, &e.name)
            } else {
                None
            };
            let made_up = UNKNOWN_ADDRESS + SYMBOL_SIZE * i as u64;
            self.set(i, Value::Address(percpu.map_or(made_up, u64::from)));
        }
        Ok(())
    }

    /// Symbols with a type, which the kernel's BTF has to have.
    fn typed(&mut self, list: &[Extern], btf: &Btf) -> Result<(), Errno> {
        for (i, e) in list.iter().enumerate() {
            let ExternKind::Ksym(Some(ty)) = e.kind else {
                continue;
            };
            let found = if e.is_func {
                self.function(e, btf, ty)?
            } else {
                self.variable(e, btf, ty)?
            };
            if let Some(id) = found {
                self.set(i, Value::Btf(id));
            }
        }
        Ok(())
    }

    fn variable(&mut self, e: &Extern, btf: &Btf, ty: TypeId) -> Result<Option<TypeId>, Errno> {
        let (name, kernel) = (&e.name, &self.kernel.btf);
        let Some(var) = kernel.find(name, Kind::Var).and_then(|id| kernel.ty(id)) else {
            if e.is_weak {
                return Ok(None);
            }
            warning!(self.w, "extern (var ksym) '{name}': not found in kernel BTF");
            return Err(Errno::ESRCH);
        };
        let target = kernel.skip_mods_and_typedefs(var.target()).ok_or(Errno::EINVAL)?;
        if types_are_compatible(btf, ty, kernel, target.id()) == Some(true) {
            return Ok(Some(var.id()));
        }
        let local = btf.ty(ty).ok_or(Errno::EINVAL)?;
        let (local_kind, local_name) = (local.kind().name(), local.name());
        let (id, kind, target_name) = (target.id(), target.kind().name(), target.name());
        warning!(
            self.w,
            "extern (var ksym) '{name}': incompatible types, expected [{ty}] {local_kind} {local_name}, but kernel has [{id}] {kind} {target_name}"
        );
        Err(Errno::EINVAL)
    }

    fn function(&mut self, e: &Extern, btf: &Btf, proto: TypeId) -> Result<Option<TypeId>, Errno> {
        let (name, kernel) = (&e.name, &self.kernel.btf);
        let Some(func) = kernel
            .find(e.essential_name(), Kind::Func)
            .and_then(|id| kernel.ty(id))
        else {
            if e.is_weak {
                return Ok(None);
            }
            warning!(
                self.w,
                "extern (func ksym) '{name}': not found in kernel or module BTFs"
            );
            return Err(Errno::ESRCH);
        };
        let target = func.target();
        if types_are_compatible(btf, proto, kernel, target) == Some(true) {
            return Ok(Some(func.id()));
        }
        if e.is_weak {
            return Ok(None);
        }
        warning!(
            self.w,
            "extern (func ksym) '{name}': func_proto [{proto}] incompatible with vmlinux [{target}]"
        );
        Err(Errno::EINVAL)
    }

    /// Only weak externs may be missing.
    fn check(&mut self, list: &[Extern]) -> Result<(), Errno> {
        let missing = list
            .iter()
            .enumerate()
            .find(|(i, e)| !e.is_weak && !self.is_set(*i));
        match missing {
            Some((_, e)) => {
                warning!(self.w, "extern '{}' (strong): not resolved", e.name);
                Err(Errno::ESRCH)
            }
            None => Ok(()),
        }
    }
}

/// Where a per-CPU variable lies in its section, if BTF knows it.
fn percpu_offset(kernel: &Btf, name: &str) -> Option<u32> {
    let var = kernel.find(name, Kind::Var)?;
    let section = kernel.ty(kernel.find(PERCPU_SEC, Kind::DataSec)?)?;
    section.vars().find(|v| v.ty == var).map(|v| v.offset)
}

/// Whether a number can be stored without loss.
fn fits(k: Kconfig, value: u64) -> bool {
    if k.size >= 8 {
        return true;
    }
    let bits = k.size * 8;
    if k.is_signed {
        value.wrapping_add(1 << (bits - 1)) < 1 << bits
    } else {
        value >> bits == 0
    }
}

/// A number as `strtoull` reads it, whole.
fn parse_number(text: &str) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match (hex, digits) {
        (Some(hex), _) => u64::from_str_radix(hex, 16).ok()?,
        (None, octal) if octal.len() > 1 && octal.starts_with('0') => u64::from_str_radix(octal, 8).ok()?,
        (None, decimal) => decimal.parse().ok()?,
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_does() {
        assert_eq!(parse_number("250"), Some(250));
        assert_eq!(parse_number("0xdeadbeef"), Some(0xdead_beef));
        assert_eq!(parse_number("010"), Some(8));
        assert_eq!(parse_number("-1"), Some(u64::MAX));
        assert_eq!(parse_number("12a"), None);
        assert_eq!(parse_number(""), None);
    }
}
