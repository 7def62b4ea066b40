package door

import (
	"net/http"

	"amino.run/abi"
)

// statuses are those of RFC 9110 (423, 429 and 507: RFC 4918, 6585) that come nearest
// to the codes; what is not here is 500.
var statuses = map[abi.Code]int{
	abi.Application:      http.StatusUnprocessableEntity,
	abi.Unavailable:      http.StatusServiceUnavailable,
	abi.Overloaded:       http.StatusTooManyRequests,
	abi.Leased:           http.StatusLocked,
	abi.Placement:        http.StatusConflict,
	abi.UnknownVerb:      http.StatusNotFound,
	abi.UnknownMethod:    http.StatusNotFound,
	abi.NotFound:         http.StatusNotFound,
	abi.NotLeader:        http.StatusServiceUnavailable,
	abi.PermissionDenied: http.StatusForbidden,
	abi.Conflict:         http.StatusConflict,
	abi.MemoryLimit:      http.StatusInsufficientStorage,
	abi.Deadline:         http.StatusGatewayTimeout,
	abi.BadArgument:      http.StatusBadRequest,
	abi.Exists:           http.StatusConflict,
	abi.NoTransaction:    http.StatusConflict,
	abi.Canceled:         http.StatusServiceUnavailable,
	abi.Reentrant:        http.StatusConflict,
	abi.Refused:          http.StatusUnprocessableEntity,
	abi.Storage:          http.StatusInsufficientStorage,
}

func status(c abi.Code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusInternalServerError
}
