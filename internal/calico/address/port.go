package address

import (
	"strconv"

	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// Protocol reads a protocol as Calico does: a number if it is one.
func Protocol(s string) numorstring.Protocol {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return numorstring.ProtocolFromInt(uint8(n))
	}
	// Not ProtocolFromString, which would quietly correct what Calico refuses.
	return numorstring.Protocol{Type: numorstring.NumOrStringString, StrVal: s}
}

// IsNamed tells whether a port is given by a name.
func IsNamed(p numorstring.Port) bool { return p.PortName != "" }
