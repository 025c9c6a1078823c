package cog

import (
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
			quiet := godal.ErrLogger(func(godal.ErrorCategory, int, string) error { return nil })
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
	t.Logf("%d of %d files compared", compared, len(paths))
}

var gdalTypes = map[godal.DataType]string{
	godal.Byte: "uint8", godal.UInt16: "uint16", godal.Int16: "int16", godal.UInt32: "uint32", godal.Int32: "int32",
	godal.Float32: "float32", godal.Float64: "float64", 12: "uint64", 13: "int64",
}

func compareImage(t *testing.T, h *Header, ds *godal.Dataset) {
	s := ds.Structure()
	l := &h.Levels[0]
	if l.Width != s.SizeX || l.Height != s.SizeY || l.Samples != s.NBands {
		t.Errorf("size %d x %d x %d, GDAL %d x %d x %d", l.Width, l.Height, l.Samples, s.SizeX, s.SizeY, s.NBands)
	}
	if l.TileWidth != s.BlockSizeX || l.TileHeight != s.BlockSizeY {
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
	const perDataset = 2
	flags := ds.Bands()[0].MaskFlags()
	alpha := ds.Bands()[0].MaskFlags()&4 != 0
	if masked := flags&perDataset != 0 && !alpha; masked != (h.Masks[0].Width > 0) && !h.NoData.Set {
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
	sr := ds.SpatialRef()
	code := sr.AuthorityCode("")
	if code == "" {
		for _, node := range []string{"PROJCS", "GEOGCS"} {
			if code = sr.AuthorityCode(node); code != "" && strings.Contains(ds.Projection(), node+"[") {
				break
			}
		}
	}
	if got := fmt.Sprint(g.EPSG); g.EPSG != 0 && got != code {
		t.Errorf("EPSG %s, GDAL %q", got, code)
	}
	if g.EPSG == 0 && code != "" {
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
		if nodata, ok := band.NoData(); h.Levels[0].DType().Size() < 8 || h.Levels[0].DType().IsFloat() {
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
