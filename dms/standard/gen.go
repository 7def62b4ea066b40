//go:build ignore

// This program writes dms.md.
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
	if err := os.WriteFile("dms.md", doc, 0o644); err != nil {
		log.Fatal(err)
	}
}
