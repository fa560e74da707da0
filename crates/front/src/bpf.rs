//! bpf(2): its attributes, and which command is which.

use std::sync::Arc;

use verdict_kernel::errno::Errno;
use verdict_syscall::map::flags::PAGE_SIZE;

use crate::layout::Fields;
use crate::objects::Open;
use crate::play::{Answer, Call, Play};

/// The commands that are answered, by number, with their names and the last fields that they read: the first of them that the
/// kernel has.
const COMMANDS: &[(u32, &str, &[&str])] = &[
    (
        0,
        "MAP_CREATE",
        &[
            "excl_prog_hash_size",
            "map_token_fd",
            "value_type_btf_obj_fd",
            "map_extra",
            "btf_vmlinux_value_type_id",
        ],
    ),
    (1, "MAP_LOOKUP_ELEM", &["flags"]),
    (2, "MAP_UPDATE_ELEM", &["flags"]),
    (3, "MAP_DELETE_ELEM", &["key"]),
    (4, "MAP_GET_NEXT_KEY", &["next_key"]),
    (
        5,
        "PROG_LOAD",
        &[
            "keyring_id",
            "fd_array_cnt",
            "prog_token_fd",
            "log_true_size",
            "core_relo_rec_size",
            "fd_array",
            "attach_prog_fd",
        ],
    ),
    (6, "OBJ_PIN", &["path_fd", "file_flags"]),
    (7, "OBJ_GET", &["path_fd", "file_flags"]),
    (8, "PROG_ATTACH", &["expected_revision", "replace_bpf_fd"]),
    (9, "PROG_DETACH", &["expected_revision", "attach_type"]),
    (10, "PROG_TEST_RUN", &["test.batch_size", "test.cpu"]),
    (11, "PROG_GET_NEXT_ID", &["next_id"]),
    (12, "MAP_GET_NEXT_ID", &["next_id"]),
    (13, "PROG_GET_FD_BY_ID", &["prog_id"]),
    (14, "MAP_GET_FD_BY_ID", &["open_flags"]),
    (15, "OBJ_GET_INFO_BY_FD", &["info.info"]),
    (
        16,
        "PROG_QUERY",
        &["query.revision", "query.prog_attach_flags", "query.prog_cnt"],
    ),
    (
        17,
        "RAW_TRACEPOINT_OPEN",
        &["raw_tracepoint.cookie", "raw_tracepoint.prog_fd"],
    ),
    (
        18,
        "BTF_LOAD",
        &["btf_token_fd", "btf_log_true_size", "btf_log_level"],
    ),
    (19, "BTF_GET_FD_BY_ID", &["fd_by_id_token_fd", "btf_id"]),
    (20, "TASK_FD_QUERY", &["task_fd_query.probe_addr"]),
    (21, "MAP_LOOKUP_AND_DELETE_ELEM", &["flags"]),
    (22, "MAP_FREEZE", &["map_fd"]),
    (23, "BTF_GET_NEXT_ID", &["next_id"]),
    (24, "MAP_LOOKUP_BATCH", &["batch.flags"]),
    (25, "MAP_LOOKUP_AND_DELETE_BATCH", &["batch.flags"]),
    (26, "MAP_UPDATE_BATCH", &["batch.flags"]),
    (27, "MAP_DELETE_BATCH", &["batch.flags"]),
    (
        28,
        "LINK_CREATE",
        &[
            "link_create.uprobe_multi.pid",
            "link_create.kprobe_multi.cookies",
            "link_create.iter_info_len",
        ],
    ),
    (29, "LINK_UPDATE", &["link_update.old_prog_fd"]),
    (30, "LINK_GET_FD_BY_ID", &["link_id"]),
    (31, "LINK_GET_NEXT_ID", &["next_id"]),
    (32, "ENABLE_STATS", &["enable_stats.type"]),
    (33, "ITER_CREATE", &["iter_create.flags"]),
    (34, "LINK_DETACH", &["link_detach.link_fd"]),
    (35, "PROG_BIND_MAP", &["prog_bind_map.flags"]),
    (36, "TOKEN_CREATE", &["token_create.bpffs_fd"]),
];

/// Bytes of a page: attributes are not larger.
pub(crate) const PAGE: u64 = PAGE_SIZE as u64;

/// A command with its attributes.
pub(crate) struct Asked<'l> {
    pub(crate) call: Call,
    pub(crate) name: &'static str,
    /// Where the attributes lie.
    pub(crate) at: u64,
    /// How many bytes of them there are.
    pub(crate) size: usize,
    pub(crate) attr: Fields<'l>,
}

impl Asked<'_> {
    /// Bytes of the caller's memory, at most so many.
    pub(crate) fn read(&self, address: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; len];
        self.call.task.read(address, &mut bytes).map_err(Errno)?;
        Ok(bytes)
    }

    /// Writes the caller's memory.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.call.task.write(address, bytes).map_err(Errno)
    }
}

/// Whether what a caller has beyond the size that is known is zero (`bpf_check_uarg_tail_zero`).
pub(crate) fn check_tail(call: &Call, at: u64, size: u64, known: usize) -> Result<(), Errno> {
    if size > PAGE {
        return Err(Errno::E2BIG);
    }
    let mut tail = vec![0; (size as usize).saturating_sub(known)];
    let beyond = at.wrapping_add(known as u64);
    call.task.read(beyond, &mut tail).map_err(Errno)?;
    match tail.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(Errno::E2BIG),
    }
}

