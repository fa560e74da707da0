//! What libbpf reads from declaration tags and visibility: exception callbacks, and functions that are the object's own.

use std::collections::HashMap;
use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::{Btf, FuncLinkage, Kind};

use crate::error::owned_name;
use crate::program::Program;

/// The exception callbacks that declaration tags name.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    /// The place of the first tag among all that is on nothing that could be a program.
    pub(crate) stray: Option<usize>,
    /// By program: the places of its tags, and the callbacks.
    by_program: HashMap<String, Vec<(usize, String)>>,
}

impl Exceptions {
    /// Those that declaration tags name, in order.
    pub(crate) fn new(btf: Option<&Btf>) -> Exceptions {
        let mut all = Exceptions::default();
        let tags = btf.into_iter().flat_map(Btf::types);
        let tags = tags.filter(|t| t.kind() == Kind::DeclTag && t.component().is_none());
        for (place, tag) in tags.enumerate() {
            let Some(callback) = tag.name().strip_prefix("exception_callback:") else {
                continue;
            };
            let func = tag
                .target_type()
                .filter(|t| t.func_linkage() == Some(FuncLinkage::Global));
            match func {
                Some(func) => {
                    let named = all.by_program.entry(owned_name(func.name())).or_default();
                    named.push((place, owned_name(callback)));
                }
                None => all.stray = all.stray.or(Some(place)),
            }
        }
        all
    }

    /// The tags of a program: their places among all, and the callbacks.
    pub(crate) fn of(&self, program: &str) -> &[(usize, String)] {
        self.by_program.get(program).map_or(&[], Vec::as_slice)
    }
}

/// The BTF to be loaded: functions that are global but hidden are static to the kernel, which then verifies
/// them together with their callers.
pub(crate) fn hide_functions(btf: &Arc<Btf>, programs: &[Program], text: Option<usize>) -> Arc<Btf> {
    let mut hidden = HashMap::<&str, usize>::new();
    let are_hidden = programs.iter().filter(|p| p.is_hidden && Some(p.section) == text);
    for prog in are_hidden.filter(|p| !p.name.is_empty()) {
        *hidden.entry(&prog.name).or_default() += 1;
    }
    if hidden.is_empty() {
        return btf.clone();
    }
    let mut edit: Option<Builder> = None;
    for func in btf
        .types()
        .filter(|t| t.func_linkage() == Some(FuncLinkage::Global))
    {
        let Some(left @ 1..) = hidden.get_mut(func.name()) else {
            continue;
        };
        *left -= 1;
        let edit = edit.get_or_insert_with(|| Builder::from_btf(btf));
        edit.set_func_linkage(func.id(), FuncLinkage::Static);
    }
    edit.and_then(|e| e.build().ok())
        .map_or_else(|| btf.clone(), Arc::new)
}
