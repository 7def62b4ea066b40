// Package e2e tests Amino.Run as its users have it: processes, a network, kills.
package e2e
