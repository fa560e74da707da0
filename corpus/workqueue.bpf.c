// SPDX-License-Identifier: GPL-2.0-only
/* Work queues: an item in a map's value, whose callback runs later and may sleep. */
#include "corpus.h"

struct bpf_wq {
	u64 opaque[2];
} __attribute__((aligned(8)));

KFUNC int bpf_wq_init(struct bpf_wq *wq, void *p__map, unsigned int flags);
KFUNC int bpf_wq_start(struct bpf_wq *wq, unsigned int flags);
KFUNC int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (callback_fn)(void *map, int *key, void *value),
				   unsigned int flags, void *aux__ign);
KFUNC int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);

struct element {
	u64 number;
	struct bpf_wq work;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, struct element);
} elements SEC(".maps");

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, struct element);
} others SEC(".maps");

char text[16];

static int sleeps(void *map, int *key, void *value)
{
	struct element *element = value;

	bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	element->number = *key;
	return 0;
}

static int bad_return(void *map, int *key, void *value)
{
	return 2;
}

static int restarts(void *map, int *key, void *value)
{
	struct element *element = value;

	bpf_wq_set_callback_impl(&element->work, restarts, 0, NULL);
	bpf_wq_start(&element->work, 0);
	return 0;
}

SEC("tc")
int started(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	if (bpf_wq_init(&element->work, &elements, 0))
		return 0;
	if (bpf_wq_set_callback_impl(&element->work, sleeps, 0, NULL))
		return 0;
	bpf_wq_start(&element->work, 0);
	return 0;
}

SEC("tc")
int again(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&others, &key);

	if (!element)
		return 0;
	bpf_wq_init(&element->work, &others, 0);
	bpf_wq_set_callback_impl(&element->work, restarts, 0, NULL);
	return bpf_wq_start(&element->work, 0);
}

/* The callback returns what it may not: rejected. */
SEC("tc")
int returns_two(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_init(&element->work, &elements, 0);
	bpf_wq_set_callback_impl(&element->work, bad_return, 0, NULL);
	return 0;
}

/* The item is in another map: rejected. */
SEC("tc")
int another_map(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_init(&element->work, &others, 0);
	return 0;
}

/* Not the item: rejected. */
SEC("tc")
int beside(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_init((void *)&element->number, &elements, 0);
	return 0;
}

/* Nor is this: rejected. */
SEC("tc")
int on_stack(void *ctx)
{
	struct bpf_wq work = {};

	bpf_wq_init(&work, &elements, 0);
	return 0;
}

/* Not a map: rejected. */
SEC("tc")
int no_map(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_init(&element->work, &key, 0);
	return 0;
}

/* Nor is this: rejected. */
SEC("tc")
int null_map(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_init(&element->work, NULL, 0);
	return 0;
}

/* Not a callback: rejected. */
SEC("tc")
int not_a_function(void *ctx)
{
	u32 key = 1;
	struct element *element = map_lookup_elem(&elements, &key);

	if (!element)
		return 0;
	bpf_wq_set_callback_impl(&element->work, (void *)element, 0, NULL);
	return 0;
}

/* The callback may sleep, the program may not: rejected. */
SEC("tc")
int sleeps_outside(void *ctx)
{
	bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	return 0;
}
