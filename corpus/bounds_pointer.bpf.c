// SPDX-License-Identifier: GPL-2.0-only
/* Which pointers are known not to be NULL, and what a pointer added to a number is. */
#include "corpus.h"

char table[16];

struct {
	NUMBER(type, ARRAY);
	TYPE(key, u32);
	TYPE(value, u64);
	NUMBER(max_entries, 1);
} array SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

/* The low half of an address may be zero. */
SEC("socket")
NAKED int low_half(void)
{
	asm volatile("r1 = %[table] ll;"
		     "if w1 == 0 goto 1f;"
		     "r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;" ::[table] "i"(table)
		     : "memory");
}

/* With such an offset the sum may be zero. */
SEC("socket")
NAKED int far_offset(void)
{
	asm volatile("call 7;" /* bpf_get_prandom_u32 */
		     "r0 >>= 1;"
		     "r1 = %[table] ll;"
		     "r1 += r0;"
		     "if r1 == 0 goto 1f;"
		     "r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;" ::[table] "i"(table)
		     : "memory");
}

/* The value that an iterator shows is a buffer: after one comparison with NULL the second is decided, or not. */
SEC("iter/bpf_map_elem")
NAKED int buffer(void *ctx)
{
	asm volatile("r6 = *(u64 *)(r1 + 24);" /* value */
		     "if r6 == 0 goto 2f;"
		     "if r6 == 0 goto 1f;"
		     "2: r0 = 0;"
		     "exit;"
		     "1: r0 = r9;"
		     "exit;");
}

/* The stack is at no NULL, but is it known? */
SEC("socket")
NAKED int equal_pointer(void)
{
	asm volatile("r1 = 0;"
		     "*(u32 *)(r10 - 4) = r1;"
		     "r2 = r10;"
		     "r2 += -4;"
		     "r1 = %[array] ll;"
		     "call 1;" /* bpf_map_lookup_elem */
		     "if r0 != r10 goto 1f;"
		     "r0 = *(u64 *)(r0 + 0);"
		     "1: r0 = 0;"
		     "exit;" ::[array] "i"(&array)
		     : "memory");
}

/* Zero plus a record is the record, and may be submitted, or not. */
SEC("socket")
NAKED int number_plus_pointer(void)
{
	asm volatile("r1 = %[ring] ll;"
		     "r2 = 8;"
		     "r3 = 0;"
		     "call 131;" /* bpf_ringbuf_reserve */
		     "if r0 == 0 goto 1f;"
		     "r1 = 0;"
		     "r1 += r0;"
		     "r2 = 0;"
		     "call 132;" /* bpf_ringbuf_submit */
		     "1: r0 = 0;"
		     "exit;" ::[ring] "i"(&ring)
		     : "memory");
}
