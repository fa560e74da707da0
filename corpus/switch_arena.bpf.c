// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about arenas. Compiled with -mcpu=v4. */
#include "corpus.h"

KFUNC void IN_ARENA *bpf_arena_alloc_pages(void *map, void IN_ARENA *addr, u32 pages, int node, u64 flags);

struct {
	NUMBER(type, ARENA);
	NUMBER(map_flags, MMAPABLE);
	NUMBER(max_entries, 1);
} arena SEC(".maps");

/* A number plus a pointer into the arena. */
SEC("syscall")
int arena_operand(void *ctx)
{
	u8 IN_ARENA *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	u8 IN_ARENA *at;

	if (!page)
		return 0;
	at = page;
	__asm__ volatile("r1 = 8;"
			 "r2 = %[at];"
			 ".byte 0xbf, 0x22, 1, 0, 1, 0, 0, 0;" /* r2 = addr_space_cast(r2, 0, 1) */
			 "r1 += r2;"
			 "r1 = *(u8 *)(r1 + 0);" ::[at] "r"(at)
			 : "r1", "r2", "memory");
	return 0;
}
