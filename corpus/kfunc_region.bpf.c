// SPDX-License-Identifier: GPL-2.0-only
/* Regions that kfuncs open and close: RCU, preemption; and what lives in them only. */
#include "corpus.h"

struct task_struct {
	int pid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
} RELOCATED;

struct cgroup_subsys_state { int unused; };
struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_iter_css_task { u64 opaque[1]; } __attribute__((aligned(8)));

KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC struct task_struct *bpf_task_from_pid(s32 pid);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC void bpf_preempt_disable(void);
KFUNC void bpf_preempt_enable(void);
KFUNC int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags);
KFUNC int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, unsigned int flags);
KFUNC struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it);
KFUNC void bpf_iter_task_destroy(struct bpf_iter_task *it);
KFUNC int bpf_iter_css_task_new(struct bpf_iter_css_task *it, struct cgroup_subsys_state *css,
				unsigned int flags);
KFUNC void bpf_iter_css_task_destroy(struct bpf_iter_css_task *it);
KFUNC void bpf_throw(u64 cookie);
HELPER(158, struct task_struct *, get_current_task_btf, void);

char text[16];
u64 seen;

/* RCU sections do not nest: rejected. */
SEC("lsm.s/file_open")
int nested(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

/* There is no section to leave: rejected. */
SEC("lsm.s/file_open")
int unmatched(void *ctx)
{
	bpf_rcu_read_unlock();
	return 0;
}

/* Sleeps in an RCU section: rejected. */
SEC("lsm.s/file_open")
int sleeps_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

/* Sleeps with preemption off: rejected. */
SEC("lsm.s/file_open")
int sleeps_preempt(void *ctx)
{
	bpf_preempt_disable();
	bpf_copy_from_user_str(text, sizeof(text), NULL, 0);
	bpf_preempt_enable();
	return 0;
}

/* Preemption is turned off twice, and on. */
SEC("lsm.s/file_open")
int preempt_twice(void *ctx)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	seen++;
	bpf_preempt_enable();
	bpf_preempt_enable();
	return bpf_copy_from_user_str(text, sizeof(text), NULL, 0) & 0;
}

/* Preemption stays off: rejected. */
SEC("lsm.s/file_open")
int preempt_left(void *ctx)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	return 0;
}

/* Preemption was on: rejected. */
SEC("lsm.s/file_open")
int preempt_unmatched(void *ctx)
{
	bpf_preempt_enable();
	return 0;
}

SEC("lsm.s/file_open")
int parent(void *ctx)
{
	struct task_struct *task = get_current_task_btf(), *parent, *owned;

	bpf_rcu_read_lock();
	parent = task->real_parent;
	if (!parent) {
		bpf_rcu_read_unlock();
		return 0;
	}
	seen = parent->pid;
	owned = bpf_task_acquire(parent);
	bpf_rcu_read_unlock();
	if (owned) {
		seen += owned->pid;
		bpf_task_release(owned);
	}
	return 0;
}

/* The section that protected it is over: rejected. */
SEC("lsm.s/file_open")
int parent_stale(void *ctx)
{
	struct task_struct *task = get_current_task_btf(), *parent, *owned;

	bpf_rcu_read_lock();
	parent = task->real_parent;
	bpf_rcu_read_unlock();
	owned = bpf_task_acquire(parent);
	if (owned)
		bpf_task_release(owned);
	return 0;
}

/* Nor is it good in a spill: rejected. */
SEC("lsm.s/file_open")
int parent_spilled(void *ctx)
{
	struct task_struct *task = get_current_task_btf(), *parent, *volatile kept;

	bpf_rcu_read_lock();
	kept = task->real_parent;
	bpf_rcu_read_unlock();
	parent = kept;
	seen = parent->pid;
	bpf_task_release(parent);
	return 0;
}

SEC("lsm.s/file_open")
int tasks(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *task;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while ((task = bpf_iter_task_next(&it)))
		seen += task->pid;
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}

