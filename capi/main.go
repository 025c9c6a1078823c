// Command capi is libcogweave.so, the C interface of cogweave (include/cogweave.h). It decodes
// requests, calls the engine and encodes what comes back; beside that it holds what joins the packages: the process's
// engine, rereads of replaced files, items decoded during a search.
//
// A call takes this way: cw_x (entry.c, plain C) tests for a fork and zeroes the outputs, then calls
// cwgo_x, a Go export of a few lines, which leaves panics and errors to call. Stages do not work in
// the call: they submit an operation (package op), which completes on a queue.
package main

// Version is the version of the library and of the Python package.
const Version = "0.1.0"

func main() {} // never called: -buildmode=c-shared wants it
