//! Programs of network devices (tcx, netkit) and their order (`kernel/bpf/mprog.c`).

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::AttachType;

use crate::attach::{Attached, link};
use crate::bpf::Asked;
use crate::links::{MPROG, REPLACE};
use crate::objects::{Body, Handle, Kind};
use crate::places::{Guest, Place};
use crate::play::{Answer, Done, Play};

/// `BPF_F_BEFORE`, `BPF_F_AFTER`, `BPF_F_ID`, `BPF_F_LINK`.
const BEFORE: u32 = 8;
const AFTER: u32 = 16;
const ID: u32 = 32;
const LINK: u32 = 1 << 13;

/// Programs at one device and direction (`BPF_MPROG_MAX`).
const MOST_AT_DEVICE: usize = 64;

/// A program at a device, and its link.
type Entry = (Handle, Option<Handle>);

/// What a caller asks of the order.
struct Wish {
    flags: u32,
    /// The descriptor or id of what it is to be beside.
    relative: u32,
    revision: u64,
}

/// What is done to the programs of a device.
enum Change {
    Replace(usize),
    Insert(usize),
}

/// Where an entry is, for something before it or after it: at the ends where there is none.
fn beside(entries: &[Entry], relative: Option<Entry>, after: bool) -> Result<usize, Errno> {
    let Some((prog, link)) = relative else {
        return Ok(if after { entries.len() } else { 0 });
    };
    let is_it = |entry: &Entry| entry.0 == prog && (link.is_none() || link == entry.1);
    let at = entries.iter().position(is_it).ok_or(Errno::ENOENT)?;
    Ok(at + usize::from(after))
}

/// Where this entry itself is (`bpf_mprog_pos_exact`).
fn exactly(entries: &[Entry], (prog, link): (Option<Handle>, Option<Handle>)) -> Result<usize, Errno> {
    let at = entries.iter().position(|entry| Some(entry.0) == prog);
    match at.and_then(|at| Some((at, entries.get(at)?.1))) {
        Some((at, own)) if own == link => Ok(at),
        Some(_) => Err(Errno::EBUSY),
        None => Err(Errno::ENOENT),
    }
}

/// The place before and after what is wished, which must be the same as one that is known already. Places are counted from
/// 1, as before the first one is one, too.
fn wished(
    entries: &[Entry],
    wish: &Wish,
    relative: Option<Entry>,
    mut at: Option<usize>,
) -> Result<Option<usize>, Errno> {
    for (flag, after) in [(BEFORE, false), (AFTER, true)] {
        if wish.flags & flag == 0 {
            continue;
        }
        let found = beside(entries, relative, after)? + usize::from(after);
        if at.is_some_and(|at| at != found) {
            return Err(Errno::ERANGE);
        }
        at = Some(found);
    }
    Ok(at)
}

/// `bpf_mprog_attach`.
fn attaching(
    entries: &[Entry],
    new: Entry,
    old: Option<Handle>,
    wish: &Wish,
    relative: Option<Entry>,
) -> Result<Change, Errno> {
    let replaces = wish.flags & REPLACE != 0;
    let mut at = None;
    if replaces {
        at = Some(exactly(entries, (old, new.1))? + 1);
    } else if entries.len() >= MOST_AT_DEVICE {
        return Err(Errno::ERANGE);
    }
    at = wished(entries, wish, relative, at)?;
    let at = match at {
        None if relative.is_some() || wish.flags != 0 => return Err(Errno::EINVAL),
        None => entries.len() + 1,
        Some(at) => at,
    };
    if at > MOST_AT_DEVICE {
        return Err(Errno::ERANGE);
    }
    Ok(match replaces {
        true => Change::Replace(at - 1),
        false if wish.flags & BEFORE != 0 => Change::Insert(at),
        false => Change::Insert(at - 1),
    })
}

