// SPDX-License-Identifier: GPL-2.0-only
/* Kernel functions whose arguments or regions are refused: interrupt flags, locks that can fail, work of tasks, objects. */
#include "corpus.h"

struct task_struct {
	int pid;
	struct task_struct *real_parent;
} RELOCATED;
struct file { int unused; };
struct bpf_cpumask { int unused; };
struct bpf_key { int unused; };
struct bpf_res_spin_lock { u32 val; };
struct bpf_task_work { u64 opaque; } __attribute__((aligned(8)));
struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));

KFUNC void bpf_local_irq_save(unsigned long *flags__irq_flag);
KFUNC void bpf_local_irq_restore(unsigned long *flags__irq_flag);
KFUNC int bpf_res_spin_lock(struct bpf_res_spin_lock *lock);
KFUNC void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock);
KFUNC int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag);
KFUNC void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags__irq_flag);
KFUNC int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);
KFUNC int bpf_task_work_schedule_signal(struct task_struct *task, struct bpf_task_work *tw, void *map__map,
					void *callback, void *aux__prog);
KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC struct task_struct *bpf_task_from_pid(s32 pid);
KFUNC struct bpf_cpumask *bpf_cpumask_create(void);
KFUNC void bpf_cpumask_release(struct bpf_cpumask *cpumask);
KFUNC _Bool bpf_cpumask_empty(const struct bpf_cpumask *cpumask);
KFUNC struct bpf_key *bpf_lookup_user_key(s32 serial, u64 flags);
KFUNC struct bpf_key *bpf_lookup_system_key(u64 id);
KFUNC void bpf_key_put(struct bpf_key *key);
KFUNC int bpf_get_file_xattr(struct file *file, const char *name__str, struct bpf_dynptr *value_p);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);


struct first {
	u64 before;
	struct bpf_res_spin_lock lock;
};

struct works {
	u64 before;
	struct bpf_task_work work;
};

#define VALUES(name, type_of_values)                                                                                   \
	struct {                                                                                                       \
		NUMBER(type, ARRAY);                                                                                   \
		NUMBER(max_entries, 2);                                                                                \
		TYPE(key, u32);                                                                                        \
		TYPE(value, type_of_values);                                                                           \
	} name SEC(".maps")

VALUES(locks, struct first);
VALUES(others, struct first);
VALUES(works, struct works);
VALUES(numbers, u64);

char text[16];
const char name[16] = "user.kfuncs";

static void *at(void *map, u32 key)
{
	return map_lookup_elem(map, &key);
}

/* Flags are a word on the stack. */
SEC("tc")
int flags_elsewhere(void *ctx)
{
	u64 *value = at(&numbers, 0);

	if (value)
		bpf_local_irq_save((void *)value);
	return 0;
}

SEC("tc")
int flags_out_of_order(void *ctx)
{
	unsigned long one, two;

	bpf_local_irq_save(&one);
	bpf_local_irq_save(&two);
	bpf_local_irq_restore(&one);
	bpf_local_irq_restore(&two);
	return 0;
}

SEC("tc")
int flags_left(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	return 0;
}

SEC("syscall")
int sleeps_without_interrupts(void *ctx)
{
	unsigned long flags;
	char text[8];

	bpf_local_irq_save(&flags);
	bpf_copy_from_user_str(text, sizeof(text), (void *)0, 0);
	bpf_local_irq_restore(&flags);
	return 0;
}

