#!/bin/sh
# What bpftool says of a kernel that was just booted: as root, with a file system of pins at /sys/fs/bpf, from a directory with
# the objects. Ids in lists, times and addresses are left out.
export LC_ALL=C
work=$(mktemp -d)
pins=/sys/fs/bpf/recorded
mkdir $pins "$work/fs"

# A line for the ids and sizes that a list shows, which differ from boot to boot or are of code that is made of a program.
plain() {
	sed -e 's/^[0-9][0-9]*: /ID: /' -e 's/loaded_at [^ ]*/loaded_at TIME/' -e 's/"loaded_at":[0-9]*/"loaded_at":0/' \
		-e 's/"\([a-z_]*id\)":[0-9]*/"\1":0/g' -e 's/\<\([a-z_]*_id\|prog\|map\) [0-9][0-9]*/\1 ID/g' \
		-e 's/\(map\|prog\)_ids [0-9,]*/\1_ids IDS/g' -e 's/"\(map\|prog\)_ids":\[[0-9,]*\]/"\1_ids":[]/' -e 's/"\(bytes_[a-z]*\)":[0-9]*/"\1":0/g' \
		-e 's/xlated [0-9]*B  \(not jited\|jited [0-9]*B\)/xlated/' -e 's/"jited":[a-z]*,\("bytes_jited":[0-9]*,\)*/"jited":0,/'
}

say() {
	echo "\$ bpftool $*" | sed "s,$work,WORK,g"
	bpftool "$@" >"$work/out" 2>"$work/err"
	code=$?
	sed "s,$work,WORK,g" <"$work/out"
	sed -e "s,$work,WORK,g" -e 's/= 0xff[0-9a-f]\{14\}/= 0xff00000000000000/' -e 's/verification time [0-9]* usec/verification time N usec/' -e 's/^/2> /' <"$work/err"
	echo "exit $code"
}

# The same of a list.
show() {
	say "$@" | plain
}

# The same of what is too long to be kept.
sum() {
	echo "\$ bpftool $*"
	bpftool "$@" >"$work/out" 2>"$work/err"
	code=$?
	echo "$(wc -l <"$work/out") lines, $(sha256sum <"$work/out" | cut -d' ' -f1)"
	sed 's/^/2> /' <"$work/err"
	echo "exit $code"
}

features() {
	say version
	say feature probe full
	say feature probe full macros
	say feature probe kernel
	say -j feature probe kernel
	say feature probe kernel unprivileged
	say feature probe dev lo
	say feature list_builtins helpers
}

