// SPDX-License-Identifier: GPL-2.0-only
/* Tracing programs that call one another by a map, of functions with prototypes of their own each. */
#include "corpus.h"

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} jumps SEC(".maps");

SEC("fentry/vfs_read")
int first(u64 *ctx)
{
	tail_call(ctx, &jumps, 0);
	return 0;
}

SEC("fentry/vfs_unlink")
int other(u64 *ctx)
{
	tail_call(ctx, &jumps, 0);
	return 0;
}
