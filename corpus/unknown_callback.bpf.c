// SPDX-License-Identifier: GPL-2.0-only
/* Kernels that have bpf_timer_set_callback() compare states where it is called. The others do not know it. */
#include "corpus.h"

SEC("socket")
__attribute__((naked)) int call_timer_set_callback(void *ctx)
{
	asm volatile("call 7;" /* bpf_get_prandom_u32 */
		     "if r0 == 0 goto l0;"
		     "l0: r1 = 1;"
		     "r2 = 2;"
		     "r3 = 3;"
		     "r4 = 4;"
		     "r5 = 5;"
		     "r6 = 6;"
		     "r7 = 7;"
		     "r8 = 8;"
		     "r9 = 9;"
		     "call 170;" /* bpf_timer_set_callback */
		     "r0 = 0;"
		     "exit;");
}
