// SPDX-License-Identifier: GPL-2.0-only
/* What is left of a spilled pointer to a kernel's object in memory that a helper uses. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u64);
	TYPE(value, u64);
} numbers SEC(".maps");

/* The slot is a key: accepted if the pointer is still there behind the call. */
SEC("tp_btf/task_newtask")
NAKED int as_key(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 0);"
			 "*(u64 *)(r10 - 8) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r10;"
			 "r2 += -8;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r1 = *(u64 *)(r10 - 8);"
			 "r0 = *(u64 *)(r1 + 0);"
			 "r0 = 0;"
			 "exit;" ::[numbers] "i"(&numbers)
			 : "memory");
}

/* A pointer to something else is lost everywhere. */
SEC("tp_btf/task_newtask")
NAKED int context_as_key(void)
{
	__asm__ volatile("*(u64 *)(r10 - 8) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r10;"
			 "r2 += -8;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r1 = *(u64 *)(r10 - 8);"
			 "r0 = *(u64 *)(r1 + 0);"
			 "r0 = 0;"
			 "exit;" ::[numbers] "i"(&numbers)
			 : "memory");
}

/* So is one that may be NULL. */
SEC("iter/task")
NAKED int nullable_as_key(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 8);"
			 "*(u64 *)(r10 - 8) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r10;"
			 "r2 += -8;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r1 = *(u64 *)(r10 - 8);"
			 "if r1 == 0 goto 1f;"
			 "r0 = *(u64 *)(r1 + 0);"
			 "1: r0 = 0;"
			 "exit;" ::[numbers] "i"(&numbers)
			 : "memory");
}