/* Those of a lock are not those of interrupts alone. */
SEC("tc")
int flags_of_another_kind(void *ctx)
{
	struct first *value = at(&locks, 0);
	unsigned long flags;

	if (!value)
		return 0;
	if (bpf_res_spin_lock_irqsave(&value->lock, &flags))
		return 0;
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int flags_of_interrupts(void *ctx)
{
	struct first *value = at(&locks, 0);
	unsigned long flags, of_lock;

	if (!value)
		return 0;
	bpf_local_irq_save(&flags);
	if (bpf_res_spin_lock_irqsave(&value->lock, &of_lock)) {
		bpf_local_irq_restore(&flags);
		return 0;
	}
	bpf_res_spin_unlock_irqrestore(&value->lock, &flags);
	return 0;
}

SEC("tc")
int lock_on_stack(void *ctx)
{
	struct bpf_res_spin_lock lock = {};

	bpf_res_spin_lock(&lock);
	return 0;
}

SEC("tc")
int lock_again(void *ctx)
{
	struct first *value = at(&locks, 0);

	if (!value || bpf_res_spin_lock(&value->lock))
		return 0;
	if (!bpf_res_spin_lock(&value->lock))
		bpf_res_spin_unlock(&value->lock);
	bpf_res_spin_unlock(&value->lock);
	return 0;
}

SEC("tc")
int unlock_out_of_order(void *ctx)
{
	struct first *one = at(&locks, 0), *two = at(&others, 0);

	if (!one || !two || bpf_res_spin_lock(&one->lock))
		return 0;
	if (bpf_res_spin_lock(&two->lock)) {
		bpf_res_spin_unlock(&one->lock);
		return 0;
	}
	bpf_res_spin_unlock(&one->lock);
	bpf_res_spin_unlock(&two->lock);
	return 0;
}

SEC("tc")
int unlock_other(void *ctx)
{
	struct first *one = at(&locks, 0), *two = at(&others, 0);

	if (!one || !two || bpf_res_spin_lock(&one->lock))
		return 0;
	bpf_res_spin_unlock(&two->lock);
	return 0;
}

SEC("tc")
int unlock_free(void *ctx)
{
	struct first *one = at(&locks, 0);

	if (one)
		bpf_res_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int no_resilient_lock(void *ctx)
{
	u64 *value = at(&numbers, 0);

	if (value)
		bpf_res_spin_lock((void *)value);
	return 0;
}

SEC("tc")
int lock_beside(void *ctx)
{
	struct first *one = at(&locks, 0);

	if (one)
		bpf_res_spin_lock((void *)one);
	return 0;
}

SEC("tc")
int lock_kept(void *ctx)
{
	struct first *one = at(&locks, 0);

	if (one)
		bpf_res_spin_lock(&one->lock);
	return 0;
}

static int works_on(void *map, void *key, void *value)
{
	return 0;
}

/* Work is a field of a map's value. */
SEC("tp_btf/task_newtask")
int work_on_stack(u64 *ctx)
{
	struct bpf_task_work work = {};

	return bpf_task_work_schedule_signal((void *)ctx[0], &work, &works, works_on, NULL);
}

SEC("tp_btf/task_newtask")
int work_where_is_none(u64 *ctx)
{
	u64 *value = at(&numbers, 0);

	return value ? bpf_task_work_schedule_signal((void *)ctx[0], (void *)value, &numbers, works_on, NULL) : 0;
}

SEC("tp_btf/task_newtask")
int work_beside(u64 *ctx)
{
	struct works *value = at(&works, 0);

	return value ? bpf_task_work_schedule_signal((void *)ctx[0], (void *)value, &works, works_on, NULL) : 0;
}

SEC("tp_btf/task_newtask")
int work_of_another(u64 *ctx)
{
	struct works *value = at(&works, 0);

	return value ? bpf_task_work_schedule_signal((void *)ctx[0], &value->work, &numbers, works_on, NULL) : 0;
}

/* A key that is not held cannot be put. */
SEC("lsm.s/bpf")
int key_put_twice(void *ctx)
{
	struct bpf_key *key = bpf_lookup_system_key(0);

	if (!key)
		return 0;
	bpf_key_put(key);
	bpf_key_put(key);
	return 0;
}

SEC("lsm.s/bpf")
int key_kept(void *ctx)
{
	bpf_lookup_system_key(0);
	return 0;
}

SEC("lsm/bpf")
int key_asleep(void *ctx)
{
	struct bpf_key *key = bpf_lookup_user_key(0, 0);

	if (key)
		bpf_key_put(key);
	return 0;
}

SEC("lsm.s/bpf")
int key_maybe(void *ctx)
{
	struct bpf_key *key = bpf_lookup_system_key(0);

	bpf_key_put(key);
	return 0;
}

SEC("lsm.s/bpf")
int key_on_stack(void *ctx)
{
	struct bpf_key key = {};

	bpf_key_put(&key);
	return 0;
}

SEC("lsm.s/bpf")
int key_of_pointer(void *ctx)
{
	struct bpf_key *key = bpf_lookup_user_key((long)ctx, 0);

	if (key)
		bpf_key_put(key);
	return 0;
}

SEC("lsm.s/bpf")
int key_moved(void *ctx)
{
	struct bpf_key *key = bpf_lookup_system_key(0);

	if (key)
		bpf_key_put((void *)key + 4);
	return 0;
}

SEC("lsm.s/task_alloc")
int key_is_task(u64 *ctx)
{
	bpf_key_put((void *)ctx[0]);
	return 0;
}

/* What a function is given as a dynptr is not to be changed. */
GLOBAL int changes_given(struct file *file TAG("arg:trusted"), struct bpf_dynptr *dynptr)
{
	return bpf_get_file_xattr(file, name, dynptr);
}

SEC("lsm.s/file_open")
int changed_by_function(u64 *ctx)
{
	struct bpf_dynptr dynptr;

	dynptr_from_mem(text, sizeof(text), 0, &dynptr);
	changes_given((void *)ctx[0], &dynptr);
	return 0;
}

/* An iterator is a slot of the stack. */
SEC("tc")
int iterator_in_map(void *ctx)
{
	u64 *value = at(&numbers, 0);

	if (value)
		bpf_iter_num_new((void *)value, 0, 3);
	return 0;
}

SEC("tc")
int iterator_unmade(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_next(&it);
	return 0;
}

/* What lives by RCU alone is not held. */
SEC("tp_btf/task_newtask")
int release_unheld(u64 *ctx)
{
	bpf_task_release((void *)ctx[0]);
	return 0;
}

SEC("tp_btf/task_newtask")
int acquire_maybe(u64 *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	bpf_task_acquire(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int acquire_mask(u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return 0;
	bpf_task_acquire((void *)mask);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask")
int acquire_number(u64 *ctx)
{
	bpf_task_acquire((void *)5);
	return 0;
}

SEC("tp_btf/task_newtask")
int mask_of_task(u64 *ctx)
{
	return bpf_cpumask_empty((void *)ctx[0]);
}