/// Copies a struct that a caller of this size has for one of another size.
pub(crate) fn copy_struct(call: &Call, at: u64, size: u64, known: usize) -> Result<Vec<u8>, Errno> {
    // What is beyond is looked at first.
    check_tail(call, at, size, known)?;
    let mut bytes = vec![0; known.min(size as usize)];
    call.task.read(at, &mut bytes).map_err(Errno)?;
    Ok(bytes)
}

impl Play<'_> {
    /// Whether the kernel has a command of this number (`enum bpf_cmd`).
    fn has_command(&self, number: u32) -> bool {
        let commands = self.kernel.btf.find("bpf_cmd", verdict_btf::Kind::Enum);
        let commands = commands.and_then(|id| self.kernel.btf.ty(id));
        let named = |name: &str| name != "__MAX_BPF_CMD";
        commands.is_some_and(|ty| {
            let mut values = ty.enumerators();
            values.any(|value| value.value == i64::from(number) && named(value.name()))
        })
    }

    /// `bpf_enable_stats`: nothing runs, so that there is nothing to count.
    fn enable_stats(&mut self, asked: &Asked<'_>) -> Answer {
        if asked.attr.u32("enable_stats.type") != 0 {
            return Err(Errno::EINVAL);
        }
        let file = verdict_notify::memory_file(c"bpf-stats").map_err(|_| Errno::ENOMEM)?;
        Ok(crate::play::Done::Descriptor(file, true))
    }

    /// `bpf_token_create`: in the first user name space, in which the played kernel has everybody, there are none.
    fn token_create(&mut self, asked: &Asked<'_>) -> Answer {
        let task = asked.call.task;
        if asked.attr.u32("token_create.flags") != 0 {
            return Err(Errno::EINVAL);
        }
        let fd = asked.attr.fd("token_create.bpffs_fd");
        task.descriptor(fd).ok_or(Errno::EBADF)?;
        let path = self.files.absolute(task, fd, b".").ok_or(Errno::EBADF)?;
        Err(match self.files.is_mount_of_pins(&path) {
            true => Errno::EOPNOTSUPP,
            false => Errno::EINVAL,
        })
    }

    /// Why the descriptor of a token is refused: there are no tokens that it could be of (`bpf_token_get_from_fd`).
    pub(crate) fn no_token(&self, asked: &Asked<'_>, field: &str) -> Errno {
        match self.objects.of(asked.call.task, asked.attr.fd(field)) {
            Open::Closed => Errno::EBADF,
            Open::Other | Open::Object(..) => Errno::EINVAL,
        }
    }

    /// Answers bpf(2).
    pub(crate) fn bpf(&mut self, call: &Call) -> Answer {
        let layout = Arc::clone(&self.layouts.attr);
        self.bpf_by(call, &layout)
    }

    fn bpf_by(&mut self, call: &Call, layout: &crate::layout::Layout) -> Answer {
        let (number, at, size) = (call.arg(0) as u32, call.arg(1), call.arg(2) as u32);
        let bytes = copy_struct(call, at, size.into(), layout.size)?;
        let size = bytes.len();
        let attr = Fields::new(layout, bytes);
        let command = COMMANDS.iter().find(|(known, ..)| *known == number);
        let Some((_, name, mut last)) = command.copied() else {
            if !self.has_command(number) {
                return Err(Errno::EINVAL);
            }
            let what = format!("command {number}");
            return self.unmodelled("BPF", what, Errno::EINVAL);
        };
        // It came with what takes elements out of hash tables, in Linux 5.14.
        if number == 21 && !self.takes_from_tables() {
            last = &["value"];
        }
        self.admitted(call.task, number, name)?;
        // An older kernel has no fields for a command that it lacks.
        let end = match layout.end(last) {
            Some(end) => end,
            None => return Err(Errno::EINVAL),
        };
        if attr.bytes.iter().skip(end).any(|byte| *byte != 0) {
            return Err(Errno::EINVAL);
        }
        self.permitted(call.task, number)?;
        let asked = Asked {
            call: *call,
            name,
            at,
            size,
            attr,
        };
        match number {
            0 => self.map_create(&asked),
            1 | 21 => self.map_lookup(&asked, number == 21),
            2 => self.map_update(&asked),
            3 => self.map_delete(&asked),
            4 => self.map_next(&asked),
            22 => self.map_freeze(&asked),
            24..=27 => self.map_batch(&asked, number),
            5 => self.prog_load(&asked),
            35 => self.prog_bind_map(&asked),
            18 => self.btf_load(&asked),
            6 => self.obj_pin(&asked),
            7 => self.obj_get(&asked),
            11 | 12 | 23 | 31 => self.next_id(&asked, number),
            13 | 14 | 19 | 30 => self.fd_by_id(&asked, number),
            15 => self.obj_info(&asked),
            8 => self.prog_attach(&asked),
            9 => self.prog_detach(&asked),
            16 => self.prog_query(&asked),
            17 => self.raw_tracepoint_open(&asked),
            28 => self.link_create(&asked),
            29 => self.link_update(&asked),
            34 => self.link_detach(&asked),
            10 => self.unmodelled(name, "running programs", Errno::EOPNOTSUPP),
            20 => self.task_fd_query(&asked),
            32 => self.enable_stats(&asked),
            33 => self.iter_create(&asked),
            36 => self.token_create(&asked),
            _ => self.unmodelled(name, "this command", Errno::EINVAL),
        }
    }
}
