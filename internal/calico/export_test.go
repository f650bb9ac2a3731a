package calico

import "time"

// What tests in package calico_test need of this package's inside: they are there, as
// users of it, because what makes their objects imports it.
var (
	DeepCopy        = deepCopy
	SpecOf          = specOf
	FelixFieldOrder = felixFieldOrder
)

var fresh = Fresh{UID: "0b5b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11", Created: time.Date(2026, 3, 3, 21, 1, 41, 987, time.FixedZone("CET", 3600))}
