//! What `/proc/PID/fdinfo` and `/proc/PID/fd` say of descriptors of objects.

use std::fmt::{Display, Write};

use verdict_kernel::map::MapType;
use verdict_notify::{Descriptor, Task};

use crate::objects::{Body, LinkBody, Object, Open};
use crate::places::Place;
use crate::play::Play;

/// `O_CLOEXEC` as fdinfo has it.
const CLOSES: u32 = 0o2_000_000;

/// What link types are called, from 1 on (`bpf_link_type_strs`).
const LINKS: [&str; 14] = [
    "raw_tracepoint",
    "tracing",
    "cgroup",
    "iter",
    "netns",
    "xdp",
    "perf",
    "kprobe_multi",
    "struct_ops",
    "netfilter",
    "tcx",
    "uprobe_multi",
    "netkit",
    "sockmap",
];

/// Lines of a name and a value.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn say(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}:\t{value}"); // a string takes all
    }
}

impl Play<'_> {
    /// What fdinfo says of a descriptor, if it is of an object.
    pub(crate) fn fdinfo(&self, task: Task, number: i32) -> Option<String> {
        let Open::Object(handle, rights) = self.objects.of(task, number) else {
            return None;
        };
        let object = self.objects.get(handle)?;
        let mut lines = Lines::default();
        lines.say("pos", 0);
        lines.say(
            "flags",
            format_args!("{:08o}", flags(object, rights, task, number)),
        );
        lines.say("mnt_id", 15);
        if self.kernel.calls().fdinfo_has_inodes {
            lines.say("ino", object.key().1);
        }
        match &object.body {
            Body::Map(_) => self.of_map(object, &mut lines)?,
            Body::Prog(_) => self.of_prog(object, &mut lines),
            Body::Btf(_) => lines.say("btf_id", object.id),
            Body::Link(link) => self.of_link(object, link, &mut lines),
            Body::Event(_) => {}
        }
        Some(lines.0)
    }

    fn of_map(&self, object: &Object, lines: &mut Lines) -> Option<()> {
        let Body::Map(body) = &object.body else {
            return None;
        };
        let map = self.session.map(body.map)?;
        lines.say("map_type", map.map_type.raw());
        lines.say("key_size", map.key_size);
        lines.say("value_size", map.value_size);
        lines.say("max_entries", map.max_entries);
        lines.say("map_flags", format_args!("{:#x}", map.flags));
        if self.layouts.map.field("map_extra").is_some() {
            lines.say("map_extra", format_args!("{:#x}", map.extra));
        }
        let elements = body.contents.len() as u64;
        lines.say("memlock", self.session.map_usage(body.map, elements));
        lines.say("map_id", object.id);
        lines.say("frozen", u8::from(body.frozen));
        let owner = self
            .session
            .owner(body.map)
            .filter(|_| map.map_type == MapType::ProgArray);
        if let Some(owner) = owner {
            lines.say("owner_prog_type", owner.raw());
            lines.say("owner_jited", u8::from(self.kernel.machine.jit.enabled));
        }
        Some(())
    }

    fn of_prog(&self, object: &Object, lines: &mut Lines) {
        let Body::Prog(prog) = &object.body else { return };
        lines.say("prog_type", prog.prog_type().raw());
        lines.say("prog_jited", u8::from(self.kernel.machine.jit.enabled));
        lines.say("prog_tag", hex(&prog.tag));
        lines.say("memlock", self.session.program_usage(&prog.loaded.prog));
        lines.say("prog_id", object.id);
        lines.say("run_time_ns", 0);
        lines.say("run_cnt", 0);
        let info = &self.layouts.prog;
        if info.field("recursion_misses").is_some() {
            lines.say("recursion_misses", 0);
        }
        if info.field("verified_insns").is_some() {
            lines.say("verified_insns", prog.verified_insns);
        }
    }

    fn of_link(&self, object: &Object, link: &LinkBody, lines: &mut Lines) {
        let name = (link.link_type as usize)
            .checked_sub(1)
            .and_then(|at| LINKS.get(at));
        lines.say("link_type", name.unwrap_or(&"unknown"));
        lines.say("link_id", object.id);
        if let Some((id, Body::Prog(prog))) = self.objects.get(link.prog).map(|prog| (prog.id, &prog.body)) {
            lines.say("prog_tag", hex(&prog.tag));
            lines.say("prog_id", id);
        }
        let cookie = self.layouts.link.field("tracing.cookie").map(|_| link.cookie);
        match &link.place {
            Some(Place::Tracepoint(name)) => {
                lines.say("tp_name", name);
                cookie.into_iter().for_each(|cookie| lines.say("cookie", cookie));
            }
            Some(Place::Function(..)) => {
                lines.say("attach_type", link.attach_type);
                if self.kernel.calls().fdinfo_has_targets {
                    let (object, function) = self.target_of(link);
                    lines.say("target_obj_id", object);
                    lines.say("target_btf_id", function);
                }
                cookie.into_iter().for_each(|cookie| lines.say("cookie", cookie));
            }
            Some(Place::Cgroup(file, ..)) => {
                lines.say("cgroup_id", file.1);
                lines.say("attach_type", link.attach_type);
            }
            Some(Place::Namespace(file, _)) => {
                lines.say("netns_ino", file.1);
                lines.say("attach_type", link.attach_type);
            }
            Some(Place::Xdp(_, device)) => lines.say("ifindex", device),
            Some(Place::Device(_, device, _)) => {
                lines.say("ifindex", device);
                let way = match verdict_kernel::prog::AttachType::from_raw(link.attach_type) {
                    Some(verdict_kernel::prog::AttachType::TcxIngress) => "ingress",
                    _ => "egress",
                };
                lines.say("attach_type", format_args!("{} ({way})", link.attach_type));
            }
            Some(Place::Sockets(map, _)) => {
                lines.say("map_id", self.objects.get(*map).map_or(0, |map| map.id));
                lines.say("attach_type", link.attach_type);
            }
            Some(Place::Walk(name, map)) => {
                lines.say("target_name", name);
                if let Some(map) = map.and_then(|map| self.objects.get(map)) {
                    lines.say("map_id", map.id);
                }
            }
            Some(Place::Hook(_, family, hook, priority)) => {
                let hook = format_args!("{family}\thooknum:\t{hook}\tprio:\t{priority}");
                lines.say("pf", hook);
            }
            Some(Place::Event(_) | Place::Many) | None => {}
        }
    }

    /// Of a link at a function: the ids of the program or BTF that has it, and of its type.
    pub(crate) fn target_of(&self, link: &LinkBody) -> (u32, u32) {
        match &link.place {
            Some(Place::Function(target, function)) => {
                // The kernel's own BTF is the first.
                let object =
                    target.map_or(1, |target| self.objects.get(target).map_or(0, |object| object.id));
                (object, *function)
            }
            _ => (0, 0),
        }
    }

    /// What the link of a descriptor in `/proc/PID/fd` says, if it is of an object.
    pub(crate) fn descriptor_link(&self, task: Task, number: i32) -> Option<&'static str> {
        let Open::Object(handle, _) = self.objects.of(task, number) else {
            return None;
        };
        Some(match self.objects.get(handle)?.body {
            Body::Map(_) => "anon_inode:bpf-map",
            Body::Prog(_) => "anon_inode:bpf-prog",
            Body::Btf(_) => "anon_inode:btf",
            Body::Link(_) => "anon_inode:bpf_link",
            Body::Event(_) => "anon_inode:[perf_event]",
        })
    }
}

/// How the descriptor was opened, as the kernel has it.
fn flags(object: &Object, rights: Descriptor, task: Task, number: i32) -> u32 {
    let access = match object.body {
        Body::Link(_) | Body::Btf(_) => 0,
        _ => match (rights.reads, rights.writes) {
            (true, true) => 2,
            (false, true) => 1,
            _ => 0,
        },
    };
    access | if task.closes(number) { CLOSES } else { 0 }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
