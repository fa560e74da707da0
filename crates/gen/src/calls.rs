//! Calls of helpers and of kernel functions: each that a program of some type may call, with arguments of all kinds, mostly
//! those that it takes.
//!
//! Text as [`crate::text`] reads it. What a helper takes is from a kernel's tables, what a kernel function takes from its
//! BTF.

use verdict_btf::{Kind, Type};
use verdict_kernel::helper::{HelperProto, HelperQuery};
use verdict_kernel::kfunc::Caller;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_kernel::types::{ArgBase, RetBase};
use verdict_kernel::{Capabilities, Kernel};

use crate::chance::Chance;
use crate::text::{Base, Proto, Shape};

/// Sections, and what the kernel takes programs in them for.
const SECTIONS: [(&str, ProgType, Option<AttachType>); 16] = [
    ("socket", ProgType::SocketFilter, None),
    ("tc", ProgType::SchedCls, None),
    ("xdp", ProgType::Xdp, Some(AttachType::Xdp)),
    ("kprobe", ProgType::Kprobe, None),
    ("tracepoint", ProgType::Tracepoint, None),
    ("raw_tp", ProgType::RawTracepoint, None),
    ("perf_event", ProgType::PerfEvent, None),
    (
        "cgroup_skb/egress",
        ProgType::CgroupSkb,
        Some(AttachType::CgroupInetEgress),
    ),
    (
        "cgroup/sock_create",
        ProgType::CgroupSock,
        Some(AttachType::CgroupInetSockCreate),
    ),
    (
        "cgroup/dev",
        ProgType::CgroupDevice,
        Some(AttachType::CgroupDevice),
    ),
    (
        "cgroup/sysctl",
        ProgType::CgroupSysctl,
        Some(AttachType::CgroupSysctl),
    ),
    (
        "cgroup/connect4",
        ProgType::CgroupSockAddr,
        Some(AttachType::CgroupInet4Connect),
    ),
    (
        "cgroup/getsockopt",
        ProgType::CgroupSockopt,
        Some(AttachType::CgroupGetsockopt),
    ),
    ("sockops", ProgType::SockOps, Some(AttachType::CgroupSockOps)),
    ("lwt_xmit", ProgType::LwtXmit, None),
    (
        "flow_dissector",
        ProgType::FlowDissector,
        Some(AttachType::FlowDissector),
    ),
];

/// Maps, as they are written.
const MAPS: [(&str, &str); 12] = [
    ("cells", "array 4 48 4"),
    ("table", "hash 4 16 8"),
    ("locked", "array 4 32 2 lock"),
    ("ring", "ringbuf 0 0 4096"),
    ("tails", "prog_array 4 4 2"),
    ("events", "perf_event_array 4 4 2"),
    ("each_cpu", "percpu_array 4 16 2"),
    ("stacks", "stack_trace 4 80 4"),
    ("recent", "lru_hash 4 16 8"),
    ("queue", "queue 0 16 4"),
    ("groups", "cgroup_array 4 4 2"),
    ("devices", "devmap 4 4 2"),
];

/// Bytes at the top of the stack that are written.
const WRITTEN: i64 = 64;

struct Writer<'c> {
    chance: &'c mut Chance,
    lines: Vec<String>,
    /// Names of maps that are used.
    maps: Vec<&'static str>,
    callback: bool,
    /// Prototypes of kernel functions that are called.
    protos: Vec<Proto>,
}

