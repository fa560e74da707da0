// SPDX-License-Identifier: GPL-2.0-only
/* Constants that user space sets before loading: as they stand in the file, `set` is rejected. */
#include "corpus.h"

enum speed { SLOW = 1, FAST = 6 };
enum place { FIRST, SECOND, THIRD };

struct point {
	s16 x, y;
	union {
		u8 small;
		u32 large;
	};
	u32 low : 3, high : 5;
};

const volatile s8 tiny = 100;
const volatile u32 width = 20;
const volatile u64 huge = 300;
const volatile enum speed speed = FAST;
const volatile enum place place = SECOND;
const volatile _Bool on = 1;
const volatile struct point points[3] = { { .x = 50 } };
const volatile float ratio = 1;
const volatile u16 grid[2][3] = { { 70 } };
u32 counter = 1;
u64 zeroed;
char table[8];

/* Accepted with tiny = 1, width = 1, huge = 1, speed = SLOW, points[0].x = 1 and grid[0][0] = 1. */
SEC("xdp")
int set(struct xdp_md *ctx)
{
	u32 sum = counter + zeroed;

	sum += table[tiny];
	sum += table[width];
	sum += table[huge];
	sum += table[speed];
	sum += table[points[0].x];
	sum += table[grid[0][0]];
	if (on)
		sum += points[2].large + place;
	if (*(volatile u32 *)&ratio)
		sum++;
	return sum & 1;
}

/* As many rounds as user space says. */
SEC("xdp")
int rounds(struct xdp_md *ctx)
{
	u32 sum = 0;

	for (u32 i = 0; i < width; i++)
		sum += table[i & 7];
	return sum & 1;
}
