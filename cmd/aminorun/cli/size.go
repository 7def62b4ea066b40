package cli

import (
	"fmt"
	"regexp"
	"strconv"

	"amino.run/abi"
)

var byteSize = regexp.MustCompile(`^([0-9]+)\s*(KiB|MiB|GiB|B)?$`)

// parseBytes reads "64MiB".
func parseBytes(text string) (uint64, error) {
	m := byteSize.FindStringSubmatch(text)
	if m == nil {
		return 0, abi.Errorf(abi.BadArgument, "%q is not a size; write it as 64MiB or 1GiB", text)
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	if err != nil {
		return 0, abi.Errorf(abi.BadArgument, "%q is too large a size; write it as 64MiB or 1GiB", text)
	}
	return n << map[string]int{"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[m[2]], nil
}

// formatBytes writes what a person reads.
func formatBytes(n uint64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
