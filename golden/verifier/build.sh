#!/bin/sh
# build.sh SOURCE PROGRAM: builds test_verifier of the kernel's selftests, linked statically, of Debian's linux-source-6.12
# (SOURCE is its /usr/src/linux-source-6.12.tar.xz), with fixed.c beside this script. libelf-dev, zlib1g-dev, gcc, make and xz-utils must be there.
set -e
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xf "$1" --strip-components=1 linux-source-6.12/tools linux-source-6.12/scripts linux-source-6.12/include \
	linux-source-6.12/kernel/bpf/disasm.c linux-source-6.12/kernel/bpf/disasm.h
mkdir "$work/libbpf" "$work/verifier"
make -s -C "$work/tools/lib/bpf" OUTPUT="$work/libbpf/" DESTDIR="$work/libbpf/" prefix= "$work/libbpf/libbpf.a" install_headers >/dev/null
tests=$work/tools/testing/selftests/bpf
(
	echo '#ifdef FILL_ARRAY'
	cd "$tests/verifier" && LC_ALL=C ls ./*.c | sed 's/.*/#include "&"/'
	echo '#endif'
) >"$work/tests.h"
mv "$work/tests.h" "$tests/verifier/tests.h"
cc -O2 -w -static -D_GNU_SOURCE -o "$2" "$tests/test_verifier.c" "$tests/testing_helpers.c" "$tests/cap_helpers.c" "$tests/unpriv_helpers.c" \
	"$tests/disasm_helpers.c" "$work/kernel/bpf/disasm.c" "$here/fixed.c" -I"$tests" -I"$work/tools/include" -I"$work/tools/include/uapi" \
	-I"$work/kernel/bpf" -I"$work/tools/lib" -I"$work/libbpf/include" \
	-Wl,--wrap=load_bpf_testmod,--wrap=unload_bpf_testmod,--wrap=bpf_prog_test_run_opts,--wrap=srand "$work/libbpf/libbpf.a" -lelf -lz
