// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently which scalars must be known precisely. In most of the programs a second path
 * brings a value that must not be; it is only seen if the first path's value was needed precisely.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct cgroup_key {
	u64 inode;
	u32 attach_type;
};

struct {
	NUMBER(type, 19);
	TYPE(key, struct cgroup_key);
	TYPE(value, u64);
} storage SEC(".maps");

char table[64];

/* Enough instructions and jumps before the paths meet for a checkpoint there: with GOOD in r7 the first time. */
#define MERGE(good, bad)                                                                                     \
	"r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4; r3 += 5; r3 += 6;"                                      \
	"if r6 > 20 goto 1f;"                                                                                \
	"if r6 > 3 goto 1f;"                                                                                 \
	"r7 = " good ";"                                                                                     \
	"goto 2f;"                                                                                           \
	"1: r7 = " bad ";"                                                                                   \
	"2: r3 = 1;"

/* NULL where memory may be missing; on the other path 5. */
SEC("xdp")
NAKED int null_argument(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE("0", "5")
			 "r1 = r7;"
			 "r2 = 0;"
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 "call 28;"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* Flags that must be zero; on the other path they are 5. */
SEC("cgroup_skb/egress")
NAKED int storage_flags(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 0);" MERGE("0", "5")
			 "r1 = %[storage] ll;"
			 "r2 = r7;"
			 "call 81;"
			 "r0 = 1;"
			 "exit;" ::[storage] "i"(&storage)
			 : "memory");
}

/* An atomic instruction gives the old value, an offset; on the other path it is out of bounds. */
SEC("xdp")
NAKED int atomic_fetch(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);" MERGE("8", "80")
			 "*(u64 *)(r10 - 8) = r7;"
			 "r7 = 0;"
			 "r8 = 0;"
			 "if r6 > 40 goto 3f;"
			 "r3 = 1; r3 += 1; r3 += 2; r3 += 3; r3 += 4;"
			 "3: .byte 0xdb, 0x8a, 0xf8, 0xff, 0x01, 0, 0, 0;" /* r8 = fetch_add(r10 - 8, r8) */
			 "r1 = %[table] ll;"
			 "r1 += r8;"
			 "r0 = *(u8 *)(r1 + 0);"
			 "r0 = 2;"
			 "exit;" ::[table] "i"(table)
			 : "memory");
}

NOINLINE int body(u32 index, void *ctx)
{
	return 0;
}

/* How often a callback runs is needed precisely: also before its first round? */
SEC("xdp")
int loop_count(struct xdp_md *ctx)
{
	u32 rounds = ctx->ingress_ifindex & 1 ? 2 : 3;

	hide(rounds);
	loop(rounds, body, NULL, 0);
	return XDP_PASS;
}
