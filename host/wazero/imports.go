package wazero

import (
	"context"
	"fmt"
	"time"

	"amino.run/abi"
	"amino.run/host"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

// maxLog is where the text of a log line is cut, in bytes.
const maxLog = 64 << 10

// A call is a function a guest imports: it has its parameters in stack and leaves
// its result there.
type call func(e *entry, stack []uint64)

const i32, i64 = api.ValueTypeI32, api.ValueTypeI64

// hostModules gives the engine what guests import.
func (e *Engine) hostModules(ctx context.Context) error {
	type fn struct {
		name            string
		f               call
		params, results []api.ValueType
	}
	none, one, two := []api.ValueType{}, []api.ValueType{i32}, []api.ValueType{i32, i32}
	for _, m := range []struct {
		name  string
		funcs []fn
	}{
		{host.PollModule, []fn{
			{host.PollName, poll, one, one},
		}},
		{abi.ImportModule, []fn{
			{"invoke", invoke, two, one},
			{"take", take, one, none},
			{"self", self, none, one},
			{"config", config, two, one},
			{"log", log, []api.ValueType{i32, i32, i32}, none},
			{"now", now, none, []api.ValueType{i64}},
			{"random", random, two, none},
		}},
		{wasi_snapshot_preview1.ModuleName, []fn{
			{"proc_exit", exit, one, none},
			{"fd_close", closeFile, one, one},
			{"fd_renumber", renumberFile, two, one},
		}},
	} {
		b := e.runtime.NewHostModuleBuilder(m.name)
		if m.name == wasi_snapshot_preview1.ModuleName {
			wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(b)
		}
		for _, f := range m.funcs {
			b.NewFunctionBuilder().WithGoModuleFunction(f.f.function(), f.params, f.results).Export(f.name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("module %s for guests: %w", m.name, err)
		}
	}
	return nil
}

// function returns f as the engine wants it.
func (f call) function() api.GoModuleFunction {
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		f(ctx.(*entry), stack)
	})
}

// bytes returns a part of the guest's memory, not a copy. It traps outside.
func (e *entry) bytes(ptr, n uint64) []byte {
	b, ok := e.mod.Memory().Read(uint32(ptr), uint32(n))
	if !ok && uint32(n) > 0 {
		panic(abi.Errorf(abi.Trap, "the guest gave its host %d bytes at %#x, outside its memory", uint32(n), uint32(ptr)))
	}
	return b
}

func poll(e *entry, stack []uint64) { stack[0] = uint64(uint32(e.poll(int32(uint32(stack[0]))))) }

func invoke(e *entry, stack []uint64) {
	frame := e.bytes(stack[0], stack[1])
	if len(frame) > abi.MaxFrame {
		stack[0] = e.offer(abi.AppendReply(nil, nil, abi.Errorf(abi.BadArgument, "a request frame of %d bytes; the limit is %d", len(frame), abi.MaxFrame)))
		return
	}
	var value []byte
	r, err := abi.ParseRequest(append([]byte(nil), frame...)) // others may keep it
	if err == nil {
		value, err = e.env.Invoke(e.Context, r)
		e.wake()
	}
	if err == nil && len(value)+2 > abi.MaxFrame {
		err = abi.Errorf(abi.Application, "the result has %d bytes; a guest can be given %d", len(value), abi.MaxFrame-2)
	}
	stack[0] = e.offer(abi.AppendReply(nil, value, err))
}

func take(e *entry, stack []uint64) {
	if !e.waits {
		panic(abi.Errorf(abi.Trap, "the guest called take where no answer waits"))
	}
	copy(e.bytes(stack[0], uint64(len(e.answer))), e.answer)
	e.answer, e.waits = nil, false
}

func self(e *entry, stack []uint64) {
	who := e.env.Self()
	b, err := abi.Encode(map[string]string{"name": who.Name, "id": who.ID, "node": who.Node})
	if err != nil {
		panic(err)
	}
	stack[0] = e.offer(b)
}

func config(e *entry, stack []uint64) {
	value, ok := e.env.Config(text(e.bytes(stack[0], stack[1])))
	if !ok {
		e.answer, e.waits = nil, false
		stack[0] = 0xffffffff
		return
	}
	stack[0] = e.offer([]byte(value))
}

func log(e *entry, stack []uint64) {
	b := e.bytes(stack[1], stack[2])
	e.env.Log(int(min(max(int32(uint32(stack[0])), 0), 3)), text(b[:min(len(b), maxLog)]))
}

func now(e *entry, stack []uint64) {
	stack[0] = uint64(e.env.Time(host.Wall, time.Now().UnixNano()))
}

func random(e *entry, stack []uint64) { e.env.Random(e.bytes(stack[0], stack[1])) }

// exit ends the call. The engine's own proc_exit would close the instance, which
// is to be restored.
func exit(_ *entry, stack []uint64) { panic(sys.NewExitError(uint32(stack[0]))) }
