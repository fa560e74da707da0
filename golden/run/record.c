// SPDX-License-Identifier: GPL-2.0-only
/* What bpf(2) answers: prints a line for each of many calls, good ones, odd ones and hostile ones. Of ids and addresses, which
 * differ from boot to boot, nothing is printed. Attributes are set by their offsets, so that any headers will do. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static unsigned char attr[256];
static char log_buf[1 << 16];
#define WILD ((void *)0x1000)

static void clear(void) { memset(attr, 0, sizeof attr); }
static void u32(int at, uint32_t value) { memcpy(attr + at, &value, 4); }
static void u64(int at, uint64_t value) { memcpy(attr + at, &value, 8); }
static void ptr(int at, const void *p) { u64(at, (uintptr_t)p); }

static long call(int command, long size) { return syscall(SYS_bpf, command, attr, size); }

/* A line: what was called, and the result or the error. A descriptor is only said to be one. */
static long say(const char *what, long result, int is_fd)
{
	if (result < 0) printf("%s: errno %d\n", what, errno);
	else if (is_fd) printf("%s: fd\n", what);
	else printf("%s: %ld\n", what, result);
	return result;
}

static long map_flags(const char *what, int type, int key, int value, int entries, int flags)
{
	clear(); u32(0, type); u32(4, key); u32(8, value); u32(12, entries); u32(16, flags);
	memcpy(attr + 28, "a_map", 5);
	return say(what, call(0, 72), 1);
}
static long map(const char *what, int type, int key, int value, int entries) { return map_flags(what, type, key, value, entries, 0); }

static void element(int fd, const void *key, const void *value, uint64_t flags)
{
	clear(); u32(0, fd); ptr(8, key); ptr(16, value); u64(24, flags);
}
static long lookup(const char *what, int fd, const void *key, void *value) { element(fd, key, value, 0); return say(what, call(1, 32), 0); }
static long update(const char *what, int fd, const void *key, const void *value, uint64_t flags) { element(fd, key, value, flags); return say(what, call(2, 32), 0); }
static long delete(const char *what, int fd, const void *key) { element(fd, key, NULL, 0); return say(what, call(3, 32), 0); }
static long next(const char *what, int fd, const void *key, void *to) { element(fd, key, to, 0); return say(what, call(4, 32), 0); }
static long take(const char *what, int fd, const void *key, void *value) { element(fd, key, value, 0); return say(what, call(21, 32), 0); }

static void attributes(void)
{
	static unsigned char large[8192];
	clear(); say("no attributes", call(0, 0), 1);
	say("attributes out of reach", syscall(SYS_bpf, 0, WILD, 64), 1);
	say("attributes of two pages", syscall(SYS_bpf, 0, large, 8192), 1);
	large[0] = 2, large[4] = 4, large[8] = 4, large[12] = 1;
	say("zeros behind all attributes", syscall(SYS_bpf, 0, large, 4096), 1);
	large[4000] = 1; say("something behind all attributes", syscall(SYS_bpf, 0, large, 4096), 1);
	clear(); u32(0, 3); attr[20] = 1; say("something behind a command's own", call(22, 64), 0);
	clear(); say("no such command", call(4095, 64), 0);
	clear(); say("a negative command", call(-2, 64), 0);
}

