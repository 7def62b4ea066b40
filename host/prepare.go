package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"amino.run/abi"
	"amino.run/internal/wasm"
)

// Prepare checks a module and rewrites it. It takes time in proportion to the
// module's size, whatever is in it, and never panics. Its error is of code
// BadArgument if the bytes are no Wasm module, else Refused; the message names
// every reason that it found.
func Prepare(module []byte) (*Program, error) {
	if !bytes.HasPrefix(module, []byte("\x00asm")) {
		return nil, abi.Errorf(abi.BadArgument, "not a WebAssembly module: the file does not begin with \\0asm")
	}
	m, err := wasm.Parse(module)
	if err != nil {
		return nil, abi.Errorf(abi.Refused, "the module is refused: %v", err)
	}
	reasons := append(m.Reasons, checkImports(m)...)
	reasons = append(reasons, checkExports(m)...)
	manifest, err := manifestOf(m)
	if err != nil {
		reasons = append(reasons, err.Error())
	}
	if len(reasons) > 0 {
		return nil, abi.Errorf(abi.Refused, "the module is refused: %s", strings.Join(reasons, "; "))
	}
	sum := sha256.Sum256(module)
	p := &Program{
		Digest:   hex.EncodeToString(sum[:]),
		Wasm:     m.Rewrite(),
		Manifest: manifest,
		Notes:    m.Notes,
	}
	p.Base = baseImage(m, p.Digest)
	for _, i := range m.MutableGlobals() {
		p.Globals = append(p.Globals, fmt.Sprint(wasm.GlobalPrefix, i))
	}
	return p, nil
}

func checkImports(m *wasm.Module) (reasons []string) {
	for _, im := range m.Imports {
		if im.Kind != wasm.Func {
			continue // wasm.Parse has given the reason
		}
		want, ok := imports[im.Module][im.Name]
		switch got := m.Types[im.Type].String(); {
		case !ok && imports[im.Module] == nil:
			reasons = append(reasons, fmt.Sprintf("it imports %s.%s; only the modules amino and wasi_snapshot_preview1 can be imported from", im.Module, im.Name))
		case !ok:
			reasons = append(reasons, fmt.Sprintf("it imports %s.%s, which does not exist", im.Module, im.Name))
		case got != want:
			reasons = append(reasons, fmt.Sprintf("it imports %s.%s with the type %s; its type is %s", im.Module, im.Name, got, want))
		}
	}
	return reasons
}

// exports are the types of the functions a guest exports, and whether it must.
var exports = []struct {
	name, typ string
	required  bool
}{
	{abi.ExportVersion, "()", true},
	{abi.ExportAlloc, "(i32) -> i32", true},
	{abi.ExportInvoke, "(i32, i32) -> i64", true},
	{abi.ExportInit, "()", false},
	{abi.ExportDescribe, "() -> i64", false},
	{abi.ExportResume, "()", false},
}

func checkExports(m *wasm.Module) (reasons []string) {
	if e, ok := m.Export(abi.ExportMemory); !ok {
		reasons = append(reasons, "it does not export its memory (as \"memory\")")
	} else if e.Kind != wasm.Memory {
		reasons = append(reasons, fmt.Sprintf("its export \"memory\" is a %v", e.Kind))
	}
	newer := newerVersion(m)
	for _, want := range exports {
		e, ok := m.Export(want.name)
		switch {
		case !ok && want.name == abi.ExportVersion && newer != "":
			reasons = append(reasons, fmt.Sprintf("it was built for a later guest ABI (it exports %s, not %s): use an SDK for version 1, or a later Amino.Run", newer, want.name))
		case !ok && want.required:
			reasons = append(reasons, fmt.Sprintf("it does not export %s: build it with an Amino.Run SDK, as a library (reactor), not as a command", want.name))
		case !ok:
		case e.Kind != wasm.Func:
			reasons = append(reasons, fmt.Sprintf("its export %s is a %v, not a function", want.name, e.Kind))
		case m.FuncType(e.Index).String() != want.typ:
			reasons = append(reasons, fmt.Sprintf("its export %s has the type %v; it must be %s", want.name, m.FuncType(e.Index), want.typ))
		}
	}
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, wasm.Prefix) {
			reasons = append(reasons, fmt.Sprintf("its export %q begins with the reserved %q", e.Name, wasm.Prefix))
		}
	}
	return reasons
}

// newerVersion returns the export that names another version of the ABI, or "".
func newerVersion(m *wasm.Module) string {
	i := slices.IndexFunc(m.Exports, func(e wasm.Export) bool {
		return strings.HasPrefix(e.Name, "amino_abi_v") && e.Name != abi.ExportVersion
	})
	if i < 0 {
		return ""
	}
	return m.Exports[i].Name
}

func manifestOf(m *wasm.Module) (*abi.Manifest, error) {
	text := m.Custom(abi.ManifestSection)
	if text == nil {
		return nil, nil
	}
	return abi.ParseManifest(text)
}

// baseImage lays the data segments over an empty memory. Its size is that of the
// segments, not of the memory, which may be declared as large as 4 GiB.
func baseImage(m *wasm.Module, digest string) *Image {
	b := builder{}
	for _, d := range m.Data {
		if !d.Passive {
			b.write(uint64(d.Offset), d.Bytes)
		}
	}
	img := &Image{Program: digest, Pages: uint32(m.Memories[0].Min), chunks: b.chunks()}
	for _, i := range m.MutableGlobals() {
		img.Globals = append(img.Globals, m.Globals[i].Init)
	}
	return img
}
