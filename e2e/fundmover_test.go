package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/e2e/cluster"
	"amino.run/kernel/client"
)

const (
	walletGuest = "../examples/fundmover/wallet/wallet.wasm"
	bankGuest   = "../examples/fundmover/bank/bank.wasm"
	perWallet   = 1000
)

// fundmover deploys two banks and four wallets, spread over the kernels, each with a
// kernel's place.
func fundmover(t *testing.T, c *cluster.Cluster) (banks, wallets []string) {
	t.Helper()
	for i := range 2 {
		name := fmt.Sprintf("bank%d", i+1)
		run(t, c, "deploy", bankGuest, "--name", name, "--dm", "TwoPhaseCommit(ttl=3s)")
		run(t, c, "migrate", name, "--to", fmt.Sprintf("k%d", i+1))
		banks = append(banks, name)
	}
	for i := range 4 {
		name := fmt.Sprintf("w%d", i+1)
		run(t, c, "deploy", walletGuest, "--name", name, "--dm", "TwoPhaseCommit(ttl=3s)", "--args", fmt.Sprintf("[%d]", perWallet))
		run(t, c, "migrate", name, "--to", fmt.Sprintf("k%d", i%3+1))
		wallets = append(wallets, name)
	}
	return banks, wallets
}

// A mover moves money about until it ends, and counts.
type mover struct {
	stop              context.CancelFunc
	wg                sync.WaitGroup
	made, open, undid atomic.Int64
	looks             atomic.Int64
}

// moves has each client move money between wallets by all banks in turn, and look at
// the total.
func moves(t *testing.T, banks, wallets []string, clients ...*client.Client) *mover {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	m := &mover{stop: stop}
	t.Cleanup(func() { m.end() })
	for i, cl := range clients {
		m.wg.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
				bank := banks[n%len(banks)]
				from, to := wallets[n%len(wallets)], wallets[(n+1+n%3)%len(wallets)]
				if n%8 == 0 {
					sum, err := client.Invoke[int64](ctx, cl, bank, "total", wallets)
					if err == nil && sum != int64(perWallet*len(wallets)) {
						t.Errorf("a transaction saw a total of %d", sum)
					}
					m.looks.Add(1)
				} else {
					_, err := client.Invoke[int64](ctx, cl, bank, "move", from, to, 1+n%300)
					switch fate := abi.CodeOf(err).Fate(); {
					case err == nil:
						m.made.Add(1)
					case fate == abi.Perhaps:
						m.open.Add(1)
					default:
						m.undid.Add(1)
					}
				}
				cancel()
			}
		})
	}
	return m
}

func (m *mover) more(t *testing.T, n int64) {
	t.Helper()
	want := m.made.Load() + n
	eventually(t, 40*time.Second, func() bool { return m.made.Load() >= want })
}

func (m *mover) end() {
	m.stop()
	m.wg.Wait()
}

// conserved fails the test unless no money was lost or made, and each move was counted
// that was answered.
func (m *mover) conserved(t *testing.T, cl *client.Client, banks, wallets []string) {
	t.Helper()
	var total, moved int64
	ask := func(name, method string) (n int64) {
		eventually(t, 20*time.Second, func() bool {
			var err error
			n, err = client.Invoke[int64](t.Context(), cl, name, method)
			return err == nil
		})
		return n
	}
	for _, w := range wallets {
		n := ask(w, "balance")
		if n < 0 {
			t.Errorf("%s holds %d", w, n)
		}
		total += n
	}
	for _, b := range banks {
		moved += ask(b, "moves")
	}
	if want := int64(perWallet * len(wallets)); total != want {
		t.Errorf("there are %d, and there were %d", total, want)
	}
	made, open := m.made.Load(), m.open.Load()
	if moved < made || moved > made+open {
		t.Errorf("the banks made %d moves; %d were answered and %d are open", moved, made, open)
	}
	t.Logf("%d moves made, %d undone, %d open, %d looks", made, m.undid.Load(), open, m.looks.Load())
}

// Money is conserved while kernels are killed, those of coordinators and those of
// participants, at any step of their transactions, and while wallets and banks move.
func TestTwoPhaseCommit(t *testing.T) {
	c := start(t, three...)
	banks, wallets := fundmover(t, c)
	cl := dial(t, c)
	fails(t, c, 1, []string{"holds"}, "invoke", "bank1", "move", "w1", "w2", "100000")
	want(t, c, "1000", "invoke", "w2", "balance")
	run(t, c, "deploy", counter)
	fails(t, c, 1, []string{"could not be rolled back with it"}, "invoke", "bank1", "move", "counter", "w2", "1")

	m := moves(t, banks, wallets, through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"), through(t, c, "k3"))
	m.more(t, 50)
	for _, k := range []string{"k1", "k3", "k2"} {
		kill(t, c, k)
		time.Sleep(500 * time.Millisecond)
		again(t, c, k)
		m.more(t, 30)
	}
	for i, name := range []string{"w1", "bank1", "w2"} {
		if _, err := cl.Migrate(t.Context(), name, fmt.Sprintf("k%d", i+1)); err != nil {
			t.Logf("move %s: %v", name, err) // it may be inside a call for too long
		}
		m.more(t, 20)
	}
	m.end()
	m.conserved(t, through(t, c, "k3"), banks, wallets)
}
