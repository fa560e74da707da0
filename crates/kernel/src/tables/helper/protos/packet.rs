//! Packets: socket buffers, lightweight tunnels, XDP frames.
//!
//! Source: `net/core/filter.c`.

use super::protos;

protos! {
    SKB_STORE_BYTES: 9 (Ctx, Anything, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    L3_CSUM_REPLACE: 10 (Ctx, Anything, Anything, Anything, Anything) -> Integer [];
    L4_CSUM_REPLACE: 11 (Ctx, Anything, Anything, Anything, Anything) -> Integer [];
    CLONE_REDIRECT: 13 (Ctx, Anything, Anything) -> Integer [];
    GET_CGROUP_CLASSID_CURRENT: 17 () -> Integer [];
    GET_CGROUP_CLASSID: 17 (Ctx) -> Integer [];
    SKB_VLAN_PUSH: 18 (Ctx, Anything, Anything) -> Integer [];
    SKB_VLAN_POP: 19 (Ctx) -> Integer [];
    SKB_GET_TUNNEL_KEY: 20 (Ctx, Mem|UNINIT|WRITE, ConstSize, Anything) -> Integer [];
    SKB_SET_TUNNEL_KEY: 21 (Ctx, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    REDIRECT: 23 (Anything, Anything) -> Integer [];
    GET_ROUTE_REALM: 24 (Ctx) -> Integer [];
    SKB_LOAD_BYTES: 26 (Ctx, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    CSUM_DIFF: 28 (Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero, Anything)
        -> Integer [pkt_access];
    SKB_GET_TUNNEL_OPT: 29 (Ctx, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    SKB_SET_TUNNEL_OPT: 30 (Ctx, Mem|RDONLY, ConstSize) -> Integer [];
    SKB_CHANGE_PROTO: 31 (Ctx, Anything, Anything) -> Integer [];
    SKB_CHANGE_TYPE: 32 (Ctx, Anything) -> Integer [];
    SKB_UNDER_CGROUP: 33 (Ctx, ConstMapPtr, Anything) -> Integer [];
    GET_HASH_RECALC: 34 (Ctx) -> Integer [];
    SKB_CHANGE_TAIL: 38 (Ctx, Anything, Anything) -> Integer [];
    SKB_PULL_DATA: 39 (Ctx, Anything) -> Integer [];
    CSUM_UPDATE: 40 (Ctx, Anything) -> Integer [];
    SET_HASH_INVALID: 41 (Ctx) -> Integer [];
    SKB_CHANGE_HEAD: 43 (Ctx, Anything, Anything) -> Integer [];
    XDP_ADJUST_HEAD: 44 (Ctx, Anything) -> Integer [];
    SET_HASH: 48 (Ctx, Anything) -> Integer [];
    SKB_ADJUST_ROOM: 50 (Ctx, Anything, Anything, Anything) -> Integer [];
    REDIRECT_MAP: 51 (ConstMapPtr, Anything, Anything) -> Integer [];
    XDP_ADJUST_META: 54 (Ctx, Anything) -> Integer [];
    XDP_ADJUST_TAIL: 65 (Ctx, Anything) -> Integer [];
    SKB_GET_XFRM_STATE: 66 (Ctx, Anything, Mem|UNINIT|WRITE, ConstSize, Anything) -> Integer [];
    SKB_LOAD_BYTES_RELATIVE: 68 (Ctx, Anything, Mem|UNINIT|WRITE, ConstSize, Anything) -> Integer [];
    FIB_LOOKUP: 69 (Ctx, Mem, ConstSize, Anything) -> Integer [gpl_only];
    LWT_PUSH_ENCAP: 73 (Ctx, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    LWT_SEG6_STORE_BYTES: 74 (Ctx, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    LWT_SEG6_ADJUST_SRH: 75 (Ctx, Anything, Anything) -> Integer [];
    LWT_SEG6_ACTION: 76 (Ctx, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    SKB_CGROUP_ID: 79 (Ctx) -> Integer [];
    SKB_ANCESTOR_CGROUP_ID: 83 (Ctx, Anything) -> Integer [];
    SKB_ECN_SET_CE: 97 (Ctx) -> Integer [];
    SKB_OUTPUT: 111 (BtfId <"sk_buff">, ConstMapPtr, Anything, Mem|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only];
    XDP_OUTPUT: 121 (BtfId <"xdp_buff">, ConstMapPtr, Anything, Mem|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only];
    CSUM_LEVEL: 135 (Ctx, Anything) -> Integer [];
    SKB_CGROUP_CLASSID: 151 (Ctx) -> Integer [];
    REDIRECT_NEIGH: 152 (Anything, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero, Anything) -> Integer [];
    REDIRECT_PEER: 155 (Anything, Anything) -> Integer [];
    CHECK_MTU: 163 (Ctx, Anything, Mem|FIXED_SIZE|WRITE|ALIGNED = 4, Anything, Anything)
        -> Integer [gpl_only];
    XDP_GET_BUFF_LEN: 188 (Ctx) -> Integer [];
    XDP_GET_BUFF_LEN_TRACING: 188 (BtfId <"xdp_buff">) -> Integer [];
    XDP_LOAD_BYTES: 189 (Ctx, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    XDP_STORE_BYTES: 190 (Ctx, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    SKB_SET_TSTAMP: 192 (Ctx, Anything, Anything) -> Integer [];
}
