// SPDX-License-Identifier: GPL-2.0-only
/* Saved interrupt flags have a slot of the stack (Linux 6.14). */
#include "corpus.h"

KFUNC void bpf_local_irq_save(unsigned long *flags__irq_flag);
KFUNC void bpf_local_irq_restore(unsigned long *flags__irq_flag);

/* Saved and restored. Accepted. */
SEC("tc")
int restored(u32 *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}

/* Saved between two slots. Rejected, and where is said first. */
SEC("tc")
int saved_between(u32 *ctx)
{
	unsigned long flags[2] = {};

	bpf_local_irq_save((void *)flags + 4);
	return 0;
}

/* Saved where that is not known. Rejected. */
SEC("tc")
int saved_anywhere(u32 *ctx)
{
	unsigned long flags[2] = {};

	bpf_local_irq_save((void *)flags + (ctx[0] & 8));
	return 0;
}

/* Restored between two slots, and where that is not known. Rejected. */
SEC("tc")
int restored_between(u32 *ctx)
{
	unsigned long flags[2] = {};

	bpf_local_irq_restore((void *)flags + 4);
	return 0;
}

SEC("tc")
int restored_anywhere(u32 *ctx)
{
	unsigned long flags[2] = {};

	bpf_local_irq_restore((void *)flags + (ctx[0] & 8));
	return 0;
}

/* Nothing was saved. Rejected. */
SEC("tc")
int nothing_saved(u32 *ctx)
{
	unsigned long flags = 0;

	bpf_local_irq_restore(&flags);
	return 0;
}

/* Twice into the same slot. Rejected. */
SEC("tc")
int saved_twice(u32 *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_save(&flags);
	return 0;
}
