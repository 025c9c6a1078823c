package mosaic

import (
	"container/list"
	"errors"
	"slices"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/core/plan"
)

// sharedMost bounds the decoded tiles that are kept for other reads, in bytes; so does a share of the memory budget.
const (
	sharedMost  = 128 << 20
	sharedShare = 8
)

// shared lets reads that run at the same time use each other's decoded tiles: chunks smaller than a file's
// tiles would otherwise decode a tile once for each of them. A tile that is wanted twice at once is
// decoded by one and waited for by the other. What no read uses is kept while the memory budget has room
// and another read is under way, and a moment after the last one: between an array's chunks there may be
// none for as long as a caller takes to ask for the next.
type shared struct {
	budget *Budget
	spares *core.Spares

	mu    sync.Mutex
	runs  int
	of    map[*plan.Plan]int // the runs by their plan
	known map[tileKey]*decoded
	kept  list.List // of *decoded that are done, the latest used first
	bytes int64     // of kept
	left  time.Time // when the last read ended
}

// decoded is a tile's first rows, or their decoding that is under way.
type decoded struct {
	key     tileKey
	samples []int
	rows    int
	pixels  [][]byte // per sample
	err     error
	done    bool
	waiting []func(*decoded) // called when it is done
	uses    int              // tiles of rounds that hold it, and one if it is kept
	at      *list.Element
}

// enter counts reads of a plan in: one, or two where it is of one of an array's chunks, since another will follow.
func (s *shared) enter(p *plan.Plan, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs += reads
	if s.of == nil {
		s.of = map[*plan.Plan]int{}
	}
	s.of[p] += reads
}

// linger is how long tiles are kept when no read is under way.
const linger = 100 * time.Millisecond

// leave counts as many out. What the last one leaves behind goes soon, unless another read begins.
func (s *shared) leave(p *plan.Plan, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[p] -= reads; s.of[p] == 0 {
		delete(s.of, p)
	}
	if s.runs -= reads; s.runs == 0 && s.kept.Len() > 0 {
		s.left = time.Now()
		time.AfterFunc(linger, func() { core.Go(s.emptyIfIdle, nil) })
	}
}

// emptyIfIdle lets all kept tiles go if no read has been under way for as long as they linger.
func (s *shared) emptyIfIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == 0 && time.Since(s.left) >= linger {
		s.empty()
	}
}

// crowded tells whether another read is under way: only then is there anybody to share with.
func (s *shared) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs > 1
}

// state is what to do with a tile that was taken.
type state int

const (
	ready  state = iota // use it
	coming              // another read decodes it: wait is called
	mine                // decode it, then finish it
)

// take gives a tile that another read of any plan decoded or is decoding, or a new one. While other windows of
// the same plan are read, a tile is decoded as a whole: they are an array's chunks, and the next one wants the
// rows below. So is one that is asked for again, for more rows than it has.
func (s *shared) take(p *plan.Plan, key tileKey, samples []int, rows, whole int, wait func(*decoded)) (*decoded, state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.known[key]
	if d != nil && d.rows >= rows && holdsAll(d.samples, samples) {
		d.uses++
		if !d.done {
			d.waiting = append(d.waiting, wait)
			return d, coming
		}
		s.kept.MoveToFront(d.at)
		return d, ready
	}
	samples = slices.Clone(samples)
	if d != nil || s.of[p] > 1 {
		rows = whole
	}
	if d != nil {
		for _, sample := range d.samples {
			if !slices.Contains(samples, sample) {
				samples = append(samples, sample)
			}
		}
		s.forget(d)
	}
	d = &decoded{key: key, samples: samples, rows: rows, uses: 1}
	if s.known == nil {
		s.known = map[tileKey]*decoded{}
	}
	s.known[key] = d
	return d, mine
}

func holdsAll(all, some []int) bool {
	return !slices.ContainsFunc(some, func(one int) bool { return !slices.Contains(all, one) })
}

