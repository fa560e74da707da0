// SPDX-License-Identifier: GPL-2.0-only
/* Calls of the kernel's functions that no loader makes: by an index that is none, of a module that is not there. */
#include "corpus.h"

#define PROGRAM(name, text)                                                                                            \
	SEC("tc")                                                                                                      \
	NAKED int name(void)                                                                                           \
	{                                                                                                              \
		__asm__ volatile(text "r0 = 0; exit;");                                                                \
	}

PROGRAM(no_function, ".8byte 0x0000000000002085;")
PROGRAM(no_function_behind, "r0 = 0; if r0 == 0 goto +1; .8byte 0x0000000000002085;")
PROGRAM(type_for_function, ".8byte 0x0000000100002085;")
PROGRAM(type_beyond, ".8byte 0x7fffffff00002085;")
PROGRAM(module_unknown, ".8byte 0x0000000100012085;")
PROGRAM(module_negative, ".8byte 0x00000001ffff2085;")

KFUNC void __bpf_trap(void);

/* What compilers put where a variable has no value. */
SEC("tc")
int trapped(void *ctx)
{
	__bpf_trap();
	return 0;
}
