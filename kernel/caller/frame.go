package caller

import (
	"encoding/binary"
	"unsafe"

	"amino.run/abi"
	"amino.run/dms"
)

// AppendInvoke appends to b the body of a kernel.invoke request: a call to the
// replica peer in an epoch. Numbers are varints, texts carry their length, the
// arguments are the rest.
func AppendInvoke(b []byte, peer string, epoch uint64, c dms.Call) []byte {
	var flags byte
	if c.ReadOnly {
		flags = 1
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, epoch)
	b = binary.AppendUvarint(b, c.ID)
	b = binary.AppendUvarint(b, c.Root)
	b = appendText(b, peer)
	b = appendText(b, c.From.ID)
	b = appendText(b, c.Method)
	b = appendText(b, string(c.Verb))
	b = appendText(b, c.Client)
	b = appendText(b, c.Tx)
	b = binary.AppendUvarint(b, uint64(len(c.Path)))
	for _, p := range c.Path {
		b = appendText(b, p)
	}
	return append(b, c.Args...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// ParseInvoke reads what AppendInvoke wrote. The call's texts and Args alias b, which
// is not to be written to again; its From has an ID only. A broken body is an
// error of code abi.BadArgument.
func ParseInvoke(b []byte) (peer string, epoch uint64, c dms.Call, err error) {
	r := reader{b: b}
	c.ReadOnly = r.byte() == 1
	epoch, c.ID, c.Root = r.uvarint(), r.uvarint(), r.uvarint()
	peer, c.From.ID, c.Method, c.Verb = r.text(), r.text(), r.text(), dms.Verb(r.text())
	c.Client, c.Tx = r.text(), r.text()
	if n := r.uvarint(); n > 0 && n <= MaxDepth {
		c.Path = make([]string, n)
		for i := range c.Path {
			c.Path[i] = r.text()
		}
	} else if n > MaxDepth {
		r.bad = true
	}
	if r.bad {
		return "", 0, dms.Call{}, abi.Errorf(abi.BadArgument, "kernel.invoke: broken body of %d bytes", len(b))
	}
	c.Args = r.b
	return peer, epoch, c, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	if n == 0 {
		return ""
	}
	s := unsafe.String(&r.b[0], n) // a copy of each text would be most of the parsing
	r.b = r.b[n:]
	return s
}
