// SPDX-License-Identifier: GPL-2.0-only

//! Prints what comes of loading an object with aya, which looks for a kernel's features first, and of attaching its programs.
//!
//! usage: record OBJECT

use std::error::Error;
use std::io;

use aya::programs::{Xdp, XdpFlags};
use aya::{Btf, EbpfLoader};

fn say<T, E: Error + 'static>(what: &str, done: Result<T, E>) -> Option<T> {
    match done {
        Ok(made) => {
            println!("{what}: yes");
            Some(made)
        }
        Err(error) => {
            let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
            let mut errno = None;
            while let Some(error) = cause {
                errno = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error).or(errno);
                cause = error.source();
            }
            match errno {
                Some(errno) => println!("{what}: errno {errno}"),
                None => println!("{what}: {error}"),
            }
            None
        }
    }
}

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let btf = say("BTF", Btf::from_sys_fs());
    println!("{:?}", aya::features());
    let Some(mut ebpf) = say("open", EbpfLoader::new().btf(btf.as_ref()).load_file(&path)) else { return };
    let mut names: Vec<String> = ebpf.programs().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    for name in names {
        let Some(program) = ebpf.program_mut(&name) else { continue };
        let Ok(program): Result<&mut Xdp, _> = program.try_into() else { continue };
        if say(&format!("load {name}"), program.load()).is_none() {
            continue;
        }
        let by_stack = say(&format!("attach {name}"), program.attach("lo", XdpFlags::SKB_MODE));
        say(&format!("attach {name} again"), program.attach("lo", XdpFlags::SKB_MODE));
        say(&format!("attach {name} to no device"), program.attach("nosuch0", XdpFlags::SKB_MODE));
        say(&format!("attach {name} in the driver"), program.attach("lo", XdpFlags::DRV_MODE));
        if let Some(link) = by_stack {
            say(&format!("detach {name}"), program.detach(link));
        }
    }
}
