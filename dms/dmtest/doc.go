// Package dmtest runs deployment managers in a simulated cluster, in the virtual
// time of testing/synctest: a minute of leases and failures takes milliseconds.
//
// [Deploy] makes a [Cluster]: nodes, links with delays and faults between them,
// disks, an OMS, and one microservice with its chain of DMs. [Suite] runs a chain
// through everything that may happen and checks what its DMs promise on the
// history of all calls of all callers. A third party runs the same suite:
//
//	func TestMyDM(t *testing.T) {
//		dmtest.Suite(t, dmtest.Promises{Chain: []string{"MyDM(n=3)"}})
//	}
//
// The cluster keeps the promises of package dms and nothing more: messages and
// answers may be late, lost, or overtake one another, and a call whose caller no
// longer waits goes on. Versions begin at zero. [Cluster.Beside] adds microservices,
// which a [CallingGuest] may call. It has no Wasm, no network and no real disk.
package dmtest
