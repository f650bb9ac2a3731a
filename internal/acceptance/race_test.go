//go:build race

package acceptance

// raced is true with the race detector. It sees nothing of a provider that is a process of
// its own, and makes these tests several times slower.
const raced = true
