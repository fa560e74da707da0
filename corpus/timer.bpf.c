// SPDX-License-Identifier: GPL-2.0-only
/* Timers: an asynchronous callback is walked on its own. */
#include "corpus.h"

struct value {
	u64 fired;
	struct bpf_timer timer;
};

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

NOINLINE int fire(void *map, u32 *key, struct value *value)
{
	value->fired++;
	timer_start(&value->timer, 1000, 0);
	return 0;
}

SEC("tc")
int started(void *ctx)
{
	u32 key = 1;
	struct value *value = map_lookup_elem(&table, &key);

	if (!value)
		return 0;
	if (timer_init(&value->timer, &table, 0))
		return 0;
	timer_set_callback(&value->timer, fire);
	timer_start(&value->timer, 1000, 0);
	return 0;
}

/* A timer is not the program's to read: rejected. */
SEC("tc")
int touched(void *ctx)
{
	u32 key = 1;
	struct value *value = map_lookup_elem(&table, &key);

	return value ? *(volatile u32 *)&value->timer : 0;
}

/* Its callback returns 0: rejected. */
NOINLINE int one(void *map, u32 *key, struct value *value)
{
	int result = 1;

	hide(result);
	return result;
}

SEC("tc")
int wrong_return(void *ctx)
{
	u32 key = 1;
	struct value *value = map_lookup_elem(&table, &key);

	if (value)
		timer_set_callback(&value->timer, one);
	return 0;
}
