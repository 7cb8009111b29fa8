// Command interop drives a server with etcd's own Go client (grpc-go underneath) and prints one line
// for each case, "ok NAME" or "FAIL NAME: why".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const prefix = "interop/go/"

type testCase struct {
	name string
	run  func(context.Context, *clientv3.Client) error
}

func main() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: 10 * time.Second})
	if err != nil {
		fmt.Println("FAIL dial:", err)
		os.Exit(1)
	}
	defer client.Close()
	failed := false
	for _, c := range cases {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := c.run(ctx, client)
		cancel()
		if err != nil {
			failed = true
			fmt.Printf("FAIL %s: %v\n", c.name, err)
			continue
		}
		fmt.Println("ok", c.name)
	}
	if failed {
		os.Exit(1)
	}
}

func expect(what string, got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s is %v, not %v", what, got, want)
	}
	return nil
}

var cases = []testCase{
	{"put and get", func(ctx context.Context, c *clientv3.Client) error {
		if _, err := c.Put(ctx, prefix+"a", "1"); err != nil {
			return err
		}
		reply, err := c.Get(ctx, prefix+"a")
		if err != nil {
			return err
		}
		return expect("value", string(reply.Kvs[0].Value), "1")
	}},
	{"error with text", func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Get(ctx, prefix+"a", clientv3.WithRev(1<<40))
		if !errors.Is(err, rpctypes.ErrFutureRev) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	}},
	{"unknown method", func(ctx context.Context, c *clientv3.Client) error {
		err := c.ActiveConnection().Invoke(ctx, "/a.B/C", &struct{}{}, &struct{}{}, grpc.ForceCodec(rawCodec{}))
		if err := expect("code", status.Code(err), codes.Unimplemented); err != nil {
			return err
		}
		return expect("message", status.Convert(err).Message(), "unknown service a.B")
	}},
	{"value of a megabyte", func(ctx context.Context, c *clientv3.Client) error {
		value := strings.Repeat("x", 1<<20)
		if _, err := c.Put(ctx, prefix+"large", value); err != nil {
			return err
		}
		reply, err := c.Get(ctx, prefix+"large")
		if err != nil {
			return err
		}
		return expect("equal", string(reply.Kvs[0].Value) == value, true)
	}},
	{"gzip both ways", func(ctx context.Context, c *clientv3.Client) error {
		connection := c.ActiveConnection()
		request := rangeRequest(prefix + "large")
		var reply rawMessage
		err := connection.Invoke(ctx, "/etcdserverpb.KV/Range", &request, &reply,
			grpc.ForceCodec(rawCodec{}), grpc.UseCompressor(gzip.Name), grpc.MaxCallRecvMsgSize(1<<24))
		if err != nil {
			return err
		}
		return expect("long", len(reply) > 1<<20, true)
	}},
	{"2,000 calls at once", func(ctx context.Context, c *clientv3.Client) error {
		var group sync.WaitGroup
		failures := make(chan error, 2000)
		for i := range 2000 {
			group.Go(func() {
				key := fmt.Sprintf("%smany/%04d", prefix, i)
				if _, err := c.Put(ctx, key, key); err != nil {
					failures <- err
				}
			})
		}
		group.Wait()
		close(failures)
		for err := range failures {
			return err
		}
		reply, err := c.Get(ctx, prefix+"many/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		return expect("count", reply.Count, 2000)
	}},
	{"txn", func(ctx context.Context, c *clientv3.Client) error {
		reply, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value(prefix+"a"), "=", "1")).
			Then(clientv3.OpPut(prefix+"b", "2"), clientv3.OpGet(prefix+"b")).Commit()
		if err != nil {
			return err
		}
		return expect("succeeded", reply.Succeeded, true)
	}},
	{"metadata", func(ctx context.Context, c *clientv3.Client) error {
		with := metadata.AppendToOutgoingContext(ctx, "hasleader", "true", "trace-bin", "\x00\xff")
		_, err := c.Get(with, prefix+"a")
		return err
	}},
	{"deadline in the past", func(ctx context.Context, c *clientv3.Client) error {
		short, cancel := context.WithTimeout(ctx, time.Nanosecond)
		defer cancel()
		_, err := c.Get(short, prefix+"a")
		if err == nil {
			return errors.New("no error")
		}
		return nil
	}},
	{"cancelled calls", func(ctx context.Context, c *clientv3.Client) error {
		for range 200 {
			one, cancel := context.WithCancel(ctx)
			go cancel()
			_, _ = c.Get(one, prefix+"many/", clientv3.WithPrefix())
		}
		_, err := c.Get(ctx, prefix+"a")
		return err
	}},
	{"delete", func(ctx context.Context, c *clientv3.Client) error {
		reply, err := c.Delete(ctx, prefix, clientv3.WithPrefix())
		if err != nil {
			return err
		}
		return expect("deleted", reply.Deleted, 2003)
	}},
}

// rawMessage is a message that is passed on as it is.
type rawMessage []byte

type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) ([]byte, error) {
	if message, ok := v.(*rawMessage); ok {
		return *message, nil
	}
	return nil, nil
}

func (rawCodec) Unmarshal(data []byte, v any) error {
	if message, ok := v.(*rawMessage); ok {
		*message = append(rawMessage(nil), data...)
	}
	return nil
}

func rangeRequest(key string) rawMessage {
	return append(rawMessage{0x0a, byte(len(key))}, key...)
}
