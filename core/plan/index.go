package plan

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"cogweave/core"
)

// extent is a window in 16 bytes: rows [row0, row1), columns [col0, col1), in units of cells, or of more
// cells on grids too long for 32 bits (see extentOf).
type extent struct{ row0, col0, row1, col1 int32 }

// extentOf gives the units of 1<<shift cells that a window touches.
func extentOf(w core.Window, shift uint) extent {
	low := func(v int) int32 { return int32(min(max(v>>shift, math.MinInt32), math.MaxInt32)) }
	high := func(v int) int32 { return int32(min(max((v+1<<shift-1)>>shift, math.MinInt32), math.MaxInt32)) }
	if w.Empty() {
		return extent{}
	}
	return extent{row0: low(w.Row), col0: low(w.Col), row1: high(w.Row + w.Height), col1: high(w.Col + w.Width)}
}

// shiftFor is the smallest shift that lets a grid's extents fit; 0 for all but grids with a side of 2^31.
func shiftFor(grid core.Grid) (shift uint) {
	for max(grid.Rows, grid.Cols)>>shift > math.MaxInt32 {
		shift++
	}
	return shift
}

func (e extent) empty() bool { return e.row0 >= e.row1 || e.col0 >= e.col1 }

// meets tells whether the extents have a cell in common.
func (e extent) meets(o extent) bool {
	return max(e.row0, o.row0) < min(e.row1, o.row1) && max(e.col0, o.col0) < min(e.col1, o.col1)
}

func (e extent) union(o extent) extent {
	return extent{min(e.row0, o.row0), min(e.col0, o.col0), max(e.row1, o.row1), max(e.col1, o.col1)}
}

// outline is where some bands of an item lie.
type outline struct {
	extent
	bands int32 // position in bandSets.list
}

// entry is an item's outline. An item has several entries if its bands lie differently.
type entry struct {
	rank int32 // of the item in the order of steps, and in their order of combining
	outline
}

// hit is an item that may touch a window, with some of its bands.
type hit struct {
	rank, bands int32
	unknown     bool // the header is to tell where the bands lie
}

// span is a run of ranks [first, end).
type span struct{ first, end int32 }

// fanout is the number of boxes that a box of the tree holds.
const fanout = 16

// index is a packed R-tree over distinct outlines, each with the ranks that have it: 16 tiles on 1,000 dates are
// a tree of 16 leaves. It does not change. With an outline of its own for each entry it takes 30 bytes an
// entry, else little more than 4.
type index struct {
	outlines []outline // in the order of a space-filling curve
	first    []int32   // outlines[k] belongs to ranks[first[k]:first[k+1]]
	ranks    []int32   // ascending in each run
	boxes    [][]extent
}

// newIndex builds an index of entries; empty outlines touch nothing and are left out.
func newIndex(entries []entry) *index {
	ids, distinct := internOutlines(entries)
	order := curveOrder(distinct)
	x := &index{outlines: make([]outline, len(order)), first: make([]int32, len(order)+1)}
	at := make([]int32, len(order)) // position of a distinct outline in the curve's order
	for k, id := range order {
		x.outlines[k], at[id] = distinct[id], int32(k)
	}
	for _, id := range ids {
		if id >= 0 {
			x.first[at[id]+1]++
		}
	}
	for k := range order {
		x.first[k+1] += x.first[k]
	}
	x.ranks = make([]int32, x.first[len(order)])
	next := slices.Clone(x.first)
	for i, id := range ids {
		if id >= 0 {
			k := at[id]
			x.ranks[next[k]] = entries[i].rank
			next[k]++
		}
	}
	for k := range order {
		slices.Sort(x.ranks[x.first[k]:x.first[k+1]])
	}
	x.pack()
	return x
}

// internOutlines numbers the distinct outlines; -1 for empty ones.
func internOutlines(entries []entry) (ids []int32, distinct []outline) {
	ids = make([]int32, len(entries))
	known := map[outline]int32{}
	for i := range entries {
		o := entries[i].outline
		if o.empty() {
			ids[i] = -1
			continue
		}
		id, ok := known[o]
		if !ok {
			id = int32(len(distinct))
			known[o] = id
			distinct = append(distinct, o)
		}
		ids[i] = id
	}
	return ids, distinct
}

