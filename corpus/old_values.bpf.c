// SPDX-License-Identifier: GPL-2.0-only
/* Values and objects of which older kernels know less. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, u64);
} numbers SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

/* The bits of products: of two numbers of which little is known, of one that is known, of one with bits set. */
SEC("xdp")
NAKED int products(void)
{
	__asm__ volatile("call 7;" /* bpf_get_prandom_u32 */
			 "r6 = r0;"
			 "call 7;"
			 "r7 = r0;"
			 "r1 = r6;"
			 "r1 &= 6;"
			 "r2 = r7;"
			 "r2 &= 10;"
			 "r1 *= r2;"
			 "r3 = r6;"
			 "r3 &= 5;"
			 "r3 |= 8;"
			 "r4 = r7;"
			 "r4 &= 3;"
			 "r4 |= 16;"
			 "r3 *= r4;"
			 "r5 = r6;"
			 "r5 &= 0xff0;"
			 "r5 *= 12;"
			 "w6 &= 7;"
			 "w7 &= 0xf0f;"
			 "w6 *= w7;"
			 "r0 = 2;"
			 "exit;");
}

/* The low bit of a product of even numbers: accepted if it is known to be zero, else r9 is read. */
SEC("xdp")
NAKED int even_product(void)
{
	__asm__ volatile("call 7;" /* bpf_get_prandom_u32 */
			 "r6 = r0;"
			 "r6 &= 14;"
			 "call 7;"
			 "r0 &= 14;"
			 "r0 |= 1;"
			 "r6 *= r0;"
			 "r6 &= 1;"
			 "if r6 != 0 goto 1f;"
			 "r0 = 2;"
			 "exit;"
			 "1: r0 = r9;"
			 "exit;");
}

/* Sums, shifts and comparisons of numbers of which bits are known. */
SEC("xdp")
NAKED int bits(void)
{
	__asm__ volatile("call 7;" /* bpf_get_prandom_u32 */
			 "r6 = r0;"
			 "r6 &= 0xff;"
			 "r7 = r6;"
			 "r7 <<= 3;"
			 "r8 = r7;"
			 "r8 -= r6;"
			 "r9 = r8;"
			 "r9 s>>= 2;"
			 "w1 = w9;"
			 "w1 ^= 0x55;"
			 "if w1 s> 0x40 goto 1f;"
			 "r2 = r1;"
			 "r2 <<= 32;"
			 "r2 s>>= 32;"
			 "if r2 != 7 goto 1f;"
			 "r3 = r2;"
			 "r3 += r6;"
			 "r4 = r3;"
			 "r4 = -r4;"
			 "r5 = r4;"
			 "r5 /= 3;"
			 "r5 %= 5;"
			 "1: r0 = 2;"
			 "exit;");
}

/* A key that may be missing. */
SEC("iter/bpf_map_elem")
NAKED int nullable_key(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 16);"
			 "r0 = *(u32 *)(r1 + 0);"
			 "r0 = 0;"
			 "exit;");
}

/* Behind the end of struct filename lie the characters of its last member. */
SEC("fentry/do_filp_open")
NAKED int flexible_characters(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 8);"
			 "r0 = *(u8 *)(r1 + 40);"
			 "r0 = 0;"
			 "exit;");
}

/* Far behind an object. */
SEC("fentry/do_filp_open")
NAKED int beyond_object(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 16);"
			 "r0 = *(u8 *)(r1 + 400);"
			 "r0 = 0;"
			 "exit;");
}

/* An element that is there for certain. */
SEC("xdp")
NAKED int constant_key(void)
{
	__asm__ volatile("r1 = 1;"
			 "*(u32 *)(r10 - 4) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r10;"
			 "r2 += -4;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r0 = *(u64 *)(r0 + 0);"
			 "r0 = 2;"
			 "exit;" ::[numbers] "i"(&numbers)
			 : "memory");
}

/* Which numbers must be known precisely that a program returns, and an index that a helper gets. */
SEC("cgroup_skb/egress")
NAKED int exit_value(void)
{
	__asm__ volatile("call 7;" /* bpf_get_prandom_u32 */
			 "r6 = 1;"
			 "if r0 > 7 goto 1f;"
			 "r6 = 0;"
			 "1: r0 = r6;"
			 "exit;");
}

/* A record that a function gives back for its caller. */
static NAKED __attribute__((used)) int give_back(void)
{
	__asm__ volatile("r2 = 0;"
			 "call 133;" /* bpf_ringbuf_discard */
			 "r0 = 0;"
			 "exit;");
}

SEC("xdp")
NAKED int given_back(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "call give_back;"
			 "1: r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

/* Two frames, a pointer to the first one's stack in the second. */
static NAKED __attribute__((used)) int write_there(void)
{
	__asm__ volatile("r2 = 5;"
			 "*(u32 *)(r1 + 4) = r2;"
			 "r0 = *(u64 *)(r1 + 0);"
			 "exit;" ::: "memory");
}

SEC("xdp")
NAKED int frames(void)
{
	__asm__ volatile("r1 = 0;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "r1 = r10;"
			 "r1 += -8;"
			 "call write_there;"
			 "r0 = *(u32 *)(r10 - 4);"
			 "if r0 == 5 goto 1f;"
			 "r0 = r9;"
			 "1: r0 = 2;"
			 "exit;" ::: "memory");
}
