// SPDX-License-Identifier: GPL-2.0-only

// Loads objects with cilium/ebpf and prints a JSON line for each object, each of its maps, each of its programs, and the object
// as a whole:
//
//	open     whether LoadCollectionSpec takes the object
//	map      whether the map can be created by itself, without its contents
//	program  what becomes of the program when it is the only one of the collection, and maps that hold programs stay empty
//	whole    what becomes of the collection: all that may be, since the library goes through it in no order
//
// usage: record OBJECT...
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// What is said of an object or a part of it.
type line struct {
	Object  string `json:"object"`
	Of      string `json:"of"`
	Name    string `json:"name,omitempty"`
	Verdict string `json:"verdict"`
	// Where it ended: open, map, prepare (the library refuses the program itself) or verify (the kernel does).
	Stage string `json:"stage,omitempty"`
	Errno int    `json:"errno"`
	// The library's words, without what it quotes of the kernel's log.
	Error string `json:"error,omitempty"`
	// Of a collection, the different ends that it was seen to come to, but the first.
	Others []line `json:"others,omitempty"`
	// Of a map: type, sizes of keys and values, entries, flags.
	Shape []uint32 `json:"shape,omitempty"`
	// Of a program: type and attach type as numbers.
	Type       uint32 `json:"prog_type,omitempty"`
	AttachType uint32 `json:"attach_type,omitempty"`
	Size       int    `json:"prog_size,omitempty"`
	*figures
	Tail     string `json:"tail,omitempty"`
	LogLines int    `json:"log_lines,omitempty"`
	LogHash  string `json:"log_sha256,omitempty"`
}

type figures struct {
	Insns    uint32 `json:"insns"`
	States   uint32 `json:"states"`
	Peak     uint32 `json:"peak_states"`
	MaxPer   uint32 `json:"max_states_per_insn"`
	MarkRead uint32 `json:"mark_read"`
	Stack    string `json:"stack_depth"`
}

var (
	processed = regexp.MustCompile(`processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) mark_read (\d+)`)
	depth     = regexp.MustCompile(`(?m)^stack depth (\S+)`)
	probe     = regexp.MustCompile(`ebpf_probe_[0-9a-f]+`)
	blanks    = regexp.MustCompile(`(?m)[ \t]+$`)
	elapsed   = regexp.MustCompile(`verification time \d+ usec`)
	address   = regexp.MustCompile(`=( ?)0xff[0-9a-f]{14}`)
)

// The kernel's log.
func (l *line) log(text string) {
	text = strings.TrimRight(text, "\x00")
	if !strings.HasSuffix(text, "\n") && text != "" {
		text += "\n"
	}
	// The library keeps the logs of refused programs without blanks at the ends of lines.
	text = blanks.ReplaceAllString(text, "")
	text = elapsed.ReplaceAllString(text, "verification time 0 usec")
	text = address.ReplaceAllString(text, "=${1}0xff00000000000000")
	l.LogLines = strings.Count(text, "\n")
	l.LogHash = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	f := figures{Stack: "0"}
	if m := processed.FindStringSubmatch(text); m != nil {
		for i, to := range []*uint32{&f.Insns, &f.MaxPer, &f.States, &f.Peak, &f.MarkRead} {
			fmt.Sscan(m[i+1], to)
		}
	}
	if m := depth.FindStringSubmatch(text); m != nil {
		f.Stack = m[1]
	}
	l.figures = &f
	if dir := os.Getenv("LOGS"); dir != "" {
		os.WriteFile(filepath.Join(dir, l.Object+"__"+l.Name+".log"), []byte(text), 0o644)
	}
	if l.Verdict == "failure" {
		body := strings.TrimRight(processed.ReplaceAllString(depth.ReplaceAllString(text, ""), ""), "\n")
		rows := strings.Split(body, "\n")
		rows = slices.DeleteFunc(rows, func(row string) bool {
			return strings.HasPrefix(row, "verification time") || strings.HasPrefix(row, "func#")
		})
		if len(rows) > 0 {
			l.Tail = rows[len(rows)-1]
		}
	}
}

// Notes a refusal.
func (l *line) refused(err error) {
	l.Verdict = "failure"
	var errno unix.Errno
	if errors.As(err, &errno) {
		l.Errno = int(errno)
	}
	text := err.Error()
	var ve *ebpf.VerifierError
	if errors.As(err, &ve) {
		cause := ve.Cause.Error()
		if at := strings.Index(text, ": "+cause); at >= 0 {
			text = text[:at+2+len(cause)]
		}
	}
	// The name of a trace event that is tried out.
	l.Error = probe.ReplaceAllString(text, "ebpf_probe")
}

func (l line) print() {
	out, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(out, '\n'))
}

func sorted[T any](m map[string]T) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The level of logs: 2, or for corpora whose logs are too long for that, what LEVEL says.
func level() ebpf.LogLevel {
	wanted := ebpf.LogLevelInstruction
	fmt.Sscan(os.Getenv("LEVEL"), &wanted)
	return wanted | ebpf.LogLevelStats
}

