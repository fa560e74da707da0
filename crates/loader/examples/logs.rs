//! Compares prepared programs with the instructions, maps and source lines that kernel logs show.
//!
//! `cargo run --release -p verdict-loader --example logs -- LOG_DIRECTORY OBJECT…`
//!
//! A log is called `OBJECT__PROGRAM.log`, as the oracle calls it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use verdict_btf::Btf;
use verdict_isa::{Insn, assemble_with};
use verdict_kernel::Kernel;
use verdict_kernel::attr::{MapCreate, MapId, MapValue, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::rule::Broken;
use verdict_loader::{Bpf, Object};

/// Accepts everything and remembers the maps.
#[derive(Default)]
struct Maps(Vec<MapCreate>);

impl Bpf for Maps {
    fn btf_load(&mut self, _btf: &Arc<Btf>) -> Result<(), (Broken, String)> {
        Ok(())
    }
    fn map_create(&mut self, attr: &MapCreate) -> Result<MapId, Broken> {
        self.0.push(attr.clone());
        Ok(MapId(self.0.len() as u32 - 1))
    }
    fn map_update(&mut self, _map: MapId, _key: &[u8], _value: MapValue) -> Result<(), Errno> {
        Ok(())
    }
    fn map_freeze(&mut self, _map: MapId) -> Result<(), Errno> {
        Ok(())
    }
}

/// How many of each were compared.
#[derive(Default)]
struct Counts(BTreeMap<&'static str, usize>);

struct Check<'a> {
    load: &'a ProgLoad,
    maps: &'a [MapCreate],
    counts: &'a mut Counts,
}

/// The index and the text of an instruction's line.
fn insn_line(line: &str) -> Option<(usize, &str)> {
    let (index, rest) = line.split_once(": (")?;
    let text = rest.get(2..)?.strip_prefix(") ")?;
    Some((index.parse().ok()?, text))
}

impl Check<'_> {
    fn line(&mut self, index: usize, text: &str, number: Option<&str>) -> Result<(), String> {
        let (body, state) = text.split_once(" ; ").unwrap_or((text, ""));
        let Some(have) = self.load.insns.get(index) else {
            return Err(format!("no insn {index}"));
        };
        if let Some(number) = number {
            self.source(index, number)?;
        }
        let Ok((want, _)) = assemble_with(body.trim_end(), |_, id| id > 1000) else {
            return Ok(());
        };
        *self.counts.0.entry("insns").or_default() += 1;
        if want.code == 0x18 {
            return self.load_imm64(index, have, &want, state);
        }
        if want != *have {
            return Err(format!("insn {index} '{body}': want {want:?}, have {have:?}"));
        }
        Ok(())
    }

    fn load_imm64(&mut self, index: usize, have: &Insn, want: &Insn, state: &str) -> Result<(), String> {
        if (have.code, have.dst) != (want.code, want.dst) {
            return Err(format!("insn {index}: want {want:?}, have {have:?}"));
        }
        // Addresses are zeroed in logs that are kept, and so is what looks like one.
        let hidden = self
            .load
            .insns
            .get(index + 1)
            .is_some_and(|i| i.imm as u32 >> 24 == 0xff);
        let field = |key: &str| {
            let start = state.find(key)? + key.len();
            state[start..].split([',', ')']).next()
        };
        let map = self
            .maps
            .get(have.imm as usize)
            .filter(|_| matches!(have.src, 1 | 2));
        let Some(name) = field("(map=") else {
            return if have.src == 0 && have.imm != want.imm && !hidden {
                Err(format!("insn {index}: want imm {}, have {}", want.imm, have.imm))
            } else {
                Ok(())
            };
        };
        *self.counts.0.entry("maps").or_default() += 1;
        if map.is_none_or(|m| m.name != name) {
            return Err(format!("insn {index}: want map {name}, have {map:?}"));
        }
        if have.src == 2 {
            *self.counts.0.entry("offsets").or_default() += 1;
            let offset = field(",off=").unwrap_or("0");
            let high = self.load.insns.get(index + 1).map_or(0, |i| i.imm);
            if offset != high.to_string() && offset != format!("{high:#x}") {
                return Err(format!("insn {index}: want offset {offset}, have {high}"));
            }
            let size = field(",vs=").unwrap_or_default();
            if map.is_some_and(|m| m.value_size.to_string() != size) {
                return Err(format!("insn {index}: want size {size}, have {map:?}"));
            }
        }
        Ok(())
    }

    fn source(&mut self, index: usize, number: &str) -> Result<(), String> {
        *self.counts.0.entry("lines").or_default() += 1;
        let (Some(btf), infos) = (&self.load.btf, &self.load.line_info) else {
            return Err("no BTF".to_owned());
        };
        let found = infos.iter().rev().find(|l| l.insn_off as usize <= index);
        let Some(found) = found else {
            return Err(format!("insn {index}: no line"));
        };
        let file = btf.name(found.file_name_off);
        let file = file.rsplit('/').next().unwrap_or(file);
        let have = format!(
            "{} @ {file}:{}",
            btf.name(found.line_off).trim_start(),
            found.line()
        );
        if have.trim_end() != number.trim_end() && !number.contains("= 0xff00000000000000") {
            return Err(format!("insn {index}: want line {number:?}, have {have:?}"));
        }
        Ok(())
    }
}

fn compare(log: &str, check: &mut Check<'_>) -> Result<(), String> {
    let mut source = None;
    for line in log.lines() {
        if let Some(text) = line.strip_prefix("; ") {
            source = Some(text);
            continue;
        }
        if let Some((index, text)) = insn_line(line) {
            check.line(index, text, source.take())?;
        } else if !line.contains(": R") {
            source = None;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let logs = args.next().ok_or("usage: logs LOG_DIRECTORY OBJECT…")?;
    let kernel = Kernel::open("6.12")?;
    let mut counts = Counts::default();
    let mut failures: HashMap<String, usize> = HashMap::new();
    let mut compared = 0;
    for path in args {
        let base = Path::new(&path)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Ok(object) = Object::open(&base, &std::fs::read(&path)?, &kernel) else {
            continue;
        };
        for i in 0..object.program_count() {
            let name = object.program_name(i);
            let Ok(log) = std::fs::read_to_string(format!("{logs}/{base}__{name}.log")) else {
                continue;
            };
            let mut maps = Maps::default();
            let Ok(prepared) = object.prepare(i, &mut maps) else {
                continue;
            };
            let Some(load) = prepared.target.and_then(|t| prepared.loads.get(t)) else {
                continue;
            };
            compared += 1;
            let mut check = Check {
                load,
                maps: &maps.0,
                counts: &mut counts,
            };
            if let Err(e) = compare(&log, &mut check) {
                eprintln!("{base} {name}: {e}");
                *failures.entry(base.clone()).or_default() += 1;
            }
        }
    }
    eprintln!(
        "{compared} compared, {} failed; {:?}",
        failures.values().sum::<usize>(),
        counts.0
    );
    Ok(())
}
