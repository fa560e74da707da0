// SPDX-License-Identifier: GPL-2.0-only
/* What bpf(2) answers: prints a line for each of many calls, good ones, odd ones and hostile ones. Of ids and addresses, which
 * differ from boot to boot, nothing is printed. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "call.h"

#define WILD ((void *)0x1000)

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

/* The number of a function or type of the kernel's own BTF. */
/* A program of so many instructions for a function of the kernel, or of another program. */
static long load_for(const char *what, int type, int attach_type, uint32_t id, int target, const void *insns, int count)
{
	clear(); u32(0, type); u32(4, count); ptr(8, insns); ptr(16, "GPL"); u32(68, attach_type); u32(108, id); u32(112, target);
	u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf);
	memcpy(attr + 48, "a_prog", 6);
	return say(what, call(5, 144), 1);
}

static long expecting(const char *what, int type, int attach_type) { return load_for(what, type, attach_type, 0, 0, good, 2); }

static long link_at(const char *what, int prog, int target, int type, int flags) { clear(); u32(0, prog); u32(4, target); u32(8, type); u32(12, flags); return say(what, call(28, 48), 1); }
static long link_update(const char *what, int link, int prog, int flags, int old) { clear(); u32(0, link); u32(4, prog); u32(8, flags); u32(12, old); return say(what, call(29, 16), 0); }
static long link_detach(const char *what, int link) { clear(); u32(0, link); return say(what, call(34, 4), 0); }
static long attach(const char *what, int target, int prog, int type, int flags) { clear(); u32(0, target); u32(4, prog); u32(8, type); u32(12, flags); return say(what, call(8, 20), 0); }
static long detach(const char *what, int target, int prog, int type) { clear(); u32(0, target); u32(4, prog); u32(8, type); return say(what, call(9, 20), 0); }
static void query(const char *what, int target, int type)
{
	uint32_t ids[4] = { 0 }, count;
	clear(); u32(0, target); u32(4, type); ptr(16, ids); u32(24, 4); say(what, call(16, 32), 0); memcpy(&count, attr + 24, 4);
	printf("programs %u, ids %d\n", count, !!ids[0] + !!ids[1] + !!ids[2] + !!ids[3]);
}

