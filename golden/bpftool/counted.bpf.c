// SPDX-License-Identifier: GPL-2.0-only
/* Maps with types, variables, and programs that every kernel takes: built by clang-22 -O2 -g --target=bpf -mcpu=v2. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
static u32 (*bpf_get_smp_processor_id)(void) = (void *)8;

enum kind { PASSED, DROPPED };
struct count { u64 packets; u32 flags : 3, mark : 29; enum kind kind; char name[4]; struct { int x, y; } at; void *where; };

struct { __uint(type, 1); __uint(max_entries, 4); __type(key, u32); __type(value, struct count); } counts SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } numbers SEC(".maps");
struct { __uint(type, 6); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } each SEC(".maps");

const volatile int limit = 7;
int seen = 3;
u64 total;
char word[8] = "words";

SEC("xdp") int first(void *ctx)
{
	u32 key = bpf_get_smp_processor_id() & 1;
	struct count *count = bpf_map_lookup_elem(&counts, &key);
	u64 *number = bpf_map_lookup_elem(&numbers, &key);

	if (count)
		count->packets++;
	if (number && *number > limit)
		total += seen;
	number = bpf_map_lookup_elem(&each, &key);
	if (number)
		(*number)++;
	return 2;
}

static __attribute__((noinline)) int twice(int value) { return 2 * value + word[0]; }

SEC("socket") int second(void *ctx) { return twice(seen) + twice(limit); }

SEC("license") char _license[] = "GPL";
