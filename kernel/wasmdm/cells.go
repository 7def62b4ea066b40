package wasmdm

import (
	"bytes"
	"sync"

	"amino.run/abi"
)

// cells are what a DM remembers at one part. They may be used by many goroutines
// at once.
type cells struct {
	mu  sync.Mutex
	all map[string][]byte
}

// get returns a cell; nil if there is none.
func (c *cells) get(name string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[name]
}

// set sets a cell; nil ends it.
func (c *cells) set(name string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(name, value)
}

// swap sets a cell if it is what old says, nil if there is none.
func (c *cells) swap(name string, old, value []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.all[name]
	if (now == nil) != (old == nil) || !bytes.Equal(now, old) {
		return false
	}
	c.put(name, value)
	return true
}

func (c *cells) put(name string, value []byte) {
	if value == nil {
		delete(c.all, name)
		return
	}
	c.all[name] = value
}

// MarshalCBOR implements cbor.Marshaler.
func (c *cells) MarshalCBOR() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return abi.Encode(c.all)
}

// UnmarshalCBOR implements cbor.Unmarshaler.
func (c *cells) UnmarshalCBOR(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = map[string][]byte{}
	return abi.Decode(b, &c.all)
}
