package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/internal/guestbuild"
	"amino.run/internal/wasm"
	"amino.run/internal/wasm/asm"
	"amino.run/kernel/client"
)

// An order is what the shop's front answers; amounts are in cents.
type order struct {
	ID                        uint64
	Customer, Country         string
	Net, Discount, Tax, Gross int64
}

// The shop of examples/polyglot, a service on each kernel: Go calls Rust, which calls
// AssemblyScript. Errors pass through with their codes, and orders go on while the
// services change places.
func TestShop(t *testing.T) {
	if testing.Short() {
		t.Skip("compiling a guest in Go takes long")
	}
	c := start(t, three...)
	run(t, c, "deploy", "../examples/polyglot/tax-as/tax.wasm", "--on", "tier=device")
	run(t, c, "deploy", "../examples/polyglot/pricing-rs/pricing.wasm", "--on", "tier=cloud")
	run(t, c, "deploy", guestbuild.Go(t, "../examples/polyglot/front"))
	for name, k := range map[string]string{"front": "k1", "pricing": "k2"} {
		run(t, c, "migrate", name, "--to", k)
	}
	cl := through(t, c, "k3")
	runsOn(t, cl, "tax", "k3")

	basket := map[string]int{"tea": 2, "mug": 1}
	wanted := order{ID: 1, Customer: "ada", Country: "DE", Net: 2150, Tax: 409, Gross: 2559}
	if got := invoke[order](t, cl, "front", "order", "ada", "DE", basket); got != wanted {
		t.Errorf("the order is %+v, want %+v", got, wanted)
	}
	for _, x := range []struct {
		country string
		basket  map[string]int
		want    string
	}{
		{"XX", basket, `no tax rate for country "XX"`},
		{"DE", map[string]int{"hat": 1}, `no such article "hat"`},
		{"DE", map[string]int{}, "the basket is empty"},
	} {
		_, err := client.Invoke[order](t.Context(), cl, "front", "order", "ada", x.country, x.basket)
		if abi.CodeOf(err) != abi.Application || err.Error() != x.want {
			t.Errorf("order(%s, %v): %v (%v), want %q", x.country, x.basket, err, abi.CodeOf(err), x.want)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen, sum := map[uint64]bool{1: true}, int64(2559)
	for _, k := range []string{"k1", "k2"} {
		cl := through(t, c, k)
		wg.Go(func() {
			for ctx.Err() == nil {
				o, err := client.Invoke[order](context.WithoutCancel(ctx), cl, "front", "order", "bob", "DE", basket)
				if err != nil {
					t.Errorf("an order failed: %v", err)
					return
				}
				mu.Lock()
				if seen[o.ID] || o.Gross != 2559 {
					t.Errorf("order %+v is wrong or there twice", o)
				}
				seen[o.ID] = true
				sum += o.Gross
				mu.Unlock()
			}
		})
	}
	for _, move := range [][2]string{{"pricing", "k1"}, {"front", "k3"}, {"pricing", "k2"}, {"front", "k2"}} {
		run(t, c, "migrate", move[0], "--to", move[1])
	}
	stop()
	wg.Wait()
	if got := invoke[int64](t, cl, "front", "revenue"); got != sum {
		t.Errorf("revenue = %d after %d orders, want %d", got, len(seen), sum)
	}

	run(t, c, "delete", "tax")
	_, err := client.Invoke[order](t.Context(), cl, "front", "order", "ada", "DE", basket)
	if !errors.Is(err, abi.ErrNotFound) {
		t.Errorf("without tax: %v (%v), want not found, from the end of the chain", err, abi.CodeOf(err))
	}
}

// A microservice that calls itself is told so at once, in every language.
func TestReentrantCallIsRefused(t *testing.T) {
	c := start(t, three...)
	cl := through(t, c, "k1")
	for i, name := range []string{"c", "rust", "assemblyscript"} {
		run(t, c, "deploy", "../guest-sdks/"+name+"/conformance/conformance.wasm", "--name", name, "--args", `["x"]`)
		run(t, c, "migrate", name, "--to", fmt.Sprintf("k%d", i+1))
		fails(t, c, 1, []string{name + " waits for this very call", "return first"}, "invoke", name, "relay", name, "count", "1")
		if n := invoke[int64](t, cl, name, "count", 0); n != 0 {
			t.Errorf("%s counted a call that was refused", name)
		}
	}
}

// caller returns a guest whose method there calls a method of a target, and passes on
// the reply, and whose method leaf answers null.
func caller(name, target, method string) []byte {
	const success, request, reply = 16, 64, 2048
	i32, i64 := []wasm.ValType{asm.I32}, []wasm.ValType{asm.I64}
	frame := []byte{0, 0, byte(len(target)), 0, byte(len(method)), 0}
	frame = append(append(append(frame, target...), method...), 0x80)
	m := &asm.Module{}
	invoke := m.Import("amino", "invoke", []wasm.ValType{asm.I32, asm.I32}, i32)
	take := m.Import("amino", "take", i32, nil)
	m.Memory(2, -1)
	m.Export(abi.ExportMemory, wasm.Memory, 0)
	m.Func(abi.ExportVersion, nil, nil, nil)
	m.Func(abi.ExportAlloc, i32, i32, nil, asm.I32Const(1024))
	m.Func(abi.ExportInvoke, []wasm.ValType{asm.I32, asm.I32}, i64, i32,
		// the constructor's name has no bytes, leaf's has four, there's five
		asm.LocalGet(0), asm.Load8(2), asm.I32Const(5), asm.I32LtU,
		asm.If, byte(asm.I64), asm.I64Const(success<<32|2), asm.Else,
		asm.I32Const(request), asm.I32Const(len(frame)), asm.Call(invoke), asm.LocalSet(2),
		asm.I32Const(reply), asm.Call(take),
		asm.LocalGet(2), asm.I64ExtendU, asm.I64Const(reply<<32), asm.I64Or, asm.End)
	m.Data(success, []byte{0, 0})
	m.Data(request, frame)
	m.Custom(abi.ManifestSection, fmt.Appendf(nil, `{"abi": 1, "name": %q, "methods": [{"name": "there", "result": "value"}, {"name": "leaf"}]}`, name))
	return m.Bytes()
}

// Of two microservices that call each other, the one that would wait for itself is
// refused; and calls that take the two in opposite order, from all kernels, never
// wait for each other for ever: each is answered, or refused and may be made again.
func TestCallsInARing(t *testing.T) {
	c := start(t, three...)
	for i, m := range [][3]string{{"ping", "pong", "there"}, {"pong", "ping", "there"}, {"left", "right", "leaf"}, {"right", "left", "leaf"}, {"first", "second", "leaf"}, {"second", "first", "leaf"}} {
		deploy := []string{"deploy", file(t, caller(m[0], m[1], m[2])), "--timeout", "10s"}
		if i >= 4 { // calls that wait do so at the DM's lock, not only at the guest's turn
			deploy = append(deploy, "--dm", "SerializableRPC")
		}
		run(t, c, deploy...)
		run(t, c, "migrate", m[0], "--to", fmt.Sprintf("k%d", i%2+1))
	}
	for _, name := range []string{"ping", "pong"} {
		fails(t, c, 1, []string{name + " waits for this very call"}, "invoke", name, "there", "--through", "k3")
	}

	for _, pair := range [][2]string{{"left", "right"}, {"first", "second"}} {
		callFromBothEnds(t, c, pair)
	}
}

// callFromBothEnds has clients call two microservices that call each other, at the
// same time. Every call is answered, or refused and made again; none waits for ever.
func callFromBothEnds(t *testing.T, c *cluster.Cluster, pair [2]string) {
	t.Helper()
	const each = 40
	var wg sync.WaitGroup
	var refused atomic.Int64
	for i := range 6 {
		cl := through(t, c, fmt.Sprintf("k%d", i%3+1))
		name := pair[i/3]
		wg.Go(func() {
			for answered := 0; answered < each; {
				_, err := client.Invoke[any](t.Context(), cl, name, "there")
				switch {
				case err == nil:
					answered++
				case errors.Is(err, abi.ErrReentrant):
					refused.Add(1)
				default:
					t.Errorf("%s: %v (%v)", name, err, abi.CodeOf(err))
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%v: %d calls answered, %d refused", pair, 6*each, refused.Load())
}