static void links(void)
{
	int pipes[2], none = open("/proc/self/ns/net", O_RDONLY), uts = open("/proc/self/ns/uts", O_RDONLY); pipe(pipes);
	int hash = map("a hash", 1, 4, 8, 4), tracer = load("a tracer", 17, good, 2, "GPL", 0, NULL, 0), filter = load("a filter", 1, good, 2, "GPL", 0, NULL, 0);
	link_at("struct_ops of a hash", hash, 0, 44, 0); link_at("struct_ops of a program", tracer, 0, 44, 0);

	int link = raw("a tracepoint", "sched_switch", tracer), other = load("another tracer", 17, good, 2, "GPL", 0, NULL, 0);
	close(raw("the same once more", "sched_switch", tracer)); raw("an empty name", "", tracer); raw("no name", NULL, tracer);
	link_update("update it", link, other, 0, 0); link_update("with flags that are none", link, other, 8, 0); link_update("with an old one without the flag", link, other, 0, tracer);
	link_update("to what is closed", link, 1000, 0, 0); link_update("to a map", link, hash, 0, 0); link_update("what is closed", 1000, other, 0, 0); link_update("a map", hash, other, 0, 0);
	link_detach("detach it", link); link_detach("detach what is closed", 1000); link_detach("detach a program", tracer); close(link);
	clear(); u32(0, link); say("walk what is closed", call(33, 8), 1);

	int skb = load("for packets of control groups", 8, good, 2, "GPL", 0, NULL, 0), sock = expecting("for sockets of control groups", 9, 2);
	link_at("at a pipe", skb, pipes[0], 0, 0); link_at("at what is closed", skb, 1000, 0, 0); link_at("at a map", skb, hash, 0, 0); link_at("with flags", skb, pipes[0], 0, 1);
	link_at("at another place", skb, pipes[0], 2, 0); link_at("at one that was not expected", sock, pipes[0], 12, 0); link_at("at one that was expected", sock, pipes[0], 2, 0);
	attach("attach at a pipe", pipes[0], skb, 0, 0); attach("attach at what is closed", 1000, skb, 0, 0); attach("with both flags", pipes[0], skb, 0, 3); attach("with flags that are none", pipes[0], skb, 0, 1 << 20);
	attach("the wrong program", pipes[0], filter, 0, 0); attach("at a place that was not expected", pipes[0], sock, 12, 0); attach("what is closed", pipes[0], 1000, 0, 0);
	detach("detach from a pipe", pipes[0], skb, 0); detach("detach from what is closed", 1000, skb, 0); detach("detach from no such place", pipes[0], skb, 1000);
	query("query a pipe", pipes[0], 0); query("query what is closed", 1000, 0); query("query no such place", pipes[0], 1000); query("query a place of tracing", pipes[0], 24);
	clear(); u32(0, pipes[0]); u32(8, 8); say("query with flags that are none", call(16, 32), 0);

	int sockmap = map("a map of sockets", 15, 4, 4, 4), msg = load("for messages", 16, good, 2, "GPL", 0, NULL, 0), msg2 = load("another one", 16, good, 2, "GPL", 0, NULL, 0);
	int verdict = expecting("for verdicts", 14, 38);
	attach("at a map of sockets", sockmap, msg, 7, 0); attach("at a hash", hash, msg, 7, 0); attach("at a pipe", pipes[0], msg, 7, 0); attach("with flags", sockmap, msg, 7, 1);
	query("query it", sockmap, 7); query("query a hash", hash, 7); query("query another place", sockmap, 5); attach("the other in its place", sockmap, msg2, 7, 0);
	detach("detach the first", sockmap, msg, 7); detach("detach the second", sockmap, msg2, 7); detach("detach it again", sockmap, msg2, 7); detach("detach what is closed", sockmap, 1000, 7); query("query it", sockmap, 7);
	link = link_at("link at a map of sockets", msg, sockmap, 7, 0); link_at("link at a hash", msg, hash, 7, 0); link_at("link at a pipe", msg, pipes[0], 7, 0); link_at("link with flags", msg, sockmap, 7, 1);
	attach("attach where a link is", sockmap, msg2, 7, 0); link_at("link where a link is", msg2, sockmap, 7, 0); link_update("update it", link, msg2, 0, 0); link_update("to another type", link, verdict, 0, 0);
	link_update("by a wrong old one", link, msg, 4, msg); link_detach("detach it", link); link_update("update what is detached", link, msg, 0, 0); close(link);
	attach("a verdict", sockmap, verdict, 38, 0); attach("another place of it", sockmap, verdict, 5, 0); attach("a message at it", sockmap, msg, 38, 0); close(sockmap);

	int dissector = load("for flows", 22, good, 2, "GPL", 0, NULL, 0), dissector2 = load("another one", 22, good, 2, "GPL", 0, NULL, 0), look = expecting("for look-ups of sockets", 30, 36), look2 = expecting("another one", 30, 36);
	attach("attach with a target", 1, dissector, 17, 0); attach("attach with flags", 0, dissector, 17, 1); detach("detach what is not attached", 0, dissector, 17);
	query("query a name space", none, 17); query("query a pipe", pipes[0], 17); query("query another name space", uts, 17);
	attach("attach", 0, dissector, 17, 0); attach("attach again", 0, dissector, 17, 0); query("query", none, 17); link_at("link beside it", dissector2, none, 17, 0); attach("the other", 0, dissector2, 17, 0);
	detach("detach the first", 0, dissector, 17); detach("detach with a target", 1, dissector2, 17); detach("detach", 0, dissector2, 17);
	link = link_at("link", dissector, none, 17, 0); link_at("a second link", dissector2, none, 17, 0); attach("attach beside it", 0, dissector2, 17, 0); detach("detach what is linked", 0, dissector, 17); query("query", none, 17);
	link_update("update it", link, dissector2, 4, dissector); link_update("by a wrong old one", link, dissector, 4, dissector); link_update("to another type", link, filter, 0, 0); link_detach("detach it", link); link_detach("detach it again", link);
	link_update("update it when detached", link, dissector, 0, 0); close(link);
	link_at("at a pipe", look, pipes[0], 36, 0); link_at("at another name space", look, uts, 36, 0); link_at("at what is closed", look, 1000, 36, 0); link_at("with flags", look, none, 36, 1); link_at("at another place", look, none, 17, 0);
	link = link_at("of look-ups", look, none, 36, 0); int second = link_at("a second one", look2, none, 36, 0); query("query", none, 36); close(second); query("query", none, 36); attach("attach", 0, look, 36, 0); detach("detach", 0, look, 36); close(link);

	int xdp = expecting("for XDP", 6, 37), xdp2 = expecting("another one", 6, 37), old = load("not expected there", 6, good, 2, "GPL", 0, NULL, 0);
	link_at("at no device", xdp, 0, 37, 0); link_at("at no such device", xdp, 9999, 37, 0); link_at("at two modes", xdp, 1, 37, 6); link_at("with flags", xdp, 1, 37, 1); link_at("at a place that is none", xdp, 1, 0, 0);
	link = link_at("at a device", xdp, 1, 37, 2); link_at("a second link", xdp2, 1, 37, 2); link_update("update it", link, xdp2, 0, 0); link_update("by a wrong old one", link, xdp, 4, xdp); link_update("to another place", link, old, 0, 0);
	link_update("to another type", link, filter, 0, 0); link_detach("detach it", link); link_update("update it when detached", link, xdp, 0, 0); link_detach("detach it again", link); close(link); attach("attach", 1, xdp, 37, 0);
	link = link_at("of the one not expected there", old, 1, 37, 2); close(link);

	int cls = load("for a scheduler", 3, good, 2, "GPL", 0, NULL, 0), cls2 = load("another one", 3, good, 2, "GPL", 0, NULL, 0);
	link_at("at no device", cls, 0, 46, 0); link_at("at no such device", cls, 9999, 46, 0); link = link_at("at a device", cls, 1, 46, 0); second = link_at("the same again", cls, 1, 46, 0); second = link_at("another one", cls2, 1, 46, 0);
	query("query it", 1, 46); query("query no such device", 9999, 46); query("query where nothing is", 1, 47); link_update("update it", link, cls2, 0, 0); link_update("to another type", link, filter, 0, 0); link_detach("detach it", link); link_update("update it when detached", link, cls, 0, 0); query("query it", 1, 46); close(second);
	link_at("with flags that are none", cls, 1, 46, 1 << 20); link_at("at a device that is no netkit", cls, 1, 54, 0); close(link);

	int net = expecting("for netfilter", 32, 45);
	clear(); u32(0, net); u32(8, 45); u32(16, 2); u32(20, 1); u32(24, 5); link = say("at a hook", call(28, 48), 1); link_update("update it", link, net, 0, 0); link_detach("detach it", link); close(link);
	clear(); u32(0, net); u32(8, 45); u32(16, 2); u32(20, 1); u32(24, 5); u32(12, 1); say("with flags", call(28, 48), 1);
	clear(); u32(0, net); u32(8, 45); u32(16, 99); u32(20, 1); u32(24, 5); say("of no such family", call(28, 48), 1);
	clear(); u32(0, net); u32(8, 45); u32(16, 2); u32(20, 9); u32(24, 5); say("at no such hook", call(28, 48), 1);
	clear(); u32(0, net); u32(8, 45); u32(16, 2); u32(20, 1); u32(24, 0x80000000); say("before all", call(28, 48), 1);
	clear(); u32(0, net); u32(8, 45); u32(16, 2); u32(20, 1); u32(24, 5); u32(28, 4); say("with flags of its own", call(28, 48), 1);

	uint32_t function = kernel_type("__x64_sys_nanosleep", 12, NULL), hook = kernel_type("bpf_lsm_file_open", 12, NULL), walk = kernel_type("bpf_iter_bpf_map", 12, NULL), elements = kernel_type("bpf_iter_bpf_map_elem", 12, NULL);
	printf("types %d %d %d %d\n", !!function, !!hook, !!walk, !!elements);
	int entry = load_for("for a function", 26, 24, function, 0, good, 2), entry2 = load_for("another one", 26, 24, function, 0, good, 2), leave = load_for("for its end", 26, 25, function, 0, good, 2);
	link = raw("it", NULL, entry); raw("it again", NULL, entry); raw("with a name", "sched_switch", entry); link_update("update it", link, entry2, 0, 0); link_detach("detach it", link);
	clear(); u32(0, link); say("walk it", call(33, 8), 1); close(link);
	link = link_at("a link of it", entry, 0, 24, 0); link_at("of another place", entry, 0, 25, 0); link_at("with a target that is none", leave, 1000, 25, 0); close(link);
	clear(); u32(0, leave); u32(4, filter); u32(8, 25); u32(16, 1); say("with a target", call(28, 48), 1); close(link_at("its end", leave, 0, 25, 0));
	int lsm = load_for("for a hook", 29, 27, hook, 0, good, 2); link = raw("at a hook", NULL, lsm); raw("at it again", NULL, lsm); close(link); link_at("at a hook of control groups", lsm, pipes[0], 43, 0);
	int iter = load_for("to walk maps", 26, 28, walk, 0, good, 2), iter2 = load_for("to walk elements", 26, 28, elements, 0, good, 2), iter3 = load_for("to walk maps, too", 26, 28, walk, 0, good, 2);
	link = link_at("walk maps", iter, 0, 28, 0); link_at("with a target", iter, 1, 28, 0); link_at("with flags", iter, 0, 28, 1); link_at("elements of no map", iter2, 0, 28, 0); raw("by a tracepoint", NULL, iter);
	clear(); u32(0, iter2); u32(8, 28); ptr(16, &hash); u32(24, 4); second = say("elements of a map", call(28, 48), 1); close(second);
	clear(); u32(0, iter2); u32(8, 28); ptr(16, &tracer); u32(24, 4); say("elements of a program", call(28, 48), 1);
	clear(); u32(0, iter2); u32(8, 28); ptr(16, WILD); u32(24, 4); say("elements of what is out of reach", call(28, 48), 1);
	clear(); u32(0, iter2); u32(8, 28); u32(24, 4); say("elements of a length alone", call(28, 48), 1);
	link_update("update it", link, iter3, 0, 0); link_update("to elements", link, iter2, 0, 0); link_detach("detach it", link); close(link);

	int extended = load("to be extended", 1, good, 2, "GPL", 0, NULL, 0);
	load_for("an extension of what has no types", 28, 0, 1, extended, good, 2); load_for("an extension of nothing", 28, 0, 1, 0, good, 2);

	int probe = load("a probe", 2, good, 2, "GPL", 0, NULL, 0), multi = expecting("a probe of many", 2, 42);
	const char *names[] = { "__x64_sys_nanosleep", "vfs_read" }, *wrong[] = { "no_such_function" };
	link_at("no functions", multi, 0, 42, 0); link_at("of a probe that is of one", probe, 0, 42, 0); link_at("at an event", multi, 0, 41, 0);
	clear(); u32(0, multi); u32(8, 42); u32(20, 2); ptr(24, names); link = say("two functions", call(28, 48), 1); link_update("update it", link, multi, 0, 0); link_detach("detach it", link); close(link);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, wrong); say("no such function", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, names); u32(16, 4); say("with flags that are none", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, names); u32(12, 1); say("with flags", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, names); ptr(32, names); say("both names and addresses", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, WILD); say("names out of reach", call(28, 48), 1);
	const char *untraced[] = { "vfs_read", "start_kernel" }, *data[] = { "jiffies" }, *twice[] = { "vfs_read", "vfs_read" }, *cold[] = { "exc_int3" };
	clear(); u32(0, multi); u32(8, 42); u32(20, 2); ptr(24, untraced); say("a function that cannot be traced", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, cold); say("another one", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1); ptr(24, data); say("what is no function", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 2); ptr(24, twice); say("one twice", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, 1 << 20); ptr(24, WILD); say("as many as may be", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, (1 << 20) + 1); ptr(24, WILD); say("more than that", call(28, 48), 1);
	clear(); u32(0, multi); u32(8, 42); u32(20, (1 << 20) + 1); ptr(24, WILD); ptr(40, WILD); say("more, with cookies", call(28, 48), 1);
	int many = expecting("a probe of programs", 2, 48); uint64_t offset = 4096;
	clear(); u32(0, many); u32(8, 48); ptr(16, "/proc/self/exe"); u32(48, 1); say("no offsets", call(28, 64), 1);
	clear(); u32(0, many); u32(8, 48); ptr(16, "/"); ptr(24, &offset); u32(48, 1); say("of a directory", call(28, 64), 1);
	clear(); u32(0, many); u32(8, 48); ptr(16, "/no/such/file"); ptr(24, &offset); u32(48, 1); say("of no file", call(28, 64), 1);
	clear(); u32(0, many); u32(8, 48); ptr(16, "/proc/self/exe"); ptr(24, &offset); u32(48, 1); u32(52, 8); say("with flags that are none", call(28, 64), 1);
	clear(); u32(0, many); u32(8, 48); ptr(16, "/proc/self/exe"); ptr(24, &offset); u32(48, 1); u32(56, -1); say("of a process that is none", call(28, 64), 1);
	clear(); u32(0, many); u32(8, 48); ptr(16, "/proc/self/exe"); ptr(24, WILD); u32(48, 1); say("offsets out of reach", call(28, 64), 1);
	clear(); u32(0, 1); say("statistics of another kind", call(32, 4), 1); clear(); close(say("statistics", call(32, 4), 1));
}

