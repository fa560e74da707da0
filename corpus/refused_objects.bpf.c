// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the kernel at the wrong offset, in the wrong call, or written to. */
#include "corpus.h"

struct task_struct {
	int pid;
} RELOCATED;
struct sk_buff {
	u32 len;
} RELOCATED;
struct bpf_cpumask { int unused; };
struct bpf_wq {
	u64 opaque[2];
} __attribute__((aligned(8)));

enum { RDONLY_PROG = 1 << 7, SOCKMAP = 15 };

HELPER(84, void *, sk_lookup_tcp, void *ctx, void *tuple, u32 size, u64 netns, u64 flags);

KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC struct bpf_cpumask *bpf_cpumask_create(void);
KFUNC void bpf_cpumask_release(struct bpf_cpumask *cpumask);

#define TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 0)

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	NUMBER(map_flags, RDONLY_PROG);
	TYPE(key, u32);
	TYPE(value, u64);
} constants SEC(".maps");

struct {
	NUMBER(type, SOCKMAP);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, u32);
} sockets SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

struct queued {
	struct bpf_wq queue;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct queued);
} queues SEC(".maps");

struct percpu {
	u64 count;
};

#define PROGRAM(type, name, text)                                                                                      \
	SEC(type)                                                                                                      \
	NAKED int name(void)                                                                                           \
	{                                                                                                              \
		__asm__ volatile(text "r0 = 0; exit;" ::[constants] "i"(&constants), [sockets] "i"(&sockets),          \
				 [ring] "i"(&ring), [queues] "i"(&queues));                                            \
	}

/* r6: a task, r7: up to 7. */
#define TASK "r6 = *(u64 *)(r1 + 0); call 7; r7 = r0; r7 &= 7;"

PROGRAM("tp_btf/task_newtask", before_object, TASK "r1 = *(u64 *)(r6 - 8);")
PROGRAM("tp_btf/task_newtask", somewhere_in_object, TASK "r6 += r7; r1 = *(u64 *)(r6 + 0);")
PROGRAM("tp_btf/task_newtask", object_written, TASK "r1 = 1; *(u64 *)(r6 + 0) = r1;")
PROGRAM("tp_btf/kfree_skb", object_at_unknown, TASK "r6 += r7; r1 = r6; r2 = %[ring] ll; r3 = 0; r4 = r10; r4 += -8;"
						    "r5 = 8; *(u64 *)(r10 - 8) = r5; call 111;")
PROGRAM("tp_btf/task_newtask", object_beside, TASK "r6 += 8; r1 = r6; r2 = %[ring] ll; r3 = 0; r4 = r10; r4 += -8;"
						   "r5 = 8; *(u64 *)(r10 - 8) = r5; call 111;")
PROGRAM("tp_btf/task_newtask", queue_in_tracing, "r1 = %[queues] ll;")
PROGRAM("kprobe/do_nanosleep", queue_in_probe, "r1 = %[queues] ll;")
PROGRAM("tp_btf/task_newtask", address_of_function, "call 173;")
PROGRAM("kprobe/do_nanosleep", address_of_probe, "call 173;")

/* A map that programs only read. */
PROGRAM("tc", update_of_constant, "r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = %[constants] ll; r2 = r10; r2 += -8; r3 = r2;"
				  "r4 = 0; call 2;")
PROGRAM("tc", store_to_constant, "r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = %[constants] ll; r2 = r10; r2 += -8; call 1;"
				 "if r0 == 0 goto +2; r1 = 1; *(u64 *)(r0 + 0) = r1;")

/* A map of sockets has no values to peek at. */
PROGRAM("tc", peeked_socket, "r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = %[sockets] ll; r2 = r10; r2 += -8; call 89;")

/* A ring has no elements to walk. */
static long walked(void *map, void *key, void *value, void *ctx)
{
	return 0;
}

SEC("tc")
int walk_of_ring(void *ctx)
{
	for_each_map_elem(&ring, walked, NULL, 0);
	return 0;
}

/* What a callback returns is a number. */
static NAKED long returns_context(void)
{
	__asm__ volatile("r0 = r2; exit;");
}

SEC("tc")
int callback_returns_pointer(void *ctx)
{
	u64 word = 0;

	loop(3, returns_context, &word, 0);
	return 0;
}

static NAKED long returns_map(void)
{
	__asm__ volatile("r0 = %[ring] ll; exit;" ::[ring] "i"(&ring));
}

SEC("tc")
int callback_returns_map(void *ctx)
{
	loop(3, returns_map, NULL, 0);
	return 0;
}

/* Called back is what is static. */
GLOBAL long everywhere(u32 i, u64 ctx)
{
	return 0;
}

SEC("tc")
int callback_is_global(void *ctx)
{
	loop(3, everywhere, NULL, 0);
	return 0;
}

/* A function cannot leave the address of its own stack in that of its caller. */
static __attribute__((used)) NAKED int leaves_address(void)
{
	__asm__ volatile("r2 = r10; *(u64 *)(r1 + 0) = r2; r0 = 0; exit;");
}

