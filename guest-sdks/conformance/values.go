package conformance

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"amino.run/abi"
	"amino.run/internal/guestbuild"
)

// A vector is an entry of abi/testdata/cbor_vectors.json; the README beside it explains it.
type vector struct {
	From, Hex, Read, Write, Note string
	Also                         []string
}

func vectors(t *testing.T) (vs []vector) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(guestbuild.Root(t), "abi", "testdata", "cbor_vectors.json"))
	if err == nil {
		err = json.Unmarshal(text, &vs)
	}
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

// values passes every vector through echo.
func values(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	for _, v := range vectors(t) {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.inst.Invoke(t.Context(), abi.Method, 0, "echo", append([]byte{0x81}, b...))
		switch code := abi.CodeOf(err); {
		case g.inst.Failed():
			t.Fatalf("%s %s (%s): the guest has failed: %v", v.From, v.Hex, v.Note, err)
		case v.Read == "no" && code != abi.BadArgument:
			t.Errorf("%s %s (%s): %s, %v, want a bad argument", v.From, v.Hex, v.Note, abi.Diag(got), err)
		case v.Read == "may" && code != abi.OK && code != abi.BadArgument:
			t.Errorf("%s %s (%s): %v, want a bad argument or a value", v.From, v.Hex, v.Note, err)
		case v.Read == "yes" && err != nil:
			t.Errorf("%s %s: %v", v.From, v.Hex, err)
		case v.Read == "yes" && !v.written(got):
			t.Errorf("%s %s: came back as %x, want %s", v.From, v.Hex, got, v.Write)
		}
	}
}

// written reports whether b is a way to write the vector's value. Null may be
// left out of a reply.
func (v vector) written(b []byte) bool {
	got := hex.EncodeToString(b)
	return got == v.Write || got == "" && v.Write == "f6" || slices.Contains(v.Also, got)
}
