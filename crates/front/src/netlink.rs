//! Routing messages (rtnetlink) by which XDP programs are put on devices without links, and by which devices are asked what they
//! have. All others go to the machine's kernel, as does everything about devices that no played program is on.
//!
//! An answer of ours waits here until the caller receives it. So that whoever waits for the socket to be readable finds it so, the
//! machine's kernel is sent a message by the same socket that it acknowledges, and that acknowledgement is taken out with the
//! last answer.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_notify::Task;

use crate::message::{Message, attributes, put, unpadded};
use crate::objects::{Handle, Kind};
use crate::places::{FileId, Guest, Place};
use crate::play::{Answer, Call, Done, Play};

/// What an answer to a call about a routing socket is noted under.
const CALL: &str = "rtnetlink";

/// `RTM_NEWLINK`, `RTM_GETLINK`, `RTM_SETLINK`.
const NEW: u16 = 16;
const GET: u16 = 18;
const SET: u16 = 19;

/// `IFLA_IFNAME`, `IFLA_XDP`.
const NAME: u16 = 3;
const XDP: u16 = 43;

/// `IFLA_XDP_*`.
const FD: u16 = 1;
const ATTACHED: u16 = 2;
const FLAGS: u16 = 3;
const PROG_ID: u16 = 4;
const SKB_PROG_ID: u16 = 6;
const EXPECTED_FD: u16 = 8;

/// `XDP_FLAGS_*`: only where there is none; in the network stack, in the driver, in the device; only in place of another.
const IF_NONE: u32 = 1;
const GENERIC: u32 = 2;
const MODES: u32 = 14;
const REPLACE: u32 = 16;

/// `XDP_ATTACHED_SKB`.
const BY_STACK: u8 = 2;

/// `SOL_NETLINK`, whose options are watched, and of them `NETLINK_CAP_ACK` and `NETLINK_EXT_ACK`.
pub(crate) const OPTIONS: &[u32] = &[270];
const CAP_ACK: i32 = 10;
const EXT_ACK: i32 = 11;

/// Bytes of a message that are looked at, and parts that it may be in.
const MOST_BYTES: u64 = 1 << 16;
const MOST_PARTS: u64 = 64;

/// Bytes of answers that wait at one socket, and sockets of which something is known.
const MOST_WAITING: usize = 1 << 22;
const MOST_SOCKETS: usize = 1 << 10;

/// A routing socket.
#[derive(Debug, Default)]
struct Socket {
    /// Answers that it was not given yet.
    waiting: VecDeque<Vec<u8>>,
    /// Acknowledgements of the machine's kernel that wait there.
    poked: u32,
    /// Whether refusals are answered without what was refused, and with words.
    short: bool,
    words: bool,
}

/// All routing sockets of which something is known, by their inodes.
#[derive(Debug, Default)]
pub(crate) struct Sockets(BTreeMap<u64, Socket>);

impl Sockets {
    fn at(&mut self, socket: u64) -> &mut Socket {
        if self.0.len() >= MOST_SOCKETS && !self.0.contains_key(&socket) {
            self.0.pop_first();
        }
        self.0.entry(socket).or_default()
    }
}

/// Memory of a task: where, and how much.
type Part = (u64, u64);

