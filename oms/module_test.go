package oms_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/oms"
)

var testModule = []byte(`{"abi":1,"name":"test"}`)

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func files(t *testing.T, fs vfs.FS) []string {
	t.Helper()
	names, err := fs.List("oms/modules")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestModuleIsStoredOnce(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		k := n.joined("k1", "")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				m, err := n.oms.PutModule(context.Background(), testModule)
				if err != nil || m.Digest != digestOf(testModule) || m.Size != len(testModule) || !bytes.Equal(m.Manifest, testModule) {
					t.Errorf("%+v, %v", m, err)
				}
			})
		}
		wg.Wait()
		if k.inspected.Load() != 1 {
			t.Errorf("inspected %d times", k.inspected.Load())
		}
		n.crash()
		for _, ref := range []string{digestOf(testModule), digestOf(testModule)[:6]} {
			if b, err := n.oms.GetModule(context.Background(), api.Ref{Ref: ref}); err != nil || !bytes.Equal(b, testModule) {
				t.Errorf("%s is %q, %v", ref, b, err)
			}
		}
		for _, ref := range []string{"", "abc", digestOf(nil), "../directory", strings.Repeat("../", 22)[:64]} {
			if b, err := n.oms.GetModule(context.Background(), api.Ref{Ref: ref}); !errors.Is(err, abi.ErrNotFound) {
				t.Errorf("%q is %q, %v", ref, b, err)
			}
		}
	})
}

func TestModuleRefusedIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "")
		for wasm, want := range map[string]string{"": "empty", "not a module": "not a Wasm module", strings.Repeat("x", 300): "the limit is 200"} {
			n.crashWith(oms.Options{MaxModule: 200})
			_, err := n.oms.PutModule(context.Background(), []byte(wasm))
			if !errors.Is(err, abi.ErrRefused) || !strings.Contains(err.Error(), want) {
				t.Errorf("%.20q: %v", wasm, err)
			}
		}
		if len(n.oms.Modules()) != 0 || len(files(t, n.fs)) != 0 {
			t.Errorf("kept %v %v", n.oms.Modules(), files(t, n.fs))
		}
	})
}

func TestModuleNeedsAKernel(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		_, err := n.oms.PutModule(context.Background(), testModule)
		if !errors.Is(err, abi.ErrUnavailable) || !strings.Contains(err.Error(), "start one with aminorun kernel") {
			t.Errorf("without a kernel: %v", err)
		}
	})
}

// A module that brings down who inspects it does not bring down all.
func TestModuleIsInspectedByTwoAtMost(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		for i := range 4 {
			n.joined(fmt.Sprintf("k%d", i), "").fail(api.KernelInspect, unsent, unsent)
		}
		if _, err := n.oms.PutModule(context.Background(), testModule); !errors.Is(err, abi.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if heard := n.takeHeard(); strings.Count(heard, api.KernelInspect) != 2 {
			t.Errorf("heard\n%s", heard)
		}
		if _, err := n.oms.PutModule(context.Background(), testModule); err == nil {
			t.Error("the same two were asked again and answered")
		}
		if _, err := n.oms.PutModule(context.Background(), testModule); err != nil {
			t.Errorf("when they are well: %v", err)
		}
	})
}

// A put that is cut short leaves nothing that is seen, and nothing at all after the next
// start.
func TestModuleIsWholeOrNotThere(t *testing.T) {
	bubble(t, func(t *testing.T, n *network) {
		n.joined("k1", "").fail(api.KernelInspect, omsGone)
		if _, err := n.oms.PutModule(context.Background(), testModule); err == nil {
			t.Error("the OMS crashed, and answered")
		}
		n.crash()
		if len(n.oms.Modules()) != 0 || len(files(t, n.fs)) != 0 {
			t.Errorf("left %v %v", n.oms.Modules(), files(t, n.fs))
		}
	})
}

func TestModuleOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		mem := vfs.NewMem()
		n := newNetwork(t)
		n.crashWith(oms.Options{FS: errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if full.Load() && strings.HasSuffix(op.Path, ".part") && op.Kind == errorfs.OpFileWrite {
				return syscall.ENOSPC
			}
			return nil
		}))})
		n.joined("k1", "")
		full.Store(true)
		_, err := n.oms.PutModule(context.Background(), testModule)
		if !errors.Is(err, abi.ErrStorage) || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("a full disk is %v", err)
		}
		if left := files(t, mem); len(left) != 0 {
			t.Errorf("left %v", left)
		}
		full.Store(false)
		if _, err := n.oms.PutModule(context.Background(), testModule); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}
