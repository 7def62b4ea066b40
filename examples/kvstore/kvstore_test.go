package main

import (
	"fmt"
	"slices"
	"testing"

	amino "amino.run/guest"
	"amino.run/guest/aminotest"
)

func TestStore(t *testing.T) {
	s := New()
	for _, key := range []string{"user/bob", "user/ada", "tea"} {
		s.Put(key, valueOf(t, "first"))
	}
	s.Put("tea", valueOf(t, "second"))

	if s.Size() != 3 {
		t.Errorf("Size = %d, want 3", s.Size())
	}
	var tea string
	if err := s.Get("tea").Decode(&tea); err != nil || tea != "second" {
		t.Errorf("Get(tea) = %q, %v, want the later value", tea, err)
	}
	if got := s.Get("coffee"); got != nil {
		t.Errorf("Get(coffee) = %x, want nothing", got)
	}
	if got, want := s.List(nil), []string{"tea", "user/ada", "user/bob"}; !slices.Equal(got, want) {
		t.Errorf("List = %v, want %v", got, want)
	}
	prefix := "user/"
	if got, want := s.List(&prefix), []string{"user/ada", "user/bob"}; !slices.Equal(got, want) {
		t.Errorf("List(user/) = %v, want %v", got, want)
	}
	if !s.Delete("tea") || s.Delete("tea") || s.Size() != 2 {
		t.Error("tea cannot be deleted just once")
	}
}

func valueOf(t *testing.T, x any) amino.Value {
	t.Helper()
	v, err := amino.ValueOf(x)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestScanPagesMeetEveryKeyOnce(t *testing.T) {
	s := New()
	for i := range 25 {
		s.Put(fmt.Sprintf("key%02d", i), nil)
	}
	var seen []string
	after := ""
	for page := s.Scan(after, 10); len(page) > 0; page = s.Scan(after, 10) {
		for _, e := range page {
			seen = append(seen, e.Key)
		}
		after = seen[len(seen)-1]
	}
	if want := s.List(nil); !slices.Equal(seen, want) {
		t.Errorf("pages of ten show %v, want %v", seen, want)
	}
}

// TestAnyValue stores values of every kind the way other microservices do.
func TestAnyValue(t *testing.T) {
	aminotest.New(t).Serve("kvstore", New)
	for _, v := range []any{int64(7), "text", nil, []any{true, 1.5}, map[string]any{"a": int64(1)}} {
		if _, err := amino.Call[any]("kvstore", "put", "k", v); err != nil {
			t.Fatalf("put %v: %v", v, err)
		}
		if got, err := amino.Call[any]("kvstore", "get", "k"); err != nil || fmt.Sprint(got) != fmt.Sprint(v) {
			t.Errorf("put %v, got %v, %v", v, got, err)
		}
	}
}
