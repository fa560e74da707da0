//! `verdict sweep`: the same programs under many settings.

use std::collections::BTreeSet;
use std::io::Write;

use verdict::KernelChoice;
use verdict::kernel::{KNOWN, SWITCHES};
use verdict_report::{Column, SweepRun, write_sweep};

use crate::args::SweepArgs;
use crate::stat::Gathered;
use crate::{Done, caveats, interrupt, run};

/// Settings that one table may have.
const MAX_SETTINGS: usize = 256;

pub(crate) fn run(args: &SweepArgs, out: &mut dyn Write) -> Done {
    run::set_jobs(args.jobs.jobs);
    let kernel = args.verify.asked();
    let (mut runs, mut caveats) = (Vec::new(), Vec::new());
    let (mut code, mut told) = (0, BTreeSet::new());
    for setting in settings(
        kernel.base(),
        kernel.names(),
        &args.verify.globals.set_global_vars,
    )? {
        let mut globals = args.verify.globals.dumped()?;
        for expression in &setting.globals {
            globals.add(expression).map_err(|e| e.to_string())?;
        }
        let verifier = kernel
            .verifier_of(&setting.choice, args.verify.options())?
            .with_globals(globals);
        let caveat = verifier.kernel().caveat();
        caveats.extend(caveat.filter(|caveat| !caveats.contains(caveat)));
        for gathered in
            Gathered::of_each_untold(&[&verifier], &args.objects, &args.verify.programs, &mut told)?
        {
            code = code.max(gathered.exit_code());
            runs.push(SweepRun {
                setting: setting.label.clone(),
                rows: gathered.rows(),
            });
        }
        if interrupt::asked() {
            break;
        }
    }
    let columns = args
        .print
        .emit
        .as_ref()
        .map_or(&[Column::Insns][..], |columns| &columns.0);
    let format = args.print.output.format();
    write_sweep(out, &runs, (columns, &caveats), format, args.print.changed)?;
    caveats::write_below(out, &caveats, format)?;
    Ok(code)
}

/// One point of the sweep.
#[derive(Clone, Default)]
struct Setting {
    /// What heads its columns.
    label: String,
    choice: KernelChoice,
    globals: Vec<String>,
}

impl Setting {
    fn labelled(mut self, part: &str) -> Setting {
        if !self.label.is_empty() {
            self.label.push(' ');
        }
        self.label.push_str(part);
        self
    }
}

/// All combinations of what has several values.
fn settings(mut choice: KernelChoice, names: &[String], globals: &[String]) -> Result<Vec<Setting>, String> {
    let switches = std::mem::take(&mut choice.switches);
    let mut all = vec![Setting {
        choice,
        ..Setting::default()
    }];
    if !names.is_empty() {
        spread(&mut all, &kernels(names), |setting, name, several| {
            setting.choice.name = Some(name.to_owned());
            several.then(|| name.to_owned())
        })?;
    }
    for switch in switches
        .iter()
        .flat_map(|s| s.split(','))
        .filter(|s| !s.is_empty())
    {
        let (name, value) = switch
            .split_once('=')
            .ok_or_else(|| format!("'{switch}': expected SWITCH=VALUE, SWITCH=VALUE|VALUE or SWITCH=*"))?;
        let every = || {
            let known = SWITCHES.iter().find(|switch| switch.name == name);
            let values = known.map(|switch| switch.values).unwrap_or_default();
            values.iter().map(|value| value.name.to_owned()).collect()
        };
        let mut values = alternatives(value, every);
        if values.is_empty() {
            values.push(value.to_owned()); // for the error that says what there is
        }
        spread(&mut all, &values, |setting, value, several| {
            let text = format!("{name}={value}");
            setting.choice.switches.push(text.clone());
            several.then_some(text)
        })?;
    }
    for expression in globals {
        let (name, value) = expression
            .split_once('=')
            .map(|(name, value)| (name.trim(), value.trim()))
            .ok_or_else(|| {
                format!("'{expression}': expected NAME = VALUE, NAME = VALUE|VALUE or NAME = FIRST..LAST")
            })?;
        spread(&mut all, &global_values(value)?, |setting, value, several| {
            setting.globals.push(format!("{name} = {value}"));
            several.then(|| format!("{name}={value}"))
        })?;
    }
    match all.as_slice() {
        [only] if only.label.is_empty() => Err(
            "nothing to sweep over: expected --set 'SWITCH=*', --kernel A,B or -G 'NAME = 1|2|4' (or 1..8)"
                .to_owned(),
        ),
        _ => Ok(all),
    }
}

