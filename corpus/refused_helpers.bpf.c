// SPDX-License-Identifier: GPL-2.0-only
/* Strings, contexts and buffers that helpers do not take, and what lies beside a spill. */
#include "corpus.h"

HELPER(165, long, snprintf, char *str, u32 size, const char *fmt, const u64 *data, u32 length);
HELPER(126, long, seq_printf, void *seq, const char *fmt, u32 size, const void *data, u32 length);

const char format[16] = "%d";
const char unended[4] = { '%', 'd', '%', 'd' };
char changing[16] = "%d";
u64 table[2];

#define PROGRAM(type, name, text)                                                                                      \
	SEC(type)                                                                                                      \
	NAKED int name(void)                                                                                           \
	{                                                                                                              \
		__asm__ volatile(text "r0 = 0; exit;");                                                                \
	}

/* snprintf(fp - 16, 8, R3, fp - 8, R5) */
#define PRINT(format, length)                                                                                          \
	"r1 = 0; *(u64 *)(r10 - 8) = r1;"                                                                              \
	"call 7; r0 &= 7; r3 = " format ";"                                                                            \
	"r1 = r10; r1 += -16; r2 = 8; r4 = r10; r4 += -8; r5 = " length "; call 165;"

PROGRAM("tc", data_of_four_bytes, PRINT("format ll", "4"))
PROGRAM("tc", data_missing, PRINT("unended ll", "8"))
PROGRAM("tc", format_that_changes, PRINT("changing ll", "8"))
PROGRAM("tc", format_somewhere, PRINT("format ll; r3 += r0", "8"))
PROGRAM("tc", format_on_stack, PRINT("r10", "8"))
PROGRAM("tc", format_of_context, PRINT("0", "8"))
PROGRAM("tc", format_that_fits, PRINT("format ll", "8"))

/* A context, whole, is handed to few. */
PROGRAM("syscall", context_of_no_bytes, "r2 = 0; r3 = r10; call 113;")
PROGRAM("syscall", context_as_buffer, "r6 = r1; r2 = 8; r3 = 0; call 113;")
PROGRAM("syscall", context_as_no_buffer, "r6 = r1; r2 = 0; r3 = 0; r4 = 0; call 166;")
PROGRAM("raw_tp/sys_enter", context_as_data, "r1 = r1; r2 = 8; r3 = r10; call 4;")

/* Zeroes beside a number, which were written as such. */
PROGRAM("tc", zeroes_beside_spill,
	"call 7; *(u32 *)(r10 - 8) = r0; r1 = 0; *(u32 *)(r10 - 4) = r1; r0 = *(u32 *)(r10 - 4);")
PROGRAM("tc", zero_byte_beside_spill,
	"call 7; *(u64 *)(r10 - 8) = r0; r1 = 0; *(u8 *)(r10 - 8) = r1; r0 = *(u64 *)(r10 - 8);")
PROGRAM("tc", zero_bytes_beside_spill,
	"call 7; *(u32 *)(r10 - 8) = r0; r1 = 0; *(u16 *)(r10 - 4) = r1; *(u16 *)(r10 - 2) = r1; r0 = *(u64 *)(r10 - 8);")
PROGRAM("tc", zeroes_before_spill,
	"r1 = 0; *(u32 *)(r10 - 4) = r1; call 7; r0 &= 7; *(u32 *)(r10 - 8) = r0; r0 = *(u32 *)(r10 - 4);")
PROGRAM("tc", number_before_spill,
	"r1 = 7; *(u32 *)(r10 - 4) = r1; call 7; r0 &= 7; *(u32 *)(r10 - 8) = r0; r0 = *(u32 *)(r10 - 4);")
PROGRAM("tc", nothing_beside_spill, "call 7; *(u32 *)(r10 - 8) = r0; r0 = *(u64 *)(r10 - 8);")
PROGRAM("tc", nothing_above_spill, "call 7; r0 &= 7; *(u32 *)(r10 - 8) = r0; r0 = *(u32 *)(r10 - 4);")

struct bpf_iter_meta { void *seq; u64 session_id, seq_num; };
struct bpf_map;
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

/* The key that an iterator shows is not to be written. */
SEC("iter/bpf_map_elem")
int key_written(struct bpf_iter__bpf_map_elem *ctx)
{
	u32 *key = ctx->key;

	if (key)
		*key = 1;
	return 0;
}

SEC("iter/bpf_map_elem")
int value_written(struct bpf_iter__bpf_map_elem *ctx)
{
	u32 *value = ctx->value;

	if (value)
		*value = 1;
	return 0;
}

SEC("iter/bpf_map_elem")
int value_somewhere(struct bpf_iter__bpf_map_elem *ctx)
{
	u64 *value = ctx->value;

	return value ? value[get_prandom_u32() & 1] & 1 : 0;
}

SEC("iter/bpf_map_elem")
int value_before(struct bpf_iter__bpf_map_elem *ctx)
{
	u64 *value = ctx->value;

	return value ? value[-1] & 1 : 0;
}
