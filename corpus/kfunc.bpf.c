// SPDX-License-Identifier: GPL-2.0-only
/* kfuncs: typed by the kernel's BTF, with flags for what they acquire, release and need. */
#include "corpus.h"

struct task_struct {
	int pid;
} RELOCATED;

KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);
KFUNC struct task_struct *bpf_task_from_pid(s32 pid);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);

u64 seen;

SEC("tp_btf/task_newtask")
int acquired(u64 *ctx)
{
	struct task_struct *task = bpf_task_acquire((void *)ctx[0]);

	if (task) {
		seen = task->pid;
		bpf_task_release(task);
	}
	return 0;
}

/* Never released: rejected. */
SEC("tp_btf/task_newtask")
int leaked(u64 *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task)
		seen = task->pid;
	return 0;
}

/* It may be NULL: rejected. */
SEC("tp_btf/task_newtask")
int maybe_null(u64 *ctx)
{
	bpf_task_release(bpf_task_from_pid(1));
	return 0;
}

/* The kfunc is not for this program type: rejected. */
SEC("socket")
int wrong_type(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int read_lock(u64 *ctx)
{
	bpf_rcu_read_lock();
	seen = ((struct task_struct *)ctx[0])->pid;
	bpf_rcu_read_unlock();
	return 0;
}

/* The RCU section is left open: rejected. */
SEC("tp_btf/task_newtask")
int left_open(u64 *ctx)
{
	bpf_rcu_read_lock();
	return 0;
}
