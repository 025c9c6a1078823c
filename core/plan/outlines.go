package plan

import (
	"cmp"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"cogweave/core"
)

// outlines is what a plan knows of where its items lie. It learns: by the catalog, a stretch of items at a
// time when they are first asked for, since a million distinct outlines take minutes; and by headers,
// where the catalog is silent.
type outlines struct {
	starts []int32 // step t has ranks [starts[t], starts[t+1])
	shift  uint    // of extents
	known  atomic.Pointer[knowledge]

	mu       sync.Mutex // held to learn
	stretch  []bool     // per stretch of ranks: the catalog was consulted
	missing  int        // stretches that were not
	catalog  catalogOutlines
	sets     *bandSets
	scratch  []extent
	unlisted []bool
}

// knowledge is a state of outlines; it does not change.
type knowledge struct {
	index   *index
	recent  []entry // not in the index yet, by rank
	unknown []hit   // files whose headers are to be read, by rank
	sets    [][]bool
	whole   bool // the catalog was consulted for every item
}

// stretchRanks is the number of items for which the catalog is consulted at a time.
const stretchRanks = 256

func newOutlines(p *Plan) *outlines {
	o := &outlines{sets: &p.sets, shift: shiftFor(p.Grid), starts: make([]int32, len(p.Steps)+1)}
	for t := range p.Steps {
		o.starts[t+1] = o.starts[t] + int32(len(p.Steps[t].Items))
	}
	o.missing = (len(p.Items) + stretchRanks - 1) / stretchRanks
	o.stretch = make([]bool, o.missing)
	o.catalog = catalogOutlines{grid: p.Grid, projection: p.projection, shift: o.shift}
	o.known.Store(&knowledge{index: newIndex(nil)})
	return o
}

// spans gives the ranks of time steps, which are ascending and distinct.
func (o *outlines) spans(times []int) []span {
	var spans []span
	for _, t := range times {
		s := span{o.starts[t], o.starts[t+1]}
		if n := len(spans); n > 0 && spans[n-1].end == s.first {
			spans[n-1].end = s.end
		} else if s.first < s.end {
			spans = append(spans, s)
		}
	}
	return spans
}

