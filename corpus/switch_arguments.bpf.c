// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about arguments and results of helpers, and what they call them. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u64);
	TYPE(value, u64);
} numbers SEC(".maps");

/* No machine has so many CPUs: accepted if that is known, else a register is read that was never written. */
SEC("xdp")
NAKED int cpu_number(void)
{
	__asm__ volatile("call 8;" /* bpf_get_smp_processor_id */
			 "if r0 > 8191 goto 1f;"
			 "r0 = 2;"
			 "exit;"
			 "1: r0 = r9;"
			 "exit;");
}

/* A record of a ring buffer is a key: accepted if keys may lie in any memory. */
SEC("xdp")
NAKED int key_in_record(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "if r0 == 0 goto 1f;"
			 "r6 = r0;"
			 "r1 = 3;"
			 "*(u64 *)(r6 + 0) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r6;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r1 = r6;"
			 "r2 = 0;"
			 "call 132;" /* bpf_ringbuf_submit */
			 "1: r0 = 2;"
			 "exit;" ::[ring] "i"(&ring),
			 [numbers] "i"(&numbers)
			 : "memory");
}

/* Perhaps no byte, which the helper does not take, of a buffer that is too small: rejected for which? */
SEC("xdp")
NAKED int size_zero(void)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 "r2 = 0;"
			 "r3 = r10;"
			 "r3 += -8;"
			 "r4 = r6;"
			 "r4 &= 15;"
			 "call 189;" /* bpf_xdp_load_bytes */
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* A helper that such programs may not call on all kernels: where it is rejected, in which words? */
SEC("xdp")
NAKED int not_for_packets(void)
{
	__asm__ volatile("r1 = 9;"
			 "call 109;" /* bpf_send_signal */
			 "r0 = 2;"
			 "exit;");
}

/* A record is given back from its middle: accepted if only what it refers to is asked for. */
SEC("xdp")
NAKED int middle_of_record(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 16;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r1 += 8;"
			 "r2 = 0;"
			 "call 132;" /* bpf_ringbuf_submit */
			 "1: r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

/* Memory that is not a record is given back. */
SEC("xdp")
NAKED int not_a_record(void)
{
	__asm__ volatile("r1 = r10;"
			 "r1 += -8;"
			 "r2 = 0;"
			 "call 132;" /* bpf_ringbuf_submit */
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* A size that is not known. */
SEC("xdp")
NAKED int some_record(void)
{
	__asm__ volatile("r2 = *(u32 *)(r1 + 12);"
			 "r1 = %[ring] ll;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

/* A pointer that may be NULL is moved, to a record and to a map's value. */
SEC("xdp")
NAKED int moved_record(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 16;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "r0 += 8;"
			 "r0 = 2;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

SEC("xdp")
NAKED int moved_value(void)
{
	__asm__ volatile("r1 = 0;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "r1 = %[numbers] ll;"
			 "r2 = r10;"
			 "r2 += -8;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "r0 += 8;"
			 "r0 = 2;"
			 "exit;" ::[numbers] "i"(&numbers)
			 : "memory");
}

/* Behind the context's start, and before it. */
SEC("xdp")
NAKED int behind_context(void)
{
	__asm__ volatile("r1 += 4;"
			 "r0 = *(u32 *)(r1 + 0);"
			 "r0 = 2;"
			 "exit;");
}

SEC("xdp")
NAKED int before_context(void)
{
	__asm__ volatile("r1 += -4;"
			 "r0 = *(u32 *)(r1 + 8);"
			 "r0 = 2;"
			 "exit;");
}

/* A number that a helper gives back, in a record: refused where that may only lie where keys may. */
SEC("cgroup/sysctl")
NAKED int number_in_record(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 131;" /* bpf_ringbuf_reserve */
			 "if r0 == 0 goto 1f;"
			 "r6 = r0;"
			 "r1 = 49;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "*(u64 *)(r6 + 0) = r1;"
			 "r1 = r10;"
			 "r1 += -8;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r6;"
			 "call 105;" /* bpf_strtol */
			 "r1 = r6;"
			 "r2 = 0;"
			 "call 132;" /* bpf_ringbuf_submit */
			 "1: r0 = 1;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}
