package dmdoc

import (
	"bytes"
	"fmt"
)

// Sapphire is what table 1 of the paper says of each of its deployment managers (Zhang
// and others, Customizable and Extensible Deployment for Mobile/Cloud Applications,
// OSDI 2014).
var Sapphire = map[string]string{
	"Immutable":               "efficient distribution and access for immutable SOs",
	"AtLeastOnceRPC":          "automatically retry RPCs for bounded amount of time",
	"KeepInPlace":             "keep SO where it was created",
	"KeepInCloud":             "keep SO on cloud server",
	"KeepOnDevice":            "keep SO on accessing client device and dynamically move",
	"ExplicitCaching":         "caching w/ explicit push and pull calls from the application",
	"LeaseCaching":            "server granting leases, local reads and writes for lease-holder",
	"WriteThroughCaching":     "writes serialized on the server and stale, local reads",
	"ConsistentCaching":       "updates sent to every replica for strict consistency",
	"SerializableRPC":         "serialize all RPCs to SO with server-side locking",
	"LockingTransactions":     "multi-RPC transactions w/ locking, no concurrent transactions",
	"OptimisticTransactions":  "abort on conflict",
	"ExplicitCheckpoint":      "app-controlled checkpointing to disk, revert last checkpoint on failure",
	"PeriodicCheckpoint":      "every N RPCs",
	"DurableSerializableRPC":  "revert to last successful RPC on failure",
	"DurableTransactions":     "durably committed transactions, revert to last commit on failure",
	"ConsensusRSM-Cluster":    "single cluster replicated SO w/ atomic RPCs across at least f+1 replicas",
	"ConsensusRSM-Geo":        "geo-replicated SO w/ atomic RPCs across at least f+1 replicas",
	"ConsensusRSM-P2P":        "SO replicated across client devices w/ atomic RPCs over f+1 replicas",
	"ExplicitMigration":       "explicit move call from application",
	"DynamicMigration":        "adaptive, dynamic placement to minimize latency based on accesses",
	"ExplicitCodeOffloading":  "dynamic code offloading with offload call from application",
	"CodeOffloading":          "adaptive, dynamic code offloading based on measured latencies",
	"LoadBalancedFrontEnd":    "simple load balancing w/ static number of replicas and no consistency",
	"ScaleUpFrontEnd":         "load-balancing w/ dynamic allocation of replicas and no consistency",
	"LoadBalancedMasterSlave": "dynamic allocation of load-balanced M-S replicas w/ eventual consistency",
}

// Markdown returns the document of the registered DMs with these names. root is the
// folder of package dms.
func Markdown(root string, names []string) ([]byte, error) {
	var entries []Entry
	for _, name := range names {
		e, err := Read(root, name)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	var b bytes.Buffer
	fmt.Fprint(&b, "<!-- Made from the comments of the deployment managers by go generate ./dms/standard. Do not edit. -->\n\n")
	fmt.Fprint(&b, "# Deployment managers\n\n| name | kind | |\n|---|---|---|\n")
	for _, e := range entries {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", e.Name, bytes.ToLower([]byte(e.Name)), e.Category, e.Short())
	}
	for _, e := range entries {
		e.write(&b)
	}
	return b.Bytes(), nil
}

// Short returns the summary without the name: "sends a call again ...".
func (e Entry) Short() string { return e.Summary[len(e.Name)+1:] }

func (e Entry) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", e.Name, e.Summary)
	if line := Sapphire[e.Name]; line != "" {
		fmt.Fprintf(b, "Sapphire: \"%s\". ", line)
	}
	fmt.Fprintf(b, "Kind: %s.\n\n", e.Category)
	for _, p := range e.Parts {
		fmt.Fprintf(b, "**%s:** %s\n\n", p.Label, p.Text)
	}
	if len(e.Fields) == 0 {
		fmt.Fprint(b, "It has no fields.\n")
		return
	}
	fmt.Fprint(b, "| field | type | default | |\n|---|---|---|---|\n")
	for _, f := range e.Fields {
		fmt.Fprintf(b, "| `%s` | %s | `%s` | %s |\n", f.Name, f.Type, f.Default, f.Doc)
	}
}
