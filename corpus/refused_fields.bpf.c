// SPDX-License-Identifier: GPL-2.0-only
/* Locks, timers, kernel pointers and dynptrs in the wrong place or order, and accesses to the fields that hold them. */
#include "corpus.h"

struct task_struct {
	int pid;
} RELOCATED;


struct locked {
	int before;
	struct bpf_spin_lock lock;
	int counted;
};

struct timed {
	u64 before;
	struct bpf_timer timer;
};

struct pointing {
	u64 before;
	struct task_struct TYPE_TAG("kptr_untrusted") *loose;
	struct task_struct TYPE_TAG("kptr") *held;
};

#define VALUES(name, type_of_values)                                                                                   \
	struct {                                                                                                       \
		NUMBER(type, ARRAY);                                                                                   \
		NUMBER(max_entries, 2);                                                                                \
		TYPE(key, u32);                                                                                        \
		TYPE(value, type_of_values);                                                                           \
	} name SEC(".maps")

VALUES(locks, struct locked);
VALUES(timers, struct timed);
VALUES(pointers, struct pointing);
VALUES(numbers, u64);

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

/* r6: the context, r7: the value of this map, which is there. */
#define VALUE_OF(map)                                                                                                  \
	"r6 = r1;"                                                                                                     \
	"r1 = 0;"                                                                                                      \
	"*(u32 *)(r10 - 4) = r1;"                                                                                      \
	"r2 = r10;"                                                                                                    \
	"r2 += -4;"                                                                                                    \
	"r1 = %[" #map "] ll;"                                                                                         \
	"call 1;"                                                                                                      \
	"if r0 != 0 goto +2;"                                                                                          \
	"r0 = 0;"                                                                                                      \
	"exit;"                                                                                                        \
	"r7 = r0;"
#define END "r0 = 0; exit;"
#define MAPS [locks] "i"(&locks), [timers] "i"(&timers), [pointers] "i"(&pointers), [numbers] "i"(&numbers)
#define ON(map, text) __asm__ volatile(VALUE_OF(map) text END::MAPS)

/* r8: 0 or 8, which is not known. */
#define UNKNOWN                                                                                                        \
	"call 7;"                                                                                                      \
	"r0 &= 8;"                                                                                                     \
	"r8 = r0;"

#define PROGRAM(name, map, text)                                                                                       \
	SEC("tc")                                                                                                      \
	NAKED int name(void)                                           \
	{                                                                                                              \
		ON(map, text);                                                                                         \
	}

PROGRAM(lock_at_unknown, locks, UNKNOWN "r1 = r7; r1 += r8; r1 += 4; call 93;")
PROGRAM(lock_elsewhere, locks, "r1 = r7; call 93;")
PROGRAM(lock_where_is_none, numbers, "r1 = r7; call 93;")
PROGRAM(lock_twice, locks, "r1 = r7; r1 += 4; call 93; r1 = r7; r1 += 4; call 93;")
PROGRAM(unlock_alone, locks, "r1 = r7; r1 += 4; call 94;")
PROGRAM(lock_left, locks, "r1 = r7; r1 += 4; call 93;")
PROGRAM(lock_read, locks, "r1 = *(u32 *)(r7 + 4);")
PROGRAM(helper_under_lock, locks, "r1 = r7; r1 += 4; call 93; call 7; r1 = r7; r1 += 4; call 94;")
PROGRAM(timer_at_unknown, timers, UNKNOWN "r1 = r7; r1 += r8; r2 = %[timers] ll; r3 = 0; call 169;")
PROGRAM(timer_elsewhere, timers, "r1 = r7; r2 = %[timers] ll; r3 = 0; call 169;")
PROGRAM(timer_where_is_none, numbers, "r1 = r7; r2 = %[numbers] ll; r3 = 0; call 169;")
PROGRAM(timer_of_another, timers, "r1 = r7; r1 += 8; r2 = %[numbers] ll; r3 = 0; call 169;")
PROGRAM(timer_read, timers, "r1 = *(u64 *)(r7 + 8);")
PROGRAM(timer_flags, timers, "r1 = r7; r1 += 8; r2 = %[timers] ll; r3 = r10; call 169;")
PROGRAM(kptr_at_unknown, pointers, UNKNOWN "r1 = r7; r1 += r8; r2 = 0; call 194;")
PROGRAM(kptr_elsewhere, pointers, "r1 = r7; r2 = 0; call 194;")
PROGRAM(kptr_loose, pointers, "r1 = r7; r1 += 8; r2 = 0; call 194;")
PROGRAM(kptr_where_is_none, numbers, "r1 = r7; r2 = 0; call 194;")
PROGRAM(kptr_half, pointers, "r1 = *(u32 *)(r7 + 8);")
PROGRAM(kptr_askew, pointers, "r1 = *(u64 *)(r7 + 12);")
PROGRAM(kptr_at_variable, pointers, UNKNOWN "r7 += r8; r1 = *(u64 *)(r7 + 8);")
PROGRAM(kptr_number, pointers, "*(u64 *)(r7 + 8) = 7;")
PROGRAM(kptr_zero, pointers, "*(u64 *)(r7 + 8) = 0;")
PROGRAM(kptr_held_store, pointers, "r1 = 0; *(u64 *)(r7 + 16) = r1;")
PROGRAM(kptr_atomic, pointers, "r1 = 1; lock *(u64 *)(r7 + 8) += r1;")
PROGRAM(kptr_by_helper, pointers, "r1 = r7; r1 += 8; r2 = 8; r3 = 0; call 113;")
PROGRAM(kptr_by_update, pointers, "r3 = r7; r2 = r10; r2 += -4; r1 = %[numbers] ll; r4 = 0; call 2;")

