// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of global functions that are tagged as untrusted: anything is passed, and nothing written. */
#include "corpus.h"

struct task_struct {
	int pid;
} RELOCATED;

struct no_such_type {
	u32 a;
};

typedef struct {
	int a;
} nameless;

struct __sk_buff {
	u32 len;
};

union bpf_attr {
	u32 a;
};

GLOBAL int pid_of(struct task_struct *task TAG("arg:untrusted"))
{
	return task->pid;
}

GLOBAL u64 word_at(u64 *word TAG("arg:untrusted"))
{
	return word[3];
}

GLOBAL u64 byte_at(void *memory TAG("arg:untrusted"))
{
	return *((u8 *)memory + 1000);
}

SEC("tp_btf/task_newtask")
int read(u64 *ctx)
{
	return pid_of((void *)ctx[0]) + word_at((void *)ctx[1]) + byte_at((void *)8);
}

/* Where the tag is known, what is passed does not matter: here the context, and a number. */
SEC("tc")
int anything(void *ctx)
{
	return (word_at(ctx) + byte_at((void *)7)) & 1;
}

GLOBAL int writes(u64 *word TAG("arg:untrusted"))
{
	word[0] = 1;
	return 0;
}

SEC("tc")
int written(void *ctx)
{
	return writes(ctx);
}

GLOBAL int writes_task(struct task_struct *task TAG("arg:untrusted"))
{
	task->pid = 1;
	return 0;
}

SEC("tp_btf/task_newtask")
int object_written(u64 *ctx)
{
	return writes_task((void *)ctx[0]);
}

u64 seen;

GLOBAL int both_tags(u64 *word TAG("arg:untrusted") TAG("arg:nonnull"))
{
	seen = 1;
	return 0;
}

SEC("tc")
int and_nonnull(void *ctx)
{
	return both_tags(ctx);
}

GLOBAL int both_trusts(struct task_struct *task TAG("arg:untrusted") TAG("arg:trusted"))
{
	seen = 2;
	return 0;
}

SEC("tc")
int and_trusted(void *ctx)
{
	return both_trusts(ctx);
}

GLOBAL int unknown(struct no_such_type *object TAG("arg:untrusted"))
{
	seen = 3;
	return 0;
}

SEC("tc")
int of_no_kernel(void *ctx)
{
	return unknown(ctx);
}

GLOBAL int without_name(nameless *object TAG("arg:untrusted"))
{
	seen = 4;
	return 0;
}

SEC("tc")
int of_nameless(void *ctx)
{
	return without_name((void *)ctx);
}

GLOBAL int of_union(union bpf_attr *attr TAG("arg:untrusted"))
{
	seen = 5;
	return 0;
}

SEC("tc")
int union_of_kernel(void *ctx)
{
	return of_union(ctx);
}

GLOBAL int context(struct __sk_buff *ctx TAG("arg:untrusted"))
{
	seen = 6;
	return 0;
}

SEC("tc")
int of_context(struct __sk_buff *ctx)
{
	return context(ctx);
}
