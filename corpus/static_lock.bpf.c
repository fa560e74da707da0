// SPDX-License-Identifier: GPL-2.0-only
/* A lock in a global variable, which instructions name by its address. */
#include "corpus.h"

struct bpf_spin_lock static_lock SEC(".data.lock") __attribute__((visibility("hidden"), aligned(8)));

/* The address is taken twice: rejected where each time it might be another object. */
SEC("tc")
int named_twice(void *ctx)
{
	spin_lock(&static_lock);
	spin_unlock(&static_lock);
	return 0;
}