// consult looks up the catalog for the stretches of the spans that were not looked up yet, until some
// number of outlines had to be computed. done tells whether that was all.
func (o *outlines) consult(p *Plan, spans []span, budget int) (done bool) {
	if o.known.Load().whole {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var entries []entry
	if o.catalog.computed == 0 { // the first look, at all items: most lie alike in all their files, and like others
		entries = make([]entry, 0, len(p.Items))
	}
	var unknown []hit
	limit := o.catalog.computed + budget
	done = true
	for _, s := range spans {
		for k := int(s.first) / stretchRanks; done && k*stretchRanks < int(s.end); k++ {
			if o.stretch[k] {
				continue
			}
			if o.catalog.computed >= limit {
				done = false
				break
			}
			entries, unknown = o.consultStretch(p, k, entries, unknown)
			o.stretch[k] = true
			o.missing--
		}
	}
	if len(entries) > 0 || len(unknown) > 0 || o.missing == 0 {
		slices.SortFunc(unknown, hit.order)
		o.learn(entries, unknown, nil)
	}
	return done
}

func (o *outlines) consultStretch(p *Plan, k int, entries []entry, unknown []hit) ([]entry, []hit) {
	first, end := int32(k*stretchRanks), int32(min((k+1)*stretchRanks, len(p.Items)))
	t := o.stepFrom(0, first)
	for rank := first; rank < end; rank++ {
		for rank >= o.starts[t+1] {
			t++
		}
		item := p.Steps[t].Items[rank-o.starts[t]]
		entries, unknown = o.consultItem(p, rank, int(item), entries, unknown)
	}
	return entries, unknown
}

// consultItem makes one entry of all files of an item that lie alike, as they mostly do.
func (o *outlines) consultItem(p *Plan, rank int32, item int, entries []entry, unknown []hit) ([]entry, []hit) {
	l := p.layoutOf(item)
	o.scratch, o.unlisted = o.scratch[:0], o.unlisted[:0]
	alike := true
	for i, f := range l.files {
		e, ok := o.catalog.extent(&p.Items[item].Assets[f.asset].Proj, &p.Items[item].BBox)
		ok = ok && !f.distrusted
		o.scratch, o.unlisted = append(o.scratch, e), append(o.unlisted, !ok)
		alike = alike && ok && e == o.scratch[0]
		if !ok {
			unknown = append(unknown, hit{rank: rank, bands: l.files[i].bands, unknown: true})
		}
	}
	if alike && len(l.files) > 0 {
		return append(entries, entry{rank, outline{o.scratch[0], l.all}}), unknown
	}
	for i := range l.files {
		if o.unlisted[i] {
			continue
		}
		var sets []int32
		for k := i; k < len(l.files); k++ {
			if !o.unlisted[k] && o.scratch[k] == o.scratch[i] {
				sets = append(sets, l.files[k].bands)
				o.unlisted[k] = true
			}
		}
		entries = append(entries, entry{rank, outline{o.scratch[i], o.sets.union(len(p.Bands), sets)}})
	}
	return entries, unknown
}

// stepFrom gives how many steps after t a rank lies.
func (o *outlines) stepFrom(t int, rank int32) int {
	if rank < o.starts[t+1] {
		return 0
	}
	return sort.Search(len(o.starts)-2-t, func(i int) bool { return o.starts[t+1+i] > rank })
}

// learn makes new knowledge; told are the unknown files that entries are about. The index is built anew
// when a quarter was added, so that a plan that learns item by item spends a few sorts on each at most,
// and a look-up walks no long list.
func (o *outlines) learn(entries []entry, unknown, told []hit) {
	old := o.known.Load()
	k := &knowledge{index: old.index, recent: merged(old.recent, entries, entry.order), sets: o.sets.list, whole: o.missing == 0}
	k.unknown = merged(old.unknown, unknown, hit.order)
	if len(told) > 0 {
		k.unknown = slices.DeleteFunc(slices.Clone(k.unknown), func(h hit) bool {
			_, found := slices.BinarySearchFunc(told, h, hit.order)
			return found
		})
	}
	const few = 64
	if n := len(k.recent); n > few && (n > len(k.index.ranks)/4 || (k.whole && !old.whole)) {
		k.index, k.recent = newIndex(append(k.index.entries(), k.recent...)), nil
	}
	if k.whole {
		o.catalog.forget()
	}
	o.known.Store(k)
}

func (e entry) order(other entry) int { return cmp.Compare(e.rank, other.rank) }

func (h hit) order(other hit) int {
	return cmp.Or(cmp.Compare(h.rank, other.rank), cmp.Compare(h.bands, other.bands))
}

// merged gives a sorted list of the members of two.
func merged[T any](a, b []T, order func(T, T) int) []T {
	if len(a) == 0 || len(b) == 0 {
		return append(a[:len(a):len(a)], b...)
	}
	all := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if order(a[0], b[0]) <= 0 {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// tell keeps what headers said of files that the catalog does not describe.
func (o *outlines) tell(entries []entry) {
	if len(entries) == 0 {
		return
	}
	told := make([]hit, len(entries))
	for i, e := range entries {
		told[i] = hit{rank: e.rank, bands: e.bands}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// Another read may have told of some already.
	unknown := o.known.Load().unknown
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		_, found := slices.BinarySearchFunc(unknown, hit{rank: e.rank, bands: e.bands}, hit.order)
		return !found
	})
	if len(entries) > 0 {
		slices.SortFunc(told, hit.order)
		slices.SortFunc(entries, entry.order)
		o.learn(entries, nil, told)
	}
}

// find lists the items in the spans that may touch a window with some of the bands, by rank, and the sets of
// bands that the hits name. consult must have been done for the spans.
func (o *outlines) find(window core.Window, spans []span, bands []int) ([]hit, [][]bool) {
	k := o.known.Load()
	wanted := make([]bool, len(k.sets))
	for i, set := range k.sets {
		wanted[i] = slices.ContainsFunc(bands, func(b int) bool { return set[b] })
	}
	box := extentOf(window, o.shift)
	hits := k.index.find(box, spans, wanted, nil)
	runsIn(k.recent, func(e entry) int32 { return e.rank }, spans, func(run []entry) {
		for i := range run {
			if e := &run[i]; wanted[e.bands] && e.meets(box) {
				hits = append(hits, hit{rank: e.rank, bands: e.bands})
			}
		}
	})
	runsIn(k.unknown, func(h hit) int32 { return h.rank }, spans, func(run []hit) {
		for _, h := range run {
			if wanted[h.bands] {
				hits = append(hits, h)
			}
		}
	})
	slices.SortFunc(hits, hit.order)
	return hits, k.sets
}
