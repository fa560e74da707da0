// SPDX-License-Identifier: GPL-2.0-only
/* Global functions whose types or tags are refused, and calls that pass them something else than they declare. */
#include "corpus.h"

typedef struct {
	int a;
} nameless;

struct pair {
	u32 a, b;
};

struct __sk_buff {
	u32 len;
};

struct no_such_type {
	u32 a;
};

struct undefined;
struct task_struct { int unused; };

HELPER(35, struct task_struct *, get_current_task, void);

u64 number;

#define CALLS(name, called)                                                                                            \
	SEC("tc")                                                                                                      \
	NAKED int name(void)                               \
	{                                                                                                              \
		__asm__ volatile("call " #called ";"                                                                   \
				 "r0 = 0;"                                                                             \
				 "exit;");                                                                             \
	}

GLOBAL int nameless_context(nameless *ctx TAG("arg:ctx"))
{
	return 0;
}
CALLS(context_without_name, nameless_context)

GLOBAL int pair_as_context(struct pair *ctx TAG("arg:ctx"))
{
	return 0;
}
CALLS(context_of_another_type, pair_as_context)

/* Programs of this type have no struct for a context; those of the other take anything. */
GLOBAL int pair_of_hook(struct pair *ctx TAG("arg:ctx"))
{
	return 0;
}

SEC("lsm/bpf")
NAKED int context_that_is_none(void)
{
	__asm__ volatile("call pair_of_hook; r0 = 0; exit;");
}

SEC("syscall")
NAKED int context_that_is_any(void)
{
	__asm__ volatile("call pair_of_hook; r0 = 0; exit;");
}

/* The kernel has several structs of this name. */
struct controller {
	u32 a;
};

GLOBAL int trusts_controller(struct controller *object TAG("arg:trusted"))
{
	return 0;
}
CALLS(trusted_of_two, trusts_controller)

GLOBAL int tagged_twice(struct task_struct *task TAG("arg:trusted") TAG("arg:nonnull"))
{
	return 0;
}
CALLS(trusted_and_nonnull, tagged_twice)

GLOBAL int nullable_memory(struct pair *pair TAG("arg:nullable"))
{
	return 0;
}
CALLS(nullable_alone, nullable_memory)

GLOBAL int context_and_nonnull(struct __sk_buff *ctx TAG("arg:ctx") TAG("arg:nonnull"))
{
	return 0;
}
CALLS(context_nonnull, context_and_nonnull)

GLOBAL int tagged_dynptr(struct bpf_dynptr *dynptr TAG("arg:nonnull"))
{
	return 0;
}
CALLS(dynptr_nonnull, tagged_dynptr)

GLOBAL int trusts_nameless(nameless *object TAG("arg:trusted"))
{
	return 0;
}
CALLS(trusted_without_name, trusts_nameless)

GLOBAL int trusts_unknown(struct no_such_type *object TAG("arg:trusted"))
{
	return 0;
}
CALLS(trusted_of_no_kernel, trusts_unknown)

GLOBAL int tagged_number(int n TAG("arg:nonnull"))
{
	return 0;
}
CALLS(number_nonnull, tagged_number)

GLOBAL int takes_struct(struct pair pair)
{
	return 0;
}
CALLS(struct_by_value, takes_struct)

GLOBAL int arena_and_nonnull(void *p TAG("arg:arena") TAG("arg:nonnull"))
{
	return 0;
}
CALLS(arena_nonnull, arena_and_nonnull)

GLOBAL int unknown_tag(struct pair *pair TAG("arg:precious"))
{
	return 0;
}
CALLS(tag_of_no_kernel, unknown_tag)

GLOBAL int of_unknown_size(struct undefined *object)
{
	return 0;
}
CALLS(size_unknown, of_unknown_size)

GLOBAL void gives_nothing(int n)
{
	number = n;
}
CALLS(no_result, gives_nothing)

/* A static function is verified by its calls: its tag is refused, but not the program. */
NOINLINE int tagged_static(struct pair *pair TAG("arg:nonnull"))
{
	int x = 1;

	hide(x);
	return x;
}

