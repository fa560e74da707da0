//! Programs as text.
//!
//! An instruction is written as the kernel's log writes it, and as `verdict_isa::assemble` reads it. Beside that there
//! are, a line each:
//!
//! | line | what it is |
//! |---|---|
//! | `; words` | a comment, behind an instruction, too |
//! | `loop:` | a label, on its own or before an instruction; a number is checked to be the instruction's index |
//! | `section xdp` | the program's section, by which libbpf knows its type; `socket` unless stated |
//! | `test states` | the verifier keeps a state at every prune point (`BPF_F_TEST_STATE_FREQ`) |
//! | `test bounds` | bounds that contradict each other are refused (`BPF_F_TEST_REG_INVARIANTS`, which old kernels do not know) |
//! | `map m = array 4 8 1` | a map: its type, size of keys and of values, entries; `lock` behind them is a spin lock at the start of values |
//! | `kfunc f = struct*(void*, int)` | the prototype of a function of the kernel, by the kinds of its types |
//! | `static f(2):`, `global f(2):` | here begins a function that takes so many integers |
//!
//! and in instructions `goto loop` and `goto +3`, `r1 = map(m)`, `r2 = func(f)`, `call f` for a function of the program
//! and `call bpf_rcu_read_lock` for one of the kernel.

use std::fmt;

use verdict_isa::{Insn, assemble, class, op};

/// A map that the program refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map {
    /// Its name.
    pub name: String,
    /// `BPF_MAP_TYPE_*`.
    pub kind: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Entries at most.
    pub entries: u32,
    /// Whether values begin with a spin lock.
    pub lock: bool,
}

/// A function of the program, not the first one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Func {
    /// Its name.
    pub name: String,
    /// Its first instruction.
    pub start: usize,
    /// Whether it is verified by itself.
    pub global: bool,
    /// How many integers it takes.
    pub args: usize,
}

/// The kinds of types that libbpf compares of a kernel function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// Nothing.
    Void,
    /// An integer.
    Int,
    /// An enumeration.
    Enum,
    /// A struct.
    Struct,
    /// A union.
    Union,
    /// A struct that is only named.
    Fwd,
}

/// How kinds are written.
const BASES: [(&str, Base); 6] = [
    ("void", Base::Void),
    ("int", Base::Int),
    ("enum", Base::Enum),
    ("struct", Base::Struct),
    ("union", Base::Union),
    ("fwd", Base::Fwd),
];

/// A type by its kind, behind so many pointers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// What it comes to.
    pub base: Base,
    /// Pointers on the way there.
    pub pointers: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = BASES
            .iter()
            .find(|row| row.1 == self.base)
            .map_or("void", |row| row.0);
        write!(f, "{name}{}", "*".repeat(self.pointers))
    }
}

/// What a kernel function gives and takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proto {
    /// The function.
    pub name: String,
    /// What it gives.
    pub ret: Shape,
    /// What it takes.
    pub args: Vec<Shape>,
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<_> = self.args.iter().map(Shape::to_string).collect();
        write!(f, "kfunc {} = {}({})", self.name, self.ret, args.join(", "))
    }
}

/// What an instruction refers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A map, by its number.
    Map(usize),
    /// A function that is called, by its number.
    Call(usize),
    /// A function whose address is taken.
    Address(usize),
    /// A kernel function, by its number in [`Source::kfuncs`].
    Kfunc(usize),
}

/// What a flag of the load has the verifier test.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Tested {
    /// Nothing.
    #[default]
    Nothing,
    /// States: there is one at every prune point.
    States,
    /// Bounds: they may not contradict each other.
    Bounds,
}

/// A program, read.
#[derive(Clone, Default, Debug)]
pub struct Source {
    /// Its section.
    pub section: String,
    /// What is tested beside the program.
    pub tested: Tested,
    /// The program and its functions, one behind the other.
    pub insns: Vec<Insn>,
    /// The functions.
    pub funcs: Vec<Func>,
    /// The maps.
    pub maps: Vec<Map>,
    /// Functions of the kernel.
    pub kfuncs: Vec<String>,
    /// Prototypes of some of them.
    pub protos: Vec<Proto>,
    /// By instruction.
    pub refs: Vec<(usize, Target)>,
}

const MAP_TYPES: [(&str, u32); 11] = [
    ("hash", 1),
    ("array", 2),
    ("prog_array", 3),
    ("perf_event_array", 4),
    ("percpu_array", 6),
    ("stack_trace", 7),
    ("cgroup_array", 8),
    ("lru_hash", 9),
    ("devmap", 14),
    ("queue", 22),
    ("ringbuf", 27),
];

