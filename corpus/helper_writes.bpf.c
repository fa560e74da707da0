// SPDX-License-Identifier: GPL-2.0-only
/* Which memory a helper is taken to write. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	NUMBER(map_flags, 1 << 7); /* BPF_F_RDONLY_PROG */
	TYPE(key, u32);
	TYPE(value, u64);
} constants SEC(".maps");

/* Up to seven bytes of a map's value that programs only read: accepted if a size that is not known makes it a read. */
SEC("kprobe/vfs_read")
NAKED int some_bytes(void)
{
	__asm__ volatile("r1 = 0;"
			 "*(u32 *)(r10 - 4) = r1;"
			 "r1 = %[constants] ll;"
			 "r2 = r10;"
			 "r2 += -4;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "if r0 == 0 goto 1f;"
			 "r6 = r0;"
			 "call 7;" /* bpf_get_prandom_u32 */
			 "r2 = r0;"
			 "r2 &= 7;"
			 "r1 = r6;"
			 "r3 = 0;"
			 "call 113;" /* bpf_probe_read_kernel */
			 "1: r0 = 0;"
			 "exit;" ::[constants] "i"(&constants)
			 : "memory");
}

/* Eight of them: rejected everywhere. */
SEC("kprobe/vfs_read")
NAKED int all_bytes(void)
{
	__asm__ volatile("r1 = 0;"
			 "*(u32 *)(r10 - 4) = r1;"
			 "r1 = %[constants] ll;"
			 "r2 = r10;"
			 "r2 += -4;"
			 "call 1;" /* bpf_map_lookup_elem */
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 113;" /* bpf_probe_read_kernel */
			 "1: r0 = 0;"
			 "exit;" ::[constants] "i"(&constants)
			 : "memory");
}
