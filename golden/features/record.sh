#!/bin/sh
# What cilium/ebpf and aya come to on a kernel that was just booted: as root, with bpffs, tracefs and debugfs mounted and `lo` up.
./go-record packet_access.bpf.o
echo "== aya"
./aya-record packet_access.bpf.o
