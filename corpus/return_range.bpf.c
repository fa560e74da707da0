// SPDX-License-Identifier: GPL-2.0-only
/* What a program may return: numbers of a range, or those whose bits are a range's. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

#define RESULT(section, name, text)                                                                          \
	SEC(section)                                                                                          \
	NAKED int name(void)                                                                                  \
	{                                                                                                     \
		__asm__ volatile("call 7;" /* bpf_get_prandom_u32 */ text "exit;");                           \
	}

/* From zero to three: accepted. */
RESULT("cgroup_skb/egress", masked, "r0 &= 3;")

/* The same by comparison: accepted. */
RESULT("cgroup_skb/egress", compared, "if r0 < 4 goto 1f;"
				      "r0 = 0;"
				      "1:")

/* One too many: rejected. */
RESULT("cgroup_skb/egress", four, "r0 = 4;")

/* A number that may be too large, and one of which nothing is known: rejected. */
RESULT("cgroup_skb/egress", seven, "r0 &= 7;")
RESULT("cgroup_skb/egress", any, "")

/* A negative one: rejected. */
RESULT("cgroup_skb/egress", negative, "r0 = -1;")
