//! Sockets, messages, socket maps, socket storage.
//!
//! Source: `net/core/{filter,sock_map,bpf_sk_storage}.c, net/ipv4/bpf_tcp_ca.c`.

use super::protos;

protos! {
    GET_SOCKET_COOKIE: 46 (Ctx) -> Integer [];
    GET_SOCKET_COOKIE_PTR: 46 (BtfIdSockCommon|MAYBE_NULL) -> Integer [];
    GET_SOCKET_UID: 47 (Ctx) -> Integer [];
    SETSOCKOPT_SK: 49 (BtfIdSockCommon, Anything, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    SETSOCKOPT_CTX: 49 (Ctx, Anything, Anything, Mem|RDONLY, ConstSize) -> Integer [];
    SK_REDIRECT_MAP: 52 (Ctx, ConstMapPtr, Anything, Anything) -> Integer [];
    SOCK_MAP_UPDATE: 53 (Ctx, ConstMapPtr, MapKey, Anything) -> Integer [pkt_access];
    GETSOCKOPT_SK: 57 (BtfIdSockCommon, Anything, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    GETSOCKOPT_CTX: 57 (Ctx, Anything, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    SOCK_OPS_CB_FLAGS_SET: 59 (Ctx, Anything) -> Integer [];
    MSG_REDIRECT_MAP: 60 (Ctx, ConstMapPtr, Anything, Anything) -> Integer [];
    MSG_APPLY_BYTES: 61 (Ctx, Anything) -> Integer [];
    MSG_CORK_BYTES: 62 (Ctx, Anything) -> Integer [];
    MSG_PULL_DATA: 63 (Ctx, Anything, Anything, Anything) -> Integer [];
    BIND: 64 (Ctx, Mem|RDONLY, ConstSize) -> Integer [];
    SOCK_HASH_UPDATE: 70 (Ctx, ConstMapPtr, MapKey, Anything) -> Integer [pkt_access];
    MSG_REDIRECT_HASH: 71 (Ctx, ConstMapPtr, MapKey, Anything) -> Integer [];
    SK_REDIRECT_HASH: 72 (Ctx, ConstMapPtr, MapKey, Anything) -> Integer [];
    SK_SELECT_REUSEPORT: 82 (Ctx, ConstMapPtr, MapKey, Anything) -> Integer [];
    SK_LOOKUP_TCP: 84 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> Socket|MAYBE_NULL [pkt_access];
    SK_LOOKUP_TCP_SOCK_ADDR: 84 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> Socket|MAYBE_NULL [];
    SK_LOOKUP_UDP: 85 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> Socket|MAYBE_NULL [pkt_access];
    SK_LOOKUP_UDP_SOCK_ADDR: 85 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> Socket|MAYBE_NULL [];
    SK_RELEASE: 86 (BtfIdSockCommon|RELEASE) -> Integer [];
    MSG_PUSH_DATA: 90 (Ctx, Anything, Anything, Anything) -> Integer [];
    MSG_POP_DATA: 91 (Ctx, Anything, Anything, Anything) -> Integer [];
    SK_FULLSOCK: 95 (SockCommon) -> Socket|MAYBE_NULL [];
    TCP_SOCK: 96 (SockCommon) -> TcpSock|MAYBE_NULL [];
    GET_LISTENER_SOCK: 98 (SockCommon) -> Socket|MAYBE_NULL [];
    SKC_LOOKUP_TCP: 99 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> SockCommon|MAYBE_NULL [pkt_access];
    SKC_LOOKUP_TCP_SOCK_ADDR: 99 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything, Anything)
        -> SockCommon|MAYBE_NULL [];
    TCP_CHECK_SYNCOOKIE: 100 (BtfIdSockCommon, Mem|RDONLY, ConstSize, Mem|RDONLY, ConstSize)
        -> Integer [gpl_only, pkt_access];
    SK_STORAGE_GET: 107 (ConstMapPtr, BtfIdSockCommon, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    SK_STORAGE_GET_CTX: 107 (ConstMapPtr, Ctx, MapValue|MAYBE_NULL, Anything) -> MapValue|MAYBE_NULL [];
    SK_STORAGE_GET_TRACING: 107 (ConstMapPtr, BtfId|MAYBE_NULL <"sock_common">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [allowed(SkStorageTracing)];
    SK_STORAGE_DELETE: 108 (ConstMapPtr, BtfIdSockCommon) -> Integer [];
    SK_STORAGE_DELETE_TRACING: 108 (ConstMapPtr, BtfId|MAYBE_NULL <"sock_common">)
        -> Integer [allowed(SkStorageTracing)];
    TCP_GEN_SYNCOOKIE: 110 (BtfIdSockCommon, Mem|RDONLY, ConstSize, Mem|RDONLY, ConstSize)
        -> Integer [gpl_only, pkt_access];
    TCP_SEND_ACK: 116 (BtfId <"tcp_sock">, Anything) -> Integer [];
    SK_ASSIGN: 124 (Ctx, BtfIdSockCommon, Anything) -> Integer [];
    SK_ASSIGN_LOOKUP: 124 (Ctx, Socket|MAYBE_NULL, Anything) -> Integer [];
    SK_CGROUP_ID: 128 (BtfIdSockCommon) -> Integer [];
    SK_ANCESTOR_CGROUP_ID: 129 (BtfIdSockCommon, Anything) -> Integer [];
    SKC_TO_TCP6_SOCK: 136 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"tcp6_sock"> [];
    SKC_TO_TCP_SOCK: 137 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"tcp_sock"> [];
    SKC_TO_TCP_TIMEWAIT_SOCK: 138 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"tcp_timewait_sock"> [];
    SKC_TO_TCP_REQUEST_SOCK: 139 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"tcp_request_sock"> [];
    SKC_TO_UDP6_SOCK: 140 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"udp6_sock"> [];
    LOAD_HDR_OPT: 142 (Ctx, Mem|WRITE, ConstSize, Anything) -> Integer [];
    STORE_HDR_OPT: 143 (Ctx, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    RESERVE_HDR_OPT: 144 (Ctx, Anything, Anything) -> Integer [];
    SOCK_FROM_FILE: 162 (BtfId <"file">) -> BtfId|MAYBE_NULL <"socket"> [];
    SKC_TO_UNIX_SOCK: 178 (BtfIdSockCommon) -> BtfId|MAYBE_NULL <"unix_sock"> [];
    SKC_TO_MPTCP_SOCK: 196 (SockCommon) -> BtfId|MAYBE_NULL <"mptcp_sock"> [];
    TCP_RAW_GEN_SYNCOOKIE_IPV4: 204 (Mem|FIXED_SIZE = 20, Mem, ConstSizeOrZero)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_GEN_SYNCOOKIE_IPV6: 205 (Mem|FIXED_SIZE = 40, Mem, ConstSizeOrZero)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_CHECK_SYNCOOKIE_IPV4: 206 (Mem|FIXED_SIZE = 20, Mem|FIXED_SIZE = 20)
        -> Integer [gpl_only, pkt_access];
    TCP_RAW_CHECK_SYNCOOKIE_IPV6: 207 (Mem|FIXED_SIZE = 40, Mem|FIXED_SIZE = 20)
        -> Integer [gpl_only, pkt_access];
}
