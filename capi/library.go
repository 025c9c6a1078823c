package main

// #include "guard.h"
import "C"

import (
	"runtime"
	"runtime/debug"
)

// versions tells what the library is made of.
func versions() map[string]string {
	v := map[string]string{
		"cogweave": Version, "go": runtime.Version(), "gdal": gdalVersion(), "proj": projVersion(),
		"duckdb": duckdbVersion(), "arrow": "",
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/apache/arrow-go/v18" {
				v["arrow"] = m.Version
			}
		}
	}
	return v
}

//export cwgo_versions
func cwgo_versions(out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error { return giveJSON(out, versions()) })
}

//export cwgo_configure
func cwgo_configure(request *C.char, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		cfg, err := configure(C.GoString(request))
		if err != nil {
			return err
		}
		return giveJSON(out, cfg)
	})
}

//export cwgo_stats
func cwgo_stats(out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error { return giveJSON(out, measure()) })
}
