//! What a file is that is no object, and what its owner does to get one.

use std::path::Path;

use crate::embedded::{ARCHIVE, is_object};
use crate::shown_path;

/// How a thin archive begins, which has its members' names only.
const THIN: &[u8] = b"!<thin>\n";
/// How LLVM's bitcode begins, as it is and in a wrapper.
const BITCODE: [&[u8]; 2] = [b"BC\xc0\xde", b"\xde\xc0\x17\x0b"];
const ELF: &[u8] = b"\x7fELF";

/// Where machines stand in the header of an ELF file, and their names.
const MACHINES: &[(u16, &str)] = &[
    (3, "i386"),
    (8, "MIPS"),
    (21, "PowerPC"),
    (22, "s390"),
    (40, "ARM"),
    (62, "x86-64"),
    (183, "AArch64"),
    (243, "RISC-V"),
    (258, "LoongArch"),
];

/// Why no library opens a file with these bytes, and what to do: one line. `None` where it begins as objects do.
pub fn unfit(path: &Path, bytes: &[u8]) -> Option<String> {
    let name = shown_path(Path::new(path.file_name().unwrap_or(path.as_os_str())));
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let ends = |end: &str| path.extension().is_some_and(|extension| extension == end);
    if bytes.starts_with(ELF) {
        return unfit_elf(bytes);
    }
    Some(match bytes {
        [] => "the file is empty".to_owned(),
        _ if bytes.starts_with(ARCHIVE) => {
            "an archive without a BPF object in it: name the objects themselves, or build its members with `clang --target=bpf`"
                .to_owned()
        }
        _ if bytes.starts_with(THIN) => {
            "a thin archive, which has only the names of its members: name these themselves".to_owned()
        }
        _ if BITCODE.iter().any(|magic| bytes.starts_with(magic)) || ends("ll") => format!(
            "LLVM bitcode, which is not compiled yet: `llc -march=bpf -mcpu=v3 -filetype=obj -o {stem}.o {name}`, or build it by \
             `clang --target=bpf` without -emit-llvm"
        ),
        _ if ends("c") => {
            format!("C source, which is not compiled yet: `clang -O2 -g --target=bpf -c {name} -o {stem}.o`")
        }
        _ => "neither an ELF object, as `clang -O2 -g --target=bpf -c` makes it, nor a file with one in it".to_owned(),
    })
}

fn unfit_elf(bytes: &[u8]) -> Option<String> {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let is_big = byte(5) == 2;
    let two = [byte(18), byte(19)];
    let machine = if is_big {
        u16::from_be_bytes(two)
    } else {
        u16::from_le_bytes(two)
    };
    if is_object(bytes) {
        let big = "an object of high byte order: the known kernels are of low byte order, build it by `clang --target=bpfel`";
        return is_big.then(|| big.to_owned());
    }
    let of = match MACHINES.iter().find(|(number, _)| *number == machine) {
        Some((_, name)) => (*name).to_owned(),
        // What libbpf takes for an object, too.
        None if machine == 0 && byte(4) == 2 => return None,
        None if byte(4) == 1 => "a 32-bit machine".to_owned(),
        None => format!("machine {machine}"),
    };
    Some(format!(
        "an ELF file for {of} with no BPF object in it: build it by `clang -O2 -g --target=bpf -c`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_are() {
        let says = |name: &str, bytes: &[u8]| unfit(Path::new(name), bytes).unwrap_or_default();
        let c = says("src/x.bpf.c", b"#include");
        assert!(
            c.ends_with("`clang -O2 -g --target=bpf -c x.bpf.c -o x.bpf.o`"),
            "{c}"
        );
        assert!(says("x.bc", b"BC\xc0\xde1234").contains("-filetype=obj -o x.o x.bc`"));
        assert!(says("x.a", b"!<arch>\n").starts_with("an archive"));
        assert_eq!(says("x.o", b""), "the file is empty");
        let elf = |order: u8, machine: [u8; 2]| {
            let mut bytes = b"\x7fELF\x02".to_vec();
            bytes.push(order);
            bytes.resize(18, 0);
            bytes.extend(machine);
            bytes.resize(64, 0);
            bytes
        };
        assert!(says("x.o", &elf(1, [62, 0])).contains("for x86-64"));
        assert!(says("x.o", &elf(1, [99, 0])).contains("for machine 99"));
        assert!(says("x.o", &elf(2, [0, 247])).contains("--target=bpfel"));
        assert_eq!(says("x.o", &elf(1, [247, 0])), "");
    }
}
