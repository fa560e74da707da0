#!/bin/sh
# What the tools of Debian's libbpf-tools come to on a kernel that was just booted: as root, with tracefs at /sys/kernel/tracing and
# debugfs at /sys/kernel/debug. A tool that waits is interrupted. Of what it prints the first line is kept: what follows is of what the machine does.
export LC_ALL=C
work=$(mktemp -d)

# Waits until a process waits for what it asked for (clock_nanosleep, nanosleep, epoll_wait, epoll_pwait, poll, pause), or is gone.
until_it_waits() {
	rest=0 rounds=0
	while [ $rest -lt 2 ] && [ $rounds -lt ${ROUNDS:-40} ]; do
		rounds=$((rounds + 1))
		sleep 0.3
		kill -0 $1 2>/dev/null || return
		read -r call others <"/proc/$1/syscall" || return
		case $call in 230 | 35 | 232 | 281 | 7 | 34) rest=$((rest + 1)) ;; *) rest=0 ;; esac
	done
	kill -INT $1
	for again in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
		sleep 0.5
		kill -0 $1 2>/dev/null || return
	done
	kill -KILL $1
}

say() {
	echo "\$ $*"
	"$@" >"$work/out" 2>"$work/err" </dev/null &
	tool=$!
	until_it_waits $tool
	wait $tool
	code=$?
	head -n 1 "$work/out"
	sed 's/^/2> /' <"$work/err"
	echo "exit $code"
}

while read -r command; do
	say $command
done <tools
