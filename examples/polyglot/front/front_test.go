package main

import (
	"fmt"
	"testing"

	amino "amino.run/guest"
	"amino.run/guest/aminotest"
)

// pricing stands in for the Rust microservice.
type pricing struct{}

func (pricing) Quote(country string, basket map[string]uint32) (quote, error) {
	if country != "DE" {
		return quote{}, fmt.Errorf("no tax rate for country %q", country)
	}
	net := int64(basket["tea"]) * 450
	tax := (net*190 + 500) / 1000
	return quote{Net: net, Tax: tax, Gross: net + tax}, nil
}

func TestOrder(t *testing.T) {
	kernel := aminotest.New(t)
	kernel.Serve("pricing", &pricing{})
	f := &Front{}

	order, err := f.Order("ada", "DE", map[string]uint32{"tea": 2})
	if err != nil {
		t.Fatal(err)
	}
	if order.ID != 1 || order.Net != 900 || order.Tax != 171 || order.Gross != 1071 || order.Basket["tea"] != 2 {
		t.Errorf("the order is %+v", order)
	}
	if _, err := f.Order("bob", "DE", map[string]uint32{"tea": 1}); err != nil {
		t.Fatal(err)
	}
	if got := f.Revenue(); got != 1071+536 {
		t.Errorf("Revenue = %d, want %d", got, 1071+536)
	}
	if got, err := f.Receipt(1); err != nil || got.Customer != "ada" {
		t.Errorf("Receipt(1) = %+v, %v", got, err)
	}
	if log := kernel.Log(); len(log) != 2 || log[0].Text != "order 1 of ada: 10.71" {
		t.Errorf("the log is %v", log)
	}
}

func TestFailedOrderIsNotKept(t *testing.T) {
	aminotest.New(t).Serve("pricing", &pricing{})
	f := &Front{}
	_, err := f.Order("ada", "XX", map[string]uint32{"tea": 2})
	if want := `no tax rate for country "XX"`; err == nil || err.Error() != want || amino.CodeOf(err) != amino.Application {
		t.Errorf("an order from nowhere: %v (%v), want %s", err, amino.CodeOf(err), want)
	}
	if n := len(f.Orders()); n != 0 {
		t.Errorf("%d orders were kept", n)
	}
}

func TestReceiptOfNoOrder(t *testing.T) {
	f := &Front{}
	for _, id := range []uint64{0, 1} {
		if _, err := f.Receipt(id); err == nil || err.Error() != fmt.Sprintf("no order %d", id) {
			t.Errorf("Receipt(%d): %v", id, err)
		}
	}
}
