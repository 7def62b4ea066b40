package mux

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"amino.run/abi"
)

type sumRequest struct {
	Terms []int  `cbor:"terms"`
	Note  string `cbor:"note,omitempty"`
}

type sumReply struct {
	Sum int `cbor:"sum"`
}

func testRouter() *Router {
	r := NewRouter()
	r.Handle("echo", echo)
	Handle(r, "sum", func(_ context.Context, _ *Conn, req sumRequest) (sumReply, error) {
		if len(req.Terms) == 0 {
			return sumReply{}, abi.Errorf(abi.BadArgument, "nothing to add")
		}
		n := 0
		for _, t := range req.Terms {
			n += t
		}
		return sumReply{n}, nil
	})
	return r
}

// direct is a Caller that goes to a router without a connection.
type direct struct{ r *Router }

func (d direct) Call(ctx context.Context, body []byte) ([]byte, error) {
	return d.r.Serve(ctx, nil, body)
}

func TestTypedCalls(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]Caller{
		"direct": direct{testRouter()},
		"conn":   connect(t, listen(t, testRouter().Serve), "", echo),
	} {
		if got, err := Call[sumReply](ctx, c, "sum", sumRequest{Terms: []int{1, 2, 39}}); err != nil || got.Sum != 42 {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if _, err := Call[sumReply](ctx, c, "sum", sumRequest{}); !errors.Is(err, abi.ErrBadArgument) || err.Error() != "nothing to add" {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := Call[sumReply](ctx, c, "sum", "not a sumRequest"); !errors.Is(err, abi.ErrBadArgument) {
			t.Errorf("%s: wrong request: got %v", name, err)
		}
		if _, err := Call[string](ctx, c, "sum", sumRequest{Terms: []int{1}}); !errors.Is(err, abi.ErrBadReply) {
			t.Errorf("%s: wrong reply: got %v", name, err)
		}
		if _, err := Call[sumReply](ctx, c, "sum", func() {}); !errors.Is(err, abi.ErrBadArgument) || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("%s: what CBOR has not: got %v", name, err)
		}
		_, err := Call[sumReply](ctx, c, "product", sumRequest{})
		if !errors.Is(err, abi.ErrRefused) || !strings.Contains(err.Error(), `does not know "product"; are both sides the same version?`) {
			t.Errorf("%s: unknown method: got %v", name, err)
		}
	}
}

func TestRaw(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]Caller{
		"direct": direct{testRouter()},
		"conn":   connect(t, listen(t, testRouter().Serve), "", echo),
	} {
		for _, n := range []int{0, 100, 3 * maxFragment} {
			a, b := pattern(n), pattern(n/2)
			got, err := Raw(ctx, c, "echo", a, b)
			if err != nil || !bytes.Equal(got, append(a, b...)) {
				t.Errorf("%s: %d: got %d bytes, %v", name, n, len(got), err)
			}
		}
		for _, method := range []string{"", strings.Repeat("m", maxMethod+1)} {
			if _, err := Raw(ctx, c, method); !errors.Is(err, abi.ErrBadArgument) {
				t.Errorf("%s: %.10q: got %v", name, method, err)
			}
		}
	}
}

func TestRouterRefusesCutNames(t *testing.T) {
	r := testRouter()
	for _, body := range []string{"", "\x05echo", "\x04ech"} {
		if _, err := r.Serve(context.Background(), nil, []byte(body)); !errors.Is(err, abi.ErrBadArgument) {
			t.Errorf("%q: got %v", body, err)
		}
	}
	if _, err := r.Serve(context.Background(), nil, []byte{0}); !errors.Is(err, abi.ErrRefused) {
		t.Errorf("empty name: got %v", err)
	}
	if got := r.String(); got != "echo sum" {
		t.Errorf("names: %q", got)
	}
}

func TestRouterPanicsOnMisuse(t *testing.T) {
	for _, name := range []string{"", "echo", strings.Repeat("m", maxMethod+1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%.10q: no panic", name)
				}
			}()
			testRouter().Handle(name, echo)
		}()
	}
}

// The bytes of a request do not depend on the order of a map.
func TestEncodingIsDeterministic(t *testing.T) {
	const want = "a3616101616202626363 03"
	for range 20 {
		b, err := encoding.Marshal(map[string]int{"cc": 3, "b": 2, "a": 1})
		if got := hex.EncodeToString(b); err != nil || got != strings.ReplaceAll(want, " ", "") {
			t.Fatalf("got %s, %v", got, err)
		}
	}
	var m map[string]int
	if err := decoding.Unmarshal([]byte{0xa2, 0x61, 'a', 1, 0x61, 'a', 2}, &m); err == nil {
		t.Error("a key twice is read")
	}
}
