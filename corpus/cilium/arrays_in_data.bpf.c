// SPDX-License-Identifier: GPL-2.0-only
/* Strings and tables that the compiler puts into data sections. */
#include "corpus.h"

static long (*trace)(const char *format, u32 size, ...) = (void *)6;

SEC("kprobe/vfs_read")
int says(void *ctx)
{
	static const char text[] = "verdict %d";

	trace(text, sizeof(text), 3);
	return 0;
}
