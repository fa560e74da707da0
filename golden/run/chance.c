// SPDX-License-Identifier: GPL-2.0-only
/* Calls of bpf(2) by chance: attributes that begin as good ones and get other words, sizes, descriptors and pointers.
 *
 *     chance SEED COUNT          prints a line for each call: its number, command and result
 *     chance SEED COUNT sums     prints a line for each thousand of them: a checksum (FNV-1a) of their lines
 *     chance SEED COUNT many     four threads, and children that are killed while they call; prints how many descriptors are left
 *
 * The same seed gives the same calls, in the same memory. What depends on ids is not called in the first form. */
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN = 48, ROOM = 1 << 16, ATTR = 168 };

struct caller {
	uint64_t state;
	int fds[OPEN];
	unsigned char attr[4096];
};

/* One area of memory, which ends where nothing is mapped. */
static unsigned char *const room = (unsigned char *)0x10000000;
static int many, sums;

static uint32_t any(struct caller *c)
{
	c->state = c->state * 6364136223846793005ull + 1442695040888963407ull;
	return c->state >> 33;
}
static uint32_t below(struct caller *c, uint32_t n) { return any(c) % n; }
#define ONE_OF(c, ...) ((uint64_t[]){__VA_ARGS__}[below(c, sizeof((uint64_t[]){__VA_ARGS__}) / 8)])

static void word(struct caller *c, int at, uint32_t value) { memcpy(c->attr + at, &value, 4); }
static void wide(struct caller *c, int at, uint64_t value) { memcpy(c->attr + at, &value, 8); }

/* Where programs, BTF, names and paths lie in the area; the rest is zero or by chance. */
enum { PROGRAMS = 0x1000, BTF = 0x2000, NAMES = 0x3000, FREE = 0x8000 };

static void fill(void)
{
	static const uint64_t programs[][8] = {
		{0x00000000000000b7, 0x95},                                   /* r0 = 0 */
		{0x00000001000000b7, 0x95},                                   /* r0 = 1 */
		{0x95},                                                       /* exit alone */
		{0x0000000000000061, 0x00000000000000b7, 0x95},               /* r0 = *(u32 *)(r0 + 0) */
		{0x0000000000001061, 0x95},                                   /* r0 = *(u32 *)(r1 + 0) */
		{0x00000000fff80a7a, 0x000000000000a0bf, 0x95},               /* returns the frame pointer */
		{0x0000000000000018, 0, 0x95},                                /* r0 = 0 ll */
		{0x0000000700000085, 0x00000000000000b7, 0x95},               /* a call */
		{0x00000000ffff0005, 0x95},                                   /* a jump to itself */
	};
	static const uint32_t btf[] = {
		0x0001eb9f, 24, 0, 16, 16, 5, 1, 0x01000000, 4, 32 << 0, 0x746e6900, 0x00000000,
	};
	static const char *const names[] = {"GPL", "", "sched_switch", "no_such", "/sys/fs/bpf/one", "/sys/fs/bpf/two", "/tmp/one", "relative", "a b"};
	for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++)
		memcpy(room + PROGRAMS + 64 * i, programs[i], 64);
	memcpy(room + BTF, btf, sizeof btf);
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		strcpy((char *)room + NAMES + 32 * i, names[i]);
}

static uint64_t program(struct caller *c) { return (uintptr_t)room + PROGRAMS + 64 * (below(c, 2) ? 0 : below(c, 9)); }
static uint64_t name(struct caller *c) { return (uintptr_t)room + NAMES + 32 * below(c, 9); }
static uint64_t memory(struct caller *c)
{
	uintptr_t start = (uintptr_t)room;
	if (below(c, 2))
		return start + FREE;
	return ONE_OF(c, start + FREE, start + FREE + 64, start + FREE + 4096, start + ROOM - 8, start + ROOM - 3, 0, 0x1000, 0xffffffff81000000ull, ~0ull);
}
static int fd(struct caller *c)
{
	if (below(c, 8) == 0)
		return ONE_OF(c, -1, 0, 1000, 0x7fffffff);
	return c->fds[below(c, OPEN)];
}
static uint32_t small(struct caller *c) { return ONE_OF(c, 0, 0, 1, 2, 4, 8, 12, 16, 64, 4096, 0xffffffff); }

static void map_create(struct caller *c)
{
	word(c, 0, below(c, 3) ? ONE_OF(c, 1, 1, 2, 2, 5, 6, 9, 10, 11, 22, 23, 27) : below(c, 35));
	word(c, 4, below(c, 3) ? 4 : ONE_OF(c, 4, 4, 4, 8, 0, 1, 512, 4096));
	word(c, 8, below(c, 3) ? 8 : ONE_OF(c, 8, 8, 4, 16, 0, 1, 64, 4096));
	word(c, 12, ONE_OF(c, 1, 1, 4, 16, 4096, 0, 8192));
	word(c, 16, below(c, 2) ? 0 : ONE_OF(c, 0, 0, 0, 0, 1, 2, 8, 16, 128, 1024, 1 << below(c, 20)));
	if (below(c, 4) == 0)
		word(c, 20, fd(c));
	if (below(c, 4) == 0)
		memcpy(c->attr + 28, "name", 4);
}
static void element(struct caller *c)
{
	word(c, 0, fd(c));
	wide(c, 8, memory(c));
	wide(c, 16, memory(c));
	wide(c, 24, ONE_OF(c, 0, 0, 0, 1, 2, 3, 4, 5, 8));
}
/* Words that are set last: devices by number differ from machine to machine, but for the first one; a program of its own, which
 * loads what a descriptor is of: a map, a value, one of the array at the beginning of what is free. */
