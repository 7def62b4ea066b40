// Package caching has the DMs that run calls on copies of a microservice beside
// its callers.
package caching
