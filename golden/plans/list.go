// SPDX-License-Identifier: GPL-2.0-only

// Runs a tool for some seconds and prints, as a JSON line, which programs the kernel has meanwhile that it had not before: by the names
// that the kernel keeps, which are at most 15 bytes.
//
// usage: list SECONDS OBJECT COMMAND...
package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/cilium/ebpf"
)

func loaded() map[ebpf.ProgramID]string {
	names := map[ebpf.ProgramID]string{}
	id := ebpf.ProgramID(0)
	for {
		next, err := ebpf.ProgramGetNextID(id)
		if err != nil {
			return names
		}
		id = next
		prog, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue
		}
		if info, err := prog.Info(); err == nil {
			names[id] = info.Name
		}
		prog.Close()
	}
}

func main() {
	seconds, _ := strconv.Atoi(os.Args[1])
	before := loaded()
	tool := exec.Command(os.Args[3], os.Args[4:]...)
	said, _ := os.Create("/tmp/said")
	tool.Stdout, tool.Stderr = said, said
	err := tool.Start()
	ended := make(chan error, 1)
	if err == nil {
		go func() { ended <- tool.Wait() }()
	}
	names := []string{}
	running := err == nil
	for range seconds * 2 {
		time.Sleep(time.Second / 2)
		now := []string{}
		for id, name := range loaded() {
			if _, old := before[id]; !old && name != "" {
				now = append(now, name)
			}
		}
		if len(now) >= len(names) {
			names = now
		}
		select {
		case <-ended:
			running = false
		default:
		}
		if !running {
			break
		}
	}
	if running {
		tool.Process.Kill()
		<-ended
	}
	slices.Sort(names)
	words, _ := os.ReadFile("/tmp/said")
	if len(words) > 300 {
		words = words[:300]
	}
	line := map[string]any{"object": os.Args[2], "programs": names, "ran": running}
	if !running {
		line["said"] = string(words)
	}
	out, _ := json.Marshal(line)
	os.Stdout.Write(append(out, '\n'))
}
