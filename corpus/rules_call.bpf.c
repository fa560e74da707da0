// SPDX-License-Identifier: GPL-2.0-only
/* What is called, with what, and when: a rejected program for each rule of docs/rules that no other file shows. */
#include "corpus.h"

enum { LPM_TRIE = 11 };

HELPER(36, long, probe_write_user, void *dst, const void *src, u32 len);
HELPER(165, long, snprintf, char *str, u32 size, const char *format, const u64 *data, u32 len);
HELPER(9999, long, no_such_helper, void);

KFUNC void bpf_throw(u64 cookie);

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, u32);
} programs SEC(".maps");

struct prefix {
	u32 length;
	u32 address;
};

struct {
	NUMBER(type, LPM_TRIE);
	NUMBER(max_entries, 8);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, struct prefix);
	TYPE(value, u64);
} routes SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	u32 count;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locked SEC(".maps");

SEC("xdp")
int unknown_helper(struct xdp_md *ctx)
{
	return no_such_helper();
}

/* Type 1 of the kernel is no function. */
SEC("xdp")
NAKED int unknown_kfunc(void)
{
	__asm__ volatile(".8byte 0x100002085; exit");
}

/* Programs cannot be looked up. */
SEC("xdp")
int wrong_map(struct xdp_md *ctx)
{
	u32 key = 0;

	return map_lookup_elem(&programs, &key) ? XDP_PASS : XDP_DROP;
}

/* Nothing follows the percent sign. */
SEC("tc")
int bad_format(void *ctx)
{
	static const char format[] = "100 %";
	char text[16];
	u64 none = 0;

	return snprintf(text, sizeof(text), format, &none, 0) & 1;
}

GLOBAL int takes_context(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex;
}

/* A global function for contexts is given a variable. */
SEC("xdp")
int no_context(struct xdp_md *ctx)
{
	u64 variable = 0;

	return takes_context((void *)&variable);
}

GLOBAL NAKED int returns_pointer(void)
{
	__asm__ volatile("r0 = r10; exit");
}

SEC("xdp")
int pointer_returned(struct xdp_md *ctx)
{
	return returns_pointer() & 1;
}

/* Writing to user space is for tracing. */
SEC("xdp")
int forbidden_helper(struct xdp_md *ctx)
{
	u32 zero = 0;

	return probe_write_user(NULL, &zero, sizeof(zero));
}

/* The function may not sleep, the program would. */
SEC("fentry.s/tcp_v4_connect")
int sleepable(void *ctx)
{
	return 0;
}

/* A trie is not safe for programs that sleep. */
SEC("syscall")
int sleepable_map(void *ctx)
{
	struct prefix prefix = {};

	return map_lookup_elem(&routes, &prefix) != NULL;
}

/* Tracing must not take locks. */
SEC("kprobe/tcp_v4_connect")
int traced_lock(void *ctx)
{
	u32 key = 0;
	struct locked *value = map_lookup_elem(&locked, &key);

	return value ? value->count & 1 : 0;
}

NOINLINE long throws(u32 index, void *context)
{
	bpf_throw(1);
	return 0;
}

/* An exception passes through no helper. */
SEC("tc")
int thrown_in_callback(void *ctx)
{
	loop(4, throws, NULL, 0);
	return 0;
}
