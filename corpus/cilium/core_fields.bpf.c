// SPDX-License-Identifier: GPL-2.0-only
/* CO-RE: members that the kernel has, has elsewhere, or lacks. */
#include "corpus.h"

static long (*probe_read)(void *to, u32 size, const void *from) = (void *)113;
static void *(*current)(void) = (void *)35;
struct task_struct {
	int pid, tgid;
	int no_such_member;
} RELOCATED;

SEC("kprobe/vfs_read")
int has(void *ctx)
{
	struct task_struct *task = current();
	int pid = 0;

	probe_read(&pid, sizeof(pid), &task->pid);
	return pid;
}

SEC("kprobe/vfs_read")
int lacks(void *ctx)
{
	struct task_struct *task = current();
	int pid = 0;

	probe_read(&pid, sizeof(pid), &task->no_such_member);
	return pid;
}

SEC("kprobe/vfs_read")
int guarded(void *ctx)
{
	struct task_struct *task = current();
	int pid = 0;

	if (__builtin_preserve_field_info(task->no_such_member, 2))
		probe_read(&pid, sizeof(pid), &task->no_such_member);
	return pid;
}

SEC("tp_btf/sched_switch")
int direct(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	return task->tgid ? 0 : 0;
}
