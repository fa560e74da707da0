// SPDX-License-Identifier: GPL-2.0-only
/* Maps of devices, processors, sockets and files; in which order programs of a device are; what is told of programs and names: prints what
 * bpf(2) answers. The machine has the device 1 and two processors. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "call.h"

#define WILD ((void *)0x1000)
enum { ANY, NOEXIST, EXIST };
static const uint64_t good[] = { 0xb7, 0x95 };

/* What came of a call: a descriptor is only said to be one. */
static long say(const char *what, long result)
{
	if (result < 0) printf("%s: errno %d\n", what, errno);
	else printf("%s: done\n", what);
	return result;
}

static long map(const char *what, int type, int value, int entries)
{
	clear(); u32(0, type); u32(4, 4); u32(8, value); u32(12, entries);
	return say(what, call(0, 72));
}
static long element(const char *what, int command, int map, uint32_t key, const void *value, uint64_t flags)
{
	clear(); u32(0, map); ptr(8, &key); ptr(16, value); u64(24, flags);
	return say(what, call(command, 32));
}
static void set(const char *what, int map, uint32_t key, uint32_t first, uint32_t second, uint64_t flags)
{
	uint32_t value[2] = { first, second };
	element(what, 2, map, key, value, flags);
}
static void get(const char *what, int map, uint32_t key)
{
	uint32_t value[2] = { 0 };
	if (element(what, 1, map, key, value, 0) == 0) printf("%u %u\n", value[0], !!value[1]);
}
static void delete(const char *what, int map, uint32_t key) { element(what, 3, map, key, NULL, 0); }

static void walk(const char *what, int map)
{
	uint32_t key, next, *from = NULL;
	printf("%s:", what);
	for (int i = 0; i < 8; i++) {
		clear(); u32(0, map); ptr(8, from); ptr(16, &next);
		if (call(4, 32) < 0) { printf(" errno %d", errno); break; }
		printf(" %u", next); key = next; from = &key;
	}
	printf("\n");
}

static long program(const char *what, int type, int attach_type)
{
	clear(); u32(0, type); u32(4, 2); ptr(8, good); ptr(16, "GPL"); u32(68, attach_type);
	return say(what, call(5, 144));
}

static void devices(void)
{
	long m, xdp = program("XDP", 6, 37), of_map = program("XDP of a map of devices", 6, 33), of_cpu = program("XDP of a map of processors", 6, 35);
	m = map("a map of devices", 14, 8, 4);
	set("no device", m, 0, 0, 0, ANY); get("look it up", m, 0); set("no device with a program", m, 0, 0, of_map, ANY); set("no such device", m, 0, 9999, 0, ANY);
	set("a device", m, 1, 1, 0, ANY); get("look it up", m, 1); set("one that is there", m, 1, 1, 0, EXIST); set("one that is not there", m, 2, 1, 0, EXIST); set("none that is there", m, 3, 1, 0, NOEXIST);
	set("with odd flags", m, 1, 1, 0, 3); set("beyond the end", m, 4, 1, 0, ANY); set("beyond the end without one", m, 4, 1, 0, NOEXIST);
	set("with a program", m, 3, 1, of_map, ANY); get("look it up", m, 3); set("with one for another place", m, 3, 1, xdp, ANY); set("with a stream", m, 3, 1, 1, ANY); set("with what is closed", m, 3, 1, 999, ANY);
	walk("walk", m); delete("delete it", m, 1); delete("delete it again", m, 1); delete("delete beyond the end", m, 4); get("look it up", m, 1); set("take it away", m, 3, 0, 0, ANY); get("look it up", m, 3); close(m);
	m = map("with short values", 14, 4, 4); set("a device", m, 1, 1, 0, ANY); get("look it up", m, 1); close(m);
	m = map("a table of devices", 25, 8, 4);
	set("no device", m, 0, 0, 0, ANY); set("no such device", m, 0, 9999, 0, ANY); set("a device", m, 4, 1, 0, ANY); set("another", m, 8, 1, 0, ANY); set("and one", m, 1, 1, 0, ANY); set("the last", m, 12, 1, of_map, ANY);
	set("one too many", m, 16, 1, 0, ANY); set("one too many that is no device", m, 16, 9999, 0, ANY); set("one that is there", m, 8, 1, 0, NOEXIST); set("one that is not there", m, 20, 1, 0, EXIST); walk("walk", m);
	set("set it again", m, 4, 1, 0, EXIST); walk("walk", m); get("look it up", m, 12); get("look up none", m, 13); delete("delete it", m, 8); delete("delete it again", m, 8); walk("walk", m); close(m);
	m = map("a map of processors", 16, 8, 64);
	set("no frames", m, 0, 0, 0, ANY); get("look it up", m, 0); set("frames", m, 0, 192, 0, ANY); get("look it up", m, 0); set("too many", m, 0, 16385, 0, ANY); set("as many as can be", m, 1, 16384, 0, EXIST); set("no such processor", m, 60, 192, 0, ANY);
	set("no frames for no processor", m, 60, 0, 0, ANY); set("beyond the end", m, 64, 192, 0, ANY); set("none that is there", m, 1, 192, 0, NOEXIST); set("with odd flags", m, 1, 192, 0, 8); set("with a program", m, 1, 192, of_cpu, ANY); get("look it up", m, 1);
	set("with one for another place", m, 1, 192, xdp, ANY); delete("delete it", m, 1); delete("delete it again", m, 1); delete("delete beyond the end", m, 64); get("look it up", m, 1); close(m); close(xdp); close(of_map); close(of_cpu);
}