/* This iterator needs an RCU section: rejected. */
SEC("lsm.s/file_open")
int tasks_no_rcu(void *ctx)
{
	struct bpf_iter_task it;
	struct task_struct *task;

	bpf_iter_task_new(&it, NULL, 0);
	while ((task = bpf_iter_task_next(&it)))
		seen += task->pid;
	bpf_iter_task_destroy(&it);
	return 0;
}

/* It cannot even be ended outside: rejected. */
SEC("lsm.s/file_open")
int tasks_after_rcu(void *ctx)
{
	struct bpf_iter_task it;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	bpf_iter_task_next(&it);
	bpf_rcu_read_unlock();
	bpf_iter_task_destroy(&it);
	return 0;
}

/* Not for programs that cannot sleep: rejected. */
SEC("tp_btf/task_newtask")
int css_tasks(u64 *ctx)
{
	struct bpf_iter_css_task it;

	bpf_iter_css_task_new(&it, (void *)ctx[0], 0);
	bpf_iter_css_task_destroy(&it);
	return 0;
}

/* Thrown out of an RCU section: rejected. */
SEC("tc")
int throws_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_throw(1);
	return 0;
}

/* Thrown with preemption off: rejected. */
SEC("tc")
int throws_preempt(void *ctx)
{
	bpf_preempt_disable();
	bpf_throw(1);
	return 0;
}

SEC("tc")
int throws(struct xdp_md *ctx)
{
	bpf_throw(ctx->data);
	return 0;
}

/* What is thrown is not what the program may return: rejected. */
SEC("fentry/__x64_sys_getpgid")
int throws_bad(void *ctx)
{
	bpf_throw(7);
	return 0;
}

SEC("lsm/file_open")
int atomic_parent(void *ctx)
{
	struct task_struct *task = get_current_task_btf(), *parent, *volatile kept;

	kept = task->real_parent;
	bpf_rcu_read_lock();
	seen = kept->pid;
	bpf_rcu_read_unlock();
	parent = kept;
	seen += parent->pid;
	return 0;
}

/* Elements are good under RCU only, the argument must be trusted: rejected. */
SEC("lsm.s/file_open")
int tasks_nested(void *ctx)
{
	struct bpf_iter_task outer, inner;
	struct task_struct *task, *thread, *owned;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&outer, NULL, 0);
	while ((task = bpf_iter_task_next(&outer))) {
		bpf_iter_task_new(&inner, task, 1);
		while ((thread = bpf_iter_task_next(&inner))) {
			if (thread->pid > 100)
				break;
			owned = bpf_task_acquire(thread);
			if (owned)
				bpf_task_release(owned);
			seen++;
		}
		bpf_iter_task_destroy(&inner);
	}
	bpf_iter_task_destroy(&outer);
	bpf_rcu_read_unlock();
	return 0;
}

NOINLINE int locked(void)
{
	bpf_rcu_read_unlock();
	return 0;
}

/* The section is left in another function. */
SEC("lsm.s/file_open")
int across(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_preempt_disable();
	locked();
	bpf_preempt_enable();
	return 0;
}

GLOBAL int stand_alone(int x)
{
	seen += x;
	return 0;
}

/* A function that is verified on its own is not called with preemption off: rejected. */
SEC("lsm.s/file_open")
int global_preempt(void *ctx)
{
	bpf_preempt_disable();
	stand_alone(1);
	bpf_preempt_enable();
	return 0;
}

SEC("lsm.s/file_open")
int global_rcu(void *ctx)
{
	bpf_rcu_read_lock();
	stand_alone(1);
	bpf_rcu_read_unlock();
	return 0;
}

/* The iterator is lost: rejected. */
SEC("tc")
int throws_iter(void *ctx)
{
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, NULL, 0);
	bpf_throw(0);
	return 0;
}
