// Command walcheck lets etcd's own log package read and write a log, for the test beside it.
//
//	walcheck read   DIR INDEX TERM            what it holds, as JSON
//	walcheck append DIR COUNT BYTES SEGMENT   opens at 0, saves COUNT entries of BYTES bytes one by one
//	walcheck create DIR COUNT BYTES SEGMENT   the same for a new log
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

type result struct {
	Metadata  string   `json:"metadata"`
	Term      uint64   `json:"term"`
	Vote      string   `json:"vote"`
	Commit    uint64   `json:"commit"`
	Entries   int      `json:"entries"`
	Checksum  uint32   `json:"checksum"`
	Snapshots []uint64 `json:"snapshots"`
}

func ptr[T any](value T) *T { return &value }

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// data of an entry: bytes that follow from its index.
func data(index, size uint64) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(index*31 + uint64(i)*7)
	}
	return bytes
}

func read(dir string, index, term uint64) {
	log, err := wal.OpenForRead(zap.NewNop(), dir, &walpb.Snapshot{Index: &index, Term: &term})
	check(err)
	defer log.Close()
	metadata, state, entries, err := log.ReadAll()
	check(err)
	snapshots, err := wal.ValidSnapshotEntries(zap.NewNop(), dir)
	check(err)
	out := result{
		Metadata: hex.EncodeToString(metadata), Term: state.GetTerm(),
		Vote: strconv.FormatUint(state.GetVote(), 10), Commit: state.GetCommit(),
		Entries: len(entries), Snapshots: []uint64{},
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	for _, entry := range entries {
		head := fmt.Sprintf("%d %d %d ", entry.GetType(), entry.GetTerm(), entry.GetIndex())
		out.Checksum = crc32.Update(out.Checksum, table, []byte(head))
		out.Checksum = crc32.Update(out.Checksum, table, entry.Data)
	}
	for _, snapshot := range snapshots {
		out.Snapshots = append(out.Snapshots, snapshot.GetIndex())
	}
	check(json.NewEncoder(os.Stdout).Encode(out))
}

func write(log *wal.WAL, next, count, size uint64) {
	for index := next; index < next+count; index++ {
		entry := &raftpb.Entry{Term: ptr(uint64(3)), Index: ptr(index), Data: data(index, size)}
		state := &raftpb.HardState{Term: ptr(uint64(3)), Vote: ptr(uint64(1)), Commit: ptr(index - 1)}
		check(log.Save(state, []*raftpb.Entry{entry}))
	}
	check(log.Close())
}

func main() {
	dir := os.Args[2]
	switch os.Args[1] {
	case "read":
		read(dir, number(os.Args[3]), number(os.Args[4]))
	case "append":
		wal.SegmentSizeBytes = int64(number(os.Args[5]))
		log, err := wal.Open(zap.NewNop(), dir, &walpb.Snapshot{})
		check(err)
		_, _, entries, err := log.ReadAll()
		check(err)
		write(log, uint64(len(entries))+1, number(os.Args[3]), number(os.Args[4]))
	case "create":
		wal.SegmentSizeBytes = int64(number(os.Args[5]))
		log, err := wal.Create(zap.NewNop(), dir, []byte{0x08, 0x07, 0x10, 0x09})
		check(err)
		write(log, 1, number(os.Args[3]), number(os.Args[4]))
	default:
		check(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}