static void sockets(void)
{
	static const struct { int type; const char *name; } of[] = { {15, "a map of sockets"}, {18, "a table of sockets"}, {17, "a map of XDP sockets"}, {20, "an array of sockets"} };
	for (unsigned i = 0; i < sizeof of / sizeof *of; i++)
		for (int value = 4; value <= 8; value += 4) {
			long m = map(of[i].name, of[i].type, value, 4);
			if (m < 0) continue;
			set("a stream", m, 0, 0, 0, ANY); set("what is closed", m, 0, 999, 0, ANY); set("a large number", m, 0, 0x80000000, 0, ANY); set("a larger one", m, 0, 0, 1, ANY); set("with odd flags", m, 0, 0, 0, 8);
			set("beyond the end", m, 4, 0, 0, ANY); get("look it up", m, 0); delete("delete it", m, 0); delete("delete beyond the end", m, 4); walk("walk", m); close(m);
		}
}

/* What belongs to files, sockets, tasks and control groups needs types: 1 is int. */
static void owners(void)
{
	static const uint32_t btf[] = { 0x0001eb9f, 24, 0, 16, 16, 5, 1, 0x01000000, 4, 32 | 1 << 24, 0x746e6900, 0 };
	static const struct { int type; const char *name; } of[] = { {28, "of files"}, {24, "of sockets"}, {29, "of tasks"}, {32, "of control groups"} };
	clear(); ptr(0, btf); u32(16, 45); long types = say("types", call(18, 28));
	for (unsigned i = 0; i < sizeof of / sizeof *of; i++) {
		clear(); u32(0, of[i].type); u32(4, 4); u32(8, 4); u32(16, 1); u32(48, types); u32(52, 1); u32(56, 1);
		long m = say(of[i].name, call(0, 72)), stream = 0, file = open("/proc/self/exe", O_RDONLY);
		if (m < 0) { close(file); continue; }
		get("of a stream", m, stream); get("of what is closed", m, 999); set("for what is closed", m, 999, 1, 0, ANY); delete("delete for what is closed", m, 999); walk("walk", m);
		set("for a file", m, file, 7, 0, EXIST); set("for a file", m, file, 7, 0, NOEXIST); set("again", m, file, 8, 0, NOEXIST); set("with odd flags", m, file, 8, 0, 3); set("again", m, file, 8, 0, ANY); get("look it up", m, file);
		int second = open("/proc/self/exe", O_RDONLY); get("by another descriptor", m, second); delete("delete it", m, second); delete("delete it again", m, file); get("look it up", m, file); close(second); close(file); close(m);
	}
	close(types);
}

