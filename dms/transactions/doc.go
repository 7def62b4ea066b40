// Package transactions has the DMs of transactions over several microservices.
package transactions
