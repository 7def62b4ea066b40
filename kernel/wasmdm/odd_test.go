package wasmdm_test

import (
	"strings"
	"testing"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/internal/guestbuild"
)

// TestOdd has a DM misbehave. The caller gets an error that says whose fault it is
// and whether the call ran; the guest and other DMs go on.
func TestOdd(t *testing.T) {
	odd := load(t, guestbuild.Prebuilt(t, "kernel/wasmdm/testdata/odd/odd.wasm"))
	for _, x := range []struct {
		how  string
		want error
		says []string
		ran  bool
	}{
		{"trap", abi.ErrUnavailable, []string{"deployment manager odd failed", "the call did not run", "unreachable"}, false},
		{"loop", abi.ErrUnavailable, []string{"deployment manager odd failed", "fuel"}, false},
		{"grow", nil, nil, true}, // up to its limit, which is its own affair
		{"abroad", abi.ErrRefused, []string{`calls no microservice but "dm"`}, false},
		{"throw", &abi.Error{Code: abi.Application}, []string{"not today"}, false},
		{"late", abi.ErrUnavailable, []string{"deployment manager odd failed", "the call may have run"}, true},
		{"garbage", nil, nil, true}, // what it answers is the caller's to read
		{"self", abi.ErrRefused, []string{"only an instance"}, true},
		{"unknown", abi.ErrMethod, []string{`dm has no method "nothing"`, "next"}, true},
	} {
		t.Run(x.how, func(t *testing.T) {
			run(t, parse(t, odd, "(how="+x.how+")", "SerializableRPC"), func(t *testing.T, cl *dmtest.Cluster) {
				for range 3 {
					_, err := cl.Client("b").Call(t.Context(), dms.Call{Method: "append", Args: []byte{0x81, 0x01}})
					switch {
					case x.want == nil && err != nil:
						t.Error(err)
					case x.want != nil:
						dmtest.WantError(t, err, x.want, x.says...)
					}
				}
				want := 0
				if x.ran {
					want = 3
				}
				if got := len(cl.Lists()[0]); got != want {
					t.Errorf("%d calls ran, want %d", got, want)
				}
			})
		})
	}
}

func TestRefused(t *testing.T) {
	_, err := try(t, guestbuild.Prebuilt(t, "examples/counter/c/counter.wasm"))
	dmtest.WantError(t, err, abi.ErrRefused, "no deployment manager", "method add", "proxy")

	typ := ratelimit(t)
	l := dms.Loader(func(string) (dms.Loaded, error) { return typ.New(), nil })
	for spec, says := range map[string]string{
		typ.New().Name() + "(rate=0)":      "more than zero",
		typ.New().Name() + "(rat=1)":       `no field "rat"`,
		typ.New().Name() + "(rate=much)":   "rate=much is no int",
		"ratelimit@12":                     "64 digits",
		"other@" + strings.Repeat("0", 64): "is the deployment manager ratelimit, not other",
	} {
		_, err := l.Parse(spec)
		dmtest.WantError(t, err, abi.ErrRefused, says)
	}
	_, err = dms.Loader(nil).Parse(typ.New().Name())
	dmtest.WantError(t, err, abi.ErrRefused, "cannot be loaded here")
}

func TestText(t *testing.T) {
	typ := ratelimit(t)
	chain := parse(t, typ, "( burst = 7, rate = 5 )")
	if got, want := dms.String(chain[0]), typ.New().Name()+"(rate=5, burst=7)"; got != want {
		t.Errorf("its text is %s, want %s", got, want)
	}
	fields := typ.New().Fields()
	if len(fields) != 2 || fields[0].Name != "rate" || fields[0].Type != "int" || !strings.Contains(fields[0].Doc, "calls a second") {
		t.Errorf("its fields are %+v", fields)
	}
}
