package plan

import (
	"cmp"
	"slices"

	"cogweave/core"
	"cogweave/core/lattice"
)

const side = lattice.Block

// Cells are the cells of a window that lie in one block of the lattice: the unit that is resampled in
// one go.
type Cells struct {
	Row, Col int         // the block, counted in blocks from the grid's origin
	Window   core.Window // smallest rectangle of grid cells that holds them
	// Rows and Cols are the positions of scattered cells, counted from the block's first cell; nil when
	// the cells are all of Window.
	Rows, Cols []int32
	// Offset is where the first cell goes in its plane of the output, Stride the distance between rows;
	// Places, for scattered cells, where each one goes.
	Offset, Stride int
	Places         []int
}

// Count is the number of cells.
func (c *Cells) Count() int {
	if c.Rows != nil {
		return len(c.Rows)
	}
	return c.Window.Height * c.Window.Width
}

// Job is what one time step of a window asks for: a set of cells of some bands.
type Job struct {
	Time   int   // position in Plan.Steps
	Slot   int   // position along the window's time axis
	Bands  []int // positions in Plan.Bands
	Planes []int // where each band's plane starts in the output, cells
	Cells  []Cells
}

// Jobs cuts a window into jobs, in the order of its time axis.
func (w Window) Jobs() []Job {
	if w.Cells() == 0 {
		return nil
	}
	if w.Pointwise {
		return w.pointJobs()
	}
	cells := w.outerCells()
	bands := make([]int, w.Band.Len())
	for i := range bands {
		bands[i] = w.Band.At(i)
	}
	plane := w.Row.Len() * w.Col.Len()
	jobs := make([]Job, w.Time.Len())
	for t := range jobs {
		planes := make([]int, len(bands))
		for b := range planes {
			planes[b] = (b*len(jobs) + t) * plane
		}
		jobs[t] = Job{Time: w.Time.At(t), Slot: t, Bands: bands, Planes: planes, Cells: cells}
	}
	return jobs
}

func (w Window) outerCells() []Cells {
	if w.Row.Contiguous() && w.Col.Contiguous() {
		return rectangles(w.Bounds(), w.Col.Len())
	}
	var points scatter
	for r := range w.Row.Len() {
		for c := range w.Col.Len() {
			points.add(w.Row.At(r), w.Col.At(c), r*w.Col.Len()+c)
		}
	}
	return points.cells()
}

// rectangles cuts a rectangle of cells along the blocks of the lattice.
func rectangles(w core.Window, stride int) []Cells {
	var list []Cells
	for row := w.Row / side; row*side < w.Row+w.Height; row++ {
		for col := w.Col / side; col*side < w.Col+w.Width; col++ {
			part := w.Intersect(core.Window{Row: row * side, Col: col * side, Height: side, Width: side})
			list = append(list, Cells{Row: row, Col: col, Window: part,
				Offset: (part.Row-w.Row)*stride + part.Col - w.Col, Stride: stride})
		}
	}
	return list
}

// scatter collects single cells and sorts them into blocks.
type scatter []scattered

type scattered struct {
	block           uint64 // row and column of the block: in the order of blocks
	row, col, place int
}

func (s *scatter) add(row, col, place int) {
	*s = append(*s, scattered{uint64(row/side)<<32 | uint64(col/side), row, col, place})
}

// cells sorts the collected cells into blocks, those of a block in the order in which they were added: places ascend.
func (s scatter) cells() []Cells {
	slices.SortFunc(s, func(a, b scattered) int {
		if a.block != b.block {
			return cmp.Compare(a.block, b.block)
		}
		return a.place - b.place
	})
	blocks := 0
	for i := range s {
		if i == 0 || s[i].block != s[i-1].block {
			blocks++
		}
	}
	list := make([]Cells, 0, blocks)
	positions, places := make([]int32, 2*len(s)), make([]int, len(s))
	for i := 0; i < len(s); {
		c := Cells{Row: s[i].row / side, Col: s[i].col / side}
		end := i + 1
		for end < len(s) && s[end].block == s[i].block {
			end++
		}
		n := end - i
		c.Rows, c.Cols, c.Places = positions[:n:n], positions[n:2*n:2*n], places[:n:n]
		positions, places = positions[2*n:], places[n:]
		for k, p := range s[i:end] {
			c.Window = c.Window.Union(core.Window{Row: p.row, Col: p.col, Height: 1, Width: 1})
			c.Rows[k], c.Cols[k], c.Places[k] = int32(p.row%side), int32(p.col%side), p.place
		}
		list = append(list, c)
		i = end
	}
	return list
}

// pointJobs groups the positions of a pointwise window by time and band.
func (w Window) pointJobs() []Job {
	type key struct{ time, band int }
	groups := map[key]*scatter{}
	var last key
	var group *scatter
	for i := range w.Row.Len() {
		if k := (key{w.Time.At(i), w.Band.At(i)}); group == nil || k != last {
			if last, group = k, groups[k]; group == nil {
				group = &scatter{}
				groups[k] = group
			}
		}
		group.add(w.Row.At(i), w.Col.At(i), i)
	}
	keys := make([]key, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.band, b.band)) })
	jobs := make([]Job, len(keys))
	for i, k := range keys {
		jobs[i] = Job{Time: k.time, Slot: i, Bands: []int{k.band}, Planes: []int{0}, Cells: groups[k].cells()}
	}
	return jobs
}
