//! Members of kernel objects that some program types may write (`btf_struct_access` of their operations).

use verdict_btf::{Btf, Kind, Member, TypeId};
use verdict_kernel::prog::ProgType;

use super::MemAccess;
use crate::error::{Res, reject};
use crate::observer::Observer;
use crate::state::Reg;
use crate::verifier::Verifier;

/// Members of `struct tcp_sock` that a congestion control may write: the path from the struct inward.
///
/// `icsk_ca_priv` may be written from any of its bytes on, the others from their first.
const TCP_SOCK: [&[&str]; 10] = [
    &["inet_conn", "icsk_inet", "sk", "sk_pacing_rate"],
    &["inet_conn", "icsk_inet", "sk", "sk_pacing_status"],
    &["inet_conn", "icsk_ca_priv"],
    &["inet_conn", "icsk_ack", "pending"],
    &["snd_cwnd"],
    &["snd_cwnd_cnt"],
    &["snd_cwnd_stamp"],
    &["snd_ssthresh"],
    &["ecn_flags"],
    &["app_limited"],
];

/// The member of which every byte may be the start of a write.
const SCRATCH: &str = "icsk_ca_priv";

impl<O: Observer> Verifier<'_, O> {
    /// Whether the program's type has rules of its own about writes to kernel objects.
    pub(super) fn has_struct_write(&self) -> bool {
        match self.prog.prog_type {
            ProgType::SchedCls | ProgType::SchedAct | ProgType::Xdp => true,
            ProgType::StructOps => {
                matches!(
                    self.struct_ops_name(),
                    "tcp_congestion_ops" | "bpf_dummy_ops" | "sched_ext_ops" | "hid_bpf_ops"
                )
            }
            _ => false,
        }
    }

    /// The struct that a struct_ops program implements a member of.
    pub(crate) fn struct_ops_name(&self) -> &str {
        self.kernel
            .btf
            .ty(self.prog.attach_btf_id)
            .map_or("", |ty| ty.name())
    }

    /// Applies those rules to a write.
    pub(super) fn check_struct_write(&self, reg: &Reg, m: &MemAccess) -> Res<()> {
        match self.struct_ops_name() {
            "tcp_congestion_ops" => self.check_tcp_sock_write(reg, m),
            "bpf_dummy_ops" => self.check_dummy_write(reg, m),
            other if self.prog.prog_type == ProgType::StructOps => {
                crate::error::unsupported!("writes to kernel objects from {other}")
            }
            // Only connections could be written, and only with the conntrack module, which is not loaded.
            _ => reject!(EACCES),
        }
    }

    fn check_tcp_sock_write(&self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let btf: &Btf = &self.kernel.btf;
        let tcp_sock = btf.find("tcp_sock", Kind::Struct).unwrap_or_default();
        if tcp_sock.0 != reg.btf_id() {
            reject!(EACCES, "only read is supported\n");
        }
        let off = i64::from(m.off);
        let writable = TCP_SOCK
            .iter()
            .filter_map(|path| Some((path, place(btf, tcp_sock, path)?)));
        let end = writable
            .filter(|(path, (start, end))| {
                *start == off || (path.last() == Some(&SCRATCH) && (*start..*end).contains(&off))
            })
            .map(|(_, (_, end))| end)
            .next();
        let Some(end) = end else {
            reject!(EACCES, "no write support to tcp_sock at off {}\n", m.off);
        };
        if off + i64::from(m.size) > end {
            reject!(
                EACCES,
                "write access at off {} with size {} beyond the member of tcp_sock ended at {end}\n",
                m.off,
                m.size
            );
        }
        Ok(())
    }

    fn check_dummy_write(&self, reg: &Reg, m: &MemAccess) -> Res<()> {
        let state = self.kernel.btf.find("bpf_dummy_ops_state", Kind::Struct);
        let Some(state) = state.and_then(|id| self.kernel.btf.ty(id)) else {
            reject!(EINVAL)
        };
        if state.id().0 != reg.btf_id() {
            reject!(EACCES, "only access to bpf_dummy_ops_state is supported\n");
        }
        if i64::from(m.off) + i64::from(m.size) > i64::from(state.size()) {
            reject!(EACCES, "write access at off {} with size {}\n", m.off, m.size);
        }
        Ok(())
    }
}

/// First byte and end of a member, following names through embedded structs.
fn place(btf: &Btf, id: TypeId, path: &[&str]) -> Option<(i64, i64)> {
    let (mut ty, mut start, mut size) = (id, 0u32, 0u32);
    for name in path {
        let member = find_member(btf, ty, name, 8)?;
        start = start.checked_add(member.0)?;
        size = btf.resolve_size(member.1.ty)?;
        ty = member.1.ty;
    }
    Some((i64::from(start), i64::from(start) + i64::from(size)))
}

/// A member by name with its byte offset, also inside anonymous structs and unions.
fn find_member<'a>(btf: &'a Btf, id: TypeId, name: &str, depth: u32) -> Option<(u32, Member<'a>)> {
    let ty = btf.skip_mods_and_typedefs(id)?;
    for member in ty.members() {
        if member.name() == name {
            return Some((member.byte_offset(), member));
        }
        if member.name().is_empty()
            && depth > 0
            && let Some((inner, found)) = find_member(btf, member.ty, name, depth - 1)
        {
            return Some((member.byte_offset().checked_add(inner)?, found));
        }
    }
    None
}
