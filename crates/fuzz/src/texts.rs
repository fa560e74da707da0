//! What people write beside objects, and what others print.

use std::io;

use verdict::btf::build::Builder;
use verdict::btf::{FuncLinkage, IntEncoding};
use verdict::expect::{Known, Observed, Spec, judge};
use verdict::kernel::rule::explain::log;
use verdict::report::forms::{Json, write_explained};
use verdict::{Globals, Plans};

use crate::kernels::chosen;
use crate::parts;
use crate::seeds::{GLOBALS, PLANNED};

/// Longest text of a tag, and most tags: BTF has room for as many.
const MOST: usize = 256;

/// Reads values of global variables, as lines and as a dump of maps, and sets them.
pub fn globals(bytes: &[u8]) {
    let [lines, dump] = parts(bytes);
    let (lines, dump) = (String::from_utf8_lossy(lines), String::from_utf8_lossy(dump));
    let mut values = Globals::default();
    let _ = (values.add_dump(&dump).is_ok(), values.add_lines(&lines).is_ok());
    let Some(verifier) = chosen(0, 0) else { return };
    if let Ok(mut object) = verifier.open("globals.bpf.o", GLOBALS)
        && let Err(error) = object.set_globals(&values)
    {
        drop(error.to_string());
    }
}

/// Reads what a program expects from its tags, and holds a log to it; and the list of what is known not to be met.
pub fn expectations(bytes: &[u8]) {
    let [tags, said] = parts(bytes);
    let (tags, said) = (String::from_utf8_lossy(tags), String::from_utf8_lossy(said));
    let mut types = Builder::new();
    let int = types.add_int("int", 4, IntEncoding(1));
    let proto = types.add_func_proto(int, &[]);
    let func = types.add_func("hostile", FuncLinkage::Global, proto);
    for (at, tag) in tags.lines().take(MOST).enumerate() {
        types.add_decl_tag(&format!("comment:{at}:{}", tag.replace('\0', "")), func, None);
        types.add_decl_tag(&tag.replace('\0', ""), func, None);
    }
    if let Ok(btf) = types.build() {
        match Spec::read(&btf, "hostile") {
            Ok(spec) => {
                for refused in [None, Some("-13 by the kernel")] {
                    drop(judge(&spec, &Observed { refused, log: &said }));
                }
            }
            Err(error) => drop(error.to_string()),
        }
    }
    if let Err(error) = Known::parse(&said) {
        drop(error.to_string());
    }
}

/// Reads load plans, applies them to an object and loads its programs.
pub fn plans(bytes: &[u8]) {
    let plans = match Plans::parse(&String::from_utf8_lossy(bytes)) {
        Ok(plans) => plans,
        Err(error) => return drop(error.to_string()),
    };
    let Some(verifier) = chosen(0, 0) else { return };
    let Ok(mut object) = verifier.open("planned.bpf.o", PLANNED) else {
        return;
    };
    match object.apply(&plans) {
        Ok(()) => {
            let _ = (object.draft(), object.assumed());
            object.programs().for_each(|program| drop(program.check()));
        }
        Err(error) => drop(error.to_string()),
    }
}

/// Explains the refusals in a log.
pub fn explain(bytes: &[u8]) {
    let found = log(bytes);
    // A sink takes all.
    let _ = write_explained(&mut io::sink(), Json::Document, &found);
}
