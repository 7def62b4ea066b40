package mobility_test

import (
	"testing"
	"testing/synctest"
	"time"

	"amino.run/abi"
	"amino.run/dms"
	"amino.run/dms/dmtest"
	"amino.run/dms/mobility"
)

var devices = []dms.Node{
	dmtest.Node("a", dms.Cloud, "east"), dmtest.Node("phone", dms.Device, "east"),
	dmtest.Node("b", dms.Cloud, "west"), dmtest.Node("tablet", dms.Device, "east"),
}

// It follows the device that calls, with its state; a cloud node's calls move nothing.
func TestKeepOnDevice(t *testing.T) {
	run(t, devices, func(t *testing.T, cl *dmtest.Cluster) {
		where(t, cl, "phone") // not the cloud node, which is first
		dmtest.WantError(t, cl.Move("b"), abi.ErrPlacement)
		cl.Client("a").Add(t, 1)
		time.Sleep(time.Minute)
		where(t, cl, "phone")
		cl.Client("tablet").Add(t, 2)
		synctest.Wait()
		where(t, cl, "tablet")
		cl.Client("phone").Want(t, 1, 2)
		time.Sleep(time.Second)
		where(t, cl, "tablet") // it has not stayed long enough
		cl.Client("phone").Want(t, 1, 2)
		synctest.Wait()
		where(t, cl, "phone")
	}, "KeepOnDevice(stay=1s)")
}

// Two devices that call all the time move it once in each stay.
func TestKeepOnDeviceStays(t *testing.T) {
	run(t, devices, func(t *testing.T, cl *dmtest.Cluster) {
		for range 300 {
			cl.Client("phone").Want(t)
			time.Sleep(50 * time.Millisecond)
			cl.Client("tablet").Want(t)
			time.Sleep(50 * time.Millisecond)
		}
		if n := cl.Moves(); n < 10 || n > 15 {
			t.Errorf("%d moves in 30 s", n)
		}
	}, "KeepOnDevice(stay=2s)")
}

// A call does not fail, or wait, because its device cannot be moved to.
func TestKeepOnDeviceCannotFollow(t *testing.T) {
	run(t, devices, func(t *testing.T, cl *dmtest.Cluster) {
		cl.Cut("tablet", dmtest.OMS)
		start := time.Now()
		cl.Client("tablet").Add(t, 1)
		if d := time.Since(start); d > 0 {
			t.Errorf("the call took %v", d)
		}
		where(t, cl, "phone")
	}, "KeepOnDevice")
}

func TestKeepOnDeviceMutant(t *testing.T) {
	dmtest.Caught(t, dmtest.Promises{
		Nodes: devices, Only: func(n dms.Node) bool { return n.Labels["tier"] == dms.Device },
		DMs: dms.Chain{dmtest.Mutant{DM: &mobility.KeepOnDevice{Stay: time.Second}, Group: func(g dms.Group) dms.Group { return lax{g} }}},
	})
}

// lax takes no heed of where a DM allows a replica to be.
type lax struct{ dms.Group }

func (lax) Allow(func(dms.Node) bool) {}