impl Play<'_> {
    /// The device of a number, or that it is of another name space.
    fn device_place(&mut self, asked: &Asked<'_>, number: u32, attach_type: u32) -> Result<Place, Errno> {
        let (net, has) = self.device(asked.call.task, number)?;
        match has {
            None => return self.unmodelled(asked.name, "devices of another name space", Errno::EOPNOTSUPP),
            Some(false) => return Err(Errno::ENODEV),
            Some(true) => {}
        }
        let tcx = [AttachType::TcxIngress, AttachType::TcxEgress];
        if tcx.iter().any(|ty| ty.raw() == attach_type) {
            return Ok(Place::Device(net, number, attach_type));
        }
        match is_netkit(number) {
            true => self.unmodelled(asked.name, "netkit devices", Errno::EOPNOTSUPP),
            false => Err(Errno::ENXIO),
        }
    }

    /// The programs of a device in their order.
    fn entries(&mut self, place: &Place) -> Vec<Entry> {
        let guests = self.guests(place);
        let entries = guests.into_iter().filter_map(|guest| {
            let prog = self.program_of(guest)?;
            match guest {
                Guest::Link(link) => Some((prog, Some(link))),
                Guest::Program(_) => Some((prog, None)),
            }
        });
        entries.collect()
    }

    /// What a caller wants to be beside (`bpf_mprog_tuple_relative`).
    fn relative(&self, asked: &Asked<'_>, wish: &Wish, typed: bool) -> Result<Option<Entry>, Errno> {
        let (flags, number) = (wish.flags, wish.relative);
        if flags & (LINK | ID) == 0 && number == 0 {
            return Ok(None);
        }
        let kind = if flags & LINK != 0 { Kind::Link } else { Kind::Prog };
        let found = match flags & ID {
            0 if number == 0 => return Err(Errno::EINVAL),
            0 => {
                self.object_of(asked.call.task, number as i32, kind, Errno::EINVAL)?
                    .handle
            }
            _ => self.objects.by_id(kind, number).ok_or(Errno::ENOENT)?,
        };
        let entry = match self.objects.get(found).map(|object| &object.body) {
            Some(Body::Link(link)) => (link.prog, Some(found)),
            _ => (found, None),
        };
        let is_of_device = |prog| {
            let prog_type = self.attached_of(prog).map(|prog| prog.prog_type);
            prog_type == Some(verdict_kernel::prog::ProgType::SchedCls)
        };
        match !typed || is_of_device(entry.0) {
            true => Ok(Some(entry)),
            false => Err(Errno::EINVAL),
        }
    }

    /// The revision of a device's programs.
    fn revision(&self, place: &Place) -> u64 {
        1 + self.places.site(place).map_or(0, |site| site.changes)
    }

    /// Where a program or link comes among those of a device.
    fn order(
        &mut self,
        asked: &Asked<'_>,
        place: &Place,
        (new, old): (Entry, Option<Handle>),
        wish: &Wish,
    ) -> Result<Change, Errno> {
        let entries = self.entries(place);
        if wish.revision != 0 && wish.revision != self.revision(place) {
            return Err(Errno::ESTALE);
        }
        if entries.iter().any(|entry| entry.0 == new.0) {
            return Err(Errno::EEXIST);
        }
        let relative = self.relative(asked, wish, true)?;
        attaching(&entries, new, old, wish, relative)
    }

    fn change(&mut self, place: &Place, change: &Change, guest: Guest) {
        let site = self.places.site_mut(place);
        match change {
            Change::Replace(at) => {
                if let Some(old) = site.guests.get_mut(*at) {
                    *old = guest;
                }
            }
            Change::Insert(at) => site.guests.insert((*at).min(site.guests.len()), guest),
        }
        site.changes += 1;
    }

    /// `tcx_prog_attach` and `netkit_prog_attach`.
    pub(crate) fn attach_to_device(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let wish = Wish {
            flags: attr.u32("attach_flags"),
            relative: attr.u32("relative_fd"),
            revision: attr.u64("expected_revision"),
        };
        let place = self.device_place(asked, attr.u32("target_ifindex"), attach_type)?;
        let old = match wish.flags & REPLACE {
            0 => None,
            _ => Some(self.attached(asked, "replace_bpf_fd")?),
        };
        if old.is_some_and(|old| old.prog_type != prog.prog_type) {
            return Err(Errno::EINVAL);
        }
        let old = old.map(|old| old.handle);
        let change = self.order(asked, &place, ((prog.handle, None), old), &wish)?;
        self.change(&place, &change, Guest::Program(prog.handle));
        Ok(Done::Value(0))
    }

    /// `tcx_prog_detach` and `netkit_prog_detach` (`bpf_mprog_detach`).
    pub(crate) fn detach_from_device(&mut self, asked: &Asked<'_>, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let wish = Wish {
            flags: attr.u32("attach_flags"),
            relative: attr.u32("relative_fd"),
            revision: attr.u64("expected_revision"),
        };
        if wish.flags & !MPROG != 0 {
            return Err(Errno::EINVAL);
        }
        let prog = match attr.u32("attach_bpf_fd") {
            0 => None,
            _ => Some(self.attached(asked, "attach_bpf_fd")?),
        };
        if prog.is_some_and(|prog| prog.prog_type != verdict_kernel::prog::ProgType::SchedCls) {
            return Err(Errno::EINVAL);
        }
        let prog = prog.map(|prog| prog.handle);
        let place = self.device_place(asked, attr.u32("target_ifindex"), attach_type)?;
        let entries = self.entries(&place);
        if entries.is_empty() {
            return Err(Errno::ENOENT);
        }
        if wish.flags & REPLACE != 0 {
            return Err(Errno::EINVAL);
        }
        if wish.revision != 0 && wish.revision != self.revision(&place) {
            return Err(Errno::ESTALE);
        }
        let relative = self.relative(asked, &wish, prog.is_some())?;
        let mut at = match prog {
            Some(prog) => Some(exactly(&entries, (Some(prog), None))? + 1),
            None => None,
        };
        at = wished(&entries, &wish, relative, at)?;
        let at = match at {
            None if relative.is_some() || wish.flags != 0 => return Err(Errno::EINVAL),
            // The last one.
            None => entries.len(),
            Some(at) => at.clamp(1, entries.len()),
        };
        match entries.get(at - 1) {
            Some((_, Some(_))) | None => Err(Errno::EBUSY),
            Some((prog, None)) => {
                self.places.remove(&place, Guest::Program(*prog));
                Ok(Done::Value(0))
            }
        }
    }

    /// `tcx_link_attach` and `netkit_link_attach`.
    pub(crate) fn link_device(&mut self, asked: &Asked<'_>, prog: Attached, attach_type: u32) -> Answer {
        let attr = &asked.attr;
        let place = self.device_place(asked, attr.u32("link_create.target_fd"), attach_type)?;
        let wish = Wish {
            flags: attr.u32("link_create.flags"),
            relative: attr.u32("link_create.tcx.relative_fd"),
            revision: attr.u64("link_create.tcx.expected_revision"),
        };
        // No link is there yet which could be replaced.
        let change = self.order(asked, &place, ((prog.handle, None), None), &wish)?;
        let answer = self.link(link::TCX, prog, attach_type, place.clone())?;
        // It was put at the end.
        let site = self.places.site_mut(&place);
        if let (Change::Insert(at), Some(guest)) = (change, site.guests.pop()) {
            site.guests.insert(at.min(site.guests.len()), guest);
        }
        Ok(answer)
    }
}

/// Whether a device is one of netkit's.
fn is_netkit(number: u32) -> bool {
    let entries = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten();
    let mut of_number = entries.filter(|entry| {
        let read = std::fs::read_to_string(entry.path().join("ifindex"));
        read.is_ok_and(|text| text.trim() == number.to_string())
    });
    of_number.any(|entry| {
        let about = std::fs::read_to_string(entry.path().join("uevent"));
        about.is_ok_and(|about| about.contains("DEVTYPE=netkit"))
    })
}
