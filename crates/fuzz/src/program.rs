//! Programs as they are handed to `BPF_PROG_LOAD`.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use verdict::btf::build::Builder;
use verdict::btf::{Btf, FuncLinkage, IntEncoding, Kind, TypeId};
use verdict::isa;
use verdict::kernel::Kernel;
use verdict::kernel::attr::{FuncInfo, MapCreate, MapId, MapValue, ProgLoad};
use verdict::syscall::{Allowance, Session};
use verdict::{Explaining, answer_handed, answer_refused, verify_handed};

use crate::kernels::kernel;

/// Bytes before the instructions: kernel, type of the program, flags, level of the log, expected attach type, whether there are
/// records of functions, function of the kernel that it attaches to, nothing.
const HEAD: usize = 8;
/// What a verification may take.
const MEMORY: u64 = 128 << 20;
const TIME: Duration = Duration::from_millis(300);
/// Longest log.
const LOG: u32 = 1 << 20;
/// What tracing programs attach to.
const FUNCTIONS: [&str; 4] = [
    "do_unlinkat",
    "bpf_lsm_file_open",
    "btf_trace_sched_switch",
    "tcp_release_cb",
];

/// Admits and verifies a program.
pub fn program(bytes: &[u8]) {
    let Some((head, insns)) = bytes.split_first_chunk::<HEAD>() else {
        return;
    };
    let [which, prog_type, flags, level, attach, records, function, _] = *head;
    let Some(kernel) = kernel(which) else { return };
    let btf = types();
    let name = (usize::from(function) % (FUNCTIONS.len() + 1)).checked_sub(1);
    let name = name.and_then(|at| FUNCTIONS.get(at));
    let attach_btf_id = name.and_then(|name| {
        let kinds = [Kind::Func, Kind::Typedef].into_iter();
        kinds.filter_map(|kind| kernel.btf.find(name, kind)).next()
    });
    let attr = ProgLoad {
        name: "hostile".to_owned(),
        prog_type: prog_type.into(),
        expected_attach_type: attach.into(),
        insns: insns
            .as_chunks()
            .0
            .iter()
            .copied()
            .map(isa::Insn::from_bytes)
            .collect(),
        license: if flags & 0x40 == 0 { "GPL" } else { "none" }.to_owned(),
        kern_version: kernel.version_code(),
        prog_flags: u32::from(flags & 0x3f) << 2,
        attach_btf_id,
        btf: btf
            .as_ref()
            .map(|(btf, _)| Arc::clone(btf))
            .filter(|_| records > 0),
        func_info: (0..records / 16)
            .map(|at| FuncInfo {
                insn_off: u32::from(at) * u32::from(records % 16),
                type_id: btf.as_ref().map_or(TypeId::VOID, |(_, func)| *func),
            })
            .collect(),
        ..ProgLoad::default()
    };
    verify(kernel, &attr, level);
}

fn verify(kernel: &Kernel, attr: &ProgLoad, level: u8) {
    let mut session = session(kernel);
    let mut prog = match session.prog_load(attr) {
        Ok(prog) => prog,
        Err(error) => return drop(answer_refused("hostile", attr, error)),
    };
    let start = Instant::now();
    let within = move || start.elapsed() > TIME;
    prog.allowance = Allowance::default().with_memory(Some(MEMORY)).until(within);
    let level = u32::from(level % 8);
    if let Ok(handed) = verify_handed(kernel, &prog, level, Some(LOG)) {
        drop(answer_handed(
            kernel,
            "hostile",
            attr,
            &prog,
            &handed.outcome,
            Explaining::TRIALS,
        ));
    }
}

/// Types of an object, and a function of them.
fn types() -> Option<&'static (Arc<Btf>, TypeId)> {
    static TYPES: LazyLock<Option<(Arc<Btf>, TypeId)>> = LazyLock::new(|| {
        let mut types = Builder::new();
        let int = types.add_int("int", 4, IntEncoding(1));
        let word = types.add_int("unsigned long", 8, IntEncoding(0));
        let pair = types.add_array(word, word, 2);
        types.add_struct("bpf_spin_lock", 4, &[("val", int, 0)]);
        let lock = TypeId(types.count() - 1);
        let timer = types.add_struct("bpf_timer", 16, &[("__opaque", pair, 0)]);
        types.add_struct(
            "value",
            40,
            &[
                ("lock", lock, 0),
                ("timer", timer, 64),
                ("n", word, 192),
                ("m", word, 256),
            ],
        );
        let context = types.add_ptr(TypeId::VOID);
        let proto = types.add_func_proto(int, &[("ctx", context)]);
        let func = types.add_func("hostile", FuncLinkage::Global, proto);
        Some((Arc::new(types.build().ok()?), func))
    });
    TYPES.as_ref()
}

/// A session with maps of several kinds, the same ones each time.
fn session(kernel: &Kernel) -> Session<'_> {
    let mut session = Session::new(kernel);
    let map = |map_type, key_size, value_size, max_entries| MapCreate {
        map_type,
        key_size,
        value_size,
        max_entries,
        ..MapCreate::default()
    };
    let mut typed = map(2, 4, 40, 4);
    if let Some((btf, _)) = types()
        && session.btf_load(btf).is_ok()
    {
        typed.btf = Some(Arc::clone(btf));
        typed.btf_key_type_id = btf.find("int", Kind::Int);
        typed.btf_value_type_id = btf.find("value", Kind::Struct);
    }
    let all = [
        map(2, 4, 16, 4),
        typed,
        map(1, 8, 64, 16),
        map(27, 0, 0, 4096),
        map(3, 4, 4, 8),
        map(6, 4, 24, 3),
        map(15, 4, 4, 8),
        map(22, 0, 8, 8),
        map(14, 4, 4, 8),
        map(7, 4, 64, 8),
    ];
    for attr in &all {
        // A kernel may not know it; what uses it is refused then.
        let _ = session.map_create(attr);
    }
    let mut outer = map(12, 4, 4, 2);
    outer.inner_map = Some(MapId(0));
    if let Ok(outer) = session.map_create(&outer) {
        let _ = session.map_update(outer, &[0; 4], &MapValue::Map(MapId(0)));
    }
    session
}
