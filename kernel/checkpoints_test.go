package kernel

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/internal/api"
)

func testStore(t *testing.T) *checkpoints {
	t.Helper()
	c, err := openCheckpoints(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustSave(t *testing.T, c *checkpoints, epoch, version uint64, image string) {
	t.Helper()
	if err := c.save("m1/0", epoch, dms.Snapshot{Version: version, Image: []byte(image)}); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointLastSaveWins(t *testing.T) {
	c := testStore(t)
	if _, err := c.load("m1/0"); abi.CodeOf(err) != abi.NotFound {
		t.Errorf("load before any save: %v", err)
	}
	mustSave(t, c, 1, 7, "one")
	mustSave(t, c, 1, 12, "two")
	s, err := c.load("m1/0")
	if err != nil || s.Version != 12 || string(s.Image) != "two" {
		t.Errorf("load = %d %q, %v", s.Version, s.Image, err)
	}
	if names, _ := c.names("m1/0"); len(names) != 1 {
		t.Errorf("old checkpoints stay: %v", names)
	}
}

func TestCheckpointOfAFencedKernelDoesNotCount(t *testing.T) {
	c := testStore(t)
	mustSave(t, c, 2, 5, "new epoch")
	mustSave(t, c, 1, 900, "late write of the old one")
	if s, err := c.load("m1/0"); err != nil || string(s.Image) != "new epoch" {
		t.Errorf("load = %q, %v", s.Image, err)
	}
}

func TestCheckpointDamageIsSeen(t *testing.T) {
	c := testStore(t)
	mustSave(t, c, 1, 1, strings.Repeat("state", 100))
	names, _ := c.names("m1/0")
	path := filepath.Join(c.folder("m1/0"), names[0])
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"cut short": whole[:len(whole)-1], "bit flipped": append(bytes.Clone(whole[:len(whole)-1]), whole[len(whole)-1]^1),
		"empty": nil, "foreign": []byte("something else altogether"),
	} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := c.load("m1/0"); abi.CodeOf(err) != abi.Storage || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: load = %v", name, err)
		}
	}
}

// A save that fails leaves the last one whole.
func TestCheckpointFullDisk(t *testing.T) {
	c := testStore(t)
	mustSave(t, c, 1, 1, "kept")
	folder := c.folder("m1/0")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o644); err != nil { // no directory can be made here
		t.Fatal(err)
	}
	err := c.save("m1/0", 1, dms.Snapshot{Version: 2, Image: []byte("lost")})
	if abi.CodeOf(err) != abi.Storage || !strings.Contains(err.Error(), "the last one still holds") {
		t.Errorf("save = %v", err)
	}
	os.Remove(folder)
	os.Rename(folder+".away", folder)
	if s, err := c.load("m1/0"); err != nil || string(s.Image) != "kept" {
		t.Errorf("load = %q, %v", s.Image, err)
	}
}

func TestCheckpointStoreIdentityIsShared(t *testing.T) {
	dir := t.TempDir()
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			c, err := openCheckpoints(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = c.id
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("kernels that share a store see %v", ids)
		}
	}
	if other := testStore(t); other.id == ids[0] {
		t.Error("two stores have one identity")
	}
}

func TestCheckpointRemove(t *testing.T) {
	c := testStore(t)
	mustSave(t, c, 1, 1, "x")
	if err := c.remove("m1/0"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.load("m1/0"); abi.CodeOf(err) != abi.NotFound {
		t.Errorf("load after remove: %v", err)
	}
}

// A store outlives a cluster, and the next one begins its IDs anew.
func TestCheckpointOfAnotherClusterDoesNotCount(t *testing.T) {
	c := testStore(t)
	old := &api.Group{ID: "m1", Created: time.Unix(1, 0)}
	young := &api.Group{ID: "m1", Created: time.Unix(2, 0)}
	if err := c.save(savedAs(old, "m1/0"), 9, dms.Snapshot{Version: 9, Image: []byte("old")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.load(savedAs(young, "m1/0")); abi.CodeOf(err) != abi.NotFound {
		t.Errorf("load = %v", err)
	}
	if s, err := c.load(savedAs(old, "m1/0")); err != nil || string(s.Image) != "old" {
		t.Errorf("load = %q, %v", s.Image, err)
	}
}
