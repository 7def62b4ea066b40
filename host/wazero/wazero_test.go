package wazero

import (
	"context"
	"os"
	"testing"

	"amino.run/host"
	"amino.run/host/hosttest"
)

// cacheVariable names the compilation cache of other processes.
const cacheVariable = "AMINO_WAZERO_TEST_CACHE"

func TestMain(m *testing.M) {
	hosttest.Main(m, func() (host.Engine, error) {
		return New(context.Background(), Options{CacheDir: os.Getenv(cacheVariable)})
	})
}

func engine(t testing.TB, o Options) *Engine {
	e, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	return e
}

func TestCompiler(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) host.Engine { return engine(t, Options{}) })
}

func TestInterpreter(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) host.Engine { return engine(t, Options{Interpret: true}) })
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // the second time from the disk
		hosttest.Run(t, func(t *testing.T) host.Engine { return engine(t, Options{CacheDir: dir}) })
	}
}