/// The kernels of lists, separated by commas or as other values are; all that are known for `*` and `all`.
fn kernels(lists: &[String]) -> Vec<String> {
    let known = || KNOWN.iter().map(|known| known.name.to_owned()).collect();
    let names = lists.iter().flat_map(|list| list.split(','));
    let mut all: Vec<String> = Vec::new();
    for name in names.flat_map(|name| alternatives(if name == "all" { "*" } else { name }, known)) {
        if !name.is_empty() && !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// `A|B|C`, or all that `every` knows for `*`.
fn alternatives(text: &str, every: impl FnOnce() -> Vec<String>) -> Vec<String> {
    match text {
        "*" => every(),
        _ => text.split('|').map(|value| value.trim().to_owned()).collect(),
    }
}

/// `1|2|4` or, both ends included, `1..4`.
fn global_values(text: &str) -> Result<Vec<String>, String> {
    let Some((first, last)) = text.split_once("..") else {
        return Ok(alternatives(text, || vec!["*".to_owned()]));
    };
    let number = |text: &str| text.trim().parse::<i64>();
    match (number(first), number(last)) {
        (Ok(first), Ok(last)) if first <= last && last.saturating_sub(first) < MAX_SETTINGS as i64 => {
            Ok((first..=last).map(|n| n.to_string()).collect())
        }
        _ => Err(format!(
            "'{text}': expected FIRST..LAST, at most {MAX_SETTINGS} whole numbers"
        )),
    }
}

/// Multiplies the settings by the values of one more thing.
fn spread(
    all: &mut Vec<Setting>,
    values: &[String],
    set: impl Fn(&mut Setting, &str, bool) -> Option<String>,
) -> Result<(), String> {
    let count = all.len().saturating_mul(values.len());
    if count > MAX_SETTINGS {
        return Err(format!("{count} settings: expected at most {MAX_SETTINGS}"));
    }
    let mut product = Vec::with_capacity(count);
    for setting in all.iter() {
        for value in values {
            let mut next = setting.clone();
            product.push(match set(&mut next, value, values.len() > 1) {
                Some(part) => next.labelled(&part),
                None => next,
            });
        }
    }
    *all = product;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn labels(switches: &[&str], globals: &[&str]) -> Result<Vec<String>, String> {
        let choice = KernelChoice {
            switches: switches.iter().map(|s| (*s).to_owned()).collect(),
            ..KernelChoice::default()
        };
        let globals: Vec<_> = globals.iter().map(|s| (*s).to_owned()).collect();
        let labels = settings(choice, &[], &globals)?
            .into_iter()
            .map(|setting| setting.label);
        Ok(labels.collect())
    }

    #[test]
    fn combinations() {
        assert_eq!(
            labels(&["zero-spill=*"], &[]).unwrap(),
            ["zero-spill=stack-zero", "zero-spill=imprecise-scalar"]
        );
        assert_eq!(
            labels(&["a=b|c"], &["n = 1..2", "m = X"]).unwrap(),
            ["a=b n=1", "a=b n=2", "a=c n=1", "a=c n=2"]
        );
    }

    #[test]
    fn what_is_no_sweep() {
        assert!(
            labels(&["a=b"], &["n = 1"])
                .unwrap_err()
                .starts_with("nothing to sweep over")
        );
        assert!(labels(&["a"], &[]).unwrap_err().contains("expected SWITCH=VALUE"));
        for wrong in ["n = 1..x", "n = 2..1", "n = 1..1000"] {
            assert!(
                labels(&[], &[wrong])
                    .unwrap_err()
                    .contains("expected FIRST..LAST")
            );
        }
        assert!(labels(&[], &["n = 1..100", "m = 1..100"]).is_err());
    }
}
