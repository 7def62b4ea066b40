// Package oms is the object management service: the one place that knows where
// every microservice is. It holds the directory, the kernels' leases, the modules
// and the coordinators of deployment managers.
//
// All it acknowledges is durable first (see store), and package directory has the
// rules by which it changes. What follows from a change, starting, moving and
// ending replicas, is done by asking kernels, one change of a group's replicas at a
// time, so that a crash of the OMS between any two steps is safe:
//
//   - A replica is started, sent or recovered with its gate closed, in an epoch
//     that was prepared. It counts from the durable compare-and-set on; before it
//     the old place is right, after it the new one.
//   - A kernel that is left with a closed gate asks the OMS, and the OMS compares
//     what a kernel holds with the directory whenever the kernel joins again (see
//     reconcile).
//
// A member of a group may be a group of its own (see nest.go): then the locks of the
// outer one are taken before its own.
//
// Each file is one duty: lease, placement, deploy, move, recover, coordinator, module.
package oms
