//! Which kernel is asked, and how objects are loaded there.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use verdict::{Globals, KernelChoice, Loader, Options, PlanSource, Plans, Verifier};

use crate::run::side_by_side;
use crate::{caveats, host};

/// Which kernel is meant.
#[derive(clap::Args)]
#[command(next_help_heading = "Kernel")]
pub(crate) struct KernelName {
    /// Kernels to answer for, comma-separated names from `verdict kernels`, "all", or "host": the running kernel, which is
    /// captured when first named (see `verdict kernel capture`); some commands take only one. With --kernel-dir, the same as
    /// --assume [default: 6.12; all for `kernels` and --minimum]
    #[arg(long, value_name = "NAMES")]
    kernel: Vec<String>,
    /// Directory that describes another kernel: its vmlinux.btf, config and kallsyms
    #[arg(long, value_name = "DIR")]
    kernel_dir: Option<PathBuf>,
    /// Known kernel whose rules to assume for the kernel of --kernel-dir if its own are unknown. Standard error says so, and
    /// so does the output, except for logs, CSV and veristat's table
    #[arg(long, value_name = "NAME")]
    assume: Option<String>,
}

impl KernelName {
    /// Everything but the kernel's name.
    pub(crate) fn base(&self) -> KernelChoice {
        KernelChoice {
            dir: self.kernel_dir.clone(),
            host: host::named_in(&self.kernel),
            assume: self.assume.clone(),
            ..KernelChoice::default()
        }
    }

    /// The chosen kernels, if any is.
    pub(crate) fn chosen(&self) -> Result<Option<Vec<KernelChoice>>, String> {
        let none = self.kernel.is_empty() && self.kernel_dir.is_none() && self.assume.is_none();
        match none {
            true => Ok(None),
            false => Ok(Some(self.base().each(&self.kernel)?)),
        }
    }
}

/// Which kernel's verifier is asked.
#[derive(clap::Args)]
#[command(next_help_heading = "Kernel")]
pub(crate) struct WhichKernel {
    #[command(flatten)]
    name: KernelName,
    /// Set a verifier switch; `verdict switches` lists them
    #[arg(long, value_name = "SWITCH=VALUE")]
    set: Vec<String>,
}

impl WhichKernel {
    /// The chosen kernels: the default one, where none is named.
    pub(crate) fn choices(&self) -> Result<Vec<KernelChoice>, String> {
        Ok(self.base().each(&self.name.kernel)?)
    }

    /// Everything but the kernel's name.
    fn base(&self) -> KernelChoice {
        KernelChoice {
            switches: self.set.clone(),
            ..self.name.base()
        }
    }
}

/// Which kernel is asked, and the machine that it runs on.
#[derive(clap::Args)]
#[command(next_help_heading = "Kernel")]
pub(crate) struct KernelArgs {
    #[command(flatten)]
    which: WhichKernel,
    /// Number of possible CPUs of the machine [default: 2]
    #[arg(long, value_name = "N", value_parser = cpus)]
    cpus: Option<u32>,
    /// Limit of locked memory if libbpf cannot raise it: bytes, or a number with K, M or G; kernels before 5.11 charge maps
    /// and programs to it [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memlock: Option<u64>,
    /// Load without capabilities (not modelled yet: every program is unsupported)
    #[arg(long)]
    unprivileged: bool,
}

impl KernelArgs {
    /// Everything but the kernel's name.
    fn base(&self) -> KernelChoice {
        KernelChoice {
            cpus: self.cpus,
            memlock: self.memlock,
            unprivileged: self.unprivileged,
            ..self.which.base()
        }
    }
}

/// What a load plan says, and what programs attach to.
#[derive(clap::Args)]
#[command(next_help_heading = "Loader")]
pub(crate) struct PlanOptions {
    /// Program that extensions and tracing programs attach to; it is loaded first. The function is the one that the section
    /// names, or FUNCTION. If repeated, each attaches to the one before
    #[arg(long, value_name = "OBJECT:PROGRAM[/FUNCTION]")]
    attach_to: Vec<String>,
    /// File with load plans [default: the nearest verdict.toml in each object's directory or above]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Set an attribute of a map, as a load plan can: key-size, value-size, max-entries, flags or type
    #[arg(long, value_name = "MAP.ATTRIBUTE=VALUE")]
    map: Vec<String>,
    /// Do not load this program
    #[arg(long, value_name = "PROGRAM")]
    no_autoload: Vec<String>,
    /// Load a program as if it were in this section
    #[arg(long, value_name = "PROGRAM=SECTION")]
    section: Vec<String>,
}

impl PlanOptions {
    /// The load plans: those of a file, or else of the files beside objects, and what options say.
    fn source(&self) -> Result<Arc<PlanSource>, String> {
        let options = Plans::of_options(&self.map, &self.no_autoload, &self.section)?;
        let source = match &self.plan {
            Some(file) => PlanSource::file(file)?,
            None => PlanSource::default(),
        };
        Ok(Arc::new(source.with(options)))
    }
}

/// How objects are loaded.
#[derive(clap::Args)]
#[command(next_help_heading = "Loader")]
pub(crate) struct LoaderArgs {
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    plans: PlanOptions,
}

