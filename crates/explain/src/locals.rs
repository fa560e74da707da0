//! Names of local variables, and inlined functions, by instruction: what an object's DWARF says, if it has any.

/// What is known of the functions of an object.
#[derive(Clone, Debug, Default)]
pub struct Locals {
    /// Its functions.
    pub functions: Vec<FunctionLocals>,
}

/// What is known of a function; instructions are counted from its first one.
#[derive(Clone, Debug, Default)]
pub struct FunctionLocals {
    /// Its name.
    pub name: String,
    /// How many instructions it has.
    pub insns: u32,
    /// Where its variables, and those of functions inlined into it, are.
    pub variables: Vec<Variable>,
    /// The functions that are inlined into it, outer ones first.
    pub inlined: Vec<Inlined>,
}

/// A variable while it is in a register.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The register.
    pub reg: u8,
    /// The first instruction at which it is there.
    pub from: u32,
    /// The first instruction at which it is not.
    pub to: u32,
}

/// Instructions of an inlined function.
#[derive(Clone, Debug)]
pub struct Inlined {
    /// The function.
    pub name: String,
    /// The line of the call; 0 if it is unknown.
    pub line: u32,
    /// The first instruction.
    pub from: u32,
    /// The first instruction behind it.
    pub to: u32,
}

impl Locals {
    fn function(&self, name: &str, insns: u32) -> Option<&FunctionLocals> {
        // Of functions that a loader has changed, nothing is known.
        let mut alike = self.functions.iter().filter(|function| function.name == name);
        let found = alike.next()?;
        (alike.next().is_none() && found.insns == insns).then_some(found)
    }

    /// The variable that a register holds before an instruction of a function with so many.
    pub(crate) fn variable(&self, function: (&str, u32), insn: u32, reg: u8) -> Option<&str> {
        let function = self.function(function.0, function.1)?;
        let here = |variable: &&Variable| variable.reg == reg && (variable.from..variable.to).contains(&insn);
        // The innermost scope's comes last.
        let found = function.variables.iter().rev().find(here)?;
        Some(&found.name)
    }

    /// The functions that an instruction was inlined from, the innermost first, with the lines of their calls.
    pub(crate) fn inlined(&self, function: (&str, u32), insn: u32) -> Vec<(&str, u32)> {
        let Some(function) = self.function(function.0, function.1) else {
            return Vec::new();
        };
        let here = |inlined: &&Inlined| (inlined.from..inlined.to).contains(&insn);
        let found = function.inlined.iter().rev().filter(here);
        found
            .map(|inlined| (inlined.name.as_str(), inlined.line))
            .collect()
    }
}
