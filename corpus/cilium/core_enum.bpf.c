// SPDX-License-Identifier: GPL-2.0-only
/* CO-RE: values of enumerations that the kernel has or lacks. */
#include "corpus.h"

enum bpf_map_type {
	BPF_MAP_TYPE_RINGBUF = 100,
	BPF_MAP_TYPE_NONE_SUCH = 101,
};

SEC("tc")
int has(void *ctx)
{
	return __builtin_preserve_enum_value(*(enum bpf_map_type *)BPF_MAP_TYPE_RINGBUF, 1) == 27;
}

SEC("tc")
int lacks(void *ctx)
{
	return __builtin_preserve_enum_value(*(enum bpf_map_type *)BPF_MAP_TYPE_NONE_SUCH, 1) != 0;
}

SEC("tc")
int asks(void *ctx)
{
	return __builtin_preserve_enum_value(*(enum bpf_map_type *)BPF_MAP_TYPE_NONE_SUCH, 0) ? 1 : 2;
}
