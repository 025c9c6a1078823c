package mosaic

import (
	"bytes"
	"testing"

	"cogweave/core"
	"cogweave/core/plan"
)

// twoBands gives an item of two compressed rasters.
func twoBands(a *archive, id string, x float64, pixel func(row, col int) uint16) core.Item {
	a.side, a.deflate = 128, true
	item := a.add(id+"-B", x, 5000000, 256, pixel)
	other := a.add(id+"-C", x, 5000000, 256, func(row, col int) uint16 { return pixel(col, row) + 5 })
	for _, asset := range []core.ItemAsset{item.Assets[0], other.Assets[0]} {
		a.headers[asset.Href].NoData = core.NoData{} // every pixel is valid, so that none is looked at
	}
	other.Assets[0].AssetDescription = &core.AssetDescription{Key: "C", MediaType: "image/tiff"}
	item.ID, item.Assets = id, append(item.Assets, other.Assets...)
	return item
}

// Tiles that are decoded into the output give the pixels of blocks that are combined, whatever part of them a window has;
// so they do where a band's tile fails after the other's was placed.
func TestStraight(t *testing.T) {
	for _, failing := range []string{"", "to the west", "near-B", "near-C"} {
		t.Run(failing, func(t *testing.T) {
			a, x := newArchive(), 500000.0
			if failing == "to the west" {
				x -= 640
			}
			items := []core.Item{twoBands(a, "near", x, number), twoBands(a, "far", 500000, func(row, col int) uint16 { return uint16(row ^ col) })}
			if file := a.files[failing]; file != nil {
				clear(file[len(file)/2:]) // tiles 2 and 3
			}
			p := a.plan(t, items, "", 256, 256)
			p.IgnoreErrors = true
			if !placed(t, a, p) {
				t.Fatal("not every tile has a place in the output")
			}
			for _, cut := range [][4]int{{0, 256, 0, 256}, {0, 128, 128, 256}, {3, 200, 7, 90}, {130, 256, 60, 256}, {64, 65, 0, 256}} {
				w := p.Whole()
				w.Row, w.Col = plan.Axis{Start: cut[0], Step: 1, Count: cut[1] - cut[0]}, plan.Axis{Start: cut[2], Step: 1, Count: cut[3] - cut[2]}
				var read [2][]byte
				for i, outcomes := range []bool{false, true} {
					read[i] = bytes.Repeat([]byte{0xee}, w.Cells()*2)
					if _, err := NewEngine(2, 1<<30).Run(t.Context(), p, w, a, a, read[i], Options{Outcomes: outcomes}); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(read[0], read[1]) {
					t.Errorf("rows and columns %v differ", cut)
				}
				checkValid(t, a, p, w, Options{})
			}
		})
	}
}

// What lies in the way of decoding into the output.
func TestDestination(t *testing.T) {
	for _, c := range []struct {
		name string
		side int // of tiles
		x    float64
		last bool // nothing comes after the item
		want bool
	}{
		{"blocks in a tile", 128, 500000, true, true},
		{"blocks across tiles", 96, 500000, true, false},
		{"another item may fill nodata", 128, 500000, false, false},
		{"between pixels", 128, 500003, true, false},
	} {
		a := newArchive()
		a.side, a.deflate = c.side, true
		items := []core.Item{a.add("a", c.x, 5000000, 384, number)}
		if !c.last {
			items = append(items, a.add("b", 500000, 5000000, 384, number))
		}
		p := a.plan(t, items, "", 256, 256)
		if got := placed(t, a, p); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// placed tells whether each tile of a plan's first round has a place in the output.
func placed(t *testing.T, a *archive, p *plan.Plan) bool {
	t.Helper()
	r := &run{engine: NewEngine(1, 1<<30), plan: p, headers: a, tiles: a, ctx: t.Context(), dtype: core.UInt16}
	w := p.Whole()
	steps, err := r.resolve(w)
	if err != nil {
		t.Fatal(err)
	}
	spec := w.Jobs()[0]
	j := newJob(r, spec, steps[spec.Time])
	j.lay()
	rd := j.planRound()
	if len(rd.order) == 0 {
		t.Fatal("no tile is wanted")
	}
	all := true
	for _, tile := range rd.order {
		to, ok := rd.destination(tile)
		cols, _ := tile.image.Grid()
		if ok && tile.image.TileWidth == 128 && len(p.Items) == 1 && to.cells != (core.Window{Row: tile.index / cols * 128, Col: tile.index % cols * 128, Height: 128, Width: 128}) {
			t.Fatalf("tile %d goes to %+v", tile.index, to)
		}
		all = all && ok
	}
	return all
}