static void of_device(struct caller *c, int at)
{
	uint32_t number;
	memcpy(&number, c->attr + at, 4);
	if (number > 1)
		word(c, at, 4096);
}
static void loads_map(struct caller *c)
{
	uint64_t insn = 0x0118 | ONE_OF(c, 1, 1, 1, 2, 5, 6, 3) << 12 | (uint64_t)(uint32_t)fd(c) << 32;
	uint64_t insns[] = {insn, 0, 0x00000000000000b7, 0x95};
	memcpy(room + PROGRAMS + 64 * 9, insns, sizeof insns);
	wide(c, 8, (uintptr_t)room + PROGRAMS + 64 * 9);
	word(c, 4, 4);
	if (below(c, 2))
		wide(c, 120, memory(c));
}

static void prog_load(struct caller *c)
{
	word(c, 0, below(c, 3) ? ONE_OF(c, 1, 2, 3, 5, 6, 7, 8, 17) : below(c, 34));
	word(c, 4, ONE_OF(c, 2, 2, 2, 2, 2, 3, 1, 0, 8, 4097));
	wide(c, 8, program(c));
	wide(c, 16, name(c));
	if (below(c, 2)) {
		word(c, 24, ONE_OF(c, 0, 1, 2, 4, 8, 16));
		word(c, 28, ONE_OF(c, 0, 1, 127, 128, 4096, 0x7fffffff));
		wide(c, 32, memory(c));
	}
	word(c, 44, below(c, 2) ? 0 : ONE_OF(c, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 1 << below(c, 20)));
	if (below(c, 4) == 0)
		word(c, 68, below(c, 60));
	if (below(c, 8) == 0)
		word(c, 72, fd(c));
	if (below(c, 8) == 0)
		loads_map(c);
}
static void btf_load(struct caller *c)
{
	wide(c, 0, below(c, 4) ? (uintptr_t)room + BTF : memory(c));
	wide(c, 8, below(c, 2) ? memory(c) : 0);
	word(c, 16, ONE_OF(c, 45, 45, 44, 46, 24, 0, 1 << 24, 1 << 25));
	word(c, 20, ONE_OF(c, 0, 0, 4096, 1));
	word(c, 24, ONE_OF(c, 0, 0, 1, 2, 4));
}
static void link_create(struct caller *c)
{
	word(c, 0, fd(c));
	word(c, 4, fd(c));
	word(c, 8, below(c, 60));
	word(c, 12, small(c));
}
static void one_fd(struct caller *c)
{
	word(c, 0, fd(c));
	word(c, 4, ONE_OF(c, 0, 0, 8, 80, 232, 4096));
	wide(c, 8, memory(c));
}
static void batch(struct caller *c)
{
	wide(c, 0, below(c, 2) ? memory(c) : 0);
	wide(c, 8, memory(c));
	wide(c, 16, memory(c));
	wide(c, 24, memory(c));
	word(c, 32, small(c));
	word(c, 36, fd(c));
	wide(c, 40, ONE_OF(c, 0, 0, 0, 1, 4));
}
static void named(struct caller *c)
{
	wide(c, 0, name(c));
	word(c, 8, fd(c));
	word(c, 12, ONE_OF(c, 0, 0, 0, 8, 16, 1));
}
static void words(struct caller *c)
{
	for (int at = 0; at < ATTR; at += 4)
		if (below(c, 3) == 0)
			word(c, at, small(c));
}

/* What calls find in the area does not depend on what others wrote: zeros, or words by chance. */
static void refill(struct caller *c)
{
	memset(room + FREE, 0, ROOM - FREE);
	if (below(c, 4))
		return;
	for (int at = 0; at < 256; at += 4) {
		uint32_t value = below(c, 3) ? 0 : below(c, 2) ? small(c) : (uint32_t)memory(c);
		memcpy(room + FREE + at, &value, 4);
	}
}

struct kind {
	int command, size;
	void (*make)(struct caller *);
	int gives_fd;
};
static const struct kind kinds[] = {
	{0, 72, map_create, 1}, {0, 72, map_create, 1}, {0, 72, map_create, 1}, {1, 32, element}, {2, 32, element}, {2, 32, element}, {3, 32, element},
	{4, 32, element}, {21, 32, element}, {5, 168, prog_load, 1}, {5, 168, prog_load, 1}, {5, 168, prog_load, 1}, {18, 28, btf_load, 1}, {18, 28, btf_load, 1},
	{28, 64, link_create, 1}, {15, 16, one_fd}, {22, 4, one_fd}, {24, 56, batch}, {25, 56, batch}, {26, 56, batch}, {27, 56, batch},
	{6, 20, named}, {7, 20, named, 1}, {17, 24, named, 1}, {8, 32, link_create}, {9, 32, link_create}, {16, 64, link_create}, {29, 16, one_fd},
	{33, 8, link_create, 1}, {34, 4, one_fd}, {35, 12, link_create},
};
/* Those whose answer depends on ids, and numbers of no command. */
static const int others[] = {11, 12, 13, 14, 19, 20, 23, 30, 31, 40, 77};