/* A slice of the packet's bytes is no dynptr; one of memory cannot be submitted. */
SEC("tc")
int submits_memory(void *ctx)
{
	struct bpf_dynptr dynptr;
	u32 key = 0;
	u64 *value = map_lookup_elem(&numbers, &key);

	if (!value)
		return 0;
	dynptr_from_mem(value, sizeof(*value), 0, &dynptr);
	ringbuf_submit_dynptr(&dynptr, 0);
	return 0;
}

/* What a global function is given as a dynptr is constant: rejected. */
GLOBAL int submits_given(struct bpf_dynptr *dynptr)
{
	ringbuf_submit_dynptr(dynptr, 0);
	return 0;
}

SEC("tc")
int submits_by_function(void *ctx)
{
	struct bpf_dynptr dynptr;

	ringbuf_reserve_dynptr(&ring, 8, 0, &dynptr);
	submits_given(&dynptr);
	return 0;
}

/* Of the stack of a dynptr's second half. */
SEC("tc")
NAKED int dynptr_half(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -16;"
			 "call 198;"
			 "r1 = r10;"
			 "r1 += -8;"
			 "r2 = 0;"
			 "call 199;"
			 "r0 = 0;"
			 "exit;" ::[ring] "i"(&ring));
}

SEC("tc")
NAKED int dynptr_at_unknown(void)
{
	__asm__ volatile("call 7;"
			 "r0 &= 8;"
			 "r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -32;"
			 "r4 += r0;"
			 "call 198;"
			 "r0 = 0;"
			 "exit;" ::[ring] "i"(&ring));
}

SEC("tc")
NAKED int dynptr_in_map(void)
{
	__asm__ volatile(VALUE_OF(numbers)
			 "r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r7;"
			 "call 198;" END::MAPS,
			 [ring] "i"(&ring));
}

SEC("tc")
NAKED int dynptr_overwritten(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -16;"
			 "call 198;"
			 "r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -16;"
			 "call 198;"
			 "r0 = 0;"
			 "exit;" ::[ring] "i"(&ring));
}

/* A dynptr that was given back has no memory, and cannot be given back again. */
SEC("tc")
NAKED int dynptr_given_back_twice(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -16;"
			 "call 198;"
			 "r1 = r10;"
			 "r1 += -16;"
			 "r2 = 0;"
			 "call 199;"
			 "r1 = r10;"
			 "r1 += -16;"
			 "r2 = 0;"
			 "call 199;"
			 "r0 = 0;"
			 "exit;" ::[ring] "i"(&ring));
}
