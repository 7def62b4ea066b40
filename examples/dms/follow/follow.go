// Follow is a deployment manager that moves a microservice to the node that calls it
// most.
package main

import (
	_ "embed"
	"encoding/json"

	amino "amino.run/guest"
)

// Follow moves a microservice to the node that calls it most.
type Follow struct{ gap int }

// New sets Follow up.
//
// gap: how many more calls from another node make it move; 10 if it is not given
func New(gap *int) *Follow {
	f := &Follow{gap: 10}
	if gap != nil {
		f.gap = *gap
	}
	return f
}

// A Call is the part of a call that Follow looks at.
type Call struct{ From Node }

// A Node is a kernel server.
type Node struct{ ID string }

// A Replica is where the microservice is.
type Replica struct {
	Peer string
	Node Node
}

// Period returns the milliseconds from one tick to the next.
func (f *Follow) Period() uint32 { return 1000 }

// Instance counts a call and lets it go on.
func (f *Follow) Instance(call amino.Value) ([]byte, error) {
	var c Call
	if err := call.Decode(&c); err != nil {
		return nil, err
	}
	if err := count(c.From.ID); err != nil {
		return nil, err
	}
	return amino.Call[[]byte]("dm", "next", call)
}

// count adds one to the calls from a node. Calls that run at once all swap the cell.
func count(node string) error {
	for {
		old, err := amino.Call[*[]byte]("dm", "get", "calls")
		if err != nil {
			return err
		}
		calls := map[string]int{}
		if old != nil {
			if err := json.Unmarshal(*old, &calls); err != nil {
				return err
			}
		}
		calls[node]++
		b, err := json.Marshal(calls)
		if err != nil {
			return err
		}
		if done, err := amino.Call[bool]("dm", "swap", "calls", old, b); done || err != nil {
			return err
		}
	}
}

// InstanceTick tells the coordinator of the calls since the last tick.
func (f *Follow) InstanceTick() error {
	calls, err := amino.Call[*[]byte]("dm", "get", "calls")
	if err != nil || calls == nil {
		return err
	}
	if _, err := amino.Call[any]("dm", "tell", "", *calls); err != nil {
		return err
	}
	_, err = amino.Call[bool]("dm", "swap", "calls", calls, nil)
	return err
}

// CoordinatorAnswer hears of the calls of a replica, and moves it if that pays.
func (f *Follow) CoordinatorAnswer(from string, body []byte) ([]byte, error) {
	var calls map[string]int
	if err := json.Unmarshal(body, &calls); err != nil {
		return nil, err
	}
	at, err := where(from)
	if err != nil {
		return nil, err
	}
	best := at
	for node, n := range calls {
		if n > calls[best] {
			best = node
		}
	}
	if best == at || calls[best] < calls[at]+f.gap {
		return nil, nil
	}
	_, err = amino.Call[any]("dm", "move", from, best)
	return nil, err
}

func where(peer string) (string, error) {
	replicas, err := amino.Call[[]Replica]("dm", "replicas")
	if err != nil {
		return "", err
	}
	for _, r := range replicas {
		if r.Peer == peer {
			return r.Node.ID, nil
		}
	}
	return "", nil
}

//go:embed follow.go
var source string

func init() {
	amino.Serve(New, amino.Source(source))
}

func main() {}
