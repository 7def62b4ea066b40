package e2e

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A wire carries the frames of a host's link, each a while after it was sent, in user
// space: kernels that tests run on often lack what would do it for them (netem).
type wire struct{ delay atomic.Int64 } // one way, in nanoseconds

// wire puts a wire between a host and the switch, in place of the link there is.
func (n *network) wire(host string) *wire {
	n.t.Helper()
	ns, far := n.name+host, n.name+"switch"
	n.ip("-n", ns, "link", "del", "eth0")
	here := n.tap(ns, "eth0")
	there := n.tap(far, host)
	n.ip("-n", far, "link", "set", host, "master", "br0", "up")
	n.ip("-n", ns, "addr", "add", n.addr(host)+"/24", "dev", "eth0")
	n.ip("-n", ns, "link", "set", "eth0", "up")
	w := new(wire)
	go w.carry(here, there)
	go w.carry(there, here)
	n.t.Cleanup(func() { here.Close(); there.Close() })
	return w
}

// set makes each frame take d, one way.
func (w *wire) set(d time.Duration) { w.delay.Store(int64(d)) }

// carry takes frames from one end to the other, in order, until either is closed.
func (w *wire) carry(from, to *os.File) {
	type frame struct {
		due  time.Time
		data []byte
	}
	queue := make(chan frame, 1<<14)
	go func() {
		for f := range queue {
			time.Sleep(time.Until(f.due))
			_, _ = to.Write(f.data) // a frame that cannot be delivered is lost, as on any wire
		}
	}()
	defer close(queue)
	buf := make([]byte, 1<<16)
	for {
		k, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case queue <- frame{time.Now().Add(time.Duration(w.delay.Load())), append([]byte(nil), buf[:k]...)}:
		default: // as is one that the wire has no room for
		}
	}
}

var taps atomic.Int32

// tap makes a network interface in a namespace, whose frames are the file's.
func (n *network) tap(ns, name string) *os.File {
	n.t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		n.t.Skipf("a link with a delay needs /dev/net/tun: %v", err)
	}
	now := fmt.Sprintf("amino%d", taps.Add(1)+int32(os.Getpid()%100000)*10%1000000)
	req, err := unix.NewIfreq(now)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		n.t.Skipf("a link with a delay needs a TAP interface: %v", err)
	}
	n.ip("link", "set", now, "netns", ns, "name", name)
	return os.NewFile(uintptr(fd), name)
}