/// Why a text is no program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextError(String);

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TextError {}

/// Reads a program.
///
/// # Errors
/// Names the line that is none, or what is nowhere.
pub fn parse(text: &str) -> Result<Source, TextError> {
    let mut parser = Parser {
        source: Source {
            section: "socket".to_owned(),
            ..Source::default()
        },
        ..Parser::default()
    };
    for line in text.lines() {
        if parser
            .line(line.split(';').next().unwrap_or_default().trim())
            .is_none()
        {
            return Err(TextError(format!("not a line of a program: {}", line.trim())));
        }
    }
    parser.finish()
}

/// A name that is looked up when all are known.
enum Later {
    Jump(String),
    Called(String),
    Address(String),
}

#[derive(Default)]
struct Parser {
    source: Source,
    labels: Vec<(String, usize)>,
    later: Vec<(usize, Later)>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Option<()> {
        let at = self.source.insns.len();
        if line.is_empty() {
            return Some(());
        }
        if let Some(section) = line.strip_prefix("section ") {
            self.source.section = section.to_owned();
            return Some(());
        }
        if let Some(tested) = line.strip_prefix("test ") {
            self.source.tested = match tested {
                "states" => Tested::States,
                "bounds" => Tested::Bounds,
                _ => return None,
            };
            return Some(());
        }
        if let Some(map) = line.strip_prefix("map ") {
            self.source.maps.push(map_of(map)?);
            return Some(());
        }
        if let Some(proto) = line.strip_prefix("kfunc ") {
            self.source.protos.push(proto_of(proto)?);
            return Some(());
        }
        for (word, global) in [("static ", false), ("global ", true)] {
            if let Some(head) = line.strip_prefix(word) {
                let (name, args) = head.strip_suffix("):")?.split_once('(')?;
                self.source.funcs.push(Func {
                    name: name.to_owned(),
                    start: at,
                    global,
                    args: args.parse().ok()?,
                });
                return Some(());
            }
        }
        if let Some((label, rest)) = line.split_once(':').filter(|(label, _)| is_name(label)) {
            match label.parse::<usize>() {
                Ok(index) if index != at => return None,
                Ok(_) => {}
                Err(_) => self.labels.push((label.to_owned(), at)),
            }
            return self.line(rest.trim_start());
        }
        self.insn(line)
    }

    fn insn(&mut self, line: &str) -> Option<()> {
        let at = self.source.insns.len();
        let mut text = line.to_owned();
        if let Some((before, target)) = line.rsplit_once("goto ").filter(|_| !line.contains("goto pc")) {
            let known = target.starts_with(['+', '-']);
            text = format!("{before}goto pc{}", if known { target } else { "+0" });
            if !known {
                self.later.push((at, Later::Jump(target.to_owned())));
            }
        } else if let Some(name) = line.strip_prefix("call ").filter(|name| is_name(name)) {
            text = "call pc+0".to_owned();
            self.later.push((at, Later::Called(name.to_owned())));
        } else if let Some((before, name)) = line.split_once("= map(") {
            let name = name.strip_suffix(')')?;
            let map = self.source.maps.iter().position(|map| map.name == name)?;
            text = format!("{before}= map_fd(0)");
            self.source.refs.push((at, Target::Map(map)));
        } else if let Some((before, name)) = line.split_once("= func(").filter(|_| !line.contains("(pc")) {
            text = format!("{before}= func(pc+0)");
            self.later
                .push((at, Later::Address(name.strip_suffix(')')?.to_owned())));
        }
        let (insn, half) = assemble(&text).ok()?;
        self.source.insns.push(insn);
        self.source.insns.extend(half);
        Some(())
    }

    fn finish(mut self) -> Result<Source, TextError> {
        for (at, later) in std::mem::take(&mut self.later) {
            match later {
                Later::Jump(label) => self.jump(at, &label)?,
                Later::Called(name) => self.called(at, &name),
                Later::Address(name) => {
                    let func = self.func(&name);
                    let func = func.ok_or_else(|| TextError(format!("no function {name}")))?;
                    self.source.refs.push((at, Target::Address(func)));
                }
            }
        }
        Ok(self.source)
    }

    fn func(&self, name: &str) -> Option<usize> {
        self.source.funcs.iter().position(|func| func.name == name)
    }

