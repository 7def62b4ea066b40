package dms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"amino.run/dms"
)

type noPart struct{}

type badField struct{ sample2 }
type sample2 struct{ C chan int }

func (*badField) Coordinator(dms.Group) {}

type badDefault struct{}

func (*badDefault) Coordinator(dms.Group) {}
func (*badDefault) Validate() error       { return fmt.Errorf("never") }

type byValue struct{}

func (byValue) Coordinator(dms.Group) {}

func TestRegisterPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"registered twice":          func() { dms.Register("Sample", func() dms.DM { return new(badDefault) }) },
		"registered as Sample":      func() { dms.Register("Sample2", func() dms.DM { return new(sample) }) },
		"has no part":               func() { dms.Register("A", func() dms.DM { return new(noPart) }) },
		"has no text form":          func() { dms.Register("B", func() dms.DM { return new(badField) }) },
		"defaults are not valid":    func() { dms.Register("C", func() dms.DM { return new(badDefault) }) },
		"not a pointer to a struct": func() { dms.Register("D", func() dms.DM { return byValue{} }) },
		"no name for a DM":          func() { dms.Register("E()", func() dms.DM { return new(badDefault) }) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("panicked with %q", got)
				}
			}()
			f()
		})
	}
}

func TestNames(t *testing.T) {
	names := dms.Names()
	if !slices.IsSorted(names) || !slices.Contains(names, "LeaseCaching") || slices.Contains(names, "A") {
		t.Errorf("%v", names)
	}
	if got := dms.NameOf(new(noPart)); got != "*dms_test.noPart" {
		t.Errorf("the name of a DM that is not registered: %s", got)
	}
	if got := dms.String(new(noPart)); got != "*dms_test.noPart" {
		t.Errorf("its text form: %s", got)
	}
}
