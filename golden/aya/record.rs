// SPDX-License-Identifier: GPL-2.0-only

//! Loads objects with aya and prints a JSON line for each object, for each of its programs by itself, and for all of them together:
//!
//! - `open`: whether `EbpfLoader::load` takes the object, which also creates its maps;
//! - `program`: whether the program is loaded, and how many instructions were processed;
//! - `whole`: whether all programs are loaded one after another, by name, and else the first that is not.
//!
//! usage: record OBJECT...

use std::error::Error;
use std::io;

use aya::programs::{Program, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader, VerifierLogLevel};
use serde_json::{Value, json};

fn main() {
    let btf = Btf::from_sys_fs().ok();
    for path in std::env::args().skip(1) {
        let object = path.rsplit('/').next().unwrap_or_default().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        let names = match open(&bytes) {
            Ok(ebpf) => {
                println!("{}", json!({"object": object, "of": "open", "verdict": "success", "errno": 0}));
                let mut names: Vec<_> = ebpf.programs().map(|(name, _)| name.to_owned()).collect();
                names.sort();
                names
            }
            Err(error) => {
                println!("{}", refused(&object, "open", "", &error));
                continue;
            }
        };
        for name in names {
            let Ok(mut ebpf) = open(&bytes) else { continue };
            let Some(program) = ebpf.program_mut(&name) else { continue };
            let line = match load(program, btf.as_ref()) {
                Ok(()) => {
                    let insns = program.info().ok().and_then(|info| info.verified_instruction_count());
                    json!({"object": object, "of": "program", "name": name, "verdict": "success", "errno": 0, "insns": insns})
                }
                Err(error) => refused(&object, "program", &name, &error),
            };
            println!("{line}");
        }
        println!("{}", whole(&object, &bytes, btf.as_ref()));
    }
}

fn whole(object: &str, bytes: &[u8], btf: Option<&Btf>) -> Value {
    let done = json!({"object": object, "of": "whole", "verdict": "success", "errno": 0});
    let Ok(mut ebpf) = open(bytes) else { return done };
    let mut programs: Vec<_> = ebpf.programs_mut().collect();
    programs.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, program) in programs {
        if let Err(error) = load(program, btf) {
            return refused(object, "whole", name, &error);
        }
    }
    done
}

fn open(bytes: &[u8]) -> Result<Ebpf, aya::EbpfError> {
    EbpfLoader::new().verifier_log_level(VerifierLogLevel::VERBOSE | VerifierLogLevel::STATS).load(bytes)
}

/// The words of an error and of what it comes from, and the kernel's error number if one is among them.
fn refused(object: &str, of: &str, name: &str, error: &(dyn Error + 'static)) -> Value {
    let (mut words, mut errno, mut log) = (Vec::new(), 0, String::new());
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            errno = error.raw_os_error().unwrap_or(0);
        }
        if let Some(ProgramError::LoadError { verifier_log, io_error }) = error.downcast_ref::<ProgramError>() {
            errno = io_error.raw_os_error().unwrap_or(0);
            log = verifier_log.to_string();
        }
        words.push(error.to_string().lines().next().unwrap_or_default().to_owned());
        next = error.source();
    }
    let figures = ["verification time", "stack depth", "processed ", "func#"];
    let tail = log.lines().map(str::trim_end).filter(|line| !line.is_empty() && !figures.iter().any(|f| line.starts_with(f)));
    let mut line = json!({
        "object": object, "of": of, "verdict": "failure", "errno": errno, "error": words.join(": "),
        "tail": tail.last().unwrap_or_default(),
    });
    if !name.is_empty() {
        line["name"] = json!(name);
    }
    if let Some(rest) = log.split("processed ").nth(1) {
        line["insns"] = json!(rest.split(' ').next().and_then(|n| n.parse::<u64>().ok()));
    }
    line
}

/// Loads a program of any kind; what tracing programs attach to is named by their sections, which only they keep.
fn load(program: &mut Program, btf: Option<&Btf>) -> Result<(), ProgramError> {
    let target = std::env::var("TARGET").unwrap_or_else(|_| "vfs_read".to_owned());
    match program {
        Program::KProbe(p) => p.load(),
        Program::UProbe(p) => p.load(),
        Program::TracePoint(p) => p.load(),
        Program::SocketFilter(p) => p.load(),
        Program::Xdp(p) => p.load(),
        Program::SkMsg(p) => p.load(),
        Program::SkSkb(p) => p.load(),
        Program::CgroupSockAddr(p) => p.load(),
        Program::SockOps(p) => p.load(),
        Program::SchedClassifier(p) => p.load(),
        Program::CgroupSkb(p) => p.load(),
        Program::CgroupSysctl(p) => p.load(),
        Program::CgroupSockopt(p) => p.load(),
        Program::LircMode2(p) => p.load(),
        Program::PerfEvent(p) => p.load(),
        Program::RawTracePoint(p) => p.load(),
        Program::SkLookup(p) => p.load(),
        Program::CgroupSock(p) => p.load(),
        Program::CgroupDevice(p) => p.load(),
        Program::Lsm(p) => p.load("file_open", btf.unwrap()),
        Program::BtfTracePoint(p) => p.load("sched_switch", btf.unwrap()),
        Program::FEntry(p) => p.load(&target, btf.unwrap()),
        Program::FExit(p) => p.load(&target, btf.unwrap()),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}
