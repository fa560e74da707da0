// SPDX-License-Identifier: GPL-2.0-only
/* Numbers that are needed precisely, traced back through the stack and through calls. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

char table[16];

/* Enough instructions and jumps before the paths meet for a checkpoint there: after FIRST the first time. */
#define MERGE(first, second)                                                                                 \
	"r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"                                      \
	"if r6 > 20 goto 3f;"                                                                                \
	"if r6 > 3 goto 3f;" first "goto 4f;"                                                                \
	"3: " second "4: r3 = 1;"

#define INDEX                                                                                                \
	"r1 = %[table] ll;"                                                                                  \
	"r1 += r7;"                                                                                          \
	"r0 = *(u8 *)(r1 + 0);"

/* The index is spilled by its frame's pointer; on the other path it is too large: rejected. */
SEC("xdp")
NAKED int named(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE("r7 = 8;", "r7 = 80;")
			 "*(u64 *)(r10 - 8) = r7;"
			 "r7 = *(u64 *)(r10 - 8);" INDEX
			 "r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* By another pointer: the same, but for the time when it is known. */
SEC("xdp")
NAKED int pointed(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE("r7 = 8;", "r7 = 80;")
			 "r2 = r10;"
			 "r2 += -8;"
			 "*(u64 *)(r2 + 0) = r7;"
			 "r7 = *(u64 *)(r10 - 8);" INDEX
			 "r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

/* By another pointer, and it is not needed: accepted; does the one path stand for the other? */
SEC("xdp")
NAKED int pointed_idly(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE("r7 = 8;", "r7 = 80;")
			 "r2 = r10;"
			 "r2 += -8;"
			 "*(u64 *)(r2 + 0) = r7;"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

NOINLINE u64 more(u64 index)
{
	hide(index);
	return index + 1;
}

/* Through a function: accepted; are the other numbers of the path precise, too? */
SEC("xdp")
int through_function(struct xdp_md *ctx)
{
	u64 idle = 3, index = 4;

	if (ctx->ingress_ifindex > 7) {
		idle = 5;
		hide(idle);
	}
	hide(index);
	index = more(index);
	barrier();
	return table[index] + idle ? XDP_PASS : XDP_DROP;
}

/* A program's result that must be from zero to three: accepted; does zero stand for one? */
SEC("cgroup_skb/egress")
NAKED int result(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 0);" MERGE("r0 = 0;", "r0 = 1;")
			 "exit;" ::: "memory");
}

/* The second is too large: rejected if the result is needed precisely, else overlooked. */
SEC("cgroup_skb/egress")
NAKED int second_result(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 0);" MERGE("r0 = 0;", "r0 = 7;")
			 "exit;" ::: "memory");
}
