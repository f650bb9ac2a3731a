package calico

import jsoniter "github.com/json-iterator/go"

// JSON encodes as Calico does up to v3.32 (libcalico-go/lib/json), with
// the same library and settings, so that the stored bytes are the same: among
// others it knows no omitzero and writes "source":{} in every rule.
var JSON = jsoniter.ConfigCompatibleWithStandardLibrary
