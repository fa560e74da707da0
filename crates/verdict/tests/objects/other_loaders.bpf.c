// SPDX-License-Identifier: GPL-2.0-only
/* What cilium/ebpf and aya take and libbpf does not: static programs, names of sections that go on, maps defined
 * by plain structs, pinning of one's own.
 *
 *     clang --target=bpf -O2 -g -fdebug-compilation-dir=. -c other_loaders.bpf.c && llvm-strip -g other_loaders.bpf.o
 */
#define SEC(name) __attribute__((section(name), used))

struct __sk_buff {
	unsigned len;
};

struct map_def {
	unsigned type, key_size, value_size, max_entries, flags, id, pinning;
};

struct map_def SEC("maps/plain") plain = { 1, 4, 8, 16, 0, 0, 0 };
struct map_def SEC("maps/plain") other = { 2, 4, 4, 1, 0, 0, 1 };

struct {
	int (*type)[1];
	int *key;
	long *value;
	int (*max_entries)[8];
	int (*pinning)[16];
} pinned SEC(".maps");

static void *(*const lookup)(void *map, const void *key) = (void *)1;

static int SEC("tc/entry") entry(struct __sk_buff *skb)
{
	int key = 0;
	unsigned *first = lookup(&other, &key);
	long *second = lookup(&plain, &key);
	long *third = lookup(&pinned, &key);

	return (first ? *first : 0) + (second ? *second : 0) + (third ? *third : 0);
}

/* Reads behind the value's end. */
static int SEC("classifier/wrong") wrong(struct __sk_buff *skb)
{
	int key = 0;
	long *value = lookup(&other, &key);

	return value ? *value : 0;
}

char _license[] SEC("license") = "GPL";
