package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"amino.run/host"
	"amino.run/internal/guestbuild"
	"amino.run/kernel/client"
)

func (d *demo) shop(ctx context.Context) (string, error) {
	front, err := guestbuild.Build("examples/polyglot/front")
	if err != nil {
		return "", err
	}
	for name, path := range map[string]string{"tax": "examples/polyglot/tax-as/tax.wasm", "pricing": "examples/polyglot/pricing-rs/pricing.wasm", "front": front} {
		if _, err := d.Run(ctx, "deploy", path, "--name", name); err != nil {
			return "", err
		}
	}
	for name, to := range map[string]string{"front": "k1", "pricing": "k2", "tax": "k3"} {
		if _, err := d.client.Migrate(ctx, name, to); err != nil {
			return "", err
		}
	}
	out, err := d.Run(ctx, "invoke", "front", "order", "ada", "DE", `{"tea": 2, "mug": 1}`)
	if err != nil {
		return "", err
	}
	var order struct{ Net, Tax, Gross int }
	if err := json.Unmarshal([]byte(out), &order); err != nil {
		return "", err
	}
	if order.Net != 2150 || order.Tax != 409 || order.Gross != 2559 {
		return "", fmt.Errorf("the order is wrong: %s", out)
	}
	_, err = d.Run(ctx, "invoke", "front", "order", "ada", "XX", `{"tea": 1}`)
	if err == nil {
		return "", errors.New("an order to a country without a tax rate was taken")
	}
	return fmt.Sprintf("order ada DE: net %d, tax %d, gross %d cents; an error passes back through all three", order.Net, order.Tax, order.Gross), nil
}

func (d *demo) chain(ctx context.Context) (string, error) {
	if _, err := d.Run(ctx, "deploy", counters["counter-rust"], "--name", "leased", "--dm", "AtLeastOnceRPC(timeout=10s)", "--dm", "LeaseCaching(ttl=3s)"); err != nil {
		return "", err
	}
	if _, err := d.client.Migrate(ctx, "leased", "k2"); err != nil {
		return "", err
	}
	var first, later time.Duration
	for i := range 21 {
		start := time.Now()
		if i == 0 {
			if n, err := client.Invoke[int64](ctx, d.client, "leased", "add", 1); err != nil || n != 1 {
				return "", fmt.Errorf("add = %d, %w", n, err)
			}
			first = time.Since(start)
			continue
		}
		if n, err := client.Invoke[int64](ctx, d.client, "leased", "get"); err != nil || n != 1 {
			return "", fmt.Errorf("get = %d, %w", n, err)
		}
		later += time.Since(start) / 20
	}
	return fmt.Sprintf("AtLeastOnceRPC, LeaseCaching: the first call took the lease in %v, reads then took %v", first.Round(10*time.Microsecond), later.Round(10*time.Microsecond)), nil
}

func (d *demo) sameState(ctx context.Context) (string, error) {
	before, err := d.digest(ctx, "counter-go")
	if err != nil {
		return "", err
	}
	rep, err := d.client.Migrate(ctx, "counter-go", d.other(ctx, "counter-go"))
	if err != nil {
		return "", err
	}
	after, err := d.digest(ctx, "counter-go")
	if err != nil {
		return "", err
	}
	if before != after {
		return "", fmt.Errorf("state %.12s became %.12s", before, after)
	}
	return fmt.Sprintf("%s to %s in %v, %d KiB sent; state %.12s before and after", rep.From, rep.To, rep.Pause.Round(10*time.Microsecond), rep.Bytes>>10, after), nil
}

// digest returns the digest of a microservice's state.
func (d *demo) digest(ctx context.Context, name string) (string, error) {
	s, err := d.client.Snapshot(ctx, name)
	if err != nil {
		return "", err
	}
	img, err := host.ParseImage(s.Image)
	if err != nil {
		return "", err
	}
	return img.Digest(), nil
}

// other returns a kernel on which a microservice is not.
func (d *demo) other(ctx context.Context, name string) string {
	if g, err := d.client.Lookup(ctx, name); err == nil && g.Replicas[0].Node.ID == "k2" {
		return "k1"
	}
	return "k2"
}

func (d *demo) moveUnderLoad(ctx context.Context) (string, error) {
	const moves = 6
	start, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err != nil {
		return "", err
	}
	load := startLoad(ctx, d.client, "counter-go")
	var moveErr error
	for range moves {
		time.Sleep(100 * time.Millisecond)
		if _, err := d.client.Migrate(ctx, "counter-go", d.other(ctx, "counter-go")); err != nil {
			moveErr = errors.Join(moveErr, err)
		}
	}
	load.stop()
	end, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err := errors.Join(moveErr, err, load.err); err != nil {
		return "", err
	}
	if end-start != int64(load.calls) {
		return "", fmt.Errorf("%d calls were answered, the counter went up by %d", load.calls, end-start)
	}
	return fmt.Sprintf("%d moves; calls made %d, calls failed %d, longest wait %v; the counter went up by %d", moves, load.calls, load.failed, load.longest.Round(10*time.Microsecond), end-start), nil
}

