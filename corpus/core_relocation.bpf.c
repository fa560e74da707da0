// SPDX-License-Identifier: GPL-2.0-only
/* CO-RE: offsets, sizes and existence come from the chosen kernel's BTF; and pointers typed by BTF may be
 * followed.
 */
#include "corpus.h"

struct list {
	struct list *next;
} RELOCATED;

struct signal {
	int nr_threads;
} RELOCATED;

struct signal___local {
	int no_such_member;
} RELOCATED;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
} RELOCATED;

struct task_struct___other {
	int no_such_member;
} RELOCATED;

u64 seen[8];

SEC("tp_btf/task_newtask")
int follow(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	seen[0] = task->pid;
	seen[1] = task->group_leader->tgid;
	return 0;
}

SEC("tp_btf/task_newtask")
int exists(u64 *ctx)
{
	struct task_struct___other *task = (void *)ctx[0];

	if (__builtin_preserve_field_info(task->no_such_member, 2))
		seen[2] = task->no_such_member; /* poisoned, but never reached */
	else
		seen[2] = __builtin_preserve_type_info(*(struct task_struct *)0, 1);
	return 0;
}

/* A member that the kernel does not have: rejected. */
SEC("tp_btf/task_newtask")
int poisoned(u64 *ctx)
{
	struct task_struct___other *task = (void *)ctx[0];

	seen[3] = task->no_such_member;
	return 0;
}

/* A pointer typed by BTF may not be written through: rejected. */
SEC("tp_btf/task_newtask")
int written(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	task->pid = 1;
	return 0;
}
