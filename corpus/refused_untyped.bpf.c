// SPDX-License-Identifier: GPL-2.0-only
/* Compiled with -g0. */
/* Without types (-g0): what needs to know the functions is refused. */
#include "corpus.h"

static __attribute__((used)) NAKED int loads(void)
{
	__asm__ volatile("r6 = r1; r0 = *(u8 *)skb[0]; exit;");
}

SEC("tc")
NAKED int packet_in_function(void)
{
	__asm__ volatile("call loads; r0 = 0; exit;");
}

static __attribute__((used)) NAKED int jumps(void)
{
	__asm__ volatile("r0 = 0; if r0 == 0 goto +3; r2 = 0; r3 = 0; call 12; exit;");
}

SEC("tc")
NAKED int tail_call_in_function(void)
{
	__asm__ volatile("call jumps; r0 = 0; exit;");
}

static long called_back(u32 i, void *ctx)
{
	return 0;
}

SEC("tc")
int callback(void *ctx)
{
	loop(3, called_back, NULL, 0);
	return 0;
}

/* A function is called with anything. */
static __attribute__((used)) NAKED int given(void)
{
	__asm__ volatile("r0 = 0; exit;");
}

SEC("tc")
NAKED int anything(void)
{
	__asm__ volatile("r1 = r10; call given; r0 = 0; exit;");
}
