// SPDX-License-Identifier: GPL-2.0-only
/* What older kernels look at first, or at all. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	NUMBER(key_size, 4);
	NUMBER(value_size, 4);
} programs SEC(".maps");

/* Neither operand has a value: which is named? */
SEC("xdp")
NAKED int operands(void)
{
	__asm__ volatile("if r3 == r4 goto 1f;"
			 "1: r0 = 2;"
			 "exit;");
}

/* A jump to the second half of a load of 64 bits. */
SEC("xdp")
NAKED int half_a_load(void)
{
	__asm__ volatile("if r1 == 0 goto 1f;"
			 ".byte 0x18, 0, 0, 0, 1, 0, 0, 0;"
			 "1: .byte 0, 0, 0, 0, 0, 0, 0, 0;"
			 "r0 = 2;"
			 "exit;");
}

/* A register is stored with a number beside it, where the walk does not come. */
SEC("xdp")
NAKED int stored_with_number(void)
{
	__asm__ volatile("r0 = 2;"
			 "if r0 == 2 goto 1f;"
			 ".byte 0x7b, 0x0a, 0xf8, 0xff, 1, 0, 0, 0;"
			 "1: exit;");
}

static NAKED __attribute__((used)) int tail(void)
{
	__asm__ volatile("r2 = %[programs] ll;"
			 "r3 = 0;"
			 "call 12;" /* bpf_tail_call */
			 "r0 = 2;"
			 "exit;" ::[programs] "i"(&programs)
			 : "memory");
}

/* A function with a tail call, while the caller holds a record: accepted where only the main program is asked. */
SEC("xdp")
NAKED int holding(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "if r0 == 0 goto 1f;"
			 "r7 = r0;"
			 "r1 = r6;"
			 "call tail;"
			 "r1 = r7;"
			 "r2 = 0;"
			 "call 132;" /* bpf_ringbuf_submit */
			 "1: r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}
