package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"amino.run/abi"
)

func TestMarshalRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, img := range []*Image{
		{Program: "p"},
		{Program: strings.Repeat("0123456789abcdef", 4), Pages: MaxPages, Globals: []uint64{0, 1 << 63}, Clock: -5},
		Capture("p", memory(r, 9), []uint64{1}, 2, nil),
		Capture("p", bytes.Repeat([]byte{7}, 3*PageSize), nil, 2, nil),
	} {
		got, err := ParseImage(img.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest() != img.Digest() || got.Clock != img.Clock || got.Size() != img.Size() {
			t.Errorf("%+v came back as %+v", img, got)
		}
	}
}

func TestMarshalCompresses(t *testing.T) {
	img := Capture("p", bytes.Repeat([]byte("much the same "), 100*PageSize/14+1)[:100*PageSize], nil, 0, nil)
	if n := len(img.Marshal()); n > img.Size()/10 {
		t.Errorf("%d bytes for %d that repeat", n, img.Size())
	}
}

// sealed gives b the checksum it needs to be looked at.
func sealed(b []byte) []byte {
	sum := sha256.Sum256(b)
	return append(bytes.Clone(b), sum[:]...)
}

func TestParseImageRefuses(t *testing.T) {
	good := Capture("p", bytes.Repeat([]byte{7}, 2*PageSize), []uint64{1}, 2, nil).Marshal()
	body := good[:len(good)-sha256.Size]
	with := func(at int, b ...byte) []byte {
		c := bytes.Clone(body)
		copy(c[at:], b)
		return sealed(c)
	}
	const program, pages, globals, chunks = 14, 17, 29, 41 // where they begin
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"nothing":           {nil, "not a snapshot image"},
		"something else":    {bytes.Repeat([]byte("x"), 200), "not a snapshot image"},
		"another version":   {with(12, 2, 0), "version 2"},
		"cut short":         {good[:len(good)-1], "damaged or cut short"},
		"a bit changed":     {append([]byte(nil), append(good[:50:50], append([]byte{good[50] ^ 1}, good[51:]...)...)...), "damaged"},
		"name too long":     {with(program, 0xff, 0xff), "too early"},
		"too many globals":  {with(globals, 0xff, 0xff, 0xff, 0xff), "announces"},
		"too many chunks":   {with(chunks, 0xff, 0xff, 0xff, 0xff), "announces"},
		"too much memory":   {with(pages, 0xff, 0xff, 0xff, 0xff), "memory"},
		"memory too small":  {with(pages, 1, 0, 0, 0), "memory"},
		"chunk of nothing":  {with(chunks+8, 0), "chunks"},
		"chunk too long":    {with(chunks+8, 17), "chunks"},
		"chunks in a page":  {with(chunks+9, 15, 0, 0, 0, 1), "chunks"},
		"chunk too short":   {with(chunks+8, 15), "size"},
		"frame broken":      {with(len(body)-3, 0xff, 0xff, 0xff), "compressed"},
		"no frame":          {sealed(body[:chunks+14]), "compressed"},
		"nothing but magic": {sealed(body[:14]), "early"},
	} {
		img, err := ParseImage(c.b)
		if abi.CodeOf(err) != abi.Storage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v; the message is to say %q", name, img, err, c.says)
		}
	}
}

// TestParseImageBomb announces 4 GiB in a few kilobytes that do not hold them.
func TestParseImageBomb(t *testing.T) {
	le := binary.LittleEndian
	b := append([]byte(imageMagic), 1, 0, 0, 0)
	b = le.AppendUint32(b, MaxPages)
	b = append(b, make([]byte, 12)...) // clock and no globals
	b = le.AppendUint32(b, MaxPages)
	for p := range uint32(MaxPages) {
		b = append(le.AppendUint32(b, p*16), 16)
	}
	b = encoder().EncodeAll([]byte("too little"), b)
	if _, err := ParseImage(sealed(b)); abi.CodeOf(err) != abi.Storage {
		t.Error(err)
	}
}

func FuzzParseImage(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 3 {
		b := Capture("p", memory(r, n), []uint64{1}, 2, nil).Marshal()
		f.Add(b[:len(b)-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseImage(b)
		img, err := ParseImage(sealed(b))
		if err != nil {
			if abi.CodeOf(err) != abi.Storage {
				t.Errorf("code %v: %v", abi.CodeOf(err), err)
			}
			return
		}
		again, err := ParseImage(img.Marshal())
		if err != nil || again.Digest() != img.Digest() {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
