#include "../common.h"
/* A loop counts further than the array has elements. */
struct hist { u64 slots[32]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, u32); __type(value, struct hist); } hists SEC(".maps");
SEC("kprobe/blk_mq_start_request")
int BPF_KPROBE(start, void *rq)
{
	u32 k = bpf_get_current_pid_tgid();
	struct hist *h = bpf_map_lookup_elem(&hists, &k);
	if (!h)
		return 0;
	u64 d = bpf_ktime_get_ns() / 1000;
	u32 slot = 0;
	while (d > 1 && slot < 31) {
		d >>= 1;
		slot++;
	}
	h->slots[slot]++;
	return 0;
}
