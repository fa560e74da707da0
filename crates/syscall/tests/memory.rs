//! Memory of maps and programs, against what a kernel charged that counts it as locked memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use verdict_btf::{Btf, Kind};
use verdict_isa::Insn;
use verdict_kernel::attr::{MapCreate, ProgLoad};
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::rule::Rule;
use verdict_kernel::{KNOWN, Kernel};
use verdict_syscall::Session;
use verdict_syscall::prog::LoadError;

const RECORDING: &str = include_str!("../../../golden/5.10.262-deb11-amd64/memlock.txt");

/// The kernel of the recording, with a limit in pages.
fn kernel(pages: Option<u64>) -> Kernel {
    let known = KNOWN.iter().find(|known| known.version == (5, 10, 262)).unwrap();
    let mut kernel = Kernel::open(known.name).unwrap();
    kernel.machine.memlock = pages.map(|pages| pages * u64::from(kernel.machine.page_size));
    kernel
}

/// BTF of one integer of four bytes.
fn int() -> Arc<Btf> {
    let words = [24, 0, 16, 16, 5, 1, 1 << 24, 4, 32_u32];
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend(b"\0int\0");
    Arc::new(Btf::parse(bytes).unwrap())
}

/// A map with these figures: type, sizes of key and value, number of elements, flags.
fn map(session: &mut Session<'_>, figures: &[u32]) -> MapCreate {
    let &[map_type, key_size, value_size, max_entries, map_flags] = figures else {
        panic!("{figures:?}");
    };
    let mut attr = MapCreate {
        map_type,
        key_size,
        value_size,
        max_entries,
        map_flags,
        ..MapCreate::default()
    };
    match MapType::from_raw(map_type) {
        Some(MapType::SkStorage | MapType::InodeStorage | MapType::StructOps) => {
            let btf = int();
            session.btf_load(&btf).unwrap();
            let int = btf.find("int", Kind::Int);
            if map_type == MapType::StructOps.raw() {
                let name = "bpf_struct_ops_tcp_congestion_ops";
                attr.btf_vmlinux_value_type_id = session.kernel().btf.find(name, Kind::Struct);
            } else {
                (attr.btf_key_type_id, attr.btf_value_type_id) = (int, int);
            }
            attr.btf = Some(btf);
        }
        Some(MapType::ArrayOfMaps | MapType::HashOfMaps) => {
            let inner = MapCreate {
                map_type: MapType::Array.raw(),
                key_size: 4,
                value_size: 4,
                max_entries: 1,
                ..MapCreate::default()
            };
            attr.inner_map = Some(session.map_create(&inner).unwrap());
        }
        _ => {}
    }
    attr
}

/// What creating a map gives where so many pages are free.
fn create(pages: Option<u64>, figures: &[u32]) -> Result<(), (Rule, i32)> {
    // The inner map is another one, of a page.
    let inner = [MapType::ArrayOfMaps.raw(), MapType::HashOfMaps.raw()].contains(&figures[0]);
    let kernel = kernel(pages.map(|pages| pages + u64::from(inner)));
    let mut session = Session::new(&kernel);
    let attr = map(&mut session, figures);
    let made = session.map_create(&attr);
    made.map(|_| ()).map_err(|broken| (broken.rule, broken.errno.0))
}

/// What loading a program of so many instructions gives.
fn load(pages: u64, count: usize) -> Result<(), i32> {
    let kernel = kernel(Some(pages));
    let mut insns = vec![Insn::from_bytes([0xb7, 0, 0, 0, 0, 0, 0, 0]); count - 1];
    insns.push(Insn::from_bytes([0x95, 0, 0, 0, 0, 0, 0, 0]));
    let attr = ProgLoad {
        prog_type: verdict_kernel::prog::ProgType::SocketFilter.raw(),
        insns,
        license: "GPL".to_owned(),
        ..ProgLoad::default()
    };
    match Session::new(&kernel).prog_load(&attr) {
        Ok(_) => Ok(()),
        Err(LoadError::Refused(broken)) => Err(broken.errno.0),
        Err(LoadError::Unsupported(what)) => panic!("{what}"),
    }
}

