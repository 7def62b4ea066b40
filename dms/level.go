package dms

import "strings"

// A Level is the layers of a chain that apply to one group: those from From up to,
// but not including, To. See the package comment on levels.
type Level struct{ From, To int }

// Levels returns the levels of the chain, the outermost first. There is always one;
// a DM that shards ends one, unless it is the last of the chain.
func (c Chain) Levels() []Level {
	from, levels := 0, []Level{}
	for i, dm := range c {
		if shards(dm) && i+1 < len(c) {
			levels = append(levels, Level{from, i + 1})
			from = i + 1
		}
	}
	return append(levels, Level{from, len(c)})
}

// LevelOf returns the level that applies to a group, by its ID: the outermost to "m7",
// the next to "m7/2", which is a member of that.
func (c Chain) LevelOf(group string) Level {
	all := c.Levels()
	return all[min(strings.Count(group, "/"), len(all)-1)]
}

// Nests reports whether the members of a group, by its ID, are groups themselves.
func (c Chain) Nests(group string) bool { return c.LevelOf(group).To < len(c) }

func shards(dm DM) bool { return has(concernsOf(dm), Shards) }
