package dms

import (
	"fmt"
	"time"
)

// A Validator is a DM that may be configured wrongly. Validate returns what to
// change; Parse and Check call it.
type Validator interface{ Validate() error }

func validate(dm DM) error {
	if v, ok := dm.(Validator); ok {
		return v.Validate()
	}
	return nil
}

// Positive returns an error unless v, which is field of a DM, is more than zero.
func Positive[T int | float64 | time.Duration](field string, v T) error {
	if v > 0 {
		return nil
	}
	kind, _ := kindOfField(&v)
	return fmt.Errorf("%s=%v is not more than zero; write, say, %s=%s", field, v, field, examples[kind])
}