    fn jump(&mut self, at: usize, label: &str) -> Result<(), TextError> {
        let found = self.labels.iter().find(|(name, _)| name == label);
        let (_, to) = found.ok_or_else(|| TextError(format!("no label {label}")))?;
        let distance = *to as i32 - at as i32 - 1;
        let Some(insn) = self.source.insns.get_mut(at) else {
            return Ok(());
        };
        if insn.code == class::JMP32 | op::JA {
            insn.imm = distance;
        } else {
            let off = i16::try_from(distance);
            insn.off = off.map_err(|_| TextError(format!("{label} is too far away")))?;
        }
        Ok(())
    }

    fn called(&mut self, at: usize, name: &str) {
        let target = match self.func(name) {
            Some(func) => Target::Call(func),
            None => {
                let known = self.source.kfuncs.iter().position(|kfunc| kfunc == name);
                Target::Kfunc(known.unwrap_or_else(|| {
                    self.source.kfuncs.push(name.to_owned());
                    self.source.kfuncs.len() - 1
                }))
            }
        };
        self.source.refs.push((at, target));
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `f = struct*(void*, int)`
pub(crate) fn proto_of(text: &str) -> Option<Proto> {
    let (name, rest) = text.split_once(" = ")?;
    let (ret, args) = rest.strip_suffix(')')?.split_once('(')?;
    let args = args.split(", ").filter(|arg| !arg.is_empty());
    Some(Proto {
        name: name.to_owned(),
        ret: shape_of(ret)?,
        args: args.map(shape_of).collect::<Option<_>>()?,
    })
}

fn shape_of(text: &str) -> Option<Shape> {
    let name = text.trim_end_matches('*');
    Some(Shape {
        base: BASES.iter().find(|row| row.0 == name)?.1,
        pointers: text.len() - name.len(),
    })
}

/// `m = array 4 8 1`
fn map_of(text: &str) -> Option<Map> {
    let (name, rest) = text.split_once(" = ")?;
    let words: Vec<_> = rest.split_whitespace().collect();
    let (&[kind, key_size, value_size, entries], lock) = match words.as_slice() {
        [sizes @ .., "lock"] => (sizes.try_into().ok()?, true),
        sizes => (sizes.try_into().ok()?, false),
    };
    Some(Map {
        name: name.to_owned(),
        kind: MAP_TYPES.iter().find(|row| row.0 == kind)?.1,
        key_size: key_size.parse().ok()?,
        value_size: value_size.parse().ok()?,
        entries: entries.parse().ok()?,
        lock,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn labels_functions_and_maps() {
        let source = parse(
            "
            section xdp
            map m = array 4 8 2     ; a comment
            0: r1 = map(m)
            loop: call f
            if r0 > 0x3 goto loop
            may_goto +1
            call bpf_rcu_read_lock
            r2 = func(f)
            exit
            static f(1):
            r0 = r1
            exit
            ",
        )
        .unwrap();
        assert_eq!(source.section, "xdp");
        let offsets: Vec<_> = source.insns.iter().map(|insn| insn.off).collect();
        assert_eq!(offsets, [0, 0, 0, -2, 1, 0, 0, 0, 0, 0, 0]);
        let m = Map {
            name: "m".to_owned(),
            kind: 2,
            key_size: 4,
            value_size: 8,
            entries: 2,
            lock: false,
        };
        assert_eq!(source.maps, [m]);
        let f = Func {
            name: "f".to_owned(),
            start: 9,
            global: false,
            args: 1,
        };
        assert_eq!(source.funcs, [f]);
        assert_eq!(source.kfuncs, ["bpf_rcu_read_lock"]);
        let refs = [
            (0, Target::Map(0)),
            (2, Target::Call(0)),
            (5, Target::Kfunc(0)),
            (6, Target::Address(0)),
        ];
        assert_eq!(source.refs, refs);
    }

    /// Every instruction of every program stands in the kernel's log as it is written in the test; so here are only those
    /// that no program has.
    #[test]
    fn what_is_written_is_what_is_read() {
        use verdict_isa::{NoNames, Program};
        for line in ["(06) gotol pc-5", "(0c) w1 += w2", "(d4) r1 = le16 r1"] {
            let program = Program::from(parse(line.split_once(' ').unwrap().1).unwrap().insns);
            let written = program.disasm(0, &NoNames).unwrap().to_string();
            assert_eq!(written, line);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wrong) in [
            (
                "r0 = 1
      r1 := 2
    exit",
                "not a line of a program: r1 := 2",
            ),
            (
                "0: r0 = 1
    3: exit",
                "not a line of a program: 3: exit",
            ),
            (
                "goto there
    exit",
                "no label there",
            ),
            (
                "r1 = func(f)
    exit",
                "no function f",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), wrong);
        }
    }
}
