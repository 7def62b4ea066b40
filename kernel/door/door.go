// Package door lets programs that know only HTTP and JSON call microservices.
//
//	POST /v1/microservices/counter/add   [5]            or {"by": 5}
//	200                                  5
//	GET  /v1/microservices               what there is
//	GET  /v1/openapi.json                the same for tools (OpenAPI 3.1)
//
// An error is an object of code, message and ran, which tells what became of the
// call, with the status of RFC 9110 that comes nearest. A call has the time that the
// header Amino-Timeout gives ("5s"), else that of the microservice.
package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"amino.run/abi"
)

// A Cluster is what the door leads to. A kernel is one. It may be used by many
// goroutines at once.
type Cluster interface {
	// Call calls a method. args is a CBOR array and the result one CBOR value.
	Call(ctx context.Context, name, method string, args []byte) ([]byte, error)

	// Manifest returns what may be called on a microservice, or abi.ErrNotFound.
	Manifest(ctx context.Context, name string) (*abi.Manifest, error)

	// Names returns the names of all microservices, sorted.
	Names(ctx context.Context) ([]string, error)
}

// maxBody is the largest body, in bytes: a guest can be given no more.
const maxBody = abi.MaxFrame

// timeoutHeader gives the time of a call.
const timeoutHeader = "Amino-Timeout"

type door struct{ c Cluster }

// Handler returns the door to a cluster.
func Handler(c Cluster) http.Handler {
	d := &door{c}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/microservices/{name}/{method}", answer(d.call))
	mux.HandleFunc("GET /v1/microservices/{name}", answer(d.describe))
	mux.HandleFunc("GET /v1/microservices", answer(d.list))
	mux.HandleFunc("GET /v1/openapi.json", answer(d.openAPI))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, abi.Errorf(abi.NotFound, "%s %s leads nowhere: POST /v1/microservices/NAME/METHOD with a JSON array calls a method", r.Method, r.URL.Path))
	})
	return mux
}

// answer makes a handler of a function that returns JSON.
func answer(f func(r *http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		out, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(append(out, '\n')) // who does not listen any more learns nothing
	}
}

func (d *door) call(r *http.Request) ([]byte, error) {
	ctx := r.Context()
	name, method := r.PathValue("name"), r.PathValue("method")
	if text := r.Header.Get(timeoutHeader); text != "" {
		timeout, err := time.ParseDuration(text)
		if err != nil || timeout <= 0 {
			return nil, abi.Errorf(abi.BadArgument, "%s: %q is not a time; write it as 5s or 1m30s", timeoutHeader, text)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	m, err := d.c.Manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	t := m.Method(method)
	if t == nil {
		return nil, abi.Errorf(abi.UnknownMethod, "%s has no method %q; GET /v1/microservices/%s tells what it has", name, method, name)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unread(err)
	}
	args, err := arguments(t, body)
	if err != nil {
		return nil, err
	}
	out, err := d.c.Call(ctx, name, method, args)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return []byte("null"), nil
	}
	return abi.ToJSON(out)
}

func unread(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return abi.Errorf(abi.BadArgument, "the body has more than %d bytes, the limit", large.Limit)
	}
	return abi.Errorf(abi.BadArgument, "the body cannot be read: %v", err)
}

// arguments returns the CBOR array of what a body gives to a method: an array by
// position, an object by name, nothing at all for no arguments.
func arguments(t *abi.MethodType, body []byte) ([]byte, error) {
	var args []json.RawMessage
	var named map[string]json.RawMessage
	switch {
	case len(body) == 0:
	case json.Unmarshal(body, &args) == nil:
	case json.Unmarshal(body, &named) == nil:
		var err error
		if args, err = byPosition(t, named); err != nil {
			return nil, err
		}
	default:
		return nil, abi.Errorf(abi.BadArgument, "the body is neither a JSON array of arguments nor an object with their names")
	}
	return t.ConvertJSON(args)
}

// byPosition puts arguments given by name in the order of the parameters.
func byPosition(t *abi.MethodType, named map[string]json.RawMessage) (args []json.RawMessage, err error) {
	last := 0
	for i, p := range t.Params {
		arg, ok := named[p.Name]
		if !ok {
			arg = json.RawMessage("null")
		} else {
			last = i + 1
			delete(named, p.Name)
		}
		args = append(args, arg)
	}
	for name := range named {
		return nil, abi.Errorf(abi.BadArgument, "%s has no parameter %q; it has %s", t.Name, name, parameters(t))
	}
	return args[:last], nil
}

func parameters(t *abi.MethodType) string {
	text := "none"
	for i, p := range t.Params {
		if i == 0 {
			text = p.Name
			continue
		}
		text += ", " + p.Name
	}
	return text
}

func (d *door) describe(r *http.Request) ([]byte, error) {
	m, err := d.c.Manifest(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func (d *door) list(r *http.Request) ([]byte, error) {
	names, err := d.c.Names(r.Context())
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string][]string{"microservices": append([]string{}, names...)})
}

// writeError answers an error.
func writeError(w http.ResponseWriter, err error) {
	e := abi.AsError(err)
	b, fault := json.Marshal(map[string]any{"error": map[string]string{
		"code": e.Code.String(), "message": e.Error(), "ran": string(e.Code.Fate()),
	}})
	if fault != nil {
		b = fmt.Appendf(nil, "%q", e.Code.String())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status(e.Code))
	w.Write(append(b, '\n'))
}