// finish tells those who wait that a tile is decoded, or why not.
func (s *shared) finish(d *decoded, err error) {
	s.mu.Lock()
	d.err, d.done = err, true
	waiting := d.waiting
	d.waiting = nil
	if s.known[d.key] == d {
		if err == nil {
			s.keep(d)
		}
		if d.at == nil {
			delete(s.known, d.key)
		}
	}
	s.mu.Unlock()
	for _, wait := range waiting {
		wait(d)
	}
}

// keep holds on to a tile if there is room, or can be made by letting older ones go. The lock is held.
func (s *shared) keep(d *decoded) {
	size := d.size()
	most := min(sharedMost, s.budget.Limit()/sharedShare)
	for s.bytes+size > most && s.kept.Len() > 0 {
		s.forget(s.kept.Back().Value.(*decoded))
	}
	if s.bytes+size > most || !s.budget.TryAcquire(size) {
		return
	}
	s.bytes += size
	d.uses++
	d.at = s.kept.PushFront(d)
}

func (d *decoded) size() (bytes int64) {
	for _, p := range d.pixels {
		bytes += int64(len(p))
	}
	return bytes
}

// forget makes a tile unknown to later reads. The lock is held.
func (s *shared) forget(d *decoded) {
	if s.known[d.key] == d {
		delete(s.known, d.key)
	}
	if d.at != nil {
		s.kept.Remove(d.at)
		d.at = nil
		s.bytes -= d.size()
		s.budget.Release(d.size())
		s.unuse(d)
	}
}

// reclaim gives the memory of all kept tiles back to the budget, for a read that waits for it.
func (s *shared) reclaim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty()
}

func (s *shared) empty() {
	for s.kept.Len() > 0 {
		s.forget(s.kept.Back().Value.(*decoded))
	}
}

// drop is called by a tile of a round that is done with the pixels.
func (s *shared) drop(d *decoded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unuse(d)
}

// unuse gives the pixels' memory back with their last use. A read that ended early does not count its uses
// back: the collector takes such memory. The lock is held.
func (s *shared) unuse(d *decoded) {
	if d.uses--; d.uses > 0 {
		return
	}
	for _, p := range d.pixels {
		s.spares.Give(p)
	}
	d.pixels = nil
}

// errAbandoned is what those see who waited for a tile whose decoding came to nothing.
var errAbandoned = errors.New("the decoding was abandoned")

// share takes the tile from another read, or decodes it for all. It tells whether the pixels, or an error, are
// there; if not, they come later, and the tile is told.
func (t *tile) share(data []byte) bool {
	j := t.round.job
	s := &j.run.engine.shared
	wait := func(d *decoded) {
		j.run.group.Go(false, j.guard(func() { t.waited(d, data) }))
	}
	d, state := s.take(j.run.plan, tileKey{t.image, t.index}, t.samples, t.rows, t.image.TileRows(t.index), wait)
	if state == coming {
		return false
	}
	if state == mine {
		t.decodeFor(s, d, data)
	}
	t.use(d)
	return true
}

func (t *tile) decodeFor(s *shared, d *decoded, data []byte) {
	err := errAbandoned
	defer func() { s.finish(d, err) }() // those who wait go on after a panic too
	d.pixels = t.buffers(len(d.samples), d.rows)
	err = t.unpack(data, d.samples, d.rows, d.pixels)
}

// waited goes on with what another read decoded. If that was cancelled, it is done here.
func (t *tile) waited(d *decoded, data []byte) {
	if d.err != nil && (isCancelled(d.err) || errors.Is(d.err, errAbandoned)) {
		t.round.job.run.engine.shared.drop(d)
		t.decode(data)
		return
	}
	t.use(d)
	t.ready(data)
}

func (t *tile) use(d *decoded) { t.shared, t.pixels, t.samples, t.err = d, d.pixels, d.samples, d.err }