programs() {
	for object in packet_access externs fallbacks kfunc links rules_map helper_writes object_spill targets counted attached; do
		say prog load $object.bpf.o $pins/$object
		say prog loadall $object.bpf.o $pins/$object-all
		rm -rf $pins/$object $pins/$object-all
	done
	say prog load counted.bpf.o $pins/one
	say prog load counted.bpf.o $pins/one
	say prog load counted.bpf.o $pins/two type xdp
	say prog load counted.bpf.o $pins/three type kprobe
	say prog load no.bpf.o $pins/four
	say prog load record.sh $pins/four
	say prog load counted.bpf.o "$work/fs/pin"
	show prog show
	show prog show pinned $pins/one
	show -j prog show pinned $pins/one
	show -f prog show
	show prog show name nothing
	show prog show id 100000
	show prog show tag 0123456789abcdef
	say prog pin pinned $pins/one $pins/again
	show prog show pinned $pins/again
	say prog attach pinned $pins/one flow_dissector
	say prog loadall counted.bpf.o $pins/dir pinmaps $pins/maps
	show prog show
	show map show
	for pin in $pins/* $pins/*/*; do echo "$pin"; done
	rm -rf $pins/*
	say -d prog load packet_access.bpf.o $pins/debug
	rm -rf $pins/*
}

maps() {
	say map create $pins/hash type hash key 4 value 8 entries 4 name hashed
	say map create $pins/array type array key 4 value 8 entries 4 name listed
	say map create $pins/percpu type percpu_array key 4 value 8 entries 2 name each
	say map create $pins/lru type lru_hash key 4 value 4 entries 16 name recent
	say map create $pins/trie type lpm_trie key 8 value 4 entries 8 name prefixes flags 1
	say map create $pins/queue type queue value 4 entries 4 name line
	say map create $pins/stack type stack value 4 entries 4 name pile
	say map create $pins/ring type ringbuf entries 4096 name ring
	say map create $pins/progs type prog_array key 4 value 4 entries 4 name calls
	say map create $pins/outer type array_of_maps key 4 value 4 entries 2 name outer inner_map pinned $pins/array
	say map create $pins/outerh type hash_of_maps key 4 value 4 entries 2 name outerh inner_map pinned $pins/hash
	say map create $pins/bloom type bloom_filter value 4 entries 4 name bloom
	say map create $pins/events type perf_event_array key 4 value 4 entries 2 name events
	say map create $pins/devs type devmap key 4 value 4 entries 2 name devs
	say map create $pins/cpus type cpumap key 4 value 4 entries 2 name cpus
	say map create $pins/xsks type xskmap key 4 value 4 entries 2 name xsks
	say map create $pins/sockets type sockmap key 4 value 4 entries 2 name sockets
	say map create $pins/stacks type stack_trace key 4 value 80 entries 2 name stacks
	say map create $pins/groups type cgroup_array key 4 value 4 entries 2 name groups
	say map create $pins/wrong type array key 8 value 8 entries 4 name wrong
	say map create $pins/wrong type hash key 4 value 8 entries 4 name wrong flags 64
	say map create $pins/wrong type nothing key 4 value 8 entries 4 name wrong
	say map create $pins/hash type hash key 4 value 8 entries 4 name taken
	show map show
	show -f map show
	show -j map show
	for map in hash lru; do
		say map update pinned $pins/$map key 1 0 0 0 value 1 2 3 4 5 6 7 8
		say map update pinned $pins/$map key 1 0 0 0 value 1 2 3 4
	done
	say map update pinned $pins/hash key 1 0 0 0 value 8 7 6 5 4 3 2 1 exist
	say map update pinned $pins/hash key 1 0 0 0 value 8 7 6 5 4 3 2 1 noexist
	say map update pinned $pins/hash key 2 0 0 0 value 8 7 6 5 4 3 2 1 exist
	say map update pinned $pins/array key 1 0 0 0 value 1 2 3 4 5 6 7 8
	say map update pinned $pins/array key hex 03 00 00 00 value hex ff 02 03 04 05 06 07 08
	say map update pinned $pins/array key 4 0 0 0 value 1 2 3 4 5 6 7 8
	say map update pinned $pins/trie key 16 0 0 0 10 1 0 0 value 1 2 3 4
	say map update pinned $pins/outer key 0 0 0 0 value pinned $pins/array
	say map update pinned $pins/outer key 1 0 0 0 value pinned $pins/hash
	say map update pinned $pins/outerh key 1 0 0 0 value pinned $pins/hash
	say prog load counted.bpf.o $pins/prog
	say map update pinned $pins/progs key 1 0 0 0 value pinned $pins/prog
	say map push pinned $pins/stack value 1 2 3 4
	say map enqueue pinned $pins/queue value 1 2 3 4
	say map enqueue pinned $pins/queue value 5 6 7 8
	say map peek pinned $pins/queue
	say map dequeue pinned $pins/queue
	say map pop pinned $pins/stack
	say map pop pinned $pins/stack
	say map lookup pinned $pins/hash key 1 0 0 0
	say map lookup pinned $pins/hash key 9 0 0 0
	say -j map lookup pinned $pins/hash key 1 0 0 0
	say map lookup pinned $pins/array key 1 0 0 0
	say map lookup pinned $pins/array key 7 0 0 0
	say map lookup pinned $pins/percpu key 1 0 0 0
	say map lookup pinned $pins/trie key 32 0 0 0 10 1 2 3
	say map lookup pinned $pins/trie key 32 0 0 0 11 1 2 3
	show map lookup pinned $pins/progs key 0 0 0 0
	say map lookup pinned $pins/events key 0 0 0 0
	say map lookup pinned $pins/bloom key 0 0 0 0
	say map lookup pinned $pins/devs key 0 0 0 0
	say map lookup pinned $pins/sockets key 0 0 0 0
	say map lookup pinned $pins/stacks key 0 0 0 0
	for map in hash array percpu lru trie queue stack ring progs outer outerh bloom events devs cpus xsks sockets stacks groups; do
		show map dump pinned $pins/$map
		show -j map dump pinned $pins/$map
		say map getnext pinned $pins/$map
	done
	say map delete pinned $pins/hash key 1 0 0 0
	say map delete pinned $pins/hash key 1 0 0 0
	say map delete pinned $pins/array key 1 0 0 0
	say map freeze pinned $pins/array
	say map update pinned $pins/array key 1 0 0 0 value 1 2 3 4 5 6 7 8
	show map show pinned $pins/array
	say map pin pinned $pins/hash $pins/hash2
	say map dump name hashed
	say prog loadall counted.bpf.o $pins/dir pinmaps $pins/maps
	for map in $pins/maps/*; do
		show map show pinned "$map"
		say map dump pinned "$map"
		say -j map dump pinned "$map"
	done
	for map in progs outer outerh; do
		show map show pinned $pins/$map
	done
	rm -rf $pins/*
}

types() {
	sum btf dump file /sys/kernel/btf/vmlinux
	sum btf dump file /sys/kernel/btf/vmlinux format c
	sum -j btf dump file /sys/kernel/btf/vmlinux
	sum btf dump file packet_access.bpf.o
	sum btf dump file counted.bpf.o format c
	say prog load counted.bpf.o $pins/prog
	show btf show
	sum btf dump prog pinned $pins/prog
	say btf dump id 100000
	sum btf dump id 1
	rm -rf $pins/*
}

links() {
	show link show
	show -j link show
	show link show id 100000
	for object in fallbacks attached targets; do
		say prog loadall $object.bpf.o $pins/links-$object autoattach
	done
	show link show
	show -j link show
	for link in $pins/links-*/*; do
		show link show pinned "$link"
	done
	show perf show
	say net show
	say struct_ops show
	say iter pin packet_access.bpf.o $pins/iter
	rm -rf $pins/*
}

for part in ${*:-features programs maps types links}; do
	echo "# $part"
	$part
done
rmdir $pins
rm -rf "$work" 2>/dev/null
