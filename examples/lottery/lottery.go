// Lottery draws tickets: it asks the clock, chance and another microservice.
package main

import (
	"crypto/rand"
	_ "embed"
	"math/big"
	"time"

	amino "amino.run/guest"
)

// A Ticket is drawn for a name.
type Ticket struct {
	Number uint64 // in a billion, at random
	Serial int64  // by the microservice counter
	Drawn  uint64 // Unix nanoseconds
}

// Lottery keeps the tickets by name.
type Lottery struct{ tickets map[string][]Ticket }

// New makes a lottery without tickets.
func New() *Lottery { return &Lottery{tickets: map[string][]Ticket{}} }

// Draw draws a ticket for a name and keeps it.
func (l *Lottery) Draw(name string) (Ticket, error) {
	number, err := rand.Int(rand.Reader, big.NewInt(1e9))
	if err != nil {
		return Ticket{}, err
	}
	serial, err := amino.Call[int64]("counter", "add", 1)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{number.Uint64(), serial, uint64(time.Now().UnixNano())}
	l.tickets[name] = append(l.tickets[name], t)
	return t, nil
}

// Tickets returns the tickets of a name, in the order in which they were drawn.
func (l *Lottery) Tickets(name string) []Ticket { return l.tickets[name] }

//go:embed lottery.go
var source string

func init() {
	amino.Serve(New, amino.Name("lottery"), amino.Source(source), amino.ReadOnly("Tickets"))
}

func main() {}
