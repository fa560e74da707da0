// SPDX-License-Identifier: GPL-2.0-only
/* Asks a kernel that charges memory of BPF against RLIMIT_MEMLOCK what each map and program costs: a line for each,
 *
 *	map TYPE KEY VALUE ENTRIES FLAGS PAGES ERRNO
 *	prog INSNS PAGES ERRNO
 *
 * with the pages that it is charged by /proc/self/fdinfo, and the error when the limit is one page less. What cannot
 * be made without a limit has no pages (-) and that error. Of the programs of `grows` each instruction becomes several.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static void limit(unsigned long pages)
{
	struct rlimit r = { pages == ~0UL ? RLIM_INFINITY : pages * 4096, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &r))
		perror("setrlimit");
}

/* Pages that a map or program is charged. */
static long pages_of(int fd)
{
	char path[64], line[256];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "memlock: %llu", &bytes);
	if (f)
		fclose(f);
	return bytes / 4096;
}

/* One integer of four bytes. */
static int int_btf(void)
{
	struct {
		unsigned short magic;
		unsigned char version, flags;
		unsigned int hdr_len, type_off, type_len, str_off, str_len;
		unsigned int name, info, size, bits;
		char strings[5];
	} btf = { 0xeb9f, 1, 0, 24, 0, 16, 16, 5, 1, 1 << 24, 4, 32, "\0int" };
	union bpf_attr attr = { .btf = (unsigned long)&btf, .btf_size = 24 + 16 + 5 };

	return bpf(BPF_BTF_LOAD, &attr);
}

