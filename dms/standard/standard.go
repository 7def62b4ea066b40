// Package standard registers the deployment managers that come with Amino.Run, and
// explains them. Import it for its effect; a third-party DM is one more such import.
package standard

import (
	_ "amino.run/dms/caching"
	_ "amino.run/dms/checkpointing"
	_ "amino.run/dms/mobility"
	_ "amino.run/dms/primitive"
	_ "amino.run/dms/replication"
	_ "amino.run/dms/scalability"
	_ "amino.run/dms/serializability"
	_ "amino.run/dms/transactions"
)
