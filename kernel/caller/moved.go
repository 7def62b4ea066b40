package caller

import (
	"errors"
	"fmt"

	"amino.run/abi"
	"amino.run/internal/api"
)

// MovedTo returns the error by which a kernel says where a replica is now.
func MovedTo(r api.Replica) *abi.Error {
	return abi.Errorf(abi.Moved, "%s %s %d", r.Node.ID, r.Node.Addr, r.Epoch)
}

// movedTo reads what MovedTo wrote, as the old replica at its new place.
func movedTo(err error, old api.Replica) (api.Replica, bool) {
	var e *abi.Error
	if !errors.As(err, &e) || e.Code != abi.Moved {
		return old, false
	}
	var id, addr string
	var epoch uint64
	if _, err := fmt.Sscanf(e.Msg, "%s %s %d", &id, &addr, &epoch); err != nil {
		return old, false
	}
	old.Node, old.Epoch, old.Lost = api.Node{ID: id, Addr: addr}, epoch, false
	return old, true
}
