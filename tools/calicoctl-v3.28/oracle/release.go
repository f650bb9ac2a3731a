package main

// release is the one that go.mod pins.
const release = "v3.28.5"
