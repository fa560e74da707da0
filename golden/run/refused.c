// SPDX-License-Identifier: GPL-2.0-only
/* Maps, types and programs that libbpf lets no one hand over: prints what bpf(2) answers, and the words of logs. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "call.h"

/* What came of a call: a descriptor is only said to be one. */
static long say(const char *what, long result)
{
	if (result < 0) printf("%s: errno %d\n", what, errno);
	else printf("%s: done\n", what);
	return result;
}

static void map_attr(int type, int key, int value, int entries, int flags) { clear(); u32(0, type); u32(4, key); u32(8, value); u32(12, entries); u32(16, flags); }
static long map(const char *what, int type, int key, int value, int entries, int flags) { map_attr(type, key, value, entries, flags); return say(what, call(0, 72)); }

/* Asks for the program that the attributes describe, with a log. */
static long load(const char *what, int type, const uint64_t *insns, int count)
{
	u32(0, type); u32(4, count); ptr(8, insns); ptr(16, "GPL"); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf);
	long fd = say(what, call(5, 144));
	/* Addresses differ from boot to boot. */
	for (char *at = log_buf; (at = strstr(at, "= 0xff")); at += 20) memset(at + 6, '0', 14);
	printf("%s\n", log_buf); memset(log_buf, 0, sizeof log_buf);
	return fd;
}

static long types(const char *what, const uint32_t *type, int length, const char *names, int named)
{
	static struct { uint16_t magic; uint8_t version, flags; uint32_t hdr_len, type_off, type_len, str_off, str_len; char data[512]; } btf;
	btf.magic = 0xeb9f; btf.version = 1; btf.hdr_len = 24; btf.type_len = btf.str_off = length; btf.str_len = named;
	memcpy(btf.data, type, length); memcpy(btf.data + length, names, named);
	clear(); ptr(0, &btf); u32(16, 24 + length + named); return say(what, call(18, 28));
}

/* r0 = 0; exit */
static const uint64_t good[] = { 0xb7, 0x95 };

/* 1 is int, 2 int (void), 3 the program's function, 4 a static one of six ints, 6 a global one of two. */
static const uint32_t functions[] = { 1, 1 << 24, 4, 32 | 1 << 24, 0, 13 << 24, 1, 5, 12 << 24 | 1, 2, 7, 12 << 24, 5,
	0, 13 << 24 | 6, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9, 1 };
static const char function_names[] = "\0int\0f\0s\0a";

static void of_maps(void)
{
	uint32_t size = 0, st_ops = kernel_type("bpf_struct_ops_tcp_congestion_ops", 4, &size);
	int btf = types("types", functions, sizeof functions, function_names, sizeof function_names), maps[2];

	map_attr(2, 4, 8, 1, 0); u32(48, btf); u32(52, 1); u32(56, 1); say("values that are larger than their type", call(0, 72));
	map_attr(2, 8, 4, 1, 0); u32(48, btf); u32(52, 1); u32(56, 1); say("keys that are larger than their type", call(0, 72));
	map_attr(1, 4, 4, 1, 0); u32(48, btf); u32(56, 1); say("keys without a type", call(0, 72));
	for (int i = 0; i < 2; i++) { map_attr(33, 0, 0, 1, 1 << 10); u64(64, (uint64_t)(i + 1) << 44); maps[i] = say("an arena", call(0, 72)); }
	uint64_t both[] = { 0x1118 | (uint64_t)maps[0] << 32, 0, 0x1218 | (uint64_t)maps[1] << 32, 0, 0xb7, 0x95 };
	clear(); load("a program with both", 3, both, 6); close(maps[0]); close(maps[1]);
	map_attr(26, 4, size, 1, 0); u32(48, btf); u32(60, st_ops); maps[0] = say("operations", call(0, 72));
	uint64_t of_ops[] = { 0x1118 | (uint64_t)maps[0] << 32, 0, 0xb7, 0x95 };
	clear(); load("a program with them", 3, of_ops, 4); close(maps[0]); close(btf);

	maps[0] = map("programs", 3, 4, 4, 1, 0);
	uint64_t jumps[] = { 0x1218 | (uint64_t)maps[0] << 32, 0, 0x3b7, 0xc00000085, 0xb7, 0x95 };
	clear(); long one = load("a filter that goes on in one", 1, jumps, 6);
	clear(); long other = load("a classifier that goes on in one", 3, jumps, 6); close(one); close(other); close(maps[0]);

	maps[0] = map("what programs only read", 1, 4, 8, 1, 1 << 7); clear(); u32(0, maps[0]); say("freeze", call(22, 4));
	uint64_t strings[] = { 0xfff80a7a, 0xa2bf, 0xfffffff800000207ull, 0x1118 | (uint64_t)maps[0] << 32, 0, 0x100000085, 0x20055, 0xb7, 0x95,
		0x03bf, 0xa1bf, 0xfffffff800000107ull, 0x8000002b7ull, 0xb600000085ull, 0xb7, 0x95 };
	clear(); load("a string in a hash", 1, strings, 16); close(maps[0]);
}

