package lattice

import (
	"math"

	"cogweave/core"
)

// chord is the step, in cells, between the points of a border.
const chord = 16

// Border gives points of the border of a window of cells that lies inside one block, in source
// coordinates: the box around them, widened by slack on each side, holds the coordinates of every cell of
// the window. A transform that a polynomial fits takes open sets to open sets, so no coordinate has its
// extreme inside; that makes it much cheaper than looking at the nodes. ok is false where nodes must be
// looked at.
func (l *Lattice) Border(w core.Window) (x, y []float64, slack float64, ok bool) {
	if l.source == nil {
		return nil, nil, 0, false
	}
	sq := l.fitted(w.Row/Block, w.Col/Block)
	if sq == nil || math.IsInf(sq.slack, 1) {
		return nil, nil, 0, false
	}
	step := max(sq.step, chord)
	rows, cols := w.Height-1, w.Width-1 // between the first and the last
	n := 2 * (rows/step + cols/step + 4)
	x, y = make([]float64, 0, n), make([]float64, 0, n)
	for _, row := range ends(rows) {
		wr := weights(float64(w.Row+row-sq.row0) / sq.height * degree)
		along := sq.along(&wr)
		for col := 0; ; col = min(col+step, cols) {
			wc := weights(float64(w.Col+col-sq.col0) / sq.width * degree)
			px, py := along.sum(&wc)
			x, y = append(x, px), append(y, py)
			if col == cols {
				break
			}
		}
	}
	for row := step; row < rows; row += step {
		wr := weights(float64(w.Row+row-sq.row0) / sq.height * degree)
		along := sq.along(&wr)
		for _, col := range ends(cols) {
			wc := weights(float64(w.Col+col-sq.col0) / sq.width * degree)
			px, py := along.sum(&wc)
			x, y = append(x, px), append(y, py)
		}
	}
	return x, y, sq.slack, l.seam.countFromWest(x, sq.slack)
}

// ends are the first and last of a run of positions, once if they are one.
func ends(last int) []int {
	if last == 0 {
		return []int{0}
	}
	return []int{0, last}
}
