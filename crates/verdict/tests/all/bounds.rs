//! What hostile objects can cost: opening and loading them takes time in proportion to their size.

mod claims;
mod elf;
mod objects;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use verdict::kernel::rule::explain::log;
use verdict::{
    Explaining, Globals, KernelChoice, Loader, Options, Plans, Verifier, find_objects, object_name,
    read_object,
};

/// How often as much four times as many may cost: in proportion it is 4, of quadratic cost 16.
const MOST: u32 = 9;
/// What is too short to be compared.
const SHORT: Duration = Duration::from_millis(30);
/// How often it is tried, as the machine may be busy.
const TRIES: usize = 3;

/// Time that the processor took for this thread, where the system tells.
fn processor_time(start: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    first.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn cost(work: &dyn Fn()) -> Duration {
    let start = Instant::now();
    let before = processor_time(start);
    work();
    processor_time(start).saturating_sub(before)
}

/// Checks that four times as many cost no more than about four times as much.
fn in_proportion(count: usize, work: impl Fn(usize) -> Box<dyn Fn()>) {
    let (few, many) = (work(count), work(4 * count));
    let mut measured = Vec::new();
    for _ in 0..TRIES {
        let (few, many) = (cost(&few), cost(&many));
        if many <= few.max(SHORT / MOST) * MOST {
            return;
        }
        measured.push((few, many));
    }
    panic!("{count} and four times as many cost {measured:?}");
}

/// The verifier of a kernel, for objects of a library.
fn verifier(kernel: &str, loader: Loader) -> Verifier {
    let choice = KernelChoice {
        name: Some(kernel.to_owned()),
        ..KernelChoice::default()
    };
    Verifier::new(choice.open().unwrap(), Options::default())
        .with_loader(loader)
        .explaining(Explaining::Off)
}

static LIBBPF: LazyLock<Verifier> = LazyLock::new(|| verifier("6.12", Loader::Libbpf));
static CILIUM: LazyLock<Verifier> = LazyLock::new(|| verifier("6.12", Loader::Cilium));
/// Where which registers are live is found by the program's text.
static NEWER: LazyLock<Verifier> = LazyLock::new(|| verifier("6.18", Loader::Libbpf));
/// Before contexts of functions could be tagged.
static OLDER: LazyLock<Verifier> = LazyLock::new(|| verifier("6.1", Loader::Libbpf));

/// Opens an object and loads each of its programs.
fn load(verifier: &Verifier, bytes: &[u8]) {
    if let Ok(object) = verifier.open("hostile.bpf.o", bytes) {
        object.programs().for_each(|program| drop(program.check()));
    }
}

/// The same for objects of two sizes.
fn loads_in_proportion(count: usize, object: impl Fn(usize) -> Vec<u8>) {
    loads_in_proportion_by(&LIBBPF, count, object);
}

fn loads_in_proportion_by(verifier: &'static Verifier, count: usize, object: impl Fn(usize) -> Vec<u8>) {
    // What is made once.
    load(verifier, &object(1));
    in_proportion(count, |count| {
        let bytes = object(count);
        Box::new(move || load(verifier, &bytes))
    });
}

#[test]
fn programs() {
    loads_in_proportion(10_000, objects::programs);
}

#[test]
fn programs_with_functions_and_lines() {
    loads_in_proportion(5_000, objects::typed_programs);
}

#[test]
fn sections_of_programs() {
    loads_in_proportion(5_000, objects::sections_of_programs);
}

#[test]
fn a_chain_of_functions() {
    loads_in_proportion(10_000, |count| objects::chain(1, count));
}

#[test]
fn programs_and_functions_with_relocations() {
    loads_in_proportion(1_000, |count| objects::shared_core(count, count));
}

#[test]
fn relocations_by_types() {
    loads_in_proportion(20_000, objects::core);
}

#[test]
fn programs_with_functions_on_an_older_kernel() {
    loads_in_proportion_by(&OLDER, 5_000, objects::typed_programs);
}

#[test]
fn programs_maps_and_externs_for_another_library() {
    loads_in_proportion_by(&CILIUM, 10_000, objects::programs);
    loads_in_proportion_by(&CILIUM, 500, |count| objects::maps(count, count));
    loads_in_proportion_by(&CILIUM, 5_000, objects::externs);
    loads_in_proportion_by(&CILIUM, 1_000, |count| objects::long_definitions(count, count));
    loads_in_proportion_by(&CILIUM, 2_000, objects::map_cycle);
}

#[test]
fn lines_of_programs() {
    loads_in_proportion(1_000, |count| objects::lines(count, 20));
}

#[test]
fn programs_and_maps() {
    loads_in_proportion(500, |count| objects::maps(count, count));
}

#[test]
fn maps_of_maps() {
    loads_in_proportion(2_000, objects::map_cycle);
}

#[test]
fn maps_and_members_of_their_definition() {
    loads_in_proportion(500, |count| objects::long_definitions(count, count));
}

#[test]
fn sections_and_variables_of_struct_ops() {
    loads_in_proportion(500, |count| objects::struct_ops(count, count));
}

#[test]
fn members_of_struct_ops() {
    loads_in_proportion(400, objects::members);
}

#[test]
fn sections_of_data() {
    loads_in_proportion(3_000, objects::data_sections);
}

#[test]
fn long_names_that_share_their_bytes() {
    loads_in_proportion(2_000, |count| objects::long_names(count, count * 50));
}

#[test]
fn externs() {
    loads_in_proportion(3_000, objects::externs);
}

#[test]
fn types_of_types() {
    let nested = [
        objects::structs,
        objects::arrays,
        objects::typedefs,
        objects::pointers,
        objects::typedef_users,
    ];
    for nested in nested {
        for core in [false, true] {
            loads_in_proportion(5_000, |count| nested(count, core));
        }
    }
}

#[test]
fn sizes_that_sections_claim() {
    for size in [1 << 30, (4 << 30) - 8, u64::MAX] {
        load(&LIBBPF, &objects::claimed(".rodata", elf::SHT_PROGBITS, size));
        load(&LIBBPF, &objects::claimed(".bss", elf::SHT_NOBITS, size));
    }
}

#[test]
fn objects_in_a_file() {
    let dir = std::env::temp_dir().join(format!("verdict-bounds-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let within = |path: &Path| {
        for part in find_objects(path) {
            let part = part.unwrap();
            let bytes = read_object(&part).unwrap();
            assert!(!object_name(&part, &bytes).is_empty());
        }
    };
    in_proportion(250, |count| {
        let path = dir.join(format!("{count}.bin"));
        std::fs::write(&path, objects::headers(count * 64)).unwrap();
        Box::new(move || within(&path))
    });
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn tags_of_functions() {
    loads_in_proportion(300, |count| claims::tags(count, 10));
    loads_in_proportion(2_000, |count| claims::tags(1, count));
}

#[test]
fn variables_and_configuration() {
    loads_in_proportion(4_000, claims::variables);
    loads_in_proportion(4_000, claims::kconfig);
    loads_in_proportion(4_000, claims::kfuncs);
}

#[test]
fn records_of_functions() {
    loads_in_proportion(5_000, claims::function_records);
    loads_in_proportion(2_000, claims::parts_of_records);
    loads_in_proportion(2_000, claims::backwards);
}

#[test]
fn accesses_and_flavours() {
    loads_in_proportion(2_000, |count| claims::accesses(count, count * 4));
    loads_in_proportion(2_000, claims::flavours);
}

#[test]
fn labels_and_callbacks() {
    loads_in_proportion(4_000, claims::labels);
    loads_in_proportion(4_000, claims::callbacks);
}

#[test]
fn programs_and_their_maps() {
    loads_in_proportion(500, claims::map_users);
    loads_in_proportion(200, |count| claims::map_fields(count, 10));
    loads_in_proportion(3_000, |count| claims::map_fields(1, count));
}

#[test]
fn names_of_sections_and_types_that_share_their_bytes() {
    loads_in_proportion(1_000, |count| claims::long_section_names(count, count * 50));
    loads_in_proportion(1_000, |count| claims::long_type_names(count, count * 50));
}

#[test]
fn sections_that_share_their_bytes() {
    loads_in_proportion(300, |count| claims::shared_bytes(count, count * 80));
    loads_in_proportion(300, |count| claims::shared_programs(count, count * 80, false));
    loads_in_proportion(300, |count| claims::shared_programs(count, count * 80, true));
    loads_in_proportion(300, |count| claims::shared_functions(count, count * 80));
}

#[test]
fn sections_and_relocations_over_and_over() {
    loads_in_proportion(1_000, claims::doubles);
    loads_in_proportion(20_000, claims::repeated_relocations);
    loads_in_proportion(5_000, claims::qualified);
}

/// Checkpoints of a path that acquires one reference after the other hold ever more of them: that ends before memory does.
#[test]
fn references_without_end() {
    let object = LIBBPF.open("hostile.bpf.o", &claims::references()).unwrap();
    let said = object.programs().next().unwrap().check().record.unsupported;
    assert!(said.unwrap().starts_with("states that hold ever more resources"));
}

#[test]
fn jumps_back() {
    for verifier in [&*LIBBPF, &*NEWER] {
        loads_in_proportion_by(verifier, 4_000, claims::jumps_back);
    }
}

#[test]
fn values_of_globals() {
    in_proportion(4_000, |count| {
        let bytes = claims::variables(count);
        let lines: String = (0..count).map(|i| format!("v_{i} = 1\n")).collect();
        let mut values = Globals::default();
        values.add_lines(&lines).unwrap();
        Box::new(move || {
            let mut object = LIBBPF.open("hostile.bpf.o", &bytes).unwrap();
            object.set_globals(&values).unwrap();
        })
    });
}

#[test]
fn programs_that_plans_leave_out() {
    in_proportion(3_000, |count| {
        let bytes = objects::programs(count);
        let lines = (1..count).map(|i| format!("[plan.programs.prog_{i}]\nautoload = false\n"));
        let plans = Plans::parse(&format!("[[plan]]\n{}", lines.collect::<String>())).unwrap();
        Box::new(move || {
            let mut object = LIBBPF.open("hostile.bpf.o", &bytes).unwrap();
            object.apply(&plans).unwrap();
            assert_eq!(object.programs().len(), 1);
        })
    });
}

#[test]
fn tests_and_their_tags() {
    in_proportion(1_000, |count| {
        let bytes = claims::tests(count);
        Box::new(move || {
            let suite = LIBBPF.open_suite("hostile.bpf.o", bytes.clone()).unwrap();
            let files = |_: &Path| unreachable!("no test names a file");
            for test in suite.tests() {
                test.run(&|path| files(path.as_ref()));
            }
        })
    });
}

#[test]
fn lines_of_logs() {
    let explained =
        |text: String| -> Box<dyn Fn()> { Box::new(move || assert_eq!(log(text.as_bytes()).len(), 1)) };
    // Words that begin as refusals do, over and over.
    in_proportion(4_000, |count| {
        let line = "R math between R invalid ".repeat(count / 16);
        explained(format!("0: (95) exit\n{line}\nR1 invalid mem access 'scalar'\n"))
    });
    in_proportion(5_000, |count| {
        explained("0: (95) exit\nR1 !read_ok\n".repeat(count))
    });
}

/// Writes the objects at full size into the directory that `VERDICT_BOUNDS` names, to be measured by hand.
#[test]
#[ignore = "writes files"]
fn objects_at_full_size() {
    let dir = PathBuf::from(std::env::var_os("VERDICT_BOUNDS").expect("a directory"));
    let put = |name: &str, bytes: Vec<u8>| std::fs::write(dir.join(name), bytes).unwrap();
    put("programs-3000.o", objects::programs(3_000));
    put("programs-100000.o", objects::programs(100_000));
    put("typed-programs-60000.o", objects::typed_programs(60_000));
    put("program-sections-30000.o", objects::sections_of_programs(30_000));
    put("chain-5000-2000.o", objects::chain(5_000, 2_000));
    put("chain-5000-200.o", objects::chain(5_000, 200));
    put("headers-768k.bin", objects::headers(768 << 10));
    put("sections-30000.o", objects::sections(30_000));
    put("data-sections-30000.o", objects::data_sections(30_000));
    put("core-50000.o", objects::core(50_000));
    put("core-1000000.o", objects::core(1_000_000));
    put("shared-core-3000-10000.o", objects::shared_core(3_000, 10_000));
    put("lines-1-1000000.o", objects::lines(1, 1_000_000));
    put("lines-10000-100.o", objects::lines(10_000, 100));
    put("maps-10000-1.o", objects::maps(10_000, 1));
    put("maps-10000-1000.o", objects::maps(10_000, 1_000));
    put("map-cycle-10000.o", objects::map_cycle(10_000));
    put("externs-60000.o", objects::externs(60_000));
    for core in [false, true] {
        let name = |kind: &str| format!("{kind}-60000{}.o", if core { "-core" } else { "" });
        put(&name("structs"), objects::structs(60_000, core));
        put(&name("arrays"), objects::arrays(60_000, core));
        put(&name("typedefs"), objects::typedefs(60_000, core));
        put(&name("pointers"), objects::pointers(60_000, core));
        put(&name("typedef-users"), objects::typedef_users(60_000, core));
        put(&name("typedef-users-30"), objects::typedef_users(30, core));
    }
    put("long-names-30000-1m.o", objects::long_names(30_000, 1 << 20));
    put("rejected-3000.o", objects::rejected(3_000));
    put("rejected-100000.o", objects::rejected(100_000));
    put(
        "long-definitions-60000-60000.o",
        objects::long_definitions(60_000, 60_000),
    );
    put("members-1000.o", objects::members(1_000));
    put("members-4000.o", objects::members(4_000));
    put("struct-ops-30000-60000.o", objects::struct_ops(30_000, 60_000));
    put(
        "rodata-1g.o",
        objects::claimed(".rodata", elf::SHT_PROGBITS, 1 << 30),
    );
    put("bss-1g.o", objects::claimed(".bss", elf::SHT_NOBITS, 1 << 30));
    put(
        "bss-4g.o",
        objects::claimed(".bss", elf::SHT_NOBITS, (4 << 30) - 8),
    );
    put("jumps-back-900000.o", claims::jumps_back(900_000));
    put("references.o", claims::references());
    put("frames-8-8192.o", objects::frames(8, 8_190));
    put("tags-3000-10.o", claims::tags(3_000, 10));
    put("tags-1-300000.o", claims::tags(1, 300_000));
    put("variables-60000.o", claims::variables(60_000));
    put("kconfig-60000.o", claims::kconfig(60_000));
    put("kfuncs-60000.o", claims::kfuncs(60_000));
    put("function-records-1000000.o", claims::function_records(1_000_000));
    put("parts-of-records-60000.o", claims::parts_of_records(60_000));
    put("backwards-60000.o", claims::backwards(60_000));
    put("accesses-60000-100000.o", claims::accesses(60_000, 100_000));
    put("flavours-60000.o", claims::flavours(60_000));
    put("labels-100000.o", claims::labels(100_000));
    put("callbacks-100000.o", claims::callbacks(100_000));
    put("map-users-20000.o", claims::map_users(20_000));
    put("map-fields-3000-10.o", claims::map_fields(3_000, 10));
    put("map-fields-1-60000.o", claims::map_fields(1, 60_000));
    put("map-fields-2000-2000.o", claims::map_fields(2_000, 2_000));
    put(
        "long-section-names-30000-1m.o",
        claims::long_section_names(30_000, 1 << 20),
    );
    put(
        "long-type-names-100000-1m.o",
        claims::long_type_names(100_000, 1 << 20),
    );
    put("shared-bytes-15000-1m.o", claims::shared_bytes(15_000, 1 << 20));
    put(
        "shared-programs-10000-1m.o",
        claims::shared_programs(10_000, 1 << 20, false),
    );
    put(
        "shared-programs-10000-1m-sections.o",
        claims::shared_programs(10_000, 1 << 20, true),
    );
    put(
        "shared-functions-10000-1m.o",
        claims::shared_functions(10_000, 1 << 20),
    );
    put("doubles-10000.o", claims::doubles(10_000));
    put(
        "repeated-relocations-1000000.o",
        claims::repeated_relocations(1_000_000),
    );
    put("qualified-60000.o", claims::qualified(60_000));
    put("overlapping-10000.bin", claims::overlapping(10_000));
}
