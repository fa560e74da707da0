//! Functions of kernels that begin without a call that tracing can take, which neither types nor symbols show.

use std::collections::HashSet;
use std::io::Read;
use std::sync::OnceLock;

use verdict_kernel::Kernel;

use crate::play::Play;
use crate::records::What;

/// What the known kernels have in the text of their symbols and not in `/sys/kernel/tracing/available_filter_functions`, without
/// what never is there (`is_apart`): their names in the first line, and in each other one a number, in which each kernel has a
/// bit, and a function.
const LISTED: &[u8] = include_bytes!("untraced.txt.gz");

/// The functions of one kernel, where they are known.
#[derive(Debug, Default)]
pub(crate) struct Untraced(OnceLock<Option<HashSet<String>>>);

impl Untraced {
    fn functions(&self, kernel: &Kernel) -> Option<&HashSet<String>> {
        self.0.get_or_init(|| of(&kernel.release)).as_ref()
    }

    /// Whether a function is such a one; none is known to be, where they are not known.
    pub(crate) fn has(&self, kernel: &Kernel, function: &str) -> bool {
        let listed = self.functions(kernel);
        is_apart(function) || listed.is_some_and(|functions| functions.contains(function))
    }
}

/// What lies before a function, or is the part of it that is seldom run: no function begins there.
fn is_apart(symbol: &str) -> bool {
    symbol.starts_with("__pfx_") || symbol.contains(".cold")
}

impl Play<'_> {
    /// Whether a function has no place for a probe: neither it nor what it is a part of, by its name before a dot, can be traced
    /// (`within_notrace_func`).
    pub(crate) fn has_no_probes(&mut self, call: &'static str, function: &str) -> bool {
        let whole = function.split_once('.').map(|(whole, _)| whole);
        let whole = whole.filter(|whole| self.kernel.ksym(whole).is_some());
        self.is_untraced(call, function) && whole.is_none_or(|whole| self.is_untraced(call, whole))
    }

    /// Whether a function has no place for a trampoline. Where that is not known, it is taken to have one, as nearly
    /// all functions do, and noted by name.
    pub(crate) fn is_untraced(&mut self, call: &'static str, function: &str) -> bool {
        if self.untraced.functions(self.kernel).is_none() {
            let what = format!("whether {function} can be traced: it is taken to be so");
            self.note(call, What::Unmodelled(what), None);
        }
        self.untraced.has(self.kernel, function)
    }
}

fn of(release: &str) -> Option<HashSet<String>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(LISTED)
        .read_to_string(&mut text)
        .ok()?;
    let mut lines = text.lines();
    let mut kernels = lines.next()?.split(' ');
    let at = kernels.position(|kernel| kernel == release)?;
    let listed = |line: &str| {
        let (kernels, function) = line.split_once(' ')?;
        let kernels: u32 = kernels.parse().ok()?;
        (kernels >> at & 1 == 1).then(|| function.to_owned())
    };
    Some(lines.filter_map(listed).collect())
}

#[cfg(test)]
mod tests {
    use verdict_kernel::KNOWN;

    use super::*;

    #[test]
    fn known_kernels_have_some() {
        assert!(of("6.12.118").is_none());
        for known in KNOWN {
            let name = known.name;
            let kernel = Kernel::open(name).unwrap();
            let untraced = Untraced::default();
            assert!(!untraced.has(&kernel, "vfs_read"), "{name}");
            assert!(untraced.has(&kernel, "start_kernel"), "{name}");
            let functions = of(&kernel.release).unwrap().len();
            assert!((5000..60000).contains(&functions), "{name}: {functions}");
            assert!(untraced.has(&kernel, "vfs_read.cold"), "{name}");
        }
    }
}
