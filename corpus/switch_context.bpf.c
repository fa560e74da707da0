// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about contexts. */
#include "corpus.h"

/* Part of a pointer, behind its first byte: rejected at once, or when the access is converted. */
SEC("tc")
NAKED int half_socket(void *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 172); r0 = 0; exit;");
}

/* A byte of it: the same. */
SEC("tc")
NAKED int byte_of_socket(void *ctx)
{
	__asm__ volatile("r0 = *(u8 *)(r1 + 169); exit;");
}

/* At its first byte: always rejected at once. */
SEC("tc")
NAKED int first_half(void *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 168); exit;");
}

/* In a structure without narrow loads, half a pointer: as the first. */
SEC("sockops")
NAKED int half_data(void *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 196); r0 = 0; exit;");
}

/* A byte of that: rejected at once. */
SEC("sockops")
NAKED int byte_of_data(void *ctx)
{
	__asm__ volatile("r0 = *(u8 *)(r1 + 194); r0 = 0; exit;");
}

/* The first, never executed: accepted. */
SEC("tc")
NAKED int dead_half(void *ctx)
{
	__asm__ volatile("r2 = 0;"
			 "if r2 == 0 goto 1f;"
			 "r0 = *(u32 *)(r1 + 172);"
			 "1: r0 = 0;"
			 "exit;");
}
