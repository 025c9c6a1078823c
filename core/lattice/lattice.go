// Package lattice maps the cells of a grid to coordinates of another CRS, exactly at control points and
// by interpolation between them, which is several times faster than a transform for each pixel.
//
// The lattice is anchored to the whole grid, so that however a grid is cut into chunks, a cell's
// coordinates are the same to the last bit. It works in two steps. The transform itself runs at 5x5
// points of a square of Square cells, through which a polynomial of degree 4 per axis is laid; the
// polynomial gives the nodes of Block cells, at the widest step at which linear interpolation between
// nodes stays within the tolerance. The polynomial is checked against the exact transform, interpolation
// against the polynomial. A square that no polynomial fits, as of wide cells or near a pole, is cut into
// four, down to single blocks; a block, down to sixteen pieces, which give each cell its own node. Where even
// these fail (at a pole, at the edge of a projection) the nodes are exact.
package lattice

import (
	"math"
	"slices"
	"sync"

	"cogweave/core"
)

// Block is the side, in cells, of the squares that are interpolated together.
const Block = 64

// Square is the side, in cells, of the largest squares that share one polynomial.
const Square = 512

const degree = 4

// Nodes are the control points of one block: source coordinates of cells at multiples of Step from the
// block's top-left cell, row-major, PerRow to a row: as many as interpolation over the block's cells needs,
// or over the corners of its cells, which reach one further. With Step 1 every cell has its own node, and
// neighbours must not be touched: they may be NaN.
type Nodes struct {
	Step   int
	PerRow int
	X, Y   []float64
}

// Lattice gives source coordinates for the cells of a grid. It is safe for concurrent use.
type Lattice struct {
	grid   core.Grid
	source core.Transformer // grid CRS to source CRS; nil where they are the same
	seam   Seam
	offset float64 // 0.5 for cell centres, 0 for cell corners
	tol    float64 // greatest error of an interpolated coordinate, source CRS units
	beyond int     // nodes beyond the block's edge

	mu      sync.Mutex
	squares map[squareKey]*square
	blocks  map[[2]int]Nodes // by first cell: those that no polynomial fits
}

// maxSquares and maxBlocks bound the memory of one lattice, to 8 MiB and 32 MiB.
const (
	maxSquares = 1 << 14
	maxBlocks  = 512
)

// New makes the lattice of a grid. source maps grid CRS coordinates to the source CRS (nil: the same
// CRS); seam says how its x are counted. offset is 0.5 for cell centres, 0 for their top-left corners.
// tolerance is the greatest error in units of the source CRS.
func New(grid core.Grid, source core.Transformer, seam Seam, offset, tolerance float64) *Lattice {
	beyond := 1
	if offset == 0 {
		beyond = 2 // the last cells' far corners have their own cell of nodes
	}
	return &Lattice{grid: grid, source: source, seam: seam, offset: offset, tol: tolerance, beyond: beyond, squares: map[squareKey]*square{}, blocks: map[[2]int]Nodes{}}
}

// squareKey is the side of a square, in cells, and where it lies, counted in such squares.
type squareKey struct{ side, row, col int }

// square is the polynomial of one square, or the lack of one.
type square struct {
	once   sync.Once
	side   int
	row0   int // first cell
	col0   int
	height float64 // cells spanned by the polynomial's nodes
	width  float64
	x, y   [degree + 1][degree + 1]float64 // exact coordinates at the nodes
	step   int                             // step of the blocks' nodes; 0: no polynomial
	slack  float64                         // of Border; infinite where it cannot tell
}

// Nodes gives the control points of the block at (row, col), counted in blocks from the grid's origin, in
// the memory of n.
func (l *Lattice) Nodes(row, col int, n *Nodes) {
	if l.source == nil {
		l.affine(row*Block, col*Block, n)
		return
	}
	if sq := l.fitted(row, col); sq != nil {
		n.shape(sq.step, Block/sq.step+l.beyond)
		sq.lay(row*Block, col*Block, n, 0, n.PerRow)
		if !l.seam.countFromWest(n.X, l.onSeam()) {
			l.shapeDense(n)
			sq.lay(row*Block, col*Block, n, 0, n.PerRow)
			l.seam.countEachFromWest(n.X, l.onSeam())
		}
		return
	}
	dense := l.dense(row*Block, col*Block)
	n.shape(dense.Step, dense.PerRow)
	copy(n.X, dense.X)
	copy(n.Y, dense.Y)
}

