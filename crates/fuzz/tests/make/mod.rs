//! Makes the seeds: of the corpus, and of texts that have everything in them.

use std::fs;
use std::io::Write;
use std::path::Path;

use object::{Object as _, ObjectSection};
use verdict::loader::Object;
use verdict::syscall::Session;
use verdict::{Bridge, KernelChoice, Options, Verifier};
use verdict_fuzz::{BETWEEN, seeds};

/// Objects of the corpus that show most of what objects can have.
const OBJECTS: &[&str] = &[
    "attach_order",
    "core_fields",
    "flow_keys",
    "global_func",
    "late_helper",
    "linked",
    "map_fd",
    "map_value",
    "packet_access",
    "rules_extern",
    "rules_fields",
    "rules_inner_map",
    "rules_map",
    "rules_struct_ops",
    "set_globals",
    "static_lock",
    "switch_arena",
    "tcp_sock",
    "unknown_callback",
    "cilium/ksym_typed",
    "cilium/arrays_in_data",
    "cilium/callback",
];
/// Objects whose programs are taken out of them.
const PROGRAMS: &[&str] = &[
    "bounded_loop",
    "dynptr",
    "flow_keys",
    "helper_writes",
    "iterators",
    "late_helper",
    "linked",
    "low_bits",
    "map_value",
    "open_coded_iterators",
    "packet_access",
    "return_range",
    "static_lock",
    "stored_constant",
    "tcp_sock",
    "two_locks",
    "unknown_callback",
    "zero_spill",
];
/// Most bytes of a seed that is taken from the corpus, and most programs of an object.
const MOST: usize = 5_000;
const EACH: usize = 3;

fn corpus(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpus")
        .join(format!("{name}.bpf.o"));
    fs::read(path).ok().filter(|bytes| bytes.len() <= MOST)
}

fn put(target: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let dir = seeds::directory(target);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(name.replace('/', "-")), bytes).unwrap();
}

pub(crate) fn all() {
    for target in verdict_fuzz::TARGETS {
        let _ = fs::remove_dir_all(seeds::directory(target.name));
    }
    for (number, name) in OBJECTS.iter().enumerate() {
        let Some(mut bytes) = corpus(name) else { continue };
        types(name, &bytes);
        // Unused bytes of the header: library and kernel.
        (bytes[14], bytes[15]) = (u8::from(name.starts_with("cilium")), (number % 4) as u8);
        put("object", name, bytes);
    }
    for name in PROGRAMS {
        if let Some(bytes) = corpus(name) {
            programs(name, &bytes);
        }
    }
    kernels();
    files();
    texts();
    logs();
}

/// BTF, and what belongs to it.
fn types(name: &str, bytes: &[u8]) {
    let file = object::File::parse(bytes).unwrap();
    let section = |name| file.section_by_name(name).and_then(|section| section.data().ok());
    if let (Some(btf), Some(ext)) = (section(".BTF"), section(".BTF.ext")) {
        put("btf", name, [btf, ext].concat());
    }
}

/// The instructions of an object's programs, as they are handed to the kernel.
fn programs(name: &str, bytes: &[u8]) {
    let kernel = KernelChoice::default().open().unwrap();
    let object = Object::open("o.bpf.o", bytes, &kernel).unwrap();
    for index in 0..object.program_count().min(EACH) {
        let mut bpf = Bridge::new(Session::new(&kernel));
        let Ok(prepared) = object.prepare(index, &mut bpf) else {
            continue;
        };
        let load = &prepared.loads[0];
        let head = [
            index as u8,
            load.prog_type as u8,
            0,
            1 + index as u8,
            load.expected_attach_type as u8,
            0,
            0,
            0,
        ];
        let insns: Vec<u8> = load.insns.iter().flat_map(|insn| insn.to_bytes()).collect();
        if insns.len() < 1024 {
            put(
                "program",
                &format!("{name}-{index}"),
                [head.to_vec(), insns].concat(),
            );
        }
    }
}