SEC("tc")
int static_with_tag(struct __sk_buff *ctx)
{
	struct pair pair = { 1, 2 };

	return tagged_static(&pair) & 1;
}

/* Nor is one that takes structs or gives nothing. */
NOINLINE int static_struct(struct pair pair)
{
	int x = pair.a;

	hide(x);
	return x;
}

SEC("tc")
int static_by_value(struct __sk_buff *ctx)
{
	struct pair pair = { .a = ctx->len, .b = 2 };

	return static_struct(pair) & 1;
}

NOINLINE void static_without_result(int n)
{
	number = n;
}

SEC("tc")
int static_gives_nothing(struct __sk_buff *ctx)
{
	static_without_result(ctx->len);
	return 0;
}

GLOBAL int takes_number(int n)
{
	return n;
}
CALLS(pointer_for_number, takes_number)

GLOBAL int takes_context(struct __sk_buff *ctx)
{
	return 0;
}

SEC("tc")
NAKED int stack_for_context(void)
{
	__asm__ volatile("r1 = r10; call takes_context; r0 = 0; exit;");
}

SEC("tc")
NAKED int number_for_context(void)
{
	__asm__ volatile("r1 = 5; call takes_context; r0 = 0; exit;");
}

SEC("tc")
NAKED int context_with_offset(void)
{
	__asm__ volatile("r1 += 4; call takes_context; r0 = 0; exit;");
}

GLOBAL int takes_pair(struct pair *pair)
{
	return 0;
}

SEC("tc")
NAKED int number_for_memory(void)
{
	__asm__ volatile("r1 = 5; call takes_pair; r0 = 0; exit;");
}

SEC("tc")
NAKED int short_memory(void)
{
	__asm__ volatile("r2 = 0;"
			 "*(u32 *)(r10 - 4) = r2;"
			 "r1 = r10;"
			 "r1 += -4;"
			 "call takes_pair;"
			 "r0 = 0;"
			 "exit;");
}

GLOBAL int takes_present(struct pair *pair TAG("arg:nonnull"))
{
	number = pair->a;
	return 0;
}

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct pair);
} pairs SEC(".maps");

SEC("tc")
int maybe_absent(struct __sk_buff *ctx)
{
	u32 key = 0;

	return takes_present(map_lookup_elem(&pairs, &key));
}

GLOBAL int takes_arena(void *p TAG("arg:arena"))
{
	return 0;
}
CALLS(context_for_arena, takes_arena)

GLOBAL int takes_dynptr(struct bpf_dynptr *dynptr)
{
	return 0;
}
CALLS(context_for_dynptr, takes_dynptr)

GLOBAL int takes_task(struct task_struct *task TAG("arg:trusted"))
{
	return 0;
}
CALLS(context_for_task, takes_task)

/* Static functions are called with anything; their types then do not count. */
__attribute__((used)) NOINLINE int static_number(int n)
{
	number = n;
	return 0;
}

SEC("tc")
NAKED int static_pointer_for_number(void)
{
	__asm__ volatile("r1 = r10; r2 = 1; r3 = 2; call static_number; r0 = 0; exit;");
}

__attribute__((used)) NOINLINE int static_context(struct __sk_buff *ctx)
{
	number = 7;
	return 0;
}

SEC("tc")
NAKED int static_number_for_context(void)
{
	__asm__ volatile("r1 = 5; call static_context; r0 = 0; exit;");
}

SEC("tc")
NAKED int static_stack_for_context(void)
{
	__asm__ volatile("r1 = r10; call static_context; r0 = 0; exit;");
}

__attribute__((used)) NOINLINE int static_pair(struct pair *pair)
{
	number = 7;
	return 0;
}

SEC("tc")
NAKED int static_map_for_pair(void)
{
	__asm__ volatile("r1 = %[pairs] ll; call static_pair; r0 = 0; exit;" ::[pairs] "i"(&pairs));
}

/* Once they were not met, they are not looked at again. */
SEC("tc")
NAKED int static_twice(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = r10;"
			 "call static_context;"
			 "r1 = r6;"
			 "call static_context;"
			 "r0 = 0;"
			 "exit;");
}
