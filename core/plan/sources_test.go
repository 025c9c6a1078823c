package plan

import (
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
)

// TestLongitudesFromZeroTo360 reads the western hemisphere of a raster that counts it from 180 to 360.
func TestLongitudesFromZeroTo360(t *testing.T) {
	h := utm("a.tif", 4326, 0, 90, 512)
	h.Georef.Transform = core.Affine{A: 360.0 / 512, C: 0, E: -180.0 / 512, F: 90}
	headers := table{"a.tif": h}
	// Around 159 degrees west, 21.7 north: column 286, row 194, in the second of the first two tiles.
	p := newPlan(t, request("EPSG:32604", 500000, 2400000, 1000, 64, 64), []core.Item{item("a", 1, "a.tif")}, headers)
	list := reads(t, p, p.Whole(), headers)
	if len(list) != 1 || list[0].TileIndex != 1 {
		t.Errorf("%d tiles: %+v", len(list), list)
	}
}

func asFloat(h *cog.Header) *cog.Header {
	for i := range h.Levels {
		h.Levels[i].Format, h.Levels[i].Bits = cog.Float, []int{32}
	}
	return h
}

// TestSumOfIntegersRefusesFractions: the first item's file makes the sum one of integers.
func TestSumOfIntegersRefusesFractions(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 512), "b.tif": asFloat(utm("b.tif", 32633, 500000, 5000000, 512))}
	items := []core.Item{item("a", 1, "a.tif"), item("b", 1, "b.tif")}
	for _, dtype := range []core.DType{"", core.Float64} {
		req := request("EPSG:32633", 500000, 5000000, 10, 64, 64)
		req.MosaicMethod, req.DType = "sum", dtype
		p := newPlan(t, req, items, headers)
		_, err := p.Reads(t.Context(), p.Whole(), headers)
		if refused := core.ClassOf(err) == core.InvalidArgument; refused != (dtype == "") {
			t.Errorf("dtype %q: %v", dtype, err)
		}
	}
}

// TestAbsentTiles: no nodata means zero, though NaN is none.
func TestAbsentTiles(t *testing.T) {
	headers := table{"a.tif": asFloat(utm("a.tif", 32633, 500000, 5000000, 512))}
	for _, named := range []core.NoData{{}, {Set: true, Value: -9999}} {
		headers["a.tif"].NoData = named
		p := newPlan(t, request("EPSG:32633", 500000, 5000000, 10, 64, 64), []core.Item{item("a", 1, "a.tif")}, headers)
		steps, err := p.Resolve(t.Context(), []int{0}, []int{0}, p.Grid.Window(), headers)
		if err != nil {
			t.Fatal(err)
		}
		s := steps[0].Items[0].Sources[0]
		if !s.Absent.Equal(named) || !s.NoData.Set {
			t.Errorf("nodata %v: absent %v, nodata %v", named, s.Absent, s.NoData)
		}
	}
}

func TestMedoidComparesInTheCallersType(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 512)}
	req := request("EPSG:32633", 500000, 5000000, 10, 64, 64)
	req.MosaicMethod, req.DType = "medoid", core.Float32
	p := newPlan(t, req, []core.Item{item("a", 1, "a.tif")}, headers)
	if p.BlockType() != core.Float32 {
		t.Errorf("blocks of %s", p.BlockType())
	}
}

func TestNoArrayOfComplexFromACallable(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 512)}
	req := request("EPSG:32633", 500000, 5000000, 10, 64, 64)
	req.MosaicMethod, req.DType = "callable(f)", core.Complex64
	if _, err := New(t.Context(), req, []core.Item{item("a", 1, "a.tif")}, crs.Projection{}, headers); core.ClassOf(err) != core.InvalidArgument {
		t.Errorf("%v", err)
	}
}

// TestReadsAcrossTheAntimeridian: the tiles at both ends of a world, and none between.
func TestReadsAcrossTheAntimeridian(t *testing.T) {
	world := utm("a.tif", 4326, -180, 90, 18000)
	world.Georef.Transform.A, world.Georef.Transform.E = 0.02, -0.01
	world.Levels = world.Levels[:1]
	headers := table{"a.tif": world}
	for _, kernel := range []string{"nearest", "cubic", "average", "sum"} {
		req := request("EPSG:3832", 3.24e6, 4e6, 1000, 200, 200)
		req.Resampling = map[string]string{"*": kernel}
		p := newPlan(t, req, []core.Item{item("a", 1, "a.tif")}, headers)
		cols := map[int]bool{}
		for _, r := range reads(t, p, p.Whole(), headers) {
			cols[r.Window.Col/256] = true
		}
		if len(cols) != 2 || !cols[0] || !cols[70] {
			t.Errorf("%s reads columns of tiles %v", kernel, cols)
		}
	}
}