static void maps(void)
{
	char what[64];
	for (int type = 0; type < 35; type++) {
		if (type == 26) continue; /* struct_ops has types of the kernel */
		snprintf(what, sizeof what, "map type %d, 4/4/4", type); close(map(what, type, 4, 4, 4));
		snprintf(what, sizeof what, "map type %d, 0/8/4096", type); close(map(what, type, 0, 8, 4096));
		snprintf(what, sizeof what, "map type %d, 0/0/4096", type); close(map(what, type, 0, 0, 4096));
		snprintf(what, sizeof what, "map type %d, 8/8/1, not preallocated", type); close(map_flags(what, type, 8, 8, 1, 1));
	}
	clear(); u32(0, 1); u32(4, 4); u32(8, 4); u32(12, 4); memset(attr + 28, 'x', 16); say("a name without end", call(0, 72), 1);
	clear(); u32(0, 1); u32(4, 4); u32(8, 4); u32(12, 4); memcpy(attr + 28, "a-b", 3); say("a name with a dash", call(0, 72), 1);
	clear(); u32(0, 12); u32(4, 4); u32(8, 4); u32(12, 4); u32(20, 1000); say("an inner map that is closed", call(0, 72), 1);
	clear(); u32(0, 12); u32(4, 4); u32(8, 4); u32(12, 4); u32(20, 0); say("an inner map that is none", call(0, 72), 1);
	clear(); u32(0, 1); u32(4, 4); u32(8, 4); u32(12, 4); u32(48, 1000); u32(52, 1); u32(56, 1); say("a BTF that is closed", call(0, 72), 1);
}

static void elements(void)
{
	uint32_t key = 7, to = 0; uint64_t value = 42, got = 0, wide[64];
	int fd = map("hash", 1, 4, 8, 2);
	lookup("look up what is not there", fd, &key, &got);
	update("replace what is not there", fd, &key, &value, 2);
	update("add", fd, &key, &value, 1);
	update("add again", fd, &key, &value, 1);
	update("flags that are none", fd, &key, &value, 8);
	update("a lock that is none", fd, &key, &value, 4);
	lookup("look up", fd, &key, &got); printf("value %llu\n", (unsigned long long)got);
	lookup("a key out of reach", fd, WILD, &got);
	lookup("a value out of reach", fd, &key, WILD);
	update("a value that cannot be read", fd, &key, WILD, 0);
	lookup("no key", fd, NULL, &got);
	key = 8; update("a second one", fd, &key, &value, 0);
	key = 9; update("a third one", fd, &key, &value, 0);
	next("next of one that is not there", fd, &key, &to);
	next("first", fd, NULL, &to); key = to; next("second", fd, &key, &to); key = to; next("behind the last", fd, &key, &to);
	next("into nowhere", fd, NULL, WILD);
	key = 9; delete("delete what is not there", fd, &key); key = 8; delete("delete", fd, &key);
	key = 7; take("take out", fd, &key, &got); take("take out again", fd, &key, &got);
	lookup("a closed map", 1000, &key, &got); lookup("a map that is a stream", 0, &key, &got); lookup("a negative descriptor", -1, &key, &got);
	close(fd);

	fd = map("array", 2, 4, 6, 3); key = 2; memset(wide, 0, sizeof wide);
	update("set", fd, &key, "abcdef", 0); lookup("get", fd, &key, wide); printf("value %.6s\n", (char *)wide);
	update("set only if absent", fd, &key, "abcdef", 1); delete("delete from an array", fd, &key);
	key = 3; lookup("behind the array", fd, &key, wide); update("set behind the array", fd, &key, wide, 0);
	next("next of what is behind", fd, &key, &to); printf("key %u\n", to);
	key = 2; next("next of the last", fd, &key, &to); take("take out of an array", fd, &key, wide);
	clear(); u32(0, fd); say("freeze", call(22, 4), 0); say("freeze again", call(22, 4), 0);
	key = 0; update("set when frozen", fd, &key, wide, 0); lookup("get when frozen", fd, &key, wide);
	close(fd);

	fd = map("array for each CPU", 6, 4, 8, 2); key = 1; wide[0] = 5; wide[1] = 6;
	update("set", fd, &key, wide, 0); memset(wide, 0, sizeof wide); lookup("get", fd, &key, wide);
	printf("values %d %d\n", (int)wide[0], (int)wide[1]); close(fd);

	fd = map("queue", 22, 0, 8, 2); value = 1; update("push", fd, NULL, &value, 0); value = 2; update("push", fd, NULL, &value, 0);
	value = 3; update("push into what is full", fd, NULL, &value, 0); update("push and push out", fd, NULL, &value, 2);
	update("push only if absent", fd, NULL, &value, 1); update("push with a key", fd, &key, &value, 0);
	lookup("peek", fd, NULL, &got); printf("value %d\n", (int)got); take("pop", fd, NULL, &got); printf("value %d\n", (int)got);
	take("pop", fd, NULL, &got); printf("value %d\n", (int)got); take("pop from what is empty", fd, NULL, &got); lookup("peek at what is empty", fd, NULL, &got);
	delete("delete from a queue", fd, NULL); next("walk a queue", fd, NULL, &to); close(fd);

	fd = map("stack", 23, 0, 8, 2); value = 1; update("push", fd, NULL, &value, 0); value = 2; update("push", fd, NULL, &value, 0);
	take("pop", fd, NULL, &got); printf("value %d\n", (int)got); close(fd);

	struct { uint32_t bits; unsigned char data[4]; } prefix = { 16, { 10, 1, 99, 99 } };
	fd = map_flags("trie", 11, 8, 8, 2, 1); value = 16; update("add 10.1/16", fd, &prefix, &value, 0);
	prefix.bits = 8; value = 8; update("add 10/8", fd, &prefix, &value, 0); prefix.bits = 33; update("a prefix that is too long", fd, &prefix, &value, 0);
	prefix.bits = 0; update("what does not fit", fd, &prefix, &value, 0);
	prefix.bits = 32; lookup("10.1.99.99", fd, &prefix, &got); printf("value %d\n", (int)got);
	prefix.data[1] = 2; lookup("10.2.99.99", fd, &prefix, &got); printf("value %d\n", (int)got);
	prefix.data[0] = 11; lookup("11.2.99.99", fd, &prefix, &got); delete("delete what is not there", fd, &prefix); close(fd);

	fd = map("ring buffer", 27, 0, 0, 4096); key = 0;
	lookup("look up in a ring", fd, NULL, &got); update("update a ring", fd, NULL, &value, 0); next("walk a ring", fd, NULL, &to); close(fd);

	fd = map_flags("read only", 1, 4, 8, 2, 1 << 3); update("write it", fd, &key, &value, 0); lookup("read it", fd, &key, &got); close(fd);
	fd = map_flags("write only", 1, 4, 8, 2, 1 << 4); update("write it", fd, &key, &value, 0); lookup("read it", fd, &key, &got); next("walk it", fd, NULL, &to); close(fd);
	map_flags("neither", 1, 4, 8, 2, 3 << 3);
}

