// Front is the shop's counter: it takes orders. See ../README.md.
package main

import (
	_ "embed"
	"fmt"

	amino "amino.run/guest"
)

// Front takes orders and keeps them.
type Front struct{ orders []Order }

// An Order is what a customer bought. Amounts are in cents.
type Order struct {
	ID       uint64
	Customer string
	Country  string
	Basket   map[string]uint32
	Net      int64
	Discount int64
	Tax      int64
	Gross    int64
}

// A quote is what the microservice pricing, written in Rust, answers.
type quote struct{ Net, Discount, Tax, Gross int64 }

// Order asks for the price of a basket (article to quantity), keeps the order
// and returns it. An order that cannot be priced is not kept.
func (f *Front) Order(customer, country string, basket map[string]uint32) (Order, error) {
	q, err := amino.Call[quote]("pricing", "quote", country, basket)
	if err != nil {
		return Order{}, err
	}
	order := Order{
		ID:       uint64(len(f.orders) + 1),
		Customer: customer,
		Country:  country,
		Basket:   basket,
		Net:      q.Net,
		Discount: q.Discount,
		Tax:      q.Tax,
		Gross:    q.Gross,
	}
	f.orders = append(f.orders, order)
	amino.Logf(amino.LevelInfo, "order %d of %s: %d.%02d", order.ID, customer, order.Gross/100, order.Gross%100)
	return order, nil
}

// Receipt returns one order.
func (f *Front) Receipt(id uint64) (Order, error) {
	if id < 1 || id > uint64(len(f.orders)) {
		return Order{}, fmt.Errorf("no order %d", id)
	}
	return f.orders[id-1], nil
}

// Orders returns all orders, oldest first.
func (f *Front) Orders() []Order { return f.orders }

// Revenue returns the sum of all gross amounts.
func (f *Front) Revenue() (sum int64) {
	for _, order := range f.orders {
		sum += order.Gross
	}
	return sum
}

//go:embed front.go
var source string

func init() {
	amino.Serve(&Front{}, amino.ReadOnly("Receipt", "Orders", "Revenue"), amino.Source(source))
}

func main() {}
