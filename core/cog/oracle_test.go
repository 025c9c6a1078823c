package cog

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/airbusgeo/godal"
)

// TestAgainstGDAL compares the header of every good file of the corpus with what GDAL says of it.
func TestAgainstGDAL(t *testing.T) {
	if err := godal.RegisterRaster(godal.GTiff); err != nil {
		t.Fatal(err)
	}
	paths := append(files(t, "cogs"), files(t, "tiff-nongeo")...)
	compared := 0
	for _, path := range paths {
		t.Run(shortName(path), func(t *testing.T) {
			quiet := godal.ErrLogger(func(category godal.ErrorCategory, _ int, message string) error {
				if category < godal.CE_Failure {
					return nil
				}
				return errors.New(message)
			})
			ds, err := godal.Open(path, godal.Drivers("GTiff"), quiet)
			h, ours := parse(mustLoad(t, path))
			if err != nil {
				t.Skipf("GDAL does not open it: %v; ours: %v", err, ours)
			}
			defer ds.Close()
			if ours != nil {
				t.Fatal(ours)
			}
			compared++
			for _, w := range h.Warnings {
				t.Log("warning:", w)
			}
			compareImage(t, h, ds)
			compareGeoref(t, h, ds)
			compareSamples(t, h, ds)
		})
	}
	if compared < len(paths)*9/10 {
		t.Errorf("only %d of %d files were compared", compared, len(paths))
	}
}

var gdalTypes = map[godal.DataType]string{
	godal.Byte: "uint8", godal.UInt16: "uint16", godal.Int16: "int16", godal.UInt32: "uint32", godal.Int32: "int32",
	godal.Float32: "float32", godal.Float64: "float64", 12: "uint64", 13: "int64",
	godal.CInt16: "complex64", godal.CInt32: "complex64", godal.CFloat32: "complex64", godal.CFloat64: "complex128",
}

func compareImage(t *testing.T, h *Header, ds *godal.Dataset) {
	s := ds.Structure()
	l := &h.Levels[0]
	if l.Width != s.SizeX || l.Height != s.SizeY || l.Samples != s.NBands {
		t.Errorf("size %d x %d x %d, GDAL %d x %d x %d", l.Width, l.Height, l.Samples, s.SizeX, s.SizeY, s.NBands)
	}
	// GDAL presents an image of one strip as lines, libtiff as strips of 8 KiB.
	if split := !l.Tiled && l.TileHeight == l.Height; l.TileWidth != s.BlockSizeX || (l.TileHeight != s.BlockSizeY && !split) {
		t.Errorf("tile %d x %d, GDAL %d x %d", l.TileWidth, l.TileHeight, s.BlockSizeX, s.BlockSizeY)
	}
	want := gdalTypes[s.DataType]
	if ds.Bands()[0].Metadata("PIXELTYPE", godal.Domain("IMAGE_STRUCTURE")) == "SIGNEDBYTE" {
		want = "int8"
	}
	if string(l.DType()) != want {
		t.Errorf("dtype %q, GDAL %q", l.DType(), want)
	}
	var got, theirs []string
	for _, o := range h.Levels[1:] {
		got = append(got, fmt.Sprint(o.Width, "x", o.Height, "/", o.TileWidth, "x", o.TileHeight))
	}
	for _, o := range ds.Bands()[0].Overviews() {
		b := o.Structure()
		theirs = append(theirs, fmt.Sprint(b.SizeX, "x", b.SizeY, "/", b.BlockSizeX, "x", b.BlockSizeY))
	}
	if !slices.Equal(got, theirs) {
		t.Errorf("overviews %v, GDAL %v", got, theirs)
	}
	// GDAL's flags: 2 per dataset, 4 alpha, 8 nodata; 0 means a mask for each band, here.
	flags := ds.Bands()[0].MaskFlags()
	if masked := flags == 2 || flags == 0; masked != (h.Masks[0].Width > 0) {
		t.Errorf("mask %d wide, GDAL's flags %d", h.Masks[0].Width, flags)
	}
}

func compareGeoref(t *testing.T, h *Header, ds *godal.Dataset) {
	g := &h.Georef
	gt, err := ds.GeoTransform()
	if (err == nil) != g.HasTransform {
		t.Errorf("transform %v, GDAL %v %v", g.HasTransform, gt, err)
	} else if a := g.Transform; err == nil && !closeTo(gt, [6]float64{a.C, a.A, a.B, a.F, a.D, a.E}) {
		t.Errorf("transform %v, GDAL %v", a, gt)
	}
	gcps := len(ds.GCPs()) > 0 || len(ds.Metadatas(godal.Domain("RPC"))) > 0
	if gcps != g.HasGCPs && !g.HasTransform {
		t.Errorf("GCPs %v, GDAL %v", g.HasGCPs, gcps)
	}
	if ds.Projection() == "" { // none, or that of the GCPs
		return
	}
	sr := ds.SpatialRef()
	defer sr.Close()
	code := sr.AuthorityCode("")
	for _, node := range []string{"PROJCS", "GEOGCS"} { // the horizontal part, also of a compound CRS
		if strings.Contains(ds.Projection(), node+"[") {
			code = sr.AuthorityCode(node)
			break
		}
	}
	if code == "4979" { // with a vertical axis added to it
		code = "4326"
	}
	if got := fmt.Sprint(g.EPSG); g.EPSG != 0 && got != code {
		t.Errorf("EPSG %s, GDAL %q", got, code)
	}
	units := g.key(keyProjUnits)
	beside := g.has(keyTOWGS84, keyTOWGS84) || g.has(keyFirstProjParm, keyLastProjParm) || (units != 0 && units != metre) ||
		g.key(keyProjected) == userDefined || g.key(keyGeographic) == userDefined
	if g.EPSG == 0 && code != "" && !beside {
		t.Errorf("EPSG 0, GDAL %q (keys %v)", code, g.Keys)
	}
}

func closeTo(a, b [6]float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-12*max(math.Abs(a[i]), math.Abs(b[i])) {
			return false
		}
	}
	return true
}

func compareSamples(t *testing.T, h *Header, ds *godal.Dataset) {
	for i, band := range ds.Bands() {
		if nodata, ok := band.NoData(); !h.Levels[0].DType().IsComplex() && (h.Levels[0].DType().Size() < 8 || h.Levels[0].DType().IsFloat()) {
			if ok != h.NoData.Set || (ok && nodata != h.NoData.Value && !(math.IsNaN(nodata) && math.IsNaN(h.NoData.Value))) {
				t.Errorf("band %d: nodata %v, GDAL %v %v", i+1, h.NoData, nodata, ok)
			}
		}
		if d := band.Description(); d != h.Descriptions[i] {
			t.Errorf("band %d: description %q, GDAL %q", i+1, h.Descriptions[i], d)
		}
		s := band.Structure()
		if s.Scale != h.Scales[i] || s.Offset != h.Offsets[i] {
			t.Errorf("band %d: scale %v offset %v, GDAL %v %v", i+1, h.Scales[i], h.Offsets[i], s.Scale, s.Offset)
		}
	}
}
