#include "../common.h"
/* An element of the context is chosen by a number that varies. */
SEC("tracepoint/syscalls/sys_enter_write")
int wr(struct trace_event_raw_sys_enter *ctx)
{
	u32 i = bpf_get_prandom_u32() & 3;
	unsigned long a = 0;
	bpf_probe_read_kernel(&a, sizeof(a), &ctx->args[i]);
	bpf_printk("%lx", a);
	return 0;
}