impl<'c> Writer<'c> {
    fn new(chance: &'c mut Chance) -> Writer<'c> {
        Writer {
            chance,
            lines: Vec::new(),
            maps: Vec::new(),
            callback: false,
            protos: Vec::new(),
        }
    }
}

/// Kernel functions that programs of each kind of section may call.
#[derive(Debug)]
pub struct Kfuncs(Vec<Vec<(Proto, Vec<String>)>>);

impl Kfuncs {
    /// Those of a kernel.
    pub fn of(kernel: &Kernel) -> Kfuncs {
        let mut all = vec![Vec::new(); SECTIONS.len()];
        for func in kernel.btf.types().filter(|ty| ty.kind() == Kind::Func) {
            let Some(kfunc) = kernel.kfunc(func.id()) else {
                continue;
            };
            let Some(found) = proto(func) else { continue };
            for ((_, prog_type, attach_type), list) in SECTIONS.iter().zip(&mut all) {
                let caller = Caller {
                    prog_type: *prog_type,
                    hook: kernel.kfunc_hook(*prog_type),
                    attach_type: *attach_type,
                    implements: None,
                };
                if kfunc.callable_by(&caller).is_some() {
                    list.push(found.clone());
                }
            }
        }
        Kfuncs(all)
    }
}

/// The prototype of a function and the names of its arguments, where it has none that is a pointer to a function.
fn proto(func: Type<'_>) -> Option<(Proto, Vec<String>)> {
    let types = func.proto()?;
    let args: Option<Vec<_>> = types.params().map(|param| shape(param.type_())).collect();
    let found = Proto {
        name: func.name().to_owned(),
        ret: shape(types.target_type())?,
        args: args?,
    };
    Some((
        found,
        types.params().map(|param| param.name().to_owned()).collect(),
    ))
}

fn shape(ty: Option<Type<'_>>) -> Option<Shape> {
    let (mut ty, mut pointers) = (ty, 0);
    loop {
        let Some(this) = ty else {
            return Some(Shape {
                base: Base::Void,
                pointers,
            });
        };
        let base = match this.kind() {
            Kind::Ptr => {
                pointers += 1;
                ty = this.target_type();
                continue;
            }
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => {
                ty = this.target_type();
                continue;
            }
            Kind::Void => Base::Void,
            Kind::Int => Base::Int,
            Kind::Enum | Kind::Enum64 => Base::Enum,
            Kind::Struct => Base::Struct,
            Kind::Union => Base::Union,
            Kind::Fwd => Base::Fwd,
            _ => return None,
        };
        return Some(Shape { base, pointers });
    }
}

/// A program that calls a kernel function, as text.
pub fn kfunc_program(kfuncs: &Kfuncs, chance: &mut Chance) -> String {
    let place = chance.below(SECTIONS.len());
    let mut writer = Writer::new(chance);
    writer.prologue();
    if let Some((proto, names)) = kfuncs.0.get(place).and_then(|list| writer.chance.of(list)) {
        writer.call_kfunc(proto, names);
        if writer.chance.once_in(4) {
            writer.call_kfunc(proto, names);
        }
    }
    writer.text(SECTIONS.get(place).map_or("socket", |row| row.0))
}

/// A program that calls a helper, as text.
pub fn program(kernel: &Kernel, chance: &mut Chance) -> String {
    let (section, prog_type, attach_type) = SECTIONS[chance.below(SECTIONS.len())];
    let helpers = kernel.helpers(&HelperQuery {
        prog_type,
        expected_attach_type: attach_type.map_or(0, AttachType::raw),
        extends: false,
        sleepable: false,
        capabilities: Capabilities::ALL,
        attach_func: None,
        struct_ops: None,
        struct_ops_member: None,
    });
    let protos: Vec<_> = helpers.iter().collect();
    let mut writer = Writer::new(chance);
    writer.prologue();
    if let Some(proto) = writer.chance.of(&protos).copied() {
        writer.call(proto);
        // The second one sees what the first one did to its arguments.
        if writer.chance.once_in(4) {
            writer.call(proto);
        }
    }
    writer.text(section)
}

impl Writer<'_> {
    fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn map(&mut self, name: &'static str) -> &'static str {
        if !self.maps.contains(&name) {
            self.maps.push(name);
        }
        name
    }

    fn text(mut self, section: &str) -> String {
        self.lines.extend(["out:", "r0 = 0", "exit"].map(str::to_owned));
        if self.callback {
            let callback = ["static callback(2):", "r0 = 0", "exit"];
            self.lines.extend(callback.map(str::to_owned));
        }
        let mut text = format!("section {section}\n");
        for (name, what) in MAPS.iter().filter(|(name, _)| self.maps.contains(name)) {
            text.push_str(&format!("map {name} = {what}\n"));
        }
        for proto in &self.protos {
            text.push_str(&format!("{proto}\n"));
        }
        text + &self.lines.join("\n") + "\n"
    }

    /// The context is in R6, a value of a map in R7, a number in R8, and in R9 a value that may be absent; the top of the stack is
    /// written.
    fn prologue(&mut self) {
        self.say("r6 = r1");
        for at in (-WRITTEN..0).step_by(8) {
            self.say(format!("*(u64 *)(r10 {at}) = 0"));
        }
        self.say("call bpf_get_prandom_u32#7");
        self.say("r8 = r0");
        for (reg, map) in [(9, "table"), (7, "cells")] {
            let map = self.map(map);
            self.say("r2 = r10");
            self.say("r2 += -8");
            self.say(format!("r1 = map({map})"));
            self.say("call bpf_map_lookup_elem#1");
            if reg == 7 {
                self.say("if r0 == 0 goto out");
            }
            self.say(format!("r{reg} = r0"));
        }
    }

    fn call(&mut self, proto: &HelperProto) {
        let wrong = match self.chance.below(3) {
            0 => self.chance.below(5),
            _ => 5,
        };
        for (at, arg) in proto.args.iter().enumerate() {
            let base = arg.ty.base();
            if base == ArgBase::DontCare {
                break;
            }
            let reg = at + 1;
            match at == wrong {
                true => self.any(reg),
                false => self.right(reg, base, proto),
            }
        }
        self.say(format!("call {}#{}", proto.name, proto.id));
        if proto.ret.base() != RetBase::Void && self.chance.once_in(3) {
            if self.chance.once_in(2) {
                self.say("if r0 == 0 goto out");
            }
            match self.chance.below(4) {
                0 => self.say("r1 = *(u32 *)(r0 +4)"),
                1 => self.say("*(u64 *)(r0 +8) = 0"),
                2 => self.say("r0 += 4"),
                _ => self.say("if r0 s< 0 goto out"),
            }
        }
    }

    fn call_kfunc(&mut self, proto: &Proto, names: &[String]) {
        for (at, (shape, name)) in proto.args.iter().zip(names).enumerate().take(5) {
            let reg = at + 1;
            match (shape.pointers, self.chance.below(6)) {
                (_, 0) => self.any(reg),
                (0, 1..=3) if name.contains("__sz") || name.contains("size") || name.contains("len") => {
                    let size = [0, 4, 8, 16, 64][self.chance.below(5)];
                    self.say(format!("r{reg} = {size}"));
                }
                (0, _) => {
                    let value = ["0", "1", "8", "r8"][self.chance.below(4)];
                    self.say(format!("r{reg} = {value}"));
                }
                (_, 1) => self.say(format!("r{reg} = r7")),
                (_, 2) if at == 0 => self.say(format!("r{reg} = r6")),
                (_, 3) => self.say(format!("r{reg} = r9")),
                (_, _) => {
                    let at = [16, 32, 48, WRITTEN, 128][self.chance.below(5)];
                    self.point_to_stack(reg, -at);
                }
            }
        }
        if !self.protos.contains(proto) {
            self.protos.push(proto.clone());
        }
        self.say(format!("call {}", proto.name));
        if self.chance.once_in(3) {
            if self.chance.once_in(2) {
                self.say("if r0 == 0 goto out");
            }
            let used = ["r1 = *(u32 *)(r0 +4)", "*(u64 *)(r0 +8) = 0", "r0 += 4"][self.chance.below(3)];
            self.say(used);
        }
    }

    /// What an argument of this kind mostly is.
    fn right(&mut self, reg: usize, base: ArgBase, proto: &HelperProto) {
        match base {
            ArgBase::ConstMapPtr => {
                let named = |word: &str| proto.name.contains(word);
                let map = match () {
                    () if named("ringbuf") => "ring",
                    () if named("perf_event") || named("_output") => "events",
                    () if named("stackid") => "stacks",
                    () if named("tail_call") => "tails",
                    () if named("cgroup") => "groups",
                    () if named("redirect_map") => "devices",
                    () if named("percpu") => "each_cpu",
                    () if named("push") || named("pop") || named("peek") => "queue",
                    () => ["cells", "table", "recent", "each_cpu"][self.chance.below(4)],
                };
                let map = match self.chance.once_in(6) {
                    true => MAPS[self.chance.below(MAPS.len())].0,
                    false => map,
                };
                self.point_to_map(reg, map);
            }
            ArgBase::Ctx => self.say(format!("r{reg} = r6")),
            ArgBase::ConstSize | ArgBase::ConstSizeOrZero | ArgBase::ConstAllocSizeOrZero => {
                match self.chance.below(4) {
                    0 => {
                        self.say(format!("r{reg} = r8"));
                        let mask = [7, 15, 63, 127][self.chance.below(4)];
                        self.say(format!("r{reg} &= {mask}"));
                        if self.chance.once_in(2) {
                            self.say(format!("r{reg} += 1"));
                        }
                    }
                    _ => {
                        let size = [1, 4, 8, 16, 20, 64, 0][self.chance.below(7)];
                        self.say(format!("r{reg} = {size}"));
                    }
                }
            }
            ArgBase::MapKey | ArgBase::MapValue | ArgBase::Mem | ArgBase::Stack | ArgBase::Dynptr => {
                match self.chance.below(5) {
                    0 => self.say(format!("r{reg} = r7")),
                    _ => {
                        let at = [WRITTEN, WRITTEN, 16, 48, 128][self.chance.below(5)];
                        self.point_to_stack(reg, -at);
                    }
                }
            }
            ArgBase::Func => self.point_to_callback(reg),
            ArgBase::Anything | ArgBase::Scalar => match self.chance.below(3) {
                0 => self.say(format!("r{reg} = r8")),
                _ => {
                    let imm = [0, 0, 1, 4, -1, 256][self.chance.below(6)];
                    self.say(format!("r{reg} = {imm}"));
                }
            },
            _ => match self.chance.below(3) {
                0 => self.say(format!("r{reg} = r7")),
                1 => self.say(format!("r{reg} = r9")),
                _ => self.any(reg),
            },
        }
    }

    /// Anything.
    fn any(&mut self, reg: usize) {
        match self.chance.below(18) {
            0 => self.say(format!("r{reg} = 0")),
            1 => self.say(format!("r{reg} = 8")),
            2 => self.say(format!("r{reg} = -1")),
            3 => self.say(format!("r{reg} = 0x10000000")),
            4 => self.say(format!("r{reg} = r8")),
            5 => {
                self.say(format!("r{reg} = r8"));
                self.say(format!("r{reg} &= 15"));
            }
            6 => self.say(format!("r{reg} = r6")),
            7 => self.point_to_stack(reg, -WRITTEN),
            8 => self.point_to_stack(reg, -256),
            9 => {
                let at = [0, 8, -4, -520, -512, -63][self.chance.below(6)];
                self.point_to_stack(reg, at);
            }
            10 => {
                let map = MAPS[self.chance.below(MAPS.len())].0;
                self.point_to_map(reg, map);
            }
            11 => self.say(format!("r{reg} = r7")),
            12 => {
                self.say(format!("r{reg} = r7"));
                let add = [4, 40, 48, -1][self.chance.below(4)];
                self.say(format!("r{reg} += {add}"));
            }
            13 => self.say(format!("r{reg} = r9")),
            14 => self.point_to_callback(reg),
            15 => {
                self.say(format!("r{reg} = r8"));
                self.say(format!("r{reg} &= 7"));
                let base = ["r7", "r10", "r6"][self.chance.below(3)];
                self.say(format!("r{reg} += {base}"));
            }
            16 => {
                self.say(format!("r{reg} = r6"));
                self.say(format!("r{reg} += 4"));
            }
            // Whatever is there, or nothing.
            _ => {}
        }
    }

    fn point_to_stack(&mut self, reg: usize, at: i64) {
        self.say(format!("r{reg} = r10"));
        self.say(format!("r{reg} += {at}"));
    }

    fn point_to_map(&mut self, reg: usize, map: &'static str) {
        let map = self.map(map);
        self.say(format!("r{reg} = map({map})"));
    }

    fn point_to_callback(&mut self, reg: usize) {
        self.callback = true;
        self.say(format!("r{reg} = func(callback)"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{object, text};

    /// The same seed gives the same program, which can be written; many helpers are called.
    #[test]
    fn programs_are_whole_and_repeat() {
        let kernel = Kernel::open("6.12").unwrap();
        let mut helpers = std::collections::BTreeSet::new();
        for seed in 0..2000 {
            let written = program(&kernel, &mut Chance(seed));
            assert_eq!(written, program(&kernel, &mut Chance(seed)));
            let source = text::parse(&written).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{written}"));
            object::write(&source).unwrap();
            let calls = source.insns.iter().filter(|insn| insn.is_helper_call());
            helpers.extend(calls.map(|insn| insn.imm));
        }
        assert!(helpers.len() > 120, "{}", helpers.len());
    }
}
