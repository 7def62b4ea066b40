// Package aminotest stands in for the kernel in a native test, so that a
// microservice can be tested as the ordinary Go struct it is, together with what
// it asks of the kernel:
//
//	func TestOrder(t *testing.T) {
//		kernel := aminotest.New(t)
//		kernel.Serve("pricing", &fakePricing{})
//		kernel.SetConfig("currency", "EUR")
//		receipt, err := (&Front{}).Order("ada", "DE", basket)
//		...
//	}
//
// Calls cross it as they would cross the sandbox wall: encoded, dispatched by
// their names on the wire, decoded.
package aminotest

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	amino "amino.run/guest"
	"amino.run/guest/internal/bridge"
)

// A Kernel is what the microservice under test sees of the world. It may be
// used by many goroutines at once; calls of one microservice run one at a time
// only if the test makes them so.
type Kernel struct {
	mu       sync.Mutex
	self     amino.Identity
	services map[string]func(frame []byte) []byte
	verbs    map[string]func(verb string) error
	config   map[string]string
	lines    []Line
	now      func() time.Time
}

// A Line is one line of the log.
type Line struct {
	Level amino.Level
	Text  string
}

// New puts a kernel in place until the test ends. One test at a time can have
// one, so such tests must not be parallel.
func New(t testing.TB) *Kernel {
	t.Helper()
	if bridge.Current != nil {
		t.Fatal("aminotest: another test's kernel is in place; do not run such tests in parallel")
	}
	k := &Kernel{
		self:     amino.Identity{Name: "test", ID: "test/0", Node: "local"},
		services: map[string]func([]byte) []byte{},
		verbs:    map[string]func(string) error{},
		config:   map[string]string{},
		now:      time.Now,
	}
	bridge.Current = host{k}
	t.Cleanup(func() { bridge.Current = nil })
	return k
}

// Serve makes a microservice of a struct or constructor, as amino.Serve does, for
// the test's calls to reach under a name. It panics if that cannot be served.
func (k *Kernel) Serve(name string, microservice any) {
	handle, err := bridge.Handle(microservice)
	if err != nil {
		panic("aminotest: " + err.Error())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.services[name] = handle
}

// OnVerb lets do answer the verbs sent to a microservice. The answer is null.
func (k *Kernel) OnVerb(target string, do func(verb string) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.verbs[target] = do
}

// SetSelf says what amino.Self returns.
func (k *Kernel) SetSelf(self amino.Identity) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.self = self
}

// SetConfig sets a configuration value.
func (k *Kernel) SetConfig(key, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.config[key] = value
}

// SetNow replaces the clock.
func (k *Kernel) SetNow(now func() time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = now
}

// Log returns the lines logged so far.
func (k *Kernel) Log() []Line {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Line(nil), k.lines...)
}

// host is a Kernel as the guest sees it.
type host struct{ k *Kernel }

var _ bridge.Host = host{}

// Invoke turns a request frame into a call frame of the target.
func (h host) Invoke(request []byte) []byte {
	t, n := binary.LittleEndian.Uint16(request[2:]), binary.LittleEndian.Uint16(request[4:])
	target, name, args := request[6:6+t], request[6+t:6+t+n], request[6+t+n:]
	h.k.mu.Lock()
	service, verb := h.k.services[string(target)], h.k.verbs[string(target)]
	h.k.mu.Unlock()
	if request[0] == 1 {
		if verb == nil {
			return failed(amino.Errorf(amino.UnknownVerb, "%s does not understand %s", target, name))
		}
		if err := verb(string(name)); err != nil {
			return failed(err)
		}
		return []byte{0, 0}
	}
	if service == nil {
		return failed(amino.Errorf(amino.NotFound, "no microservice %s: the test serves none of that name", target))
	}
	call := binary.LittleEndian.AppendUint16([]byte{0, 0}, n)
	return service(append(append(call, name...), args...))
}

// failed returns the reply frame of an error.
func failed(err error) []byte {
	return append([]byte{byte(amino.CodeOf(err)), 0}, err.Error()...)
}

func (h host) Self() (name, id, node string) {
	h.k.mu.Lock()
	defer h.k.mu.Unlock()
	return h.k.self.Name, h.k.self.ID, h.k.self.Node
}

func (h host) Config(key string) (string, bool) {
	h.k.mu.Lock()
	defer h.k.mu.Unlock()
	value, ok := h.k.config[key]
	return value, ok
}

func (h host) Log(level int, text string) {
	h.k.mu.Lock()
	defer h.k.mu.Unlock()
	h.k.lines = append(h.k.lines, Line{amino.Level(level), text})
}

func (h host) Now() int64 {
	h.k.mu.Lock()
	defer h.k.mu.Unlock()
	return h.k.now().UnixNano()
}

func (host) Random(b []byte) { rand.Read(b) }
