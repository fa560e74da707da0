// SPDX-License-Identifier: GPL-2.0-only
/* More maps than a program may have. */
#include "corpus.h"

/* Four times four times four names. */
#define FOUR(what, n) what(n##0) what(n##1) what(n##2) what(n##3)
#define SIXTEEN(what, n) FOUR(what, n##0) FOUR(what, n##1) FOUR(what, n##2) FOUR(what, n##3)
#define MANY(what, n) SIXTEEN(what, n##0) SIXTEEN(what, n##1) SIXTEEN(what, n##2) SIXTEEN(what, n##3)

#define MAP(n)                                                                                                         \
	struct {                                                                                                       \
		NUMBER(type, ARRAY);                                                                                   \
		NUMBER(max_entries, 1);                                                                                \
		TYPE(key, u32);                                                                                        \
		TYPE(value, u64);                                                                                      \
	} m##n SEC(".maps");
#define LOAD(n) "r1 = m" #n " ll;"

MANY(MAP, 0)
MAP(1)

/* 65 maps. */
SEC("tc")
NAKED int maps(void)
{
	__asm__ volatile(MANY(LOAD, 0) LOAD(1) "r0 = 0; exit;");
}
