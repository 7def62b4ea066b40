// Package replication has the DMs that keep several replicas the same, so that a
// microservice goes on when some are lost.
package replication
