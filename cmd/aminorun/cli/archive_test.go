package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"amino.run/internal/api"
)

// sample returns an archive whose module is these bytes.
func sample(wasm string) *archive {
	sum := sha256.Sum256([]byte(wasm))
	digest := hex.EncodeToString(sum[:])
	return &archive{
		spec:     api.Spec{Name: "n", Module: digest, DMs: []string{"LeaseCaching(ttl=10s)"}, Config: map[string]string{"a": "b"}},
		snapshot: api.Snapshot{Module: digest, Version: 7, Image: []byte("the state\x00\xff"), Cells: []api.Cells{{"count": {0x05}}}},
		wasm:     []byte(wasm),
	}
}

func pack(t *testing.T, a *archive) []byte {
	t.Helper()
	b, err := a.pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestArchive(t *testing.T) {
	want := sample("module")
	got, err := unpack(pack(t, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// A damaged file is refused, or what was damaged is nothing that is read.
func TestDamagedArchive(t *testing.T) {
	want := sample(strings.Repeat("module", 50))
	b := pack(t, want)
	for n := range b {
		if _, err := unpack(b[:n]); err == nil {
			t.Fatalf("the first %d bytes of %d are read", n, len(b))
		}
	}
	refused := 0
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 1 << rand.IntN(8)
		got, err := unpack(flipped)
		if err != nil {
			refused++
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("byte %d: %v", i, err)
			}
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d of %d is flipped, and read as %+v", i, len(b), got)
		}
	}
	if refused < len(b)/2 {
		t.Errorf("%d of %d flips are refused", refused, len(b))
	}
}

func TestNotAnArchive(t *testing.T) {
	foreign := func(name, body string) []byte {
		var buf bytes.Buffer
		z := zip.NewWriter(&buf)
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	other := sample("module")
	other.wasm = []byte("another module")
	whole := pack(t, sample("module"))
	image := bytes.Clone(whole)
	image[bytes.Index(image, []byte("the state"))] ^= 1
	for _, c := range []struct {
		what string
		file []byte
		want string
	}{
		{"empty", nil, "it is not a snapshot file of aminorun"},
		{"text", []byte("hello"), "it is not a snapshot file of aminorun"},
		{"a module", []byte("\x00asm\x01\x00\x00\x00"), "it is not a snapshot file of aminorun"},
		{"another zip", foreign("readme.txt", "hi"), "it is not a snapshot file of aminorun"},
		{"half of one", foreign(entryHead, "{}"), "it is not a snapshot file of aminorun"},
		{"truncated", whole[:len(whole)-40], "it is damaged: its end is missing"},
		{"a bit of the state", image, "it is damaged: image: zip: checksum error"},
		{"another module", pack(t, other), "and the module in it is"},
		{"a later format", bytes.Replace(storedHead(t), []byte("snapshot/v1"), []byte("snapshot/v9"), 1), `it has the format "amino.run/snapshot/v9" and this version of aminorun reads amino.run/snapshot/v1`},
	} {
		path := write(t, "x.snap", c.file)
		fails(t, exitFailed, []string{path + " cannot be restored: ", c.want}, "restore", path, "--name", "x", "--oms", "127.0.0.1:1")
	}
	fails(t, exitFailed, []string{"there is no file /nowhere", "`aminorun snapshot` writes one"}, "restore", "/nowhere", "--name", "x")
}

// storedHead returns an archive whose head is neither compressed nor checked.
func storedHead(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, body := range map[string]string{entryHead: `{"format": "amino.run/snapshot/v1"}`, entryImage: "", entryModule: ""} {
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CompressedSize64: uint64(len(body)), UncompressedSize64: uint64(len(body))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
