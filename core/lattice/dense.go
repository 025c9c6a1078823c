package lattice

// least is the side, in cells, of the smallest pieces of a block that may have a polynomial of their own: it takes 41
// transforms.
const least = 16

// dense is a block that no polynomial fits: a node for each cell.
func (l *Lattice) dense(row0, col0 int) Nodes {
	key := [2]int{row0, col0}
	l.mu.Lock()
	n, ok := l.blocks[key]
	l.mu.Unlock()
	if ok {
		return n
	}
	l.shapeDense(&n)
	l.pieces(row0, col0, &n, 0, Block/2)
	l.seam.countEachFromWest(n.X, l.onSeam())
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) >= maxBlocks {
		clear(l.blocks)
	}
	l.blocks[key] = n
	return n
}

// pieces fills four pieces of a block, of so many cells a side, whose first node is at position first: by polynomials that fit
// them or their own pieces, else exactly.
func (l *Lattice) pieces(row0, col0 int, n *Nodes, first, side int) {
	for i := range 4 {
		row, col := i/2*side, i%2*side
		l.piece(row0+row, col0+col, n, first+row*n.PerRow+col, side)
	}
}

func (l *Lattice) piece(row0, col0 int, n *Nodes, first, side int) {
	if row0 >= l.grid.Rows || col0 >= l.grid.Cols {
		return
	}
	count := side + l.beyond - 1 // corners reach into the next piece
	sq := &square{side: side, row0: row0, col0: col0}
	switch l.fit(sq); {
	case sq.step > 0:
		sq.lay(row0, col0, n, first, count)
	case side > least:
		l.pieces(row0, col0, n, first, side/2)
	default:
		l.exact(row0, col0, n, first, count)
	}
}

// exact transforms count x count nodes from cell (row0, col0) on, into n from position first on.
func (l *Lattice) exact(row0, col0 int, n *Nodes, first, count int) {
	rows, cols := make([]float64, count*count), make([]float64, count*count)
	for i := range rows {
		rows[i], cols[i] = float64(row0+i/count), float64(col0+i%count)
	}
	x, y := l.at(rows, cols)
	for p := range count {
		k := first + p*n.PerRow
		copy(n.X[k:], x[p*count:][:count])
		copy(n.Y[k:], y[p*count:][:count])
	}
}