static void tell(uint32_t number, int command, long result)
{
	static uint64_t sum = 0xcbf29ce484222325;
	char line[64];
	int length = sprintf(line, "%u %d %ld\n", number, command, result);
	if (!sums) {
		fputs(line, stdout);
		return;
	}
	for (int i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)line[i]) * 0x100000001b3;
	if (number % 1000 == 999)
		printf("%u %016llx\n", number + 1, (unsigned long long)sum);
}

static void call(struct caller *c, uint32_t number)
{
	const struct kind *kind = &kinds[below(c, sizeof kinds / sizeof *kinds)];
	int command = kind->command, is_other = many && below(c, 8) == 0;
	uint64_t size = kind->size;

	memset(c->attr, 0, sizeof c->attr);
	if (!many)
		refill(c);
	kind->make(c);
	if (is_other) {
		command = others[below(c, sizeof others / sizeof *others)];
		words(c);
	}
	for (int changes = below(c, 3) ? 0 : 1 + below(c, 2); changes > 0; changes--)
		word(c, 4 * below(c, ATTR / 4), small(c));
	if (command == 0) {
		uint32_t type;
		of_device(c, 44);
		memcpy(&type, c->attr, 4);
		/* The order of keys in a hash table is another one after each boot. */
		if (!many && (type == 1 || type == 5 || type == 9 || type == 10 || type == 13 || type == 18 || type == 25))
			word(c, 12, 1);
	}
	if (command == 5)
		of_device(c, 64);
	/* Where these have their attach type and their device: programs of devices have the types 37 and 46 to 55. */
	int type_at = command == 8 || command == 9 || command == 28 ? 8 : command == 16 ? 4 : -1;
	if (type_at >= 0) {
		uint32_t type;
		memcpy(&type, c->attr + type_at, 4);
		if (type == 37 || (type >= 46 && type <= 55))
			of_device(c, command == 28 ? 4 : 0);
	}
	if (below(c, 16) == 0)
		size = ONE_OF(c, 0, 4, 8, 24, 48, 72, 128, 144, 168, 200, 4096);
	const void *attr = c->attr;
	if (below(c, 200) == 0)
		attr = (void *)(uintptr_t)memory(c);
	long result = syscall(SYS_bpf, command, attr, size);
	int error = result < 0 ? errno : 0, is_fd = result >= 0 && kind->gives_fd && !is_other;
	/* Drawn in any case, so that the calls are the same whatever they come to. */
	int *slot = &c->fds[below(c, OPEN)];
	if (many ? result > 2 : is_fd) {
		if (*slot >= 0)
			close(*slot);
		*slot = result;
	}
	if (!many)
		tell(number, command, result < 0 ? -(long)error : result);
}

static void start(struct caller *c, uint64_t seed)
{
	c->state = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < OPEN; i++)
		c->fds[i] = -1;
}
static void end(struct caller *c)
{
	for (int i = 0; i < OPEN; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
}

static uint64_t first_seed;
static uint32_t count;

/* A thread, which has a child now and then that calls until it is killed. */
static void *thread(void *number)
{
	struct caller c;
	start(&c, first_seed + (uintptr_t)number);
	for (uint32_t i = 0; i < count / 4; i++) {
		call(&c, i);
		if (i % 1000 == 999) {
			pid_t child = fork();
			if (child == 0)
				for (;;)
					call(&c, 0);
			usleep(2000);
			kill(child, SIGKILL);
			waitpid(child, NULL, 0);
		}
	}
	end(&c);
	return NULL;
}

/* How many are open. */
static int descriptors(void)
{
	int open = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir))
		open++;
	closedir(dir);
	return open;
}

int main(int argc, char **argv)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_MEMLOCK, &all);
	mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	first_seed = strtoull(argv[1], NULL, 0);
	count = strtoul(argv[2], NULL, 0);
	sums = argc > 3 && strcmp(argv[3], "sums") == 0;
	many = argc > 3 && !sums;
	if (mmap(room, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != room)
		return 1;
	fill();
	if (!many) {
		static struct caller c;
		cpu_set_t first;
		for (int i = 3; i < 256; i++)
			close(i);
		/* Which keys a full map forgets depends on who set them where. */
		CPU_ZERO(&first);
		CPU_SET(0, &first);
		sched_setaffinity(0, sizeof first, &first);
		start(&c, first_seed);
		for (uint32_t i = 0; i < count; i++)
			call(&c, i);
		end(&c);
		return 0;
	}
	pthread_t threads[4];
	int before = descriptors();
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, thread, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("descriptors: %d\n", descriptors() - before);
	return 0;
}
