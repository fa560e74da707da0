#include "../common.h"
/* The key that is handed over is smaller than the map says. */
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, u64); __type(value, u64); } m SEC(".maps");
SEC("kprobe/vfs_open")
int x(struct pt_regs *ctx)
{
	u64 pid = bpf_get_current_pid_tgid() >> 32;
	u64 *v = bpf_map_lookup_elem(&m, &pid);
	if (v)
		(*v)++;
	return 0;
}
