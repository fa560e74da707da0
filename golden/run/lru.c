// SPDX-License-Identifier: GPL-2.0-only
/* Which keys a full map forgets: sets, takes and looks up keys by chance, the same ones each time, on one processor.
 *
 *     lru          prints a line for each map: its type, flags, size, and a checksum (FNV-1a) of what happened
 *     lru all      prints what happened, too: operation, key, result, and now and then which keys are there */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t state, sum;
static int all;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (state >> 33) % n;
}
static void tell(const char *form, ...)
{
	char text[64];
	va_list arguments;
	va_start(arguments, form);
	int length = vsprintf(text, form, arguments);
	va_end(arguments);
	for (int i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
	if (all)
		fputs(text, stdout);
}

struct element {
	uint64_t map, key, value, flags;
};
enum { LOOKUP = 1, UPDATE, DELETE, TAKE = 21 };

static long call(int command, int map, uint32_t key, uint64_t flags)
{
	/* Room for a value for each of many processors. */
	uint64_t value[1024] = {key};
	struct element element = {(uint32_t)map, (uintptr_t)&key, (uintptr_t)value, flags};
	return syscall(SYS_bpf, command, &element, sizeof element) < 0 ? -(long)errno : 0;
}

static void walk(int map, uint32_t size)
{
	uint32_t keys = size * 3 / 2 + 2;
	for (uint32_t step = 0; step < size * 4 + 40; step++) {
		static const uint64_t flags[] = {0, 0, 0, 0, 1, 2};
		static const int commands[] = {UPDATE, UPDATE, UPDATE, UPDATE, UPDATE, UPDATE, DELETE, TAKE};
		uint32_t key = below(keys);
		int command = commands[below(8)];
		tell("%d:%u:", command, key);
		tell("%ld", call(command, map, key, command == UPDATE ? flags[below(6)] : 0));
		if (step % 8 == 7 || size < 9) {
			tell(" ");
			for (uint32_t other = 0; other < keys; other++)
				tell("%c", call(LOOKUP, map, other, 0) < 0 ? '.' : 'x');
		}
		tell("\n");
	}
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 40, 100};
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	cpu_set_t first;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof first, &first);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	all = argc > 1;
	/* Those with a value and with a value for each processor; of one list, and of a list for each processor. */
	for (uint32_t type = 9; type <= 10; type++)
		for (uint32_t flags = 0; flags <= 2; flags += 2)
			for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
				uint32_t attr[18] = {type, 4, 8, sizes[i], flags};
				int map = syscall(SYS_bpf, 0, attr, sizeof attr);
				state = 77 * i + 5 * type + flags;
				sum = 0xcbf29ce484222325;
				if (map >= 0)
					walk(map, sizes[i]);
				printf("%u %u %u %016llx\n", type, flags, sizes[i], (unsigned long long)sum);
				close(map);
			}
	return 0;
}
