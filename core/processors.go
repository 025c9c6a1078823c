package core

import (
	"os"
	"runtime"
)

var processors = runtime.GOMAXPROCS(0)

// Processors is how many processors the process may use, as Go found it when the library was loaded.
func Processors() int { return processors }

// SpareProcessor gives Go one processor's state more than there are processors, unless the environment says how many it
// wants. Workers are in C nearly all the time. While every state is in C, Go's monitor wakes every 20 us to take one back,
// and what Go itself has to do, such as handing a fetched tile on, waits for it to do so.
func SpareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors + 1)
	}
}