/// Files of kernels: as machines have them, packed, and with rules of their own.
fn kernels() {
    const SYMBOLS: &str = "ffffffff81000000 T _stext\nffffffff81000000 T _text\nffffffff81506f10 T bpf_prog_load\n\
        ffffffff82209988 T _etext\nffffffff837f8910 T _einittext\nffffffff84000000 B _end\n\
        ffffffffc0000000 t nft_do_chain\t[nf_tables]\n";
    let config = |release: &str| {
        format!(
            "#\n# Linux/x86 {release} Kernel Configuration\n#\nCONFIG_LOCALVERSION=\"\"\nCONFIG_X86_64=y\n\
            CONFIG_HZ=1000\nCONFIG_BPF_JIT=y\nCONFIG_BPF_JIT_DEFAULT_ON=y\n"
        )
    };
    let gzip = |text: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    };
    let btf = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../btf/tests/data/sample.btf")).unwrap();
    let profile = |file: &str| {
        let name = "6.1.192-deb12-amd64";
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../kernel/profiles")
            .join(name);
        fs::read(dir.join(file)).unwrap()
    };
    let join = |parts: &[&[u8]]| parts.join(BETWEEN);
    let (known, odd) = (config("6.12.117"), config("6.5.3-odd"));
    put(
        "directory",
        "known",
        join(&[&btf, known.as_bytes(), SYMBOLS.as_bytes()]),
    );
    put(
        "directory",
        "packed",
        join(&[&gzip(&btf), &gzip(known.as_bytes()), &gzip(SYMBOLS.as_bytes())]),
    );
    let version = b"Linux version 6.5.3-odd (me@host) (gcc (Debian) 12.2.0) #1 SMP PREEMPT_DYNAMIC\n";
    put(
        "directory",
        "assumed",
        join(&[
            &btf,
            odd.as_bytes(),
            SYMBOLS.as_bytes(),
            version,
            b"",
            b"",
            b"6.12",
        ]),
    );
    let (release, rules) = (profile("release.toml"), profile("semantics.toml"));
    if release.len() + rules.len() < 12_000 {
        put(
            "directory",
            "rules",
            join(&[&btf, odd.as_bytes(), SYMBOLS.as_bytes(), b"", &release, &rules]),
        );
    }
    put(
        "directory",
        "release",
        join(&[
            &btf,
            odd.as_bytes(),
            SYMBOLS.as_bytes(),
            b"6.5.3-odd\n",
            &release,
            b"",
            b"6.1",
        ]),
    );
}

/// Binaries and archives with objects in them.
fn files() {
    let (one, other) = (corpus("late_helper").unwrap(), corpus("low_bits").unwrap());
    put("embedded", "object", &one);
    put("embedded", "behind", [b"#!/bin/sh\n".as_slice(), &one].concat());
    put(
        "embedded",
        "two",
        [b"\x7fELF".as_slice(), &one, &[0; 24], &other, b"end"].concat(),
    );
    let member = |name: &str, bytes: &[u8]| {
        let mut head = format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            0,
            644,
            bytes.len()
        )
        .into_bytes();
        head.extend(bytes);
        head.resize(head.len().next_multiple_of(2), b'\n');
        head
    };
    let archive = [
        b"!<arch>\n".to_vec(),
        member("one.bpf.o/", &one),
        member("#1/8", &[b"other.o\0".as_slice(), &other].concat()),
    ];
    put("embedded", "archive", archive.concat());
}

