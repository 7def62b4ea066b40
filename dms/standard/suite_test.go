package standard_test

import (
	"testing"
	"time"

	"amino.run/dms"
	"amino.run/dms/dmtest"
	_ "amino.run/dms/standard"
)

var mixed = []dms.Node{
	dmtest.Node("phone", dms.Device, "east"), dmtest.Node("a", dms.Cloud, "east"),
	dmtest.Node("b", dms.Cloud, "west"), dmtest.Node("c", dms.Cloud, "east"),
}

var devices = []dms.Node{
	dmtest.Node("phone", dms.Device, "east"), dmtest.Node("tablet", dms.Device, "east"),
	dmtest.Node("watch", dms.Device, "west"), dmtest.Node("a", dms.Cloud, "east"),
}

func onDevice(n dms.Node) bool { return n.Labels["tier"] == dms.Device }

var regions = []dms.Node{
	dmtest.Node("a", dms.Cloud, "east"), dmtest.Node("b", dms.Cloud, "west"),
	dmtest.Node("c", dms.Cloud, "north"), dmtest.Node("d", dms.Cloud, "south"),
}

var phones = []dms.Node{
	dmtest.Node("a", dms.Device, "east"), dmtest.Node("b", dms.Device, "west"),
	dmtest.Node("c", dms.Device, "east"), dmtest.Node("d", dms.Device, "west"),
}

var eight = append(dmtest.Nodes(), dmtest.Node("e", dms.Cloud, "east"), dmtest.Node("f", dms.Cloud, "east"),
	dmtest.Node("g", dms.Cloud, "east"), dmtest.Node("h", dms.Cloud, "east"))

func inCloud(n dms.Node) bool { return n.Labels["tier"] == dms.Cloud }

var transactions = dmtest.Transactions("begin", "commit", "rollback")

// promises are what the DMs promise, each alone and in the chains that matter.
func promises() []dmtest.Promises {
	return []dmtest.Promises{
		{Chain: []string{}},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)"}, Twice: true},
		{Chain: []string{"SerializableRPC"}},
		{Chain: []string{"Immutable"}, Fixed: true},
		{Chain: []string{"KeepInPlace"}, Stays: true},
		{Chain: []string{"KeepInCloud"}, Nodes: mixed, Only: inCloud},
		{Chain: []string{"LeaseCaching(ttl=2s)"}},
		{Chain: []string{"ExplicitCheckpoint"}, Recovers: true, Loses: -1, Verb: "checkpoint"},
		{Chain: []string{"PeriodicCheckpoint(every=3)"}, Recovers: true, Undoes: true, Loses: 3},
		{Chain: []string{"ExplicitMigration"}},
		{Chain: []string{"KeepOnDevice"}, Nodes: devices, Only: onDevice},
		{Chain: []string{"DynamicMigration(window=2s, gain=1)"}},
		{Chain: []string{"ExplicitCodeOffloading"}, Nodes: mixed, Verb: "offload"},
		{Chain: []string{"CodeOffloading"}, Nodes: mixed, Helpers: true},
		{Chain: []string{"ScaleUpFrontEnd"}, Reads: dmtest.Separate, Sheds: true, Recovers: true, Loses: -1},
		{Chain: []string{"LoadBalancedMasterSlave"}, Reads: dmtest.Eventual, Same: true, Recovers: true, Loses: 3, Lag: time.Second},
		{Chain: []string{"MasterSlaveSync"}, Same: true, Recovers: true},
		{Chain: []string{"LoadBalancedFrontEnd"}, Reads: dmtest.Separate, Recovers: true, Loses: -1},
		{Chain: []string{"DHT(gather=list)"}, Divided: true, Loses: -1},
		{Chain: []string{"DHT(shards=2, gather=list)", "LoadBalancedFrontEnd"}, Nodes: eight, Divided: true, Reads: dmtest.Separate, Recovers: true, Loses: -1},
		{Chain: []string{"DHT(shards=2, gather=list)", "ConsensusRSM-Cluster"}, Nodes: eight, Divided: true, Recovers: true, Same: true},
		{Chain: []string{"DHT(gather=list)", "PeriodicCheckpoint(every=3)"}, Divided: true, Recovers: true, Undoes: true, Loses: 3},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "DHT(gather=list)", "LeaseCaching(ttl=2s)"}, Divided: true, Twice: true, Loses: -1},
		{Chain: []string{"DHT(shards=2, gather=list)", "SerializableRPC", "DurableSerializableRPC"}, Divided: true, Recovers: true, WithNode: true, Traceless: true, Loses: -1},
		{Chain: []string{"DurableSerializableRPC"}, Recovers: true, WithNode: true, Traceless: true},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "DurableSerializableRPC"}, Recovers: true, WithNode: true, Traceless: true},
		{Chain: []string{"ConsensusRSM-Cluster"}, Recovers: true, Same: true},
		{Chain: []string{"ConsensusRSM-Geo"}, Nodes: regions, Recovers: true, Same: true},
		{Chain: []string{"ConsensusRSM-P2P"}, Nodes: phones, Recovers: true, Same: true},
		{Chain: []string{"ExplicitCaching"}, Load: dmtest.Transactions("pull", "push", "")},
		{Chain: []string{"WriteThroughCaching(ttl=2s)"}, Reads: dmtest.Session},
		{Chain: []string{"ConsistentCaching(ttl=2s)"}},
		{Chain: []string{"LockingTransactions(ttl=2s)"}, Load: transactions},
		{Chain: []string{"OptimisticTransactions(ttl=2s)"}, Load: transactions},
		{Chain: []string{"TwoPhaseCommit(ttl=2s)"}, Recovers: true, Undoes: true},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "KeepInCloud", "ExplicitMigration", "TwoPhaseCommit(ttl=2s)"}, Twice: true, Recovers: true, Undoes: true},
		{Chain: []string{"DurableTransactions(ttl=2s)"}, Load: transactions, Recovers: true, Undoes: true},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "ExplicitCheckpoint", "ConsistentCaching(ttl=2s)"},
			Twice: true, Recovers: true, Loses: -1, Lag: 2 * time.Second, Verb: "checkpoint"},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "ExplicitCheckpoint", "LockingTransactions(ttl=2s)"}, Load: transactions,
			Twice: true, Recovers: true, Loses: -1, Verb: "checkpoint"},
		{Chain: []string{"PeriodicCheckpoint(every=3)", "ConsistentCaching(ttl=2s)"}, Recovers: true, Undoes: true, Loses: 3, Lag: 2 * time.Second},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "ExplicitCheckpoint", "LeaseCaching(ttl=2s)"},
			Twice: true, Recovers: true, Loses: -1, Lag: 2 * time.Second, Verb: "checkpoint"},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "SerializableRPC", "PeriodicCheckpoint(every=3)", "KeepInCloud", "ExplicitMigration"},
			Twice: true, Recovers: true, Undoes: true, Loses: 3},
		{Chain: []string{"KeepInPlace", "PeriodicCheckpoint(every=1)"}, Stays: true, Recovers: true, Undoes: true, Loses: 1},
		{Chain: []string{"AtLeastOnceRPC(timeout=4s)", "KeepInCloud(region=east)", "LoadBalancedFrontEnd(replicas=3)"},
			Only: inCloud, Reads: dmtest.Separate, Twice: true, Recovers: true, Loses: -1},
	}
}

// TestSuite holds every DM to what it promises.
func TestSuite(t *testing.T) {
	for _, p := range promises() {
		t.Run(dmtest.Parse(t, p.Chain...).String(), func(t *testing.T) {
			t.Parallel()
			dmtest.Suite(t, p)
		})
	}
}