/// Why a device is not changed, and what the kernel says of it in words.
type Refused = (Errno, &'static str);

impl Play<'_> {
    /// Answers a system call about a socket.
    pub(crate) fn socket(&mut self, call: &Call) -> Answer {
        match i64::from(call.number) {
            libc::SYS_setsockopt => self.socket_option(call),
            libc::SYS_sendto => self.sent(call, &[(call.arg(1), call.arg(2))]),
            libc::SYS_sendmsg => match parts(call) {
                Some((_, parts)) => self.sent(call, &parts),
                None => Ok(Done::Machine),
            },
            libc::SYS_recvfrom => self.received_from(call),
            libc::SYS_recvmsg => self.received_message(call),
            _ => Ok(Done::Machine),
        }
    }

    fn socket_option(&mut self, call: &Call) -> Answer {
        let option = call.int(2);
        let mut value = [0; 4];
        let read = call.task.read(call.arg(3), &mut value).is_ok();
        if matches!(option, CAP_ACK | EXT_ACK)
            && read
            && let Some(socket) = inode(call.task, call.int(0))
        {
            let socket = self.sockets.at(socket);
            let is_set = value != [0; 4];
            match option {
                CAP_ACK => socket.short = is_set,
                _ => socket.words = is_set,
            }
        }
        Ok(Done::Machine)
    }

    fn sent(&mut self, call: &Call, parts: &[Part]) -> Answer {
        let length: u64 = parts.iter().map(|part| part.1).fold(0, u64::saturating_add);
        // Most of what is sent is something else, which the first bytes show.
        if length > MOST_BYTES || !may_be_asked(call.task, parts) {
            return Ok(Done::Machine);
        }
        let Some(socket) = inode(call.task, call.int(0)) else {
            return Ok(Done::Machine);
        };
        let bytes = gather(call.task, parts).unwrap_or_default();
        let Some(message) = Message::of(&bytes).filter(|message| matches!(message.kind, NEW | GET | SET))
        else {
            return Ok(Done::Machine);
        };
        let Some(port) = port(call.task, socket) else {
            return Ok(Done::Machine);
        };
        let alone = unpadded(message.length) >= bytes.len();
        // What is answered is answered once: a caller that takes nothing is told so before anything is done.
        let waits = |socket: &Socket| socket.waiting.iter().map(Vec::len).sum::<usize>() > MOST_WAITING;
        if waits(self.sockets.at(socket)) {
            return Err(Errno::ENOBUFS);
        }
        let answers = match message.kind {
            // Of several questions at once the machine's kernel answers all.
            GET if !alone => None,
            GET => self.devices_asked(call, &message, &bytes, port),
            _ => self.device_changed(call, &message, alone, (socket, port)),
        };
        let Some(answers) = answers else {
            return Ok(Done::Machine);
        };
        let known = self.sockets.at(socket);
        if !answers.is_empty() && known.poked == 0 && poke(call) {
            known.poked += 1;
        }
        known.waiting.extend(answers);
        Ok(Done::Value(length as i64))
    }

    /// `do_setlink`, as far as it is about XDP; `None` where it is about something else.
    fn device_changed(
        &mut self,
        call: &Call,
        message: &Message<'_>,
        alone: bool,
        (socket, port): (u64, u32),
    ) -> Option<Vec<Vec<u8>>> {
        let (head, rest) = message.body.split_at_checked(16)?;
        let all: Vec<_> = attributes(rest).collect();
        let (_, xdp) = *all.iter().find(|(kind, _)| *kind == XDP)?;
        let name = all.iter().find(|(kind, _)| *kind == NAME).map(|(_, name)| *name);
        let number = head.get(4..8).and_then(|number| number.first_chunk::<4>());
        let number = number.map_or(0, |number| u32::from_le_bytes(*number));
        let only = all.iter().all(|(kind, _)| matches!(*kind, XDP | NAME));
        let done = if only && alone {
            self.change_device(call, (number, name), xdp)
        } else {
            let what = match alone {
                true => "other changes of a device together with XDP",
                false => "several messages at once, the first of them about XDP",
            };
            let refused = self.unmodelled(CALL, what, Errno::EOPNOTSUPP);
            refused.map_err(|errno| (errno, ""))
        };
        let known = self.sockets.at(socket);
        Some(match done {
            Ok(()) if !message.wants_acknowledgement() => Vec::new(),
            Ok(()) => vec![message.acknowledged(port)],
            Err((errno, words)) => {
                let words = Some(words).filter(|words| known.words && !words.is_empty());
                vec![message.refused(port, errno, known.short, words)]
            }
        })
    }

    /// `do_setlink` and `dev_change_xdp_fd`.
    fn change_device(
        &mut self,
        call: &Call,
        (number, name): (u32, Option<&[u8]>),
        xdp: &[u8],
    ) -> Result<(), Refused> {
        let plain = |errno| (errno, "");
        if !self.privileges.of(call.task).net_admin {
            return Err(plain(Errno::EPERM));
        }
        let number = match (number, name) {
            (0, None) => return Err(plain(Errno::EINVAL)),
            (0, Some(name)) => named(name).ok_or(plain(Errno::ENODEV))?,
            (number, _) => number,
        };
        let (net, has) = self.device(call.task, number).map_err(plain)?;
        match has {
            None => {
                let refused = self.unmodelled(CALL, "devices of another name space", Errno::EOPNOTSUPP);
                return refused.map_err(plain);
            }
            Some(false) => return Err(plain(Errno::ENODEV)),
            Some(true) => {}
        }
        let word = |wanted: u16| -> Result<Option<u32>, Refused> {
            let Some((_, value)) = attributes(xdp).find(|(kind, _)| *kind == wanted) else {
                return Ok(None);
            };
            let value = value.first_chunk::<4>().ok_or(plain(Errno::ERANGE))?;
            Ok(Some(u32::from_le_bytes(*value)))
        };
        let has = |wanted: u16| attributes(xdp).any(|(kind, _)| kind == wanted);
        let (fd, expected, flags) = (word(FD)?, word(EXPECTED_FD)?, word(FLAGS)?.unwrap_or(0));
        let wrong = flags & !(IF_NONE | MODES | REPLACE) != 0 || (flags & MODES).count_ones() > 1;
        if has(ATTACHED) || has(PROG_ID) || wrong {
            return Err(plain(Errno::EINVAL));
        }
        let Some(fd) = fd else { return Ok(()) };
        let expected = match expected {
            None if flags & REPLACE != 0 => return Err(plain(Errno::EINVAL)),
            Some(expected) if flags & REPLACE != 0 => expected as i32,
            _ => -1,
        };
        let new = self.of_descriptor(call.task, fd as i32).map_err(plain)?;
        let old = self.of_descriptor(call.task, expected).map_err(plain)?;
        self.put_on(Place::Xdp(net, number), flags, new, old)
    }

    /// The XDP program of a descriptor; none is asked for by a negative one.
    fn of_descriptor(&self, task: Task, fd: i32) -> Result<Option<Handle>, Errno> {
        if fd < 0 {
            return Ok(None);
        }
        let held = self.object_of(task, fd, Kind::Prog, Errno::EINVAL)?;
        let prog = self.attached_of(held.handle);
        let prog = prog.filter(|prog| prog.prog_type == ProgType::Xdp);
        prog.map(|prog| Some(prog.handle)).ok_or(Errno::EINVAL)
    }

    /// `dev_xdp_attach`, without a link.
    fn put_on(
        &mut self,
        place: Place,
        flags: u32,
        new: Option<Handle>,
        old: Option<Handle>,
    ) -> Result<(), Refused> {
        // What runs in drivers and devices is known of one device alone, which has neither.
        let in_stack = flags & MODES == GENERIC || (flags & MODES == 0 && is_loopback(&place));
        if !in_stack && !is_loopback(&place) {
            let what = "XDP in the driver or the device";
            let refused = self.unmodelled(CALL, what, Errno::EOPNOTSUPP);
            return refused.map_err(|errno| (errno, ""));
        }
        let there = self.guests(&place).first().copied();
        let guest = there.filter(|_| in_stack);
        if matches!(guest, Some(Guest::Link(_))) {
            return Err((Errno::EBUSY, "Can't replace active BPF XDP link"));
        }
        let current = guest.and_then(|guest| self.program_of(guest));
        if flags & REPLACE != 0 && current != old {
            return Err((Errno::EEXIST, "Active program does not match expected"));
        }
        if new.is_some() && flags & IF_NONE != 0 && current.is_some() {
            return Err((Errno::EBUSY, "XDP program already attached"));
        }
        if new == current {
            return Ok(());
        }
        if !in_stack && there.is_some() && new.is_some() {
            // Some releases ask first whether the driver can, some whether there is another program.
            let what = "XDP in the driver beside XDP in the network stack";
            let refused = self.unmodelled(CALL, what, Errno::EOPNOTSUPP);
            return refused.map_err(|errno| (errno, ""));
        }
        if !in_stack {
            let words = "Underlying driver does not support XDP in native mode";
            return Err((Errno::EOPNOTSUPP, words));
        }
        let expected = new.and_then(|new| self.attached_of(new)).map(|new| new.expected);
        for (kind, words) in [
            (
                AttachType::XdpDevmap,
                "BPF_XDP_DEVMAP programs can not be attached to a device",
            ),
            (
                AttachType::XdpCpumap,
                "BPF_XDP_CPUMAP programs can not be attached to a device",
            ),
        ] {
            if expected == Some(kind.raw()) {
                return Err((Errno::EINVAL, words));
            }
        }
        if let Some(guest) = guest {
            self.places.remove(&place, guest);
        }
        if let Some(new) = new {
            self.places.add(&place, Guest::Program(new));
        }
        Ok(())
    }

    /// What the machine's kernel says of devices, with the programs that were put on them; `None` where there are none.
    fn devices_asked(
        &mut self,
        call: &Call,
        message: &Message<'_>,
        asked: &[u8],
        port: u32,
    ) -> Option<Vec<Vec<u8>>> {
        let net = self.own_namespace(call.task).ok()?;
        if self.own_namespace(Task::own()).ok() != Some(net) || !self.places.have_xdp(net) {
            return None;
        }
        self.sweep();
        let asked = message.unacknowledged(asked)?;
        let answers = match verdict_notify::ask_routes(&asked, MOST_WAITING) {
            Ok(answers) => answers,
            Err(_) => {
                let what = "what the machine's kernel says of devices";
                self.note(
                    CALL,
                    crate::records::What::Unmodelled(what.to_owned()),
                    Some(Errno::EIO),
                );
                return Some(vec![message.refused(port, Errno::EIO, true, None)]);
            }
        };
        let mut told = Vec::new();
        for datagram in &answers {
            let mut rest = datagram.as_slice();
            while let Some(found) = Message::of(rest) {
                let length = unpadded(found.length).min(rest.len());
                rest = rest.get(length..).unwrap_or_default();
                let body = match found.kind {
                    NEW => self.with_programs(net, found.body),
                    _ => found.body.to_vec(),
                };
                told.push(found.again(port, &body));
            }
        }
        if message.wants_acknowledgement() && told.iter().all(|told| is_good_and_whole(told)) {
            told.push(message.acknowledged(port));
        }
        Some(told)
    }

    /// What is said of a device, with its programs (`rtnl_xdp_fill`).
    fn with_programs(&mut self, net: FileId, body: &[u8]) -> Vec<u8> {
        let Some((head, rest)) = body.split_at_checked(16) else {
            return body.to_vec();
        };
        let number = head.get(4..8).and_then(|number| number.first_chunk::<4>());
        let number = number.map_or(0, |number| u32::from_le_bytes(*number));
        let place = Place::Xdp(net, number);
        let guest = self.places.at(&place).first().copied();
        let prog = guest.and_then(|guest| self.program_of(guest));
        let id = prog.and_then(|prog| self.objects.get(prog)).map(|prog| prog.id);
        let mut xdp = Vec::new();
        if let Some(id) = id {
            put(&mut xdp, SKB_PROG_ID, &id.to_le_bytes());
        }
        put(&mut xdp, ATTACHED, &[if id.is_some() { BY_STACK } else { 0 }]);
        if let Some(id) = id {
            put(&mut xdp, PROG_ID, &id.to_le_bytes());
        }
        let mut told = head.to_vec();
        for (kind, value) in attributes(rest) {
            put(&mut told, kind, if kind == XDP { &xdp } else { value });
        }
        told
    }

    fn received_from(&mut self, call: &Call) -> Answer {
        let Some((answer, whole)) = self.next_answer(call, call.arg(2), call.int(3)) else {
            return Ok(Done::Machine);
        };
        let write = |at: u64, bytes: &[u8]| call.task.write(at, bytes).map_err(Errno);
        write(call.arg(1), &answer)?;
        if call.arg(4) != 0 {
            let mut room = [0; 4];
            call.task.read(call.arg(5), &mut room).map_err(Errno)?;
            write(call.arg(4), from_kernel(u32::from_le_bytes(room)))?;
            write(call.arg(5), &(KERNEL.len() as u32).to_le_bytes())?;
        }
        Ok(Done::Value(returned(call.int(3), answer.len(), whole)))
    }

    fn received_message(&mut self, call: &Call) -> Answer {
        if self.sockets.0.values().all(|socket| socket.waiting.is_empty()) {
            return Ok(Done::Machine);
        }
        let Some((head, parts)) = parts(call) else {
            return Ok(Done::Machine);
        };
        let room = parts.iter().map(|part| part.1).fold(0, u64::saturating_add);
        let Some((answer, whole)) = self.next_answer(call, room, call.int(2)) else {
            return Ok(Done::Machine);
        };
        let write = |at: u64, bytes: &[u8]| call.task.write(at, bytes).map_err(Errno);
        let mut rest = answer.as_slice();
        for (at, len) in parts {
            let (now, later) = rest.split_at((len as usize).min(rest.len()));
            write(at, now)?;
            rest = later;
        }
        if head.name.0 != 0 {
            write(head.name.0, from_kernel(head.name.1))?;
            write(call.arg(1).wrapping_add(8), &(KERNEL.len() as u32).to_le_bytes())?;
        }
        // No control message, and whether something is left out.
        write(call.arg(1).wrapping_add(40), &[0; 8])?;
        let flags = if answer.len() < whole { libc::MSG_TRUNC } else { 0 };
        write(call.arg(1).wrapping_add(48), &flags.to_le_bytes())?;
        Ok(Done::Value(returned(call.int(2), answer.len(), whole)))
    }

    /// What fits into so many bytes of the next answers of a socket, and how long it is.
    fn next_answer(&mut self, call: &Call, room: u64, flags: i32) -> Option<(Vec<u8>, usize)> {
        if self.sockets.0.values().all(|socket| socket.waiting.is_empty()) {
            return None;
        }
        let socket = self.sockets.0.get_mut(&inode(call.task, call.int(0))?)?;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let mut taken = 0;
        let mut answer: Vec<u8> = Vec::new();
        for next in &socket.waiting {
            // Parts of one answer come together, others alone.
            let parted = Message::of(next).is_some_and(|message| message.is_part());
            if taken > 0 && (!parted || answer.len() + next.len() > room) {
                break;
            }
            answer.extend(next);
            taken += 1;
            if !parted {
                break;
            }
        }
        if taken == 0 {
            return None;
        }
        if flags & libc::MSG_PEEK == 0 {
            socket.waiting.drain(..taken);
            if socket.waiting.is_empty() && std::mem::take(&mut socket.poked) > 0 {
                unpoke(call);
            }
        }
        let whole = answer.len();
        answer.truncate(room);
        Some((answer, whole))
    }
}

