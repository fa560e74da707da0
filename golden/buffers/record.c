// SPDX-License-Identifier: GPL-2.0-only
/* Loads programs at many log levels, into log buffers of many sizes, and prints what the kernel says of each load:
 *
 *     OBJECT
 *       PROGRAM
 *         LEVEL SIZE ERRNO TRUE_SIZE
 *
 * The log of the Nth load is left in /logs/N. SIZE 0 stands for a buffer larger than any log; TRUE_SIZE is 0 where
 * the log tells the time, and on kernels that do not give it. Linked with -Wl,--wrap=syscall, so that it sees what libbpf would load.
 *
 * usage: record LIST, with an OBJECT or an indented PROGRAM a line
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LARGE = 1 << 24, STATS = 4 };

long __real_syscall(long number, ...);

/* The program in question. */
static const char *wanted;

/* The length of the last log. */
static unsigned length;

/* Gives the log's true size. */
static unsigned load(const union bpf_attr *given, unsigned attr_size, unsigned level, unsigned size)
{
	static char text[LARGE];
	static int loads;
	union bpf_attr attr = *given;
	char path[32];
	FILE *out;
	long fd;
	int error;

	text[0] = 0;
	attr.log_level = level;
	attr.log_buf = (unsigned long)text;
	attr.log_size = size ? size : LARGE;
	attr.log_true_size = 0;
	fd = __real_syscall(__NR_bpf, (long)BPF_PROG_LOAD, (long)&attr, (long)attr_size);
	error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	printf("    %u %u %d %u\n", level, size, error, level & STATS ? 0 : attr.log_true_size);
	snprintf(path, sizeof(path), "/logs/%d", loads++);
	out = fopen(path, "w");
	if (!out)
		exit(1);
	fputs(text, out);
	fclose(out);
	length = strlen(text);
	return attr.log_true_size;
}

static void load_often(const union bpf_attr *attr, unsigned size)
{
	static const unsigned levels[] = { 1, 2, 4, 5, 6, 8, 12, 15 }, cut[] = { 1, 2, 9, 10 },
			      sizes[] = { 1, 2, 100, 333, 1024, 4000 };

	for (unsigned i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		load(attr, size, levels[i], 0);
	for (unsigned i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
		unsigned exact;

		for (unsigned j = 0; j < sizeof(sizes) / sizeof(*sizes); j++)
			load(attr, size, cut[i], sizes[j]);
		exact = load(attr, size, cut[i], 0);
		if (!exact) { /* not told */
			load(attr, size, cut[i], length + 2);
			exact = length + 1;
		}
		load(attr, size, cut[i], exact);
		load(attr, size, cut[i], exact - 1);
	}
}

/* libbpf tries with programs of its own what the kernel can do: only the one in question is loaded often. */
long __wrap_syscall(long number, long command, union bpf_attr *attr, unsigned size)
{
	if (number != __NR_bpf || command != BPF_PROG_LOAD || !wanted ||
	    strncmp(attr->prog_name, wanted, BPF_OBJ_NAME_LEN - 1))
		return __real_syscall(number, command, (long)attr, (long)size);
	load_often(attr, size);
	/* Enough is known; libbpf may try again. */
	wanted = NULL;
	errno = EINVAL;
	return -1;
}

static void one(const char *object)
{
	struct bpf_object *obj = bpf_object__open_file(object, NULL);
	struct bpf_program *prog;

	if (!obj)
		return;
	printf("  %s\n", wanted);
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), wanted));
	bpf_object__load(obj);
	bpf_object__close(obj);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

int main(int argc, char **argv)
{
	char line[256], object[256] = "";
	FILE *list = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!list)
		return 1;
	libbpf_set_print(quiet);
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == ' ') {
			wanted = line + strspn(line, " ");
			one(object);
			wanted = NULL;
		} else {
			snprintf(object, sizeof(object), "%s", line);
			puts(object);
		}
	}
	return 0;
}
