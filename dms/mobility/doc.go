// Package mobility has the DMs that say where a microservice may be, and move it.
package mobility
