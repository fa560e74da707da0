/* SPDX-License-Identifier: GPL-2.0-only */
/* Say beside a program what the verifier is to say of it; `verdict test OBJECT` checks that, without a kernel.
 *
 *	SEC("xdp")
 *	EXPECT_REJECTED
 *	EXPECT_LOG("R1 offset is outside of the packet")
 *	int unchecked(struct xdp_md *ctx) { … }
 *
 * The macros become declaration tags in the object's BTF (clang with -g), by the convention of the kernel's own
 * BPF tests: objects with them can be run there, too, and those of the kernel here. A program without any of them is
 * no test. Let naked functions take no parameters: clang leaves those without names, and kernels refuse such BTF.
 *
 * TEXT is looked for as it stands. Parts of it between {{ and }} are POSIX extended regular expressions, in which
 * a dot matches no newline. Lines of the log may be matched in parts; each TEXT is looked for behind the one before.
 */
#ifndef VERDICT_TEST_H
#define VERDICT_TEST_H

#define VERDICT_TEST_STR_(x) #x
#define VERDICT_TEST_STR(x) VERDICT_TEST_STR_(x)
#define VERDICT_TEST_TAG(text) __attribute__((btf_decl_tag("comment:test_" text)))
/* A number makes equal texts on one program different tags. */
#define VERDICT_TEST_NUMBERED(key, text) VERDICT_TEST_TAG(key "=" VERDICT_TEST_STR(__COUNTER__) "=" text)

/* The verdict. Without either, acceptance is expected. */
#define EXPECT_ACCEPTED VERDICT_TEST_TAG("expect_success")
#define EXPECT_REJECTED VERDICT_TEST_TAG("expect_failure")

/* The log holds this, behind what was expected before; or does not, between its neighbours. */
#define EXPECT_LOG(text) VERDICT_TEST_NUMBERED("expect_msg", text)
#define EXPECT_NOT_IN_LOG(text) VERDICT_TEST_NUMBERED("expect_not_msg", text)

/* The log's level: 1 the last path, 2 every state, 4 statistics; added up. Without it, an accepted program has no
 * log, and a rejected one has one of level 1.
 */
#define TEST_LOG_LEVEL(level) VERDICT_TEST_TAG("log_level=" VERDICT_TEST_STR(level))

/* A flag of BPF_PROG_LOAD, by name or number; with a leading ! it is cleared. Tests have BPF_F_TEST_REG_INVARIANTS
 * and BPF_F_TEST_RND_HI32 set.
 */
#define TEST_FLAG(flag) VERDICT_TEST_TAG("prog_flags=" #flag)

/* What the test is about, in words. */
#define TEST_DESCRIPTION(text) VERDICT_TEST_TAG("description=" text)

/* No test, but loaded along with the object's tests. */
#define TEST_AUXILIARY VERDICT_TEST_TAG("auxiliary")

/* CO-RE relocations are resolved against the BTF of this file, which lies beside the object. */
#define TEST_CORE_BTF(path) VERDICT_TEST_TAG("btf_path=" path)

#endif