/* The programs of a device by their letters. */
static long progs[6];
static uint32_t ids[6];
static void order(int type)
{
	uint32_t at[8] = { 0 }, count; uint64_t revision;
	clear(); u32(0, 1); u32(4, type); ptr(16, at); u32(24, 8);
	if (call(16, 64) < 0) { printf("order: errno %d\n", errno); return; }
	memcpy(&count, attr + 24, 4); memcpy(&revision, attr + 56, 8); printf("order:");
	for (uint32_t i = 0; i < count && i < 8; i++) for (int p = 0; p < 6; p++) if (ids[p] == at[i]) printf(" %c", 'A' + p);
	printf(", revision %u\n", (unsigned)revision);
}
enum { REPLACE = 4, BEFORE = 8, AFTER = 16, ID = 32, LINK = 1 << 13 };
static void attach(const char *what, int prog, int flags, uint32_t relative, int replaced, uint64_t revision)
{
	clear(); u32(0, 1); u32(4, prog); u32(8, 46); u32(12, flags); u32(16, replaced); u32(20, relative); u64(24, revision);
	say(what, call(8, 32)); order(46);
}
static void detach(const char *what, int prog, int flags, uint32_t relative, uint64_t revision)
{
	clear(); u32(0, 1); u32(4, prog); u32(8, 46); u32(12, flags); u32(20, relative); u64(24, revision);
	say(what, call(9, 32)); order(46);
}
static long link_at(const char *what, int prog, int flags, uint32_t relative, uint64_t revision)
{
	clear(); u32(0, prog); u32(4, 1); u32(8, 46); u32(12, flags); u32(16, relative); u64(24, revision);
	long link = say(what, call(28, 64)); order(46); return link;
}
static void orders(void)
{
	unsigned char info[512]; long xdp = program("XDP", 6, 37);
	for (int i = 0; i < 6; i++) {
		progs[i] = program("a classifier", 3, 0);
		memset(info, 0, sizeof info); clear(); u32(0, progs[i]); u32(4, 16); ptr(8, info); call(15, 16); memcpy(&ids[i], info + 4, 4);
	}
	long a = progs[0], b = progs[1], c = progs[2], d = progs[3], e = progs[4], f = progs[5];
	detach("detach where nothing is", a, 0, 0, 0); detach("detach nothing where nothing is", 0, 0, 0, 0); attach("after what is not there", a, AFTER, b, 0, 0); attach("replace what is not there", a, REPLACE, 0, b, 0);
	attach("A", a, 0, 0, 0, 0); attach("A again", a, 0, 0, 0, 0); attach("B", b, 0, 0, 0, 0); attach("C before all", c, BEFORE, 0, 0, 0); attach("D before B", d, BEFORE, b, 0, 0); attach("E after C", e, AFTER, c, 0, 0);
	attach("F beside A, it is not said where", f, 0, a, 0, 0); attach("F before and after", f, BEFORE | AFTER, a, 0, 0); attach("F before A by its id", f, BEFORE | ID, ids[0], 0, 0); detach("F", f, 0, 0, 0); attach("F by an id that is none", f, BEFORE | ID, 0x7fffffff, 0, 0);
	attach("F after a stream", f, AFTER, 1, 0, 0); attach("F after an XDP program", f, AFTER, xdp, 0, 0); attach("F after a link", f, AFTER | LINK, a, 0, 0); attach("F in place of A", f, REPLACE, 0, a, 0); attach("A in place of F, before B", a, REPLACE | BEFORE, b, f, 0);
	attach("A in place of F, before what is behind it", a, REPLACE | BEFORE, d, f, 0); attach("at a revision that is past", a, 0, 0, 0, 1); attach("with flags that are none", a, 1 << 20, 0, 0, 0); attach("with those of control groups", a, 2, 0, 0, 0); attach("an XDP program", xdp, 0, 0, 0, 0);
	detach("with a flag to replace", b, REPLACE, 0, 0); detach("at a revision that is past", b, 0, 0, 1); detach("A, which is not there", a, 0, 0, 0); detach("the first one", 0, BEFORE, 0, 0); detach("the last one", 0, 0, 0, 0); detach("what is before D", 0, BEFORE, d, 0); detach("what is after D", 0, AFTER, d, 0);
	detach("D, after itself", d, AFTER, d, 0); detach("XDP", xdp, 0, 0, 0);
	long link = link_at("link A", a, 0, 0, 0), second = link_at("link A again", a, 0, 0, 0), third = link_at("link B before A", b, BEFORE, a, 0), fourth = link_at("link C after the link of B", c, AFTER | LINK, third, 0), fifth = link_at("link E to replace", e, REPLACE, 0, 0), sixth = link_at("link E with flags that are none", e, 1 << 20, 0, 0);
	attach("E in place of A's link", e, REPLACE, 0, a, 0); attach("E after the link of A", e, AFTER | LINK, link, 0, 0); detach("A, which has a link", a, 0, 0, 0); detach("E", e, 0, 0, 0); detach("the last one", 0, 0, 0, 0); detach("the first one", 0, BEFORE, 0, 0);
	close(link); close(second); close(third); close(fourth); close(fifth); close(sixth); order(46);
	for (int i = 0; i < 6; i++) detach("take it away", progs[i], 0, 0, 0);
	for (int i = 0; i < 6; i++) close(progs[i]);
	close(xdp);
}

