package cog

import (
	"fmt"

	"cogweave/core"
)

// The reasons of this package's errors, all of class DecodeError.
const (
	notATiff     = "NotATiff"          // not TIFF at all, or cut off before its first directory
	ifdLoop      = "IFDLoop"           // a directory is reached twice
	tooManyIFDs  = "TooManyIFDs"       // more than Limits.MaxIFDs
	tiffLimit    = "TiffLimit"         // a tag asks for more than Limits, or than the file can hold
	truncated    = "Truncated"         // the file ends before the values of a tag
	unsupported  = "TiffUnsupported"   // TIFF, but of a kind that has no array form
	tileRange    = "TileOutOfRange"    // the bytes of a tile are not where the header says
	badGeoref    = "GeoReferenceError" // a transform or CRS that cannot be meant
	firstBytes   = 16                  // quoted in a NotATiff error
	maxGeoKeys   = 64 << 10            // bytes of GeoASCIIParams; a WKT of that size is not a CRS
	maxXMLBytes  = 1 << 20             // bytes of GDAL_METADATA
	maxEntries   = 4096                // entries of one directory, as libtiff's own limit
	maxDimension = 1<<31 - 1           // pixels of an image or tile along one axis, as in GDAL
)

func fail(reason, format string, args ...any) *core.Error {
	return core.Errorf(core.DecodeError, reason, format, args...)
}

// notTiff is the error for bytes that are no TIFF; it quotes the first of them, since an HTML page or
// an XML error document is recognised at sight.
func notTiff(head []byte, format string, args ...any) *core.Error {
	head = head[:min(len(head), firstBytes)]
	return fail(notATiff, "not a TIFF: %s; it starts with 0x%x", fmt.Sprintf(format, args...), head)
}
