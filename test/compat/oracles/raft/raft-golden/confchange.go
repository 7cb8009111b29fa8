package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3/confchange"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

const inflightMax = 10

func newConfchangeCommand() command {
	changer := confchange.Changer{Tracker: tracker.MakeProgressTracker(inflightMax, 0)}
	return func(t *testing.T, d *datadriven.TestData) string {
		defer func() { changer.LastIndex++ }()
		config, progress, err := change(t, changer, d)
		if err != nil {
			return err.Error()
		}
		changer.Tracker.Config, changer.Tracker.Progress = config, progress
		return fmt.Sprintf("%s\n%s", config, progress)
	}
}

func change(
	t *testing.T, changer confchange.Changer, d *datadriven.TestData,
) (tracker.Config, tracker.ProgressMap, error) {
	changes, err := raftpb.ConfChangesFromString(d.Input)
	if err != nil {
		return tracker.Config{}, nil, err
	}
	switch d.Cmd {
	case "simple":
		return changer.Simple(changes...)
	case "enter-joint":
		var autoLeave bool
		if d.HasArg("autoleave") {
			d.ScanArgs(t, "autoleave", &autoLeave)
		}
		return changer.EnterJoint(autoLeave, changes...)
	}
	if len(changes) > 0 {
		return tracker.Config{}, nil, errors.New("this command takes no input")
	}
	return changer.LeaveJoint()
}
