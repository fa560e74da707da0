// SPDX-License-Identifier: GPL-2.0-only
/* Functions of the kernel that cannot be traced for what they take and give. */
#include "corpus.h"

/* More than twelve arguments. */
SEC("fentry/bpf_trace_run12")
int many_arguments(void *ctx)
{
	return 0;
}

/* As many as are given. */
SEC("fentry/seq_printf")
int variable_arguments(void *ctx)
{
	return 0;
}

/* A struct of 16 bytes, which no register holds. */
SEC("fexit/ns_to_timespec64")
int large_result(void *ctx)
{
	return 0;
}

/* A union as an argument. */
SEC("fentry/release_pages")
int union_argument(void *ctx)
{
	return 0;
}

/* A struct of 8 bytes as the result. */
SEC("fexit/pfn_pte")
int struct_result(void *ctx)
{
	return 0;
}

SEC("fmod_ret/seq_printf")
int changed_result(void *ctx)
{
	return 0;
}

/* An extension replaces a program's function, and none of the kernel's. */
SEC("freplace/vfs_read")
int replaces_kernel(void *ctx)
{
	return 0;
}

HELPER(187, int, set_retval, int value);

/* A hook that gives nothing. */
SEC("lsm_cgroup/sk_free_security")
int sets_nothing(void *ctx)
{
	set_retval(1);
	return 1;
}

SEC("lsm_cgroup/socket_bind")
int sets_result(void *ctx)
{
	set_retval(-1);
	return 1;
}

SEC("lsm_cgroup/sk_free_security")
int gives_too_much(void *ctx)
{
	return 7;
}
