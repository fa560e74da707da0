// SPDX-License-Identifier: GPL-2.0-only

// Prints what cilium/ebpf finds out about a kernel by its own probes, and what comes of loading a collection and of attaching programs.
//
// usage: record OBJECT
package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
)

func say(what string, err error) {
	var errno syscall.Errno
	switch {
	case err == nil:
		fmt.Println(what+":", "yes")
	case errors.Is(err, ebpf.ErrNotSupported):
		fmt.Println(what+":", "not supported")
	case errors.As(err, &errno):
		fmt.Println(what+":", "errno", int(errno))
	default:
		fmt.Println(what+":", err)
	}
}

func probes() {
	for kind := ebpf.SocketFilter; kind <= ebpf.Netfilter; kind++ {
		say(fmt.Sprint("program ", kind), features.HaveProgramType(kind))
	}
	for kind := ebpf.Hash; kind <= ebpf.Arena; kind++ {
		say(fmt.Sprint("map ", kind), features.HaveMapType(kind))
	}
	for kind, highest := range map[ebpf.ProgramType]asm.BuiltinFunc{ebpf.XDP: asm.FnCgrpStorageDelete} {
		for helper := asm.FnMapLookupElem; helper <= highest; helper++ {
			say(fmt.Sprint("helper ", kind, " ", helper), features.HaveProgramHelper(kind, helper))
		}
	}
	for _, helper := range []asm.BuiltinFunc{asm.FnProbeReadKernel, asm.FnGetStack, asm.FnSendSignal, asm.FnOverrideReturn, asm.FnRingbufOutput, asm.FnGetAttachCookie} {
		say(fmt.Sprint("helper ", ebpf.Kprobe, " ", helper), features.HaveProgramHelper(ebpf.Kprobe, helper))
	}
	say("large instructions", features.HaveLargeInstructions())
	say("bounded loops", features.HaveBoundedLoops())
	say("V2 ISA", features.HaveV2ISA())
	say("V3 ISA", features.HaveV3ISA())
	say("V4 ISA", features.HaveV4ISA())
	say("map flag no-prealloc", features.HaveMapFlag(features.BPF_F_NO_PREALLOC))
	say("map flag mmapable", features.HaveMapFlag(features.BPF_F_MMAPABLE))
	say("map flag inner", features.HaveMapFlag(features.BPF_F_INNER_MAP))
	say("kprobe multi", features.HaveBPFLinkKprobeMulti())
	say("uprobe multi", features.HaveBPFLinkUprobeMulti())
	say("kprobe session", features.HaveBPFLinkKprobeSession())
}

// A program that returns 0.
func program(spec ebpf.ProgramSpec) *ebpf.Program {
	spec.Name, spec.License = "record", "GPL"
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
	prog, err := ebpf.NewProgram(&spec)
	say(fmt.Sprint("load ", spec.Type, " ", spec.AttachTo), err)
	return prog
}

func attached(what string, made link.Link, err error) {
	say(what, err)
	if err != nil {
		return
	}
	if info, err := made.Info(); err == nil {
		fmt.Println(" link type", info.Type)
	} else {
		say(" link info", err)
	}
	say(" close", made.Close())
}

func main() {
	say("memlock", rlimit.RemoveMemlock())
	probes()
	spec, err := ebpf.LoadCollectionSpec(os.Args[1])
	say("open", err)
	for name := range spec.Programs {
		if name != "fixed" {
			delete(spec.Programs, name)
		}
	}
	all, err := ebpf.NewCollection(spec)
	say("collection", err)
	if err == nil {
		one, err := link.AttachXDP(link.XDPOptions{Program: all.Programs["fixed"], Interface: 1, Flags: link.XDPGenericMode})
		say("XDP", err)
		_, err = link.AttachXDP(link.XDPOptions{Program: all.Programs["fixed"], Interface: 1, Flags: link.XDPGenericMode})
		say("XDP again", err)
		if one != nil {
			say("close it", one.Close())
		}
	}
	probe := program(ebpf.ProgramSpec{Type: ebpf.Kprobe})
	for _, name := range []string{"vfs_read", "no_such_function", "start_kernel"} {
		made, err := link.Kprobe(name, probe, nil)
		attached("kprobe "+name, made, err)
		made, err = link.Kretprobe(name, probe, nil)
		attached("kretprobe "+name, made, err)
	}
	point := program(ebpf.ProgramSpec{Type: ebpf.TracePoint})
	for _, name := range []string{"sched_switch", "no_such_event"} {
		made, err := link.Tracepoint("sched", name, point, nil)
		attached("tracepoint "+name, made, err)
	}
	raw := program(ebpf.ProgramSpec{Type: ebpf.RawTracepoint})
	made, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "sched_switch", Program: raw})
	attached("raw tracepoint", made, err)
	entry := program(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: "vfs_read"})
	if entry != nil {
		made, err = link.AttachTracing(link.TracingOptions{Program: entry})
		attached("fentry", made, err)
	}
	if multi := program(ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceKprobeMulti}); multi != nil {
		made, err = link.KprobeMulti(multi, link.KprobeMultiOptions{Symbols: []string{"vfs_read", "vfs_write"}})
		attached("kprobe multi", made, err)
		made, err = link.KprobeMulti(multi, link.KprobeMultiOptions{Symbols: []string{"vfs_read", "start_kernel"}})
		attached("kprobe multi, untraced", made, err)
	}
	class := program(ebpf.ProgramSpec{Type: ebpf.SchedCLS})
	made, err = link.AttachTCX(link.TCXOptions{Program: class, Interface: 1, Attach: ebpf.AttachTCXIngress})
	attached("tcx", made, err)
}
