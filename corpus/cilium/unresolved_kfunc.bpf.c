// SPDX-License-Identifier: GPL-2.0-only
/* A program calls a kernel function that is not there; others do not, or only if it is there. */
#include "corpus.h"

#define KFUNCS_STRONG
extern int no_such_kfunc(int x) __attribute__((section(".ksyms")));
extern int no_such_weak_kfunc(int x) __attribute__((section(".ksyms"), weak));

SEC("tc")
int calls(void *ctx)
{
	return no_such_kfunc(1);
}

SEC("tc")
int does_not(void *ctx)
{
	return 0;
}

SEC("tc")
int asks(void *ctx)
{
	if (no_such_weak_kfunc)
		return no_such_weak_kfunc(1);
	return 2;
}

SEC("tc")
int calls_weak(void *ctx)
{
	return no_such_weak_kfunc(1);
}
