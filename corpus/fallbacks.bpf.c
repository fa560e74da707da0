// SPDX-License-Identifier: GPL-2.0-only
/* Programs that load on old and new kernels alike, by the means that verdict advises where a kernel lacks something:
 * a condition that is known when the program is verified, and another way beside it.
 */
#include "corpus.h"

#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 0)
#define field_exists(field) __builtin_preserve_field_info(field, 2)

enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
};

struct task_struct {
	int pid;
} RELOCATED;

struct task_struct___new {
	unsigned int __state;
} RELOCATED;

struct task_struct___old {
	long state;
} RELOCATED;

KCONFIG int LINUX_KERNEL_VERSION;
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC const int no_such_variable;

HELPER(158, struct task_struct *, get_current_task_btf, void);
HELPER(174, u64, get_attach_cookie, void *ctx);

u64 seen[8];

/* bpf_get_current_task_btf() came with 5.11. */
SEC("tp_btf/task_newtask")
int helper(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	if (enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		task = get_current_task_btf();
	seen[0] = task->pid;
	return 0;
}

/* Programs of this type may call bpf_get_attach_cookie() since 6.10, others since 5.15. */
SEC("raw_tp/task_newtask")
int helper_for_type(u64 *ctx)
{
	if (LINUX_KERNEL_VERSION >= KERNEL_VERSION(6, 10, 0))
		seen[1] = get_attach_cookie(ctx);
	return 0;
}

/* bpf_rcu_read_lock() came with 6.2. */
SEC("tp_btf/task_newtask")
int kfunc(u64 *ctx)
{
	if (bpf_rcu_read_lock) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
	}
	return 0;
}

/* The member has another name since 5.14. */
SEC("tp_btf/task_newtask")
int field(u64 *ctx)
{
	struct task_struct___new *now = (void *)ctx[0];
	struct task_struct___old *before = (void *)ctx[0];

	seen[2] = field_exists(now->__state) ? now->__state : before->state;
	return 0;
}

SEC("tp_btf/task_newtask")
int symbol(u64 *ctx)
{
	if (&no_such_variable)
		seen[3] = no_such_variable;
	return 0;
}
