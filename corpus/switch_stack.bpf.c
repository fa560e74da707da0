// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about the stack: what helpers and stores at unknown offsets leave of it, and
 * what calls and loops take of it.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u64);
	TYPE(value, u64);
} table SEC(".maps");

/* A key that a helper only reads: are its bytes still zero, and the register beside it still spilled? */
SEC("xdp")
NAKED int helper_reads_key(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = 0;"
			 "*(u64 *)(r10 - 8) = r7;"
			 "r1 = %[table] ll;"
			 "r2 = r10;"
			 "r2 += -8;"
			 "call 1;"
			 "r8 = *(u64 *)(r10 - 8);"
			 "if r8 != 0 goto 1f;"
			 "r0 = 2;"
			 "exit;"
			 "1: r0 = *(u64 *)(r6 + 0);"
			 "exit;" ::[table] "i"(&table)
			 : "memory");
}

/* A byte is stored somewhere in the upper half of a spilled register, which is then read as a whole. */
SEC("xdp")
NAKED int store_over_spill(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r7 = *(u32 *)(r1 + 16);"
			 "*(u64 *)(r10 - 16) = r7;"
			 "r6 &= 1;"
			 "r2 = r10;"
			 "r2 += -12;"
			 "r2 += r6;"
			 "r3 = 1;"
			 "*(u8 *)(r2 + 0) = r3;"
			 "r0 = *(u64 *)(r10 - 16);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* What bounds the loop takes stack. */
SEC("xdp")
NAKED int may_goto_stack(void)
{
	__asm__ volatile("r0 = 2;"
			 "1: .byte 0xe5, 0, 1, 0, 0, 0, 0, 0;" /* may_goto +1 */
			 "goto 1b;"
			 "exit;" ::: "memory");
}

/* The call of a bpf_fastcall pattern is jumped to: are spill and fill still removed? */
SEC("xdp")
NAKED int fastcall_jump_target(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "if r6 > 3 goto 1f;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "1: call 8;"
			 "r1 = *(u64 *)(r10 - 8);"
			 "r0 = 2;"
			 "exit;" ::: "memory");
}
