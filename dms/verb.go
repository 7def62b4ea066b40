package dms

import "amino.run/abi"

// VerbArgs decodes the arguments of a verb into the variables that to points to.
// Another number of arguments, or an argument of another type, is an error of code
// abi.BadArgument.
func VerbArgs(call Call, to ...any) error {
	var args []abi.Raw
	if len(call.Args) > 0 {
		if err := abi.Decode(call.Args, &args); err != nil {
			return abi.Errorf(abi.BadArgument, "verb %s: the arguments are not a CBOR array: %v", call.Verb, err)
		}
	}
	if len(args) != len(to) {
		return abi.Errorf(abi.BadArgument, "verb %s takes %d arguments, not %d", call.Verb, len(to), len(args))
	}
	for i, arg := range args {
		if err := abi.Decode(arg, to[i]); err != nil {
			return abi.Errorf(abi.BadArgument, "verb %s, argument %d: %v", call.Verb, i+1, err)
		}
	}
	return nil
}
