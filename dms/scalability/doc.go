// Package scalability has the DMs that keep several replicas to carry more load.
package scalability
