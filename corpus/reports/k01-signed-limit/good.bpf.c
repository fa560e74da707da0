#include "../common.h"
/* The length is an int, and only its upper limit is compared. */
struct ev { char buf[256]; };
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, struct ev); } heap SEC(".maps");
SEC("kprobe/vfs_write")
int BPF_KPROBE(wr, struct file *f, const char *buf, size_t count)
{
	u32 zero = 0;
	struct ev *e = bpf_map_lookup_elem(&heap, &zero);
	if (!e)
		return 0;
	u32 len = count;
	if (len > 255)
		len = 255;
	bpf_probe_read_user(e->buf, len, buf);
	return 0;
}
