// SPDX-License-Identifier: GPL-2.0-only
/* A number that a loop does not change, but copies: what it is linked with changes. From the third round on it is an index. */
#include "corpus.h"

KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);

char table[16];

#define LOOP(name, before, within)                                                                           \
	SEC("tc")                                                                                             \
	int name(u32 *ctx)                                                                                    \
	{                                                                                                     \
		struct bpf_iter_num it;                                                                       \
		u64 index = ctx[0] & 7, seen = 0;                                                             \
		int sum = 0;                                                                                  \
                                                                                                              \
		asm volatile("" : "+r"(index));                                                               \
		asm volatile(before : "+r"(index)::"r9");                                                     \
		bpf_iter_num_new(&it, 0, 10);                                                                 \
		while (bpf_iter_num_next(&it)) {                                                              \
			if (seen == 2)                                                                        \
				sum = *(volatile char *)(table + index);                                      \
			asm volatile("if %1 == 0 goto 1f;" within ";"                                          \
				     "%1 = 2; goto 2f; 1: %1 = 1; 2:"                                         \
				     : "+r"(index), "+r"(seen)::"r9");                                        \
		}                                                                                             \
		bpf_iter_num_destroy(&it);                                                                    \
		return sum;                                                                                   \
	}

/* It gets its link in the loop. Rejected where that is a change, as then it may be any number. */
LOOP(linked_within, "", "r9 = %0")

/* It has one before: accepted. */
LOOP(linked_before, "r9 = %0", "r9 = %0")

/* It is another number each time. Rejected. */
LOOP(changed, "", "%0 += 1")
