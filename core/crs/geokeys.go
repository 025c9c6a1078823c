package crs

/*
#include <stdlib.h>
#include <cpl_vsi.h>
*/
import "C"

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"cogweave/core"
	"cogweave/core/cog"

	"github.com/airbusgeo/godal"
)

var registerGTiff = sync.OnceValue(func() error { return godal.RegisterRaster(godal.GTiff) })

// FromGeoref gives the CRS of a raster: its EPSG code, or WKT for GeoKeys that define a system of their
// own. "" means that the file does not say.
func (Projection) FromGeoref(g *cog.Georef) (string, error) {
	if g.EPSG != 0 {
		return EPSG(g.EPSG), nil
	}
	if len(g.Keys) < 4 {
		return "", nil
	}
	key := fmt.Sprint(g.Keys, g.Doubles, g.ASCII)
	if wkt, ok := geokeyWKT.Load(key); ok {
		return wkt.(string), nil
	}
	var wkt string
	var err error
	withDatabase(func() { wkt, err = wktOfKeys(g) })
	if err != nil {
		return "", err
	}
	geokeyWKT.Store(key, wkt)
	return wkt, nil
}

var geokeyWKT sync.Map // printed keys -> WKT

// wktOfKeys asks GDAL, which owns the rules by which GeoKeys become a CRS (OGC 19-008r4 and the habits
// of old software): it reads a TIFF of one pixel that carries the same keys.
func wktOfKeys(g *cog.Georef) (string, error) {
	if err := registerGTiff(); err != nil {
		return "", core.Errorf(core.Internal, "GDAL", "cannot register GTiff: %w", err)
	}
	name := fmt.Sprintf("/vsimem/cogweave-geokeys-%d.tif", tiffNumber.Add(1))
	data := keysTIFF(g)
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	memory := C.CBytes(data)
	defer C.free(memory)
	file := C.VSIFileFromMemBuffer(cname, (*C.GByte)(memory), C.vsi_l_offset(len(data)), 0)
	if file == nil {
		return "", core.Errorf(core.Internal, "GDAL", "cannot make a file in memory")
	}
	C.VSIFCloseL(file)
	defer C.VSIUnlink(cname)
	ds, err := godal.Open(name, godal.Drivers("GTiff"), godal.ErrLogger(godal.ErrorHandler(ignoreWarnings)))
	if err != nil {
		return "", core.Errorf(core.DecodeError, "GeoReferenceError", "GeoKeys are not understood: %w", err)
	}
	defer func() { _ = ds.Close() }()
	return ds.Projection(), nil
}

var tiffNumber atomic.Int64

// keysTIFF is a little-endian TIFF of one byte pixel with the GeoKeys of g.
func keysTIFF(g *cog.Georef) []byte {
	type entry struct {
		tag, kind uint16
		count     uint32
		data      []byte
	}
	le := binary.LittleEndian
	short := func(tag uint16, values ...uint16) entry {
		var data []byte
		for _, v := range values {
			data = le.AppendUint16(data, v)
		}
		return entry{tag, 3, uint32(len(values)), data}
	}
	double := func(tag uint16, values ...float64) entry {
		var data []byte
		for _, v := range values {
			data = le.AppendUint64(data, math.Float64bits(v))
		}
		return entry{tag, 12, uint32(len(values)), data}
	}
	entries := []entry{
		short(256, 1), short(257, 1), short(258, 8), short(259, 1), short(262, 1), short(273, 8), short(277, 1),
		short(278, 1), short(279, 1),
		double(33550, 1, 1, 0), double(33922, 0, 0, 0, 0, 0, 0), short(34735, g.Keys...),
	}
	if len(g.Doubles) > 0 {
		entries = append(entries, double(34736, g.Doubles...))
	}
	if g.ASCII != "" {
		text := append([]byte(g.ASCII), 0)
		entries = append(entries, entry{34737, 2, uint32(len(text)), text})
	}
	const ifd = 16 // the pixel lies at byte 8
	var head, tail bytes.Buffer
	head.WriteString("II*\x00")
	_ = binary.Write(&head, le, uint32(ifd))
	head.Write(make([]byte, 8))
	_ = binary.Write(&head, le, uint16(len(entries)))
	after := ifd + 2 + 12*len(entries) + 4
	for _, e := range entries {
		_ = binary.Write(&head, le, []uint16{e.tag, e.kind})
		_ = binary.Write(&head, le, e.count)
		if len(e.data) <= 4 {
			head.Write(append(bytes.Clone(e.data), 0, 0, 0, 0)[:4])
			continue
		}
		_ = binary.Write(&head, le, uint32(after+tail.Len()))
		tail.Write(e.data)
		if tail.Len()%2 == 1 {
			tail.WriteByte(0)
		}
	}
	head.Write(make([]byte, 4))
	head.Write(tail.Bytes())
	return head.Bytes()
}