static void more_elements(void)
{
	uint32_t key, to, keys[8], in = 0, count; uint64_t value, got, values[8];
	int fd = map("stack of two", 23, 0, 8, 2);
	value = 1; update("push 1", fd, NULL, &value, 0); value = 2; update("push 2", fd, NULL, &value, 0); value = 3; update("push 3 into what is full", fd, NULL, &value, 0); update("push 3 and push out", fd, NULL, &value, 2);
	take("pop", fd, NULL, &got); printf("value %d\n", (int)got); take("pop", fd, NULL, &got); printf("value %d\n", (int)got); take("pop", fd, NULL, &got); close(fd);

	struct prefix { uint32_t bits; unsigned char data[4]; } a, next_key, all[] = { { 8, { 10 } }, { 16, { 10, 1 } }, { 24, { 10, 1, 2 } }, { 8, { 9 } }, { 0, { 0 } }, { 32, { 10, 1, 2, 3 } }, { 16, { 9, 200 } }, { 12, { 200, 16 } } };
	fd = map_flags("trie", 11, 8, 8, 16, 1); for (int i = 0; i < 8; i++) { value = i; element(fd, &all[i], &value, 0); call(2, 32); }
	for (int i = 0; i < 9; i++) { element(fd, i ? (void *)&a : NULL, &next_key, 0); if (call(4, 32) < 0) { printf("end %d\n", errno); break; } a = next_key; printf("%u.%u.%u.%u/%u\n", a.data[0], a.data[1], a.data[2], a.data[3], a.bits); }
	a = (struct prefix){ 40, { 1 } }; next("next of a prefix that is too long", fd, &a, &next_key); lookup("look it up", fd, &a, &got); delete("delete it", fd, &a);
	a = (struct prefix){ 16, { 10, 9 } }; next("next of one that is not there", fd, &a, &next_key); printf("%u.%u/%u\n", next_key.data[0], next_key.data[1], next_key.bits);
	for (int i = 0; i < 8; i++) values[i] = 77; struct prefix found[8]; struct prefix out;
	clear(); ptr(8, &out); ptr(16, found); ptr(24, values); u32(32, 3); u32(36, fd); say("three of a trie", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u, values %d %d %d\n", count, (int)values[0], (int)values[1], (int)values[2]);
	clear(); ptr(0, &out); ptr(8, &out); ptr(16, found); ptr(24, values); u32(32, 8); u32(36, fd); say("the others", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u, value %d\n", count, (int)values[0]);
	close(fd);
	fd = map_flags("an empty trie", 11, 8, 8, 16, 1); next("its first", fd, NULL, &next_key); close(fd);

	fd = map("least recently used, of four", 9, 4, 8, 64); key = 1; value = 5; update("add", fd, &key, &value, 0); update("add again", fd, &key, &value, 1); update("a flag that is none", fd, &key, &value, 8); lookup("look up", fd, &key, &got);
	next("first", fd, NULL, &to); next("behind the last", fd, &to, &to); take("take out", fd, &key, &got); close(fd);

	fd = map("hash of eight", 1, 4, 8, 8); for (key = 0; key < 5; key++) { value = key * 10; element(fd, &key, &value, 0); call(2, 32); }
	static uint64_t cursor[8]; memset(keys, 0xff, sizeof keys);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("all of it", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); u64(40, 1); say("a flag that is none", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); u64(48, 1); say("a flag of the batch", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, WILD); ptr(24, values); u32(32, 8); u32(36, fd); say("keys out of reach", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, WILD); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("a cursor out of reach", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(0, WILD); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("a beginning out of reach", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	in = 1000000; clear(); ptr(0, &in); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("behind the end", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	keys[0] = 0; keys[1] = 1; keys[2] = 99; keys[3] = 2; clear(); ptr(16, keys); u32(32, 4); u32(36, fd); say("delete, one that is not there among them", call(27, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(16, WILD); u32(32, 4); u32(36, fd); say("delete keys out of reach", call(27, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(16, keys); ptr(24, WILD); u32(32, 4); u32(36, fd); say("update values out of reach", call(26, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); u64(40, 1); say("update only if absent", call(26, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(16, keys); ptr(24, values); u32(32, 0); u32(36, fd); say("update none", call(26, 56), 0); clear(); ptr(16, keys); u32(32, 0); u32(36, fd); say("delete none", call(27, 56), 0);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("take all", call(25, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("take all again", call(25, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 1); u32(36, 1000); say("a batch of what is closed", call(24, 56), 0);
	close(fd);
	fd = map("array of four", 2, 4, 8, 4); in = 2;
	clear(); ptr(0, &in); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("behind the third", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u, first %u\n", count, keys[0]);
	in = 3; clear(); ptr(0, &in); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 8); u32(36, fd); say("behind the last", call(24, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	keys[0] = 1; keys[1] = 9; clear(); ptr(16, keys); ptr(24, values); u32(32, 2); u32(36, fd); say("update, one behind the end among them", call(26, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count);
	clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("take out of an array", call(25, 56), 0); memcpy(&count, attr + 32, 4); printf("count %u\n", count); close(fd);
	fd = map("queue", 22, 0, 8, 2); clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 4); u32(36, fd); say("a batch of a queue", call(24, 56), 0); close(fd);
	fd = map_flags("read only", 1, 4, 8, 2, 1 << 3); clear(); ptr(16, keys); ptr(24, values); u32(32, 1); u32(36, fd); say("update what is read only", call(26, 56), 0); clear(); u32(0, fd); say("freeze what is read only", call(22, 4), 0); close(fd);
	fd = map_flags("write only", 1, 4, 8, 2, 1 << 4); clear(); ptr(8, cursor); ptr(16, keys); ptr(24, values); u32(32, 1); u32(36, fd); say("look up what is write only", call(24, 56), 0); clear(); u32(0, fd); say("freeze what is write only", call(22, 4), 0); close(fd);
	fd = map("hash", 1, 4, 8, 2); clear(); u32(0, fd); say("freeze a hash", call(22, 4), 0); say("freeze it again", call(22, 4), 0); key = 1; update("update it", fd, &key, &value, 0); delete("delete from it", fd, &key); take("take out of it", fd, &key, &got); lookup("look up in it", fd, &key, &got); close(fd);
	clear(); u32(0, 1000); say("freeze what is closed", call(22, 4), 0);
}

static void map_memory(const char *what, int fd, size_t size, int rights, int flags, off_t at)
{
	void *p = mmap(NULL, size, rights, flags, fd, at);
	if (p == MAP_FAILED) printf("%s: errno %d\n", what, errno); else { printf("%s: mapped\n", what); munmap(p, size); }
}

static void memory(void)
{
	uint32_t key = 0; uint64_t value = 1;
	int fd = map_flags("an array that can be mapped", 2, 4, 8, 4, 1 << 10);
	map_memory("read", fd, 4096, PROT_READ, MAP_SHARED, 0); map_memory("write", fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0); map_memory("private", fd, 4096, PROT_READ, MAP_PRIVATE, 0);
	map_memory("beyond", fd, 8192, PROT_READ, MAP_SHARED, 0); map_memory("behind", fd, 4096, PROT_READ, MAP_SHARED, 4096);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); clear(); u32(0, fd); say("freeze while it is mapped to write", call(22, 4), 0); munmap(p, 4096);
	say("freeze", call(22, 4), 0); map_memory("write when frozen", fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0); map_memory("read when frozen", fd, 4096, PROT_READ, MAP_SHARED, 0); close(fd);
	fd = map("an array that cannot", 2, 4, 8, 4); map_memory("read", fd, 4096, PROT_READ, MAP_SHARED, 0); update("set", fd, &key, &value, 0);
	printf("truncate: %d\n", ftruncate(fd, 0) < 0 ? errno : 0); close(fd);
	fd = map("a hash", 1, 4, 8, 4); map_memory("read a hash", fd, 4096, PROT_READ, MAP_SHARED, 0); close(fd);
	fd = map_flags("an array for each CPU that can be mapped", 6, 4, 8, 4, 1 << 10); if (fd >= 0) close(fd);
	fd = map("a ring", 27, 0, 0, 4096); map_memory("the consumer's page", fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0); map_memory("the producer's, to write", fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 4096);
	map_memory("the producer's, to read", fd, 4096 * 3, PROT_READ, MAP_SHARED, 4096); map_memory("all of it", fd, 4096 * 4, PROT_READ, MAP_SHARED, 0); map_memory("more than it", fd, 4096 * 5, PROT_READ, MAP_SHARED, 0); close(fd);
	fd = map_flags("read only", 2, 4, 8, 4, 1 << 10 | 1 << 3); map_memory("map it to write", fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0); map_memory("map it to read", fd, 4096, PROT_READ, MAP_SHARED, 0); close(fd);
	fd = map_flags("write only", 2, 4, 8, 4, 1 << 10 | 1 << 4); map_memory("map it to write", fd, 4096, PROT_WRITE, MAP_SHARED, 0); map_memory("map it to read", fd, 4096, PROT_READ, MAP_SHARED, 0); close(fd);
}

/* The lines of a descriptor's fdinfo, without what differs from boot to boot. */
static void fdinfo(const char *what, int fd)
{
	char path[64], line[256]; static const char *const differ[] = { "mnt_id", "ino", "map_id", "prog_id", "link_id", "btf_id", "prog_tag", "netns_ino", "memlock", "link_id", "target_obj_id", "target_btf_id", "attach_btf_id", "attach_btf_obj_id" };
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd); FILE *f = fopen(path, "r"); printf("%s:\n", what);
	while (f && fgets(line, sizeof line, f)) {
		char *colon = strchr(line, ':'); int hide = 0;
		for (unsigned i = 0; colon && i < sizeof differ / sizeof *differ; i++) hide |= (size_t)(colon - line) == strlen(differ[i]) && !strncmp(line, differ[i], colon - line);
		if (hide) *colon = 0, printf("  %s\n", line); else printf("  %s", line);
	}
	if (f) fclose(f);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd); ssize_t len = readlink(path, line, sizeof line - 1); printf("  is %.*s\n", len < 0 ? 0 : (int)len, line);
}

static void files(void)
{
	struct utsname name; struct statfs fs; struct stat st; char text[64]; int fd;
	uname(&name); printf("%s %s %s\n", name.sysname, name.release, name.version);
	fd = open("/proc/version", O_RDONLY); char line[512]; ssize_t got = read(fd, line, sizeof line - 1); close(fd); if (got > 0) printf("%.*s", (int)got, line);
	fd = open("/proc/sys/kernel/osrelease", O_RDONLY); got = read(fd, line, sizeof line - 1); close(fd); if (got > 0) printf("%.*s", (int)got, line);
	fd = map("a map", 1, 4, 8, 16); fdinfo("a map", fd); clear(); u32(0, fd); say("freeze", call(22, 4), 0); fdinfo("a frozen map", fd); close(fd);
	fd = map("an array of programs", 3, 4, 4, 2); uint32_t key = 0; int filter = load("a filter", 1, good, 2, "GPL", 0, NULL, 0); update("a program", fd, &key, &filter, 0); fdinfo("an array of programs", fd); close(fd);
	fdinfo("a program", filter); int tracer = load("a tracer", 17, good, 2, "GPL", 0, NULL, 0), link = raw("a tracepoint", "sched_switch", tracer); fdinfo("a link", link); close(link);
	int entry = load_for("for a function", 26, 24, kernel_type("__x64_sys_nanosleep", 12, NULL), 0, good, 2); link = raw("it", NULL, entry); fdinfo("a link", link); close(link);
	int xdp = expecting("for XDP", 6, 37); link = link_at("at a device", xdp, 1, 37, 2); if (link >= 0) fdinfo("a link", link); close(link);
	int iter = load_for("to walk maps", 26, 28, kernel_type("bpf_iter_bpf_map", 12, NULL), 0, good, 2); link = link_at("walk maps", iter, 0, 28, 0); if (link >= 0) fdinfo("a link", link); close(link);
	int dissector = load("for flows", 22, good, 2, "GPL", 0, NULL, 0); link = link_at("at a name space", dissector, open("/proc/self/ns/net", O_RDONLY), 17, 0); if (link >= 0) fdinfo("a link", link); close(link);
	struct { uint16_t magic; uint8_t version, flags; uint32_t hdr_len, type_off, type_len, str_off, str_len, type[4]; char strings[5]; } btf = { 0xeb9f, 1, 0, 24, 0, 16, 16, 5, { 1, 1 << 24, 4, 32 | 1 << 24 }, "\0int" };
	clear(); ptr(0, &btf); u32(16, 45); fd = say("BTF", call(18, 28), 1); fdinfo("BTF", fd); close(fd);
	fd = map("a ring", 27, 0, 0, 4096); fdinfo("a ring", fd); close(fd);

	say("statfs of pins", statfs("/sys/fs/bpf", &fs), 0); printf("kind %lx, blocks of %ld, %ld of them, %ld files, names of %ld, fragments of %ld\n", (long)fs.f_type, (long)fs.f_bsize, (long)fs.f_blocks, (long)fs.f_files, (long)fs.f_namelen, (long)fs.f_frsize);
	mkdir("/sys/fs/bpf/d", 0700); say("stat of a directory of pins", stat("/sys/fs/bpf/d", &st), 0); printf("mode %o, links %d\n", st.st_mode, (int)st.st_nlink); rmdir("/sys/fs/bpf/d");
	fd = map("a map", 1, 4, 8, 16); pin("pin", "/sys/fs/bpf/p", fd); say("stat of a pin", stat("/sys/fs/bpf/p", &st), 0); printf("mode %o, size %d\n", st.st_mode, (int)st.st_size);
	say("rename", rename("/sys/fs/bpf/p", "/sys/fs/bpf/q"), 0); get("get under the old name", "/sys/fs/bpf/p", 0); int again = get("get under the new one", "/sys/fs/bpf/q", 0); close(again); unlink("/sys/fs/bpf/p"); unlink("/sys/fs/bpf/q"); close(fd);
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL); say("statfs of traces", statfs("/sys/kernel/tracing", &fs), 0); printf("kind %lx, names of %ld\n", (long)fs.f_type, (long)fs.f_namelen);
	static const char *const points[] = { "sched/sched_switch", "syscalls/sys_enter_openat", "sched/no_such", "no_such/sched_switch", "syscalls/sched_switch", "sched/sys_enter_openat", "kmem/sched_switch" };
	for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
		char path[128]; snprintf(path, sizeof path, "/sys/kernel/tracing/events/%s/id", points[i]); fd = open(path, O_RDONLY); got = fd < 0 ? 0 : read(fd, text, sizeof text - 1); text[got > 0 ? got : 0] = 0;
		printf("%s: %s\n", points[i], fd < 0 ? "none" : atoi(text) > 0 ? "a number" : "something"); if (fd >= 0) close(fd);
	}
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL); say("statfs of debugging", statfs("/sys/kernel/debug", &fs), 0); printf("kind %lx\n", (long)fs.f_type);
	say("statfs of traces below it", statfs("/sys/kernel/debug/tracing", &fs), 0); printf("kind %lx\n", (long)fs.f_type);
	mkdir("/tmp/pins", 0700); say("mount another file system of pins", mount("bpf", "/tmp/pins", "bpf", 0, NULL), 0); say("its kind", statfs("/tmp/pins", &fs), 0); printf("kind %lx\n", (long)fs.f_type);
	fd = map("a map", 1, 4, 8, 16); pin("pin in it", "/tmp/pins/a", fd); say("unmount it", umount("/tmp/pins"), 0); get("get it then", "/tmp/pins/a", 0); rmdir("/tmp/pins"); close(fd);
}

static void descriptors(void)
{
	struct rlimit few = { 64, 64 }, old; uint32_t fds[4]; int last = -1, made = 0;
	getrlimit(RLIMIT_NOFILE, &old); few.rlim_max = old.rlim_max; setrlimit(RLIMIT_NOFILE, &few);
	for (;;) { int fd = dup(1); if (fd < 0) break; last = fd; made++; }
	map("a map when there are no descriptors", 1, 4, 8, 16); load("a program when there are none", 1, good, 2, "GPL", 0, NULL, 0);
	while (made--) close(last--);
	setrlimit(RLIMIT_NOFILE, &old);
	int fd = map("a map", 1, 4, 8, 16), pipes[2]; pipe(pipes); pipes[0] = dup2(pipes[0], 500); fds[0] = fd; fds[1] = fd;
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); ptr(120, fds); u32(148, 2); int prog = say("maps beside a program", call(5, 152), 1);
	if (prog >= 0) { unsigned char info[256]; uint32_t words[64]; memset(info, 0, sizeof info); clear(); u32(0, prog); u32(4, 224); ptr(8, info); call(15, 16); memcpy(words, info, sizeof words); printf("maps %u\n", words[13]); close(prog); }
	fds[1] = pipes[0]; clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); ptr(120, fds); u32(148, 2); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf); say("a pipe beside a program", call(5, 152), 1); printf("%s\n", log_buf); memset(log_buf, 0, sizeof log_buf);
	fds[1] = 1000; clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); ptr(120, fds); u32(148, 2); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf); say("what is closed beside a program", call(5, 152), 1); printf("%s\n", log_buf); memset(log_buf, 0, sizeof log_buf);
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); ptr(120, WILD); u32(148, 2); say("descriptors out of reach", call(5, 152), 1);
	clear(); u32(0, 1); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(148, 2); say("descriptors nowhere", call(5, 152), 1);
}

static void more_commands(void)
{
	int pins = open("/sys/fs/bpf", O_RDONLY | O_DIRECTORY), pipes[2]; char name[32]; uint32_t words[4];
	pipe(pipes); mkdir("/sys/fs/bpf/d", 0700); int below = open("/sys/fs/bpf/d", O_RDONLY | O_DIRECTORY);
	clear(); u32(4, pins); say("a token", call(36, 8), 1); clear(); u32(4, below); say("a token of a directory below", call(36, 8), 1); clear(); u32(4, pipes[0]); say("a token of a pipe", call(36, 8), 1);
	clear(); u32(4, 1000); say("a token of what is closed", call(36, 8), 1); clear(); u32(0, 1); u32(4, pins); say("a token with flags", call(36, 8), 1); rmdir("/sys/fs/bpf/d");
	int tracer = load("a tracer", 17, good, 2, "GPL", 0, NULL, 0), link = raw("a tracepoint", "sched_switch", tracer), hash = map("a hash", 1, 4, 8, 4);
	clear(); u32(0, getpid()); u32(4, link); u32(12, sizeof name); ptr(16, name); say("what a link runs", call(20, 48), 0); memcpy(words, attr + 12, 4); memcpy(words + 1, attr + 28, 4); printf("%s, length %u, kind %u\n", name, words[0], words[1]);
	clear(); u32(0, getpid()); u32(4, link); u32(12, 6); ptr(16, name); say("with too little room", call(20, 48), 0); memcpy(words, attr + 12, 4); printf("%s, length %u\n", name, words[0]);
	clear(); u32(0, getpid()); u32(4, hash); say("what a map runs", call(20, 48), 0); clear(); u32(0, getpid()); u32(4, pipes[0]); say("what a pipe runs", call(20, 48), 0); clear(); u32(0, getpid()); u32(4, 1000); say("what nothing runs", call(20, 48), 0);
	clear(); u32(0, 0x7ffffff0); u32(4, link); say("of no process", call(20, 48), 0); clear(); u32(0, getpid()); u32(4, link); u32(8, 1); say("with flags", call(20, 48), 0);
	clear(); u32(0, pipes[0]); u32(4, 0); u32(8, 1); say("what is in effect at a pipe", call(16, 32), 0);
	int fd = map("a map", 1, 4, 8, 16); pin("pin", "/sys/fs/bpf/x", fd); say("an attribute of a pin", getxattr("/sys/fs/bpf/x", "user.a", name, sizeof name), 0); say("of no pin", getxattr("/sys/fs/bpf/y", "user.a", name, sizeof name), 0); say("its attributes", listxattr("/sys/fs/bpf/x", name, sizeof name), 0); unlink("/sys/fs/bpf/x");
	FILE *format = fopen("/sys/kernel/tracing/events/sched/sched_switch/format", "r"); char line[256];
	while (format && fgets(line, sizeof line, format) && line[0] != '\n') if (strncmp(line, "ID", 2)) printf("%s", line);
	if (format) fclose(format);
}

/* Takes capabilities (bits of numbers below 64) out of what is in effect; what is permitted stays, so that they come back. */
static void without(uint64_t capabilities)
{
	uint32_t head[2] = { 0x20080522, 0 }, sets[6];
	syscall(SYS_capget, head, sets);
	sets[0] = sets[1] & ~(uint32_t)capabilities; sets[3] = sets[4] & ~(uint32_t)(capabilities >> 32);
	say("capabilities", syscall(SYS_capset, head, sets), 0);
}

static void capabilities(void)
{
	static const uint64_t net_admin = 1ull << 12, sys_admin = 1ull << 21, perfmon = 1ull << 38, bpf = 1ull << 39;
	static const int ids[] = { 11, 12, 23, 31, 13, 14, 19, 30 };
	struct { uint16_t magic; uint8_t version, flags; uint32_t hdr_len, type_off, type_len, str_off, str_len, type[4]; char strings[5]; } btf = { 0xeb9f, 1, 0, 24, 0, 16, 16, 5, { 1, 1 << 24, 4, 32 | 1 << 24 }, "\0int" };
	/* bpf_probe_write_user(0, fp - 8, 8) */
	static const uint64_t writes[] = { 0xfff80a7aull, 0x01b7, 0xa2bf, 0xfffffff800000207ull, 0x8000003b7ull, 0x2400000085ull, 0xb7, 0x95 };
	uint32_t key = 7; uint64_t value = 42; char what[64];
	int kept = map("a map", 1, 4, 8, 16), tracer = load("a tracer", 17, good, 2, "GPL", 0, NULL, 0), link = raw("a tracepoint", "sched_switch", tracer);

	load("who writes memory of tasks", 2, writes, 8, "GPL", 0, NULL, 0);
	puts("without CAP_SYS_ADMIN"); without(sys_admin);
	for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) { snprintf(what, sizeof what, "command %d", ids[i]); clear(); u32(0, 1); say(what, call(ids[i], 12), 1); }
	clear(); u32(0, 1); u32(20, 1); say("something behind the attributes", call(13, 24), 1);
	clear(); say("statistics", call(32, 4), 1); clear(); u32(0, getpid()); u32(4, link); say("what a link runs", call(20, 48), 0);
	load("who writes memory of tasks", 2, writes, 8, "GPL", 0, NULL, 0); load("a filter", 1, good, 2, "GPL", 0, NULL, 0); load("for XDP", 6, good, 2, "GPL", 0, NULL, 0); load("a tracer", 17, good, 2, "GPL", 0, NULL, 0);
	map("a map of sockets", 15, 4, 4, 4); clear(); ptr(0, &btf); u32(16, 45); say("BTF", call(18, 28), 1);

	puts("nor CAP_NET_ADMIN"); without(sys_admin | net_admin);
	for (int type = 1; type < 32; type++) if (type != 26 && type != 27 && type != 28 && type != 29) { snprintf(what, sizeof what, "program type %d", type); load(what, type, good, 2, "GPL", 0, NULL, 0); }
	for (int type = 1; type < 35; type++) if (type != 26) { snprintf(what, sizeof what, "map type %d", type); map(what, type, 4, 4, 4); }

	puts("nor CAP_PERFMON"); without(sys_admin | perfmon);
	load("for functions", 2, good, 2, "GPL", 0, NULL, 0); load("for tracepoints", 5, good, 2, "GPL", 0, NULL, 0); load("for events", 7, good, 2, "GPL", 0, NULL, 0); load("a tracer", 17, good, 2, "GPL", 0, NULL, 0);
	load("for security", 29, good, 2, "GPL", 0, NULL, 0); load("an extension", 28, good, 2, "GPL", 0, NULL, 0); map("a map", 1, 4, 8, 16); clear(); ptr(0, &btf); u32(16, 45); say("BTF", call(18, 28), 1);

	puts("nor CAP_BPF"); without(sys_admin | bpf);
	map("a map", 1, 4, 8, 16); load("a filter", 1, good, 2, "GPL", 0, NULL, 0); clear(); ptr(0, &btf); u32(16, 45); say("BTF", call(18, 28), 1);
	update("an element", kept, &key, &value, 0); lookup("it", kept, &key, &value); clear(); u32(0, 1); say("a program by its id", call(13, 12), 1);
	without(0); clear(); say("with all again", call(11, 12), 0);
}

/* Types of programs' functions: 1 is int, 2 int (void), 3 the program's function, 4 a static one, 5 int of six ints, 6 a function of these, 7 a tag of the
 * program's function, if there is one. */
static int types_with(const char *tag)
{
	static struct { uint16_t magic; uint8_t version, flags; uint32_t hdr_len, type_off, type_len, str_off, str_len, type[64]; } btf;
	static const uint32_t type[] = { 1, 1 << 24, 4, 32 | 1 << 24, 0, 13 << 24, 1, 5, 12 << 24 | 1, 2, 7, 12 << 24, 2, 0, 13 << 24 | 6, 1, 11, 1, 11, 1, 11, 1, 11, 1, 11, 1, 11, 1, 9, 12 << 24 | 1, 5, 13, 17 << 24, 3, -1 };
	uint32_t length = sizeof type - (tag ? 0 : 16), names = 14 + (tag ? strlen(tag) : 0);
	btf.magic = 0xeb9f; btf.version = 1; btf.hdr_len = 24; btf.type_len = btf.str_off = length; btf.str_len = names;
	memcpy(btf.type, type, length); memcpy((char *)btf.type + length, "\0int\0f\0s\0g\0a\0", 13); if (tag) strcpy((char *)btf.type + length + 13, tag); else ((char *)btf.type)[length + 13] = 0;
	clear(); ptr(0, &btf); u32(16, 24 + length + names); return say("types", call(18, 28), 1);
}

/* A program with records of functions and lines, which are given by two and four numbers each. */
static long load_with(const char *what, int btf, const uint64_t *insns, int count, const uint32_t *funcs, int nfuncs, const uint32_t *lines, int nlines)
{
	clear(); u32(0, 1); u32(4, count); ptr(8, insns); ptr(16, "GPL"); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf);
	u32(72, btf); u32(76, 8); ptr(80, funcs); u32(88, nfuncs); u32(92, 16); ptr(96, lines); u32(104, nlines);
	long fd = say(what, call(5, 144), 1); show_log(); return fd;
}

/* Programs that no loader makes, by their last words. */
static void refused(void)
{
	static const uint64_t unaligned[] = { 0x1261, 0x41361, 0x24bf, 0x800000407, 0x1342d, 0x12061, 0xb7, 0x95 }, nowhere[] = { 0x6400001085, 0x95 };
	static const uint64_t calls[] = { 0x100001085, 0x95, 0xb7, 0x95 }, itself[] = { 0xffffffff00004218, 0, 0x3000001b7, 0x3b7, 0x4b7, 0xb500000085, 0xb7, 0x95 };
	static const uint32_t one[] = { 0, 3 }, twice[] = { 0, 3, 0, 3 }, both[] = { 0, 3, 2, 4 }, six[] = { 0, 3, 2, 6 }, own[] = { 0, 4 }, line[] = { 0, 1, 1, 0 };
	static uint64_t many[769]; int hash = map("a hash", 1, 4, 8, 4);
	uint64_t value[] = { 0x2118 | (uint64_t)hash << 32, 0, 0xb7, 0x95 };
	clear(); u32(0, 6); u32(4, 8); ptr(8, unaligned); ptr(16, "GPL"); u32(44, 1); u32(24, 1); u32(28, sizeof log_buf); ptr(32, log_buf); say("what is not aligned", call(5, 144), 1); show_log();
	load("a call to nowhere", 1, nowhere, 2, "GPL", 1, log_buf, sizeof log_buf); show_log();
	load("a value of a hash", 1, value, 4, "GPL", 1, log_buf, sizeof log_buf); show_log(); close(hash);
	for (int i = 0; i < 256; i++) many[i] = 0x1085 | (uint64_t)(256 + i) << 32, many[257 + 2 * i] = 0xb7, many[258 + 2 * i] = 0x95;
	many[256] = 0x95; load("256 functions beside the program", 1, many, 769, "GPL", 1, log_buf, sizeof log_buf); show_log();
	uint32_t number = kernel_type("int", 1, NULL), word = kernel_type("u64", 8, NULL), task = kernel_type("task_struct", 4, NULL), reads = kernel_type("vfs_read", 12, NULL), ops = kernel_type("tcp_congestion_ops", 4, NULL);
	load_for("tracing nothing", 26, 24, 0, 0, good, 2); show_log(); load_for("tracing what is no type", 26, 24, 1 << 29, 0, good, 2); show_log();
	load_for("tracing a struct", 26, 24, task, 0, good, 2); show_log(); load_for("a raw tracepoint that is a number", 26, 23, number, 0, good, 2); show_log();
	load_for("a raw tracepoint that is another type", 26, 23, word, 0, good, 2); show_log(); load_for("an extension of the kernel", 28, 0, reads, 0, good, 2); show_log();
	load_for("a hook that is none", 29, 27, reads, 0, good, 2); show_log(); load_for("for system calls, awake", 31, 0, 0, 0, good, 2); show_log();
	load_for("for a number", 27, 0, number, 0, good, 2); show_log(); load_for("for a struct of no operations", 27, 0, task, 0, good, 2); show_log();
	load_for("for a member that is not there", 27, 1000, ops, 0, good, 2); show_log(); load_for("for a member that is no function", 27, 8, ops, 0, good, 2); show_log();
	int filter = load("a filter", 1, good, 2, "GPL", 0, NULL, 0); load_for("tracing a program without types", 26, 24, 1, filter, good, 2); show_log(); close(filter);
	int btf = types_with(NULL); filter = load_with("with types", btf, good, 2, one, 1, NULL, 0);
	load_for("tracing a function that is no type", 26, 24, 99, filter, good, 2); show_log(); load_for("tracing a type of a program", 26, 24, 1, filter, good, 2); show_log(); close(filter);
	load_with("two records of one place", btf, good, 2, twice, 2, NULL, 0); load_with("two of a program of two", btf, calls, 4, twice, 2, NULL, 0); close(load_with("two functions", btf, calls, 4, both, 2, NULL, 0));
	load_with("a line of one of them", btf, calls, 4, both, 2, line, 1); load_with("a function of six", btf, calls, 4, six, 2, NULL, 0); load_with("one that calls itself back", btf, itself, 8, own, 1, NULL, 0); close(btf);
	btf = types_with("exception_callback:nowhere"); load_with("exceptions go nowhere", btf, good, 2, one, 1, NULL, 0); close(btf);
	btf = types_with("exception_callback:s"); load_with("to what is static", btf, calls, 4, both, 2, NULL, 0); close(btf);
	btf = types_with("exception_callback:g"); load_with("to what has no record", btf, good, 2, one, 1, NULL, 0); close(btf);
	btf = types_with("exception_callback:f"); load_with("to the program", btf, good, 2, one, 1, NULL, 0); close(btf);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "odd")) { /* what is of no kernel: a name that moves the cursor, and another way to make calls */
		clear(); u32(0, 1); u32(4, 4); u32(8, 4); u32(12, 4); memcpy(attr + 28, "a\033[2Jb", 6); say("a name with an escape", call(0, 72), 1);
		say("io_uring", syscall(425, 4, log_buf), 1);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "allowed")) { /* what depends on the capabilities that the program is started with */
		map("a map", 1, 4, 8, 16); map("a map of sockets", 15, 4, 4, 4); load("a tracer", 17, good, 2, "GPL", 0, NULL, 0);
		load("for XDP", 6, good, 2, "GPL", 0, NULL, 0); load("a filter", 1, good, 2, "GPL", 0, NULL, 0); clear(); u32(0, 1); say("by id", call(14, 12), 1);
		return 0;
	}
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all); /* kernels before 5.11 charge maps and programs to it */
	attributes(); maps(); elements(); batches(); programs(); types(); infos(); pins(); attaching();
	links(); more_elements(); memory(); files(); descriptors(); more_commands(); refused(); capabilities();
	return 0;
}
