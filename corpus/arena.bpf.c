// SPDX-License-Identifier: GPL-2.0-only
/* Memory that a program shares with user space; compiled with -mcpu=v4. */
#include "corpus.h"

struct {
	NUMBER(type, ARENA);
	NUMBER(map_flags, MMAPABLE);
	NUMBER(max_entries, 1);
} arena SEC(".maps");

KFUNC void IN_ARENA *bpf_arena_alloc_pages(void *map, void IN_ARENA *addr, u32 pages, int node, u64 flags);

SEC("syscall")
int unsigned_load(void *ctx)
{
	volatile u8 IN_ARENA *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	return page ? page[1] : 0;
}

/* The JIT has no instruction for it: rejected, after the program was found safe. */
SEC("syscall")
int signed_load(void *ctx)
{
	volatile s8 IN_ARENA *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	return page ? page[1] : 0;
}