static void batches(void)
{
	uint32_t keys[4] = { 0, 1, 2, 3 }, in = 0, out = 0, count; uint64_t values[4] = { 10, 11, 12, 13 };
	int fd = map("array of four", 2, 4, 8, 4);
	clear(); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("update four", call(26, 56), 0);
	memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	memset(values, 0, sizeof values);
	clear(); ptr(8, &out); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("look up four", call(24, 56), 0);
	memcpy(&count, attr + 32, 4); printf("count %u, last %d\n", count, (int)values[3]);
	clear(); ptr(8, &out); ptr(16, keys); ptr(24, values); u32(32, 0); u32(36, fd); say("look up none", call(24, 56), 0);
	clear(); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("delete from an array", call(27, 56), 0);
	(void)in; close(fd);
	fd = map("hash of four", 1, 4, 8, 4);
	clear(); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("update four", call(26, 56), 0);
	keys[0] = 9; clear(); ptr(16, keys); u32(32, 4); u32(36, fd); say("delete one that is not there", call(27, 56), 0);
	memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	close(fd);
}

/* r0 = 0; exit. And a read of the context that is none. */
static const uint64_t good[] = { 0xb7, 0x95 };
static const uint64_t bad[] = { 0x1079, 0x95 };

static long load(const char *what, int type, const void *insns, int count, const char *license, int level, void *log, int size)
{
	clear(); u32(0, type); u32(4, count); ptr(8, insns); ptr(16, license); u32(24, level); u32(28, size); ptr(32, log);
	memcpy(attr + 48, "a_prog", 6);
	return say(what, call(5, 144), 1);
}