/* The number and size of a struct of vmlinux. */
static unsigned int kernel_struct(const char *name, unsigned int *size)
{
	static const unsigned char more[32] = { [1] = 4, [3] = 12, [14] = 4 };
	static const unsigned char each[32] = { [4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12 };
	struct stat st;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	unsigned char *at, *end;
	unsigned int *header, id = 1;
	char *strings;
	ssize_t got = 0, n;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	at = malloc(st.st_size);
	while ((n = read(fd, at + got, st.st_size - got)) > 0)
		got += n;
	header = (void *)at;
	strings = (char *)at + header[1] + header[4];
	at += header[1] + header[2];
	end = at + header[3];
	for (; at < end; id++) {
		unsigned int *t = (void *)at, kind = t[1] >> 24 & 31;

		if (kind == 4 && !strcmp(strings + t[0], name)) {
			*size = t[2];
			return id;
		}
		at += 12 + more[kind] + each[kind] * (t[1] & 0xffff);
	}
	return 0;
}

struct shape {
	unsigned int type, key, value, entries, flags;
};

static int inner = -1, btf = -1;
static unsigned int ops_type;

static int make(const struct shape *s)
{
	union bpf_attr attr = {
		.map_type = s->type,
		.key_size = s->key,
		.value_size = s->value,
		.max_entries = s->entries,
		.map_flags = s->flags,
	};

	if (s->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || s->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		attr.inner_map_fd = inner;
	if (s->type == BPF_MAP_TYPE_SK_STORAGE || s->type == BPF_MAP_TYPE_INODE_STORAGE) {
		attr.btf_fd = btf;
		attr.btf_key_type_id = attr.btf_value_type_id = 1;
	}
	if (s->type == BPF_MAP_TYPE_STRUCT_OPS) {
		attr.btf_fd = btf;
		attr.btf_vmlinux_value_type_id = ops_type;
	}
	return bpf(BPF_MAP_CREATE, &attr);
}

static struct bpf_insn insns[1 << 16];

static int load(unsigned int count)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)insns,
		.insn_cnt = count,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

static int make_map(const void *s)
{
	return make(s);
}

static int make_prog(const void *count)
{
	return load(*(const unsigned int *)count);
}

/* What one costs, and what is said when there is a page too few. What was closed before is charged a while longer:
 * asked again until there is room for exactly this one.
 */
static void ask(int (*again)(const void *), const void *what)
{
	int fd, error, tries = 0;
	long pages;

	limit(~0UL);
	fd = again(what);
	if (fd < 0) {
		printf(" - %d\n", errno);
		return;
	}
	pages = pages_of(fd);
	close(fd);
	do {
		usleep(20000);
		limit(pages);
		fd = again(what);
	} while (fd < 0 && ++tries < 500);
	if (fd < 0) {
		printf(" %ld busy\n", pages);
		return;
	}
	close(fd);
	usleep(200000);
	limit(pages - 1);
	fd = again(what);
	error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	printf(" %ld %d\n", pages, error);
	fflush(stdout);
}

static const struct shape shapes[] = {
	{ BPF_MAP_TYPE_ARRAY, 4, 1, 1 },
	{ BPF_MAP_TYPE_ARRAY, 4, 12, 314 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 472 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 473 },
	{ BPF_MAP_TYPE_ARRAY, 4, 1000, 1000 },
	{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE },
	{ BPF_MAP_TYPE_ARRAY, 4, 5000, 3, BPF_F_MMAPABLE },
	{ BPF_MAP_TYPE_ARRAY, 4, 4 << 20, 1 << 10 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1 },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 20, 1000 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1 },
	{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1000 },
	{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2 },
	{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 600 },
	{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 1000 },
	{ BPF_MAP_TYPE_HASH, 4, 4, 1 },
	{ BPF_MAP_TYPE_HASH, 4, 8, 10240 },
	{ BPF_MAP_TYPE_HASH, 17, 100, 1000 },
	{ BPF_MAP_TYPE_HASH, 17, 100, 1000, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_HASH, 4, 60000, 73728, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 20, 1000 },
	{ BPF_MAP_TYPE_LRU_HASH, 8, 20, 1000 },
	{ BPF_MAP_TYPE_LRU_HASH, 8, 20, 1001, BPF_F_NO_COMMON_LRU },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 20, 1000 },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 20, 1001, BPF_F_NO_COMMON_LRU },
	{ BPF_MAP_TYPE_HASH_OF_MAPS, 8, 4, 1000 },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 127 * 8, 1000 },
	{ BPF_MAP_TYPE_STACK_TRACE, 4, 20 * 32, 16384, BPF_F_STACK_BUILD_ID },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 1000, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_LPM_TRIE, 20, 1, 333, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_LPM_TRIE, 20, 4000000, 1100, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_DEVMAP, 4, 4, 1000 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 8, 1 },
	{ BPF_MAP_TYPE_DEVMAP, 4, 4, 600000000 },
	{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 1000 },
	{ BPF_MAP_TYPE_CPUMAP, 4, 4, 2 },
	{ BPF_MAP_TYPE_XSKMAP, 4, 4, 1000 },
	{ BPF_MAP_TYPE_SOCKMAP, 4, 4, 1000 },
	{ BPF_MAP_TYPE_SOCKHASH, 4, 4, 1000 },
	{ BPF_MAP_TYPE_SOCKHASH, 512, 4, 8000000 },
	{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 1000 },
	{ BPF_MAP_TYPE_QUEUE, 0, 16, 1000 },
	{ BPF_MAP_TYPE_STACK, 0, 7, 539 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 },
	{ BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 20 },
	{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 1000, 0 },
	{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 1000, 0 },
	{ BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
	{ BPF_MAP_TYPE_INODE_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
};

static void ask_map(const struct shape *s)
{
	printf("map %u %u %u %u %u", s->type, s->key, s->value, s->entries, s->flags);
	ask(make_map, s);
}

int main(void)
{
	static const unsigned int counts[] = { 2, 505, 506, 1017, 1018, 10000 };
	struct shape small = { BPF_MAP_TYPE_ARRAY, 4, 4, 1 };
	struct shape ops = { BPF_MAP_TYPE_STRUCT_OPS, 4, 0, 1 };
	unsigned int i, n;

	limit(~0UL);
	btf = int_btf();
	ops_type = kernel_struct("bpf_struct_ops_tcp_congestion_ops", &ops.value);
	for (i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		int of_maps = shapes[i].type == BPF_MAP_TYPE_ARRAY_OF_MAPS || shapes[i].type == BPF_MAP_TYPE_HASH_OF_MAPS;

		limit(~0UL);
		if (of_maps) /* the only other map: what is charged is told by its own figure */
			inner = make(&small);
		if (of_maps) {
			int fd = make(&shapes[i]);

			printf("map %u %u %u %u %u %ld 0\n", shapes[i].type, shapes[i].key, shapes[i].value,
			       shapes[i].entries, shapes[i].flags, pages_of(fd));
			close(fd);
			close(inner);
			continue;
		}
		ask_map(&shapes[i]);
	}
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		for (n = 0; n < counts[i]; n++)
			insns[n] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K };
		insns[n - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
		printf("prog %u", counts[i]);
		ask(make_prog, &counts[i]);
	}
	/* Loads of packet bytes become several instructions each. */
	insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 };
	for (n = 1; n < 101; n++)
		insns[n] = (struct bpf_insn){ .code = BPF_LD | BPF_ABS | BPF_W };
	insns[n++] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	printf("grows %u", n);
	ask(make_prog, &n);
	ask_map(&ops); /* the kernel knows such structs once it has verified a program */
	return 0;
}
