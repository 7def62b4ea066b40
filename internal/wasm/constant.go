package wasm

import "encoding/binary"

// constant reads a constant expression (3.3.10, with extended constants) and
// returns the bits of its value. It is false for a reference, a v128 and what
// depends on an imported global.
func (m *Module) constant(s *reader) (uint64, bool) {
	type value struct {
		v  uint64
		ok bool
	}
	var stack []value
	push := func(v uint64, ok bool) { stack = append(stack, value{v, ok}) }
	for s.err == nil {
		switch op := s.byte(); op {
		case opEnd:
			if len(stack) != 1 {
				s.fail("a constant expression that leaves %d values", len(stack))
				return 0, false
			}
			return stack[0].v, stack[0].ok
		case opI32Const:
			push(uint64(uint32(s.signed(32))), true)
		case opI64Const:
			push(uint64(s.signed(64)), true)
		case opF32Const:
			if b := s.bytes(4); b != nil {
				push(uint64(binary.LittleEndian.Uint32(b)), true)
			}
		case opF64Const:
			if b := s.bytes(8); b != nil {
				push(binary.LittleEndian.Uint64(b), true)
			}
		case opGlobalGet:
			g := s.u32()
			if s.err == nil && int(g) >= len(m.Globals) {
				s.fail("a constant expression uses global %d of %d", g, len(m.Globals))
				return 0, false
			}
			if s.err == nil {
				push(m.Globals[g].Init, len(m.Globals) > 0 && !m.Globals[g].Type.isRef())
			}
		case opRefFunc:
			m.funcIndex(s, true)
			push(0, false)
		case opRefNull:
			s.signed(33)
			push(0, false)
		case opVector:
			if s.u32() != vecConst {
				s.fail("a vector instruction in a constant expression")
			}
			s.bytes(16)
			push(0, false)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // i32 and i64 add, sub, mul
			if len(stack) < 2 {
				s.fail("a constant expression without enough values")
				return 0, false
			}
			a, b := stack[len(stack)-2], stack[len(stack)-1]
			stack = stack[:len(stack)-2]
			push(arith(op, a.v, b.v), a.ok && b.ok)
		default:
			s.fail("instruction %#x in a constant expression", op)
		}
		if len(stack) > maxDepth {
			s.fail("a constant expression of more than %d values", maxDepth)
		}
	}
	return 0, false
}

func arith(op byte, a, b uint64) uint64 {
	switch op {
	case 0x6a:
		return uint64(uint32(a + b))
	case 0x6b:
		return uint64(uint32(a - b))
	case 0x6c:
		return uint64(uint32(a * b))
	case 0x7c:
		return a + b
	case 0x7d:
		return a - b
	}
	return a * b
}
