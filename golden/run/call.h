// SPDX-License-Identifier: GPL-2.0-only
/* Calls of bpf(2): attributes are set by their offsets, so that any headers will do. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned char attr[256];
static char log_buf[1 << 16];

static void clear(void) { memset(attr, 0, sizeof attr); }
static void u32(int at, uint32_t value) { memcpy(attr + at, &value, 4); }
static void u64(int at, uint64_t value) { memcpy(attr + at, &value, 8); }
static void ptr(int at, const void *p) { u64(at, (uintptr_t)p); }
static long call(int command, long size) { return syscall(SYS_bpf, command, attr, size); }

/* The number of a type of the kernel by name and kind, and the size of a struct. */
static uint32_t kernel_type(const char *name, unsigned kind, uint32_t *size)
{
	static unsigned char *btf; static uint32_t head[6];
	static const unsigned char extra[20][2] = { {0, 0}, {4, 0}, {0, 0}, {12, 0}, {0, 12}, {0, 12}, {0, 8}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 8}, {4, 0}, {0, 12}, {0, 0}, {4, 0}, {0, 0}, {0, 12} };
	if (!btf) {
		int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY); size_t room = 64 << 20, have = 0; ssize_t got;
		btf = malloc(room);
		while ((got = read(fd, btf + have, room - have)) > 0) have += got;
		close(fd); memcpy(head, btf, sizeof head);
	}
	unsigned char *at = btf + head[1] + head[2], *end = at + head[3]; char *strings = (char *)btf + head[1] + head[4];
	for (uint32_t id = 1; at < end; id++) {
		uint32_t type[3]; memcpy(type, at, 12); unsigned k = type[1] >> 24 & 31;
		if (k == kind && !strcmp(strings + type[0], name)) { if (size) *size = type[2]; return id; }
		at += 12 + extra[k][0] + extra[k][1] * (type[1] & 0xffff);
	}
	return 0;
}
