// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the kernel's types in maps. */
#include "corpus.h"

#define KPTR TYPE_TAG("kptr")
#define UNTRUSTED TYPE_TAG("kptr_untrusted")

struct task_struct {
	int pid;
} RELOCATED;

struct value {
	struct task_struct KPTR *task;
	struct task_struct UNTRUSTED *seen;
};

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

KFUNC struct task_struct *bpf_task_acquire(struct task_struct *task);
KFUNC void bpf_task_release(struct task_struct *task);

SEC("tp_btf/task_newtask")
int keep(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0], *old;
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);

	if (!value)
		return 0;
	value->seen = task;
	task = bpf_task_acquire(task);
	if (!task)
		return 0;
	old = kptr_xchg(&value->task, task);
	if (old)
		bpf_task_release(old);
	return 0;
}
