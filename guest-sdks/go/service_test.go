package amino

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"amino.run/guest/internal/value"
)

// shelf has a method of every shape that can be served.
type shelf struct {
	label string
	calls int
}

func newShelf(label string, note *string) (*shelf, error) {
	if label == "" {
		return nil, errors.New("a shelf needs a label")
	}
	if note != nil {
		label += *note
	}
	return &shelf{label: label}, nil
}

func (s *shelf) Nothing()      { s.calls++ }
func (s *shelf) Label() string { return s.label }
func (s *shelf) Fail() error   { s.calls++; return errors.New("full") }
func (s *shelf) Check(n int8) (bool, error) {
	s.calls++
	return n > 0, map[bool]error{n < 0: errors.New("negative")}[true]
}
func (s *shelf) Optional(a string, b, c *int64) (given int) {
	for i, p := range []*int64{b, c} {
		if p != nil {
			given += i + 1
		}
	}
	return given
}
func (s *shelf) Crash(how string) {
	s.calls++
	switch how {
	case "error":
		panic(errors.New("ouch"))
	case "nil":
		var p *shelf
		p.calls++
	case "number":
		panic(7)
	case "struct":
		panic(struct{}{})
	}
	panic(how)
}
func (s *shelf) Wrapped() error              { return fmt.Errorf("asking: %w", &Error{NotLeader, "ask k2"}) }
func (s *shelf) BadText() string             { return "\xff" }
func (s *shelf) When() time.Time             { return time.Unix(0, 0).UTC() }
func (s *shelf) PutAll(m map[string]int) int { return len(m) }

// call calls a method with arguments and returns the reply: "ok: <CBOR>" or
// "<code>: <message>".
func call(t *testing.T, s *service, kind byte, method string, args ...any) string {
	t.Helper()
	encoded := value.AppendArrayHead(nil, len(args))
	for _, a := range args {
		var err error
		if encoded, err = value.Append(encoded, a); err != nil {
			t.Fatal(err)
		}
	}
	return callRaw(t, s, kind, method, encoded)
}

func callRaw(t *testing.T, s *service, kind byte, method string, args []byte) string {
	t.Helper()
	frame := append([]byte{kind, 0, byte(len(method)), 0}, method...)
	before := []byte("kept")
	out := s.handle(append(frame, args...), before[:4:4])
	out = out[4:]
	b, err := parseReply(out)
	if err != nil {
		return CodeOf(err).String() + ": " + err.Error()
	}
	return "ok: " + hex.EncodeToString(b)
}

