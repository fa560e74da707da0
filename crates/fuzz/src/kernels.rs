//! The verifiers that inputs are given to.

use std::sync::LazyLock;
use std::time::Duration;

use verdict::kernel::Kernel;
use verdict::{Explaining, KernelChoice, Loader, Options, Verifier};

/// Known kernels, one of each set of rules that differs much.
const NAMES: [&str; 4] = ["6.12", "5.10", "6.1", "6.18"];

/// What a verification may take: what takes more is as many instructions as the kernel's limit admits, and no finding.
const OPTIONS: Options = Options {
    test_states: false,
    test_invariants: false,
    timeout: Some(Duration::from_millis(300)),
    max_memory: Some(128 << 20),
};

fn verifier(kernel: &str, loader: Loader) -> Option<Verifier> {
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        ..KernelChoice::default()
    };
    let verifier = Verifier::new(choice.open().ok()?, OPTIONS);
    Some(verifier.with_loader(loader).explaining(Explaining::TRIALS))
}

type Lazy = LazyLock<Option<Verifier>>;

static LIBBPF: [Lazy; 4] = [
    LazyLock::new(|| verifier(NAMES[0], Loader::Libbpf)),
    LazyLock::new(|| verifier(NAMES[1], Loader::Libbpf)),
    LazyLock::new(|| verifier(NAMES[2], Loader::Libbpf)),
    LazyLock::new(|| verifier(NAMES[3], Loader::Libbpf)),
];
static CILIUM: Lazy = LazyLock::new(|| verifier(NAMES[0], Loader::Cilium));
static AYA: Lazy = LazyLock::new(|| verifier(NAMES[0], Loader::Aya));

/// The verifier that a kernel and a library are chosen by.
pub(crate) fn chosen(kernel: u8, loader: u8) -> Option<&'static Verifier> {
    match loader % 4 {
        1 => CILIUM.as_ref(),
        2 => AYA.as_ref(),
        _ => LIBBPF.get(usize::from(kernel) % LIBBPF.len())?.as_ref(),
    }
}

/// The kernel that is chosen by a number.
pub(crate) fn kernel(number: u8) -> Option<&'static Kernel> {
    chosen(number, 0).map(Verifier::kernel)
}
