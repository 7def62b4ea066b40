package host

import "amino.run/abi"

// A NotMade is the error of a call that did not enter the guest: the instance is
// closed, has failed or is busy, the call came too late or is too large.
type NotMade struct{ Why *abi.Error }

// Error returns the message.
func (e *NotMade) Error() string { return e.Why.Error() }

// Unwrap returns what it is to others.
func (e *NotMade) Unwrap() error { return e.Why }
