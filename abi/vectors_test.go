package abi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// A vector is an entry of testdata/cbor_vectors.json; testdata/README.md explains it.
type vector struct {
	From, Hex, Read, Diag, Write, Note string
	JSON                               json.RawMessage
	Also                               []string
	Roundtrip                          bool
}

func vectors(t testing.TB) (vs []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/cbor_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vs); err != nil {
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

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.From+"/"+v.Hex[:min(len(v.Hex), 40)], func(t *testing.T) {
			b := unhex(t, v.Hex)
			switch v.Read {
			case "yes":
				readable(t, v, b)
			case "may":
				if err := Wellformed(b); err != nil {
					t.Errorf("Wellformed: %v", err)
				}
			case "no":
				broken(t, b)
			default:
				t.Errorf("read is %q", v.Read)
			}
		})
	}
}

// readable checks what holds for each vector that every guest reads.
func readable(t *testing.T, v vector, b []byte) {
	if err := Wellformed(b); err != nil {
		t.Fatalf("Wellformed: %v", err)
	}
	if got := Diag(b); got != v.Diag {
		t.Errorf("Diag = %s, want %s", got, v.Diag)
	}
	text, err := ToJSON(b)
	if want := compact(t, v.JSON); err != nil || string(text) != want {
		t.Errorf("ToJSON = %s, %v, want %s", text, err, want)
	}
	writes := append([]string{v.Write}, v.Also...)
	var x any
	if err := Decode(b, &x); err != nil {
		t.Fatalf("Decode: %v", err)
	}
	echo, err := Encode(x)
	if err != nil || !slices.Contains(writes, hex.EncodeToString(echo)) {
		t.Errorf("Encode(Decode) = %x, %v, want one of %s", echo, err, writes)
	}
	if v.Roundtrip != (v.Write == v.Hex) {
		t.Errorf("roundtrip is %v", v.Roundtrip)
	}
	for _, w := range writes { // what may be written is the same value
		if got, err := ToJSON(unhex(t, w)); err != nil || !sameJSON(t, got, text) {
			t.Errorf("%s is %s, %v, want %s", w, got, err, text)
		}
	}
}

// broken checks that nothing reads b.
func broken(t *testing.T, b []byte) {
	if err := Wellformed(b); CodeOf(err) != BadArgument {
		t.Errorf("Wellformed: %v, want a bad argument", err)
	}
	var x any
	if err := Decode(b, &x); CodeOf(err) != BadArgument {
		t.Errorf("Decode: %v, want a bad argument", err)
	}
	if s, err := ToJSON(b); len(b) > 0 && CodeOf(err) != BadArgument {
		t.Errorf("ToJSON = %s, %v, want a bad argument", s, err)
	}
}

// sameJSON compares numbers by value and objects without order.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

func compact(t *testing.T, text json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestVectorsComplete counts: RFC 8949 has 81 examples, and each is here once.
func TestVectorsComplete(t *testing.T) {
	count, seen := map[string]int{}, map[string]bool{}
	for _, v := range vectors(t) {
		count[v.From]++
		if seen[v.Hex] {
			t.Errorf("%s is there twice", v.Hex)
		}
		seen[v.Hex] = true
	}
	if n := count["RFC 8949 A"]; n != 81 {
		t.Errorf("%d examples of RFC 8949, appendix A, want 81", n)
	}
	for _, from := range []string{"integers", "floats", "text", "bytes", "arrays", "maps", "simple", "times", "tags", "indefinite", "malformed"} {
		if count[from] == 0 {
			t.Errorf("no vectors of %s", from)
		}
	}
}
