package oms

import "sync"

// each runs f for all items at once, and returns one of the errors.
func each[T any](all []T, f func(T) error) error {
	errs := make(chan error, len(all))
	var wg sync.WaitGroup
	for _, x := range all {
		wg.Go(func() {
			if err := f(x); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
