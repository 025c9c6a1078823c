package crs

/*
#cgo pkg-config: gdal
#cgo CFLAGS: -Wall -Wextra -Wno-unused-parameter -Werror
#include <cpl_error.h>
#include <ogr_srs_api.h>

static void quiet(void) {
	CPLSetErrorHandler(CPLQuietErrorHandler);
	OSRSetPROJEnableNetwork(0);
}
*/
import "C"

import (
	"runtime"
	"sync"
)

// database takes the work that looks things up in PROJ's database. GDAL has a PROJ context, with a
// connection to the database and caches of its own, for each operating-system thread, and the first
// lookup on a thread takes 5 ms: all are made on one.
var database = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		// GDAL prints errors on stderr unless told otherwise (ours are returned); PROJ is to download no grids.
		C.quiet()
		for f := range work {
			f()
		}
	}()
	return work
})

// withDatabase runs f on the thread of PROJ's database.
func withDatabase(f func()) {
	done := make(chan any, 1)
	database() <- func() {
		defer func() { done <- recover() }()
		f()
	}
	if r := <-done; r != nil {
		panic(r)
	}
}
