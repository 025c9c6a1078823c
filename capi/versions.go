package main

/*
#cgo pkg-config: gdal
#cgo LDFLAGS: -lduckdb
#include <gdal.h>
#include <ogr_srs_api.h>
#include "guard.h"

extern const char *duckdb_library_version(void);

static const char *gdal_version(void) { return GDALVersionInfo("RELEASE_NAME"); }
*/
import "C"

import "fmt"

// The libraries are asked, not the build: they are separate files, which may have been replaced.

func gdalVersion() string {
	return C.GoString(C.gdal_version())
}

func projVersion() string {
	var major, minor, patch C.int
	C.OSRGetPROJVersion(&major, &minor, &patch)
	return fmt.Sprintf("%d.%d.%d", major, minor, patch)
}

func duckdbVersion() string { return C.GoString(C.duckdb_library_version()) }