func (d *demo) switchUnderLoad(ctx context.Context) (string, error) {
	start, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err != nil {
		return "", err
	}
	load := startLoad(ctx, d.client, "counter-go")
	var switchErr error
	chains := [][]string{{"SerializableRPC"}, {"AtLeastOnceRPC", "LeaseCaching(ttl=2s)"}, {"PeriodicCheckpoint(every=10)"}, {"LoadBalancedFrontEnd(replicas=1)"}, {}}
	for _, chain := range chains {
		time.Sleep(100 * time.Millisecond)
		if _, err := d.Run(ctx, append([]string{"dm", "set", "counter-go"}, chain...)...); err != nil {
			switchErr = errors.Join(switchErr, err)
		}
	}
	load.stop()
	end, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err := errors.Join(switchErr, err, load.err); err != nil {
		return "", err
	}
	if end-start != int64(load.calls) {
		return "", fmt.Errorf("%d calls were answered, the counter went up by %d", load.calls, end-start)
	}
	return fmt.Sprintf("%d switches; calls made %d, calls failed %d, longest wait %v; the counter went up by %d", len(chains), load.calls, load.failed, load.longest.Round(10*time.Microsecond), end-start), nil
}

func (d *demo) fork(ctx context.Context) (string, error) {
	if _, err := d.Run(ctx, "fork", "counter-go", "counter-fork"); err != nil {
		return "", err
	}
	was, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err != nil {
		return "", err
	}
	forked, err := client.Invoke[int64](ctx, d.client, "counter-fork", "add", 1000)
	if err != nil {
		return "", err
	}
	is, err := client.Invoke[int64](ctx, d.client, "counter-go", "get")
	if err != nil {
		return "", err
	}
	if forked != was+1000 || is != was {
		return "", fmt.Errorf("the fork answers %d, the original %d, which was %d", forked, is, was)
	}
	return fmt.Sprintf("the original stays %d, the fork goes on to %d", is, forked), nil
}

func (d *demo) kill(ctx context.Context) (string, error) {
	if _, err := d.Run(ctx, "deploy", counters["counter-c"], "--name", "safe", "--dm", "AtLeastOnceRPC(timeout=20s)", "--dm", "PeriodicCheckpoint(every=1)"); err != nil {
		return "", err
	}
	if _, err := d.client.Migrate(ctx, "safe", "k2"); err != nil {
		return "", err
	}
	if err := d.client.Through(ctx, "k1"); err != nil {
		return "", err
	}
	for i := range int64(10) {
		if n, err := client.Invoke[int64](ctx, d.client, "safe", "add", 1); err != nil || n != i+1 {
			return "", fmt.Errorf("add = %d, %w", n, err)
		}
	}
	if err := d.Kill("k2"); err != nil {
		return "", err
	}
	start := time.Now()
	n, err := client.Invoke[int64](ctx, d.client, "safe", "get")
	if err != nil {
		return "", err
	}
	back := time.Since(start)
	g, err := d.client.Lookup(ctx, "safe")
	if err != nil {
		return "", err
	}
	if n != 10 || g.Replicas[0].Node.ID == "k2" {
		return "", fmt.Errorf("it answers %d on %s, want 10 on another kernel", n, g.Replicas[0].Node.ID)
	}
	return fmt.Sprintf("k2 is dead; 10 calls were acknowledged, %d are there, on %s, after %v (the lease is 2 s)", n, g.Replicas[0].Node.ID, back.Round(time.Millisecond)), d.Again("k2")
}

func (d *demo) killOMS(ctx context.Context) (string, error) {
	before, err := d.client.Groups(ctx)
	if err != nil {
		return "", err
	}
	known := len(before)
	load := startLoad(ctx, d.client, "safe")
	time.Sleep(100 * time.Millisecond)
	if err := d.Kill("oms"); err != nil {
		return "", err
	}
	during := load.count()
	time.Sleep(200 * time.Millisecond)
	during = load.count() - during
	if err := d.Again("oms"); err != nil {
		return "", err
	}
	c, err := client.Dial(ctx, d.OMS())
	if err != nil {
		return "", err
	}
	defer c.Close()
	var groups []client.Group
	err = within(5*time.Second, func() (err error) {
		if groups, err = c.Groups(ctx); err == nil && len(groups) != known {
			err = fmt.Errorf("%d microservices are known, %d were before", len(groups), known)
		}
		return err
	})
	load.stop()
	if err := errors.Join(err, load.err); err != nil {
		return "", err
	}
	if during == 0 {
		return "", errors.New("no call was answered while the OMS was away")
	}
	return fmt.Sprintf("%d calls were answered while it was away, %d failed; it is back with all %d microservices", during, load.failed, len(groups)), nil
}
