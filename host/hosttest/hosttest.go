// Package hosttest holds what every host.Engine must pass. An engine's tests call
// Run, and Main from TestMain: some cases continue in another process.
package hosttest

import (
	"testing"

	"amino.run/host"
)

// cases are run in this order; each explanation is printed when its case fails.
var cases = []struct {
	name, explanation string
	run               func(*testing.T, *room)
}{
	{"calls", "a guest keeps its state from call to call, and start and _initialize run once", calls},
	{"frames", "calls and replies of any size reach the other side as they were", frames},
	{"describe", "amino_describe is answered with a copy of its bytes", describe},
	{"constructor", "the kind and the flags reach the guest", constructor},
	{"round trip", "a state that was marshalled goes on in another instance as if nothing had been", roundTrip},
	{"images", "images are values: a guest that goes on does not change them", images},
	{"growth", "memory that grew is restored to any earlier or later size", growth},
	{"resume", "a restored guest runs amino_resume when told to, and nothing else", resume},
	{"another process", "a state goes on in another process", anotherProcess},
	{"foreign image", "an image of another module, or with another form, is refused and changes nothing", foreignImage},
	{"clock", "the monotonic clock goes on from the snapshot's, and never runs back", clock},
	{"files", "a guest cannot close its standard output: that would be state outside its memory", files},

	{"views", "a view shows the state of its instance and changes nothing of it; Refresh drops what it wrote", views},
	{"views grow", "a view has the size of its instance, whatever the two did", viewsGrow},
	{"views fail", "a view that fails does not break its instance, and Refresh mends it", viewsFail},

	{"replay", "a record leads another instance to the same answers and state, alone; another call is an error that says where", replay},
	{"replay of a clock", "the clock goes on from what a replay showed", clockGoesOn},
	{"replay of a sleep", "a replay does not sleep", sleeps},

	{"failures", "each way to fail has its code and message; the instance then refuses calls until Restore", failures},
	{"recursion", "unbounded recursion is a trap, and the process survives", recursion},
	{"memory limit", "memory beyond the limit is refused; a guest that dies of it says so", memoryLimit},
	{"limit below need", "a guest whose first memory is beyond its limit is refused", limitBelowNeed},
	{"fuel", "a call ends when its fuel is used up, and fuel counts the same each time", fuel},
	{"deadline", "a guest that computes is stopped at its deadline, and can be restored", deadline},
	{"canceled", "a guest that computes is stopped when its caller goes away", canceled},
	{"too late", "a call whose context is done is not made", tooLate},
	{"sleep", "a sleeping guest is woken and stopped at its deadline", sleep},
	{"collector", "a guest that computes does not hold up the garbage collector", collector},

	{"invoke", "requests and answers pass unchanged; errors keep their code and leave the instance well", invoke},
	{"answers", "self, config, random, log and output reach the guest's world", answers},
	{"grace", "a guest whose deadline passed while it waited may still answer", grace},
	{"busy", "while a call is inside, others are refused and have not run", busy},
	{"close", "closing stops a call that computes, waits for it, and refuses later ones", closing},
	{"close while waiting", "closing waits for a call that waits for an answer, and does not take its memory", closingWaits},
	{"many", "instances of one module run side by side", many},
}

// Run runs the suite. engine is called once for each case and returns an engine
// that ends with the test.
func Run(t *testing.T, engine func(t *testing.T) host.Engine) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Log("what is expected: " + c.explanation)
				}
			})
			c.run(t, open(t, engine(t)))
		})
	}
}
