package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
						time.Sleep(50 * time.Millisecond)
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

// voted returns which microservices, by peer, have on disk that they voted for a
// transaction that is not over there, and who coordinates it.
func voted(t *testing.T, c *cluster.Cluster) map[string]string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(c.Dir, "checkpoints", "m*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, dir := range folders {
		files, _ := filepath.Glob(filepath.Join(dir, "*.ckpt"))
		if len(files) == 0 {
			continue
		}
		b, err := os.ReadFile(slices.Max(files))
		if err != nil {
			continue // it has just been replaced
		}
		_, rest, _ := bytes.Cut(b, []byte("\n"))
		var record struct{ Prepared *struct{ Tx string } }
		if len(rest) < 12 || abi.Decode(rest[12:], &record) != nil || record.Prepared == nil {
			continue
		}
		peer, _, _ := strings.Cut(filepath.Base(dir), "@")
		coordinator, _, _ := strings.Cut(record.Prepared.Tx, " ")
		all[strings.ReplaceAll(peer, "_", "/")] = coordinator
	}
	return all
}

// The kernel of a coordinator is killed while others have voted and do not know the
// decision, and so is that of a participant that has voted: each as often as it takes
// to see that on disk. All finish, and no money is lost.
func TestTwoPhaseCommitInDoubt(t *testing.T) {
	c := start(t, three...)
	banks, wallets := fundmover(t, c)
	cl := dial(t, c)
	peerOf := func(name string) string {
		g, err := cl.Lookup(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return g.Replicas[0].Peer
	}
	m := moves(t, banks, wallets, through(t, c, "k1"), through(t, c, "k2"), through(t, c, "k3"), through(t, c, "k1"), through(t, c, "k2"))
	killed := func(name string, doubt func() bool) {
		t.Helper()
		for range 10 {
			m.more(t, 10)
			k := where(t, cl, name)
			if k == "" {
				continue
			}
			kill(t, c, k)
			was := doubt()
			again(t, c, k)
			if was {
				return
			}
		}
		t.Logf("%s was never killed between a vote and the decision: of that this run showed nothing", name)
	}
	bank, wallet := peerOf("bank1"), peerOf("w2")
	killed("bank1", func() bool {
		return slices.Contains(slices.Collect(maps.Values(voted(t, c))), bank)
	})
	killed("w2", func() bool { return voted(t, c)[wallet] != "" })
	m.more(t, 50)
	m.end()
	m.conserved(t, through(t, c, "k3"), banks, wallets)
	eventually(t, 10*time.Second, func() bool { return len(voted(t, c)) == 0 })
}
