//! Functions of kernels that begin without a call that tracing can take, which neither types nor symbols show.

use std::collections::HashSet;
use std::io::Read;
use std::sync::OnceLock;

use verdict_kernel::Kernel;

/// What the known kernels have in their BTF and symbols and not in `/sys/kernel/tracing/available_filter_functions`: their names
/// in the first line, and in each other one a number, in which each kernel has a bit, and a function.
const LISTED: &[u8] = include_bytes!("untraced.txt.gz");

/// The functions of one kernel; none, where they are not known.
#[derive(Debug, Default)]
pub(crate) struct Untraced(OnceLock<HashSet<String>>);

impl Untraced {
    /// Whether a function is such a one.
    pub(crate) fn has(&self, kernel: &Kernel, function: &str) -> bool {
        self.0.get_or_init(|| of(&kernel.release)).contains(function)
    }
}

fn of(release: &str) -> HashSet<String> {
    let mut text = String::new();
    if flate2::read::GzDecoder::new(LISTED)
        .read_to_string(&mut text)
        .is_err()
    {
        return HashSet::new();
    }
    let mut lines = text.lines();
    let kernels = lines.next().unwrap_or_default();
    let Some(at) = kernels.split(' ').position(|kernel| kernel == release) else {
        return HashSet::new();
    };
    let listed = |line: &str| {
        let (kernels, function) = line.split_once(' ')?;
        let kernels: u32 = kernels.parse().ok()?;
        (kernels >> at & 1 == 1).then(|| function.to_owned())
    };
    lines.filter_map(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kernels_have_some() {
        for name in ["5.10", "6.1", "6.12", "6.18"] {
            let kernel = Kernel::open(name).unwrap();
            let untraced = Untraced::default();
            assert!(!untraced.has(&kernel, "vfs_read"), "{name}");
            assert!(untraced.has(&kernel, "start_kernel"), "{name}");
            let functions = of(&kernel.release).len();
            assert!((2000..20000).contains(&functions), "{name}: {functions}");
        }
    }
}
