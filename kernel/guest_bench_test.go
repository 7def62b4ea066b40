package kernel

import (
	"log/slog"
	"testing"

	"amino.run/dms"
	"amino.run/host/hosttest"
	"amino.run/internal/api"
)

// BenchmarkGuest calls add of each SDK's conformance microservice: readonly, counted as one that
// may write, and with what it costs that each can be undone.
func BenchmarkGuest(b *testing.B) {
	for language, module := range hosttest.Guests(b, "..") {
		m := compiled(b, module)
		for _, c := range []struct {
			name, rollback string
			readonly       bool
		}{{"call", "", false}, {"read", "", true}, {"kept by snapshots", api.RollbackSnapshot, false}} {
			b.Run(language+"/"+c.name, func(b *testing.B) {
				o := &outside{}
				x, err := newGuest(b.Context(), m, o.env(b.Context(), slog.New(slog.DiscardHandler)),
					&api.Group{ID: "m1", Name: "self", Spec: api.Spec{Rollback: c.rollback}}, nil)
				if err != nil {
					b.Fatal(err)
				}
				defer x.close(errUnused)
				call := dms.Call{Method: "add", Args: args(b, 3, 4), ReadOnly: c.readonly}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := x.invoke(b.Context(), call); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
