package value

import "math"

// fromHalf returns the value of a half-precision float (IEEE 754 binary16).
func fromHalf(h uint16) float64 {
	sign, exp, frac := h>>15, int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 0x1f:
		if frac != 0 {
			return math.NaN()
		}
		f = math.Inf(1)
	default:
		f = math.Ldexp(frac+1024, exp-25)
	}
	if sign != 0 {
		return -f
	}
	return f
}

// toHalf returns f in half precision, and whether that loses nothing. NaN is
// the caller's.
func toHalf(f float32) (uint16, bool) {
	bits := math.Float32bits(f)
	sign, exp, frac := uint16(bits>>16&0x8000), int(bits>>23&0xff)-127, bits&0x7fffff
	switch {
	case exp == 128: // infinity
		return sign | 0x7c00, true
	case bits<<1 == 0:
		return sign, true
	case exp >= -14 && exp <= 15: // normal
		return sign | uint16(exp+15)<<10 | uint16(frac>>13), frac&0x1fff == 0
	case exp >= -24 && exp < -14: // subnormal: the leading one becomes explicit
		frac |= 1 << 23
		shift := uint(-exp - 1)
		return sign | uint16(frac>>shift), frac&(1<<shift-1) == 0
	}
	return 0, false
}
