// Kvstore keeps values of any kind under keys.
package main

import (
	_ "embed"
	"maps"
	"slices"
	"strings"

	amino "amino.run/guest"
)

// Store keeps values of any kind under keys.
type Store struct {
	values map[string]amino.Value
}

// New makes an empty store.
func New() *Store { return &Store{values: map[string]amino.Value{}} }

// Put stores a value under a key, in place of the one that was there.
func (s *Store) Put(key string, value amino.Value) { s.values[key] = value }

// Get returns the value under a key, null if there is none.
func (s *Store) Get(key string) amino.Value { return s.values[key] }

// Delete removes a key and reports whether it was there.
func (s *Store) Delete(key string) bool {
	_, ok := s.values[key]
	delete(s.values, key)
	return ok
}

// Size returns the number of keys.
func (s *Store) Size() int { return len(s.values) }

// List returns the keys in order: those that begin with prefix if one is given.
func (s *Store) List(prefix *string) []string {
	keys := slices.Sorted(maps.Keys(s.values))
	if prefix == nil {
		return keys
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, *prefix) })
}

// An Entry is a key and its value.
type Entry struct {
	Key   string
	Value amino.Value
}

// Scan returns up to limit entries in order, beginning after the key that is
// given: the last one of the page before, or "" at the start.
func (s *Store) Scan(after string, limit uint32) []Entry {
	page := []Entry{}
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if len(page) == int(limit) {
			break
		}
		if key > after {
			page = append(page, Entry{key, s.values[key]})
		}
	}
	return page
}

//go:embed kvstore.go
var source string

func init() {
	amino.Serve(New, amino.Name("kvstore"), amino.Source(source), amino.ReadOnly("Get", "Size", "List", "Scan"))
}

func main() {}
