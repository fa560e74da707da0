#include "../common.h"
/* The sum of two numbers is compared, and each is used by itself. */
struct blk { u8 b[16]; };
struct blk blks[16];
SEC("tc")
int x(struct __sk_buff *skb)
{
	u32 off = skb->mark;
	u32 n = skb->priority;
	if (off + n >= 16)
		return 0;
	return blks[off].b[n];
}
