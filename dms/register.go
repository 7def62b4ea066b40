package dms

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
)

var (
	registry = map[string]func() DM{}
	names    = map[reflect.Type]string{} // of the registered types
)

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// Register makes the DM that new returns, a pointer to a struct with its
// defaults set, known by name. It is called from init, and panics if the name is
// taken or the DM could not be parsed or has no part.
func Register(name string, new func() DM) {
	dm := new()
	t := reflect.TypeOf(dm)
	switch {
	case !validName.MatchString(name):
		panic(fmt.Sprintf("dms: %q is no name for a DM", name))
	case registry[name] != nil:
		panic("dms: " + name + " is registered twice")
	case t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct:
		panic(fmt.Sprintf("dms: %s is a %v, not a pointer to a struct", name, t))
	case names[t] != "":
		panic(fmt.Sprintf("dms: %v is registered as %s and as %s", t, names[t], name))
	}
	switch dm.(type) {
	case Proxier, Instancer, Coordinated:
	default:
		panic("dms: " + name + " has no part")
	}
	for _, f := range fieldsOf(dm) {
		if f.parse == nil {
			panic(fmt.Sprintf("dms: %s: field %s: a %s has no text form", name, f.Name, f.value.Type()))
		}
	}
	if err := validate(dm); err != nil {
		panic(fmt.Sprintf("dms: %s: its defaults are not valid: %v", name, err))
	}
	registry[name], names[t] = new, name
}

// Names returns the names of the registered DMs, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registry)) }

// NameOf returns the name under which dm is registered or loaded, else its type's.
func NameOf(dm DM) string {
	if l, ok := dm.(Loaded); ok {
		return l.Name()
	}
	if name, ok := names[reflect.TypeOf(dm)]; ok {
		return name
	}
	return fmt.Sprintf("%T", dm)
}

// New returns the DM of a name with its defaults. An unknown name is an error of
// code abi.Refused that names the nearest ones.
func New(name string) (DM, error) {
	if new, ok := registry[name]; ok {
		return new(), nil
	}
	return nil, unknownName(name)
}
