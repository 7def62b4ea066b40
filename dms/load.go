package dms

import (
	"regexp"
	"strings"
)

// A Loaded DM is of no registered type: it names and configures itself. Package
// kernel/wasmdm makes those that are compiled to Wasm.
type Loaded interface {
	// Name returns the name that its text form begins with: "retry@3f9c...".
	Name() string

	// Fields returns its configuration; setting a field sets the DM's.
	Fields() []Field
}

// A Loader returns a new DM, with its defaults, whose module has this digest, hex.
// An error is of code abi.NotFound or abi.Refused.
type Loader func(digest string) (Loaded, error)

var digestName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}@[0-9a-f]{64}$`)

// Parse is the package's Parse that also knows the DMs that l loads.
func (l Loader) Parse(spec string) (DM, error) { return parse(spec, l.new) }

// ParseChain is the package's ParseChain that also knows the DMs that l loads.
func (l Loader) ParseChain(specs []string) (Chain, error) { return parseChain(specs, l.Parse) }

// new returns the DM of a name.
func (l Loader) new(name string) (DM, error) {
	prefix, digest, loaded := strings.Cut(name, "@")
	switch {
	case !loaded:
		return New(name)
	case !digestName.MatchString(name):
		return nil, refused("%q names no deployment manager in Wasm: write name@digest, the digest of its module with 64 digits", name)
	case l == nil:
		return nil, refused("deployment managers in Wasm, such as %s, cannot be loaded here", prefix)
	}
	dm, err := l(digest)
	if err == nil && dm.Name() != name {
		err = refused("module %.12s is the deployment manager %s, not %s", digest, strings.TrimSuffix(dm.Name(), "@"+digest), prefix)
	}
	return dm, err
}

// shown returns as much of a name as a message needs: that of a loaded DM without
// its digest.
func shown(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return name
}

// title is how messages call a DM.
func title(dm DM) string { return shown(NameOf(dm)) }
