// SPDX-License-Identifier: GPL-2.0-only
/* Counters of TCP sockets: eight bytes that are read whole. Their upper halves pass the checks, but the kernel has
 * nothing to read them with: it refuses the program afterwards, as a contradiction of its own.
 */
#include "corpus.h"

struct __sk_buff;

/* Reads of the socket that belongs to a packet, if it is one of TCP. */
#define READ(instruction)                                       \
	__asm__ volatile("r1 = *(u64 *)(r1 + 168);" /* sk */    \
			 "if r1 == 0 goto 1f;"                  \
			 "call 95;" /* bpf_sk_fullsock */       \
			 "if r0 == 0 goto 1f;"                  \
			 "r1 = r0;"                             \
			 "call 96;" /* bpf_tcp_sock */          \
			 "if r0 == 0 goto 1f;" instruction ";"  \
			 "1: r0 = 1;"                           \
			 "exit;" ::: "r0", "r1", "r2", "r3", "r4", "r5")

/* bytes_received. */
SEC("cgroup_skb/egress")
NAKED int whole(struct __sk_buff *ctx)
{
	READ("r2 = *(u64 *)(r0 + 80)");
}

/* Its lower half: the field must be read whole. */
SEC("cgroup_skb/egress")
NAKED int lower(struct __sk_buff *ctx)
{
	READ("r2 = *(u32 *)(r0 + 80)");
}

/* Its upper half. */
SEC("cgroup_skb/egress")
NAKED int upper(struct __sk_buff *ctx)
{
	READ("r2 = *(u32 *)(r0 + 84)");
}

/* That of bytes_acked, and only in a branch that is never taken. */
SEC("cgroup_skb/egress")
NAKED int dead(struct __sk_buff *ctx)
{
	READ("r2 = 1; if r2 == 1 goto 1f; r2 = *(u32 *)(r0 + 92)");
}