static void show_log(void)
{
	uint32_t true_size; memcpy(&true_size, attr + 140, 4);
	printf("true size %u\n%s\n", true_size, log_buf); memset(log_buf, 0, sizeof log_buf);
}

static void programs(void)
{
	uint64_t of_map[] = { 0x0118 | (uint64_t)1000 << 32, 0, 0xb7, 0x95 };
	close(load("a program", 1, good, 2, "GPL", 0, NULL, 0));
	close(load("with a log", 1, good, 2, "GPL", 2, log_buf, sizeof log_buf)); show_log();
	load("one that is rejected", 1, bad, 2, "GPL", 1, log_buf, sizeof log_buf); show_log();
	load("without a log", 1, bad, 2, "GPL", 0, NULL, 0);
	load("a log that is too short", 1, bad, 2, "GPL", 2, log_buf, 60); show_log();
	load("its beginning", 1, bad, 2, "GPL", 2 | 8, log_buf, 60); show_log();
	load("a level without a buffer", 1, good, 2, "GPL", 1, NULL, 0); show_log();
	load("a buffer without a level", 1, good, 2, "GPL", 0, log_buf, 4096);
	load("a buffer without a size", 1, good, 2, "GPL", 1, log_buf, 0);
	load("a level that is none", 1, good, 2, "GPL", 16, log_buf, 4096);
	load("a buffer out of reach", 1, good, 2, "GPL", 1, WILD, 4096);
	load("instructions out of reach", 1, WILD, 2, "GPL", 0, NULL, 0);
	load("a licence out of reach", 1, good, 2, WILD, 0, NULL, 0);
	load("no instructions", 1, good, 0, "GPL", 0, NULL, 0);
	load("too many instructions", 1, good, 1000001, "GPL", 0, NULL, 0);
	load("no such type", 1000, good, 2, "GPL", 0, NULL, 0);
	load("a map that is closed", 1, of_map, 4, "GPL", 1, log_buf, sizeof log_buf); show_log();
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(44, 1 << 15); say("flags that are none", call(5, 144), 1);
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(72, 1000); u32(76, 8); ptr(80, good); u32(88, 1); say("a BTF that is closed", call(5, 144), 1);
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(112, 1000); say("a target that is closed", call(5, 144), 1);
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(108, 1); say("a type to attach to", call(5, 144), 1);
	clear(); u32(0, 26); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(68, 24); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf);
	say("tracing without a function", call(5, 144), 1); show_log();
}

static void types(void)
{
	struct { uint16_t magic; uint8_t version, flags; uint32_t hdr_len, type_off, type_len, str_off, str_len, type[4]; char strings[5]; } btf = {
		0xeb9f, 1, 0, 24, 0, 16, 16, 5, { 1, 1 << 24, 4, 32 | 1 << 24 }, "\0int" };
	clear(); ptr(0, &btf); u32(16, 45); close(say("BTF", call(18, 28), 1));
	clear(); ptr(0, &btf); ptr(8, log_buf); u32(16, 45); u32(20, sizeof log_buf); u32(24, 1); close(say("BTF with a log", call(18, 28), 1)); printf("%s\n", log_buf);
	memset(log_buf, 0, sizeof log_buf); btf.magic = 1;
	clear(); ptr(0, &btf); ptr(8, log_buf); u32(16, 45); u32(20, sizeof log_buf); u32(24, 1); say("BTF without its magic", call(18, 28), 1); printf("%s\n", log_buf);
	btf.magic = 0xeb9f; btf.type[2] = 3; memset(log_buf, 0, sizeof log_buf);
	clear(); ptr(0, &btf); ptr(8, log_buf); u32(16, 45); u32(20, sizeof log_buf); u32(24, 1); say("an int of three bytes", call(18, 28), 1); printf("%s\n", log_buf);
	clear(); ptr(0, WILD); u32(16, 45); say("BTF out of reach", call(18, 28), 1);
	clear(); ptr(0, &btf); u32(16, 1 << 25); say("BTF that is too large", call(18, 28), 1);
	clear(); ptr(0, &btf); u32(16, 10); say("BTF that is too short", call(18, 28), 1);
	clear(); ptr(0, &btf); u32(16, 45); u32(24, 1); u32(20, 100); say("a size without a buffer", call(18, 28), 1);
}