// shape makes room for so many nodes.
func (n *Nodes) shape(step, per int) {
	n.Step, n.PerRow = step, per
	n.X = slices.Grow(n.X[:0], per*per)[:per*per]
	n.Y = slices.Grow(n.Y[:0], per*per)[:per*per]
}

// shapeDense makes room for a node for each cell.
func (l *Lattice) shapeDense(n *Nodes) { n.shape(1, Block+l.beyond-1) }

// onSeam is how near to the seam a point is on it.
func (l *Lattice) onSeam() float64 { return l.tol / 20 }

// affine is the block of a source in the same CRS: its corners say everything.
func (l *Lattice) affine(row0, col0 int, n *Nodes) {
	per := 1 + l.beyond
	n.shape(Block, per)
	for i := range n.X {
		n.X[i], n.Y[i] = l.grid.Transform.Apply(float64(col0+i%per*Block)+l.offset, float64(row0+i/per*Block)+l.offset)
	}
}

// fitted gives the largest square around a block that a polynomial fits; nil if none does.
func (l *Lattice) fitted(row, col int) *square {
	for side := Square; side >= Block; side /= 2 {
		if sq := l.square(squareKey{side, row * Block / side, col * Block / side}); sq.step > 0 {
			return sq
		}
	}
	return nil
}

func (l *Lattice) square(key squareKey) *square {
	l.mu.Lock()
	sq := l.squares[key]
	if sq == nil {
		if len(l.squares) >= maxSquares {
			clear(l.squares)
		}
		sq = &square{side: key.side, row0: key.row * key.side, col0: key.col * key.side}
		l.squares[key] = sq
	}
	l.mu.Unlock()
	sq.once.Do(func() { l.fit(sq) })
	return sq
}

// at transforms points of the grid, given in cells, exactly.
func (l *Lattice) at(rows, cols []float64) (x, y []float64) {
	x, y = make([]float64, len(rows)), make([]float64, len(rows))
	for i := range rows {
		x[i], y[i] = l.grid.Transform.Apply(cols[i]+l.offset, rows[i]+l.offset)
	}
	if l.source != nil {
		l.source.Transform(x, y)
	}
	return x, y
}

// fit lays the polynomial through a square and finds the widest step that meets the tolerance.
func (l *Lattice) fit(sq *square) {
	// A square at the edge spans only the grid: beyond it the transform may not exist.
	sq.height = float64(max(1, min(sq.side, l.grid.Rows-sq.row0)))
	sq.width = float64(max(1, min(sq.side, l.grid.Cols-sq.col0)))
	var rows, cols []float64
	for p := range degree + 1 {
		for q := range degree + 1 {
			rows = append(rows, float64(sq.row0)+sq.height*float64(p)/degree)
			cols = append(cols, float64(sq.col0)+sq.width*float64(q)/degree)
		}
	}
	// Checked at the middles of the polynomial's own cells, where it errs most.
	nodes := len(rows)
	for p := range degree {
		for q := range degree {
			rows = append(rows, float64(sq.row0)+sq.height*(float64(p)+0.5)/degree)
			cols = append(cols, float64(sq.col0)+sq.width*(float64(q)+0.5)/degree)
		}
	}
	x, y := l.at(rows, cols)
	for i := range nodes {
		p, q := i/(degree+1), i%(degree+1)
		switch { // longitudes go on across the seam
		case q > 0:
			x[i] = l.seam.nearest(x[i], x[i-1])
		case p > 0:
			x[i] = l.seam.nearest(x[i], x[i-degree-1])
		}
		sq.x[p][q], sq.y[p][q] = x[i], y[i]
	}
	for i := nodes; i < len(x); i++ {
		px, py := sq.at(rows[i], cols[i])
		if !(math.Hypot(px-l.seam.nearest(x[i], px), py-y[i]) <= l.tol/4) { // NaN too
			return
		}
	}
	for step := Block; step >= 1; step /= 2 {
		if step == 1 || sq.bend(float64(step)) <= l.tol*0.7 {
			sq.step = step
			sq.slack = math.Inf(1)
			if sq.regular() {
				sq.slack = sq.bend(float64(max(step, chord))) + l.tol
			}
			return
		}
	}
}

