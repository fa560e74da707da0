// SPDX-License-Identifier: GPL-2.0-only
/* What a stack slot remembers of the register spilled into it. */
#include "corpus.h"

/* Pointers keep everything. */
SEC("xdp")
NAKED int pointer(struct xdp_md *ctx)
{
	__asm__ volatile("*(u64 *)(r10 - 8) = r1;"
			 "r2 = *(u64 *)(r10 - 8);"
			 "r0 = *(u32 *)(r2 + 12);"
			 "r0 &= 1;"
			 "r0 += 1;"
			 "exit;" ::: "memory");
}

/* The lower half of a spilled scalar can be read by itself. */
SEC("xdp")
NAKED int lower_half(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "if r6 > 1 goto 1f;"
			 "*(u64 *)(r10 - 8) = r6;"
			 "r0 = *(u32 *)(r10 - 8);"
			 "r0 += 1;"
			 "exit;"
			 "1: r0 = 2;"
			 "exit;" ::: "memory");
}

/* Two 32-bit spills share a slot. */
SEC("xdp")
NAKED int two_halves(struct xdp_md *ctx)
{
	__asm__ volatile("r1 = 1;"
			 "r2 = 2;"
			 "*(u32 *)(r10 - 8) = r1;"
			 "*(u32 *)(r10 - 4) = r2;"
			 "r0 = *(u64 *)(r10 - 8);"
			 "r0 &= 1;"
			 "r0 += 1;"
			 "exit;" ::: "memory");
}

/* A pointer that was partly overwritten is no pointer: rejected. */
SEC("xdp")
NAKED int damaged(struct xdp_md *ctx)
{
	__asm__ volatile("*(u64 *)(r10 - 8) = r1;"
			 "r2 = 0;"
			 "*(u8 *)(r10 - 8) = r2;"
			 "r2 = *(u64 *)(r10 - 8);"
			 "r0 = *(u32 *)(r2 + 12);"
			 "exit;" ::: "memory");
}

/* A slot that was never written may be read by a privileged program; its content is unknown. */
SEC("xdp")
NAKED int unwritten(struct xdp_md *ctx)
{
	__asm__ volatile("r0 = *(u64 *)(r10 - 8);"
			 "r0 &= 1;"
			 "r0 += 1;"
			 "exit;" ::: "memory");
}
