//! `OBJ_GET_INFO_BY_FD`.

use verdict_kernel::errno::Errno;
use verdict_kernel::prog::ProgType;

use crate::bpf::{Asked, copy_struct};
use crate::layout::{Fields, Layout};
use crate::maps::NAME;
use crate::objects::{Body, Object, Open};
use crate::play::{Answer, Done, Play};

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
        let given = copy_struct(&asked.call, at, len.into(), layout.size)?;
        let size = given.len();
        let asks = Fields::new(layout, given);
        if asks.u64("hash") != 0 {
            return self.unmodelled(asked.name, "hashes of maps", Errno::EINVAL);
        }
        let mut info = self.info(asked, object, layout, &asks)?;
        info.bytes.truncate(size);
        asked.write(at, &info.bytes)?;
        if let Some((field, _)) = attr.field("info.info_len") {
            asked.write(asked.at.wrapping_add(field as u64), &(size as u32).to_le_bytes())?;
        }
        Ok(Done::Value(0))
    }

    fn info<'l>(
        &self,
        asked: &Asked<'_>,
        object: &Object,
        layout: &'l Layout,
        asks: &Fields<'_>,
    ) -> Result<Fields<'l>, Errno> {
        // A kernel that can be asked for a map's hash leaves what it does not set as the caller has it.
        let kept = match layout.field("hash") {
            Some(_) => asks.bytes.clone(),
            None => Vec::new(),
        };
        let mut info = Fields::new(layout, kept);
        info.set("id", object.id.into());
        match &object.body {
            Body::Map(_) => self.map_info(object, &mut info),
            Body::Prog(_) => self.prog_info(asked, object, asks, &mut info)?,
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
        Ok(info)
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
        let mut name = map.name.clone().into_bytes();
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

    fn prog_info(
        &self,
        asked: &Asked<'_>,
        object: &Object,
        asks: &Fields<'_>,
        info: &mut Fields<'_>,
    ) -> Result<(), Errno> {
        let Body::Prog(body) = &object.body else {
            return Ok(());
        };
        let prog = &body.loaded.prog;
        let ty = if prog.extends {
            ProgType::Ext
        } else {
            prog.prog_type
        };
        info.set("type", ty.raw().into());
        info.set_bytes("tag", &body.tag);
        info.set_bytes("name", prog.name.as_bytes());
        // A bit of its own; it is the first of its four bytes.
        info.set_bytes("gpl_compatible", &[u8::from(prog.gpl_compatible)]);
        info.set("load_time", body.loaded_at);
        info.set("verified_insns", body.verified_insns.into());
        let btf = body.btf.and_then(|btf| self.objects.get(btf));
        let described = prog.btf.is_some();
        info.set("btf_id", btf.filter(|_| described).map_or(0, |btf| btf.id).into());
        info.set("attach_btf_id", prog.attach_btf_id.map_or(0, |id| id.0).into());
        if prog.attach_btf_id.is_some() {
            let target = body
                .target
                .and_then(|target| match &self.objects.get(target)?.body {
                    Body::Prog(target) => self.objects.get(target.btf?).map(|btf| btf.id),
                    _ => None,
                });
            info.set("attach_btf_obj_id", target.unwrap_or(1).into());
        }
        let ids: Vec<u8> = body
            .maps
            .iter()
            .filter_map(|map| self.objects.get(*map))
            .flat_map(|map| map.id.to_le_bytes())
            .collect();
        let (room, at) = (asks.u32("nr_map_ids") as usize, asks.u64("map_ids"));
        info.set("nr_map_ids", body.maps.len() as u64);
        info.set("map_ids", at);
        let copied = ids.len().min(room.saturating_mul(4));
        asked.write(at, ids.get(..copied).unwrap_or_default())
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
