package caching_test

import (
	"testing"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/caching"
	"amino.run/dms/dmtest"
)

func do(t *testing.T, c *dmtest.Client, v dms.Verb) {
	t.Helper()
	if err := c.Verb(v); err != nil {
		t.Errorf("%s: %v", v, err)
	}
}

func TestPullAndPush(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Delay("a", "b", time.Second)
		anna, ben := cl.Client("b").As("anna"), cl.Client("b").As("ben")
		dmtest.WantError(t, anna.Verb(caching.Push), abi.ErrNoTransaction, "nothing to push; pull first")
		do(t, anna, caching.Pull)
		if d := took(func() { anna.Add(t, 1); anna.Want(t, 1) }); d != 0 {
			t.Errorf("calls on the copy took %v", d)
		}
		ben.Want(t) // at the microservice
		do(t, anna, caching.Push)
		ben.Want(t, 1)
		dmtest.WantError(t, anna.Verb(caching.Push, 1), abi.ErrBadArgument)
	}, "ExplicitCaching")
}

// A second pull drops the old copy, and a push what others did never.
func TestPushOntoAnotherState(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b, c := cl.Client("b"), cl.Client("c")
		do(t, b, caching.Pull)
		b.Add(t, 1)
		do(t, b, caching.Pull)
		b.Want(t)
		b.Add(t, 2)
		c.Add(t, 3)
		dmtest.WantError(t, b.Verb(caching.Push), abi.ErrConflict, "written to since the pull", "pull and do it again")
		b.Want(t, 3)
		do(t, b, caching.Pull)
		if d := took(func() { do(t, b, caching.Push) }); d != 0 { // what did not change is not sent
			t.Errorf("it took %v", d)
		}
	}, "ExplicitCaching")
}

func TestPushWhoseAnswerIsLost(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, caching.Pull)
		b.Add(t, 1)
		cl.LoseAnswers("a", "b", 1)
		dmtest.WantError(t, b.Verb(caching.Push), abi.ErrUnavailable)
		cl.Client("c").Add(t, 2)
		do(t, b, caching.Push) // it was done before
		b.Want(t, 1, 2)
	}, "ExplicitCaching")
}

func TestCopyRunsOut(t *testing.T) {
	run(t, func(t *testing.T, cl *dmtest.Cluster) {
		b := cl.Client("b")
		do(t, b, caching.Pull)
		b.Add(t, 1)
		time.Sleep(time.Minute)
		_, err := b.List()
		dmtest.WantError(t, err, abi.ErrNoTransaction, "1m0s have passed since pull", "pull anew")
		do(t, b, caching.Pull)
		b.Want(t)
	}, "ExplicitCaching(ttl=60s)")
}

func TestExplicitCachingMutants(t *testing.T) {
	dm := &caching.ExplicitCaching{TTL: time.Hour}
	p := dmtest.Promises{Load: dmtest.Transactions(caching.Pull, caching.Push, "")}
	for name, m := range map[string]dmtest.Mutant{
		"the last push wins":      {DM: dm, Callee: ageless},
		"what is pushed is lost":  {DM: dm, Callee: func(c dms.Callee) dms.Callee { return unmoved{c} }},
		"the first copy is shown": {DM: dm, Callee: func(c dms.Callee) dms.Callee { return &firstState{Callee: c} }},
	} {
		t.Run(name, func(t *testing.T) {
			p.DMs = dms.Chain{m}
			dmtest.Caught(t, p)
		})
	}
}
