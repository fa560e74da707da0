// SPDX-License-Identifier: GPL-2.0-only
/* A parser of packets with its unit tests: what the verifier must accept, what it must catch, and what it must know.
 * All expectations are met on 6.12.117: `verdict test corpus/tests/parser.bpf.o`.
 */
#include "corpus.h"
#include "verdict_test.h"

struct header {
	u8 version;
	u8 length;
	u16 port;
};

/* The header, or NULL if it is not whole. */
INLINE struct header *header(struct xdp_md *ctx)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct header *header = start;

	return (void *)(header + 1) > end ? NULL : header;
}

SEC("xdp")
EXPECT_ACCEPTED
TEST_DESCRIPTION("a whole header may be read")
int checked(struct xdp_md *ctx)
{
	struct header *h = header(ctx);

	return h && h->version == 4 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
EXPECT_REJECTED
EXPECT_LOG("invalid access to packet, off=3 size=1, R{{[0-9]}}")
EXPECT_LOG("offset is outside of the packet")
TEST_DESCRIPTION("a header of unknown size may not")
int unchecked(struct xdp_md *ctx)
{
	return *(volatile u8 *)((long)ctx->data + 3);
}

/* The length is masked, so that it is at most 15: the verifier has to know. */
SEC("xdp")
EXPECT_ACCEPTED
TEST_LOG_LEVEL(2)
EXPECT_LOG("r0 &= 15")
EXPECT_LOG("R0_w=scalar({{.*}}umax32=15,var_off=(0x0; 0xf))")
EXPECT_NOT_IN_LOG("mark_precise")
EXPECT_LOG("processed {{[0-9]+}} insns")
NAKED int masked(void)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 12);"
			 "r0 &= 15;"
			 "exit;" ::: "memory");
}

/* How much stack it takes, functions that it calls included. */
SEC("xdp")
TEST_LOG_LEVEL(4)
EXPECT_LOG("stack depth 32")
NAKED int shallow(void)
{
	__asm__ volatile("r0 = 0;"
			 "*(u64 *)(r10 - 32) = r0;"
			 "exit;" ::: "memory");
}

/* With strict alignment, the port may only be read whole where it is aligned. */
SEC("xdp")
EXPECT_REJECTED
TEST_FLAG(BPF_F_STRICT_ALIGNMENT)
EXPECT_LOG("misaligned packet access off {{.*}} size 2")
NAKED int misaligned(void)
{
	__asm__ volatile("r2 = *(u32 *)(r1 + 0);"
			 "r3 = *(u32 *)(r1 + 4);"
			 "r4 = r2;"
			 "r4 += 4;"
			 "r0 = 0;"
			 "if r4 > r3 goto 1f;"
			 "r0 = *(u16 *)(r2 + 1);"
			 "1: exit;" ::: "memory");
}

/* No test. */
SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return XDP_PASS;
}
