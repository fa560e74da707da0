// SPDX-License-Identifier: GPL-2.0-only
/* The shape of programs, and where they may be attached: a rejected program for each rule of docs/rules that no other
 * file shows. */
#include "corpus.h"

enum { CGROUP_STORAGE = 19 };

HELPER(81, void *, get_local_storage, void *map, u64 flags);

struct cgroup_storage_key {
	u64 cgroup;
	u32 attach_type;
};

#define STORAGE(name)                                                                                                  \
	struct {                                                                                                       \
		NUMBER(type, CGROUP_STORAGE);                                                                          \
		TYPE(key, u64);                                                                                        \
		TYPE(value, u64);                                                                                      \
	} name SEC(".maps")

STORAGE(first);
STORAGE(second);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, u32);
} programs SEC(".maps");

/* An exit has no immediate. */
SEC("xdp")
NAKED int reserved_field(void)
{
	__asm__ volatile("r0 = 0; .8byte 0x100000095");
}

SEC("xdp")
NAKED int divided_by_zero(void)
{
	__asm__ volatile("r0 = 1; r0 /= 0; exit");
}

SEC("xdp")
NAKED int unreachable(void)
{
	__asm__ volatile("r0 = 0; goto +1; r0 = 1; exit");
}

SEC("xdp")
NAKED int jump_outside(void)
{
	__asm__ volatile("r0 = 0; goto +100; exit");
}

SEC("xdp")
NAKED int no_exit(void)
{
	__asm__ volatile("r0 = 0");
}

/* Nothing begins where this calls to. */
SEC("xdp")
NAKED int call_nowhere(void)
{
	__asm__ volatile(".8byte 0x6400001085; exit");
}

/* No kernel has as many types. */
SEC("xdp")
NAKED int unknown_variable(void)
{
	__asm__ volatile(".8byte 0x7fffffff00003118; .8byte 0; r0 = 0; exit");
}

NOINLINE void jumps(struct xdp_md *ctx)
{
	tail_call(ctx, &programs, 0);
}

/* A tail call returns what the other program returns: a function without result cannot. */
SEC("xdp")
int tail_call_in_void(struct xdp_md *ctx)
{
	jumps(ctx);
	return XDP_PASS;
}

/* Packet loads are for socket filters and traffic control. */
SEC("xdp")
NAKED int packet_load(void)
{
	__asm__ volatile("r6 = r1; r0 = *(u8 *)skb[0]; exit");
}

/* There is no arena. */
SEC("xdp")
NAKED int no_arena(void)
{
	__asm__ volatile("r1 = 8; r1 = addr_space_cast(r1, 0x0, 0x1); r0 = 0; exit");
}

SEC("fmod_ret/tcp_v4_connect")
int not_modifiable(void *ctx)
{
	return 0;
}

/* Such a function exists nowhere. */
SEC("fentry/no_such_function")
int no_target(void *ctx)
{
	return 0;
}

/* No program type goes by this name. */
SEC("no_such_type")
int no_type(void *ctx)
{
	return 0;
}

/* A program has one storage of a control group. */
SEC("cgroup_skb/egress")
int two_storages(void *ctx)
{
	u64 *one = get_local_storage(&first, 0), *other = get_local_storage(&second, 0);

	return *one + *other > 1;
}
