// Package gdal decodes what cogweave has no codec for: one TIFF tile at a time, from memory, through GDAL's GTiff
// driver and nothing else of GDAL's. GDAL sees a file that was built here, around bytes that were checked
// here: never a name or a byte range of a user, no network, no side-car file, no other driver.
package gdal

import (
	"sync"

	"github.com/airbusgeo/godal"

	"cogweave/core"
)

// Init registers the GDAL drivers that cogweave uses, GTiff to read tiles and MEM for what stays in
// memory. It may be called any number of times and from any goroutine; later calls give the outcome of the first.
// PROJ's search paths and GDAL's process-wide options and error handler stay as they are, since another
// library of the process may share this GDAL: options are set per call, and every call collects
// its own messages, so that nothing reaches stderr.
func Init() error { return initialise() }

var initialise = sync.OnceValue(func() error {
	if err := godal.RegisterRaster(godal.Memory, godal.GTiff); err != nil {
		return core.Errorf(core.Internal, "GDALDrivers", "GDAL has no GTiff or MEM driver: %w", err)
	}
	return nil
})
