package cog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"cogweave/core"
)

// Source reads one file. It must be safe for concurrent use.
type Source interface {
	// ReadRange gives the bytes of r: fewer only where the file ends before r.End, none where it
	// ends before r.Start. The bytes are not modified and not kept.
	ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error)
	// Size is the number of bytes of the file, or 0 while it is unknown.
	Size() int64
}

const (
	firstRead = 16 << 10 // the first request; a cached prefix is at least as long
	maxRead   = 1 << 20  // what a request for the next directory grows to
	mergeGap  = 4 << 10  // unneeded bytes worth reading to save a request
)

// file is what is known of a file's bytes so far. Whatever is cut out of it is checked against them.
type file struct {
	ctx   context.Context
	src   Source
	size  int64 // 0 while unknown
	spans []span
	next  int64 // length of the next speculative read
	big   bool  // byte order
}

// span is a contiguous run of bytes that was read. All that was looked at lies in its first used bytes.
type span struct {
	start int64
	data  []byte
	used  int64
}

// Piece is a run of bytes of a file.
type Piece struct {
	Start int64
	Data  []byte
}

// pieces gives the bytes that were looked at.
func (f *file) pieces() []Piece {
	out := make([]Piece, 0, len(f.spans))
	for i := range f.spans {
		if s := &f.spans[i]; s.used > 0 {
			out = append(out, Piece{s.start, s.data[:s.used:s.used]})
		}
	}
	return out
}

// Replay is the Source of a file whose header was parsed before: all it has is what ReadPieces gave.
type Replay struct {
	Pieces []Piece
	Length int64 // of the whole file
}

var _ Source = (*Replay)(nil)

// Size is that of the whole file.
func (r *Replay) Size() int64 { return r.Length }

// ReadRange gives the piece that was read from the same byte on: the parser asks as it did before, and
// looks at no more of what it gets.
func (r *Replay) ReadRange(_ context.Context, want core.ByteRange) ([]byte, error) {
	for _, p := range r.Pieces {
		if p.Start == want.Start {
			return p.Data[:min(int64(len(p.Data)), want.Len())], nil
		}
	}
	return nil, nil
}

// openFile reads the first bytes.
func openFile(ctx context.Context, src Source) (*file, error) {
	f := &file{ctx: ctx, src: src, size: src.Size(), next: 2 * firstRead}
	if err := f.read(core.ByteRange{End: firstRead}); err != nil {
		return nil, err
	}
	return f, nil
}

// head gives the bytes from the start of the file that are held.
func (f *file) head() []byte { return f.spans[0].data }

// view gives n bytes from start, or nil if they are not held.
func (f *file) view(start, n int64) []byte {
	for i := len(f.spans) - 1; i >= 0; i-- {
		s := &f.spans[i]
		if off := start - s.start; off >= 0 && off <= int64(len(s.data)) && n <= int64(len(s.data))-off {
			s.used = max(s.used, off+n)
			return s.data[off : off+n : off+n]
		}
	}
	return nil
}

// ensure makes n bytes from start available and gives them, nil where the file ends before. Bytes
// that follow are read along, more each time: the next directory is usually near.
func (f *file) ensure(start, n int64) ([]byte, error) {
	if data := f.view(start, n); data != nil {
		return data, nil
	}
	if f.ends(start, n) {
		return nil, nil
	}
	ahead := max(n, f.next)
	f.next = min(2*f.next, maxRead)
	if err := f.read(core.ByteRange{Start: start, End: start + ahead}); err != nil {
		return nil, err
	}
	return f.view(start, n), nil
}

// ends tells whether the file is known to end before start+n.
func (f *file) ends(start, n int64) bool {
	return f.size > 0 && (start > f.size || n > f.size-start)
}

// fetch makes every range available in one round trip: what is missing is merged and read at once.
// Ranges beyond the end of the file are left out.
func (f *file) fetch(ranges []core.ByteRange) error {
	missing := ranges[:0]
	for _, r := range ranges {
		if f.view(r.Start, r.Len()) == nil && !f.ends(r.Start, r.Len()) {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.SortFunc(missing, func(a, b core.ByteRange) int { return cmp.Compare(a.Start, b.Start) })
	merged := missing[:1]
	for _, r := range missing[1:] {
		last := &merged[len(merged)-1]
		if r.Start-last.End <= mergeGap {
			last.End = max(last.End, r.End)
		} else {
			merged = append(merged, r)
		}
	}
	return f.readAll(merged)
}

// readAll reads several ranges at the same time.
func (f *file) readAll(ranges []core.ByteRange) error {
	if len(ranges) == 1 {
		return f.read(ranges[0])
	}
	data := make([][]byte, len(ranges))
	errs := make([]error, len(ranges))
	var wait sync.WaitGroup
	wait.Add(len(ranges))
	for i, r := range ranges {
		core.Go(func() {
			data[i], errs[i] = f.src.ReadRange(f.ctx, r)
			wait.Done()
		}, func(err error) {
			errs[i] = err
			wait.Done()
		})
	}
	wait.Wait()
	for i, r := range ranges {
		if errs[i] != nil {
			return errs[i]
		}
		f.keep(r, data[i])
	}
	return nil
}

// read reads one range, cut at the end of the file.
func (f *file) read(r core.ByteRange) error {
	if f.size > 0 {
		r.End = min(r.End, f.size)
	}
	data, err := f.src.ReadRange(f.ctx, r)
	if err != nil {
		return err
	}
	f.keep(r, data)
	return nil
}

// keep adds what a read gave. A short answer tells where the file ends.
func (f *file) keep(r core.ByteRange, data []byte) {
	data = data[:min(int64(len(data)), r.Len())]
	f.spans = append(f.spans, span{start: r.Start, data: data})
	if f.size == 0 {
		f.size = f.src.Size()
	}
	if f.size == 0 && len(data) > 0 && int64(len(data)) < r.Len() {
		f.size = r.Start + int64(len(data))
	}
}