/// `struct sockaddr_nl` of the kernel.
const KERNEL: [u8; 12] = [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// As much of it as there is room for.
fn from_kernel(room: u32) -> &'static [u8] {
    KERNEL.get(..room as usize).unwrap_or(&KERNEL)
}

fn returned(flags: i32, taken: usize, whole: usize) -> i64 {
    let length = if flags & libc::MSG_TRUNC != 0 {
        whole
    } else {
        taken
    };
    length as i64
}

/// Has the machine's kernel acknowledge something by the socket (`NLMSG_NOOP` with `NLM_F_REQUEST | NLM_F_ACK`).
fn poke(call: &Call) -> bool {
    const NOTHING: [u8; 16] = [16, 0, 0, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let socket = call.task.copy(call.int(0));
    socket.is_some_and(|socket| UnixDatagram::from(socket).send(&NOTHING).is_ok())
}

/// Takes that out again, if it is the next; the caller may have taken it by read(2).
fn unpoke(call: &Call) {
    if let Some(socket) = call.task.copy(call.int(0)) {
        verdict_notify::take_message(socket.as_fd(), is_acknowledged_nothing);
    }
}

/// Whether this is what the machine's kernel says of [`poke`]'s message: an error (`NLMSG_ERROR`) about a message without a number
/// that does nothing.
fn is_acknowledged_nothing(message: &[u8]) -> bool {
    const ERROR: &[u8] = &[2, 0];
    const NOTHING: &[u8] = &[1, 0];
    message.get(4..6) == Some(ERROR)
        && message.get(8..12) == Some(&[0; 4])
        && message.get(24..26) == Some(NOTHING)
}

/// Whether an answer is one message, and no refusal: only those are acknowledged.
fn is_good_and_whole(answer: &[u8]) -> bool {
    Message::of(answer).is_some_and(|message| message.kind == NEW && !message.is_part())
}

/// Whether what is sent begins as a message that is answered here, or comes in parts too small to tell.
fn may_be_asked(task: Task, parts: &[Part]) -> bool {
    let mut head = [0; 6];
    match parts.iter().find(|part| part.1 != 0) {
        Some((at, length)) if *length >= head.len() as u64 => {
            let is_read = task.read(*at, &mut head).is_ok();
            let [.., low, high] = head;
            is_read && matches!(u16::from_le_bytes([low, high]), NEW | GET | SET)
        }
        first => first.is_some(),
    }
}

/// The inode of a socket.
fn inode(task: Task, fd: i32) -> Option<u64> {
    let path = task.descriptor_path(fd)?;
    let number = path.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// The port of a routing socket of this inode; columns: socket, protocol, port, groups, and the inode last.
fn port(task: Task, inode: u64) -> Option<u32> {
    let table = fs::read_to_string(format!("/proc/{}/net/netlink", task.id())).ok()?;
    let inode = inode.to_string();
    let mut rows = table.lines().map(|line| line.split_ascii_whitespace());
    rows.find_map(|mut row| {
        let (protocol, port) = (row.nth(1)?, row.next()?);
        (protocol == "0" && row.last() == Some(&inode))
            .then(|| port.parse().ok())
            .flatten()
    })
}

/// The number of a device of a name.
fn named(name: &[u8]) -> Option<u32> {
    let name = name.split(|byte| *byte == 0).next()?;
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.contains('/'))?;
    let number = fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?;
    number.trim().parse().ok()
}

/// Whether a place is at a loopback device: each name space has one, and it is the first.
fn is_loopback(place: &Place) -> bool {
    matches!(place, Place::Xdp(_, 1))
}

/// The head of a `struct msghdr`.
struct Head {
    name: (u64, u32),
}

/// The memory that a `struct msghdr` names.
fn parts(call: &Call) -> Option<(Head, Vec<Part>)> {
    let mut head = [0; 32];
    call.task.read(call.arg(1), &mut head).ok()?;
    let word = |at: usize| head.get(at..at + 8).and_then(|word| word.first_chunk::<8>());
    let word = |at: usize| word(at).map_or(0, |word| u64::from_le_bytes(*word));
    let (name, vectors, count) = ((word(0), word(8) as u32), word(16), word(24));
    if count > MOST_PARTS {
        return None;
    }
    let mut parts = Vec::new();
    for index in 0..count {
        let mut part = [0; 16];
        call.task.read(vectors.wrapping_add(16 * index), &mut part).ok()?;
        let [at, len] = [part.first_chunk::<8>()?, part.last_chunk::<8>()?];
        parts.push((u64::from_le_bytes(*at), u64::from_le_bytes(*len)));
    }
    Some((Head { name }, parts))
}

/// What lies in memory of a task.
fn gather(task: Task, parts: &[Part]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for (at, len) in parts {
        let mut bytes = vec![0; usize::try_from(*len).ok()?];
        task.read(*at, &mut bytes).ok()?;
        all.append(&mut bytes);
    }
    Some(all)
}
