package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"amino.run/internal/guestbuild"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata.
func golden(t *testing.T, file, text string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, text, want)
	}
}

// TestDocumentMessages: every document in testdata, and what is said of it.
func TestDocumentMessages(t *testing.T) {
	paths, err := filepath.Glob("testdata/documents/*.*")
	if err != nil || len(paths) < 20 {
		t.Fatalf("%d documents, %v", len(paths), err)
	}
	var all strings.Builder
	for _, path := range paths {
		d, err := (&deployFlags{cmd: (&app{}).deployCmd()}).read(path)
		fmt.Fprintf(&all, "%s\n    ", filepath.Base(path))
		if err != nil {
			if strings.Count(err.Error(), "\n") > 1 {
				t.Errorf("%s: more than two lines: %v", path, err)
			}
			fmt.Fprintln(&all, strings.ReplaceAll(filepath.ToSlash(err.Error()), "testdata/documents/", ""))
			continue
		}
		fmt.Fprintf(&all, "%s %s dms=%q args=%s\n", filepath.Base(d.module), d.spec.Name, d.spec.DMs, d.args)
	}
	golden(t, "documents.txt", all.String())
}

// The example has every field of a document, so that it can be learned from.
func TestExampleUsesEveryField(t *testing.T) {
	d, err := readDocument(filepath.Join(guestbuild.Root(t), "examples", "counter", "spec.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []any{*d, d.Metadata, d.Spec, d.Spec.NodeSelector[0][0]} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s is not in the example", v.Type().Field(i).Tag.Get("yaml"))
			}
		}
	}
	got, err := d.deployment()
	if err != nil {
		t.Fatal(err)
	}
	if on := got.spec.Selector.String(); on != "region in (eu,us),tier notin (device);lab" {
		t.Errorf("selector %s", on)
	}
	if _, err := os.Stat(got.module); err != nil {
		t.Error(err)
	}
}

func TestModuleIsRelativeToDocument(t *testing.T) {
	d, err := readDocument("testdata/documents/good.json")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.FromSlash("testdata/documents/sub/x.wasm"); d.Spec.Module != want {
		t.Errorf("module %s, want %s", d.Spec.Module, want)
	}
	if d.Spec.DMs == nil || len(*d.Spec.DMs) != 0 {
		t.Errorf("dms %v: an empty list is no deployment manager, not the module's own", d.Spec.DMs)
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "17": 17, "17B": 17, "64KiB": 64 << 10, "64 MiB": 64 << 20, "4GiB": 4 << 30} {
		if n, err := parseBytes(text); n != want || err != nil {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "64M", "-1", "1.5GiB", "99999999999GiB", "MiB"} {
		if n, err := parseBytes(text); err == nil || !strings.Contains(err.Error(), "write it as 64MiB") {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 64 << 20: "64.0 MiB"} {
		if got := formatBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
