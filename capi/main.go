// Command capi is libcogweave.so, the C interface of cogweave (include/cogweave.h). It has no logic
// of its own: it decodes requests, calls one function of the engine and encodes what comes back.
//
// A call takes this way: cw_x (entry.c, plain C) tests for a fork and zeroes the outputs, then calls
// cwgo_x, a Go export of a few lines, which leaves panics and errors to call. Stages do not work in
// the call: they submit an operation (package op), which completes on a queue.
package main

// Version is the version of the library and of the Python package.
const Version = "0.1.0"

func main() {} // never called: -buildmode=c-shared wants it
