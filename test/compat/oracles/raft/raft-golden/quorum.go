package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3/quorum"
)

type acked map[uint64]quorum.Index

func (a acked) AckedIndex(id uint64) (quorum.Index, bool) {
	index, ok := a[id]
	return index, ok
}

func quorumCommand(t *testing.T, d *datadriven.TestData) string {
	config := quorum.JointConfig{{}, {}}
	joint := false
	var order []uint64
	var values []string
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "cfg":
			order = append(order, addVoters(config[0], arg.Vals)...)
		case "cfgj":
			joint = true
			if arg.Vals[0] != "zero" {
				order = append(order, addVoters(config[1], arg.Vals)...)
			}
		default:
			values = append(values, arg.Vals...)
		}
	}
	indexes, votes, count := assign(order, values)
	if count != len(values) {
		return fmt.Sprintf("%d values for %d voters", len(values), count)
	}
	if d.Cmd == "vote" {
		return fmt.Sprintln(config.VoteResult(votes))
	}
	if !joint {
		return fmt.Sprintf("%s%s\n", config[0].Describe(indexes), config[0].CommittedIndex(indexes))
	}
	return fmt.Sprintf("%s%s\n", config.Describe(indexes), config.CommittedIndex(indexes))
}

func addVoters(half quorum.MajorityConfig, texts []string) []uint64 {
	var ids []uint64
	for _, text := range texts {
		id := number(text)
		half[id] = struct{}{}
		ids = append(ids, id)
	}
	return ids
}

// assign gives the values to the voters in order of appearance; "_" gives nothing.
func assign(order []uint64, values []string) (acked, map[uint64]bool, int) {
	indexes, votes, seen := acked{}, map[uint64]bool{}, map[uint64]bool{}
	for _, id := range order {
		if seen[id] {
			continue
		}
		at := len(seen)
		seen[id] = true
		if at >= len(values) || values[at] == "_" {
			continue
		}
		switch value := values[at]; value {
		case "y", "n":
			votes[id] = value == "y"
		default:
			indexes[id] = quorum.Index(number(value))
		}
	}
	return indexes, votes, len(seen)
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return value
}
