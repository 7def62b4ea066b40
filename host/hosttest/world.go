package hosttest

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"amino.run/abi"
	"amino.run/host"
)

// request returns a request frame.
func request(kind abi.Kind, target, name string, args ...byte) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{byte(kind), 0}, uint16(len(target)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(name)))
	return append(append(append(b, target...), name...), args...)
}

func invoke(t *testing.T, r *room) {
	var got abi.Request
	var answer error
	env := &Env{OnInvoke: func(_ context.Context, r abi.Request) ([]byte, error) {
		got = r
		return []byte{0x63, 'y', 'e', 's'}, answer
	}}
	i := Start(t, r.module, host.Config{Env: env}, nil)
	frame := request(abi.Verb, "other", "checkpoint", 0x81, 0x01)
	if v := call(t, i, "i", frame...); string(v) != "\x63yes" {
		t.Errorf("the answer came as %q", v)
	}
	if got.Kind != abi.Verb || got.Target != "other" || got.Name != "checkpoint" || !bytes.Equal(got.Args, []byte{0x81, 0x01}) {
		t.Errorf("the request came as %+v", got)
	}
	number(t, i, "c")
	if !bytes.Equal(got.Args, []byte{0x81, 0x01}) {
		t.Error("a request is not a copy: the next call changed it")
	}

	answer = &abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "it trapped"}
	_, err := i.Invoke(context.Background(), abi.Method, 0, "i", frame)
	if e := abi.AsError(err); e == nil || *e != (abi.Error{Code: abi.Trap, State: abi.StateBefore, Msg: "it trapped"}) {
		t.Errorf("the error of the other came as %v", err)
	}
	if i.Failed() {
		t.Error("the trap of another broke the instance that passed it on")
	}
	if err := fails(t, context.Background(), i, "i", abi.BadArgument); i.Failed() {
		t.Error("a broken request broke the instance:", err)
	}
}

func answers(t *testing.T, r *room) {
	env := &Env{Settings: map[string]string{"color": "red", "none": ""}}
	i := Start(t, r.module, host.Config{Env: env}, nil)
	if v := call(t, i, "v", []byte("color")...); string(v) != "\x63red" {
		t.Errorf("a setting came as %q", v)
	}
	if v := call(t, i, "v", []byte("none")...); string(v) != "\x60" {
		t.Errorf("an empty setting came as %q", v)
	}
	if v := call(t, i, "v", []byte("size")...); len(v) != 0 {
		t.Errorf("no setting came as %q", v)
	}
	var who map[string]string
	if err := abi.Decode(call(t, i, "W"), &who); err != nil || who["name"] != "guest" || who["id"] != "guest/0" || who["node"] != "n1" {
		t.Errorf("self came as %v, %v", who, err)
	}
	if one, two := number(t, i, "R"), number(t, i, "R"); one == two {
		t.Error("random bytes repeat")
	}
	call(t, i, "L", []byte("a \xff line")...)
	call(t, i, "P", []byte("one\ntwo, ")...)
	call(t, i, "P", []byte("\n")...)
	want := []string{"2 a \uFFFD line", "1 one", "1 two, ", "1 "}
	if got := env.Lines(); !slices.Equal(got, want) {
		t.Errorf("logged: %q", got)
	}
	call(t, i, "P", []byte(strings.Repeat("x", 100<<10))...)
	for _, line := range env.Lines() {
		if len(line) > 64<<10 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func grace(t *testing.T, r *room) {
	env := &Env{OnInvoke: func(ctx context.Context, _ abi.Request) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	i := Start(t, r.module, host.Config{Env: env}, nil)
	img := snapshot(t, i)
	frame := request(abi.Method, "other", "get")
	_, err := i.Invoke(soon(t), abi.Method, 0, "i", frame)
	if abi.CodeOf(err) != abi.Unavailable || i.Failed() {
		t.Errorf("the guest passed on that no answer came, and got %v", err)
	}
	if _, err := i.Invoke(soon(t), abi.Method, 0, "w", frame); abi.CodeOf(err) != abi.Deadline {
		t.Errorf("a guest that goes on for ever got %v", err)
	}
	restore(t, i, img)
	number(t, i, "c")
}

func busy(t *testing.T, r *room) {
	var i host.Instance
	env := &Env{OnInvoke: func(ctx context.Context, _ abi.Request) ([]byte, error) {
		fails(t, ctx, i, "c", abi.Reentrant)
		if _, err := i.Snapshot(); abi.CodeOf(err) != abi.Reentrant {
			t.Errorf("Snapshot: %v", err)
		}
		if err := i.Restore(ctx, r.program.Base); abi.CodeOf(err) != abi.Reentrant {
			t.Errorf("Restore: %v", err)
		}
		if i.Usage().Memory == 0 || i.Failed() {
			t.Error("Usage and Failed do not answer while a call is inside")
		}
		return nil, nil
	}}
	i = Start(t, r.module, host.Config{Env: env}, nil)
	call(t, i, "i", request(abi.Method, "other", "get")...)
	if got := number(t, i, "c"); got&0xffff != 2 {
		t.Errorf("a refused call ran: %#x", got)
	}
}

func closing(t *testing.T, r *room) {
	i := r.start(t, host.Limits{})
	done := make(chan error)
	go func() {
		_, err := i.Invoke(context.Background(), abi.Method, 0, "l", nil)
		done <- err
	}()
	inside(i)
	go i.Close(context.Background())
	if err := <-done; abi.CodeOf(err) != abi.Unavailable {
		t.Errorf("the call inside ended with %v", err)
	}
	if err := i.Close(context.Background()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := i.Invoke(context.Background(), abi.Method, 0, "c", nil); err == nil {
		t.Error("a closed instance answered")
	}
	if _, err := i.Snapshot(); err == nil {
		t.Error("a closed instance gave a snapshot")
	}
}

func closingWaits(t *testing.T, r *room) {
	var i host.Instance
	closed := make(chan error)
	env := &Env{OnInvoke: func(context.Context, abi.Request) ([]byte, error) {
		go func() { closed <- i.Close(context.Background()) }()
		for range 100 {
			runtime.Gosched()
		}
		select {
		case <-closed:
			t.Error("Close came back while a call was inside")
		default:
		}
		return []byte{0x01}, nil
	}}
	i = Start(t, r.module, host.Config{Env: env}, nil)
	v, err := i.Invoke(context.Background(), abi.Method, 0, "i", request(abi.Method, "other", "get"))
	if code := abi.CodeOf(err); code != abi.Unavailable && string(v) != "\x01" {
		t.Errorf("the call inside ended with %x, %v", v, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func many(t *testing.T, r *room) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			i := r.start(t, host.Limits{})
			for n := uint64(1); n < 50; n++ {
				img := snapshot(t, i)
				number(t, i, "c")
				restore(t, i, img)
				if got := number(t, i, "c"); got != 2*n|booted<<32 {
					t.Errorf("call %d answered %#x", n, got)
					return
				}
				if n%10 == 0 {
					number(t, i, "g")
				}
			}
		})
	}
	all.Wait()
}
