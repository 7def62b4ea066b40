package bridge

import (
	"sync"
	"unsafe"

	"amino.run/guest/internal/value"
)

//go:wasmimport amino invoke
//go:noescape
func hostInvoke(p unsafe.Pointer, n uint32) uint32

//go:wasmimport amino take
//go:noescape
func hostTake(p unsafe.Pointer)

//go:wasmimport amino self
func hostSelf() uint32

//go:wasmimport amino config
func hostConfig(key string) int32

//go:wasmimport amino log
func hostLog(level int32, text string)

//go:wasmimport amino now
func hostNow() int64

//go:wasmimport amino random
//go:noescape
func hostRandom(p unsafe.Pointer, n uint32)

// Current is the host of this module.
var Current Host = &kernel{}

// A kernel is the host at the other side of the sandbox wall. The mutex keeps
// an answer and its take together: allocating may let another goroutine run.
type kernel struct{ mu sync.Mutex }

func (k *kernel) Invoke(request []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return take(hostInvoke(unsafe.Pointer(unsafe.SliceData(request)), uint32(len(request))))
}

func (k *kernel) Self() (name, id, node string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var self struct{ Name, ID, Node string }
	if err := value.Decode(take(hostSelf()), &self); err != nil {
		panic("self: " + err.Error()) // the host breaks the ABI
	}
	return self.Name, self.ID, self.Node
}

func (k *kernel) Config(key string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := hostConfig(key)
	if n < 0 {
		return "", false
	}
	return string(take(uint32(n))), true
}

func (*kernel) Log(level int, text string) { hostLog(int32(level), text) }
func (*kernel) Now() int64                 { return hostNow() }
func (*kernel) Random(b []byte)            { hostRandom(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) }

// take fetches the waiting answer of n bytes.
func take(n uint32) []byte {
	b := make([]byte, n)
	hostTake(unsafe.Pointer(unsafe.SliceData(b)))
	return b
}
