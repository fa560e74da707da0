// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of kfuncs: kinds by their types and by the ends of their names. */
#include "corpus.h"

struct task_struct {
	int pid;
	struct task_struct *real_parent;
} RELOCATED;
struct cgroup { int unused; };
struct file { int unused; };
struct cpumask { int unused; };
struct bpf_cpumask { int unused; };
struct bpf_map { int unused; };
struct __sk_buff { int unused; };
struct sk_buff { u32 len; } RELOCATED;
struct bpf_iter_bits { u64 opaque[2]; } __attribute__((aligned(8)));

KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC struct task_struct *bpf_task_from_pid(s32 pid);
KFUNC long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor);
KFUNC struct bpf_cpumask *bpf_cpumask_create(void);
KFUNC void bpf_cpumask_release(struct bpf_cpumask *cpumask);
KFUNC u32 bpf_cpumask_first(const struct cpumask *cpumask);
KFUNC void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask);
KFUNC s64 bpf_map_sum_elem_count(const struct bpf_map *map);
KFUNC void *bpf_cast_to_kern_ctx(void *obj);
KFUNC void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k);
KFUNC int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit);
KFUNC void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk);
KFUNC void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk);
KFUNC int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit);
KFUNC int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end);
KFUNC int bpf_get_file_xattr(struct file *file, const char *name__str, struct bpf_dynptr *value_p);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
KFUNC int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *unsafe_ptr__ign, u32 nr_words);
KFUNC int *bpf_iter_bits_next(struct bpf_iter_bits *it);
KFUNC void bpf_iter_bits_destroy(struct bpf_iter_bits *it);
KFUNC int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u64);
} numbers SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

u64 seen;
char text[16];
const char name[] = "user.kfuncs";

/* A pointer where a number is wanted: rejected. */
SEC("tc")
int number(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, (long)ctx, 3);
	bpf_iter_num_destroy(&it);
	return 0;
}

/* The slot has an iterator already: rejected. */
SEC("tc")
int iter_twice(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	return 0;
}

/* There is no iterator yet: rejected. */
SEC("tc")
int iter_none(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_next(&it);
	return 0;
}

/* An iterator of another type: rejected. */
SEC("tc")
int iter_kind(void *ctx)
{
	struct bpf_iter_num it[2];

	bpf_iter_num_new(&it[0], 0, 3);
	bpf_iter_bits_destroy((void *)&it[0]);
	return 0;
}

/* Iterators live on the stack: rejected. */
SEC("tc")
int iter_map(void *ctx)
{
	bpf_iter_num_new((void *)&seen, 0, 3);
	return 0;
}

/* Iterators are aligned: rejected. */
SEC("tc")
int iter_misplaced(void *ctx)
{
	u64 area[3];

	bpf_iter_num_new((void *)((char *)area + 4), 0, 3);
	return 0;
}

SEC("tc")
int bits(void *ctx)
{
	struct bpf_iter_bits it;
	int *bit;

	bpf_iter_bits_new(&it, (void *)0xffff, 1);
	while ((bit = bpf_iter_bits_next(&it)))
		seen += *bit;
	bpf_iter_bits_destroy(&it);
	return 0;
}

/* Elements are read-only: rejected. */
SEC("tc")
int bits_written(void *ctx)
{
	struct bpf_iter_bits it;
	int *bit;

	bpf_iter_bits_new(&it, NULL, 1);
	bit = bpf_iter_bits_next(&it);
	if (bit)
		*bit = 1;
	bpf_iter_bits_destroy(&it);
	return 0;
}

/* The program does not own the task: rejected. */
SEC("tp_btf/task_newtask")
int release_plain(u64 *ctx)
{
	bpf_task_release((void *)ctx[0]);
	return 0;
}

/* A task is not plain memory: rejected. */
SEC("tp_btf/task_newtask")
int release_stack(u64 *ctx)
{
	u64 word = 0;

	bpf_task_release((void *)&word);
	return 0;
}

/* Nor is it a number: rejected. */
SEC("tp_btf/task_newtask")
int release_number(u64 *ctx)
{
	bpf_task_release((void *)1);
	return 0;
}

/* An object of another type: rejected. */
SEC("tp_btf/task_newtask")
int release_wrong(u64 *ctx)
{
	void *mask = bpf_cpumask_create();

	if (mask)
		bpf_task_release(mask);
	return 0;
}

/* Not the start of the object: rejected. */
SEC("tp_btf/task_newtask")
int release_offset(u64 *ctx)
{
	void *task = bpf_task_from_pid(1);

	if (task)
		bpf_task_release(task + 8);
	return 0;
}

