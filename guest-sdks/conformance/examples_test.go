package conformance

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/internal/guestbuild"
	"amino.run/internal/script"
)

// example returns the path of an example's module: built if it is in Go, else committed;
// or of its script.
func example(t *testing.T, dir, name string) string {
	t.Helper()
	dir = "examples/" + dir
	root := guestbuild.Root(t)
	if scripts, _ := filepath.Glob(filepath.Join(root, dir, name+".*")); len(scripts) == 1 && script.Language(scripts[0]) != "" {
		return scripts[0]
	}
	if sources, _ := filepath.Glob(filepath.Join(root, dir, "*.go")); len(sources) > 0 {
		return guestbuild.Go(t, filepath.Join(root, dir))
	}
	return guestbuild.Prebuilt(t, dir+"/"+name+".wasm")
}

// counterManifest is the manifest of the counter in every language, but for the
// language's name.
//
//go:embed testdata/counter.json
var counterManifest []byte

// TestCounters checks that the counters of all languages are the same microservice.
func TestCounters(t *testing.T) {
	want, err := abi.ParseManifest(counterManifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		t.Run(l.dir, func(t *testing.T) {
			m := load(t, example(t, "counter/"+l.dir, "counter"))
			got := *m.manifest(t)
			if got.Language != l.Language {
				t.Errorf("the language is %q, want %q", got.Language, l.Language)
			}
			got.Language = ""
			if have, want := asJSON(t, got), asJSON(t, want); have != want {
				t.Errorf("the manifest is\n%s\nwant\n%s", have, want)
			}

			g := m.start(t)
			for i, by := range []int64{5, -7, 1 << 40} {
				want := []int64{5, -2, 1<<40 - 2}[i]
				if got := result[int64](g, "add", by); got != want {
					t.Errorf("add(%d) = %d, want %d", by, got, want)
				}
				if got := result[int64](g, "get"); got != want {
					t.Errorf("get = %d, want %d", got, want)
				}
			}
			g.fails(abi.BadArgument, "add", "5")
			if got := result[int64](m.start(t, 40), "add", 2); got != 42 {
				t.Errorf("add(2) = %d after a start of 40, want 42", got)
			}
			if got := result[int64](m.start(t, nil), "get"); got != 0 {
				t.Errorf("get = %d after a start of null, want 0", got)
			}
		})
	}
}