fn texts() {
    put(
        "globals",
        "lines",
        "# values\nlimit = 16\nenabled=true\n\nname = \"eth0\"\ntable[1] = 0x10\nrange.first = -1\n",
    );
    put(
        "globals",
        "expressions",
        "limit = 4294967296\nmode = MODE_B\nvalues[2].x = 'c'\n",
    );
    let dump = "\n%%\n[{\"value\":{\".rodata\":[{\"limit\":7},{\"enabled\":true},{\"table\":[1,2,3]},{\"range\":{\"first\":1,\"last\":2}}]}}]";
    put("globals", "dump", format!("limit = 1{dump}"));
    let tags = [
        "test_expect_success",
        "test_expect_failure",
        "test_expect_msg=R1 invalid mem access",
        "test_expect_not_msg=unreachable",
        "test_expect_msg=R{{[0-9]+}}_w={{scalar\\(.*\\)}}",
        "test_log_level=2",
        "test_prog_flags=BPF_F_TEST_STATE_FREQ",
        "test_prog_flags=!BPF_F_TEST_RND_HI32",
        "test_retval=3",
        "test_description=a test",
        "test_caps_unpriv=CAP_BPF",
        "test_expect_failure_unpriv",
        "test_arch=X86_64",
        "test_btf_path=a.btf",
        "test_auxiliary",
        "test_expect_msg={{^(a|b)*$}}",
    ];
    let log = "0: R1=ctx() R10=fp0\n0: (61) r0 = *(u32 *)(r1 +0)       ; R0_w=scalar(smin=0,smax=umax=0xffffffff) R1=ctx()\n\
        1: (79) r2 = *(u64 *)(r0 +0)\nR0 invalid mem access 'scalar'\nprocessed 2 insns (limit 1000000) max_states_per_insn 0\n";
    put("expectations", "all", format!("{}\n%%\n{log}", tags.join("\n")));
    put(
        "expectations",
        "few",
        format!("{}\n%%\n{log}", tags[..4].join("\n")),
    );
    put(
        "expectations",
        "patterns",
        format!(
            "test_expect_msg={{{{a{{2,3}}[[:digit:]]\\+?(b|c)+}}}} x\n%%\n# counts: 1 of 2\no.bpf.o p 1 why\n{log}"
        ),
    );
    let plan =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/plans/verdict.toml")).unwrap();
    put("plans", "corpus", plan);
    put(
        "plans",
        "small",
        "[[plan]]\nobjects = [\"planned*\", \"o\"]\nkernels = \"6.12\"\nglobals = { limit = 3 }\n\
        [plan.maps.counts]\ntype = \"array\"\nkey-size = 4\nvalue-size = 8\nmax-entries = 10\nflags = 0\npin = \"/x\"\n\
        [plan.programs.checked]\nautoload = false\nsection = \"xdp\"\n",
    );
    put(
        "plans",
        "inner",
        "[[plan]]\none-of = [[\"checked\", \"unchecked\"], \"other\"]\n[plan.maps.values]\n\
        inner = { type = \"hash\", key-size = 4, value-size = 4, max-entries = 1 }\n[plan.programs.unchecked]\n\
        section = [\"fentry/a\", \"kprobe/b\"]\n",
    );
}

/// What the kernel and libbpf say of rejected programs.
fn logs() {
    let kernel = KernelChoice::default().open().unwrap();
    let verifier = Verifier::new(kernel, Options::default());
    for name in ["packet_access", "linked", "map_value", "two_locks"] {
        let Some(bytes) = corpus(name) else { continue };
        let object = verifier.open("o.bpf.o", &bytes).unwrap();
        let mut text = Vec::new();
        for program in object.programs().take(EACH) {
            writeln!(
                text,
                "libbpf: prog '{}': BPF program load failed: -13\n-- BEGIN PROG LOAD LOG --",
                program.name()
            )
            .unwrap();
            program.log(1, &mut text).unwrap();
            writeln!(text, "-- END PROG LOAD LOG --\n").unwrap();
        }
        text.truncate(MOST);
        put("explain", name, text);
    }
    put(
        "explain",
        "loggers",
        "[2024-01-01T00:00:00Z ERROR aya] 12: (85) call unknown#195896080\ninvalid func unknown#195896080\n\
        10:11:12 libbpf: prog 'a': failed to find kernel BTF type ID of 'x': -3\n| R1 type=ctx expected=fp\nmath between pkt pointer and",
    );
}
