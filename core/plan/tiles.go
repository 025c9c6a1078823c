package plan

import (
	"context"

	"cogweave/core"
	"cogweave/core/cog"
)

// Layer is one image of a source's file that holds part of what is wanted: the pixels of a sample, or
// what says which of them are valid.
type Layer struct {
	Image  *cog.Level
	Sample int
	Role   Role
}

// Role is what a layer says.
type Role int

// The roles of layers.
const (
	Pixels Role = iota
	Alpha       // a pixel is invalid where the sample is 0
	Mask        // likewise, in an image of its own
)

// Layers lists the images to read for a source, its pixels first.
func (s *Source) Layers() []Layer {
	image := &s.Header.Levels[s.Level]
	layers := []Layer{{Image: image, Sample: s.Sample, Role: Pixels}}
	if s.Level < len(s.Header.Masks) && s.Header.Masks[s.Level].Width > 0 {
		// A mask has one sample for all bands, or one for each.
		mask := &s.Header.Masks[s.Level]
		layers = append(layers, Layer{Image: mask, Sample: min(s.Sample, mask.Samples-1), Role: Mask})
	}
	// A file's nodata value outranks its alpha band, as in GDAL (RFC 15); the alpha band itself is data.
	if alpha := image.AlphaSample(); alpha >= 0 && alpha != s.Sample && !s.Header.NoData.Set {
		layers = append(layers, Layer{Image: image, Sample: alpha, Role: Alpha})
	}
	return layers
}

// EachTile calls yield for the (row, column) of every tile of the image that a window of pixels touches.
func (l *Layer) EachTile(w core.Window, yield func(row, col int)) {
	if w.Empty() {
		return
	}
	th, tw := l.Image.TileHeight, l.Image.TileWidth
	for row := w.Row / th; row*th < w.Row+w.Height; row++ {
		for col := w.Col / tw; col*tw < w.Col+w.Width; col++ {
			yield(row, col)
		}
	}
}

// Tile gives the index and bytes of the tile at (row, col); ok is false for a sparse tile.
func (l *Layer) Tile(row, col int) (index int, r core.ByteRange, ok bool) {
	index = l.Image.TileIndex(row, col, l.Sample)
	if index >= len(l.Image.ByteCounts) || index >= len(l.Image.Offsets) {
		return index, core.ByteRange{}, false
	}
	r, ok = l.Image.TileRange(index)
	return index, r, ok
}

// Windows gives the windows of level pixels that the cells need, for a rectangle or for each of scattered cells: mostly one,
// none where they miss the raster, two across the antimeridian. whole tells whether every cell lies on the raster.
func (s *Source) Windows(c *Cells) (list []core.Window, whole bool) {
	if c.Rows == nil {
		return s.windows(c, c.Window, s.Kernel, nil)
	}
	list, whole = make([]core.Window, 0, len(c.Rows)), true
	for i := range c.Rows {
		cell := core.Window{Row: c.Row*side + int(c.Rows[i]), Col: c.Col*side + int(c.Cols[i]), Height: 1, Width: 1}
		var inside bool
		list, inside = s.windows(c, cell, s.Kernel, list)
		whole = whole && inside
	}
	return list, whole
}

// Read is one tile that a window needs.
type Read struct {
	ItemID    string
	Band      string
	TimeIndex int32 // position in Plan.Steps
	Level     int32
	TileIndex int64
	Ref       core.TileRef
	Window    core.Window // the tile, level pixels

	image *cog.Level
}

// Reads lists every tile that a window needs if no pixel is skipped, each once per time step, in the
// order of time, item, band. It asks headers for those that are not known.
func (p *Plan) Reads(ctx context.Context, w Window, headers HeaderReader) ([]Read, error) {
	if _, _, err := p.CheckWindow(w); err != nil {
		return nil, err
	}
	if w.Cells() == 0 {
		return nil, nil
	}
	bands := p.Needed(positions(w.Band))
	steps, err := p.Resolve(ctx, positions(w.Time), bands, w.Bounds(), headers)
	if err != nil {
		return nil, err
	}
	byTime := map[int]*Step{}
	for i := range steps {
		byTime[steps[i].Time] = &steps[i]
	}
	var reads []Read
	type tile struct {
		time  int
		image *cog.Level
		index int
	}
	seen := map[tile]bool{}
	add := func(r Read) {
		if key := (tile{int(r.TimeIndex), r.image, int(r.TileIndex)}); !seen[key] {
			seen[key] = true
			reads = append(reads, r)
		}
	}
	if err := p.fractionReads(ctx, steps, headers, add); err != nil {
		return nil, err
	}
	for _, job := range w.Jobs() {
		for _, item := range byTime[job.Time].Items {
			if item.Err != nil && !p.IgnoreErrors {
				return nil, item.Err
			}
			for _, source := range item.Sources {
				if source == nil {
					continue
				}
				source.eachRead(p, job, add)
			}
		}
	}
	return reads, nil
}

func (s *Source) eachRead(p *Plan, job Job, yield func(Read)) {
	layers := s.Layers()
	pixels := Read{ItemID: p.Items[s.Item].ID, Band: p.Bands[s.Band].Name, TimeIndex: int32(job.Time), Level: int32(s.Level)}
	for i := range job.Cells {
		c := &job.Cells[i]
		if s.Outline.Intersect(c.Window).Empty() {
			continue
		}
		windows, _ := s.Windows(c)
		for _, w := range windows {
			for _, layer := range layers {
				layer.eachRead(w, s.Asset, pixels, yield)
			}
			for _, m := range s.Masks {
				mask, layer := pixels, m.Layer()
				mask.Band, mask.Level = m.Name, int32(m.Level)
				layer.eachRead(m.Window(w), m.Asset, mask, yield)
			}
		}
	}
}

// eachRead calls yield with a read, like as, of every tile of the layer that the window of pixels touches.
func (l *Layer) eachRead(w core.Window, asset *core.Asset, as Read, yield func(Read)) {
	l.EachTile(w, func(row, col int) {
		index, r, ok := l.Tile(row, col)
		if !ok {
			return
		}
		as.image, as.TileIndex, as.Ref = l.Image, int64(index), core.TileRef{Asset: asset, Range: r}
		as.Window = core.Window{Row: row * l.Image.TileHeight, Col: col * l.Image.TileWidth, Height: l.Image.TileHeight, Width: l.Image.TileWidth}
		yield(as)
	})
}