// TestReadmeShowsTheCounters checks that what guest-sdks/README.md shows is what
// the examples are, less a few lines.
func TestReadmeShowsTheCounters(t *testing.T) {
	root := guestbuild.Root(t)
	readme, err := os.ReadFile(filepath.Join(root, "guest-sdks", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for fence, file := range map[string]string{"go": "go/counter.go", "rust": "rust/src/lib.rs", "c": "c/counter.c", "ts": "assemblyscript/index.ts"} {
		source, err := os.ReadFile(filepath.Join(root, "examples", "counter", file))
		if err != nil {
			t.Fatal(err)
		}
		_, shown, found := strings.Cut(string(readme), "```"+fence+"\n")
		shown, _, _ = strings.Cut(shown, "```")
		if !found || strings.Count(shown, "\n") < 8 {
			t.Errorf("the counter in %s is not shown", fence)
		}
		rest := string(source)
		for line := range strings.Lines(shown) {
			if line == "\n" {
				continue
			}
			if _, rest, found = strings.Cut(rest, line); !found {
				t.Errorf("%s has no line %q there", file, line)
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHello(t *testing.T) {
	m := load(t, example(t, "hello", "hello"))
	if got := result[string](m.start(t), "greet", "Ada"); got != "Hello, Ada!" {
		t.Errorf("greet = %q", got)
	}
	if got := result[string](m.start(t, "Good evening"), "greet", "Ada"); got != "Good evening, Ada!" {
		t.Errorf("greet = %q", got)
	}
}

func TestPrimes(t *testing.T) {
	g := load(t, example(t, "primes", "primes")).start(t)
	if got := result[int64](g, "count", 100); got != 25 {
		t.Errorf("%d primes below 100, want 25", got)
	}
	if got := result[int64](g, "work", 10) + result[int64](g, "work", 10); got != 1+2 {
		t.Errorf("work remembers %d", got)
	}
}

func TestKvstore(t *testing.T) {
	for _, dir := range []string{"kvstore", "kvstore/javascript"} {
		t.Run(dir, func(t *testing.T) { kvstore(t, load(t, example(t, dir, "kvstore")).start(t)) })
	}
}

func kvstore(t *testing.T, g *guest) {
	ada := map[string]any{"age": uint64(36), "tags": []any{"a", nil}}
	result[any](g, "put", "user/ada", ada)
	result[any](g, "put", "tea", 450)
	if got := result[map[string]any](g, "get", "user/ada"); !reflect.DeepEqual(got, ada) {
		t.Errorf("get = %v, want %v", got, ada)
	}
	if got := result[[]string](g, "list"); !reflect.DeepEqual(got, []string{"tea", "user/ada"}) {
		t.Errorf("list = %v", got)
	}
	page := result[[]struct {
		Key   string `cbor:"key"`
		Value any    `cbor:"value"`
	}](g, "scan", "", 1)
	if len(page) != 1 || page[0].Key != "tea" || fmt.Sprint(page[0].Value) != "450" {
		t.Errorf("scan = %v", page)
	}
	if !result[bool](g, "delete", "tea") || result[int64](g, "size") != 1 {
		t.Error("tea was not deleted")
	}
}

// shop starts the three microservices of the polyglot example, who know each
// other by their names.
func shop(t *testing.T) (front, pricing, tax *guest) {
	front = load(t, example(t, "polyglot/front", "front")).start(t)
	pricing = load(t, example(t, "polyglot/pricing-rs", "pricing")).start(t)
	tax = load(t, example(t, "polyglot/tax-as", "tax")).start(t)
	front.world.meet("pricing", pricing)
	pricing.world.meet("tax", tax)
	return front, pricing, tax
}

// An order is what front answers.
type order struct {
	ID                        uint64
	Customer, Country         string
	Net, Discount, Tax, Gross int64
}

func TestShop(t *testing.T) {
	front, pricing, tax := shop(t)
	basket := map[string]int{"tea": 2, "mug": 1}
	want := order{ID: 1, Customer: "ada", Country: "DE", Net: 2150, Tax: 409, Gross: 2559}
	if got := result[order](front, "order", "ada", "DE", basket); got != want {
		t.Errorf("the order is %+v, want %+v", got, want)
	}

	result[any](tax, "set_rate", "DE", 250)
	result[any](pricing, "set_price", "tea", 500)
	want = order{ID: 2, Customer: "bob", Country: "DE", Net: 4500, Discount: 500, Tax: 1125, Gross: 5625}
	if got := result[order](front, "order", "bob", "DE", map[string]int{"tea": 10}); got != want {
		t.Errorf("the order of ten teas at new prices is %+v, want %+v", got, want)
	}
	if got := result[int64](front, "revenue"); got != 2559+5625 {
		t.Errorf("revenue = %d, want %d", got, 2559+5625)
	}
	if got := result[order](front, "receipt", 2); got != want {
		t.Errorf("receipt(2) = %+v, want %+v", got, want)
	}
}

// TestShopErrors checks that an error of the last microservice reaches the first one's caller.
func TestShopErrors(t *testing.T) {
	front, _, _ := shop(t)
	for _, c := range []struct {
		country string
		basket  map[string]int
		want    string
	}{
		{"XX", map[string]int{"tea": 1}, `no tax rate for country "XX"`},
		{"DE", map[string]int{"hat": 1}, `no such article "hat"`},
		{"DE", map[string]int{}, "the basket is empty"},
	} {
		if err := front.fails(abi.Application, "order", "ada", c.country, c.basket); err.Msg != c.want {
			t.Errorf("order(%s, %v): %q, want %q", c.country, c.basket, err.Msg, c.want)
		}
	}
	if got := result[[]order](front, "orders"); len(got) != 0 {
		t.Errorf("failed orders were kept: %v", got)
	}
}
