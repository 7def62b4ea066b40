package value_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"amino.run/guest/internal/value"
)

// A vector is an entry of abi/testdata/cbor_vectors.json; the README beside it explains it.
type vector struct {
	From, Hex, Read, Write, Note string
	Also                         []string
}

func vectors(t testing.TB) (vs []vector) {
	t.Helper()
	text, err := os.ReadFile("../../../../abi/testdata/cbor_vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &vs)
	}
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors reads and writes every vector of the guest ABI.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		var x any
		err := value.Decode(unhex(t, v.Hex), &x)
		switch {
		case v.Read == "no" && err == nil:
			t.Errorf("%s %s (%s): read as %#v", v.From, v.Hex, v.Note, x)
		case v.Read == "yes" && err != nil:
			t.Errorf("%s %s: %v", v.From, v.Hex, err)
		case v.Read == "yes":
			written, err := value.Append(nil, x)
			if got := hex.EncodeToString(written); err != nil || got != v.Write && !slices.Contains(v.Also, got) {
				t.Errorf("%s %s: written as %s, %v, want %s", v.From, v.Hex, got, err, v.Write)
			}
		}
	}
}

// TestRawKeepsVectors proves that Raw passes every value on as it is, and nothing
// that is broken.
func TestRawKeepsVectors(t *testing.T) {
	for _, v := range vectors(t) {
		var raw value.Raw
		err := value.Decode(unhex(t, v.Hex), &raw)
		if v.Read == "no" && err == nil {
			t.Errorf("%s %s (%s): taken", v.From, v.Hex, v.Note)
		}
		if v.Read != "yes" {
			continue
		}
		if b, _ := value.Append(nil, raw); err != nil || hex.EncodeToString(b) != v.Hex {
			t.Errorf("%s %s: became %x, %v", v.From, v.Hex, b, err)
		}
	}
}

// FuzzDecode checks that whatever is read can be written and reads the same again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(unhex(f, v.Hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var x, y any
		if value.Decode(b, &x) != nil {
			return
		}
		written, err := value.Append(nil, x)
		if err != nil {
			t.Fatalf("%x was read as %#v, which cannot be written: %v", b, x, err)
		}
		if err := value.Decode(written, &y); err != nil {
			t.Fatalf("%x was written as %x, which cannot be read: %v", b, written, err)
		}
		again, err := value.Append(nil, y)
		if err != nil || string(again) != string(written) {
			t.Fatalf("%x was written as %x, then as %x (%v)", b, written, again, err)
		}
	})
}
