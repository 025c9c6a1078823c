package plan

import (
	"context"
	"math"
)

// leastChunk is the least number of rows, and of columns, of a window that is worth an operation of its own.
const leastChunk = 512

// stepsTried bounds the search for a file that touches the grid.
const stepsTried = 8

// tileChunk gives rows and columns, in cells, of a window that fits the tiles of the first band's files: the
// smallest multiple of a tile that is no narrower than leastChunk. It reads one header, of the first file that
// touches the grid, and gives nil where there is none or it cannot be read: a window of any size can be read.
func (p *Plan) tileChunk(ctx context.Context, headers HeaderReader) []int {
	bands := []int{0}
	for t := range min(len(p.Steps), stepsTried) {
		found, err := p.touching(ctx, []int{t}, bands, p.Grid.Window())
		if err != nil {
			return nil
		}
		if len(found) == 0 {
			continue
		}
		if err := p.readHeaders(ctx, found[:1], headers); err != nil {
			return nil
		}
		source, err := p.source(&found[0].files[0], 0)
		if err != nil || source.Outline.Empty() {
			return nil
		}
		level := &source.Header.Levels[source.Level]
		rows := tileMultiple(level.TileHeight, source.Scale[1], p.Grid.Rows)
		return []int{rows, tileMultiple(level.TileWidth, source.Scale[0], p.Grid.Cols)}
	}
	return nil
}

// tileMultiple is the length of a chunk along an axis of that many cells, for tiles of that many level pixels.
func tileMultiple(tile int, scale float64, cells int) int {
	side := max(1, math.Round(float64(tile)*scale))
	if side >= float64(cells) {
		return cells
	}
	return min(cells, int(side)*int(math.Ceil(leastChunk/side)))
}
