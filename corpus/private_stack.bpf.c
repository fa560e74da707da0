// SPDX-License-Identifier: GPL-2.0-only
/* 260 and 300 bytes of stack in a chain of calls, in programs that may run within themselves: kernels either add them
 * up, or give each larger frame a stack of its own.
 */
#include "corpus.h"

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} programs SEC(".maps");

NOINLINE int deep(u32 x)
{
	volatile char bytes[300];

	hide(x);
	bytes[x & 255] = 1;
	return bytes[7];
}

/* A frame too small for a stack of its own. */
NOINLINE int through(u32 x)
{
	volatile char bytes[40];

	hide(x);
	bytes[x & 31] = 1;
	return deep(x) + bytes[7];
}

NOINLINE int jumps(void *ctx)
{
	tail_call(ctx, &programs, 1);
	return 0;
}

#define CHAIN(name, section, callee)			\
	SEC(section)					\
	int name(void *ctx)				\
	{						\
		volatile char bytes[260];		\
		u32 x = 1;				\
							\
		hide(x);				\
		bytes[x & 255] = 1;			\
		return callee(x) + bytes[3] > 400;	\
	}

CHAIN(probe, "kprobe/bpf_fentry_test1", deep)
CHAIN(small_between, "kprobe/bpf_fentry_test1", through)
CHAIN(point, "tracepoint/syscalls/sys_enter_nanosleep", deep)
CHAIN(event, "perf_event", deep)
CHAIN(raw, "raw_tp/sys_enter", deep)
CHAIN(entry, "fentry/bpf_fentry_test1", deep)
/* These do not run within themselves: always rejected. */
CHAIN(iterator, "iter/task", deep)
CHAIN(hook, "lsm/file_open", deep)
CHAIN(writable, "raw_tp.w/sys_enter", deep)
CHAIN(packets, "xdp", deep)

/* With a tail call anywhere: rejected. */
SEC("kprobe/bpf_fentry_test1")
int tail_called(void *ctx)
{
	volatile char bytes[260];
	u32 x = 1;

	hide(x);
	bytes[x & 255] = 1;
	return deep(x) + jumps(ctx) + bytes[3] > 400;
}
