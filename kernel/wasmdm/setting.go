package wasmdm

import (
	"fmt"
	"strings"

	"amino.run/abi"
)

// A setting is a value of the configuration: a parameter of the constructor.
type setting struct {
	name  string
	value any // **int, **float64, **bool or **string; nil is the constructor's default
}

func newSetting(p abi.Param) (setting, error) {
	typ := p.Type
	if inner, ok := strings.CutPrefix(typ, "option<"); ok {
		typ = strings.TrimSuffix(inner, ">")
	}
	switch typ {
	case "s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64":
		return setting{p.Name, new(*int)}, nil
	case "f32", "f64":
		return setting{p.Name, new(*float64)}, nil
	case "bool":
		return setting{p.Name, new(*bool)}, nil
	case "string":
		return setting{p.Name, new(*string)}, nil
	}
	return setting{}, fmt.Errorf("its field %s is a %s; numbers, bool and string have a text form", p.Name, p.Type)
}
