//! A kernel's records as what differs from a neighbour's: a few lines instead of thousands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::Done;

/// What to subtract from what.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the neighbour said: JSON lines of the oracle
    #[arg(long, value_name = "FILE")]
    base: PathBuf,
    /// What the kernel said
    #[arg(long, value_name = "FILE")]
    of: PathBuf,
    /// Write the differences here
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A record's object and program; a whole object's failure has no program.
type Key = (String, String);
type Records = BTreeMap<Key, Map<String, Value>>;

/// A field that no two runs share.
const TIME: &str = "usec";
/// Marks a record that the neighbour has and the kernel has not.
const ABSENT: &str = "absent";
/// What names a record.
const NAMES: [&str; 2] = ["object", "program"];

fn name(record: &Map<String, Value>, field: &str) -> String {
    let value = record.get(field).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn read(path: &Path) -> Result<Records, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let record = |(i, line)| -> Result<_, String> {
        let mut record: Map<String, Value> =
            serde_json::from_str(line).map_err(|e| format!("{}:{}: {e}", path.display(), i + 1))?;
        record.remove(TIME);
        Ok(((name(&record, NAMES[0]), name(&record, NAMES[1])), record))
    };
    text.lines().enumerate().map(record).collect()
}

/// Writes the differences, a line for each record that differs: its names and the fields that are others, `null` where it
/// has none.
pub(crate) fn run(args: &Args) -> Done {
    let (mut base, of) = (read(&args.base)?, read(&args.of)?);
    let mut lines = String::new();
    let mut count = 0;
    let mut line = |record: Map<String, Value>| {
        count += 1;
        lines.push_str(&Value::Object(record).to_string());
        lines.push('\n');
    };
    for (key, record) in of {
        let old = base.remove(&key).unwrap_or_default();
        let gone = old.keys().filter(|k| !record.contains_key(*k));
        let gone: Vec<_> = gone.map(|k| (k.clone(), Value::Null)).collect();
        let mut changed: Map<_, _> = record
            .into_iter()
            .filter(|(k, v)| NAMES.contains(&k.as_str()) || old.get(k) != Some(v))
            .collect();
        changed.extend(gone);
        if changed.keys().any(|k| !NAMES.contains(&k.as_str())) {
            line(changed);
        }
    }
    for (_, record) in base {
        let mut names: Map<_, _> = record
            .into_iter()
            .filter(|(k, _)| NAMES.contains(&k.as_str()))
            .collect();
        names.insert(ABSENT.to_owned(), Value::Bool(true));
        line(names);
    }
    fs::write(&args.out, lines).map_err(|e| format!("{}: {e}", args.out.display()))?;
    println!("{}: {count} records differ", args.out.display());
    Ok(true)
}

/// The kernel's records as JSON lines, made of the neighbour's and the differences.
pub(crate) fn apply(base: &Path, delta: Option<&Path>) -> Result<String, String> {
    let mut records = read(base)?;
    for (key, change) in delta.map(read).transpose()?.unwrap_or_default() {
        if change.contains_key(ABSENT) {
            records.remove(&key);
            continue;
        }
        let record = records.entry(key).or_default();
        for (field, value) in change {
            match value {
                Value::Null => record.remove(&field),
                value => record.insert(field, value),
            };
        }
    }
    let lines = records.into_values().map(|r| Value::Object(r).to_string() + "\n");
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is subtracted and added again is what it was.
    #[test]
    fn differences_restore_the_records() {
        let dir = std::env::temp_dir().join(format!("verdict-delta-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let base = file(
            "base",
            "{\"object\":\"a\",\"program\":\"same\",\"insns\":1,\"usec\":5}\n\
             {\"object\":\"a\",\"program\":\"other\",\"insns\":2,\"tail\":\"x\"}\n\
             {\"object\":\"b\",\"stage\":\"open\"}\n",
        );
        let of = "{\"insns\":3,\"object\":\"a\",\"program\":\"other\",\"states\":4}\n\
                  {\"insns\":1,\"object\":\"a\",\"program\":\"same\"}\n\
                  {\"object\":\"c\",\"stage\":\"open\"}\n";
        let args = Args {
            base: base.clone(),
            of: file("of", of),
            out: dir.join("out"),
        };
        run(&args).unwrap();
        let delta = fs::read_to_string(&args.out).unwrap();
        assert_eq!(delta.lines().count(), 3, "{delta}");
        assert_eq!(apply(&base, Some(&args.out)).unwrap(), of);
        fs::remove_dir_all(&dir).unwrap();
    }
}
