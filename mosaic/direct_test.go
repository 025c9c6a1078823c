package mosaic

import (
	"bytes"
	"fmt"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
	"cogweave/core/plan"
)

// TestBlocksOfOneItem reads each plan twice: as it is, and so that every block is combined, since outcomes are asked for.
// A short way of a block's may show in nothing but time.
func TestBlocksOfOneItem(t *testing.T) {
	holes := func(row, col int) uint16 {
		if (row+col)%5 == 0 || row < 20 {
			return 0 // nodata
		}
		return number(row, col)
	}
	other := func(row, col int) uint16 { return uint16(60000 + row%7 + col%11) }
	for _, shift := range []float64{0, 3.7, 100} {
		for _, items := range []int{1, 2, -2} { // -2: tiles that are compressed
			for _, nodata := range []float64{0, 9} {
				for _, kernel := range []string{"nearest", "bilinear"} {
					t.Run(fmt.Sprintf("shift %v, %d items, nodata %v, %s", shift, items, nodata, kernel), func(t *testing.T) {
						a := newArchive()
						a.deflate = items < 0
						// The first item ends within the grid, so that blocks have all, a part or nothing of it.
						list := []core.Item{a.add("a", 500000-shift, 5000000+shift, 192, holes), a.add("b", 500000, 5000000, 256, other)}
						text := plan.Number(nodata)
						p, err := plan.New(t.Context(), plan.Request{
							Grid:       plan.GridSpec{CRS: "EPSG:32633", Transform: [6]float64{10, 0, 500000, 0, -10, 5000000}, Shape: [2]int{230, 230}},
							TimePeriod: "P1D", NoData: &text, Resampling: plan.Resampling{"*": kernel}}, list[:max(items, -items)], crs.Projection{}, a)
						if err != nil {
							t.Fatal(err)
						}
						for _, fill := range []core.NoData{p.Bands[0].NoData, {Set: true, Value: 77}} {
							short, combined := withFill(t, a, p, p.Whole(), fill, Options{}), withFill(t, a, p, p.Whole(), fill, Options{Outcomes: true})
							if !bytes.Equal(short, combined) {
								t.Errorf("fill %v: a block's short way gives other pixels", fill.Value)
							}
							checkValid(t, a, p, p.Whole(), Options{})
						}
					})
				}
			}
		}
	}
}

// ofType is the need of a source whose one layer has samples of such a type.
func ofType(format cog.SampleFormat, bits int) *sourceNeed {
	image := &cog.Level{Samples: 1, Bits: []int{bits}, Format: format}
	return &sourceNeed{source: &plan.Source{Placement: &plan.Placement{}}, layers: []layerNeed{{layer: plan.Layer{Image: image}}}}
}

// Pixels are copied unseen only where each is valid, or has the fill's value already and nothing else would fill it.
func TestCopies(t *testing.T) {
	set := func(v float64) core.NoData { return core.NoData{Set: true, Value: v} }
	for _, c := range []struct {
		format cog.SampleFormat
		bits   int
		noData core.NoData
		fill   float64
		last   bool
		want   bool
	}{
		{cog.Unsigned, 16, core.NoData{}, 5, false, true},
		{cog.Unsigned, 16, set(0), 0, true, true},
		{cog.Unsigned, 16, set(0), 0, false, false},
		{cog.Unsigned, 16, set(0), 5, true, false},
		{cog.Unsigned, 8, set(-9999), 0, false, true}, // no pixel has it
		{cog.Signed, 64, set(0), 0, true, false},
		{cog.Float, 32, set(0), 0, true, false}, // a zero may have a sign
		{cog.Float, 32, core.NoData{}, 0, false, true},
	} {
		s := ofType(c.format, c.bits)
		s.source.NoData = c.noData
		if got := s.copies(c.fill, c.last); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// A tile's own memory serves where it has all of a block, raw and whole.
func TestIsOneTile(t *testing.T) {
	whole := func() *sourceNeed {
		s := ofType(cog.Unsigned, 16)
		s.source.Aligned, s.whole = true, true
		s.layers[0].tiles = []*tile{{}}
		return s
	}
	if !whole().isOneTile() {
		t.Fatal("one tile of an aligned source is not taken for one")
	}
	for name, change := range map[string]func(*sourceNeed){
		"between pixels": func(s *sourceNeed) { s.source.Aligned = false },
		"a part":         func(s *sourceNeed) { s.whole = false },
		"scaled":         func(s *sourceNeed) { s.scaled = core.Float32 },
		"with a mask":    func(s *sourceNeed) { s.layers = append(s.layers, layerNeed{}) },
		"with mask=":     func(s *sourceNeed) { s.masks = []*maskNeed{{}} },
		"two tiles":      func(s *sourceNeed) { s.layers[0].tiles = []*tile{{}, {}} },
		"not needed":     func(s *sourceNeed) { s.layers[0].tiles = []*tile{nil} },
		"sparse":         func(s *sourceNeed) { s.layers[0].tiles[0].sparse = true },
	} {
		s := whole()
		change(s)
		if s.isOneTile() {
			t.Errorf("%s: it is taken for one tile", name)
		}
	}
}
