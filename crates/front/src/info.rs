//! `OBJ_GET_INFO_BY_FD`.

use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};
use verdict_kernel::attr::object_name_bytes;
use verdict_kernel::errno::Errno;
use verdict_kernel::map::MapType;

use crate::bpf::{Asked, check_tail};
use crate::layout::{Fields, Layout};
use crate::maps::NAME;
use crate::objects::{Body, Object, Open};
use crate::play::{Answer, Done, Play};

/// The most bytes of a map whose hash is told.
const MOST_HASHED: u64 = 1 << 28;

impl Play<'_> {
    /// `bpf_obj_get_info_by_fd`.
    pub(crate) fn obj_info(&mut self, asked: &Asked<'_>) -> Answer {
        let attr = &asked.attr;
        let handle = match self.objects.of(asked.call.task, attr.fd("info.bpf_fd")) {
            Open::Closed => return Err(Errno::EBADFD),
            Open::Other => return Err(Errno::EINVAL),
            Open::Object(handle, _) => handle,
        };
        let object = self.objects.get(handle).ok_or(Errno::EINVAL)?;
        let layout = match &object.body {
            Body::Map(_) => &self.layouts.map,
            Body::Prog(_) => &self.layouts.prog,
            Body::Btf(_) => &self.layouts.btf,
            Body::Link(_) => &self.layouts.link,
            Body::Event(_) => return Err(Errno::EINVAL),
        };
        let (at, len) = (attr.u64("info.info"), attr.u32("info.info_len"));
        // Of a program only what is known by name may be set, where its info ends with room that is not.
        let known = match &object.body {
            Body::Prog(_) if !self.kernel.calls().prog_info_whole => {
                layout.end(&["attach_btf_id"]).unwrap_or(layout.size)
            }
            _ => layout.size,
        };
        check_tail(&asked.call, at, len.into(), known)?;
        let given = asked.read(at, layout.size.min(len as usize))?;
        let size = given.len();
        let asks = Fields::new(layout, given);
        let info = self.info(asked, object, layout, &asks)?;
        let Some(mut info) = info else {
            return self.unmodelled(asked.name, "hashes of large maps", Errno::ENOMEM);
        };
        info.bytes.truncate(size);
        asked.write(at, &info.bytes)?;
        if let Some((field, _)) = attr.field("info.info_len") {
            asked.write(asked.at.wrapping_add(field as u64), &(size as u32).to_le_bytes())?;
        }
        Ok(Done::Value(0))
    }

    /// What is told; nothing where that is not modelled.
    fn info<'l>(
        &self,
        asked: &Asked<'_>,
        object: &Object,
        layout: &'l Layout,
        asks: &Fields<'_>,
    ) -> Result<Option<Fields<'l>>, Errno> {
        // What is not set stays as the caller has it; that of maps only where they can be asked for hashes.
        let kept = match &object.body {
            Body::Map(_) if layout.field("hash").is_none() => Vec::new(),
            _ => asks.bytes.clone(),
        };
        let mut info = Fields::new(layout, kept);
        info.set("id", object.id.into());
        match &object.body {
            Body::Map(_) => {
                self.map_info(object, &mut info);
                if asks.u64("hash") != 0 && !self.tell_hash(asked, object, asks)? {
                    return Ok(None);
                }
            }
            Body::Prog(body) => self.prog_info(asked, body, asks, &mut info)?,
            Body::Btf(_) => self.btf_info(asked, object, asks, &mut info)?,
            Body::Link(link) => {
                info.set("type", link.link_type.into());
                let prog = self.objects.get(link.prog);
                info.set("prog_id", prog.map_or(0, |prog| prog.id).into());
                for name in [
                    "tracing.attach_type",
                    "cgroup.attach_type",
                    "netns.attach_type",
                    "tcx.attach_type",
                ] {
                    let of_type = match link.link_type {
                        2 => "tracing.",
                        3 => "cgroup.",
                        5 => "netns.",
                        11 => "tcx.",
                        _ => continue,
                    };
                    if name.starts_with(of_type) {
                        info.set(name, link.attach_type.into());
                    }
                }
            }
            Body::Event(_) => {}
        }
        Ok(Some(info))
    }

    /// Tells the hash of a frozen map (Linux 6.18); `false` where it has too many bytes.
    fn tell_hash(&self, asked: &Asked<'_>, object: &Object, asks: &Fields<'_>) -> Result<bool, Errno> {
        let Body::Map(body) = &object.body else {
            return Ok(true);
        };
        let map = self.session.map(body.map).ok_or(Errno::EINVAL)?;
        if map.map_type != MapType::Array || asks.u32("hash_size") as usize != Sha256::output_size() {
            return Err(Errno::EINVAL);
        }
        if !body.frozen {
            return Err(Errno::EPERM);
        }
        let shape = crate::contents::Shape::of(map, self.kernel.machine.nr_cpus);
        if shape.file_size() > MOST_HASHED {
            return Ok(false);
        }
        let mut bytes = vec![0; shape.file_size() as usize];
        object
            .file
            .read_exact_at(&mut bytes, 0)
            .map_err(|_| Errno::EFAULT)?;
        bytes.truncate(shape.elements_size() as usize);
        asked.write(asks.u64("hash"), &Sha256::digest(&bytes))?;
        Ok(true)
    }

    fn map_info(&self, object: &Object, info: &mut Fields<'_>) {
        let Body::Map(body) = &object.body else { return };
        let Some(map) = self.session.map(body.map) else {
            return;
        };
        info.set("type", map.map_type.raw().into());
        info.set("key_size", map.key_size.into());
        info.set("value_size", map.value_size.into());
        info.set("max_entries", map.max_entries.into());
        info.set("map_flags", map.flags.into());
        info.set("map_extra", map.extra);
        let mut name = object_name_bytes(&map.name);
        name.resize(NAME, 0);
        info.set_bytes("name", &name);
        if let Some(btf) = body.btf.and_then(|btf| self.objects.get(btf)) {
            info.set("btf_id", btf.id.into());
            info.set("btf_key_type_id", body.key_type.into());
            info.set("btf_value_type_id", map.value_type.map_or(0, |id| id.0).into());
        }
        info.set(
            "btf_vmlinux_value_type_id",
            map.ops_type.map_or(0, |id| id.0).into(),
        );
        if map.ops_type.is_some() {
            info.set("btf_vmlinux_id", 1);
        }
    }

    fn btf_info(
        &self,
        asked: &Asked<'_>,
        object: &Object,
        asks: &Fields<'_>,
        info: &mut Fields<'_>,
    ) -> Result<(), Errno> {
        let Body::Btf(body) = &object.body else {
            return Ok(());
        };
        let (bytes, name) = match &body.btf {
            Some(btf) => (btf.btf.bytes(), ""),
            None => (self.kernel.btf.bytes(), "vmlinux"),
        };
        let (at, room) = (asks.u64("btf"), asks.u32("btf_size") as usize);
        asked.write(at, bytes.get(..room.min(bytes.len())).unwrap_or_default())?;
        info.set("btf", at);
        info.set("btf_size", bytes.len() as u64);
        info.set("kernel_btf", u64::from(body.btf.is_none()));
        let (at, room) = (asks.u64("name"), asks.u32("name_len") as usize);
        if (at == 0) != (room == 0) {
            return Err(Errno::EINVAL);
        }
        info.set("name", at);
        info.set("name_len", name.len() as u64);
        if at != 0 {
            let mut text = name.as_bytes().to_vec();
            text.push(0);
            if room < text.len() {
                text.truncate(room - 1);
                text.push(0);
                asked.write(at, &text)?;
                return Err(Errno::ENOSPC);
            }
            asked.write(at, &text)?;
        }
        Ok(())
    }
}
