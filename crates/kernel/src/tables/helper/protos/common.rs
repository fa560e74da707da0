//! Maps, memory, time, callbacks, dynptrs, ring buffers, task and cgroup storage.
//!
//! Source: `kernel/bpf/{helpers,core,ringbuf,bpf_iter,bpf_task_storage,bpf_cgrp_storage}.c`.

use super::protos;

protos! {
    MAP_LOOKUP_ELEM: 1 (ConstMapPtr, MapKey) -> MapValue|MAYBE_NULL [pkt_access];
    MAP_UPDATE_ELEM: 2 (ConstMapPtr, MapKey, MapValue, Anything) -> Integer [pkt_access];
    MAP_DELETE_ELEM: 3 (ConstMapPtr, MapKey) -> Integer [pkt_access];
    KTIME_GET_NS: 5 () -> Integer [];
    GET_PRANDOM_U32: 7 () -> Integer [];
    GET_SMP_PROCESSOR_ID: 8 () -> Integer [allow_fastcall];
    GET_RAW_SMP_PROCESSOR_ID: 8 () -> Integer [];
    TAIL_CALL: 12 (Ctx, ConstMapPtr, Anything) -> Void [];
    GET_CURRENT_PID_TGID: 14 () -> Integer [];
    GET_CURRENT_UID_GID: 15 () -> Integer [];
    GET_CURRENT_COMM: 16 (Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    CURRENT_TASK_UNDER_CGROUP: 37 (ConstMapPtr, Anything) -> Integer [];
    GET_NUMA_NODE_ID: 42 () -> Integer [];
    GET_CURRENT_CGROUP_ID: 80 () -> Integer [];
    MAP_PUSH_ELEM: 87 (ConstMapPtr, MapValue, Anything) -> Integer [pkt_access];
    MAP_POP_ELEM: 88 (ConstMapPtr, MapValue|UNINIT|WRITE) -> Integer [];
    MAP_PEEK_ELEM: 89 (ConstMapPtr, MapValue|UNINIT|WRITE) -> Integer [];
    SPIN_LOCK: 93 (SpinLock) -> Void [];
    SPIN_UNLOCK: 94 (SpinLock) -> Void [];
    STRTOL: 105 (Mem|RDONLY, ConstSize, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8) -> Integer [];
    STRTOUL: 106 (Mem|RDONLY, ConstSize, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8) -> Integer [];
    JIFFIES64: 118 () -> Integer [];
    GET_NS_CURRENT_PID_TGID: 120 (Anything, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [];
    GET_CURRENT_ANCESTOR_CGROUP_ID: 123 (Anything) -> Integer [];
    KTIME_GET_BOOT_NS: 125 () -> Integer [];
    RINGBUF_OUTPUT: 130 (ConstMapPtr, Mem|RDONLY, ConstSizeOrZero, Anything) -> Integer [];
    RINGBUF_RESERVE: 131 (ConstMapPtr, ConstAllocSizeOrZero, Anything) -> Mem|MAYBE_NULL|RINGBUF [];
    RINGBUF_SUBMIT: 132 (RingbufMem|RELEASE, Anything) -> Void [];
    RINGBUF_DISCARD: 133 (RingbufMem|RELEASE, Anything) -> Void [];
    RINGBUF_QUERY: 134 (ConstMapPtr, Anything) -> Integer [];
    COPY_FROM_USER: 148 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [might_sleep];
    PER_CPU_PTR: 153 (PercpuBtfId, Anything) -> MemOrBtfId|MAYBE_NULL|RDONLY [];
    THIS_CPU_PTR: 154 (PercpuBtfId) -> MemOrBtfId|RDONLY [];
    TASK_STORAGE_GET: 156 (ConstMapPtr, BtfId|MAYBE_NULL <"task_struct">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    TASK_STORAGE_DELETE: 157 (ConstMapPtr, BtfId|MAYBE_NULL <"task_struct">) -> Integer [];
    KTIME_GET_COARSE_NS: 160 () -> Integer [];
    FOR_EACH_MAP_ELEM: 164 (ConstMapPtr, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    SNPRINTF: 165 (Mem|MAYBE_NULL, ConstSizeOrZero, ConstStr, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only];
    TIMER_INIT: 169 (Timer, ConstMapPtr, Anything) -> Integer [gpl_only];
    TIMER_SET_CALLBACK: 170 (Timer, Func) -> Integer [gpl_only];
    TIMER_START: 171 (Timer, Anything, Anything) -> Integer [gpl_only];
    TIMER_CANCEL: 172 (Timer) -> Integer [gpl_only];
    LOOP: 181 (Scalar, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    STRNCMP: 182 (Mem|RDONLY, ConstSize, ConstStr) -> Integer [];
    COPY_FROM_USER_TASK: 191 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything, BtfId <"task_struct">, Anything)
        -> Integer [gpl_only, might_sleep];
    KPTR_XCHG: 194 (KptrXchgDest, BtfId|MAYBE_NULL|RELEASE) -> BtfId|MAYBE_NULL [];
    MAP_LOOKUP_PERCPU_ELEM: 195 (ConstMapPtr, MapKey, Anything) -> MapValue|MAYBE_NULL [pkt_access];
    DYNPTR_FROM_MEM: 197 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything, Dynptr|DYNPTR_LOCAL|UNINIT|WRITE)
        -> Integer [];
    RINGBUF_RESERVE_DYNPTR: 198 (ConstMapPtr, Anything, Anything, Dynptr|DYNPTR_RINGBUF|UNINIT|WRITE)
        -> Integer [];
    RINGBUF_SUBMIT_DYNPTR: 199 (Dynptr|DYNPTR_RINGBUF|RELEASE, Anything) -> Void [];
    RINGBUF_DISCARD_DYNPTR: 200 (Dynptr|DYNPTR_RINGBUF|RELEASE, Anything) -> Void [];
    DYNPTR_READ: 201 (Mem|UNINIT|WRITE, ConstSizeOrZero, Dynptr|RDONLY, Anything, Anything) -> Integer [];
    DYNPTR_WRITE: 202 (Dynptr|RDONLY, Anything, Mem|RDONLY, ConstSizeOrZero, Anything) -> Integer [];
    DYNPTR_DATA: 203 (Dynptr|RDONLY, Anything, ConstAllocSizeOrZero) -> Mem|MAYBE_NULL [];
    KTIME_GET_TAI_NS: 208 () -> Integer [];
    USER_RINGBUF_DRAIN: 209 (ConstMapPtr, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    CGRP_STORAGE_GET: 210 (ConstMapPtr, BtfId|MAYBE_NULL <"cgroup">, MapValue|MAYBE_NULL, Anything)
        -> MapValue|MAYBE_NULL [];
    CGRP_STORAGE_DELETE: 211 (ConstMapPtr, BtfId|MAYBE_NULL <"cgroup">) -> Integer [];
}