/* What is told of programs where the caller has room, and where it has not. */
static void told(void)
{
	static const uint64_t calls[] = { 0x0000000100001085, 0x95, 0xb7, 0x95 };
	unsigned char info[232]; uint64_t room[32]; uint32_t words[58];
	long m = map("a map", 2, 8, 1);
	uint64_t uses[] = { 0x1118 | (uint64_t)m << 32, 0, 0xb7, 0x95 };
	for (int i = 0; i < 2; i++) {
		clear(); u32(0, 1); u32(4, 4); ptr(8, i ? calls : uses); ptr(16, "GPL"); long p = say(i ? "of two functions" : "with a map", call(5, 144));
		static const struct { const char *name; int count, at, size, given; } parts[] = {
			{"instructions", 20, 32, 0, 0}, {"machine code", 16, 24, 0, 0}, {"maps", 52, 56, 0, 0}, {"symbols", 104, 112, 0, 0}, {"lengths", 108, 120, 0, 0}, {"tags", 180, 184, 0, 0},
			{"functions", 144, 136, 132, 8}, {"lines", 148, 152, 172, 16}, {"lines of machine code", 168, 160, 176, 8} };
		for (unsigned k = 0; k < sizeof parts / sizeof *parts; k++) {
			memset(info, 0, sizeof info); memset(room, 0, sizeof room);
			uint32_t many = 4096; uint64_t at = (uintptr_t)WILD;
			memcpy(info + parts[k].count, &many, 4); memcpy(info + parts[k].at, &at, 8);
			clear(); u32(0, p); u32(4, 224); ptr(8, info); say(parts[k].name, call(15, 16));
			if (!parts[k].size) continue;
			memcpy(info + parts[k].size, &parts[k].given, 4); clear(); u32(0, p); u32(4, 224); ptr(8, info); say("of the right size", call(15, 16));
		}
		memset(info, 0, sizeof info); clear(); u32(0, p); u32(4, 224); ptr(8, info); say("counts", call(15, 16)); memcpy(words, info, sizeof info);
		printf("maps %u symbols %u lengths %u functions %u lines %u tags %u sizes %u %u %u\n", words[13], words[26], words[27], words[36], words[37], words[45], words[33], words[43], words[44]);
		close(p);
	}
	close(m);
	for (int c = 1; c < 256; c++) {
		clear(); u32(0, 2); u32(4, 4); u32(8, 8); u32(12, 1); attr[28] = c; long fd = call(0, 72);
		if (fd >= 0) { printf("%s%x", c == 1 ? "" : " ", c); close(fd); }
	}
	printf(" are of names\n");
	/* The hash of a map. */
	m = map("a map", 2, 8, 1); unsigned char sum[32] = { 0 };
	for (int i = 0; i < 3; i++) {
		uint64_t at = (uintptr_t)sum; uint32_t size = i ? 32 : 16;
		memset(info, 0, sizeof info); memcpy(info + 88, &at, 8); memcpy(info + 96, &size, 4);
		clear(); u32(0, m); u32(4, 104); ptr(8, info); say("its hash", call(15, 16));
		if (i == 1) { clear(); u32(0, m); say("freeze it", call(22, 4)); }
	}
	for (int i = 0; i < 32; i++) printf("%02x", sum[i]);
	printf("\n"); close(m);
}

int main(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all);
	devices(); sockets(); owners(); orders(); told();
	return 0;
}
