#!/bin/sh
# What bpftrace comes to on a kernel that was just booted: as root, with tracefs at /sys/kernel/tracing and debugfs at /sys/kernel/debug. A line of
# `commands` is options, with `~` for spaces in them, and a program. What waits for events is interrupted. What is printed when they come is left out.
export LC_ALL=C
work=$(mktemp -d)

# Waits until a process waits for what it asked for (epoll_wait, epoll_pwait, poll, nanosleep, clock_nanosleep), or is gone.
until_it_waits() {
	rest=0 rounds=0
	while [ $rest -lt 2 ] && [ $rounds -lt ${ROUNDS:-400} ]; do
		rounds=$((rounds + 1))
		sleep 0.3
		kill -0 $1 2>/dev/null || return
		read -r call others <"/proc/$1/syscall" || return
		case $call in 232 | 281 | 7 | 35 | 230) rest=$((rest + 1)) ;; *) rest=0 ;; esac
	done
	for again in 0 1 2; do
		kill -INT $1
		for moment in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
			sleep 0.5
			kill -0 $1 2>/dev/null || return
		done
	done
	kill -KILL $1
}

# Of what a tracing command prints, what it says of its programs.
kept() {
	case $1 in
	-l* | --info) cat ;;
	*) grep -E '^(INFO|Attaching|processed|[0-9]+: \()' ;;
	esac
}

while read -r options program; do
	printf '$ %s %s\n' "$options" "$program"
	case $options in
	-v~-e) set -- -v -e "$program" ;;
	-lv | -l | -e) set -- "$options" "$program" ;;
	*) set -- "$options" ;;
	esac
	bpftrace "$@" >"$work/out" 2>"$work/err" </dev/null &
	tool=$!
	until_it_waits $tool
	wait $tool
	code=$?
	kept "$options" <"$work/out"
	sed 's/^/2> /' <"$work/err"
	echo "exit $code"
done <commands