SEC("tc")
NAKED int address_left(void)
{
	__asm__ volatile("r1 = r10; r1 += -8; call leaves_address; r0 = 0; exit;");
}

/* Packets: an index that may be negative, and one that is not aligned. */
SEC("xdp")
NAKED int before_packet(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 0);"
			 "r7 = *(u32 *)(r1 + 4);"
			 "call 7;"
			 "r0 &= 15;"
			 "r0 += -8;"
			 "r6 += r0;"
			 "r2 = r6;"
			 "r2 += 8;"
			 "if r2 > r7 goto +1;"
			 "r0 = *(u8 *)(r6 + 0);"
			 "r0 = 2;"
			 "exit;");
}

/* Instructions that no kernel decodes, or that name what is not there. */
PROGRAM("tc", atomic_byte, "r1 = 1; *(u64 *)(r10 - 8) = r1; .8byte 0x00000000fff81ad3;")
PROGRAM("tc", packet_load_with_register, "r6 = r1; .8byte 0x0000000000000120;")
PROGRAM("tc", map_by_index, "r1 = 0; .8byte 0x0000000000005118; .8byte 0;")
PROGRAM("tc", value_by_index, "r1 = 0; .8byte 0x0000000000006118; .8byte 0;")
PROGRAM("tc", variable_of_module, ".8byte 0x0000000100003118; .8byte 0x0000000100000000;")
PROGRAM("tc", variable_is_type, ".8byte 0x0000000100003118; .8byte 0;")

/* Past the end of the global variables, and past all. */
u64 table[2];

SEC("tc")
NAKED int global_after_end(void)
{
	__asm__ volatile("r1 = table + 4096 ll; r0 = 0; exit;");
}

SEC("tc")
NAKED int global_far_away(void)
{
	__asm__ volatile("r1 = table + 536870912 ll; r0 = 0; exit;");
}

/* What was made of a type for each processor is no task. */
SEC("tp_btf/task_newtask")
int acquire_percpu(u64 *ctx)
{
	struct percpu *object = bpf_percpu_obj_new_impl(TYPE_OF(struct percpu), NULL);

	if (!object)
		return 0;
	bpf_task_acquire((void *)object);
	bpf_percpu_obj_drop_impl(object, NULL);
	return 0;
}

SEC("tc")
int drop_of_stack(void *ctx)
{
	struct percpu object = { 1 };

	bpf_obj_drop_impl(&object, NULL);
	return 0;
}

SEC("tc")
int drop_of_context(void *ctx)
{
	bpf_obj_drop_impl(ctx, NULL);
	return 0;
}

SEC("tc")
int drop_of_percpu(void *ctx)
{
	struct percpu *object = bpf_percpu_obj_new_impl(TYPE_OF(struct percpu), NULL);

	if (object)
		bpf_obj_drop_impl(object, NULL);
	return 0;
}

SEC("tc")
int percpu_drop_of_object(void *ctx)
{
	struct percpu *object = bpf_obj_new_impl(TYPE_OF(struct percpu), NULL);

	if (object)
		bpf_percpu_obj_drop_impl(object, NULL);
	return 0;
}

/* A socket is released as it was found. */
SEC("tc")
NAKED int released_beside(void)
{
	__asm__ volatile("r2 = 0;"
			 "*(u64 *)(r10 - 8) = r2;"
			 "*(u64 *)(r10 - 16) = r2;"
			 "r2 = r10;"
			 "r2 += -12;"
			 "r3 = 12;"
			 "r4 = -1;"
			 "r5 = 0;"
			 "call 84;"
			 "if r0 == 0 goto +4;"
			 "r6 = r0;"
			 "r1 = r0;"
			 "r1 += 4;"
			 "call 86;"
			 "r0 = 0;"
			 "exit;");
}

/* As one of the kernel's. */
SEC("tc")
NAKED int released_beside_as_object(void)
{
	__asm__ volatile("r2 = 0;"
			 "*(u64 *)(r10 - 8) = r2;"
			 "*(u64 *)(r10 - 16) = r2;"
			 "r2 = r10;"
			 "r2 += -12;"
			 "r3 = 12;"
			 "r4 = -1;"
			 "r5 = 0;"
			 "call 99;"
			 "if r0 == 0 goto +9;"
			 "r6 = r0;"
			 "r1 = r0;"
			 "call 137;"
			 "if r0 != 0 goto +2;"
			 "r1 = r6;"
			 "goto +2;"
			 "r1 = r0;"
			 "r1 += 8;"
			 "call 86;"
			 "r0 = 0;"
			 "exit;");
}

/* Nothing for each processor. */
struct nothing {};

SEC("tc")
int percpu_of_nothing(void *ctx)
{
	struct nothing *object = bpf_percpu_obj_new_impl(TYPE_OF(struct nothing), NULL);

	if (object)
		bpf_percpu_obj_drop_impl(object, NULL);
	return 0;
}
