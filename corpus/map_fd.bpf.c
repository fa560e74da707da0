// SPDX-License-Identifier: GPL-2.0-only
/* Maps by a file descriptor that stands in the object itself, where none of the object's maps is meant. */
#include "corpus.h"

#define LD_MAP_FD(fd) asm volatile(".byte 0x18, 0x11, 0, 0; .long " #fd "; .quad 0" ::: "r1")

SEC("socket")
int negative(void *ctx)
{
	LD_MAP_FD(-1);
	return 0;
}

/* Standard input is open, but no map. */
SEC("socket")
int standard_input(void *ctx)
{
	LD_MAP_FD(0);
	return 0;
}

SEC("socket")
int not_open(void *ctx)
{
	LD_MAP_FD(1000);
	return 0;
}
