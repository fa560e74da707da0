//! Initial values of global variables, set before an object is loaded: what user space does to `.rodata`,
//! `.data` and `.bss` between opening and loading, so that programs are verified as they will run.

mod dump;
mod place;

use std::collections::HashMap;
use std::fmt;

use verdict_btf::{Btf, Kind, Type, TypeId};

use crate::maps::{Internal, Map};
use crate::object::Object;

use dump::Dump;

/// Values for global variables, in the order in which they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    dumps: Vec<Dump>,
    presets: Vec<Preset>,
}

impl Globals {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.dumps.is_empty() && self.presets.is_empty()
    }

    /// Adds one value: `name = value`, as for veristat's `-G`.
    ///
    /// # Errors
    /// Names what cannot be read, and what was expected.
    pub fn add(&mut self, expression: &str) -> Result<(), GlobalError> {
        self.presets.push(Preset::parse(expression)?);
        Ok(())
    }

    /// Adds the values of a file: one `name = value` a line, empty lines and `#` lines apart.
    ///
    /// # Errors
    /// Names the line.
    pub fn add_lines(&mut self, text: &str) -> Result<(), GlobalError> {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                self.add(line)
                    .map_err(|e| GlobalError(format!("line {number}: {e}")))?;
            }
        }
        Ok(())
    }

    /// Adds the contents of data maps as `bpftool map dump -j` prints them. Single values are set after these.
    ///
    /// # Errors
    /// Says what is not as that command prints it.
    pub fn add_dump(&mut self, json: &str) -> Result<(), GlobalError> {
        self.dumps.extend(dump::parse(json)?);
        Ok(())
    }
}

/// Why a variable cannot be set, in words that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalError(pub(crate) String);

impl fmt::Display for GlobalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for GlobalError {}

macro_rules! refuse {
    ($($arg:tt)*) => { return Err(GlobalError(format!($($arg)*))) };
}
use refuse;

/// One value for one variable, or for a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Preset {
    /// The left side as written.
    written: String,
    variable: String,
    path: Vec<Step>,
    value: Scalar,
}

/// The map that a variable is in, where it is there, and its type.
type Variable = (usize, u32, TypeId);

/// A step from a variable to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Index(Scalar),
}

/// A number, or the name of one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scalar {
    Number(i128),
    Name(String),
}

impl Preset {
    fn parse(expression: &str) -> Result<Preset, GlobalError> {
        let Some((target, value)) = expression.split_once('=') else {
            refuse!("'{}': expected NAME = VALUE", expression.trim());
        };
        let (target, value) = (target.trim(), value.trim());
        let mut steps = Vec::new();
        for part in target.split('.') {
            parse_part(target, part, &mut steps)?;
        }
        let mut steps = steps.into_iter();
        let Some(Step::Member(variable)) = steps.next() else {
            refuse!("'{}': expected NAME = VALUE", expression.trim());
        };
        Ok(Preset {
            written: target.to_owned(),
            variable,
            path: steps.collect(),
            value: Scalar::parse(target, value)?,
        })
    }
}

