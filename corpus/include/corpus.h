/* SPDX-License-Identifier: GPL-2.0-only */
/* What the corpus needs of the BPF ABI: types, helpers by number, map definitions. Nothing else is
 * included by its programs, so that they build with a compiler alone.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef signed short s16;
typedef signed int s32;
typedef signed long long s64;

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define GLOBAL __attribute__((noinline)) /* verified on its own */
#define NAKED __attribute__((naked))	  /* nothing but the assembly in it */
#define WEAK __attribute__((weak))
#ifdef KFUNCS_MUST_BE_THERE
#define KFUNC extern __attribute__((section(".ksyms")))
#else
#define KFUNC extern __attribute__((section(".ksyms"), weak)) /* programs that call none load without */
#endif
#define KCONFIG extern __attribute__((section(".kconfig")))
#define TAG(text) __attribute__((btf_decl_tag(text)))
#define TYPE_TAG(text) __attribute__((btf_type_tag(text)))
#define IN_ARENA __attribute__((address_space(1)))
#define RELOCATED __attribute__((preserve_access_index))
#define barrier() __asm__ volatile("" ::: "memory")
#define hide(x) __asm__ volatile("" : "+r"(x)) /* from the compiler, not from the verifier */

char LICENSE[] SEC("license") = "GPL";

/* A map is a struct whose members' types carry numbers and types: libbpf reads them from BTF. */
#define NUMBER(name, value) int(*name)[value]
#define TYPE(name, type) typeof(type) *name
#define ELEMENTS(name) typeof(struct name *) values[]

enum {
	HASH = 1,
	ARRAY = 2,
	PROG_ARRAY = 3,
	PERCPU_ARRAY = 6,
	ARRAY_OF_MAPS = 12,
	SK_STORAGE = 24,
	RINGBUF = 27,
	TASK_STORAGE = 29,
	ARENA = 33,
};

enum { MMAPABLE = 1 << 10 };

enum { XDP_DROP = 1, XDP_PASS = 2 };

struct xdp_md {
	u32 data;
	u32 data_end;
	u32 data_meta;
	u32 ingress_ifindex;
	u32 rx_queue_index;
	u32 egress_ifindex;
};

struct bpf_spin_lock {
	u32 val;
};

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_dynptr {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_iter_num {
	u64 opaque[1];
} __attribute__((aligned(8)));

#define HELPER(id, result, name, ...) static result (*const name)(__VA_ARGS__) = (void *)id

HELPER(1, void *, map_lookup_elem, void *map, const void *key);
HELPER(2, long, map_update_elem, void *map, const void *key, const void *value, u64 flags);
HELPER(5, u64, ktime_get_ns, void);
HELPER(7, u32, get_prandom_u32, void);
HELPER(8, u32, get_smp_processor_id, void);
HELPER(12, long, tail_call, void *ctx, void *map, u32 index);
HELPER(14, u64, get_current_pid_tgid, void);
HELPER(86, long, sk_release, void *sk);
HELPER(93, long, spin_lock, struct bpf_spin_lock *lock);
HELPER(94, long, spin_unlock, struct bpf_spin_lock *lock);
HELPER(113, long, probe_read_kernel, void *dst, u32 size, const void *src);
HELPER(131, void *, ringbuf_reserve, void *map, u64 size, u64 flags);
HELPER(132, void, ringbuf_submit, void *data, u64 flags);
HELPER(133, void, ringbuf_discard, void *data, u64 flags);
HELPER(154, int *, this_cpu_ptr, const int *variable);
HELPER(164, long, for_each_map_elem, void *map, void *callback, void *ctx, u64 flags);
HELPER(169, long, timer_init, struct bpf_timer *timer, void *map, u64 flags);
HELPER(170, long, timer_set_callback, struct bpf_timer *timer, void *callback);
HELPER(171, long, timer_start, struct bpf_timer *timer, u64 nsecs, u64 flags);
HELPER(181, long, loop, u32 iterations, void *callback, void *ctx, u64 flags);
HELPER(194, void *, kptr_xchg, void *slot, void *object);
HELPER(197, long, dynptr_from_mem, void *data, u32 size, u64 flags, struct bpf_dynptr *dynptr);
HELPER(198, long, ringbuf_reserve_dynptr, void *map, u32 size, u64 flags, struct bpf_dynptr *dynptr);
HELPER(199, void, ringbuf_submit_dynptr, struct bpf_dynptr *dynptr, u64 flags);
HELPER(201, long, dynptr_read, void *dst, u32 size, const struct bpf_dynptr *dynptr, u32 off, u64 flags);
HELPER(203, void *, dynptr_data, const struct bpf_dynptr *dynptr, u32 off, u32 size);
