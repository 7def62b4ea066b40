package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"

	"amino.run/abi"
	"amino.run/internal/api"
)

// An archive is a snapshot file: a microservice's state between two calls, its
// module, and how it is deployed. It is a zip archive, whose checksums cover every
// entry; the digest in the spec covers the module once more.
type archive struct {
	spec     api.Spec
	snapshot api.Snapshot
	wasm     []byte
}

// Entries of the zip archive.
const (
	entryHead   = "snapshot.json"
	entryImage  = "image"
	entryModule = "module.wasm"
)

// archiveFormat names this layout.
const archiveFormat = "amino.run/snapshot/v1"

// archiveHead is the entry that says what the others are.
type archiveHead struct {
	Format  string      `json:"format"`
	Spec    api.Spec    `json:"spec"`
	Version uint64      `json:"version"`
	Cells   []api.Cells `json:"cells"` // what the deployment managers keep, of the same moment
}

// pack returns the archive as the bytes of a file.
func (a *archive) pack() ([]byte, error) {
	head, err := json.MarshalIndent(archiveHead{archiveFormat, a.spec, a.snapshot.Version, a.snapshot.Cells}, "", "  ")
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range []struct {
		name   string
		method uint16
		body   []byte
	}{{entryHead, zip.Deflate, head}, {entryImage, zip.Store, a.snapshot.Image}, {entryModule, zip.Deflate, a.wasm}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(e.body); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// errNotArchive is a file that aminorun did not write, whole as it may be.
var errNotArchive = errors.New("it is not a snapshot file of aminorun")

// maxEntry bounds what is read of one entry, in bytes.
const maxEntry = 5 << 30

// unpack reads what pack wrote.
func unpack(b []byte) (*archive, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil && bytes.HasPrefix(b, []byte("PK\x03\x04")) {
		return nil, errors.New("it is damaged: its end is missing")
	}
	if err != nil {
		return nil, errNotArchive
	}
	var body [3][]byte
	for i, name := range []string{entryHead, entryImage, entryModule} {
		if body[i], err = readEntry(z, name); err != nil {
			return nil, err
		}
	}
	var head archiveHead
	if err := json.Unmarshal(body[0], &head); err != nil {
		return nil, errNotArchive
	}
	if head.Format != archiveFormat {
		return nil, abi.Errorf(abi.Refused, "it has the format %q and this version of aminorun reads %s", head.Format, archiveFormat)
	}
	sum := sha256.Sum256(body[2])
	if digest := hex.EncodeToString(sum[:]); digest != head.Spec.Module {
		return nil, abi.Errorf(abi.Refused, "its state is of the module %s, and the module in it is %s", short(head.Spec.Module), short(digest))
	}
	s := api.Snapshot{Module: head.Spec.Module, Version: head.Version, Image: body[1], Cells: head.Cells}
	return &archive{head.Spec, s, body[2]}, nil
}

func readEntry(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNotArchive
	}
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "it is damaged: %s: %v", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxEntry))
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "it is damaged: %s: %v", name, err)
	}
	return b, nil
}