func mustService(t *testing.T, served any, options ...Option) *service {
	t.Helper()
	s, err := newService(served)
	for _, o := range options {
		if err == nil {
			err = o(s)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCalls(t *testing.T) {
	s := mustService(t, &shelf{label: "A"})
	for _, c := range []struct {
		method string
		args   []any
		want   string
	}{
		{"nothing", nil, "ok: "},
		{"label", nil, "ok: 6141"},
		{"fail", nil, "application: full"},
		{"check", []any{1}, "ok: f5"},
		{"check", []any{-1}, "application: negative"},
		{"check", []any{128}, "bad argument: argument arg0 of check: integer does not fit s8"},
		{"check", []any{"1"}, "bad argument: argument arg0 of check: want an integer, have text"},
		{"check", nil, "bad argument: check takes 1 argument, not 0"},
		{"optional", []any{"x"}, "ok: 00"},
		{"optional", []any{"x", 1}, "ok: 01"},
		{"optional", []any{"x", nil, 1}, "ok: 02"},
		{"optional", nil, "bad argument: optional takes 1 to 3 arguments, not 0"},
		{"optional", []any{"x", 1, 1, 1}, "bad argument: optional takes 1 to 3 arguments, not 4"},
		{"wrapped", nil, "not leader: asking: ask k2"},
		{"bad_text", nil, "application: result of bad_text: text is not UTF-8"},
		{"when", nil, "ok: c074" + hex.EncodeToString([]byte("1970-01-01T00:00:00Z"))},
		{"put_all", []any{map[string]int{"a": 1, "b": 2}}, "ok: 02"},
		{"PutAll", nil, "unknown method: shelf has no method PutAll"},
		{"", nil, "unknown method: shelf has no method "},
	} {
		if got := call(t, s, kindMethod, c.method, c.args...); got != c.want {
			t.Errorf("%s%v = %s, want %s", c.method, c.args, got, c.want)
		}
	}
}

func TestPanicIsAnApplicationError(t *testing.T) {
	served := &shelf{}
	s := mustService(t, served)
	for how, want := range map[string]string{
		"text": "panic: text", "error": "panic: ouch", "number": "panic: 7", "struct": "panic: a struct {}",
		"nil": "panic: runtime error: invalid memory address or nil pointer dereference",
	} {
		if got := call(t, s, kindMethod, "crash", how); got != "application: "+want {
			t.Errorf("crash(%s) = %s, want %s", how, got, want)
		}
	}
	if served.calls != 5 {
		t.Errorf("the method ran %d times, want 5", served.calls)
	}
}

func TestBrokenFramesRunNothing(t *testing.T) {
	served := &shelf{}
	s := mustService(t, served)
	for _, args := range []string{"", "80ff", "01", "81", "8100", "9f", "ff", "f6"} {
		b, _ := hex.DecodeString(args)
		if got := callRaw(t, s, kindMethod, "fail", b); !strings.HasPrefix(got, "bad argument: ") {
			t.Errorf("fail with the arguments %s = %s", args, got)
		}
	}
	for _, frame := range []string{"", "000000", "00000500616263", "07000000"} {
		b, _ := hex.DecodeString(frame)
		if _, err := parseReply(s.handle(b, nil)); CodeOf(err) != BadArgument {
			t.Errorf("frame %s: %v", frame, err)
		}
	}
	if served.calls != 0 {
		t.Errorf("%d calls ran", served.calls)
	}
	if got := callRaw(t, s, kindMethod, "nothing", []byte{0x9f, 0xff}); got != "ok: " {
		t.Errorf("an array of indefinite length: %s", got)
	}
}

func TestConstructor(t *testing.T) {
	s := mustService(t, newShelf)
	if got := call(t, s, kindMethod, "label"); got != "bad argument: constructor takes 1 to 2 arguments, not 0" {
		t.Errorf("a method before the constructor: %s", got)
	}
	if got := call(t, s, kindConstructor, ""); got != "bad argument: constructor takes 1 to 2 arguments, not 0" {
		t.Errorf("no label: %s", got)
	}
	if got := call(t, s, kindConstructor, "", ""); got != "application: a shelf needs a label" {
		t.Errorf("an empty label: %s", got)
	}
	for want, args := range map[string][]any{"6141": {"A"}, "6142": {"B", nil}, "624321": {"C", "!"}} {
		if got := call(t, s, kindConstructor, "", args...); got != "ok: " {
			t.Errorf("constructor%v: %s", args, got)
		}
		if got := call(t, s, kindMethod, "label"); got != "ok: "+want {
			t.Errorf("label = %s after constructor%v, want %s", got, args, want)
		}
	}
}

func TestWithoutConstructor(t *testing.T) {
	s := mustService(t, &shelf{})
	if got := call(t, s, kindConstructor, ""); got != "ok: " {
		t.Errorf("no arguments: %s", got)
	}
	if got := call(t, s, kindConstructor, "", 1); !strings.HasPrefix(got, "bad argument: ") {
		t.Errorf("an argument: %s", got)
	}
	lazy := mustService(t, func() *shelf { return &shelf{label: "B"} })
	if got := call(t, lazy, kindMethod, "label"); got != "ok: 6142" {
		t.Errorf("a constructor that needs nothing is called by itself: %s", got)
	}
}

type takesChannel struct{}

func (*takesChannel) Listen(chan int) {}

type takesMany struct{}

func (*takesMany) Sum(...int64) {}

type returnsFunc struct{}

func (*returnsFunc) Get() func() { return nil }

type returnsTwo struct{}

func (*returnsTwo) Get() (int, int) { return 0, 0 }

type twice struct{}

func (*twice) PutAll()  {}
func (*twice) Put_all() {}

func TestWhatCannotBeServed(t *testing.T) {
	for want, served := range map[string]any{
		"Listen takes a chan int, which cannot be sent":           &takesChannel{},
		"Sum takes ...; let it take a slice, or a pointer":        &takesMany{},
		"Get returns a func(), which cannot be sent":              &returnsFunc{},
		"Get returns 2 values; return one, perhaps a struct":      &returnsTwo{},
		"two methods are both called put_all":                     &twice{},
		"serve a pointer to a struct, or a function that returns": 7,
		"serve a pointer to a struct":                             shelf{},
		"serve a pointer":                                         nil,
		"serve a":                                                 func() int { return 1 },
		"serve":                                                   func() {},
		"ser":                                                     (*shelf)(nil),
	} {
		if _, err := newService(served); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%T: %v, want %s", served, err, want)
		}
	}
}

func TestServe(t *testing.T) {
	defer func() { served = nil }()
	Serve(&shelf{}, Name("books"), ReadOnly("Label"), Deploy("LeaseCaching(ttl=10s)"))
	if served.name != "books" || !served.methods["label"].readOnly || served.methods["fail"].readOnly || len(served.chain) != 1 {
		t.Errorf("served as %+v", served)
	}
	for want, f := range map[string]func(){
		"called twice":                       func() { Serve(&shelf{}) },
		"ReadOnly: there is no method label": func() { Serve(&shelf{}, ReadOnly("label")) },
		"an empty deployment manager":        func() { Serve(&shelf{}, Deploy(" ")) },
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, want) {
					t.Errorf("panic %q, want %q", r, want)
				}
			}()
			f()
		}()
	}
}

func TestNoKernel(t *testing.T) {
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "aminotest") {
			t.Errorf("panic %q, want a word about aminotest", r)
		}
	}()
	Self()
}