func options() ebpf.CollectionOptions {
	return ebpf.CollectionOptions{
		Programs: ebpf.ProgramOptions{LogLevel: level(), LogSizeStart: 1 << 20},
		Maps:     ebpf.MapOptions{PinPath: os.Getenv("PINS")},
	}
}

// Creates one map by itself.
func oneMap(object, name string, spec *ebpf.MapSpec) {
	l := line{Object: object, Of: "map", Name: name, Verdict: "success"}
	spec = spec.Copy()
	spec.Contents = nil
	if spec.Pinning == ebpf.PinByName {
		spec.Pinning = ebpf.PinNone
	}
	m, err := ebpf.NewMapWithOptions(spec, ebpf.MapOptions{})
	if err != nil {
		l.Stage = "map"
		l.refused(err)
	} else {
		l.Shape = []uint32{uint32(m.Type()), m.KeySize(), m.ValueSize(), m.MaxEntries(), m.Flags()}
		m.Close()
	}
	l.print()
}

// Loads a collection; says where that ended, unless it went well.
func collection(l *line, spec *ebpf.CollectionSpec) *ebpf.Collection {
	coll, err := ebpf.NewCollectionWithOptions(spec, options())
	if err == nil {
		return coll
	}
	l.refused(err)
	var ve *ebpf.VerifierError
	switch {
	case errors.As(err, &ve):
		l.Stage = "verify"
		l.log(strings.Join(ve.Log, "\n"))
	case strings.HasPrefix(l.Error, "program "):
		l.Stage = "prepare"
	case strings.HasPrefix(l.Error, "map "), strings.HasPrefix(l.Error, "finalizing map "):
		l.Stage = "map"
	default:
		l.Stage = "populate"
	}
	return nil
}

func oneProgram(object, name string, whole *ebpf.CollectionSpec) {
	spec := whole.Copy()
	program := spec.Programs[name]
	spec.Programs = map[string]*ebpf.ProgramSpec{name: program}
	for _, m := range spec.Maps {
		if m.Type == ebpf.ProgramArray {
			m.Contents = nil
		}
	}
	l := line{Object: object, Of: "program", Name: name, Verdict: "success"}
	l.Type, l.AttachType = uint32(program.Type), uint32(program.AttachType)
	for _, insn := range program.Instructions {
		l.Size += int(insn.Width())
	}
	if program.Type == ebpf.UnspecifiedProgram {
		l.Verdict, l.Stage, l.Error = "absent", "prepare", "program type is unspecified"
		l.print()
		return
	}
	coll := collection(&l, spec)
	if l.Stage == "populate" {
		// struct_ops without their programs may be refused.
		maps.DeleteFunc(spec.Maps, func(_ string, m *ebpf.MapSpec) bool { return m.Type == ebpf.StructOpsMap })
		l = line{Object: object, Of: "program", Name: name, Verdict: "success", Type: l.Type, AttachType: l.AttachType, Size: l.Size}
		coll = collection(&l, spec)
	}
	if coll != nil {
		l.Stage = "verify"
		l.log(coll.Programs[name].VerifierLog)
		coll.Close()
	}
	l.print()
}

// Loads the collection until it has come to no new end for some time.
func whole(object string, spec *ebpf.CollectionSpec) {
	var ends []line
	for again, tries := 12, 200; again > 0 && tries > 0; again, tries = again-1, tries-1 {
		l := line{Object: object, Of: "whole", Verdict: "success"}
		coll := collection(&l, spec.Copy())
		if coll != nil {
			coll.Close()
		}
		l.figures, l.LogLines, l.LogHash = nil, 0, ""
		if !slices.ContainsFunc(ends, func(end line) bool { return end.Error == l.Error }) {
			ends = append(ends, l)
			again = 12
		}
		if coll != nil {
			break
		}
	}
	slices.SortFunc(ends, func(a, b line) int { return strings.Compare(a.Error, b.Error) })
	ends[0].Others = ends[1:]
	ends[0].print()
}

func main() {
	if dir := os.Getenv("PINS"); dir != "" {
		os.MkdirAll(dir, 0o755)
		if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
			fmt.Fprintln(os.Stderr, "bpffs:", err)
		}
	}
	for _, path := range os.Args[1:] {
		object := filepath.Base(path)
		l := line{Object: object, Of: "open", Verdict: "success"}
		file, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		spec, err := ebpf.LoadCollectionSpecFromReader(file)
		file.Close()
		if err != nil {
			l.Stage = "open"
			l.refused(err)
			l.print()
			continue
		}
		l.print()
		for _, name := range sorted(spec.Maps) {
			oneMap(object, name, spec.Maps[name])
		}
		for _, name := range sorted(spec.Programs) {
			oneProgram(object, name, spec)
		}
		whole(object, spec)
	}
}
