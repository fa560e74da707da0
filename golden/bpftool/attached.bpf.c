// SPDX-License-Identifier: GPL-2.0-only
/* Programs that are attached when they are loaded: built by clang-22 -O2 -g --target=bpf -mcpu=v2. */
#define SEC(name) __attribute__((section(name), used))

SEC("raw_tp/sched_switch") int raw(void *ctx) { return 0; }
SEC("tp_btf/sched_switch") int typed(void *ctx) { return 0; }
SEC("tp/sched/sched_switch") int event(void *ctx) { return 0; }
SEC("kprobe/do_nanosleep") int probe(void *ctx) { return 0; }
SEC("kretprobe/do_nanosleep") int back(void *ctx) { return 0; }
SEC("iter/task") int tasks(void *ctx) { return 0; }

SEC("license") char _license[] = "GPL";
