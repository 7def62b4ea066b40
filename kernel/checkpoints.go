package kernel

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
	"amino.run/internal/fsutil"
)

// A checkpoints is the directory in which the replicas of a kernel save their
// snapshots. Several kernels may share one; its identity tells the OMS which do.
//
// A checkpoint is one file, DIR/m7_0/<epoch>-<version>.ckpt, written whole or not
// at all. A kernel that was fenced writes under an old epoch, below the names of
// the replica that took its place.
type checkpoints struct {
	dir string
	id  string
}

const checkpointMagic = "amino-ckpt-1\n"

// openCheckpoints opens a directory of checkpoints, making it at first use.
func openCheckpoints(dir string) (*checkpoints, error) {
	idFile := filepath.Join(dir, "STORE")
	b, err := os.ReadFile(idFile)
	if errors.Is(err, fs.ErrNotExist) {
		var raw [8]byte
		rand.Read(raw[:])
		b = []byte(hex.EncodeToString(raw[:]))
		err = claim(dir, idFile, b)
		if errors.Is(err, fs.ErrExist) { // another kernel was first
			b, err = os.ReadFile(idFile)
		}
	}
	if err != nil {
		return nil, abi.Errorf(abi.Storage, "open the checkpoint store %s: %v", dir, err)
	}
	return &checkpoints{dir, strings.TrimSpace(string(b))}, nil
}

// claim writes a file that must not exist yet; it is there whole or not at all.
func claim(dir, path string, b []byte) error {
	tmp := path + "." + string(b)
	if err := fsutil.WriteFile(tmp, b); err != nil {
		return err
	}
	return errors.Join(os.Link(tmp, path), os.Remove(tmp), fsutil.SyncDir(dir))
}

// savedAs names the checkpoints of a replica. IDs are unique in one cluster, and a
// store may outlive that, so the time the group was created is part of the name.
func savedAs(g *api.Group, peer string) string {
	return fmt.Sprintf("%s@%x", peer, g.Created.UnixNano())
}

// bornAs names what a replica of a chain that took another's place began with. DMs
// that have saved nothing yet come back to it, as others do to the constructor.
func bornAs(g *api.Group, peer string) string { return savedAs(g, peer) + ".born" }

func (c *checkpoints) folder(peer string) string {
	return filepath.Join(c.dir, strings.ReplaceAll(peer, "/", "_"))
}

// save writes a snapshot of a replica and returns when it is on the disk.
func (c *checkpoints) save(peer string, epoch uint64, s dms.Snapshot) error {
	b := make([]byte, 0, len(checkpointMagic)+12+len(s.Image))
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint64(b, s.Version)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(s.Image))
	b = append(b, s.Image...)
	dir := c.folder(peer)
	name := fmt.Sprintf("%020d-%020d.ckpt", epoch, s.Version)
	if err := fsutil.WriteFile(filepath.Join(dir, name), b); err != nil {
		return abi.Errorf(abi.Storage, "the checkpoint of %s was not written, the last one still holds: %v", peer, err)
	}
	names, err := c.names(peer)
	if err != nil {
		return nil // the new one is there; what is older can wait
	}
	for _, old := range names {
		if old < name {
			os.Remove(filepath.Join(dir, old))
		}
	}
	return nil
}

// names returns the files of a replica's checkpoints, oldest first.
func (c *checkpoints) names(peer string) ([]string, error) {
	entries, err := os.ReadDir(c.folder(peer))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".ckpt") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// load returns what was last saved of a replica, or abi.ErrNotFound.
func (c *checkpoints) load(peer string) (s dms.Snapshot, err error) {
	names, err := c.names(peer)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return s, abi.Errorf(abi.NotFound, "%s has no checkpoint", peer)
	}
	if err != nil {
		return s, abi.Errorf(abi.Storage, "read the checkpoints of %s: %v", peer, err)
	}
	path := filepath.Join(c.folder(peer), names[len(names)-1])
	b, err := os.ReadFile(path)
	if err != nil {
		return s, abi.Errorf(abi.Storage, "read the checkpoint of %s: %v", peer, err)
	}
	rest, ok := strings.CutPrefix(string(b), checkpointMagic)
	if !ok || len(rest) < 12 || crc32.ChecksumIEEE([]byte(rest[12:])) != binary.LittleEndian.Uint32([]byte(rest[8:])) {
		return s, abi.Errorf(abi.Storage, "the checkpoint %s is damaged", path)
	}
	return dms.Snapshot{Version: binary.LittleEndian.Uint64([]byte(rest)), Image: []byte(rest[12:])}, nil
}

// remove forgets a deleted replica's checkpoints.
func (c *checkpoints) remove(peer string) error {
	if err := os.RemoveAll(c.folder(peer)); err != nil {
		return abi.Errorf(abi.Storage, "remove the checkpoints of %s: %v", peer, err)
	}
	return nil
}