/// A name, and the indices behind it.
fn parse_part(target: &str, part: &str, steps: &mut Vec<Step>) -> Result<(), GlobalError> {
    let mut pieces = part.split('[');
    let name = pieces.next().unwrap_or_default().trim();
    if !is_word(name) {
        refuse!("global '{target}': '{name}' is no name: expected NAME, NAME.MEMBER or NAME[INDEX]");
    }
    steps.push(Step::Member(name.to_owned()));
    for piece in pieces {
        let index = piece.trim().strip_suffix(']').map(str::trim);
        let Some(index) = index.filter(|index| is_word(index)) else {
            refuse!("global '{target}': '[{piece}' is no index: expected [NUMBER] or [ENUMERATOR]");
        };
        steps.push(Step::Index(Scalar::parse(target, index)?));
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Scalar {
    /// Reads a number as C writes it, or a name.
    fn parse(target: &str, text: &str) -> Result<Scalar, GlobalError> {
        let starts_as_name = |t: &str| t.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_word(text) && starts_as_name(text) {
            return Ok(Scalar::Name(text.to_owned()));
        }
        if let Some(number) = parse_number(text) {
            return Ok(Scalar::Number(number));
        }
        if text.parse::<f64>().is_ok() && text.contains(['.', 'e', 'E']) {
            refuse!(
                "global '{target}': {text} is a floating-point number, which BPF programs cannot use: \
                 expected a whole number or an enumerator"
            );
        }
        refuse!(
            "global '{target}': cannot read '{text}': expected a whole number of 64 bits or an enumerator"
        );
    }
}

/// A whole number of 64 bits, signed or unsigned, in decimal, `0x` or octal.
fn parse_number(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match hex {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None; // from_str_radix would take a second sign
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -size } else { size };
    (value >= i128::from(i64::MIN)).then_some(value)
}

impl Object {
    /// Gives global variables other initial values than the file's.
    ///
    /// # Errors
    /// Names the variable that cannot be set, and what was expected. The object is of no use then.
    pub fn set_globals(&mut self, globals: &Globals) -> Result<(), GlobalError> {
        self.changed();
        for dump in &globals.dumps {
            self.set_dump(dump)?;
        }
        let btf = self.btf.clone();
        let found = btf
            .as_deref()
            .map(|btf| self.variables(btf, &globals.presets))
            .unwrap_or_default();
        for preset in &globals.presets {
            let found = found.get(preset.variable.as_str()).map(Vec::as_slice);
            self.set_global(preset, btf.as_deref(), found.unwrap_or_default())?;
        }
        Ok(())
    }

    /// The variables that values are for, by name.
    fn variables<'p>(&self, btf: &Btf, presets: &'p [Preset]) -> HashMap<&'p str, Vec<Variable>> {
        let names = presets.iter().map(|preset| preset.variable.as_str());
        let mut found: HashMap<_, Vec<_>> = names.map(|name| (name, Vec::new())).collect();
        if found.is_empty() {
            return found;
        }
        for (map, of) in self.maps.iter().enumerate().filter(|(_, m)| is_data(m)) {
            let section = of.def.value_type.and_then(|id| btf.ty(id));
            let section = section.filter(|t| t.kind() == Kind::DataSec);
            let vars = section.into_iter().flat_map(|section| section.vars());
            for var in vars {
                let ty = var.type_().filter(|ty| ty.kind() == Kind::Var);
                if let Some(ty) = ty
                    && let Some(found) = found.get_mut(ty.name())
                {
                    found.push((map, var.offset, ty.target()));
                }
            }
        }
        found
    }

    fn set_global(
        &mut self,
        preset: &Preset,
        btf: Option<&Btf>,
        found: &[Variable],
    ) -> Result<(), GlobalError> {
        let written = &preset.written;
        if let Some(spec) = &mut self.cilium
            && spec.has_constant(&preset.variable)
            && preset.path.is_empty()
        {
            let Scalar::Number(number) = preset.value else {
                refuse!("global '{written}': the constant has no type: expected a whole number");
            };
            spec.set_constant(&preset.variable, number as u64);
            return Ok(());
        }
        let Some(btf) = btf else {
            refuse!("global '{written}': the object has no BTF, which names variables");
        };
        let &[(index, offset, ty)] = found else {
            let variable = &preset.variable;
            match found.len() {
                0 => refuse!(
                    "global '{written}': no variable '{variable}'{}",
                    self.known_globals()
                ),
                n => refuse!("global '{written}': {n} variables are called '{variable}': expected one"),
            }
        };
        let place = place::find(btf, preset, offset, ty)?;
        let bytes = place.encode(btf, preset)?;
        self.overlay(index, place.offset, bytes).ok_or_else(|| {
            let size = self.maps.get(index).map_or(0, |map| map.def.value_size);
            GlobalError(format!(
                "global '{written}': lies outside its section of {size} bytes"
            ))
        })
    }

    /// What BTF says of a data map's section.
    fn section_of(&self, map: &Map) -> Option<Type<'_>> {
        self.btf.as_deref()?.ty(map.def.value_type?)
    }

    /// What can be set, for an error.
    fn known_globals(&self) -> String {
        let mut names = Vec::new();
        for map in self.maps.iter().filter(|m| is_data(m)) {
            let section = self.section_of(map);
            let vars = section.into_iter().flat_map(|section| section.vars());
            names.extend(vars.filter_map(|var| var.type_()).map(|ty| ty.name()));
        }
        const SHOWN: usize = 16;
        let more = if names.len() > SHOWN { ", …" } else { "" };
        names.truncate(SHOWN);
        if names.is_empty() {
            ": the object has none".to_owned()
        } else {
            format!(": expected one of {}{more}", names.join(", "))
        }
    }

    fn set_dump(&mut self, dump: &Dump) -> Result<(), GlobalError> {
        let size = dump.bytes.len();
        let sections = self.maps.iter().enumerate().filter(|(_, map)| is_data(map));
        let named = |map: &Map| {
            let section = self.section_of(map);
            section.is_some_and(|section| Some(section.name()) == dump.section.as_deref())
        };
        let fits = |map: &Map| map.def.value_size as usize == size;
        let matching: Vec<_> = match &dump.section {
            Some(_) => sections.filter(|(_, map)| named(map)).collect(),
            None => sections.filter(|(_, map)| fits(map)).collect(),
        };
        let shown = dump.section.as_deref().unwrap_or("a section without a name");
        let &[(index, map)] = matching.as_slice() else {
            match matching.len() {
                0 => refuse!("dump of {shown} ({size} bytes): the object has no such data"),
                n => refuse!(
                    "dump of {shown} ({size} bytes): fits {n} sections: expected types in it to tell which"
                ),
            }
        };
        if !fits(map) {
            refuse!(
                "dump of {shown}: {size} bytes: expected {}: it comes from another build of the object",
                map.def.value_size
            );
        }
        let bytes = dump.bytes.clone();
        let set = self.overlay(index, 0, bytes);
        set.ok_or_else(|| GlobalError(format!("dump of {shown}: does not fit")))
    }

    /// Notes bytes that replace those of the file; `None` when they lie outside the section.
    fn overlay(&mut self, map: usize, offset: u32, bytes: Vec<u8>) -> Option<()> {
        let map = self.maps.get_mut(map)?;
        let end = (offset as usize).checked_add(bytes.len())?;
        if end > map.def.value_size as usize {
            return None;
        }
        map.presets.push((offset as usize, bytes));
        Some(())
    }
}

