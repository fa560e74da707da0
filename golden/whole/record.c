// SPDX-License-Identifier: GPL-2.0-only
/* Loads objects whole with libbpf and prints a JSON line for each: how bpf_object__open and bpf_object__load ended, with the
 * program at which loading stopped, if it was one.
 *
 * usage: record OBJECT...
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program that libbpf last said to have failed. */
static char failed[256];

static int note(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512], name[256];

	vsnprintf(text, sizeof(text), format, args);
	if (level == LIBBPF_WARN && strstr(text, ": failed to load: ") &&
	    sscanf(text, "libbpf: prog '%255[^']'", name) == 1)
		strcpy(failed, name);
	return 0;
}

static void print(const char *path, const char *stage, int error)
{
	const char *base = strrchr(path, '/');

	printf("{\"object\":\"%s\",\"stage\":\"%s\",\"errno\":%d", base ? base + 1 : path, stage, error < 0 ? -error : error);
	if (failed[0])
		printf(",\"program\":\"%s\"", failed);
	puts("}");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	libbpf_set_print(note);
	for (int i = 1; i < argc; i++) {
		struct bpf_object *object;
		int error;

		failed[0] = 0;
		object = bpf_object__open_file(argv[i], NULL);
		error = libbpf_get_error(object);
		if (error) {
			print(argv[i], "open", error);
			continue;
		}
		error = bpf_object__load(object);
		print(argv[i], "load", error);
		bpf_object__close(object);
	}
}
