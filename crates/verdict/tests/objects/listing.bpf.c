// SPDX-License-Identifier: GPL-2.0-only
/* A program that the kernel does not rewrite: what bpftool prints of the loaded one (listing.xlated) are its instructions
 * as they were loaded.
 *
 *     clang --target=bpf -O2 -g -mcpu=v3 -c listing.bpf.c && llvm-strip -g listing.bpf.o
 *     bpftool prog loadall listing.bpf.o /sys/fs/bpf/listing
 *     bpftool prog dump xlated pinned /sys/fs/bpf/listing/entry
 */
#define SEC(name) __attribute__((section(name), used))

struct __sk_buff {
	unsigned len;
};

enum color { RED, BLUE };
typedef unsigned long count_t;
struct pair { long a, b; };

count_t total, limit;

__attribute__((noinline)) int weigh(const struct pair *pair, enum color color, count_t n, volatile char *mark)
{
	if (!pair || !mark)
		return 1;
	return pair->a + color + n + *mark;
}

SEC("socket")
int entry(struct __sk_buff *skb)
{
	struct pair pair = { 1, 2 };
	char mark = 3;

	if (total > limit)
		total = 0;
	return weigh(&pair, BLUE, total, &mark);
}

char LICENSE[] SEC("license") = "GPL";
