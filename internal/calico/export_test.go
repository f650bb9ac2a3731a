package calico

// What tests in package calico_test need of this package's inside: they are there, as
// users of it, because what makes their objects imports it.
var (
	SpecOf          = specOf
	FelixFieldOrder = felixFieldOrder
)
