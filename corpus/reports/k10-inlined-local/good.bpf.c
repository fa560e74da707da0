#include "../common.h"
/* Where a bound is lost in an inlined function whose lines do not say which variable it is. */
u8 table[256];
static __always_inline u8 entry(u32 first, u32 second)
{
	u32 slot =
		(first ^ second)
		>> 8;

	if (slot >= sizeof(table))
		return 0;
	return table
		[slot];
}
SEC("tc")
int lookup(struct __sk_buff *skb)
{
	return entry(skb->mark,
		     skb->priority);
}
