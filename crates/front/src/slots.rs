//! Elements of maps that are neither plain values nor objects of bpf(2): network devices, processors, sockets, and what
//! belongs to files, tasks and control groups.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;
use verdict_kernel::prog::{AttachType, ProgType};
use verdict_notify::Task;

use crate::bpf::Asked;
use crate::contents::{Contents, EXIST, NOEXIST, Shape};
use crate::maps::Reached;
use crate::play::Play;
use crate::table::exists_as_wanted;

/// Elements by what they are found.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// With when they were set.
    all: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    turn: u64,
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.all.contains_key(key)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Vec<u8>> {
        self.all.get(key).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, key: &[u8], value: Vec<u8>) {
        self.turn += 1;
        self.all.insert(key.to_vec(), (self.turn, value));
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> bool {
        self.all.remove(key).is_some()
    }

    /// Bytes that the elements take, about.
    pub(crate) fn bytes(&self) -> usize {
        let first = self.all.first_key_value();
        first.map_or(0, |(key, (_, value))| {
            (key.len() + value.len() + 64) * self.all.len()
        })
    }

    /// The key behind another one in a hash table of devices with room for so many, or the first
    /// (`dev_map_hash_get_next_key`): by buckets, of which each begins with what was set last.
    pub(crate) fn next_in_buckets(&self, key: Option<&[u8]>, most: u32) -> Option<Vec<u8>> {
        let buckets = most.checked_next_power_of_two().unwrap_or(1 << 31);
        let place = |key: &[u8], turn: u64| (word(key, 0) & (buckets - 1), Reverse(turn));
        let known = key.and_then(|key| Some(place(key, self.all.get(key)?.0)));
        let all = self.all.iter().map(|(key, (turn, _))| (place(key, *turn), key));
        let behind = all.filter(|(place, _)| known.is_none_or(|known| *place > known));
        behind.min().map(|(_, key)| key.clone())
    }
}

/// The most frames that wait for a processor (`cpu_map_update_elem`).
const MOST_FRAMES: u32 = 16_384;

/// A word of four bytes; 0 where there is none.
fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(4 * at..).and_then(<[u8]>::first_chunk::<4>);
    word.map_or(0, |word| u32::from_le_bytes(*word))
}

/// Whether a descriptor is of a socket, or why not.
fn check_socket(task: Task, fd: i32) -> Result<(), Errno> {
    task.descriptor(fd).ok_or(Errno::EBADF)?;
    match task.descriptor_path(fd) {
        Some(path) if path.as_os_str().as_bytes().starts_with(b"socket:[") => Ok(()),
        _ => Err(Errno::ENOTSOCK),
    }
}

/// Whether a descriptor is of a process.
fn is_process(task: Task, fd: i32) -> bool {
    let path = task.descriptor_path(fd).unwrap_or_default();
    let path = path.as_os_str().as_bytes();
    path.starts_with(b"anon_inode:[pidfd]") || path.starts_with(b"pidfd:[")
}

