package conformance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"amino.run/abi"
)

// relay calls a second guest through the first.
func relay(t *testing.T, m *module, _ Options) {
	g, peer := m.start(t), m.start(t, "peer")
	g.world.meet("peer", peer)
	if got := result[int64](g, "relay", "peer", "count", 5); got != 5 {
		t.Errorf("count(5) of the peer = %d", got)
	}
	if a, b := result[int64](g, "count", 0), result[int64](peer, "count", 0); a != 0 || b != 5 {
		t.Errorf("count = %d here and %d there, want 0 and 5", a, b)
	}
	if got := result[any](g, "relay", "peer", "say", "hello"); got != nil {
		t.Errorf("say of the peer = %v, want null", got)
	}
	if log := peer.world.log(); len(log) != 1 || log[0].text != "hello" {
		t.Errorf("the peer's log is %v", log)
	}
	if got := result[any](g, "relay", "peer", "get", "absent"); got != nil {
		t.Errorf("get of an absent key of the peer = %v, want null", got)
	}
	big := strings.Repeat("🙂", 300_000)
	if got := result[string](g, "relay", "peer", "echo", big); got != big {
		t.Errorf("%d bytes came back from the peer as %d", len(big), len(got))
	}
	for _, v := range vectors(t) {
		if v.Read != "yes" {
			continue
		}
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		args := append([]byte("\x83\x64peer\x64echo"), b...)
		if got, err := g.inst.Invoke(t.Context(), abi.Method, 0, "relay", args); err != nil || !v.written(got) {
			t.Errorf("%s %s: came back from the peer as %x, %v, want %s", v.From, v.Hex, got, err, v.Write)
		}
	}
	for range 2000 { // answers are taken and freed
		result[int64](g, "relay", "peer", "count", 1)
	}
}

// relayErrors checks that an error of a callee reaches the caller as it is.
func relayErrors(t *testing.T, m *module, _ Options) {
	g, peer := m.start(t), m.start(t, "peer")
	g.world.meet("peer", peer)
	g.world.meet("me", g)
	if err := g.fails(abi.Application, "relay", "peer", "fail", "no such shelf"); err.Msg != "no such shelf" {
		t.Errorf("the message is %q", err.Msg)
	}
	if got := result[int64](peer, "count", 0); got != 1 {
		t.Errorf("count = %d there, want 1: the method ran", got)
	}
	g.fails(abi.UnknownMethod, "relay", "peer", "nosuch", 1)
	g.fails(abi.BadArgument, "relay", "peer", "count", "one")
	g.fails(abi.NotFound, "relay", "nobody", "count", 1)
	g.fails(abi.NotFound, "relay", "", "count", 1)
	g.fails(abi.Reentrant, "relay", "me", "label", 1)

	codes := []abi.Code{99, 255} // those of a newer kernel
	for c := abi.Application; c <= abi.Internal; c++ {
		codes = append(codes, c)
	}
	for _, c := range codes {
		want := c
		if c == abi.Moved {
			want = abi.Application // the host lets kernels alone say that
		}
		if err := g.fails(want, "relay", fmt.Sprintf("code %d", c), "m", 1); err.Msg != fmt.Sprintf("as %d", c) {
			t.Errorf("code %d: the message is %q", c, err.Msg)
		}
		if g.inst.Failed() {
			t.Fatalf("code %d: the callee's error was taken for the guest's own failure", c)
		}
	}

	if got := result[int64](g, "count", 1); got != 1 {
		t.Errorf("count = %d after the callees' errors, want 1", got)
	}
}

// verb sends verbs to deployment managers.
func verb(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	g.world.meet("peer", m.start(t))
	if got, want := result[string](g, "verb", "peer", "checkpoint"), "checkpoint of peer with []"; got != want {
		t.Errorf("verb = %q, want %q", got, want)
	}
	if got := result[any](g, "verb", "peer", "nothing"); got != nil {
		t.Errorf("verb = %v, want null", got)
	}
	g.fails(abi.UnknownVerb, "verb", "peer", "count")
	g.fails(abi.NotFound, "verb", "nobody", "checkpoint")
}

// surroundings uses the other imports.
func surroundings(t *testing.T, m *module, _ Options) {
	g := m.start(t)
	g.world.set(map[string]string{"color": "rød", "empty": "", "long": strings.Repeat("x", 100_000)})

	if got := result[string](g, "whoami"); got != "conformance" {
		t.Errorf("whoami = %q", got)
	}
	for key, want := range map[string]any{"color": "rød", "empty": "", "long": strings.Repeat("x", 100_000), "absent": nil, "": nil} {
		if got := result[any](g, "setting", key); !reflect.DeepEqual(got, want) {
			t.Errorf("setting(%s) = %.20v, want %.20v", key, got, want)
		}
	}

	for _, text := range []string{"hello", "", "løg 🙂", strings.Repeat("x", 10_000)} {
		if got := result[any](g, "say", text); got != nil {
			t.Errorf("say = %v, want null", got)
		}
		log := g.world.log()
		if len(log) == 0 || log[len(log)-1] != (line{1, text}) {
			t.Errorf("after say(%.10q) the log ends with %.50v", text, log[max(0, len(log)-1):])
		}
	}

	before := uint64(time.Now().UnixNano())
	got := result[uint64](g, "time")
	if after := uint64(time.Now().UnixNano()); got < before || got > after {
		t.Errorf("time = %d, not from %d to %d", got, before, after)
	}

	for _, n := range []int{0, 1, 16, 100_000} {
		a, b := result[[]byte](g, "dice", n), result[[]byte](g, "dice", n)
		if len(a) != n || len(b) != n || n >= 16 && bytes.Equal(a, b) {
			t.Errorf("dice(%d) threw %d and %d bytes, the same: %v", n, len(a), len(b), bytes.Equal(a, b))
		}
	}
}