// curveOrder sorts outlines by their centres along a Z-order curve of 2^16 x 2^16 squares, so that
// neighbours share boxes of the tree.
func curveOrder(outlines []outline) []int32 {
	var all extent
	for i := range outlines {
		if i == 0 {
			all = outlines[0].extent
		}
		all = all.union(outlines[i].extent)
	}
	square := func(low, high, low0, high1 int32) uint64 {
		centre := (float64(low)+float64(high))/2 - float64(low0)
		return spread(uint64(centre / max(1, float64(high1)-float64(low0)) * 65535))
	}
	keys := make([]uint64, len(outlines))
	for i, o := range outlines {
		key := square(o.row0, o.row1, all.row0, all.row1)<<1 | square(o.col0, o.col1, all.col0, all.col1)
		keys[i] = key<<32 | uint64(i)
	}
	slices.Sort(keys)
	order := make([]int32, len(keys))
	for i, key := range keys {
		order[i] = int32(key & math.MaxUint32)
	}
	return order
}

// spread puts the 16 bits of v on the even bits.
func spread(v uint64) uint64 {
	v = (v | v<<8) & 0x00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f
	v = (v | v<<2) & 0x33333333
	return (v | v<<1) & 0x55555555
}

// pack makes the boxes of the tree, from the leaves' to a single one.
func (x *index) pack() {
	count, box := len(x.outlines), func(i int) extent { return x.outlines[i].extent }
	for count > 1 {
		level := make([]extent, (count+fanout-1)/fanout)
		for i := range level {
			level[i] = box(i * fanout)
			for k := i*fanout + 1; k < min(count, (i+1)*fanout); k++ {
				level[i] = level[i].union(box(k))
			}
		}
		x.boxes = append(x.boxes, level)
		count, box = len(level), func(i int) extent { return level[i] }
	}
}

// find appends the hits of all entries that meet a window, have one of the sets of bands that are wanted
// and lie in the spans, which are ascending. Hits are in no order.
func (x *index) find(window extent, spans []span, wanted []bool, hits []hit) []hit {
	if len(x.outlines) == 0 || len(spans) == 0 {
		return hits
	}
	return x.descend(len(x.boxes), 0, window, spans, wanted, hits)
}

// descend looks into box i of a level; level 0 are the outlines themselves.
func (x *index) descend(level, i int, window extent, spans []span, wanted []bool, hits []hit) []hit {
	if level == 0 {
		if o := &x.outlines[i]; wanted[o.bands] && o.meets(window) {
			hits = ranksIn(x.ranks[x.first[i]:x.first[i+1]], spans, o.bands, hits)
		}
		return hits
	}
	if !x.boxes[level-1][i].meets(window) {
		return hits
	}
	below := len(x.outlines)
	if level > 1 {
		below = len(x.boxes[level-2])
	}
	for k := i * fanout; k < min(below, (i+1)*fanout); k++ {
		hits = x.descend(level-1, k, window, spans, wanted, hits)
	}
	return hits
}

// ranksIn appends a hit for each rank that lies in one of the spans.
func ranksIn(ranks []int32, spans []span, bands int32, hits []hit) []hit {
	for len(ranks) > 0 && len(spans) > 0 {
		// Leap over whichever of the two lies behind the other, so that a short list costs nothing for the
		// length of the other.
		if first := ranks[0]; spans[0].end <= first {
			n := sort.Search(len(spans), func(i int) bool { return spans[i].end > first })
			spans = spans[n:]
			continue
		}
		if ranks[0] < spans[0].first {
			n, _ := slices.BinarySearch(ranks, spans[0].first)
			ranks = ranks[n:]
			continue
		}
		n := 0
		for n < len(ranks) && ranks[n] < spans[0].end {
			hits = append(hits, hit{rank: ranks[n], bands: bands})
			n++
		}
		ranks, spans = ranks[n:], spans[1:]
	}
	return hits
}

// entries gives back what the index was made of, but for empty outlines.
func (x *index) entries() []entry {
	list := make([]entry, 0, len(x.ranks))
	for k, o := range x.outlines {
		for _, rank := range x.ranks[x.first[k]:x.first[k+1]] {
			list = append(list, entry{rank, o})
		}
	}
	return list
}

// runsIn calls yield with the part of a list, sorted by rank, that lies in each of the spans.
func runsIn[T any](list []T, rank func(T) int32, spans []span, yield func([]T)) {
	for _, s := range spans {
		if len(list) == 0 {
			return
		}
		find := func(r int32) int {
			n, _ := slices.BinarySearchFunc(list, r, func(v T, r int32) int { return cmp.Compare(rank(v), r) })
			return n
		}
		list = list[find(s.first):]
		n := find(s.end)
		yield(list[:n])
		list = list[n:]
	}
}
