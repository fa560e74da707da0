// SPDX-License-Identifier: GPL-2.0-only
/* CO-RE: identity and size of types that the kernel lacks or has. */
#include "corpus.h"

struct no_such_type {
	int x;
} RELOCATED;
struct task_struct {
	int pid;
} RELOCATED;

SEC("tc")
int id_lacking(void *ctx)
{
	return __builtin_btf_type_id(*(struct no_such_type *)0, 1) != 0;
}

SEC("tc")
int id(void *ctx)
{
	return __builtin_btf_type_id(*(struct task_struct *)0, 1) != 0;
}

SEC("tc")
int id_local(void *ctx)
{
	return __builtin_btf_type_id(*(struct no_such_type *)0, 0) != 0;
}

SEC("tc")
int size_lacking(void *ctx)
{
	return __builtin_preserve_type_info(*(struct no_such_type *)0, 1);
}

SEC("tc")
int size(void *ctx)
{
	return __builtin_preserve_type_info(*(struct task_struct *)0, 1) > 64;
}

SEC("tc")
int exists(void *ctx)
{
	if (__builtin_preserve_type_info(*(struct no_such_type *)0, 0))
		return *(volatile int *)0;
	return 1;
}
