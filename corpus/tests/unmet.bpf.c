// SPDX-License-Identifier: GPL-2.0-only
/* Expectations that are not met, each for another reason, and some that cannot be checked: what a failing test
 * looks like.
 */
#include "corpus.h"
#include "verdict_test.h"

#define BODY __asm__ volatile("r0 = 0; exit;" ::: "memory")

SEC("xdp")
EXPECT_REJECTED
NAKED int is_accepted(void)
{
	BODY;
}

SEC("xdp")
EXPECT_ACCEPTED
EXPECT_LOG("never looked for")
NAKED int is_rejected(void)
{
	__asm__ volatile("exit;" ::: "memory");
}

SEC("xdp")
EXPECT_REJECTED
EXPECT_LOG("0: (95) exit")
EXPECT_LOG("R1 !read_ok")
TEST_DESCRIPTION("another register than expected")
NAKED int differs(void)
{
	__asm__ volatile("exit;" ::: "memory");
}

SEC("xdp")
TEST_LOG_LEVEL(2)
EXPECT_LOG("exit")
EXPECT_LOG("r0 = 0")
NAKED int comes_earlier(void)
{
	BODY;
}

SEC("xdp")
TEST_LOG_LEVEL(2)
EXPECT_NOT_IN_LOG("{{r[0-9] =}} 0")
NAKED int is_there(void)
{
	BODY;
}

SEC("xdp")
EXPECT_LOG("r0 = 0")
NAKED int has_no_log(void)
{
	BODY;
}

SEC("xdp")
EXPECT_LOG("{{(}}")
NAKED int no_pattern(void)
{
	BODY;
}

/* What only a running kernel can answer is skipped, and counted. */
SEC("xdp")
EXPECT_ACCEPTED
TAG("comment:test_retval=0")
TAG("comment:test_expect_success_unpriv")
NAKED int in_part(void)
{
	BODY;
}

SEC("xdp")
EXPECT_ACCEPTED
TAG("comment:test_arch=ARM64")
TAG("comment:test_jited=0=\tret")
NAKED int elsewhere(void)
{
	BODY;
}
