package storage

import "time"

// objecttest.Fresh, which tests inside this package cannot import.
var fresh = Fresh{UID: "0b5b1d4e-3c2c-4a9c-9d0a-5f6c0f8e7a11", Created: time.Date(2026, 3, 3, 21, 1, 41, 987, time.FixedZone("CET", 3600))}