/// Whether the map holds variables that user space may set. The kernel's configuration is not its to choose.
fn is_data(map: &Map) -> bool {
    matches!(
        map.internal,
        Some(Internal::Data | Internal::Bss | Internal::Rodata)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(expression: &str) -> Preset {
        Preset::parse(expression).unwrap()
    }

    fn error(expression: &str) -> String {
        Preset::parse(expression).unwrap_err().to_string()
    }

    #[test]
    fn left_sides() {
        assert_eq!(parsed("a=1").variable, "a");
        let preset = parsed(" foo[1] . bar [ TWO ][0x3]. baz = -7 ");
        assert_eq!(preset.variable, "foo");
        assert_eq!(
            preset.path,
            [
                Step::Index(Scalar::Number(1)),
                Step::Member("bar".into()),
                Step::Index(Scalar::Name("TWO".into())),
                Step::Index(Scalar::Number(3)),
                Step::Member("baz".into()),
            ]
        );
        assert_eq!(preset.value, Scalar::Number(-7));
        assert!(error("a").contains("expected NAME = VALUE"));
        assert!(error("a..b = 1").starts_with("global 'a..b': '' is no name"));
        assert!(error("a[ = 1").contains("is no index"));
        assert!(error("a[1]x = 1").contains("is no index"));
    }

    #[test]
    fn values() {
        let value = |text: &str| parsed(&format!("a = {text}")).value;
        assert_eq!(value("0x10"), Scalar::Number(16));
        assert_eq!(value("010"), Scalar::Number(8));
        assert_eq!(
            value("18446744073709551615"),
            Scalar::Number(i128::from(u64::MAX))
        );
        assert_eq!(
            value("-9223372036854775808"),
            Scalar::Number(i128::from(i64::MIN))
        );
        assert_eq!(value("GREEN"), Scalar::Name("GREEN".into()));
        for float in ["1.5", "-.5", "1e3"] {
            assert!(
                error(&format!("a = {float}")).contains("floating-point"),
                "{float}"
            );
        }
        for odd in [
            "",
            "1 2",
            "--1",
            "0x",
            "99999999999999999999",
            "-9223372036854775809",
        ] {
            assert!(error(&format!("a = {odd}")).contains("cannot read"), "{odd}");
        }
    }

    #[test]
    fn files() {
        let mut globals = Globals::default();
        globals.add_lines("# settings\n\n a = 1\nb.c = TWO\n").unwrap();
        assert_eq!(globals.presets, [parsed("a = 1"), parsed("b.c = TWO")]);
        let e = globals.add_lines("a = 1\nb").unwrap_err();
        assert_eq!(e.to_string(), "line 2: 'b': expected NAME = VALUE");
    }
}
