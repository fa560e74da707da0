//! Security modules, control groups, system calls, remote controls.
//!
//! Source: `kernel/bpf/{bpf_lsm,bpf_inode_storage,cgroup,syscall,btf}.c, drivers/media/rc/bpf-lirc.c`.

use super::protos;

protos! {
    RC_REPEAT: 77 (Ctx) -> Integer [gpl_only];
    RC_KEYDOWN: 78 (Ctx, Anything, Anything, Anything) -> Integer [gpl_only];
    GET_LOCAL_STORAGE: 81 (ConstMapPtr, Anything) -> MapValue [];
    RC_POINTER_REL: 92 (Ctx, Anything, Anything) -> Integer [gpl_only];
    SYSCTL_GET_NAME: 101 (Ctx, Mem, ConstSize, Anything) -> Integer [];
    SYSCTL_GET_CURRENT_VALUE: 102 (Ctx, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    SYSCTL_GET_NEW_VALUE: 103 (Ctx, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    SYSCTL_SET_NEW_VALUE: 104 (Ctx, Mem|RDONLY, ConstSize) -> Integer [];
    GET_NETNS_COOKIE: 122 (Ctx|MAYBE_NULL) -> Integer [];
    INODE_STORAGE_GET: 145 (ConstMapPtr, BtfId|MAYBE_NULL <"inode">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    INODE_STORAGE_DELETE: 146 (ConstMapPtr, BtfId|MAYBE_NULL <"inode">) -> Integer [];
    BPRM_OPTS_SET: 159 (BtfId <"linux_binprm">, Anything) -> Integer [];
    IMA_INODE_HASH: 161 (BtfId <"inode">, Mem|UNINIT|WRITE, ConstSize)
        -> Integer [might_sleep, allowed(ImaHash)];
    SYS_BPF: 166 (Anything, Mem|RDONLY, ConstSize) -> Integer [might_sleep];
    BTF_FIND_BY_NAME_KIND: 167 (Mem|RDONLY, ConstSize, Anything, Anything) -> Integer [might_sleep];
    SYS_CLOSE: 168 (Anything) -> Integer [might_sleep];
    GET_ATTACH_COOKIE: 174 (Ctx) -> Integer [];
    KALLSYMS_LOOKUP_NAME: 179 (Mem, ConstSizeOrZero, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8)
        -> Integer [];
    GET_RETVAL: 186 () -> Integer [];
    SET_RETVAL: 187 (Anything) -> Integer [];
    IMA_FILE_HASH: 193 (BtfId <"file">, Mem|UNINIT|WRITE, ConstSize)
        -> Integer [might_sleep, allowed(ImaHash)];
}
