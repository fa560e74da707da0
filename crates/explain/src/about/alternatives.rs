//! What programs of a type do in place of what they may not do, and what their results mean.

use verdict_kernel::prog::ProgType;

/// What to call in place of a helper that a type of program may not call.
pub(super) fn to_helper(helper: &str, ty: ProgType) -> Option<&'static str> {
    let xdp = ty == ProgType::Xdp;
    let tc = matches!(ty, ProgType::SchedCls | ProgType::SchedAct);
    let skb = tc || matches!(ty, ProgType::SocketFilter | ProgType::CgroupSkb);
    let words = match helper {
        "bpf_skb_load_bytes" | "bpf_skb_load_bytes_relative" | "bpf_skb_pull_data" if xdp => {
            "read the packet directly, compared with data_end, or by bpf_xdp_load_bytes()"
        }
        "bpf_skb_store_bytes" if xdp => "write to the packet directly, or by bpf_xdp_store_bytes()",
        "bpf_l3_csum_replace" | "bpf_l4_csum_replace" if xdp => {
            "compute the checksum by bpf_csum_diff() and write it to the packet"
        }
        "bpf_clone_redirect" if xdp => "call bpf_redirect() or bpf_redirect_map() and return what it returns",
        "bpf_skb_change_head" | "bpf_skb_adjust_room" if xdp => "call bpf_xdp_adjust_head()",
        "bpf_skb_change_tail" if xdp => "call bpf_xdp_adjust_tail()",
        "bpf_xdp_load_bytes" if skb => "call bpf_skb_load_bytes()",
        "bpf_xdp_store_bytes" if tc => "call bpf_skb_store_bytes()",
        "bpf_xdp_adjust_head" if tc => "call bpf_skb_adjust_room() or bpf_skb_change_head()",
        "bpf_xdp_adjust_tail" if tc => "call bpf_skb_change_tail()",
        "bpf_redirect" | "bpf_redirect_map" | "bpf_clone_redirect" if skb => {
            "do that in a program of tc (`SEC(\"tc\")`)"
        }
        "bpf_get_current_pid_tgid"
        | "bpf_get_current_comm"
        | "bpf_get_current_uid_gid"
        | "bpf_get_current_task"
            if xdp || skb =>
        {
            "find the process elsewhere: packets are not handled in its context; a cgroup or tracing program can note it in a map, with the socket's cookie or addresses as key"
        }
        "bpf_get_socket_uid" | "bpf_get_socket_cookie" if xdp => {
            "find the socket by bpf_sk_lookup_tcp() or bpf_sk_lookup_udp(): a packet has none yet in XDP"
        }
        "bpf_probe_read" => {
            "call bpf_probe_read_kernel() or bpf_probe_read_user(), which say which memory is meant"
        }
        "bpf_probe_read_str" => "call bpf_probe_read_kernel_str() or bpf_probe_read_user_str()",
        "bpf_copy_from_user" => "call bpf_probe_read_user(), which does not sleep",
        _ => return None,
    };
    Some(words)
}

/// How a program that may not read a field of its context gets what is there.
pub(super) fn to_reading(field: &str, ty: ProgType) -> Option<&'static str> {
    let words = match field {
        "data" | "data_end" => match ty {
            ProgType::SocketFilter | ProgType::CgroupSkb => {
                "copy the bytes by bpf_skb_load_bytes(skb, offset, &variable, sizeof(variable))"
            }
            _ => return None,
        },
        "data_meta" => "keep it in `cb` or in a map: only XDP and tc programs have metadata",
        "sk" => "find the socket by bpf_sk_lookup_tcp() or bpf_sk_lookup_udp()",
        _ => return None,
    };
    Some(words)
}

/// How a program that may not write a field of its context changes what is there.
pub(super) fn to_writing(field: &str, ty: ProgType) -> Option<&'static str> {
    let skb = matches!(ty, ProgType::SchedCls | ProgType::SchedAct);
    let words = match field {
        "len" if skb => "change the packet's length by bpf_skb_change_tail() or bpf_skb_adjust_room()",
        "protocol" if skb => "change the protocol by bpf_skb_change_proto()",
        "vlan_tci" | "vlan_present" | "vlan_proto" if skb => "call bpf_skb_vlan_push() or bpf_skb_vlan_pop()",
        "hash" if skb => "call bpf_set_hash_invalid()",
        "ifindex" | "ingress_ifindex" if skb => "call bpf_redirect() and return what it returns",
        "data" | "data_end" if ty == ProgType::Xdp => {
            "move the packet's ends by bpf_xdp_adjust_head() and bpf_xdp_adjust_tail()"
        }
        "data" | "data_end" if skb => {
            "change the packet's size by bpf_skb_adjust_room() or bpf_skb_change_tail()"
        }
        "family" | "state" | "local_port" | "remote_port" => {
            "set options by bpf_setsockopt(); addresses and ports are for reading"
        }
        _ => return None,
    };
    Some(words)
}

/// What the results of a type of program mean.
pub(crate) fn results(ty: ProgType) -> Option<&'static str> {
    let words = match ty {
        ProgType::Lsm => "0 allows what is done, a negative error such as -EPERM (-1) forbids it",
        ProgType::CgroupSkb | ProgType::CgroupSock | ProgType::CgroupDevice | ProgType::CgroupSysctl => {
            "1 allows, 0 forbids"
        }
        ProgType::CgroupSockAddr => "1 allows, 0 forbids; binds may have 2 and 3, too",
        ProgType::CgroupSockopt => "1 continues with the call, 0 makes it fail with EPERM",
        ProgType::SkLookup => "SK_PASS (1) continues, SK_DROP (0) drops",
        ProgType::Tracing => {
            "0 for fentry, fexit and tp_btf; programs of fmod_ret return an error in place of the function"
        }
        _ => return None,
    };
    Some(words)
}
