#!/bin/sh
# What Debian's xdp-tools come to on a kernel that was just booted: as root, with bpffs at /sys/fs/bpf and `lo` up.
export LC_ALL=C
while read -r command; do
	echo "\$ $command"
	$command >out 2>err </dev/null
	code=$?
	cat out
	sed 's/^/2> /' <err
	echo "exit $code"
done <commands