static void infos(void)
{
	unsigned char info[512]; uint32_t words[64], id;
	int m = map("a map", 1, 4, 8, 16), p = load("a program", 1, good, 2, "GPL", 0, NULL, 0);
	memset(info, 0, sizeof info); clear(); u32(0, m); u32(4, 80); ptr(8, info); say("of a map", call(15, 16), 0); memcpy(words, info, sizeof words);
	printf("type %u key %u value %u entries %u flags %u name %s\n", words[0], words[2], words[3], words[4], words[5], (char *)info + 24);
	id = words[1];
	clear(); u32(0, id); int again = say("by its id", call(14, 12), 1); close(again);
	clear(); u32(0, id - 1); say("next id", call(12, 12), 0); printf("that one: %d\n", !memcmp(attr + 4, &id, 4));
	clear(); u32(0, 0x7ffffff0); say("by an id that is none", call(14, 12), 1);
	clear(); u32(0, 0x7ffffff0); say("next of the last id", call(12, 12), 0);
	clear(); u32(0, 0x80000000); say("next of an id that is none", call(12, 12), 0);
	memset(info, 0, sizeof info); clear(); u32(0, p); u32(4, 224); ptr(8, info); say("of a program", call(15, 16), 0); memcpy(words, info, sizeof words);
	printf("type %u tag %08x%08x maps %u name %s\n", words[0], __builtin_bswap32(words[2]), __builtin_bswap32(words[3]), words[13], (char *)info + 64);
	memset(info, 1, sizeof info); clear(); u32(0, m); u32(4, 512); ptr(8, info); say("of a larger struct", call(15, 16), 0);
	memset(info, 0, sizeof info); clear(); u32(0, m); u32(4, 8); ptr(8, info); say("of a shorter one", call(15, 16), 0); memcpy(&id, attr + 4, 4); printf("length %u\n", id);
	clear(); u32(0, m); u32(4, 80); ptr(8, WILD); say("out of reach", call(15, 16), 0);
	clear(); u32(0, 0); u32(4, 80); ptr(8, info); say("of a stream", call(15, 16), 0);
	clear(); u32(0, 1000); u32(4, 80); ptr(8, info); say("of what is closed", call(15, 16), 0);
	clear(); u32(0, p); u32(4, m); say("bind a map", call(35, 12), 0);
	clear(); u32(0, m); u32(4, p); say("bind the wrong way round", call(35, 12), 0);
	close(m); close(p);
}

static long pin(const char *what, const char *path, int fd) { clear(); ptr(0, path); u32(8, fd); return say(what, call(6, 16), 0); }
static long get(const char *what, const char *path, int flags) { clear(); ptr(0, path); u32(12, flags); return say(what, call(7, 16), 1); }

