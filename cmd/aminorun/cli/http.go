package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"amino.run/abi"
	"amino.run/kernel"
	"amino.run/kernel/door"
)

// serveHTTP opens the HTTP door of a kernel, and adds to stop what closes it. It
// returns how to say where the door is; nothing if there is no address for one.
func (a *app) serveHTTP(ctx context.Context, k *kernel.Kernel, addr string, stop *stops) (where string, err error) {
	if addr == "" {
		return "", nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", abi.Errorf(abi.BadArgument, "--http: %v", err)
	}
	s := &http.Server{Handler: door.Handler(k), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log().Error("the HTTP door is shut", "err", err)
		}
	}()
	*stop = append(*stop, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return s.Shutdown(ctx)
	})
	return fmt.Sprintf(", http at %s", l.Addr()), nil
}
