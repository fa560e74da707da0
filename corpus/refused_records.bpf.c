// SPDX-License-Identifier: GPL-2.0-only
/* Records of functions and lines that do not fit the program. Compilers write none of them, so that types and records stand here as
 * they are in the object (-g0).
 */
#define SEC(name) __attribute__((section(name), used))
#define NAKED __attribute__((naked))

char LICENSE[] SEC("license") = "GPL";

#define FUNCTION(name, text)                                                                                           \
	SEC("tc") NAKED int name(void)                                                                                 \
	{                                                                                                              \
		__asm__ volatile(text);                                                                                \
	}
#define SHORT "r0 = 0; exit;"
#define WIDE "r0 = 0 ll; exit;"

/* Each at the instruction of its section that stands behind it. */
FUNCTION(first_record_behind, SHORT)	   /* 0 */
FUNCTION(records_at_one_place, SHORT)	   /* 2 */
FUNCTION(record_of_number, SHORT)	   /* 4 */
FUNCTION(record_of_nothing, SHORT)	   /* 6 */
FUNCTION(records_too_many, SHORT)	   /* 8 */
FUNCTION(lines_at_one_place, SHORT)	   /* 10 */
FUNCTION(line_in_an_instruction, WIDE)	   /* 12 */
FUNCTION(line_without_words, SHORT)	   /* 15 */
FUNCTION(line_without_file, SHORT)	   /* 17 */
FUNCTION(first_line_behind, SHORT)	   /* 19 */
FUNCTION(all_well, SHORT)		   /* 21 */
FUNCTION(lines_alone, SHORT)		   /* 23 */
FUNCTION(record_without_prototype, SHORT)  /* 25 */
FUNCTION(function_without_line, "call inner; r0 = 0; exit;") /* 27 */
FUNCTION(function_elsewhere, "call other; r0 = 0; exit;") /* 30 */

static __attribute__((used)) NAKED int inner(void)
{
	__asm__ volatile(SHORT);
}

static __attribute__((used)) NAKED int other(void)
{
	__asm__ volatile(SHORT);
}

/* 1: int, 2: int (void), 3: the programs' type, 4: that of the functions that they call. */
__asm__(".section .BTF,\"\",@progbits;"
	".short 0xeb9f; .byte 1; .byte 0; .long 24, 0, 52, 52, 28;"
	".long 1, 0x01000000, 4, 0x01000020;"
	".long 0, 0x0d000000, 1;"
	".long 5, 0x0c000001, 2;"
	".long 7, 0x0c000000, 2;"
	".byte 0; .asciz \"int\"; .asciz \"f\"; .asciz \"s\"; .asciz \"tc\"; .asciz \".text\"; .asciz \"a.c\"; .asciz \"line\"; .asciz \"\";"
	".text");

/* Functions: place in bytes, type. Lines: place, file, line, its number. */
__asm__(".section .BTF.ext,\"\",@progbits;"
	".short 0xeb9f; .byte 1; .byte 0; .long 24, 0, 164, 164, 260;"
	".long 8;"
	".long 9, 16;"
	".long 8, 3;"
	".long 16, 3;"
	".long 16, 3;"
	".long 32, 1;"
	".long 48, 77;"
	".long 64, 3;"
	".long 72, 3;"
	".long 80, 3;"
	".long 96, 3;"
	".long 120, 3;"
	".long 136, 3;"
	".long 152, 3;"
	".long 168, 3;"
	".long 200, 2;"
	".long 216, 3;"
	".long 240, 3;"
	".long 12, 2;"
	".long 0, 4;"
	".long 24, 4;"
	".long 16;"
	".long 9, 13;"
	".long 80, 18, 22, 1024;"
	".long 80, 18, 22, 1024;"
	".long 96, 18, 22, 1024;"
	".long 104, 18, 22, 1024;"
	".long 120, 18, 9999, 1024;"
	".long 136, 9999, 22, 1024;"
	".long 160, 18, 22, 1024;"
	".long 168, 18, 22, 1024;"
	".long 176, 18, 22, 1024;"
	".long 184, 18, 22, 1024;"
	".long 216, 18, 22, 1024;"
	".long 224, 18, 22, 1024;"
	".long 240, 18, 22, 1024;"
	".long 12, 2;"
	".long 8, 18, 22, 1024;"
	".long 16, 18, 22, 1024;"
	".text");
