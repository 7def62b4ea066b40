// Package primitive has the DMs that change how a call is made and nothing else.
package primitive