/// By which library objects are loaded.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Loader")]
pub(crate) struct LibraryArgs {
    /// Library whose conventions the objects follow, and which loads them
    #[arg(long, value_name = "LIBRARY", default_value = "libbpf")]
    loader: LoaderName,
}

/// Libraries that load objects.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoaderName {
    /// The C library
    #[default]
    Libbpf,
    /// cilium/ebpf for Go: static programs, sections such as tc/entry, maps in "maps"
    Cilium,
    /// aya for Rust: the same conventions
    Aya,
}

impl LoaderName {
    pub(crate) fn loader(self) -> Loader {
        match self {
            LoaderName::Libbpf => Loader::Libbpf,
            LoaderName::Cilium => Loader::Cilium,
            LoaderName::Aya => Loader::Aya,
        }
    }
}

/// Everything that decides how a kernel is asked.
#[derive(Clone)]
pub(crate) struct Asked<'a> {
    /// Everything but the kernel's name.
    base: KernelChoice,
    names: &'a [String],
    library: LoaderName,
    plans: &'a PlanOptions,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(kernel: &'a KernelArgs, loader: &'a LoaderArgs) -> Asked<'a> {
        Asked {
            library: loader.library.loader,
            ..Asked::by_libbpf(kernel, &loader.plans)
        }
    }

    /// The same where nothing is verified.
    pub(crate) fn to_open(kernel: &'a KernelName, loader: &'a LoaderArgs) -> Asked<'a> {
        Asked {
            base: kernel.base(),
            names: &kernel.kernel,
            library: loader.library.loader,
            plans: &loader.plans,
        }
    }

    /// The same where libbpf loads all objects.
    pub(crate) fn by_libbpf(kernel: &'a KernelArgs, plans: &'a PlanOptions) -> Asked<'a> {
        Asked {
            base: kernel.base(),
            names: &kernel.which.name.kernel,
            library: LoaderName::Libbpf,
            plans,
        }
    }

    /// The verifier of the chosen kernel, where there is to be one only.
    pub(crate) fn verifier(&self, options: Options) -> Result<Verifier, String> {
        self.verifier_of(&self.choice()?, options)
    }

    /// The verifiers of all chosen kernels, with the same initial values of globals.
    pub(crate) fn verifiers(&self, options: Options, globals: &Globals) -> Result<Vec<Verifier>, String> {
        let open = |choice: &KernelChoice| self.verifier_of(choice, options);
        side_by_side(&self.choices()?, open)
            .into_iter()
            .map(|verifier| Ok(verifier?.with_globals(globals.clone())))
            .collect()
    }

    /// The verifiers of the kernels among which a program's oldest is looked for, oldest first: those that are named, or
    /// else all known ones, and that of a directory.
    pub(crate) fn oldest_first(&self, options: Options, globals: &Globals) -> Result<Vec<Verifier>, String> {
        let open = |choice: &KernelChoice| self.verifier_of(choice, options);
        let choices = self.base().with_known(self.names())?;
        let mut verifiers: Vec<_> = side_by_side(&choices, open)
            .into_iter()
            .map(|verifier| Ok(verifier?.with_globals(globals.clone())))
            .collect::<Result<_, String>>()?;
        verifiers.sort_by_key(|verifier| verifier.kernel().version);
        Ok(verifiers)
    }

    /// The verifier of another kernel, for the same objects.
    pub(crate) fn verifier_of(&self, choice: &KernelChoice, options: Options) -> Result<Verifier, String> {
        let kernel = choice.open()?;
        caveats::say(&kernel);
        let verifier = Verifier::new(kernel, options).with_loader(self.library.loader());
        let verifier = verifier.with_plans(self.plans.source()?).asking_for_plans();
        attached(verifier, &self.plans.attach_to)
    }

    /// The chosen kernels: the default one, where none is named.
    pub(crate) fn choices(&self) -> Result<Vec<KernelChoice>, String> {
        Ok(self.base().each(self.names())?)
    }

    /// The chosen kernel, where there is to be one only.
    pub(crate) fn choice(&self) -> Result<KernelChoice, String> {
        let mut choices = self.choices()?;
        match (choices.pop(), choices.len()) {
            (Some(choice), 0) => Ok(choice),
            (_, more) => Err(format!(
                "this command takes one kernel: --kernel names {}",
                more + 1
            )),
        }
    }

    /// The kernels' names as they are given.
    pub(crate) fn names(&self) -> &'a [String] {
        self.names
    }

    /// Everything but the kernel's name.
    pub(crate) fn base(&self) -> KernelChoice {
        self.base.clone()
    }
}

/// A number of CPUs.
pub(crate) fn cpus(text: &str) -> Result<u32, String> {
    const MOST: u32 = 8192;
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {MOST}"))
}

/// A number of bytes: `65536`, `64K`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (text.get(..at), 10),
        Some((at, 'm' | 'M')) => (text.get(..at), 20),
        Some((at, 'g' | 'G')) => (text.get(..at), 30),
        _ => (Some(text), 0),
    };
    let number = digits.and_then(|digits| digits.parse::<u64>().ok());
    let bytes = number.and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| "expected a number of bytes, such as 65536 or 64K".to_owned())
}

/// The same for programs that attach to these.
pub(crate) fn attached(verifier: Verifier, places: &[String]) -> Result<Verifier, String> {
    places
        .iter()
        .try_fold(verifier, |verifier, place| Ok(verifier.attached_to(place)?))
}
