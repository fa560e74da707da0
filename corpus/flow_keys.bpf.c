// SPDX-License-Identifier: GPL-2.0-only
/* What may be added to the pointer to a flow dissector's keys. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

/* The keys are behind the packet's pointers in the context. */
SEC("flow_dissector")
NAKED int constant(void)
{
	__asm__ volatile("r6 = *(u64 *)(r1 + 144);"
			 "r6 += 8;"
			 "r0 = *(u64 *)(r6 + 0);"
			 "r0 = 0;"
			 "exit;" ::: "memory");
}

/* Accepted where any number may be added. */
SEC("flow_dissector")
NAKED int unknown(void)
{
	__asm__ volatile("r6 = *(u64 *)(r1 + 144);"
			 "call 7;" /* bpf_get_prandom_u32 */
			 "r0 &= 8;"
			 "r6 += r0;"
			 "r0 = *(u64 *)(r6 + 0);"
			 "r0 = 0;"
			 "exit;" ::: "memory");
}

/* Of the offset the constant part alone counts there. */
SEC("flow_dissector")
NAKED int unknown_and_constant(void)
{
	__asm__ volatile("r6 = *(u64 *)(r1 + 144);"
			 "call 7;" /* bpf_get_prandom_u32 */
			 "r0 &= 8;"
			 "r6 += r0;"
			 "r6 += 56;"
			 "r0 = *(u64 *)(r6 + 0);"
			 "r0 = 0;"
			 "exit;" ::: "memory");
}
