//! Several kernels' verifiers, asked about the same objects.

use crate::{Answer, ChoiceError, KernelChoice, Options, Verifier, open_failure};

/// The verifiers of several kernels.
///
/// ```
/// use verdict::{KernelChoice, Options, Verifiers};
///
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus"))?;
/// let choices = KernelChoice::default().each(&["6.12.43,6.12"])?;
/// let verifiers = Verifiers::open(&choices, Options::default())?;
/// let bytes = std::fs::read("packet_access.bpf.o")?;
/// for program in verifiers.check("packet_access.bpf.o", &bytes) {
///     // One answer for each kernel, in their order.
///     assert_eq!(program.answers.len(), 2);
///     assert_eq!(program.answers[0].record.verdict, program.answers[1].record.verdict);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifiers(Vec<Verifier>);

/// What several kernels say of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProgramAnswers {
    /// Its name; `None` when no kernel's libbpf can open the object.
    pub program: Option<String>,
    /// An answer of each kernel, in their order. Where libbpf cannot open the object for a kernel, that is its answer.
    pub answers: Vec<Answer>,
}

impl Verifiers {
    /// The verifiers of these kernels.
    ///
    /// # Errors
    /// As [`KernelChoice::open`].
    pub fn open(choices: &[KernelChoice], options: Options) -> Result<Verifiers, ChoiceError> {
        let open = |choice: &KernelChoice| Ok(Verifier::new(choice.open()?, options));
        choices.iter().map(open).collect::<Result<_, _>>().map(Verifiers)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Verifier> {
        self.0.iter()
    }

    /// Asks all of them about all programs of an object. `name` is its file name.
    pub fn check(&self, name: &str, bytes: &[u8]) -> Vec<ProgramAnswers> {
        let opened: Vec<_> = self.0.iter().map(|verifier| verifier.open(name, bytes)).collect();
        // All of them read the same file: where one opens it, they have the same programs.
        let programs = opened.iter().flatten().next();
        let programs: Vec<_> = match programs {
            Some(object) => object
                .programs()
                .map(|program| Some(program.name().to_owned()))
                .collect(),
            None => vec![None],
        };
        let answer = |index: usize| {
            let of = |object: &Result<crate::OpenObject<'_>, _>| match object {
                Ok(object) => object.check(index),
                Err(error) => open_failure(name, error).into(),
            };
            opened.iter().map(of).collect()
        };
        let all = programs.into_iter().enumerate();
        all.map(|(index, program)| ProgramAnswers {
            program,
            answers: answer(index),
        })
        .collect()
    }
}

impl From<Vec<Verifier>> for Verifiers {
    fn from(verifiers: Vec<Verifier>) -> Verifiers {
        Verifiers(verifiers)
    }
}
