//! What libbpf reads from declaration tags and visibility: exception callbacks, and functions that are the object's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use verdict_btf::build::Builder;
use verdict_btf::{Btf, FuncLinkage, Kind};

use crate::error::owned_name;
use crate::program::Program;

/// A declaration tag that names the exception callback of a program.
#[derive(Clone, Debug)]
pub(crate) struct ExceptionTag {
    /// The program; `None` when the tag is on nothing that could be one.
    pub(crate) program: Option<String>,
    pub(crate) callback: String,
}

/// The exception callbacks that declaration tags name, in order.
pub(crate) fn exception_tags(btf: Option<&Btf>) -> Vec<ExceptionTag> {
    let Some(btf) = btf else { return Vec::new() };
    let tags = btf
        .types()
        .filter(|t| t.kind() == Kind::DeclTag && t.component().is_none());
    tags.filter_map(|tag| {
        let callback = tag.name().strip_prefix("exception_callback:")?;
        let func = tag
            .target_type()
            .filter(|t| t.func_linkage() == Some(FuncLinkage::Global));
        Some(ExceptionTag {
            program: func.map(|f| owned_name(f.name())),
            callback: owned_name(callback),
        })
    })
    .collect()
}

/// The BTF to be loaded: functions that are global but hidden are static to the kernel, which then verifies
/// them together with their callers.
pub(crate) fn hide_functions(btf: &Arc<Btf>, programs: &[Program], text: Option<usize>) -> Arc<Btf> {
    let mut hidden = BTreeMap::<&str, usize>::new();
    for prog in programs.iter().filter(|p| p.is_hidden && Some(p.section) == text) {
        *hidden.entry(&prog.name).or_default() += 1;
    }
    let mut edit: Option<Builder> = None;
    for (name, count) in hidden {
        let funcs = btf.find_all(name).into_iter().filter_map(|id| btf.ty(id));
        for func in funcs
            .filter(|t| t.func_linkage() == Some(FuncLinkage::Global))
            .take(count)
        {
            let edit = edit.get_or_insert_with(|| Builder::from_btf(btf));
            edit.set_func_linkage(func.id(), FuncLinkage::Static);
        }
    }
    edit.and_then(|e| e.build().ok())
        .map_or_else(|| btf.clone(), Arc::new)
}