#[test]
fn maps_are_charged_what_the_kernel_charges() {
    let mut types = std::collections::BTreeSet::new();
    for line in RECORDING.lines().filter_map(|line| line.strip_prefix("map ")) {
        let words: Vec<_> = line.split(' ').collect();
        let figures: Vec<u32> = words[..5].iter().map(|word| word.parse().unwrap()).collect();
        let errno: i32 = words[6].parse().unwrap();
        types.insert(figures[0]);
        let Ok(pages) = words[5].parse::<u64>() else {
            let refused = create(None, &figures).unwrap_err();
            assert_eq!(refused, (Rule::MapAttributes, errno), "{line}");
            continue;
        };
        assert_eq!(create(None, &figures), Ok(()), "{line}");
        assert_eq!(create(Some(pages), &figures), Ok(()), "{line}");
        // Of maps of maps it was not asked what a page too few gives.
        let errno = if errno == 0 { Errno::EPERM.0 } else { errno };
        assert_eq!(
            create(Some(pages - 1), &figures),
            Err((Rule::MemoryLock, errno)),
            "{line}"
        );
    }
    // All types that this kernel has.
    let kernel = kernel(None);
    let all = MapType::ALL.iter().filter(|ty| kernel.supports_map_type(**ty));
    assert_eq!(
        types.into_iter().collect::<Vec<_>>(),
        all.map(|ty| ty.raw()).collect::<Vec<_>>()
    );
}

#[test]
fn programs_are_charged_what_the_kernel_charges() {
    let mut count = 0;
    for line in RECORDING.lines().filter_map(|line| line.strip_prefix("prog ")) {
        let figures: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let &[insns, pages, errno] = figures.as_slice() else {
            panic!("{line}");
        };
        let insns = usize::try_from(insns).unwrap();
        assert_eq!(load(pages, insns), Ok(()), "{line}");
        assert_eq!(
            load(pages - 1, insns),
            Err(i32::try_from(errno).unwrap()),
            "{line}"
        );
        count += 1;
    }
    assert!(count > 4);
}

/// The kernel puts several instructions in the place of one: what it comes to is not known here.
#[test]
fn a_program_that_may_grow_leaves_it_open_whether_it_fits() {
    let line = RECORDING.lines().find(|line| line.starts_with("grows ")).unwrap();
    assert_eq!(line, "grows 102 2 12");
    let load_packet = Insn::from_bytes([0x20, 0, 0, 0, 0, 0, 0, 0]);
    let attr = |count| ProgLoad {
        prog_type: verdict_kernel::prog::ProgType::SocketFilter.raw(),
        insns: vec![load_packet; count],
        license: "GPL".to_owned(),
        ..ProgLoad::default()
    };
    for (pages, tight) in [(1, true), (2, true), (100, false)] {
        let kernel = kernel(Some(pages));
        let mut session = Session::new(&kernel);
        session.prog_load(&attr(102)).unwrap();
        assert_eq!(session.is_tight(), tight, "{pages}");
    }
}

#[test]
fn what_is_closed_counts_no_more() {
    let kernel = kernel(Some(3));
    let mut session = Session::new(&kernel);
    // Two pages.
    let attr = map(&mut session, &[MapType::Array.raw(), 4, 8, 473, 0]);
    let first = session.map_create(&attr).unwrap();
    let again = session.map_create(&attr).unwrap_err();
    assert_eq!((again.errno, again.rule), (Errno::EPERM, Rule::MemoryLock));
    session.map_close(first);
    session.map_close(first);
    assert!(session.map_create(&attr).is_ok());
}

#[test]
fn other_kernels_do_not_count_it() {
    for known in KNOWN.iter().filter(|known| known.version >= (5, 11, 0)) {
        let mut kernel = Kernel::open(known.name).unwrap();
        kernel.machine.memlock = Some(0);
        assert_eq!(kernel.memlock(), None);
        let mut session = Session::new(&kernel);
        let attr = map(&mut session, &[MapType::Hash.raw(), 4, 60000, 73728, 1]);
        assert!(session.map_create(&attr).is_ok());
    }
}
