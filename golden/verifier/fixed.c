// SPDX-License-Identifier: GPL-2.0-only
/* What of test_verifier is the same in every run: no module of test functions is there, no program is executed, and random
 * instructions are always the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define ENOTSUPP 524

int __wrap_load_bpf_testmod(bool verbose)
{
	return 0;
}

int __wrap_unload_bpf_testmod(bool verbose)
{
	return 0;
}

int __wrap_bpf_prog_test_run_opts(int prog, void *opts)
{
	errno = ENOTSUPP;
	return -ENOTSUPP;
}

void __real_srand(unsigned int seed);

void __wrap_srand(unsigned int seed)
{
	__real_srand(1);
}