static void of_types(void)
{
	/* struct bpf_spin_lock { int val; }; struct two { struct bpf_spin_lock a, b; } */
	static const uint32_t locks[] = { 1, 1 << 24, 4, 32 | 1 << 24, 5, 4 << 24 | 1, 4, 19, 1, 0, 23, 4 << 24 | 2, 8, 27, 2, 0, 29, 2, 32 };
	static const char names[] = "\0int\0bpf_spin_lock\0val\0two\0a\0b";
	int btf = types("two locks in a struct", locks, sizeof locks, names, sizeof names); if (btf >= 0) close(btf);
	/* six(): the program calls a static function, whose type has six arguments. */
	static const uint64_t six[] = { 0x100001085, 0x95, 0xb7, 0x95 };
	static const uint32_t records[] = { 0, 3, 2, 4 };
	btf = types("types", functions, sizeof functions, function_names, sizeof function_names);
	clear(); u32(72, btf); u32(76, 8); ptr(80, records); u32(88, 2); long fd = load("a static function of six", 1, six, 4); close(fd); close(btf);
}

static void of_programs(void)
{
	static const uint32_t record[] = { 0, 3 };
	char what[32];
	clear(); memcpy(attr + 48, "a-b", 3); load("a name with a dash", 1, good, 2);
	clear(); u32(64, 1); load("a filter for a device", 1, good, 2);
	clear(); load("operations of nothing", 27, good, 2);
	uint32_t ops = kernel_type("tcp_congestion_ops", 4, NULL);
	for (int i = 0; i < 24; i++) { snprintf(what, sizeof what, "member %d", i); clear(); u32(68, i); u32(108, ops); long fd = load(what, 27, good, 2); close(fd); }
	clear(); u32(68, 24); u32(108, 0xfffff); load("tracing a type that is none", 26, good, 2);
	int btf = types("types", functions, sizeof functions, function_names, sizeof function_names);
	clear(); u32(72, btf); u32(76, 8); ptr(80, record); u32(88, 1); int filter = load("with types", 1, good, 2);
	for (int type = 0; type < 4; type++) { snprintf(what, sizeof what, "tracing it by %d", type); clear(); u32(68, type); u32(108, 3); u32(112, filter); load(what, 26, good, 2); }
	close(filter); close(btf);
	uint64_t object[] = { 0x1000001b7, 0x2b7, 0x2085 | (uint64_t)kernel_type("bpf_obj_new_impl", 12, NULL) << 32, 0xb7, 0x95 };
	clear(); load("an object without types", 3, object, 5);
	/* A function that the types of some kernels name, and their symbols do not. */
	uint64_t id = kernel_type("ZSTD_DCtx_selectFrameDDict", 12, NULL), address[] = { 0x3118 | id << 32, 0, 0xb7, 0x95 }, calls[] = { 0x2085 | id << 32, 0xb7, 0x95 };
	clear(); close(load("its address", 3, address, 4)); clear(); load("a call of it", 3, calls, 3);
	/* A scheduler's function writes into its task. */
	static const uint64_t writes[] = { 0x1179, 0x8017a, 0xb7, 0x95 };
	clear(); u32(68, 1); u32(108, kernel_type("sched_ext_ops", 4, NULL)); load("a scheduler that writes into tasks", 27, writes, 4);
}

static void of_descriptors(void)
{
	uint64_t first[] = { 0x5118, 0, 0xb7, 0x95 }, value[] = { 0x6118, 0, 0xb7, 0x95 };
	int version = open("/proc/version", O_RDONLY);
	uint64_t file[] = { 0x1118 | (uint64_t)version << 32, 0, 0xb7, 0x95 };
	clear(); u32(0, 1); int btf = say("the kernel's types", call(19, 4));
	clear(); u32(68, 24); u32(112, btf); load("tracing nothing of them", 26, good, 2); close(btf);
	clear(); load("a map of a list that is not passed", 1, first, 4);
	clear(); ptr(120, (void *)0x1000); load("of one that cannot be read", 1, first, 4);
	clear(); ptr(120, (void *)0x1000); load("a value of it", 1, value, 4);
	clear(); load("a file for a map", 1, file, 4); close(version);
}

/* Kernels before 5.11 charge maps to those who make them. */
static void of_memory(void)
{
	struct utsname name; struct rlimit nothing = { 0, 0 };
	uname(&name);
	if (!strncmp(name.release, "5.10.", 5)) { close(map("an array of 8 GiB", 2, 4, 4096, 1 << 21, 0)); close(map("a hash of 8 TiB", 1, 4, 4096, 1 << 31, 1)); close(map("a queue of 16 TiB", 22, 0, 4096, -1, 0)); }
	setrlimit(RLIMIT_MEMLOCK, &nothing);
	map("a map where nothing may be locked", 2, 4, 4096, 4, 0);
}

int main(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all);
	of_maps(); of_types(); of_programs(); of_descriptors(); of_memory();
	return 0;
}