// bend bounds the distance between the polynomial and bilinear interpolation over cells of the given
// step, sampled over the square. It adds the two axes, each measured along an edge: in the middle of a
// cell of a conformal map, whose components are harmonic, they would cancel.
func (s *square) bend(step float64) float64 {
	worst := 0.0
	for p := range degree + 1 {
		for q := range degree + 1 {
			row := float64(s.row0) + (s.height-step)*float64(p)/degree
			col := float64(s.col0) + (s.width-step)*float64(q)/degree
			x0, y0 := s.at(row, col)
			xr, yr := s.at(row, col+step/2)
			xc, yc := s.at(row+step/2, col)
			x1, y1 := s.at(row, col+step)
			x2, y2 := s.at(row+step, col)
			worst = max(worst, math.Hypot((x0+x1)/2-xr, (y0+y1)/2-yr)+math.Hypot((x0+x2)/2-xc, (y0+y2)/2-yc))
		}
	}
	return worst
}

// regular tells whether the polynomial turns cells nowhere over, sampled over the square: then it takes
// open sets to open sets.
func (s *square) regular() bool {
	var first float64
	for p := range degree + 1 {
		for q := range degree + 1 {
			row := float64(s.row0) + (s.height-1)*float64(p)/degree
			col := float64(s.col0) + (s.width-1)*float64(q)/degree
			x, y := s.at(row, col)
			xr, yr := s.at(row, col+1)
			xd, yd := s.at(row+1, col)
			turn := (xr-x)*(yd-y) - (xd-x)*(yr-y)
			if p == 0 && q == 0 {
				first = turn
			}
			if !(turn*first > 0) {
				return false
			}
		}
	}
	return true
}

// weights are the Lagrange basis polynomials through 0, 1, ..., degree at t.
func weights(t float64) [degree + 1]float64 {
	t1, t2, t3, t4 := t-1, t-2, t-3, t-4
	low, high := t*t1, t3*t4
	// Divided rather than multiplied: at the nodes themselves they are 0 and 1 exactly.
	return [degree + 1]float64{t1 * t2 * high / 24, -t * t2 * high / 6, low * high / 4, -low * t2 * t4 / 6, low * t2 * t3 / 24}
}

func (s *square) at(row, col float64) (x, y float64) {
	wr := weights((row - float64(s.row0)) / s.height * degree)
	wc := weights((col - float64(s.col0)) / s.width * degree)
	return s.sum(&wr, &wc)
}

func (s *square) sum(wr, wc *[degree + 1]float64) (x, y float64) {
	along := s.along(wr)
	return along.sum(wc)
}

// line is the polynomial of a square along one of its rows.
type line struct{ x, y [degree + 1]float64 }

// along sums up the rows: what is left is to be summed for each column.
func (s *square) along(wr *[degree + 1]float64) (l line) {
	for p, w := range wr {
		for q := range degree + 1 {
			l.x[q] += w * s.x[p][q]
			l.y[q] += w * s.y[p][q]
		}
	}
	return l
}

func (l *line) sum(wc *[degree + 1]float64) (x, y float64) {
	for q, v := range wc {
		x += v * l.x[q]
		y += v * l.y[q]
	}
	return x, y
}

// lay evaluates the polynomial at count x count control points from cell (row0, col0) on, into n from position first on.
func (s *square) lay(row0, col0 int, n *Nodes, first, count int) {
	var columns [Block + 2][degree + 1]float64
	for q := range count {
		columns[q] = weights(float64(col0+q*n.Step-s.col0) / s.width * degree)
	}
	for p := range count {
		wr := weights(float64(row0+p*n.Step-s.row0) / s.height * degree)
		along := s.along(&wr)
		for q := range count {
			k := first + p*n.PerRow + q
			n.X[k], n.Y[k] = along.sum(&columns[q])
		}
	}
}
