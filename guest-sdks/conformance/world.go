package conformance

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"

	"amino.run/abi"
	"amino.run/host"
)

// A world is what a guest under test sees: other guests, verbs, configuration and
// a log. It may be used by many goroutines at once.
type world struct {
	host.Natural
	mu     sync.Mutex
	self   host.Identity
	peers  map[string]*guest
	config map[string]string
	lines  []line
}

// A line is a line of the log.
type line struct {
	level int
	text  string
}

var _ host.Env = (*world)(nil)

func newWorld() *world {
	return &world{
		self:   host.Identity{Name: "conformance", ID: "conformance/0", Node: "k1"},
		peers:  map[string]*guest{},
		config: map[string]string{},
	}
}

// Invoke calls a peer. The target "code <n>" answers an error of that code, and
// of the message "as <n>".
func (w *world) Invoke(ctx context.Context, r abi.Request) ([]byte, error) {
	w.mu.Lock()
	peer := w.peers[r.Target]
	w.mu.Unlock()
	if n, ok := strings.CutPrefix(r.Target, "code "); ok {
		code, err := strconv.ParseUint(n, 10, 8)
		if err != nil {
			return nil, abi.Errorf(abi.BadArgument, "%v", err)
		}
		return nil, abi.Errorf(abi.Code(code), "as %s", n)
	}
	switch {
	case peer == nil:
		return nil, abi.Errorf(abi.NotFound, "no microservice %q", r.Target)
	case r.Kind == abi.Method:
		return peer.inst.Invoke(ctx, abi.Method, 0, r.Name, r.Args)
	case r.Name == "checkpoint":
		return abi.Encode("checkpoint of " + r.Target + " with " + abi.Diag(r.Args))
	case r.Name == "nothing":
		return nil, nil
	}
	return nil, abi.Errorf(abi.UnknownVerb, "no deployment manager understands %q", r.Name)
}

// Self implements host.Env.
func (w *world) Self() host.Identity { return w.self }

// Config implements host.Env.
func (w *world) Config(key string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := w.config[key]
	return v, ok
}

// Log implements host.Env.
func (w *world) Log(level int, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line{level, text})
}

func (w *world) set(config map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(w.config, config)
}

func (w *world) log() []line {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]line(nil), w.lines...)
}

func (w *world) meet(name string, g *guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.peers[name] = g
}
