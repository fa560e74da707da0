// SPDX-License-Identifier: GPL-2.0-only
/* Both what the program attaches to and its instructions are wrong; the words are those of what is looked at first. */
#include "corpus.h"

SEC("fmod_ret/vfs_read")
NAKED int not_modifiable(void)
{
	__asm__ volatile("r0 = 0;"
			 "exit;"
			 "r0 = 1;"
			 "exit;" ::: "memory");
}
