//go:build ignore

// This program writes dms.md, here and in docs.
package main

import (
	"log"
	"os"

	"amino.run/dms"
	"amino.run/dms/internal/dmdoc"
	_ "amino.run/dms/standard"
)

func main() {
	doc, err := dmdoc.Markdown("..", dms.Names())
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"dms.md", "../../docs/dms.md"} { // the first is what the command prints
		if err := os.WriteFile(path, doc, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
