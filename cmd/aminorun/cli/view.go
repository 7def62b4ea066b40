package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"amino.run/abi"
	"amino.run/internal/api"
	"amino.run/kernel/client"
)

// A groupView is a microservice as `--output json` shows it.
type groupView struct {
	Name     string            `json:"name"`
	ID       string            `json:"id"`
	Module   string            `json:"module"`
	DMs      []string          `json:"dms"`
	Config   map[string]string `json:"config,omitempty"`
	On       string            `json:"on,omitempty"`
	State    string            `json:"state"` // serving, partly lost, lost
	Kernels  []string          `json:"kernels"`
	Replicas []replicaView     `json:"replicas"`         // those of all shards
	Shards   []shardView       `json:"shards,omitempty"` // where each is a group of its own
	Refs     int               `json:"refs"`
	Created  time.Time         `json:"created"`
	Manifest json.RawMessage   `json:"manifest,omitempty"`
}

type replicaView struct {
	ID     string `json:"id"`
	Kernel string `json:"kernel"`
	Epoch  uint64 `json:"epoch"`
	Lost   bool   `json:"lost,omitempty"`
}

// A shardView is a part of a microservice that is divided, and how many replicas of
// it are left.
type shardView struct {
	ID   string `json:"id"`
	Left int    `json:"left"`
	Of   int    `json:"of"`
}

// leaves returns the replicas of a group and of its shards.
func leaves(g client.Group) []api.Replica {
	if !g.Nested {
		return g.Replicas
	}
	var all []api.Replica
	for _, s := range g.Shards {
		all = append(all, leaves(s)...)
	}
	return all
}

func viewGroup(g client.Group) groupView {
	v := groupView{
		Name: g.Name, ID: g.ID, Module: g.Spec.Module, DMs: g.Spec.DMs, Config: g.Spec.Config, On: g.Spec.Selector.String(),
		State: "serving", Refs: g.Refs, Created: g.Created.UTC(), Kernels: []string{}, Replicas: []replicaView{},
	}
	if v.DMs == nil {
		v.DMs = []string{}
	}
	replicas := leaves(g)
	for _, r := range replicas {
		v.Replicas = append(v.Replicas, replicaView{r.Peer, r.Node.ID, r.Epoch, r.Lost})
		if !g.Nested || !slices.Contains(v.Kernels, r.Node.ID) {
			v.Kernels = append(v.Kernels, r.Node.ID)
		}
	}
	for _, s := range g.Shards {
		of := leaves(s)
		v.Shards = append(v.Shards, shardView{s.ID, len(of) - lostOf(of), len(of)})
	}
	lost := lostOf(replicas)
	switch {
	case lost > 0 && lost == len(replicas):
		v.State = "lost"
	case lost > 0:
		v.State = "partly lost"
	}
	return v
}

// count returns how many replicas there are, and in how many shards.
func (v groupView) count() string {
	if len(v.Shards) == 0 {
		return fmt.Sprint(len(v.Replicas))
	}
	return fmt.Sprintf("%d in %d shards", len(v.Replicas), len(v.Shards))
}

func lostOf(replicas []api.Replica) (n int) {
	for _, r := range replicas {
		if r.Lost {
			n++
		}
	}
	return n
}

// A kernelView is a kernel as `--output json` shows it.
type kernelView struct {
	ID       string            `json:"id"`
	Addr     string            `json:"addr"`
	Labels   map[string]string `json:"labels"`
	Live     bool              `json:"live"`
	Replicas int               `json:"replicas"`
	RTT      map[string]string `json:"rtt,omitempty"` // round trips to other kernels, as this one measured them
}

// nearest returns the kernels that a kernel reaches soonest, at most three, as a table
// shows them.
func nearest(rtt map[string]time.Duration) string {
	ids := slices.SortedFunc(maps.Keys(rtt), func(a, b string) int {
		return cmp.Or(cmp.Compare(rtt[a], rtt[b]), cmp.Compare(a, b))
	})
	for i, id := range ids {
		ids[i] = id + " " + formatRTT(rtt[id])
	}
	return strings.Join(ids[:min(len(ids), 3)], ", ")
}

// formatRTT returns a round trip in milliseconds.
func formatRTT(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d)/1e6) }

// A moduleView is a module as `--output json` shows it.
type moduleView struct {
	Digest   string    `json:"digest"`
	Name     string    `json:"name"`
	Language string    `json:"language,omitempty"`
	Size     int       `json:"size"`
	Stored   time.Time `json:"stored"`
	Notes    []string  `json:"notes,omitempty"`
}

func viewModule(m client.Module) moduleView {
	v := moduleView{Digest: m.Digest, Size: m.Size, Stored: m.Stored.UTC(), Notes: m.Notes}
	if manifest, err := abi.ParseManifest(m.Manifest); err == nil {
		v.Name, v.Language = manifest.Name, manifest.Language
	}
	return v
}

// short returns as much of a digest as a person wants to see.
func short(digest string) string { return digest[:min(12, len(digest))] }
