// Raft-golden carries out data-driven files with the Go library and writes into them what it
// printed. Its one argument is a folder with subfolders named quorum, confchange and interaction;
// each file in them is rewritten in place. A command that makes the library panic prints
// "panic: " and the reason, and ends its file: commands behind it print "skipped".
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"testing"
	"unsafe"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/rafttest"
)

type command func(t *testing.T, d *datadriven.TestData) string

var suites = map[string]func() command{
	"quorum":      func() command { return quorumCommand },
	"confchange":  newConfchangeCommand,
	"interaction": newInteractionCommand,
}

func main() {
	testing.Init()
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: raft-golden FOLDER")
		os.Exit(2)
	}
	for name, value := range map[string]string{"rewrite": "true", "datadriven-quiet": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	everything := func(_, _ string) (bool, error) { return true, nil }
	// The library's reader of files wants to be in a test. Main does not return.
	testing.Main(everything, find(flag.Arg(0)), nil, nil)
}

func find(folder string) []testing.InternalTest {
	var tests []testing.InternalTest
	for suite, start := range suites {
		files, err := filepath.Glob(filepath.Join(folder, suite, "*.txt"))
		if err != nil {
			panic(err)
		}
		sort.Strings(files)
		for _, file := range files {
			tests = append(tests, testing.InternalTest{Name: file, F: func(t *testing.T) {
				datadriven.RunTest(t, file, endingAtPanic(start()))
			}})
		}
	}
	return tests
}

func endingAtPanic(inner command) command {
	ended := false
	return func(t *testing.T, d *datadriven.TestData) (printed string) {
		if ended {
			return "skipped"
		}
		defer func() {
			if reason := recover(); reason != nil {
				ended = true
				printed = fmt.Sprintf("panic: %v", reason)
			}
		}()
		return inner(t, d)
	}
}

func newInteractionCommand() command {
	env := rafttest.NewInteractionEnv(&rafttest.InteractionOpts{
		SetRandomizedElectionTimeout: setRandomizedElectionTimeout,
	})
	return func(t *testing.T, d *datadriven.TestData) string { return env.Handle(t, *d) }
}

// The library keeps the draw to itself and lets only its own tests replace it.
func setRandomizedElectionTimeout(node *raft.RawNode, timeout int) {
	core := reflect.ValueOf(node).Elem().FieldByName("raft").Elem()
	field := core.FieldByName("randomizedElectionTimeout")
	*(*int)(unsafe.Pointer(field.UnsafeAddr())) = timeout
}
