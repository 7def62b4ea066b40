package abi

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A codeRow is a row of ABI.md's table of codes.
type codeRow struct {
	code Code
	name string
	ran  string
}

// codeTable reads the table of codes from ABI.md.
func codeTable(t *testing.T) (rows []codeRow) {
	t.Helper()
	text, err := os.ReadFile("ABI.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "## Error codes")
	if !ok {
		t.Fatal("ABI.md has no section on error codes")
	}
	row := regexp.MustCompile("(?m)^\\| (\\d+) \\| `([^`]+)` \\| ([^|]+) \\|")
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		n, err := strconv.ParseUint(m[1], 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, codeRow{Code(n), m[2], m[3]})
	}
	return rows
}

// TestCodesMatchTable holds the codes to ABI.md in number, name and fate.
func TestCodesMatchTable(t *testing.T) {
	fates := map[string]Fate{
		"yes": Ran, "no": NotRun, "perhaps": Perhaps, "rolled back": RolledBack, "partly, undone": Undone,
	}
	rows := codeTable(t)
	if len(rows) != int(numCodes)-1 {
		t.Fatalf("ABI.md has %d codes, this package %d", len(rows), numCodes-1)
	}
	for i, r := range rows {
		if int(r.code) != i+1 {
			t.Errorf("row %d is code %d", i+1, r.code)
		}
		if got := r.code.String(); got != r.name {
			t.Errorf("code %d is %q, ABI.md says %q", r.code, got, r.name)
		}
		want, ok := fates[r.ran]
		if got := r.code.Fate(); !ok || got != want {
			t.Errorf("%s: %q, ABI.md says %q", r.name, got, r.ran)
		}
	}
}

// TestCodesArePinned fails if a code ever changes its number: append only.
func TestCodesArePinned(t *testing.T) {
	for number, c := range []Code{
		OK, Application, Unavailable, Overloaded, Leased, Placement, UnknownVerb, UnknownMethod, NotFound, NotLeader,
		PermissionDenied, Conflict, Trap, Fuel, MemoryLimit, Deadline, Moved, BadArgument, BadReply, Exists,
		NoTransaction, Canceled, Reentrant, Refused, Storage, Internal,
	} {
		if int(c) != number {
			t.Errorf("%s is %d, must be %d", c, c, number)
		}
	}
}

func TestUnknownCode(t *testing.T) {
	c := Code(200)
	if got := c.String(); got != "code 200" {
		t.Errorf("String = %q", got)
	}
	if got := c.Fate(); got != Perhaps {
		t.Errorf("Fate = %q: nothing may be promised of a code we do not know", got)
	}
}
