//! What observes the kernel: probes, stacks, perf events, tracepoints, BTF-described objects.
//!
//! Source: `kernel/trace/bpf_trace.c, kernel/bpf/{stackmap,task_iter}.c`.

use super::protos;

protos! {
    PROBE_READ: 4 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    TRACE_PRINTK: 6 (Mem|RDONLY, ConstSize) -> Integer [gpl_only];
    PERF_EVENT_READ: 22 (ConstMapPtr, Anything) -> Integer [gpl_only];
    PERF_EVENT_OUTPUT: 25 (Ctx, ConstMapPtr, Anything, Mem|RDONLY, ConstSizeOrZero) -> Integer [gpl_only];
    GET_STACKID: 27 (Ctx, ConstMapPtr, Anything) -> Integer [gpl_only];
    GET_STACKID_PERF_EVENT: 27 (Ctx, ConstMapPtr, Anything) -> Integer [];
    GET_CURRENT_TASK: 35 () -> Integer [gpl_only];
    PROBE_WRITE_USER: 36 (Anything, Mem|RDONLY, ConstSize) -> Integer [gpl_only];
    PROBE_READ_STR: 45 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    PERF_EVENT_READ_VALUE: 55 (ConstMapPtr, Anything, Mem|UNINIT|WRITE, ConstSize) -> Integer [gpl_only];
    PERF_PROG_READ_VALUE: 56 (Ctx, Mem|UNINIT|WRITE, ConstSize) -> Integer [gpl_only];
    OVERRIDE_RETURN: 58 (Ctx, Anything) -> Integer [gpl_only];
    GET_STACK: 67 (Ctx, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    GET_STACK_SLEEPABLE: 67 (Ctx, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything)
        -> Integer [gpl_only, might_sleep];
    GET_STACK_RAW_TP: 67 (Ctx, Mem|RDONLY, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    SEND_SIGNAL: 109 (Anything) -> Integer [];
    PROBE_READ_USER: 112 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    PROBE_READ_KERNEL: 113 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    PROBE_READ_USER_STR: 114 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    PROBE_READ_KERNEL_STR: 115 (Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    SEND_SIGNAL_THREAD: 117 (Anything) -> Integer [];
    READ_BRANCH_RECORDS: 119 (Ctx, Mem|MAYBE_NULL, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    SEQ_PRINTF: 126 (BtfId <"seq_file">, Mem|RDONLY, ConstSize, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero)
        -> Integer [gpl_only];
    SEQ_WRITE: 127 (BtfId <"seq_file">, Mem|RDONLY, ConstSizeOrZero) -> Integer [gpl_only];
    GET_TASK_STACK: 141 (BtfId <"task_struct">, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything) -> Integer [];
    GET_TASK_STACK_SLEEPABLE: 141 (BtfId <"task_struct">, Mem|UNINIT|WRITE, ConstSizeOrZero, Anything)
        -> Integer [might_sleep];
    D_PATH: 147 (BtfId <"path">, Mem, ConstSizeOrZero) -> Integer [allowed(DPath)];
    SNPRINTF_BTF: 149 (Mem, ConstSize, Mem|RDONLY, ConstSize, Anything) -> Integer [];
    SEQ_PRINTF_BTF: 150 (BtfId <"seq_file">, Mem|RDONLY, ConstSizeOrZero, Anything) -> Integer [gpl_only];
    GET_CURRENT_TASK_BTF: 158 () -> BtfId|TRUSTED <"task_struct"> [gpl_only];
    GET_FUNC_IP: 173 (Ctx) -> Integer [gpl_only];
    GET_FUNC_IP_MULTI: 173 (Ctx) -> Integer [];
    TASK_PT_REGS: 175 (BtfId <"task_struct">) -> BtfId <"pt_regs"> [gpl_only];
    GET_BRANCH_SNAPSHOT: 176 (Mem|UNINIT|WRITE, ConstSizeOrZero) -> Integer [gpl_only];
    TRACE_VPRINTK: 177 (Mem|RDONLY, ConstSize, Mem|MAYBE_NULL|RDONLY, ConstSizeOrZero) -> Integer [gpl_only];
    FIND_VMA: 180 (BtfId <"task_struct">, Anything, Func, Stack|MAYBE_NULL, Anything) -> Integer [];
    GET_FUNC_ARG: 183 (Ctx, Anything, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8) -> Integer [];
    GET_FUNC_RET: 184 (Ctx, Mem|FIXED_SIZE|UNINIT|WRITE|ALIGNED = 8) -> Integer [];
    GET_FUNC_ARG_CNT: 185 (Ctx) -> Integer [];
}
