// SPDX-License-Identifier: GPL-2.0-only
/* Special fields that a map's value does not have, has elsewhere, or has beside members that are none. */
#include "corpus.h"

struct task_struct {
	int pid;
} RELOCATED;

struct plain {
	u64 number;
	u64 more[2];
};
struct locked {
	u64 number;
	struct bpf_spin_lock lock;
	u32 narrow : 3; /* not at a whole byte */
	u32 wide : 9;
};
struct timed {
	u64 number;
	struct bpf_timer timer;
	u32 narrow : 3;
	u32 wide : 9;
};
struct two_timers {
	struct bpf_timer timer, other;
};
struct behind_word {
	u32 first, second; /* not where a pointer could be */
	struct task_struct TYPE_TAG("kptr") *task;
};

#define MAP(map, of)                 \
	struct {                     \
		NUMBER(type, ARRAY); \
		NUMBER(max_entries, 1); \
		TYPE(key, u32);      \
		TYPE(value, of);     \
	} map SEC(".maps")

MAP(plains, struct plain);
MAP(numbers, u64);
MAP(locks, struct locked);
MAP(timers, struct timed);
MAP(pairs, struct two_timers);
MAP(tasks, struct behind_word);

#define LOOK_UP(map)                             \
	u32 key = 0;                             \
	u8 *value = map_lookup_elem(&map, &key); \
	if (!value)                              \
		return 0

#define LOCKS(name, map, off)                               \
	SEC("tc")                                           \
	int name(void *ctx)                                 \
	{                                                   \
		LOOK_UP(map);                               \
		spin_lock((struct bpf_spin_lock *)(value + off));   \
		spin_unlock((struct bpf_spin_lock *)(value + off)); \
		return 0;                                   \
	}

#define STARTS(name, map, off)                                          \
	SEC("tc")                                                       \
	int name(void *ctx)                                             \
	{                                                               \
		LOOK_UP(map);                                           \
		timer_init((struct bpf_timer *)(value + off), &map, 1); \
		return 0;                                               \
	}

LOCKS(lock_of_none, plains, 0)
LOCKS(lock_of_number, numbers, 0)
LOCKS(lock_elsewhere, locks, 0)
LOCKS(lock_before_bits, locks, 8)
STARTS(timer_of_none, plains, 0)
STARTS(timer_of_number, numbers, 0)
STARTS(timer_elsewhere, timers, 0)
STARTS(timer_before_bits, timers, 8)
STARTS(one_of_two, pairs, 0)

SEC("tc")
int pointer_behind_word(void *ctx)
{
	LOOK_UP(tasks);
	/* Accepted where the pointer is none but a number. */
	*(u64 *)(value + 8) = 1;
	return 0;
}

SEC("tc")
int exchanged(void *ctx)
{
	LOOK_UP(plains);
	kptr_xchg(value, 0);
	return 0;
}
