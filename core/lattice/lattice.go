// Package lattice maps the cells of a grid to coordinates of another CRS, exactly at control points and
// by interpolation between them, which is several times faster than a transform for each pixel.
//
// The lattice is anchored to the whole grid, so that however a grid is cut into chunks, a cell's
// coordinates are the same to the last bit. It works in two steps. The transform itself runs at 5x5
// points of a square of Square cells, through which a polynomial of degree 4 per axis is laid; the
// polynomial gives the nodes of Block cells, at the widest step at which linear interpolation between
// nodes stays within the tolerance. The polynomial is checked against the exact transform, interpolation
// against the polynomial. Where the
// polynomial fails (poles, the antimeridian, the edge of a projection) the nodes are exact, as dense
// as need be.
package lattice

import (
	"math"
	"slices"
	"sync"

	"cogweave/core"
)

// Block is the side, in cells, of the squares that are interpolated together.
const Block = 64

// Square is the side, in cells, of the squares that share one polynomial.
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
	offset float64          // 0.5 for cell centres, 0 for cell corners
	tol    float64          // greatest error of an interpolated coordinate, source CRS units
	beyond int              // nodes beyond the block's edge

	mu      sync.Mutex
	squares map[[2]int]*square
	blocks  map[[2]int]Nodes // exact blocks, where no polynomial fits: up to 4,096 transforms each
}

// maxSquares and maxBlocks bound the memory of one lattice, to 8 MiB and 32 MiB.
const (
	maxSquares = 1 << 14
	maxBlocks  = 512
)

// New makes the lattice of a grid. source maps grid CRS coordinates to the source CRS (nil: the same
// CRS). offset is 0.5 for cell centres, 0 for their top-left corners. tolerance is the greatest error
// in units of the source CRS.
func New(grid core.Grid, source core.Transformer, offset, tolerance float64) *Lattice {
	beyond := 1
	if offset == 0 {
		beyond = 2 // the last cells' far corners have their own cell of nodes
	}
	return &Lattice{grid: grid, source: source, offset: offset, tol: tolerance, beyond: beyond, squares: map[[2]int]*square{}, blocks: map[[2]int]Nodes{}}
}

// square is the polynomial of one square, or the lack of one.
type square struct {
	once   sync.Once
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
	sq := l.square(row*Block/Square, col*Block/Square)
	if sq.step > 0 {
		n.shape(sq.step, Block/sq.step+l.beyond)
		sq.nodes(row*Block, col*Block, n)
		return
	}
	exact := l.exact(row*Block, col*Block)
	n.shape(exact.Step, exact.PerRow)
	copy(n.X, exact.X)
	copy(n.Y, exact.Y)
}

// shape makes room for so many nodes.
func (n *Nodes) shape(step, per int) {
	n.Step, n.PerRow = step, per
	n.X = slices.Grow(n.X[:0], per*per)[:per*per]
	n.Y = slices.Grow(n.Y[:0], per*per)[:per*per]
}

// affine is the block of a source in the same CRS: its corners say everything.
func (l *Lattice) affine(row0, col0 int, n *Nodes) {
	per := 1 + l.beyond
	n.shape(Block, per)
	for i := range n.X {
		n.X[i], n.Y[i] = l.grid.Transform.Apply(float64(col0+i%per*Block)+l.offset, float64(row0+i/per*Block)+l.offset)
	}
}

func (l *Lattice) square(row, col int) *square {
	key := [2]int{row, col}
	l.mu.Lock()
	sq := l.squares[key]
	if sq == nil {
		if len(l.squares) >= maxSquares {
			clear(l.squares)
		}
		sq = &square{row0: row * Square, col0: col * Square}
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
	sq.height = float64(max(1, min(Square, l.grid.Rows-sq.row0)))
	sq.width = float64(max(1, min(Square, l.grid.Cols-sq.col0)))
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
		sq.x[i/(degree+1)][i%(degree+1)] = x[i]
		sq.y[i/(degree+1)][i%(degree+1)] = y[i]
	}
	for i := nodes; i < len(x); i++ {
		px, py := sq.at(rows[i], cols[i])
		if !(math.Hypot(px-x[i], py-y[i]) <= l.tol/4) { // NaN too
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

// nodes evaluates the polynomial at the control points of a block.
func (s *square) nodes(row0, col0 int, n *Nodes) {
	per := n.PerRow
	var columns [Block + 2][degree + 1]float64
	for q := range per {
		columns[q] = weights(float64(col0+q*s.step-s.col0) / s.width * degree)
	}
	for p := range per {
		wr := weights(float64(row0+p*s.step-s.row0) / s.height * degree)
		along := s.along(&wr)
		for q := range per {
			n.X[p*per+q], n.Y[p*per+q] = along.sum(&columns[q])
		}
	}
}

// exact is a block where no polynomial fits: exact nodes, at the widest step at which the middles of
// their cells' edges are exact too; in the end one node for each cell.
func (l *Lattice) exact(row0, col0 int) Nodes {
	key := [2]int{row0, col0}
	l.mu.Lock()
	n, ok := l.blocks[key]
	l.mu.Unlock()
	if ok {
		return n
	}
	n = l.densify(row0, col0)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) >= maxBlocks {
		clear(l.blocks)
	}
	l.blocks[key] = n
	return n
}

func (l *Lattice) densify(row0, col0 int) Nodes {
	for step := Block / 4; step > 1; step /= 2 {
		n := l.exactNodes(row0, col0, step)
		// Every second node of the next finer lattice lies on this one; the others test it.
		if l.linear(n, l.exactNodes(row0, col0, step/2)) {
			return n
		}
	}
	return l.exactNodes(row0, col0, 1)
}

func (l *Lattice) exactNodes(row0, col0, step int) Nodes {
	per := Block/step + l.beyond
	rows, cols := make([]float64, per*per), make([]float64, per*per)
	for i := range rows {
		rows[i], cols[i] = float64(row0+i/per*step), float64(col0+i%per*step)
	}
	x, y := l.at(rows, cols)
	return Nodes{Step: step, PerRow: per, X: x, Y: y}
}

// linear tells whether every node of fine that lies on an edge or in the middle of a cell of n is what
// interpolation there gives.
func (l *Lattice) linear(n, fine Nodes) bool {
	for i := range fine.X {
		row, col := i/fine.PerRow, i%fine.PerRow
		if (row+1)/2 >= n.PerRow || (col+1)/2 >= n.PerRow {
			continue
		}
		a := row/2*n.PerRow + col/2
		b := (row+1)/2*n.PerRow + (col+1)/2
		c, d := row/2*n.PerRow+(col+1)/2, (row+1)/2*n.PerRow+col/2
		x := (n.X[a] + n.X[b] + n.X[c] + n.X[d]) / 4
		y := (n.Y[a] + n.Y[b] + n.Y[c] + n.Y[d]) / 4
		if !(math.Hypot(x-fine.X[i], y-fine.Y[i]) <= l.tol*0.35) { // NaN too; each axis may add its half
			return false
		}
	}
	return true
}