/* Released already: rejected. */
SEC("tp_btf/task_newtask")
int release_twice(u64 *ctx)
{
	void *task = bpf_task_from_pid(1), *other = task;

	if (task) {
		bpf_task_release(task);
		hide(other);
		bpf_task_release(other);
	}
	return 0;
}

/* A bpf_cpumask begins with a cpumask. */
SEC("tp_btf/task_newtask")
int cpumask(u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return 0;
	bpf_cpumask_set_cpu(1, mask);
	seen = bpf_cpumask_first((void *)mask);
	bpf_cpumask_release(mask);
	return 0;
}

/* A pointer where a number is wanted: rejected. */
SEC("tp_btf/task_newtask")
int cpumask_number(u64 *ctx)
{
	bpf_cpumask_set_cpu((long)ctx, NULL);
	return 0;
}

/* An object of another type: rejected. */
SEC("tp_btf/task_newtask")
int cpumask_task(u64 *ctx)
{
	seen = bpf_cpumask_first((void *)ctx[0]);
	return 0;
}

/* Memory will do for a struct of numbers, but there is too little: rejected. */
SEC("tp_btf/task_newtask")
int cpumask_map(u64 *ctx)
{
	seen = bpf_cpumask_first((void *)&seen);
	return 0;
}

/* RCU protects both. */
SEC("tp_btf/task_newtask")
int untrusted(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	task = task->real_parent;
	if (!task)
		return 0;
	task = task->real_parent;
	if (!task)
		return 0;
	task = bpf_task_acquire(task);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("tc")
int map_count(void *ctx)
{
	seen = bpf_map_sum_elem_count((void *)&numbers);
	return 0;
}

/* It may be NULL: rejected. */
SEC("tc")
int map_count_value(void *ctx)
{
	u32 key = 0;
	void *value = map_lookup_elem(&numbers, &key);

	seen = bpf_map_sum_elem_count(value);
	return 0;
}

SEC("tc")
int kern_ctx(void *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	seen = skb->len;
	return 0;
}

/* Not the context: rejected. */
SEC("tc")
int kern_ctx_stack(void *ctx)
{
	u64 word = 0;
	struct sk_buff *skb = bpf_cast_to_kern_ctx(&word);

	seen = skb->len;
	return 0;
}

/* The kernel has no struct for this context: rejected. */
SEC("tp/sched/sched_switch")
int kern_ctx_tp(void *ctx)
{
	void *skb = bpf_cast_to_kern_ctx(ctx);

	seen = *(u64 *)skb;
	return 0;
}

/* Nor for this one: rejected. */
SEC("raw_tp/sched_switch")
int kern_ctx_raw(void *ctx)
{
	bpf_cast_to_kern_ctx(ctx);
	return 0;
}

/* The type is no constant: rejected. */
SEC("tc")
int cast_unknown(void *ctx)
{
	bpf_rdonly_cast(ctx, get_prandom_u32());
	return 0;
}

/* There is no such type: rejected. */
SEC("tc")
int cast_none(void *ctx)
{
	bpf_rdonly_cast(ctx, 0x7fffffff);
	return 0;
}

/* The type is no struct: rejected. */
SEC("tc")
int cast_int(void *ctx)
{
	bpf_rdonly_cast(ctx, 1);
	return 0;
}

SEC("tc")
int slices(struct __sk_buff *ctx)
{
	struct bpf_dynptr packet, copy;
	u8 buffer[8] = {}, *data;

	bpf_dynptr_from_skb(ctx, 0, &packet);
	bpf_dynptr_clone(&packet, &copy);
	bpf_dynptr_adjust(&copy, 1, 3);
	data = bpf_dynptr_slice(&packet, 4, buffer, sizeof(buffer));
	if (data)
		seen = data[7];
	data = bpf_dynptr_slice_rdwr(&copy, 4, NULL, 4);
	if (data)
		data[3] = 1;
	return 0;
}

/* The slice is read-only: rejected. */
SEC("tc")
int slice_written(struct __sk_buff *ctx)
{
	struct bpf_dynptr packet;
	u8 *data;

	bpf_dynptr_from_skb(ctx, 0, &packet);
	data = bpf_dynptr_slice(&packet, 4, NULL, 8);
	if (data)
		data[1] = 1;
	return 0;
}

/* The size is no constant: rejected. */
SEC("tc")
int slice_unknown(struct __sk_buff *ctx)
{
	struct bpf_dynptr packet;
	u8 buffer[8] = {};

	bpf_dynptr_from_skb(ctx, 0, &packet);
	bpf_dynptr_slice(&packet, 4, buffer, get_prandom_u32() & 7);
	return 0;
}

/* The buffer is smaller: rejected. */
SEC("tc")
int slice_long(struct __sk_buff *ctx)
{
	struct bpf_dynptr packet;
	u8 buffer[8] = {};

	bpf_dynptr_from_skb(ctx, 0, &packet);
	bpf_dynptr_slice(&packet, 4, buffer, 9);
	return 0;
}

/* Not a dynptr: rejected. */
SEC("tc")
int slice_nothing(struct __sk_buff *ctx)
{
	bpf_dynptr_slice((void *)&seen, 4, NULL, 9);
	return 0;
}

SEC("tc")
int clone_ringbuf(struct __sk_buff *ctx)
{
	struct bpf_dynptr record, copy;
	u64 *data;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	bpf_dynptr_clone(&record, &copy);
	data = bpf_dynptr_slice_rdwr(&copy, 0, NULL, 8);
	if (data)
		*data = 1;
	ringbuf_submit_dynptr(&record, 0);
	return 0;
}

/* The clone ends with the reservation: rejected. */
SEC("tc")
int clone_used(struct __sk_buff *ctx)
{
	struct bpf_dynptr record, copy;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	bpf_dynptr_clone(&record, &copy);
	ringbuf_submit_dynptr(&record, 0);
	bpf_dynptr_adjust(&copy, 0, 1);
	return 0;
}

/* This program may not write packets: rejected. */
SEC("socket")
int slice_rdwr_socket(struct __sk_buff *ctx)
{
	struct bpf_dynptr packet;

	bpf_dynptr_from_skb(ctx, 0, &packet);
	bpf_dynptr_slice_rdwr(&packet, 4, NULL, 8);
	return 0;
}

/* The kfunc is not for this program type: rejected. */
SEC("xdp")
int from_skb_xdp(void *ctx)
{
	struct bpf_dynptr packet;

	bpf_dynptr_from_skb(ctx, 0, &packet);
	return 0;
}

SEC("lsm.s/file_open")
int xattr(u64 *ctx)
{
	struct bpf_dynptr value;

	dynptr_from_mem(text, sizeof(text), 0, &value);
	bpf_get_file_xattr((void *)ctx[0], name, &value);
	return 0;
}

/* The name is no constant: rejected. */
SEC("lsm.s/file_open")
int xattr_writable(u64 *ctx)
{
	struct bpf_dynptr value;

	dynptr_from_mem(text, sizeof(text), 0, &value);
	bpf_get_file_xattr((void *)ctx[0], text, &value);
	return 0;
}

/* The name is on the stack: rejected. */
SEC("lsm.s/file_open")
int xattr_stack(u64 *ctx)
{
	struct bpf_dynptr value;
	char name[8] = "user.x";

	dynptr_from_mem(text, sizeof(text), 0, &value);
	bpf_get_file_xattr((void *)ctx[0], name, &value);
	return 0;
}

/* Not a dynptr: rejected. */
SEC("lsm.s/file_open")
int xattr_plain_dynptr(u64 *ctx)
{
	bpf_get_file_xattr((void *)ctx[0], name, (void *)text);
	return 0;
}

/* One byte too many: rejected. */
SEC("lsm.s/file_open")
int copy_size(u64 *ctx)
{
	return bpf_copy_from_user_str(text, 17, NULL, 0) & 0;
}

SEC("lsm.s/file_open")
int copy_range(u64 *ctx)
{
	u32 size = get_prandom_u32();

	if (size > 16)
		return 0;
	return bpf_copy_from_user_str(text, size, NULL, 0) & 0;
}

/* The pointer may be NULL here. */
SEC("lsm.s/file_open")
int copy_maybe_null(u64 *ctx)
{
	u32 key = 0;
	void *value = map_lookup_elem(&numbers, &key);

	return bpf_copy_from_user_str(value, 8, NULL, 0) & 0;
}

/* The size is unbounded: rejected. */
SEC("lsm.s/file_open")
int copy_negative(u64 *ctx)
{
	return bpf_copy_from_user_str(text, get_prandom_u32() * 8, NULL, 0) & 0;
}

/* An object of the kernel is no memory: rejected. */
SEC("lsm.s/file_open")
int copy_to_file(u64 *ctx)
{
	return bpf_copy_from_user_str((void *)ctx[0], 8, NULL, 0) & 0;
}

SEC("lsm.s/file_open")
int copy_to_stack(u64 *ctx)
{
	char buffer[12];

	return bpf_copy_from_user_str(buffer, sizeof(buffer), NULL, 0) + buffer[3] & 0;
}
