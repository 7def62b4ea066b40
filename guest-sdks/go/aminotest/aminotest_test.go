package aminotest_test

import (
	"errors"
	"testing"
	"time"

	amino "amino.run/guest"
	"amino.run/guest/aminotest"
)

type pricing struct{ calls int }

func (p *pricing) Price(article string) (int64, error) {
	p.calls++
	if article != "tea" {
		return 0, errors.New("no such article " + article)
	}
	return 450, nil
}

func TestCall(t *testing.T) {
	kernel := aminotest.New(t)
	p := &pricing{}
	kernel.Serve("pricing", p)

	price, err := amino.Call[int64]("pricing", "price", "tea")
	if price != 450 || err != nil {
		t.Errorf("the price of tea is %d, %v", price, err)
	}
	_, err = amino.Call[int64]("pricing", "price", "hat")
	if amino.CodeOf(err) != amino.Application || err.Error() != "no such article hat" {
		t.Errorf("the price of a hat: %v", err)
	}
	_, err = amino.Call[string]("pricing", "price", "tea")
	if want := "result of pricing.price: want text, have an integer"; err == nil || err.Error() != want {
		t.Errorf("a price as text: %v, want %s", err, want)
	}
	if p.calls != 3 {
		t.Errorf("%d calls arrived, want 3", p.calls)
	}
	for method, code := range map[string]amino.Code{"prices": amino.UnknownMethod, "Price": amino.UnknownMethod} {
		if _, err := amino.Call[any]("pricing", method, "tea"); amino.CodeOf(err) != code {
			t.Errorf("%s: %v, want %v", method, err, code)
		}
	}
	if _, err := amino.Call[any]("tax", "rate"); amino.CodeOf(err) != amino.NotFound {
		t.Errorf("a microservice that is not there: %v", err)
	}
	if _, err := amino.Call[any]("pricing", "price", make(chan int)); amino.CodeOf(err) != amino.BadArgument {
		t.Errorf("a channel as an argument: %v", err)
	}
}

func TestVerb(t *testing.T) {
	kernel := aminotest.New(t)
	var got string
	kernel.OnVerb("pricing", func(verb string) error {
		got = verb
		if verb != "checkpoint" {
			return amino.Errorf(amino.UnknownVerb, "no %s", verb)
		}
		return nil
	})
	if v, err := amino.Verb[any]("pricing", "checkpoint"); v != nil || err != nil || got != "checkpoint" {
		t.Errorf("checkpoint: %v, %v, sent %q", v, err, got)
	}
	if _, err := amino.Verb[any]("pricing", "migrate", "k2"); amino.CodeOf(err) != amino.UnknownVerb {
		t.Errorf("migrate: %v", err)
	}
	if _, err := amino.Verb[any]("tax", "checkpoint"); amino.CodeOf(err) != amino.UnknownVerb {
		t.Errorf("a target without verbs: %v", err)
	}
}

func TestSurroundings(t *testing.T) {
	kernel := aminotest.New(t)
	kernel.SetSelf(amino.Identity{Name: "a", ID: "a/0", Node: "k1"})
	kernel.SetConfig("color", "red")
	at := time.Unix(1234567890, 5)
	kernel.SetNow(func() time.Time { return at })

	if self := amino.Self(); self != (amino.Identity{Name: "a", ID: "a/0", Node: "k1"}) {
		t.Errorf("Self = %+v", self)
	}
	if v, ok := amino.Config("color"); v != "red" || !ok {
		t.Errorf("Config(color) = %q, %v", v, ok)
	}
	if v, ok := amino.Config("size"); v != "" || ok {
		t.Errorf("Config(size) = %q, %v", v, ok)
	}
	if now := amino.Now(); !now.Equal(at) {
		t.Errorf("Now = %v, want %v", now, at)
	}
	amino.Logf(amino.LevelWarn, "%d left", 3)
	if log := kernel.Log(); len(log) != 1 || log[0] != (aminotest.Line{Level: amino.LevelWarn, Text: "3 left"}) {
		t.Errorf("the log is %v", log)
	}
	var a, b [16]byte
	amino.Random(a[:])
	amino.Random(b[:])
	if a == b {
		t.Error("the same random bytes twice")
	}
	if amino.Rand().Uint64() == amino.Rand().Uint64() {
		t.Error("the same random number twice")
	}
}