impl Play<'_> {
    /// By what an element is found in a map whose keys are descriptors of what the elements belong to; nothing in other maps.
    pub(crate) fn owner(
        &mut self,
        asked: &Asked<'_>,
        map_type: MapType,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, Errno> {
        let (task, fd) = (asked.call.task, word(key, 0) as i32);
        let what = match map_type {
            MapType::InodeStorage => {
                let (device, inode) = task.descriptor(fd).ok_or(Errno::EBADF)?.file;
                // Files have room for it where programs can be of security.
                let modules = self.kernel.config("CONFIG_LSM").unwrap_or_default();
                let has_room = modules.trim_matches('"').split(',').any(|module| module == "bpf");
                if !has_room {
                    return Err(match asked.name {
                        "MAP_UPDATE_ELEM" => Errno::EBADF,
                        _ => Errno::ENOENT,
                    });
                }
                return Ok(Some([device.to_le_bytes(), inode.to_le_bytes()].concat()));
            }
            MapType::SkStorage => {
                check_socket(task, fd)?;
                "what belongs to sockets"
            }
            MapType::TaskStorage => {
                if !is_process(task, fd) {
                    return Err(Errno::EBADF);
                }
                "what belongs to tasks"
            }
            MapType::CgrpStorage => {
                self.cgroup(task, fd)?;
                "what belongs to control groups"
            }
            _ => return Ok(None),
        };
        self.unmodelled(asked.name, what, Errno::EOPNOTSUPP)
    }

    /// Puts a device, a processor or a socket into a map, as far as the map takes it.
    pub(crate) fn set_slot(
        &mut self,
        asked: &Asked<'_>,
        reached: &Reached,
        (key, value): (&[u8], Vec<u8>),
        flags: u64,
    ) -> Result<(), Errno> {
        let shape = reached.shape;
        let kept = match shape.map_type {
            MapType::Devmap | MapType::DevmapHash => {
                self.check_order(reached, key, flags)?;
                self.device_of(asked, &shape, &value)?
            }
            MapType::Cpumap => {
                self.check_order(reached, key, flags)?;
                self.processor_of(asked, key, &value)?
            }
            _ => return self.set_socket(asked, &shape, (key, &value), flags),
        };
        let (body, _) = self.inside(reached.handle)?;
        let Contents::Slots(slots) = &mut body.contents else {
            return Err(Errno::EINVAL);
        };
        match kept {
            None => {
                slots.remove(key);
            }
            Some(_) if !slots.contains(key) && slots.len() >= shape.max_entries as usize => {
                return Err(Errno::E2BIG);
            }
            Some(value) => {
                slots.insert(key, value);
            }
        }
        Ok(())
    }

    /// What is looked at before a value of a map of devices or processors is.
    fn check_order(&mut self, reached: &Reached, key: &[u8], flags: u64) -> Result<(), Errno> {
        let shape = reached.shape;
        if flags > EXIST {
            return Err(Errno::EINVAL);
        }
        if shape.map_type != MapType::DevmapHash {
            if shape.place(key).is_none() {
                return Err(Errno::E2BIG);
            }
            return if flags == NOEXIST {
                Err(Errno::EEXIST)
            } else {
                Ok(())
            };
        }
        let (body, _) = self.inside(reached.handle)?;
        match &body.contents {
            Contents::Slots(slots) if flags == NOEXIST => exists_as_wanted(slots.contains(key), flags),
            _ => Ok(()),
        }
    }

    /// The id of a program for what comes to a device or processor, 0 without one; nothing where there is no such program.
    fn program_for(&self, asked: &Asked<'_>, fd: i32, expected: AttachType) -> Option<u32> {
        if fd <= 0 {
            return Some(0);
        }
        let held = self.object_of(asked.call.task, fd, crate::objects::Kind::Prog, Errno::EINVAL);
        let handle = held.ok()?.handle;
        let prog = self.attached_of(handle)?;
        let fits = prog.prog_type == ProgType::Xdp && prog.expected == expected.raw();
        self.objects.get(handle).filter(|_| fits).map(|object| object.id)
    }

    /// The value of a device as it is kept; nothing where it takes the one that is there away.
    fn device_of(
        &mut self,
        asked: &Asked<'_>,
        shape: &Shape,
        value: &[u8],
    ) -> Result<Option<Vec<u8>>, Errno> {
        let number = word(value, 0);
        let fd = if value.len() < 8 {
            -1
        } else {
            word(value, 1) as i32
        };
        if number == 0 {
            return match fd > 0 || shape.map_type == MapType::DevmapHash {
                true => Err(Errno::EINVAL),
                false => Ok(None),
            };
        }
        match self.device(asked.call.task, number)?.1 {
            None => return self.unmodelled(asked.name, "devices of another name space", Errno::EOPNOTSUPP),
            Some(false) => return Err(Errno::EINVAL),
            Some(true) => {}
        }
        let id = self
            .program_for(asked, fd, AttachType::XdpDevmap)
            .ok_or(Errno::EINVAL)?;
        let mut kept = [number.to_le_bytes(), id.to_le_bytes()].concat();
        kept.truncate(value.len());
        Ok(Some(kept))
    }

    /// The value of a processor as it is kept.
    fn processor_of(&self, asked: &Asked<'_>, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let frames = word(value, 0);
        if frames > MOST_FRAMES {
            return Err(Errno::EOVERFLOW);
        }
        if word(key, 0) >= self.kernel.machine.nr_cpus {
            return Err(Errno::ENODEV);
        }
        if frames == 0 {
            return Ok(None);
        }
        let id = self.program_for(asked, word(value, 1) as i32, AttachType::XdpCpumap);
        let id = id.ok_or(Errno::ENOMEM)?;
        let mut kept = [frames.to_le_bytes(), id.to_le_bytes()].concat();
        kept.truncate(value.len());
        Ok(Some(kept))
    }

    /// A socket in a map, which is not modelled; what is none is refused.
    fn set_socket(
        &mut self,
        asked: &Asked<'_>,
        shape: &Shape,
        (key, value): (&[u8], &[u8]),
        flags: u64,
    ) -> Result<(), Errno> {
        if matches!(shape.map_type, MapType::Xskmap | MapType::ReuseportSockarray) {
            if flags > EXIST {
                return Err(Errno::EINVAL);
            }
            if shape.place(key).is_none() {
                return Err(Errno::E2BIG);
            }
        }
        // Of four bytes it is a number with a sign but where a map of sockets or a table of them has it.
        let is_negative = word(value, 0) > i32::MAX as u32;
        let is_large = match shape.map_type {
            MapType::Sockmap | MapType::Sockhash => word(value, 1) != 0 || is_negative,
            MapType::ReuseportSockarray if value.len() == 8 => word(value, 1) != 0 || is_negative,
            _ => false,
        };
        if is_large {
            return Err(Errno::EINVAL);
        }
        check_socket(asked.call.task, word(value, 0) as i32)?;
        self.unmodelled(asked.name, "sockets in maps", Errno::EOPNOTSUPP)
    }
}