static void pins(void)
{
	struct statfs fs; struct stat st;
	mkdir("/sys/fs/bpf", 0700); mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	say("statfs", statfs("/sys/fs/bpf", &fs), 0); printf("kind %lx\n", (long)fs.f_type);
	int fd = map("a map", 1, 4, 8, 16);
	pin("pin", "/sys/fs/bpf/a", fd); pin("pin again", "/sys/fs/bpf/a", fd); pin("a name with a dot", "/sys/fs/bpf/a.b", fd);
	pin("in no directory", "/sys/fs/bpf/no/a", fd); pin("elsewhere", "/tmp/a", fd); pin("what is closed", "/sys/fs/bpf/b", 1000); pin("a stream", "/sys/fs/bpf/b", 0);
	pin("a path out of reach", (char *)WILD, fd); pin("no path", "", fd);
	say("make a directory", mkdir("/sys/fs/bpf/dir", 0700), 0); pin("in it", "/sys/fs/bpf/dir/a", fd);
	close(get("get", "/sys/fs/bpf/a", 0)); close(get("get to read", "/sys/fs/bpf/a", 1 << 3)); get("get with flags that are none", "/sys/fs/bpf/a", 1 << 20);
	get("get what is not there", "/sys/fs/bpf/z", 0); get("get a directory", "/sys/fs/bpf/dir", 0); get("get another file", "/proc/self/maps", 0);
	say("stat", stat("/sys/fs/bpf/a", &st), 0); printf("a file: %d\n", S_ISREG(st.st_mode)); say("open", open("/sys/fs/bpf/a", O_RDONLY), 1);
	close(fd); say("unlink", unlink("/sys/fs/bpf/a"), 0); get("get what is gone", "/sys/fs/bpf/a", 0); get("get the other", "/sys/fs/bpf/dir/a", 0);
	say("remove a directory that is not empty", rmdir("/sys/fs/bpf/dir"), 0); unlink("/sys/fs/bpf/dir/a"); say("remove it", rmdir("/sys/fs/bpf/dir"), 0);
}

static long raw(const char *what, const char *name, int prog) { clear(); ptr(0, name); u32(8, prog); return say(what, call(17, 16), 1); }

static void attaching(void)
{
	int filter = load("a filter", 1, good, 2, "GPL", 0, NULL, 0), tracer = load("a tracer", 17, good, 2, "GPL", 0, NULL, 0);
	close(raw("a tracepoint", "sched_switch", tracer)); raw("no such tracepoint", "no_such_tracepoint", tracer); raw("a name out of reach", (char *)WILD, tracer);
	raw("a filter at a tracepoint", "sched_switch", filter); raw("what is closed", "sched_switch", 1000); raw("no program", "sched_switch", 0);
	clear(); u32(0, filter); u32(8, 41); say("link of a filter", call(28, 16), 1);
	clear(); u32(0, 1000); say("link of what is closed", call(28, 16), 1);
	clear(); u32(4, filter); u32(8, 1); say("attach a filter to a control group", call(8, 20), 0);
	clear(); u32(8, 1000); say("attach at no such place", call(8, 20), 0);
	int probe = load("a probe", 2, good, 2, "GPL", 0, NULL, 0);
	clear(); u32(0, probe); u32(4, -1); u32(8, 41); say("link of a probe to no event", call(28, 48), 1);
	int array = map("an array of programs", 3, 4, 4, 2); uint32_t key = 0, id;
	update("put a filter in", array, &key, &filter, 0); update("put a tracer beside it", array, &key, &tracer, 0); update("put what is closed in", array, &key, &(int){ 1000 }, 0);
	update("put a stream in", array, &key, &(int){ 0 }, 0); update("add only", array, &key, &filter, 1); lookup("its id", array, &key, &id); delete("take it out", array, &key); delete("take it out again", array, &key); lookup("no id", array, &key, &id);
	key = 2; update("behind the last", array, &key, &filter, 0); close(array);
	int inner = map("an inner map", 2, 4, 4, 4), other = map("another one", 2, 4, 8, 4);
	clear(); u32(0, 12); u32(4, 4); u32(8, 4); u32(12, 2); u32(20, inner); int outer = say("an array of maps", call(0, 72), 1); key = 0;
	update("put the map in", outer, &key, &inner, 0); update("put the other in", outer, &key, &other, 0); update("put a program in", outer, &key, &filter, 0); lookup("its id", outer, &key, &id);
}

int main(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all); /* kernels before 5.11 charge maps and programs to it */
	attributes(); maps(); elements(); batches(); programs(); types(); infos(); pins(); attaching();
	return 0;
}
