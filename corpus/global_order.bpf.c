// SPDX-License-Identifier: GPL-2.0-only
/* Global functions: which are verified, in which order, and what is known of their arguments. */
#include "corpus.h"

char table[16];

/* Any index: not safe on its own. */
GLOBAL int indexes(u64 at)
{
	return table[at];
}

/* One that is only called where nothing comes: accepted if what is not called is not verified. */
SEC("tc")
int never_called(void *ctx)
{
	u64 no = 0;

	hide(no);
	return no ? indexes(no) : 0;
}

/* The function is wrong, and the program too: rejected for which? */
SEC("tc")
int both_wrong(void *ctx)
{
	u64 at = get_prandom_u32();

	return indexes(at) + table[at];
}

GLOBAL int doubles(int number)
{
	return number * 2;
}

GLOBAL int quadruples(int number)
{
	return doubles(doubles(number));
}

/* Functions that call functions: accepted. */
SEC("tc")
int in_turn(void *ctx)
{
	return quadruples(get_prandom_u32()) & 1;
}

GLOBAL int reads(const u64 *number)
{
	return number ? *number != 0 : 0;
}

/* A pointer to eight bytes: accepted. */
SEC("tc")
int gives_number(void *ctx)
{
	u64 number = 3;

	return reads(&number);
}

/* To nothing that is known: rejected. */
SEC("tc")
int gives_context(void *ctx)
{
	return reads(ctx);
}

GLOBAL int trusts(const u64 *number TAG("arg:nonnull"))
{
	return *number != 0;
}

/* A tag says that it is never NULL: accepted if tags count. */
SEC("tc")
int tagged(void *ctx)
{
	u64 number = 3;

	return trusts(&number);
}

NOINLINE int looks(const u64 *number)
{
	u64 value = *number;

	hide(value);
	return value & 1;
}

/* A static function may take what it likes: accepted. */
SEC("tc")
int calls_static(void *ctx)
{
	u64 number = get_prandom_u32();

	return looks(&number);
}
