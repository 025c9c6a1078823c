package mosaic

import (
	"sync"

	"cogweave/core"
	"cogweave/core/plan"
)

// layerNeed is the tiles of one layer that cover a window, row by row. Where they are several, each one's part of the
// window is copied out of it as soon as it is decoded (gather): a tile does not stay for blocks that wait for its
// neighbours. Inside one tile the tile's own memory serves.
type layerNeed struct {
	layer    plan.Layer
	noData   core.NoData // what a tile that is not in the file holds
	window   core.Window // level pixels
	row, col int         // of the first tile
	cols     int         // tiles in a row
	tiles    []*tile     // nil where no cell needs the tile

	mu     sync.Mutex
	pixels []byte // over window, row-major; of several tiles, from the first that is decoded on
}

// lay makes room for the tiles over a window.
func (l *layerNeed) lay(layer plan.Layer, noData core.NoData, w core.Window) {
	th, tw := layer.Image.TileHeight, layer.Image.TileWidth
	l.layer, l.noData, l.window = layer, noData, w
	l.row, l.col = w.Row/th, w.Col/tw
	l.cols = (w.Col+w.Width-1)/tw - l.col + 1
	rows := (w.Row+w.Height-1)/th - l.row + 1
	l.tiles = make([]*tile, rows*l.cols)
}

// gathers tells whether the window is put together of parts, as they come.
func (l *layerNeed) gathers() bool { return len(l.tiles) > 1 }

// dtype is the type of the layer's pixels; a mask's are bytes.
func (l *layerNeed) dtype() core.DType {
	if l.layer.Role == plan.Mask {
		return core.UInt8
	}
	return l.layer.Image.DType()
}

// size is the memory of the window's pixels.
func (l *layerNeed) size() int { return l.window.Height * l.window.Width * l.dtype().Size() }

// kept is the memory that gathering takes beside the tiles.
func (l *layerNeed) kept() int64 {
	if !l.gathers() {
		return 0
	}
	return int64(l.size())
}

// gather takes the window's part of one of several tiles, into memory from the spares.
func (l *layerNeed) gather(slot int, from *core.Spares) {
	l.mu.Lock()
	if l.pixels == nil {
		l.pixels = from.TakeRoom(l.size())
	}
	l.mu.Unlock()
	l.put(l.pixels, slot)
}

// whole gives the window's pixels, row-major, to be read only: those that were gathered, or the one tile's, copied into room.
func (l *layerNeed) whole(room *[]byte) []byte {
	if l.gathers() {
		return l.pixels
	}
	*room = grow(room, l.size())
	if l.tiles[0] != nil {
		l.put(*room, 0)
	}
	return *room
}

// put copies the window's part of a tile into dst. A sparse tile gives nodata.
func (l *layerNeed) put(dst []byte, slot int) {
	t, w, tw := l.tiles[slot], l.window, l.layer.Image.TileWidth
	at := core.Window{Row: (l.row + slot/l.cols) * l.layer.Image.TileHeight, Col: (l.col + slot%l.cols) * tw, Height: t.rows, Width: tw}
	part, size := at.Intersect(w), l.dtype().Size()
	src := t.sample(l.layer.Sample)
	var pixel []byte
	if src == nil {
		pixel = sparsePixel(l.noData, l.dtype())
	}
	for row := part.Row; row < part.Row+part.Height; row++ {
		to := dst[((row-w.Row)*w.Width+part.Col-w.Col)*size:][:part.Width*size]
		if src == nil {
			fillRow(to, pixel)
			continue
		}
		copy(to, src[((row-at.Row)*tw+part.Col-at.Col)*size:])
	}
}

// fillRow repeats pixel over row.
func fillRow(row, pixel []byte) {
	n := copy(row, pixel)
	for n > 0 && n < len(row) {
		n += copy(row[n:], row[:n])
	}
}

// sparsePixel is the pixel of a tile that is not in the file: nodata where the type holds it, else zero.
func sparsePixel(n core.NoData, d core.DType) []byte {
	if !n.Set || !d.Holds(n.Value) {
		return make([]byte, d.Size())
	}
	return d.Bytes(n.Value)
}

// failed is the first error among the tiles.
func (l *layerNeed) failed() error {
	for _, t := range l.tiles {
		if t != nil && t.err != nil {
			return t.err
		}
	}
	return nil
}

// release lets go of what the layer holds: gathered pixels, or its tile.
func (l *layerNeed) release(rd *round) {
	if !l.gathers() {
		for _, t := range l.tiles {
			if t != nil {
				t.release()
			}
		}
		return
	}
	if l.pixels != nil {
		rd.job.run.engine.spares.GiveRoom(l.pixels)
		l.pixels = nil
	}
	rd.discharge(l.kept())
}
