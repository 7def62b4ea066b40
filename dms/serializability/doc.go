// Package serializability has the DMs that keep calls and transactions apart.
package serializability
