//! `verdict compare`.

use std::fs;
use std::io::Write;
use std::path::Path;

use verdict::{KernelChoice, Verifier};
use verdict_report::{Column, Format, Joined, Row, join, read_rows, write_comparison};

use crate::args::{CompareArgs, KernelArgs, Output};
use crate::stat::Gathered;
use crate::{Done, Trouble};

pub(crate) fn run(kernel: &KernelArgs, args: &CompareArgs, out: &mut dyn Write) -> Done {
    let format = match args.output {
        Output::Table => Format::Table,
        Output::Csv => Format::Csv,
        Output::Jsonl => return Err("compare -o: expected table or csv".to_owned().into()),
    };
    let (a, b, code) = match (&args.a, &args.b) {
        (Some(a), Some(b)) => {
            let [a, b] = [a, b].map(|setting| gather(kernel, args, setting));
            let (a, b) = (a?, b?);
            (a.rows(), b.rows(), a.exit_code().max(b.exit_code()))
        }
        _ => {
            let [a, b] = args.inputs.as_slice() else {
                let message = "compare: expected two files of figures, or --a and --b with objects";
                return Err(message.to_owned().into());
            };
            (read(a)?, read(b)?, 0)
        }
    };
    let joined = join(&a, &b);
    let columns = columns(args, &joined);
    let changed = |row: &Joined<'_>| row.differs_in(&columns) || row.differs_in(&[Column::Verdict]);
    let rows: Vec<_> = joined
        .into_iter()
        .filter(|row| args.all || changed(row))
        .collect();
    write_comparison(out, &columns, &rows, format)?;
    Ok(code)
}

/// What is shown: the verdict only where one changes, unless asked for.
fn columns(args: &CompareArgs, rows: &[Joined<'_>]) -> Vec<Column> {
    if let Some(columns) = &args.emit {
        return columns.0.clone();
    }
    let mut columns = Column::COMPARISON.to_vec();
    if rows
        .iter()
        .any(|row| row.a.is_some() && row.b.is_some() && row.differs_in(&[Column::Verdict]))
    {
        columns.insert(2, Column::Verdict);
    }
    columns
}

fn read(path: &Path) -> Result<Vec<Row>, String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    read_rows(&text)
        .map(|(_, rows)| rows)
        .map_err(|e| format!("{shown}: {e}"))
}

fn gather(kernel: &KernelArgs, args: &CompareArgs, setting: &str) -> Result<Gathered, Trouble> {
    let choice = with_setting(kernel.choice(), setting)?;
    let verifier = Verifier::new(choice.open()?, args.test.options());
    Ok(Gathered::of(&verifier, &args.inputs))
}

/// The choice changed by a setting such as `kernel=6.12,set=zero-spill=stack-zero`.
fn with_setting(mut choice: KernelChoice, setting: &str) -> Result<KernelChoice, String> {
    for part in setting.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("kernel", name)) => choice.name = Some(name.to_owned()),
            Some(("kernel-dir", dir)) => choice.dir = Some(dir.into()),
            Some(("set", switch)) => choice.switches.push(switch.to_owned()),
            _ => {
                let expected = "kernel=NAME, kernel-dir=DIR or set=SWITCH=VALUE";
                return Err(format!("setting '{part}': expected {expected}"));
            }
        }
    }
    Ok(choice)
}
