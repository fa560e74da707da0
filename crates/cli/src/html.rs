//! Pages of `verdict check --html` and `verdict log --html`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use verdict::kernel::errno::Errno;
use verdict::page::{Cell, Index, Keep, Limits, Page, Row, Sheet};
use verdict::{Answer, Program, Verifier, shown_path};
use verdict_report::{Stage, Verdict};

use crate::caveats;
use crate::check::{answer_of, entry};
use crate::inputs::Input;
use crate::run::{ObjectResult, guarded, open};

/// What is said of a refusal beyond that.
const NO_ROOM: &str =
    "the page has no room for more steps: `verdict log --html` shows this program by itself";

/// Writes the page of what the kernels say of the objects: a sheet for each refusal, with the failing path.
pub(crate) fn write_check(
    file: &Path,
    verifiers: &[&Verifier],
    results: &[Vec<ObjectResult>],
) -> Result<(), String> {
    to_file(file, |out| {
        let mut page = Page::begin(out)?;
        let mut index = Index {
            kernels: verifiers.iter().map(|v| v.kernel().name.clone()).collect(),
            notes: caveats::of(verifiers.iter().copied()),
            ..Index::default()
        };
        let mut left = Limits::PAGE_ROWS;
        for at in 0..results.first().map_or(0, Vec::len) {
            let first = index.rows.len();
            let answers = results.iter().zip(verifiers).enumerate();
            for (kernel, (results, verifier)) in answers {
                let Some(result) = results.get(at) else { continue };
                let mut side = Side {
                    verifier,
                    kernel,
                    input: &result.input,
                    page: &mut page,
                    left: &mut left,
                };
                side.add(result, &mut index, first)?;
            }
        }
        page.finish("verdict check", &index)
    })
}

/// What one kernel says of one object.
struct Side<'a, 'w> {
    verifier: &'a Verifier,
    kernel: usize,
    input: &'a Input,
    page: &'a mut Page<'w>,
    /// Steps for which there is room.
    left: &'a mut u32,
}

impl Side<'_, '_> {
    /// Adds its programs to the table, whose rows of the object begin at `first`.
    fn add(&mut self, result: &ObjectResult, index: &mut Index, first: usize) -> io::Result<()> {
        let programs = match &result.programs {
            Ok(programs) => programs,
            Err(unusable) => {
                match answer_of(unusable) {
                    Some(answer) => self.add_answer(&answer, None, index, first)?,
                    None if !index.unusable.contains(&unusable.message) => {
                        index.unusable.push(unusable.message.clone());
                    }
                    None => {}
                }
                return Ok(());
            }
        };
        let refused = |answer: &Result<Answer, String>| answer.as_ref().is_ok_and(is_verified_refusal);
        // The object is opened again only where a path is to be shown.
        let again = programs.iter().any(refused);
        let object = again.then(|| open(self.verifier, self.input).ok()).flatten();
        for (number, answer) in programs.iter().enumerate() {
            let program = object.as_ref().and_then(|object| object.programs().nth(number));
            match answer {
                Ok(answer) => self.add_answer(answer, program, index, first)?,
                Err(message) => index.unusable.push(message.clone()),
            }
        }
        Ok(())
    }

    fn add_answer(
        &mut self,
        answer: &Answer,
        program: Option<Program<'_, '_>>,
        index: &mut Index,
        first: usize,
    ) -> io::Result<()> {
        let errno = Errno(answer.record.errno).to_string();
        let entry = entry(answer, &errno);
        let mut cell = Cell::of(&entry);
        if answer.record.verdict == Verdict::Failure {
            let limits = Limits {
                rows: Limits::PATH.rows.min(*self.left),
                ..Limits::PATH
            };
            let verified = program.filter(|_| is_verified_refusal(answer));
            let walked = verified
                .filter(|_| limits.rows > 0)
                .and_then(|program| walk(program, Keep::Path, limits));
            if let Some(walked) = &walked {
                *self.left -= walked.walk.insn.len() as u32;
            }
            let sheet = Sheet {
                object: &self.input.name,
                entry: &entry,
                kernel: &self.verifier.kernel().name,
                walk: walked.as_ref().map(|w| (&w.listing, &w.walk, &w.profile)),
                without: (verified.is_some() && limits.rows == 0).then_some(NO_ROOM),
            };
            cell.sheet = Some(self.page.sheet(&sheet)?);
        }
        let program = &answer.record.program;
        let rows = index.rows.iter().skip(first);
        let row = match rows.into_iter().position(|row| row.program == *program) {
            Some(row) => first + row,
            None => {
                index.rows.push(Row {
                    object: self.input.name.clone(),
                    program: program.clone(),
                    cells: Vec::new(),
                });
                index.rows.len() - 1
            }
        };
        if let Some(row) = index.rows.get_mut(row) {
            row.cells
                .resize_with(row.cells.len().max(self.kernel + 1), || None);
            row.cells[self.kernel] = Some(cell);
        }
        Ok(())
    }
}

/// Writes the page of one program, with its whole walk. Gives what is not modelled, if that ended it.
pub(crate) fn write_log(
    file: &Path,
    program: Program<'_, '_>,
    verifier: &Verifier,
) -> Result<Option<String>, String> {
    let kernel = verifier.kernel().name.as_str();
    let (object, name) = (program.object(), program.name());
    let answer = guarded(&format!("{program:?}"), || program.check())?;
    let walked = walk(program, Keep::Walk, Limits::WALK);
    to_file(file, |out| {
        let mut page = Page::begin(out)?;
        let errno = Errno(answer.record.errno).to_string();
        let entry = entry(&answer, &errno);
        let mut cell = Cell::of(&entry);
        cell.sheet = Some(page.sheet(&Sheet {
            object: object.name(),
            entry: &entry,
            kernel,
            walk: walked.as_ref().map(|w| (&w.listing, &w.walk, &w.profile)),
            without: None,
        })?);
        let index = Index {
            kernels: vec![kernel.to_owned()],
            notes: caveats::of([verifier]),
            rows: vec![Row {
                object: object.name().to_owned(),
                program: Some(name.to_owned()),
                cells: vec![Some(cell)],
            }],
            unusable: Vec::new(),
        };
        page.finish("verdict log", &index)
    })?;
    let record = &answer.record;
    Ok(record
        .undecided()
        .map(|what| format!("{}: {what}", record.verdict.word())))
}

/// Whether the verifier itself refused the program.
fn is_verified_refusal(answer: &Answer) -> bool {
    answer.record.verdict == Verdict::Failure && answer.record.stage == Stage::Verify
}

/// The steps of a program; a panic of the second verification is none of the page's.
fn walk(program: Program<'_, '_>, keep: Keep, limits: Limits) -> Option<verdict::Walked> {
    guarded(program.name(), || program.walk(keep, limits))
        .ok()
        .flatten()
}

fn to_file(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let named = |error: io::Error| format!("{}: {error}", shown_path(file));
    let mut out = BufWriter::new(File::create(file).map_err(named)?);
    write(&mut out).and_then(|()| out.flush()).map_err(named)
}
